/** Holds an open transaction until told. */

import { openDuckDb } from 'duckrow';
import { done, path, say, told } from './support.mjs';

const db = await openDuckDb(path);
await db.transaction(async (tx) => {
    await tx.run('INSERT INTO t VALUES (2)');
    say('holds');
    await told();
});
await db.close();
say('committed');
await told();
done();
