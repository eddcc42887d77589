/** Exceptions, made of the core's one list of errors. `code` is that of the C API: DUCKROW_BUSY and so on. */

import { core, type ErrorFields, type Holder } from './core';

/** What every error of duckrow's is. SQL errors of an embedded connection are stock DuckDB's own. */
export class DuckrowError extends Error {
    override name = 'DuckrowError';

    constructor(
        message: string,
        readonly code = 'DUCKROW_INTERNAL',
        /** PostgreSQL's. */
        readonly sqlState = 'XX000',
        /** Of the failing call of the operating system, or 0. */
        readonly errno = 0,
    ) {
        super(message);
    }
}

/** Somebody else has the database, and the timeout has passed. */
export class BusyError extends DuckrowError {
    override name = 'BusyError';

    constructor(
        message: string,
        /** Who has it; null where that can't be told. */
        readonly holder: Holder | null = null,
        /** How many waited, this call included. */
        readonly waiting = 0,
        readonly waitedMs = 0,
    ) {
        super(message, 'DUCKROW_BUSY', '55P03');
    }
}

/** A transaction sat idle for too long, and was rolled back. */
export class IdleError extends DuckrowError {
    override name = 'IdleError';

    constructor(message: string) {
        super(message, 'DUCKROW_SQL', '25P03');
    }
}

/** The service that has the database refuses, can't be reached, or went away; or it reports an error of SQL. */
export class ServiceError extends DuckrowError {
    override name = 'ServiceError';
}

export function usage(message: string): DuckrowError {
    return new DuckrowError(message, 'DUCKROW_USAGE', '22023');
}

export function unsupported(message: string): DuckrowError {
    return new DuckrowError(message, 'DUCKROW_UNSUPPORTED', '0A000');
}

export function closedError(): DuckrowError {
    return new DuckrowError('this connection is closed', 'DUCKROW_USAGE', '08003');
}

export function makeError(fields: ErrorFields): DuckrowError {
    if (fields.code === 'DUCKROW_BUSY') return new BusyError(fields.message, fields.holder, fields.waiting, fields.waitedMs);
    return new DuckrowError(fields.message, fields.code, fields.sqlState, fields.errno);
}

export function hasCode(error: unknown, ...codes: string[]): boolean {
    return error instanceof DuckrowError && codes.includes(error.code);
}

export function messageOf(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}

export function asError(error: unknown): Error {
    return error instanceof Error ? error : new Error(String(error));
}

core.init(makeError);
