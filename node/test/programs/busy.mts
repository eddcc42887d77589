/** What a writer is told that waits for too long. */

import { BusyError, openDuckDb } from 'duckrow';
import { done, path, say } from './support.mjs';

const began = performance.now();
try {
    await openDuckDb(path, { busyTimeoutMs: 1000 });
} catch (error) {
    if (!(error instanceof BusyError)) throw error;
    const { code, message, holder, waiting, waitedMs } = error;
    say({ tookMs: performance.now() - began, code, message, holder, waiting, waitedMs });
}
done();
