/** A connection that has the file itself, by turns. */

import type { DuckDBConnection, DuckDBMaterializedResult, DuckDBPreparedStatement } from '@duckdb/node-api';
import { insert } from './bulk';
import type { InputRow } from './columns';
import { GatheringAppender } from './appender';
import { closedError, DuckrowError } from './errors';
import { Lane } from './lane';
import * as running from './running';
import { type Client, Membership, parkAll, Session } from './sessions';
import { quoteTable, tell } from './sql';
import * as surface from './surface';

/** What garbage collection and the end of the program need to know of a connection. */
const lost = new FinalizationRegistry<Membership>((membership) => {
    membership.end().catch((error: unknown) => {
        process.emitWarning(String(error), 'DuckrowWarning');
    });
});
process.on('beforeExit', () => {
    void parkAll();
});

export class Writer implements surface.DuckDb {
    readonly readOnly = false;
    readonly served = false;
    private readonly client: Client;
    private readonly lane = new Lane();
    /** Has it temporary tables, settings, and so on? */
    private stateful = false;
    /** Has a statement failed? */
    private doubtful = false;
    private closing: Promise<void> | undefined;

    constructor(
        readonly path: string,
        private readonly membership: Membership,
        public busyTimeoutMs: number,
    ) {
        this.client = membership.client;
        lost.register(this, membership, this);
    }

    // ---- statements ----

    /** Runs something on the connection, with the file open. `sql`: the text, as far as it tells what it leaves behind. */
    private async use<T>(sql: string, work: (con: DuckDBConnection) => Promise<T>): Promise<T> {
        if (this.closing) throw closedError();
        return this.lane.statement(this.busyTimeoutMs, (before) => this.enter(sql, before, () => this.work(sql, work)));
    }

    /** When it is its turn, and with the file open. */
    private async enter<T>(sql: string, before: Promise<void>, work: () => Promise<T>): Promise<T> {
        const client = this.client;
        if (this.closing) throw closedError();
        Session.raiseIfEnded(client);
        if (this.lane.inside && !client.transaction && tell(sql).after !== true)
            throw new DuckrowError('this transaction is over', 'DUCKROW_SQL', '25P01');
        await client.session.enter(client, this.busyTimeoutMs);
        try {
            await before;
            return await work();
        } finally {
            client.session.leave(client);
        }
    }

    private async work<T>(sql: string, work: (con: DuckDBConnection) => Promise<T>): Promise<T> {
        const client = this.client;
        const { after, changes, outlives } = tell(sql);
        if (changes) this.stateful = true;
        if (outlives) client.session.touch();
        try {
            const result = await work(client.native);
            if (after === 'ask') await client.askTransaction();
            else if (after !== 'same') client.transaction = after;
            client.session.guard();
            return result;
        } catch (error) {
            if (after === 'ask' || after === false) await client.askTransaction();
            this.doubtful = true;
            throw error;
        }
    }

    /** Is it a setting of duckrow's? Then it is set. */
    private set(sql: string): boolean {
        const { setting } = tell(sql);
        if (!setting) return false;
        if (setting.name === 'busy_timeout') this.busyTimeoutMs = setting.value ?? surface.DEFAULT_TIMEOUT_MS;
        else if (setting.name === 'idle_release')
            this.client.session.idleReleaseMs = setting.value ?? surface.DEFAULT_IDLE_RELEASE_MS;
        else this.client.idleInTransactionMs = setting.value ?? surface.DEFAULT_IDLE_IN_TRANSACTION_MS;
        return true;
    }

    async run(sql: string, values?: surface.Parameters): Promise<surface.Outcome> {
        if (this.set(sql)) return { rowsChanged: 0 };
        if (this.client.ended !== undefined && /^(?:ROLLBACK|ABORT)$/.test(tell(sql).word)) {
            this.client.ended = undefined; // it is rolled back already
            return { rowsChanged: 0 };
        }
        return this.use(sql, (con) => this.runOn(con, sql, values));
    }

    async all<T = surface.Row>(sql: string, values?: surface.Parameters): Promise<T[]> {
        if (this.set(sql)) return [];
        return this.use(sql, async (con) => running.rows<T>(await this.runOn(con, sql, values)));
    }

    private runOn(con: DuckDBConnection, sql: string, values?: surface.Parameters): Promise<DuckDBMaterializedResult> {
        const { attachments } = this.client.session;
        return attachments.around(sql, this.busyTimeoutMs, (text) => running.run(con, text, values));
    }

    async get<T = surface.Row>(sql: string, values?: surface.Parameters): Promise<T | undefined> {
        return (await this.all<T>(sql, values))[0];
    }

    /** A read that nothing disturbs has a connection of its own: this one may be used while the rows are looped over. Within a
     * transaction, and where its answer may depend on what was done on this connection, all rows are read first. */
    async *stream<T = surface.Row>(sql: string, values?: surface.Parameters): AsyncGenerator<T, void, void> {
        const { changes, reads } = tell(sql);
        if (this.client.transaction || this.stateful || changes || !reads) {
            yield* await this.all<T>(sql, values);
            return;
        }
        const stream = await this.use('', () => HalfRead.open(this.client));
        try {
            yield* running.stream(stream.con, sql, values) as AsyncGenerator<T, void, void>;
            if (!stream.isOpen) throw closedError(); // DuckDB says that these were all
        } catch (error) {
            throw stream.isOpen ? error : closedError();
        } finally {
            await stream.end();
        }
    }

    async prepare(sql: string): Promise<surface.Statement> {
        const setting = tell(sql).setting !== undefined;
        const prepared = await this.use('', (con) => con.prepare(setting ? 'SELECT 1 LIMIT 0' : sql));
        return new WriterStatement(
            sql,
            prepared,
            (work) => {
                if (setting) this.set(sql);
                return this.use(setting ? '' : sql, work);
            },
            (values) => this.stream(sql, values),
        );
    }

    // ---- many rows ----

    async insertMany(table: string, rows: Iterable<InputRow>): Promise<number> {
        const all = Array.isArray(rows) ? (rows as InputRow[]) : [...rows];
        if (this.client.transaction) return this.use('', (con) => insert(con, table, all));
        return this.lane.inside
            ? this.use('', (con) => insert(con, table, all))
            : this.transaction(() => this.use('', (con) => insert(con, table, all)));
    }

    async appender(table: string): Promise<surface.Appender> {
        await this.use('', async (con) => {
            (await con.prepare(`FROM ${quoteTable(table)}`)).destroySync();
        });
        return new GatheringAppender((rows) => this.insertMany(table, rows));
    }

    async transaction<T>(fn: (db: this) => Promise<T>): Promise<T> {
        return this.lane.transaction(
            this.busyTimeoutMs,
            (sql) => this.control(sql),
            () => fn(this),
        );
    }

    /** The beginning and the end of a transaction. A COMMIT where a statement had failed loses it all, and DuckDB says that it is well. */
    private async control(sql: string): Promise<void> {
        if (sql === 'COMMIT' && this.doubtful) await this.run('SELECT 1');
        this.doubtful = false;
        await this.run(sql);
    }

    // ---- the end ----

    async close(): Promise<void> {
        lost.unregister(this);
        this.closing ??= this.membership.end();
        return this.closing;
    }

    async [Symbol.asyncDispose](): Promise<void> {
        await this.close();
    }
}

/** Rows on their way, on a connection of their own. While there are any the file stays open. */
class HalfRead {
    isOpen = true;

    private constructor(
        private readonly client: Client,
        readonly con: DuckDBConnection,
    ) {
        client.streams.add(this);
        client.session.stay(client);
    }

    /** Within a statement of the client's. */
    static async open(client: Client): Promise<HalfRead> {
        return new HalfRead(client, await client.session.another());
    }

    async end(): Promise<void> {
        if (!this.isOpen) return;
        this.isOpen = false;
        this.con.interrupt();
        await this.con.run('SELECT 1').catch(() => undefined); // another statement ends a result that is half read
        this.con.closeSync();
        this.client.streams.delete(this);
        this.client.session.leave(this.client);
    }
}

type Use = <T>(work: (con: DuckDBConnection) => Promise<T>) => Promise<T>;

class WriterStatement implements surface.Statement {
    constructor(
        readonly sql: string,
        private readonly prepared: DuckDBPreparedStatement,
        private readonly use: Use,
        private readonly streaming: (values?: surface.Parameters) => AsyncIterable<surface.Row>,
    ) {}

    async run(values?: surface.Parameters): Promise<surface.Outcome> {
        return this.use(() => running.runPrepared(this.prepared, values));
    }

    async all<T = surface.Row>(values?: surface.Parameters): Promise<T[]> {
        return this.use(async () => running.rows<T>(await running.runPrepared(this.prepared, values)));
    }

    async get<T = surface.Row>(values?: surface.Parameters): Promise<T | undefined> {
        return (await this.all<T>(values))[0];
    }

    stream<T = surface.Row>(values?: surface.Parameters): AsyncIterable<T> {
        return this.streaming(values) as AsyncIterable<T>;
    }

    close(): void {
        this.prepared.destroySync();
    }

    [Symbol.dispose](): void {
        this.close();
    }
}
