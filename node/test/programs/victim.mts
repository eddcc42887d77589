/** Writes and acknowledges until it is killed. */

import { openDuckDb } from 'duckrow';
import { path, say, words } from './support.mjs';

for (let n = Number(words[0]); ; n++) {
    const db = await openDuckDb(path, { busyTimeoutMs: 60_000 });
    await db.run('INSERT INTO t VALUES (?)', [n]);
    if (n % 7 === 0) await db.run('INSERT INTO bulk SELECT range FROM range(20000)');
    await db.close();
    say(n);
}
