/** The C core, as src/module.c exports it. */

import { join } from 'node:path';

/** A process that holds or waits for something. `pid` is 0 where it can't be seen from here, as in another container. */
export interface Holder {
    readonly pid: number;
    /** Of one in another container: its number there; else 0. */
    readonly foreignPid: number;
    /** When it took the turn, or began to wait: milliseconds since 1970. */
    readonly sinceAt: number;
    readonly kind: string;
    readonly command: string;
}

export interface ErrorFields {
    readonly code: string;
    readonly message: string;
    readonly errno: number;
    readonly sqlState: string;
    readonly waiting: number;
    readonly waitedMs: number;
    readonly holder: Holder | null;
}

/** A pinned snapshot: while it is, its files stay. */
export interface Snapshot {
    readonly path: string;
    readonly sequence: number;
    readonly publishedAt: number;
    /** Is it still the newest? */
    check(): boolean;
    unpin(): void;
}

/** The right to open the file. See duckrow.h for the order of things. */
export interface Turn {
    readonly level: boolean;
    guard(): void;
    moved(): boolean;
    openFiles(): number;
    wanted(): number;
    /** Is a checkpoint wanted before `end`? */
    begin(): Promise<boolean>;
    end(): Promise<number>;
    release(): void;
}

export interface Database {
    readonly path: string;
    readonly readPath: string;
    readonly folder: string;
    exists(): boolean;
    take(shared: boolean, kind: string, timeoutMs: number): Promise<Turn>;
    pin(timeoutMs: number): Promise<Snapshot>;
    /** Ends the one wait that this object may have under way. */
    interrupt(): void;
    status(): Promise<string>;
}

export interface Stage {
    readonly path: string;
    commit(): Promise<string>;
    abandon(): void;
}

export interface Attach {
    readonly path: string;
    /** null: DuckDB has no name for it. */
    readonly name: string | null;
    /** undefined: it doesn't say. */
    readonly readOnly: boolean | undefined;
    readonly ifNotExists: boolean;
    readonly orReplace: boolean;
    readonly encrypted: boolean;
    /** All others, as SQL. */
    readonly options: string | null;
    /** Can it be a DuckDB database in a local file? */
    readonly isFile: boolean;
}

interface Core {
    readonly version: string;
    readonly errors: readonly { code: string; message: string; exitStatus: number; sqlState: string }[];
    init(makeError: (fields: ErrorFields) => Error): void;
    open(path: string, flags: number): Database;
    stage(database: Database, table: string): Promise<Stage>;
    databaseName(path: string): string | null;
    parseAttach(sql: string): Attach | null;
    execute(program: string, argv: string[], environment: string[]): never;
}

export const MUST_EXIST = 1;

/** Where the package's compiled parts are. */
export const NATIVE = join(__dirname, '..', 'native');

// eslint-disable-next-line @typescript-eslint/no-require-imports -- an addon is no module that `import` takes
export const core = require(join(NATIVE, 'duckrow.node')) as Core;
