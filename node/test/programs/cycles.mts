/** Opens, inserts a row, closes, so many times; prints when each has ended, in seconds. */

import { openDuckDb } from 'duckrow';
import { done, path, say, told, words } from './support.mjs';

const [who = '0', cycles = '1'] = words;
say('ready');
await told();
for (let i = 0; i < Number(cycles); i++) {
    const db = await openDuckDb(path, { busyTimeoutMs: 60_000 });
    await db.run('INSERT INTO t VALUES (?, ?)', [Number(who), i]);
    await db.close();
    say(Date.now() / 1000);
}
done();
