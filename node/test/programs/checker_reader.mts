/** A reader of the checker: prints how many checks it made, and how many were stale, inconsistent, or failed. */

import { readdirSync } from 'node:fs';
import { openDuckDb } from 'duckrow';
import { done, path, say, sleep, words } from './support.mjs';

interface Look {
    readonly newest: bigint;
    readonly rows: bigint;
    readonly counter: bigint;
    readonly bulk: bigint;
    readonly total: bigint;
}

const SQL = `SELECT max(n) AS newest, count(*) AS rows, (SELECT v FROM counter) AS counter, (SELECT count(*) FROM bulk) AS bulk,
    (SELECT coalesce(sum(x), 0)::BIGINT FROM bulk) AS total FROM t`;
const until = performance.now() + Number(words[0]) * 1000;
let checks = 0;
let stale = 0;
let inconsistent = 0;
const errors: string[] = [];
while (performance.now() < until) {
    const mustSee = Math.max(0, ...readdirSync(`${path}.ack`).map(Number));
    try {
        const db = await openDuckDb(path, { readOnly: true });
        const first = await db.get<Look>(SQL);
        if (Math.random() < 0.2) await sleep(Math.random() * 300);
        const again = await db.get<Look>(SQL);
        await db.close();
        if (!first || !again) throw new Error('no row');
        if (first.newest < mustSee) stale++;
        const same = Object.values(first).every((value, i) => value === Object.values(again)[i]);
        if (first.newest !== first.rows - 1n || first.newest !== first.counter || first.bulk !== first.total || !same)
            inconsistent++;
        checks++;
    } catch (error) {
        errors.push(String(error).slice(0, 200));
    }
}
say([checks, stale, inconsistent, errors]);
done();
