/** Stock DuckDB's connection, on a snapshot. */

import {
    DuckDBConnection,
    type DuckDBExtractedStatements,
    type DuckDBMaterializedResult,
    DuckDBPreparedStatement,
    type DuckDBResult,
    type DuckDBScalarFunction,
    type DuckDBTableFunction,
    type DuckDBType,
    type DuckDBValue,
} from '@duckdb/node-api';
import { Attachments } from './attachments';
import { core, MUST_EXIST } from './core';
import { type Config, Engine } from './engines';
import { closedError, DuckrowError } from './errors';
import { Lane } from './lane';
import { ReadMount } from './mounts';
import * as running from './running';
import { tell } from './sql';
import * as surface from './surface';

type Types = DuckDBType[] | Record<string, DuckDBType | undefined>;

/** An engine with a snapshot in it. */
export class Reading {
    readonly attachments: Attachments;

    private constructor(
        readonly engine: Engine,
        readonly mount: ReadMount,
    ) {
        this.attachments = new Attachments(engine, false);
    }

    /** share: where there is no snapshot, read the file itself under a shared turn. */
    static async open(path: string, config: Config, timeoutMs: number, signal?: AbortSignal, share = true): Promise<Reading> {
        const deadline = performance.now() + timeoutMs;
        const database = core.open(path, MUST_EXIST);
        const mount = new ReadMount(database, share);
        const engine = await Engine.take(config, database.path);
        const aborted = () => {
            database.interrupt();
        };
        signal?.addEventListener('abort', aborted, { once: true });
        try {
            signal?.throwIfAborted();
            await mount.open(engine, deadline);
        } catch (error) {
            engine.giveBack();
            signal?.throwIfAborted();
            throw error;
        } finally {
            signal?.removeEventListener('abort', aborted);
        }
        return new Reading(engine, mount);
    }

    /** Once no connection uses it. */
    async close(): Promise<void> {
        await this.mount.close(this.engine);
        this.engine.giveBack();
    }
}

const lost = new FinalizationRegistry<Reading>((reading) => {
    reading.engine.clean = false;
    void reading.close();
});

/**
 * A read-only connection: all that a DuckDBConnection can do, on the newest snapshot of the moment it was opened, and what every
 * connection of duckrow can do besides.
 */
export class Reader extends DuckDBConnection implements surface.DuckDb {
    declare readonly path: string;
    declare readonly readOnly: true;
    declare readonly served: false;
    declare busyTimeoutMs: number;
    declare private reading: Reading;
    declare private lane: Lane;
    /** Has it temporary tables, settings, and so on? */
    declare private stateful: boolean;
    /** What was called, and has not ended. */
    declare private active: Set<Promise<unknown>>;
    declare private closing: Promise<void> | undefined;

    /** Makes one of a connection that DuckDB made. */
    static async on(reading: Reading, busyTimeoutMs: number): Promise<Reader> {
        const reader = Object.setPrototypeOf(await reading.engine.connect(), Reader.prototype) as Reader;
        Object.assign(reader, {
            path: reading.mount.database.path,
            readOnly: true,
            served: false,
            busyTimeoutMs,
            reading,
            lane: new Lane(),
            stateful: false,
            active: new Set(),
            closing: undefined,
        });
        lost.register(reader, reading, reader);
        return reader;
    }

    /** Which commit it shows: a number that grows with each publish; undefined where it reads the file itself. */
    get sequence(): number | undefined {
        return this.reading.mount.sequence;
    }

    /** When that was published. */
    get publishedAt(): Date | undefined {
        const at = this.reading.mount.publishedAt;
        return at === undefined ? undefined : new Date(at);
    }

    private look(sql: string): void {
        if (this.closing) throw closedError();
        const { changes, outlives } = tell(sql);
        if (outlives) this.reading.engine.clean = false;
        if (changes) this.stateful = true;
    }

    /** The statement that DuckDB gets: of a setting of duckrow's, one that keeps its value. */
    private take(sql: string): string {
        const { setting } = tell(sql);
        if (!setting) return sql;
        const value = setting.value ?? (setting.name === 'busy_timeout' ? surface.DEFAULT_TIMEOUT_MS : 0);
        if (setting.name === 'busy_timeout') this.busyTimeoutMs = value;
        return `SET VARIABLE duckrow_${setting.name} = ${value}`;
    }

    // ---- what is stock DuckDB's ----

    override async run(sql: string, values?: surface.Parameters, types?: Types): Promise<DuckDBMaterializedResult> {
        this.look(sql);
        const text = this.take(sql);
        const result = this.lane.statement(this.busyTimeoutMs, async (before) => {
            await before;
            const stock = types !== undefined || values === undefined;
            const work = (statement: string) =>
                stock ? super.run(statement, values as DuckDBValue[], types) : running.run(this, statement, values);
            return this.reading.attachments.around(text, this.busyTimeoutMs, work);
        });
        this.active.add(result);
        try {
            return await result;
        } finally {
            this.active.delete(result);
        }
    }

    override async extractStatements(sql: string): Promise<DuckDBExtractedStatements> {
        this.look(sql);
        return super.extractStatements(this.take(sql));
    }

    override async prepare(sql: string): Promise<ReaderStatement> {
        this.look(sql);
        return Object.setPrototypeOf(await super.prepare(this.take(sql)), ReaderStatement.prototype) as ReaderStatement;
    }

    override registerScalarFunction(scalarFunction: DuckDBScalarFunction): void {
        this.reading.engine.clean = false;
        super.registerScalarFunction(scalarFunction);
    }

    override registerTableFunction(tableFunction: DuckDBTableFunction): void {
        this.reading.engine.clean = false;
        super.registerTableFunction(tableFunction);
    }

    /** Rows to loop over; awaited, it is stock DuckDB's result. */
    override stream<T = surface.Row>(
        sql: string,
        values?: surface.Parameters,
        types?: Types,
    ): Promise<DuckDBResult> & surface.Rows<T> {
        return new ReaderRows<T>(
            () => super.stream(this.take(sql), values as DuckDBValue[], types),
            () => this.rows<T>(sql, values),
            () => {
                this.look(sql);
            },
        );
    }

    /** Gives everything up, as far as that can be done at once. */
    override disconnectSync(): void {
        void this.close();
    }

    override closeSync(): void {
        this.disconnectSync();
    }

    // ---- what every connection can do ----

    async all<T = surface.Row>(sql: string, values?: surface.Parameters): Promise<T[]> {
        return running.rows<T>(await this.run(sql, values));
    }

    async get<T = surface.Row>(sql: string, values?: surface.Parameters): Promise<T | undefined> {
        return (await this.all<T>(sql, values))[0];
    }

    /** On a connection of its own, so that this one may be used meanwhile; where the answer may depend on what was done on this one, all
     * rows at first. */
    private async *rows<T>(sql: string, values?: surface.Parameters): AsyncGenerator<T, void, void> {
        this.look(sql);
        if (this.lane.inside || this.stateful) {
            yield* await this.all<T>(sql, values);
            return;
        }
        const con = await this.reading.engine.connect();
        try {
            yield* running.stream(con, sql, values) as AsyncGenerator<T, void, void>;
            if (this.closing) throw closedError(); // DuckDB says that these were all
        } finally {
            con.closeSync();
        }
    }

    async appender(table: string): Promise<surface.Appender> {
        return Promise.reject(this.refusal(`an appender of ${table}`));
    }

    async insertMany(table: string): Promise<number> {
        return Promise.reject(this.refusal(`rows for ${table}`));
    }

    private refusal(what: string): DuckrowError {
        return new DuckrowError(
            `${what}: this connection to ${this.path} is read-only; open one without readOnly`,
            'DUCKROW_READ_ONLY',
            '25006',
        );
    }

    async transaction<T>(fn: (db: this) => Promise<T>): Promise<T> {
        return this.lane.transaction(
            this.busyTimeoutMs,
            (sql) => this.run(sql),
            () => fn(this),
        );
    }

    async close(): Promise<void> {
        this.closing ??= this.end();
        return this.closing;
    }

    private async end(): Promise<void> {
        lost.unregister(this);
        await Promise.allSettled(this.active);
        await super.run('SELECT 1').catch(() => undefined); // after what else runs here: DuckDB doesn't survive to be closed under it
        super.disconnectSync();
        await this.reading.close();
    }

    async [Symbol.asyncDispose](): Promise<void> {
        await this.close();
    }
}

/** Stock DuckDB's prepared statement, which takes its values at once, too. */
export class ReaderStatement extends DuckDBPreparedStatement implements surface.Statement {
    override async run(values?: surface.Parameters): Promise<DuckDBMaterializedResult> {
        if (values !== undefined) running.bindAll(this, values);
        return super.run();
    }

    async all<T = surface.Row>(values?: surface.Parameters): Promise<T[]> {
        return running.rows<T>(await this.run(values));
    }

    async get<T = surface.Row>(values?: surface.Parameters): Promise<T | undefined> {
        return (await this.all<T>(values))[0];
    }

    override stream<T = surface.Row>(values?: surface.Parameters): Promise<DuckDBResult> & surface.Rows<T> {
        const bound = () => {
            if (values !== undefined) running.bindAll(this, values);
        };
        return new ReaderRows<T>(
            () => super.stream(),
            () => running.rowsOf<T>(super.stream()),
            bound,
        );
    }

    close(): void {
        this.destroySync();
    }

    [Symbol.dispose](): void {
        this.close();
    }
}

/** Both: rows to loop over, and a promise of stock DuckDB's result. Nothing runs before one of the two is asked for. */
class ReaderRows<T> implements Promise<DuckDBResult>, AsyncIterable<T> {
    readonly [Symbol.toStringTag] = 'Rows';
    private started: Promise<DuckDBResult> | undefined;

    constructor(
        private readonly result: () => Promise<DuckDBResult>,
        private readonly loop: () => AsyncGenerator<T, void, void>,
        private readonly before: () => void,
    ) {}

    [Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
        this.before();
        return this.loop();
    }

    private promise(): Promise<DuckDBResult> {
        this.started ??= (async () => {
            this.before();
            return this.result();
        })();
        return this.started;
    }

    then<A = DuckDBResult, B = never>(
        fulfilled?: ((value: DuckDBResult) => A | PromiseLike<A>) | null,
        rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
    ): Promise<A | B> {
        return this.promise().then(fulfilled, rejected);
    }

    catch<B = never>(rejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<DuckDBResult | B> {
        return this.promise().catch(rejected);
    }

    finally(done?: (() => void) | null): Promise<DuckDBResult> {
        return this.promise().finally(done);
    }
}
