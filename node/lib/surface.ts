/** What every connection can do, whatever is behind it: a snapshot, the file itself, or a service. */

import type { DuckDBValue, JS } from '@duckdb/node-api';

/** What a statement's parameters may be: stock DuckDB's values, and JavaScript's own. */
export type Parameter = DuckDBValue | JS | undefined | readonly Parameter[] | { readonly [key: string]: Parameter };
/** By position, or by name for `$name`. */
export type Parameters = readonly Parameter[] | Readonly<Record<string, Parameter>>;
/** A row by its columns' names, values as `getRowObjectsJS()` of stock DuckDB has them: BIGINT is a bigint, TIMESTAMP a Date. */
export type Row = Record<string, JS>;

/** What a statement without rows leaves: stock DuckDB's result, where the statement has run here. */
export interface Outcome {
    readonly rowsChanged: number;
}

/** Rows one after the other, as they are computed: `for await (const row of db.stream(sql))`. */
export type Rows<T> = AsyncIterable<T>;

export interface Statement {
    run(values?: Parameters): Promise<Outcome>;
    all<T = Row>(values?: Parameters): Promise<T[]>;
    get<T = Row>(values?: Parameters): Promise<T | undefined>;
    stream<T = Row>(values?: Parameters): Rows<T>;
    close(): void;
    [Symbol.dispose](): void;
}

/** Rows for a table, gathered, and inserted in bulk by `flush` and `close`. */
export interface Appender {
    append(row: readonly Parameter[] | Readonly<Record<string, Parameter>>): void;
    /** Inserts what was appended, in one transaction, or in the one that is open. Returns how many rows. */
    flush(): Promise<number>;
    close(): Promise<number>;
    [Symbol.asyncDispose](): Promise<void>;
}

export interface DuckDb {
    /** The database file, absolute. */
    readonly path: string;
    readonly readOnly: boolean;
    /** Does it write through a service? */
    readonly served: boolean;
    /** How long a statement waits for what others have, in milliseconds. */
    busyTimeoutMs: number;
    run(sql: string, values?: Parameters): Promise<Outcome>;
    all<T = Row>(sql: string, values?: Parameters): Promise<T[]>;
    /** The first row. */
    get<T = Row>(sql: string, values?: Parameters): Promise<T | undefined>;
    stream<T = Row>(sql: string, values?: Parameters): Rows<T>;
    prepare(sql: string): Promise<Statement>;
    /** `table`: a name, or schema.name, as in SQL. */
    appender(table: string): Promise<Appender>;
    /** In one transaction, or in the one that is open: all rows or none. Arrays have the table's columns in order; of objects the keys
     * are columns, and a column that none has takes its default. Returns how many rows. */
    insertMany(table: string, rows: Iterable<readonly Parameter[] | Readonly<Record<string, Parameter>>>): Promise<number>;
    /** BEGIN, what `fn` does, COMMIT; ROLLBACK where it throws. What other code does with this connection meanwhile waits. */
    transaction<T>(fn: (db: this) => Promise<T>): Promise<T>;
    /** Rolls an open transaction back, publishes what was committed, gives the turn up. */
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

export interface OpenOptions {
    /** A connection of stock DuckDB on the newest snapshot, which never waits for writers. */
    readOnly?: boolean;
    /** How long to wait for what others have, in milliseconds: 10,000. 0: not at all. */
    busyTimeoutMs?: number;
    /** Take the file itself, service or not: a service makes way, and takes it back afterwards. */
    exclusive?: boolean;
    /** Ends a wait. */
    signal?: AbortSignal;
    /** Settings of DuckDB, as DuckDBInstance.create() takes them. */
    config?: Record<string, string>;
    /** A connection without a running statement or an open transaction gives its turn up after so long, in milliseconds: 1,000; much
     * sooner where somebody waits. 0: never. */
    idleReleaseMs?: number;
    /** An open transaction without a running statement is rolled back after so long, in milliseconds: 10,000. 0: never. */
    idleInTransactionTimeoutMs?: number;
}

export const DEFAULT_TIMEOUT_MS = 10_000;
export const DEFAULT_IDLE_RELEASE_MS = 1_000;
export const DEFAULT_IDLE_IN_TRANSACTION_MS = 10_000;
