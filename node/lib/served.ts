/**
 * A connection to a database that a service has.
 *
 * Outside a transaction, what reads is answered in this process, on the newest snapshot: the service publishes a commit before it
 * acknowledges it, so one reads what one has written. Everything else goes to the service.
 */

import type { DuckDBConnection } from '@duckdb/node-api';
import { GatheringAppender } from './appender';
import { columnNames, type InputRow } from './columns';
import { core } from './core';
import type { Config } from './engines';
import { closedError, hasCode, messageOf, ServiceError } from './errors';
import { FreshReader } from './fresh';
import { Lane } from './lane';
import * as running from './running';
import { numbered, quoteName, quoteTable, type Setting, splitStatements, tell } from './sql';
import * as surface from './surface';
import { rowObjects } from './exact';
import type { Answer, Prepared } from './queries';
import { copyText, wireValue } from './texts';
import { Wire } from './wire';

const SETTINGS = { busy_timeout: 'busy_timeout', idle_in_transaction_timeout: 'idle_in_transaction_session_timeout' } as const;
const COPY_BYTES = 1 << 16;
/** A statement with values is prepared once it has come so often, as psycopg does; not more of them than that. */
const PREPARE_AFTER = 5;
const MOST_PREPARED = 100;

const lost = new FinalizationRegistry<{ wire: Wire; reader: FreshReader }>(({ wire, reader }) => {
    void wire.close();
    void reader.close();
});

function lostTransaction(state: string): ServiceError {
    return new ServiceError('the service has rolled the transaction back: nothing of it is committed', 'DUCKROW_SQL', state);
}

/** undefined: no service has the database. */
export async function connectServed(
    path: string,
    options: surface.OpenOptions & { config: Config; busyTimeoutMs: number },
): Promise<Served | undefined> {
    const database = core.open(path, 0);
    const settings: Record<string, string> = { busy_timeout: String(options.busyTimeoutMs) };
    if (options.idleInTransactionTimeoutMs !== undefined)
        settings[SETTINGS.idle_in_transaction_timeout] = String(Math.round(options.idleInTransactionTimeoutMs));
    const wire = new Wire({ path: database.path, folder: database.folder, settings });
    if (!(await wire.connect())) return undefined;
    return new Served(database.path, wire, new FreshReader(database.path, options.config), options.busyTimeoutMs);
}

export class Served implements surface.DuckDb {
    readonly readOnly = false;
    readonly served = true;
    private readonly lane = new Lane();
    /** The connecting whose session has temporary tables or settings; 0: none. */
    private stateful = 0;
    private closed = false;
    /** The timeout that the service knows. */
    private toldMs: number;
    private readonly uses = new Map<string, number>();
    private readonly names = new Map<string, number>();

    constructor(
        readonly path: string,
        private readonly wire: Wire,
        private readonly reader: FreshReader,
        public busyTimeoutMs: number,
    ) {
        this.toldMs = busyTimeoutMs;
        lost.register(this, { wire, reader }, this);
    }

    // ---- statements ----

    private check(): void {
        if (this.closed) throw closedError();
        if (this.lane.inside && !this.wire.inTransaction) throw lostTransaction('25P01');
        if (this.stateful && !(this.wire.connected && this.stateful === this.wire.generation)) {
            this.stateful = 0;
            throw new ServiceError(
                'the service was restarted, and the temporary tables and settings of this connection are lost',
                'DUCKROW_IO',
                '08006',
            );
        }
    }

    /** Before what may be read here: nobody else's transaction is open. */
    private async clear(): Promise<void> {
        if (this.closed) throw closedError();
        await this.lane.clear(this.busyTimeoutMs);
        this.check();
    }

    /** What goes to the service, in the order of the calls. */
    private remotely<T>(work: () => Promise<T>): Promise<T> {
        if (this.closed) return Promise.reject(closedError());
        return this.lane.statement(this.busyTimeoutMs, async (before) => {
            await before; // node-postgres takes one at a time
            this.check();
            return work();
        });
    }

    /** Is a read for the service to answer? */
    private get remote(): boolean {
        return this.wire.inTransaction || this.stateful > 0;
    }

    /** One of duckrow's settings: it is the service's, too. */
    private async set(setting: Setting): Promise<void> {
        if (setting.name === 'idle_release') return; // no turn is held
        const theirs = SETTINGS[setting.name];
        if (setting.value === undefined) {
            Reflect.deleteProperty(this.wire.settings, theirs);
            await this.wire.run({ text: `RESET ${theirs}` }, this.busyTimeoutMs);
        } else {
            this.wire.settings[theirs] = String(setting.value);
            await this.wire.run({ text: `SET ${theirs} = ${setting.value}` }, this.busyTimeoutMs);
        }
        if (setting.name === 'busy_timeout') this.busyTimeoutMs = this.toldMs = setting.value ?? surface.DEFAULT_TIMEOUT_MS;
    }

    /** What was assigned to busyTimeoutMs holds at the service, too. */
    private async tellTimeout(): Promise<void> {
        const value = (this.toldMs = this.busyTimeoutMs);
        this.wire.settings.busy_timeout = String(value);
        await this.wire.run({ text: `SET busy_timeout = ${value}` }, value);
    }

    /** The name of a statement that comes again and again, which the service keeps prepared. */
    private nameOf(sql: string): string | undefined {
        const uses = (this.uses.get(sql) ?? 0) + 1;
        if (uses === 1 && this.uses.size >= MOST_PREPARED) return undefined;
        this.uses.set(sql, uses);
        return uses > PREPARE_AFTER ? this.nameFor(sql) : undefined;
    }

    private nameFor(sql: string): string {
        const number = this.names.get(sql) ?? this.names.size + 1;
        this.names.set(sql, number);
        return `duckrow_${number}`;
    }

    private async ask(sql: string, values?: surface.Parameters, name?: string): Promise<Answer> {
        if (this.busyTimeoutMs !== this.toldMs && this.wire.canSet) await this.tellTimeout();
        const parts = splitStatements(sql);
        for (const part of parts.slice(0, -1)) await this.wire.run({ text: part }, this.busyTimeoutMs);
        const last = parts.at(-1) ?? sql;
        let statement: Prepared = { text: last };
        if (values !== undefined) {
            const bound = numbered(last, values);
            statement = { text: bound.sql, values: bound.values.map(wireValue) };
        }
        const kept = name ?? (values === undefined ? undefined : this.nameOf(statement.text));
        if (kept !== undefined) statement = { ...statement, name: kept };
        const answer = await this.wire.run(statement, this.busyTimeoutMs);
        if (tell(sql).changes) this.stateful = this.wire.generation;
        return answer;
    }

    async run(sql: string, values?: surface.Parameters): Promise<surface.Outcome> {
        return { rowsChanged: (await this.answer(sql, values)).count };
    }

    async all<T = surface.Row>(sql: string, values?: surface.Parameters): Promise<T[]> {
        return (await this.answer<T>(sql, values)).rows;
    }

    /** name: of a statement that the service keeps prepared.
     * @internal */
    async answer<T>(sql: string, values?: surface.Parameters, name?: string): Promise<{ rows: T[]; count: number }> {
        const { reads, setting } = tell(sql);
        if (reads) {
            await this.clear();
            if (!this.remote) {
                try {
                    const read = (con: DuckDBConnection) => running.run(con, sql, values).then(running.rows<T>);
                    return { rows: await this.reader.use(this.busyTimeoutMs, read), count: 0 };
                } catch (error) {
                    if (!this.isForTheService(error)) throw error;
                }
            }
        }
        return this.remotely(async () => {
            if (setting) {
                await this.set(setting);
                return { rows: [], count: 0 };
            }
            const { columns, rows, count } = await this.ask(sql, values, name);
            return { rows: rowObjects(columns, rows) as T[], count: reads ? 0 : count };
        });
    }

    /** A read that failed here: does the service know better? What writes after all; what names another of its databases; a database
     * without snapshots. */
    private isForTheService(error: unknown): boolean {
        if (hasCode(error, 'DUCKROW_NO_SNAPSHOT', 'DUCKROW_STALE', 'DUCKROW_BUSY', 'DUCKROW_NOT_FOUND')) return true;
        return /read-only|^(?:Catalog|Binder) Error/.test(messageOf(error));
    }

    async get<T = surface.Row>(sql: string, values?: surface.Parameters): Promise<T | undefined> {
        return (await this.all<T>(sql, values))[0];
    }

    /** What is read here comes as it is computed; what the service answers, all at once. */
    async *stream<T = surface.Row>(sql: string, values?: surface.Parameters): AsyncGenerator<T, void, void> {
        await this.clear();
        if (this.remote || !tell(sql).reads) {
            yield* await this.all<T>(sql, values);
            return;
        }
        let held: Awaited<ReturnType<FreshReader['hold']>>;
        try {
            held = await this.reader.hold(this.busyTimeoutMs);
        } catch (error) {
            if (!this.isForTheService(error)) throw error;
            yield* await this.all<T>(sql, values);
            return;
        }
        try {
            yield* running.stream(held.con, sql, values) as AsyncGenerator<T, void, void>;
        } finally {
            held.release();
        }
    }

    async prepare(sql: string): Promise<surface.Statement> {
        if (this.closed) throw closedError();
        const name = tell(sql).setting ? undefined : this.nameFor(sql);
        return Promise.resolve(new ServedStatement(this, sql, name));
    }

    // ---- many rows ----

    async insertMany(table: string, rows: Iterable<InputRow>): Promise<number> {
        const all = Array.isArray(rows) ? (rows as InputRow[]) : [...rows];
        return this.remotely(async () => {
            if (all.length === 0) return 0;
            const names = columnNames(all);
            const list = names ? ` (${names.map(quoteName).join(', ')})` : '';
            const copy = `COPY ${quoteTable(table)}${list} FROM STDIN`;
            return this.wire.copy(copy, copyLines(all, names), this.busyTimeoutMs);
        });
    }

    async appender(table: string): Promise<surface.Appender> {
        await this.all(`SELECT * FROM ${quoteTable(table)} LIMIT 0`);
        return new GatheringAppender((rows) => this.insertMany(table, rows));
    }

    async transaction<T>(fn: (db: this) => Promise<T>): Promise<T> {
        if (this.closed) throw closedError();
        return this.lane.transaction(
            this.busyTimeoutMs,
            (sql) => this.control(sql),
            () => fn(this),
        );
    }

    /** The beginning and the end of a transaction. */
    private async control(sql: string): Promise<void> {
        if (sql === 'ROLLBACK' && !this.wire.inTransaction) {
            this.wire.forget();
            return;
        }
        if (sql === 'COMMIT' && !this.wire.inTransaction) throw lostTransaction('25P02');
        const { command } = await this.wire.run({ text: sql }, this.busyTimeoutMs);
        if (sql === 'COMMIT' && command === 'ROLLBACK') throw lostTransaction('25P02'); // a statement had failed
    }

    async close(): Promise<void> {
        if (this.closed) return;
        this.closed = true;
        lost.unregister(this);
        await this.wire.close();
        await this.reader.close();
    }

    async [Symbol.asyncDispose](): Promise<void> {
        await this.close();
    }
}

/** Pieces of some size: a message for each row would cost more than the row. */
function* copyLines(rows: readonly InputRow[], names: string[] | undefined): Generator<string> {
    let piece = '';
    for (const row of rows) {
        const values = names
            ? names.map((name) => (row as Record<string, surface.Parameter>)[name])
            : (row as surface.Parameter[]);
        piece += `${values.map(copyText).join('\t')}\n`;
        if (piece.length >= COPY_BYTES) {
            yield piece;
            piece = '';
        }
    }
    if (piece) yield piece;
}

class ServedStatement implements surface.Statement {
    constructor(
        private readonly db: Served,
        private readonly sql: string,
        private readonly name: string | undefined,
    ) {}

    async run(values?: surface.Parameters): Promise<surface.Outcome> {
        return { rowsChanged: (await this.db.answer(this.sql, values, this.name)).count };
    }

    async all<T = surface.Row>(values?: surface.Parameters): Promise<T[]> {
        return (await this.db.answer<T>(this.sql, values, this.name)).rows;
    }

    async get<T = surface.Row>(values?: surface.Parameters): Promise<T | undefined> {
        return (await this.all<T>(values))[0];
    }

    stream<T = surface.Row>(values?: surface.Parameters): surface.Rows<T> {
        return this.db.stream<T>(this.sql, values);
    }

    close(): void {
        // the service forgets it with the session
    }

    [Symbol.dispose](): void {
        this.close();
    }
}
