/** One statement: how is "read" or "write". Prints its rows as arrays. */

import { openDuckDb } from 'duckrow';
import { done, path, say, words } from './support.mjs';

const [sql = '', how = 'read'] = words;
const db = await openDuckDb(path, { readOnly: how === 'read', busyTimeoutMs: 60_000 });
say((await db.all(sql)).map(Object.values));
await db.close();
done();
