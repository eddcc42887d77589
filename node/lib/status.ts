/** A look from outside: takes no turn, waits for nothing, writes nothing. */

import { core, type Holder } from './core';

export interface ProcessStatus extends Holder {
    /** In clock ticks after boot. */
    readonly started: number;
}

export interface StagingStatus {
    readonly files: number;
    readonly bytes: number;
    readonly oldestSeconds: number | null;
    readonly quarantined: number;
}

/** As `duckrow status --json` prints it, names in camel case. */
export interface Status {
    readonly path: string;
    readonly readPath: string;
    readonly exists: boolean;
    readonly held: boolean;
    readonly holder: ProcessStatus | null;
    /** How many. */
    readonly waiting: number;
    readonly waiters: readonly ProcessStatus[];
    readonly fresh: boolean;
    readonly staging: StagingStatus & { readonly tables: Readonly<Record<string, StagingStatus>> };
    readonly [name: string]: unknown;
}

function camel(name: string): string {
    return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** Tables keep their names. */
function renamed(value: unknown, rename = camel): unknown {
    if (Array.isArray(value)) return value.map((each) => renamed(each));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
        Object.entries(value).map(([name, each]) => [rename(name), renamed(each, name === 'tables' ? String : camel)]),
    );
}

/** Throws DuckrowError where the path is no database. */
export async function status(path: string): Promise<Status> {
    return renamed(JSON.parse(await core.open(path, 0).status())) as Status;
}
