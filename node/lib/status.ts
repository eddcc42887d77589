/** A look from outside: takes no turn, waits for nothing, writes nothing. */

import { core } from './core';

export interface ProcessStatus {
    readonly pid: number;
    readonly kind: string;
    readonly command: string;
}

/** As `duckrow status --json` prints it, names in camel case. */
export interface Status {
    readonly path: string;
    readonly readPath: string;
    readonly exists: boolean;
    readonly held: boolean;
    readonly holder: ProcessStatus | null;
    readonly waiting: readonly ProcessStatus[];
    readonly fresh: boolean;
    readonly [name: string]: unknown;
}

function camel(name: string): string {
    return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function renamed(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(renamed);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [camel(name), renamed(each)]));
}

/** Throws DuckrowError where the path is no database. */
export async function status(path: string): Promise<Status> {
    return renamed(JSON.parse(await core.open(path, 0).status())) as Status;
}
