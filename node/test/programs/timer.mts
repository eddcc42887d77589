/** While the turn is held elsewhere: how late is a timer of 10 ms, with so many openDuckDb pending? Prints the delays' p99 in ms. */

import { openDuckDb } from 'duckrow';
import { done, path, say, words } from './support.mjs';

const [pending = '1', seconds = '1'] = words;
const opening = Array.from({ length: Number(pending) }, () =>
    openDuckDb(path, { busyTimeoutMs: 60_000, config: { threads: '1' } }),
);
const all = Promise.all(opening);
const delays: number[] = [];
await new Promise<void>((resolve) => {
    const end = performance.now() + Number(seconds) * 1000;
    let last = performance.now();
    const timer = setInterval(() => {
        const now = performance.now();
        delays.push(now - last);
        last = now;
        if (now < end) return;
        clearInterval(timer);
        resolve();
    }, 10);
});
delays.sort((a, b) => a - b);
say(delays[Math.floor(delays.length * 0.99)]);
for (const db of await all) await db.close();
done();
