/** A writer of the checker: acknowledges by making a file named by its counter, once its connection is closed. */

import { writeFileSync } from 'node:fs';
import { openDuckDb } from 'duckrow';
import { done, path, say, words } from './support.mjs';

const until = performance.now() + Number(words[0]) * 1000;
let cycles = 0;
while (performance.now() < until) {
    const db = await openDuckDb(path, { busyTimeoutMs: 60_000 });
    const n = await db.transaction(async (tx) => {
        const row = await tx.get<{ v: bigint }>('UPDATE counter SET v = v + 1 RETURNING v');
        await tx.run('INSERT INTO t VALUES (?)', [row?.v]);
        return Number(row?.v);
    });
    if (n % 11 === 0) await db.run(`INSERT INTO bulk SELECT 1, random() FROM range(${[10, 5000, 150000][n % 3]})`);
    if (n % 23 === 0) await db.run('DELETE FROM bulk WHERE y < 0.5');
    if (n % 31 === 0) await db.run('CREATE OR REPLACE TABLE side AS SELECT * FROM t');
    if (n % 13 === 0) {
        await db.run('BEGIN');
        await db.run('INSERT INTO t VALUES (-1)');
        await db.run('ROLLBACK');
    }
    await db.close();
    cycles++;
    writeFileSync(`${path}.ack/${n}`, '');
}
say(cycles);
done();
