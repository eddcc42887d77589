/** The wire: one session at a service, over node-postgres. */

import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client as PgClient } from 'pg';
import { BusyError, DuckrowError, IdleError, messageOf, ServiceError } from './errors';
import { type Answer, CopyQuery, type Prepared, StatementQuery } from './queries';

const AGAIN_MS = 20;
const GIVE_UP_MS = 5_000;
const NOBODY = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET', '57P01', '57P02', '57P03']);
const HOLDER = /\b(?:pid|process) (\d+)/;

/** Does the open socket keep the program running? Only while an answer is waited for. */
function keepAlive(client: PgClient, alive: boolean): void {
    const { stream } = client.connection as unknown as { stream: Socket };
    if (alive) stream.ref();
    else stream.unref();
}

/** Where the service of the database says that it listens; undefined: there is none. */
function address(folder: string): { host: string; database: string } | undefined {
    let text: string;
    try {
        text = readFileSync(`${folder}/service`, 'utf8');
    } catch {
        return undefined;
    }
    const found = new Map<string, string>();
    for (const [, name, value] of text.matchAll(/(\w+)='((?:[^'\\]|\\.)*)'/g))
        if (name !== undefined && value !== undefined) found.set(name, value.replace(/\\(.)/g, '$1'));
    const host = found.get('host');
    const database = found.get('dbname');
    return host === undefined || database === undefined ? undefined : { host, database };
}

/** What the service reports, as an exception. */
function failure(error: unknown): unknown {
    if (!(error instanceof Error) || error instanceof DuckrowError) return error;
    const state = (error as { code?: unknown }).code;
    if (typeof state !== 'string' || !/^[0-9A-Z]{5}$/.test(state)) return error;
    if (state === '55P03') {
        const pid = HOLDER.exec(error.message)?.[1];
        const holder = pid === undefined ? null : { pid: Number(pid), foreignPid: 0, sinceAt: 0, kind: '', command: '' };
        return new BusyError(error.message, holder);
    }
    if (state === '25P03') return new IdleError(error.message);
    const message = state.startsWith('0A')
        ? `${error.message}; with exclusive: true a connection takes the file itself`
        : error.message;
    return new ServiceError(message, 'DUCKROW_SQL', state);
}

export interface WireOptions {
    readonly path: string;
    readonly folder: string;
    /** Settings of the session, by name. */
    readonly settings: Record<string, string>;
}

/** One session, made again where the service has hung up outside a transaction. */
export class Wire {
    /** Counts connectings: temporary tables and settings are of one. */
    generation = 0;
    /** I: no transaction, T: in one, E: in one that has failed. */
    private status = 'I';
    private client: PgClient | undefined;
    private connecting: Promise<boolean> | undefined;
    /** The service has hung up within a transaction, and nobody has been told. */
    private lost = false;
    /** How many answers are waited for. */
    private waiting = 0;
    private closed = false;

    constructor(private readonly options: WireOptions) {}

    /** Is no transaction in the way that has failed? */
    get canSet(): boolean {
        return this.status !== 'E';
    }

    get inTransaction(): boolean {
        return this.client !== undefined && this.status !== 'I';
    }

    get connected(): boolean {
        return this.client !== undefined;
    }

    /** That a transaction was lost is known. */
    forget(): void {
        this.lost = false;
    }

    get settings(): Record<string, string> {
        return this.options.settings;
    }

    /** False: no service is there, or it is just leaving. */
    connect(): Promise<boolean> {
        if (this.client) return Promise.resolve(true);
        this.connecting ??= this.connectOnce().finally(() => {
            this.connecting = undefined;
        });
        return this.connecting;
    }

    private async connectOnce(): Promise<boolean> {
        const where = address(this.options.folder);
        if (!where) return false;
        const { Client } = (await import('pg')).default;
        const settings = Object.entries(this.options.settings).map(([name, value]) => `-c ${name}=${value}`);
        const client = new Client({
            ...where,
            port: 5432,
            user: String(process.getuid?.() ?? 0),
            application_name: basename(process.argv[1] ?? 'node').slice(0, 60),
            options: settings.join(' '),
            connectionTimeoutMillis: 10_000,
        });
        client.on('error', () => undefined); // who waits for an answer is told
        try {
            await client.connect();
        } catch (error) {
            void client.end().catch(() => undefined);
            const code = (error as { code?: string }).code ?? '';
            if (NOBODY.has(code) || /terminated|closed the connection/.test(messageOf(error))) return false;
            throw new ServiceError(
                `the service of ${this.options.path} refuses this connection: ${messageOf(error)}`,
                'DUCKROW_IO',
                '08006',
            );
        }
        const gone = () => {
            if (this.client !== client) return;
            this.lost = this.inTransaction;
            this.client = undefined;
        };
        client.on('end', gone);
        client.connection.on('readyForQuery', (message: { status: string }) => {
            this.status = message.status;
        });
        if (this.closed) {
            await client.end().catch(() => undefined);
            return true;
        }
        keepAlive(client, false);
        this.status = 'I';
        this.client = client;
        this.generation++;
        return true;
    }

    /** The connection, made again where there is none. */
    private async ready(timeoutMs: number): Promise<PgClient> {
        const until = performance.now() + Math.min(timeoutMs, GIVE_UP_MS);
        while (!this.client) {
            if (this.closed) throw new DuckrowError('this connection is closed', 'DUCKROW_USAGE', '08003');
            if (await this.connect()) break;
            if (performance.now() >= until)
                throw new ServiceError(`no service has ${this.options.path} any more: open it again`, 'DUCKROW_IO', '08006');
            await sleep(AGAIN_MS);
        }
        return this.client as unknown as PgClient;
    }

    private async ask<T>(timeoutMs: number, work: (client: PgClient) => Promise<T>): Promise<T> {
        if (this.lost) {
            this.lost = false;
            throw this.gone('with the open transaction, which is lost: begin again');
        }
        const client = this.client ?? (await this.ready(timeoutMs));
        const inTransaction = this.inTransaction;
        this.waiting++;
        keepAlive(client, true);
        try {
            return await work(client);
        } catch (error) {
            const better = failure(error);
            if (better !== error || this.client === client) throw better;
            this.lost = false;
            throw inTransaction
                ? this.gone('with the open transaction, which is lost: begin again')
                : this.gone(`during this statement, which may have been committed or not: ${messageOf(error)}`);
        } finally {
            if (--this.waiting === 0) keepAlive(client, false);
        }
    }

    private gone(what: string): ServiceError {
        return new ServiceError(`the service of ${this.options.path} went away ${what}`, 'DUCKROW_IO', '08006');
    }

    async run(statement: Prepared, timeoutMs: number): Promise<Answer> {
        return this.ask(timeoutMs, (client) => client.query(new StatementQuery(statement)).done);
    }

    /** COPY … FROM STDIN. Returns how many rows. */
    async copy(sql: string, data: Iterable<string>, timeoutMs: number): Promise<number> {
        return this.ask(timeoutMs, (client) => client.query(new CopyQuery(sql, data)).done);
    }

    async close(): Promise<void> {
        const client = this.client;
        this.closed = true;
        this.client = undefined;
        if (!client) return;
        keepAlive(client, true);
        await client.end().catch(() => undefined); // the service rolls back what is open
    }
}
