/** A connection that has the file itself, by turns. */

import type { DuckDBConnection, DuckDBMaterializedResult, DuckDBPreparedStatement } from '@duckdb/node-api';
import { insert } from './bulk';
import type { InputRow } from './columns';
import { GatheringAppender } from './appender';
import { closedError } from './errors';
import { Lane } from './lane';
import * as running from './running';
import { type Client, Membership, parkAll, Session } from './sessions';
import { findSetting, firstWord, mentionsTemporary, outlivesConnection, transactionAfter } from './sql';
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
    private hasTemporary = false;
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
        await this.lane.clear(this.busyTimeoutMs);
        const client = this.client;
        Session.raiseIfEnded(client);
        await client.session.enter(client, this.busyTimeoutMs);
        const after = transactionAfter(sql);
        if (mentionsTemporary(sql)) this.hasTemporary = true;
        if (outlivesConnection(sql)) client.session.touch();
        try {
            const result = await work(client.native);
            if (after === 'ask') await client.askTransaction();
            else if (after !== 'same') client.transaction = after;
            client.session.guard();
            return result;
        } catch (error) {
            if (after === 'ask' || after === false) await client.askTransaction();
            throw error;
        } finally {
            client.session.leave(client);
        }
    }

    /** Is it a setting of duckrow's? Then it is set. */
    private set(sql: string): boolean {
        const setting = findSetting(sql);
        if (!setting) return false;
        if (setting.name === 'busy_timeout') this.busyTimeoutMs = setting.value ?? surface.DEFAULT_TIMEOUT_MS;
        else if (setting.name === 'idle_release')
            this.client.session.idleReleaseMs = setting.value ?? surface.DEFAULT_IDLE_RELEASE_MS;
        else this.client.idleInTransactionMs = setting.value ?? surface.DEFAULT_IDLE_IN_TRANSACTION_MS;
        return true;
    }

    async run(sql: string, values?: surface.Parameters): Promise<surface.Outcome> {
        if (this.set(sql)) return { rowsChanged: 0 };
        if (this.client.ended !== undefined && /^(?:ROLLBACK|ABORT)$/.test(firstWord(sql))) {
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
     * transaction, and where temporary tables may be meant, all rows are read first. */
    async *stream<T = surface.Row>(sql: string, values?: surface.Parameters): AsyncGenerator<T, void, void> {
        if (this.client.transaction || this.hasTemporary || mentionsTemporary(sql)) {
            yield* await this.all<T>(sql, values);
            return;
        }
        if (this.closing) throw closedError();
        await this.lane.clear(this.busyTimeoutMs);
        const client = this.client;
        await client.session.enter(client, this.busyTimeoutMs);
        client.streams++;
        let con: DuckDBConnection | undefined;
        try {
            con = await client.session.another();
            yield* running.stream(con, sql, values) as AsyncGenerator<T, void, void>;
        } finally {
            con?.closeSync();
            client.streams--;
            client.session.leave(client);
        }
    }

    async prepare(sql: string): Promise<surface.Statement> {
        const prepared = await this.use(sql, (con) => con.prepare(sql));
        return new WriterStatement(
            sql,
            prepared,
            (work) => this.use(sql, work),
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
            (await con.prepare(`FROM ${table}`)).destroySync();
        });
        return new GatheringAppender((rows) => this.insertMany(table, rows));
    }

    async transaction<T>(fn: (db: this) => Promise<T>): Promise<T> {
        return this.lane.transaction(
            this.busyTimeoutMs,
            (sql) => this.run(sql),
            () => fn(this),
        );
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
