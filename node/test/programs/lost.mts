/**
 * A turn whose owner goes without a word: "collected": the connection is garbage; "worker": its thread is ended while it holds,
 * "waiting-worker": while it waits; "exit": process.exit in a wait. Prints "waits" or "holds" when it does so.
 */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { openDuckDb } from 'duckrow';
import { done, path, say, sleep, told, words } from './support.mjs';

interface Given {
    readonly path: string;
    readonly waits: boolean;
}

/** Held however idle it is. */
async function hold(file: string): Promise<void> {
    const db = await openDuckDb(file, { idleReleaseMs: 0 });
    await db.run('SELECT 1');
}

async function endWorker(waits: boolean): Promise<void> {
    const data: Given = { path, waits };
    const worker = new Worker(new URL(import.meta.url), { workerData: data });
    await new Promise((resolve) => worker.once('message', resolve));
    if (waits) await sleep(200);
    say(waits ? 'waits' : 'holds');
    await told();
    await worker.terminate();
    say('ended');
    await told();
    done();
}

async function collect(): Promise<void> {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    await hold(path);
    say('holds');
    await told();
    for (let i = 0; i < 20; i++) {
        collectGarbage();
        await sleep(10);
    }
    say('ended');
    await told();
    done();
}

if (!isMainThread) {
    const given = workerData as Given;
    const { parentPort } = await import('node:worker_threads');
    if (given.waits) parentPort?.postMessage('waits');
    await hold(given.path);
    parentPort?.postMessage('holds');
    await sleep(600_000);
} else if (words[0] === 'exit') {
    void openDuckDb(path, { busyTimeoutMs: 60_000 });
    await sleep(200);
    say('waits');
    await told();
    process.exit(7);
} else if (words[0] === 'collected') {
    await collect();
} else {
    await endWorker(words[0] === 'waiting-worker');
}
