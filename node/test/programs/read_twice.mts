/** Prints how many rows there are, and once more when told, on the same connection. */

import { openDuckDb } from 'duckrow';
import { done, path, say, told } from './support.mjs';

const db = await openDuckDb(path, { readOnly: true });
const count = async () => (await db.runAndReadAll('SELECT count(*)::INTEGER FROM t')).getRows()[0]?.[0];
say(await count());
await told();
say(await count());
await db.close();
done();
