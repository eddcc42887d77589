/** Opening a database: to read, its newest snapshot; to write, its service, or the file itself. */

import { Reader, Reading } from './reader';
import { connectServed } from './served';
import { Membership } from './sessions';
import * as surface from './surface';
import { usage } from './errors';
import { Writer } from './writer';

function checkMs(name: string, value: number | undefined, otherwise: number): number {
    if (value === undefined) return otherwise;
    if (typeof value !== 'number' || !(value >= 0))
        throw usage(`${name} is a number of milliseconds, 0 or more, not ${String(value)}`);
    return Math.min(Math.round(value), 2 ** 31 - 1);
}

export function openDuckDb(path: string, options: surface.OpenOptions & { readOnly: true }): Promise<Reader>;
export function openDuckDb(path: string, options?: surface.OpenOptions): Promise<surface.DuckDb>;
/**
 * Opens the database at `path`.
 *
 * readOnly: a connection of stock DuckDB on the newest snapshot. To write: through the service that has the database, where there is
 * one; else this process waits for its turn, in order of arrival, and gives it up when the connection is closed, is idle while others
 * wait, or has been idle for a second.
 *
 * Throws BusyError after busyTimeoutMs, with who has the file; DuckrowError where the path is no database or the place is refused;
 * what `signal` was aborted for.
 */
export async function openDuckDb(path: string, options: surface.OpenOptions = {}): Promise<surface.DuckDb> {
    if (typeof path !== 'string') throw usage('the path of a database is a string');
    if (path.startsWith(':memory:')) throw usage("a database in memory is nobody else's: open it with DuckDBInstance.create()");
    if (options.readOnly && options.exclusive) throw usage('exclusive is for writing, and readOnly excludes it');
    const timeoutMs = checkMs('busyTimeoutMs', options.busyTimeoutMs, surface.DEFAULT_TIMEOUT_MS);
    const idleReleaseMs = checkMs('idleReleaseMs', options.idleReleaseMs, surface.DEFAULT_IDLE_RELEASE_MS);
    const idleTransactionMs = checkMs(
        'idleInTransactionTimeoutMs',
        options.idleInTransactionTimeoutMs,
        surface.DEFAULT_IDLE_IN_TRANSACTION_MS,
    );
    const config = options.config ?? {};
    options.signal?.throwIfAborted();
    if (options.readOnly) return Reader.on(await Reading.open(path, config, timeoutMs, options.signal), timeoutMs);
    if (!options.exclusive) {
        const served = await connectServed(path, { ...options, config, busyTimeoutMs: timeoutMs });
        if (served) return served;
    }
    const kind = options.exclusive ? 'hold' : 'write';
    const membership = await Membership.join(path, { config, kind, timeoutMs, signal: options.signal });
    membership.client.session.idleReleaseMs = idleReleaseMs;
    membership.client.idleInTransactionMs = idleTransactionMs;
    return new Writer(membership.path, membership, timeoutMs);
}
