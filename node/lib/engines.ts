/**
 * Engine instances, kept for the next connection: one takes 14 to 20 ms to make, attaching a file to one takes 1.5. Connections that
 * stock DuckDB would keep apart never share an instance at the same time. One whose settings, extensions, functions or attached
 * databases were touched is not used again.
 */

import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { core } from './core';
import { DuckrowError, messageOf, unsupported } from './errors';
import { quote, quoteName } from './sql';

const KEEP = 4;
const NAMES = ['auto_checkpoint_skip_wal_threshold', 'wal_autocheckpoint_entries'];

export type Config = Readonly<Record<string, string>>;

let outOfReach: Promise<string> | undefined;

/**
 * Checkpoints happen only at the publisher's word: statements that see to it, for this engine. And DICT_FSST is not used, with which
 * DuckDB loses updates of NULLs: dr_session_no_dict_fsst in src/engine/session.h.
 */
async function findOutOfReach(con: DuckDBConnection): Promise<string> {
    const statements = [
        "SET checkpoint_threshold = '1000TB'",
        'PRAGMA disable_checkpoint_on_shutdown',
        "SET disabled_compression_methods = 'dict_fsst'",
    ];
    const found = await con.runAndReadAll(
        `SELECT name, value FROM duckdb_settings() WHERE name IN (${NAMES.map(quote).join(', ')})`,
    );
    for (const [name, value] of found.getRows()) {
        if (name === NAMES[0]) statements.push(`SET ${String(name)} = 1000000000000`);
        else if (String(value) !== '0') statements.push(`SET ${String(name)} = 0`);
    }
    return statements.join('; ');
}

function nameOf(path: string): string {
    const name = core.databaseName(path);
    if (name === null)
        throw unsupported(`${path}: DuckDB has no name for a database whose file name begins with a dot: rename it`);
    return name;
}

/** One line that names the database, where DuckDB speaks of a copy of it or gives no way out. */
function explain(path: string, error: unknown): unknown {
    const message = messageOf(error);
    if (message.includes('newer version of DuckDB') || message.includes('with a storage version greater than'))
        return unsupported(`${path} is of a newer DuckDB, and this one cannot read it: npm install @duckdb/node-api@latest`);
    if (message.includes('encrypted database') && message.includes('without a key'))
        return unsupported(`${path} is encrypted, which duckrow for Node cannot open: use stock DuckDB, or duckrow's program`);
    if (message.includes('WAL does not match'))
        return new DuckrowError(
            `${path} was replaced, but ${path}.wal is that of the file before: put that file back, or move the WAL away if you can do without its commits`,
            'DUCKROW_IO',
            '58030',
        );
    return error;
}

/** A DuckDB in memory with one file attached, or none for the moment. */
export class Engine {
    /** Nothing of it is left over from its users. */
    clean = true;
    attached = false;
    /** Run once the engine is closed. */
    readonly atEnd: (() => void)[] = [];

    private constructor(
        private readonly key: string,
        private readonly instance: DuckDBInstance,
        /** Attaches, detaches, checkpoints. */
        private readonly root: DuckDBConnection,
        readonly name: string,
    ) {}

    private static readonly idle = new Map<string, Engine[]>();

    /** An engine for this file, for the caller alone. */
    static async take(config: Config, path: string): Promise<Engine> {
        const name = nameOf(path);
        const key = JSON.stringify([Object.entries(config).sort(), name]);
        const kept = Engine.idle.get(key)?.pop();
        if (kept) return kept;
        const instance = await DuckDBInstance.create(':memory:', { ...config });
        const root = await instance.connect();
        outOfReach ??= findOutOfReach(root);
        await root.run(await outOfReach);
        // So that the file can have the name that a stock open would give it, whatever that is.
        await root.run(`ATTACH ':memory:' AS "duckrow stand-in"; USE "duckrow stand-in"; DETACH memory`);
        return new Engine(key, instance, root, name);
    }

    /** For the next one that wants it, or ends it. */
    giveBack(): void {
        const idle = Engine.idle.get(this.key) ?? [];
        if (this.clean && !this.attached && idle.length < KEEP) {
            Engine.idle.set(this.key, idle);
            idle.push(this);
        } else {
            this.close();
        }
    }

    close(): void {
        this.root.closeSync();
        this.instance.closeSync();
        for (const end of this.atEnd.splice(0)) end();
    }

    /** What else is attached: the file of each database, by its name in lower case. */
    async attachedPaths(): Promise<Map<string, string>> {
        const sql = "SELECT lower(database_name), coalesce(path, '') FROM duckdb_databases() WHERE NOT internal";
        return new Map((await this.root.runAndReadAll(sql)).getRows() as [string, string][]);
    }

    /** Opens the file. `database`: what it is called to people. */
    async attach(path: string, database: string, how: { readOnly: boolean; create: boolean }): Promise<void> {
        const options = ['TYPE duckdb'];
        if (how.readOnly) options.push('READ_ONLY');
        else if (how.create) options.push("STORAGE_VERSION 'v1.4.0'");
        try {
            await this.root.run(`ATTACH ${quote(path)} AS ${quoteName(this.name)} (${options.join(', ')})`);
        } catch (error) {
            throw explain(database, error);
        }
        this.attached = true;
    }

    /** Closes the file. Where DuckDB refuses to, the engine is not used again. */
    async detach(): Promise<void> {
        if (!this.attached) return;
        this.attached = false;
        try {
            await this.root.run(`DETACH ${quoteName(this.name)}`);
        } catch (error) {
            this.clean = false;
            throw error;
        }
    }

    async checkpoint(): Promise<void> {
        await this.root.run(`CHECKPOINT ${quoteName(this.name)}`);
    }

    /** A connection whose default database is the attached one, as after a stock open. */
    async connect(): Promise<DuckDBConnection> {
        const con = await this.instance.connect();
        await con.run(`USE ${quoteName(this.name)}`);
        return con;
    }
}
