/** Who waits for whom on one connection, embedded and at a service. */

import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { BusyError, type DuckDb, IdleError, openDuckDb, type OpenOptions } from 'duckrow';
import { cleanUp, makePath, numbers, promised, Service, sleep, waitUntil } from './support.mjs';

function watchWarnings(t: TestContext): string[] {
    const seen: string[] = [];
    const listen = (warning: Error) => {
        seen.push(`${warning.name}: ${warning.message}`);
    };
    process.on('warning', listen);
    cleanUp(t, () => process.off('warning', listen));
    return seen;
}

for (const kind of ['embedded', 'served'] as const)
    void describe(kind, { concurrency: 4 }, () => {
        async function open(t: TestContext, options: OpenOptions = {}): Promise<DuckDb> {
            const path = makePath(t);
            if (kind === 'served') await Service.start(t, path);
            const db = await openDuckDb(path, options);
            cleanUp(t, () => db.close());
            assert.equal(db.served, kind === 'served');
            await db.run('CREATE TABLE t (i INT)');
            return db;
        }

        void test('it is committed when all has succeeded, else rolled back', async (t) => {
            const db = await open(t);
            const result = await db.transaction(async (same) => {
                assert.equal(same, db);
                await same.run('INSERT INTO t VALUES (1)');
                await same.insertMany('t', [[2]]);
                assert.deepEqual(await numbers(same), [1, 2]);
                return 'done';
            });
            assert.equal(result, 'done');
            await assert.rejects(
                db.transaction(async () => {
                    await db.run('DELETE FROM t');
                    throw new Error('changed my mind');
                }),
                /changed my mind/,
            );
            await assert.rejects(
                db.transaction(() => db.run('SELEKT')),
                /SELEKT/,
            );
            assert.deepEqual(await numbers(db), [1, 2]);
        });

        void test('what has failed in it can’t be committed, though nobody minded', async (t) => {
            const db = await open(t);
            await db.run('CREATE TABLE u (i INT PRIMARY KEY)');
            await assert.rejects(
                db.transaction(async () => {
                    await db.run('INSERT INTO u VALUES (1)');
                    await assert.rejects(db.run('INSERT INTO u VALUES (1)'), /[Dd]uplicate key/);
                }),
                /rolled .* back|aborted/,
            );
            assert.deepEqual(await numbers(db, 'u'), []);
            await db.transaction(() => db.run('INSERT INTO u VALUES (2)'));
            assert.deepEqual(await numbers(db, 'u'), [2]);
        });

        void test('other code waits, what is called within joins', async (t) => {
            const db = await open(t);
            const seen: number[][] = [];
            const { promise: inside, resolve: begun } = promised();
            const others = inside.then(async () => {
                await Promise.all([db.run('INSERT INTO t VALUES (10)'), db.insertMany('t', [[11]])]);
                seen.push(await numbers(db));
            });
            await db
                .transaction(async () => {
                    await db.run('INSERT INTO t VALUES (1)');
                    begun();
                    await Promise.all([db.run('INSERT INTO t VALUES (2)'), db.insertMany('t', [[3]]), sleep(30)]);
                    seen.push(await numbers(db));
                    throw new Error('no');
                })
                .catch(() => undefined);
            await others;
            assert.deepEqual(seen, [[1, 2, 3], [10, 11]]); // prettier-ignore
        });

        void test('what was called before is no part of it', async (t) => {
            const db = await open(t, { idleReleaseMs: 1 });
            await sleep(120); // embedded: the turn is given up
            const calls = [db.run('INSERT INTO t VALUES (1)'), db.insertMany('t', [[2]])];
            const failed = db.transaction(async () => {
                await db.run('INSERT INTO t VALUES (3)');
                throw new Error('no');
            });
            const later = db.run('INSERT INTO t VALUES (4)');
            await assert.rejects(failed, /no/);
            await Promise.all([...calls, later]);
            assert.deepEqual(await numbers(db), [1, 2, 4]);
        });

        void test('what a failed transaction has begun and not waited for does not outlive it', async (t) => {
            const db = await open(t);
            await assert.rejects(
                db.transaction(() => {
                    const all = Array.from({ length: 20 }, (_, i) => db.run('INSERT INTO t VALUES (?)', [i]));
                    for (const each of all) each.catch(() => undefined);
                    return Promise.reject(new Error('at once'));
                }),
                /at once/,
            );
            assert.deepEqual(await numbers(db), []);
            await db.transaction(() => {
                void db.run('INSERT INTO t VALUES (1)');
                return Promise.resolve();
            });
            assert.deepEqual(await numbers(db), [1]);
        });

        void test('many at once: one after the other, none lost', async (t) => {
            const db = await open(t);
            await db.run('INSERT INTO t VALUES (0)');
            const add = () =>
                db.transaction(async () => {
                    const row = await db.get<{ i: number }>('SELECT i FROM t');
                    await db.run('UPDATE t SET i = ?', [(row?.i ?? 0) + 1]);
                });
            await Promise.all(Array.from({ length: 20 }, add));
            assert.deepEqual(await numbers(db), [20]);
        });

        void test('statements happen in the order of their calls', async (t) => {
            const db = await open(t);
            const all = [];
            for (let i = 0; i < 20; i++) all.push(db.run(`UPDATE t SET i = ${i}`), db.run(`INSERT INTO t VALUES (${i})`));
            await Promise.all(all);
            assert.deepEqual(await numbers(db), Array<number>(19).fill(19).concat(19));
        });

        void test('rows inserted at once in one transaction', async (t) => {
            const db = await open(t);
            await db.run('BEGIN');
            await Promise.all([db.insertMany('t', [[1], [2], [3]]), db.insertMany('t', [[4]]), db.insertMany('t', [[5], [6]])]);
            await db.run('COMMIT');
            assert.deepEqual(await numbers(db), [1, 2, 3, 4, 5, 6]);
        });

        void test('BEGIN and COMMIT as statements', async (t) => {
            const db = await open(t);
            await db.run('BEGIN');
            await db.run('INSERT INTO t VALUES (1)');
            assert.deepEqual(await numbers(db), [1]);
            await db.run('ROLLBACK');
            await db.run('BEGIN; INSERT INTO t VALUES (2)');
            await db.run('INSERT INTO t VALUES (3); COMMIT');
            if (kind === 'embedded') await assert.rejects(db.run('COMMIT'), /no transaction/); // PostgreSQL's way is a warning
            assert.deepEqual(await numbers(db), [2, 3]);
        });

        void test('one within another is refused, and a second one waits no longer than it may', async (t) => {
            const db = await open(t);
            await db.transaction(async () => {
                await assert.rejects(
                    db.transaction(() => Promise.resolve()),
                    { code: 'DUCKROW_USAGE' },
                );
                await db.run('INSERT INTO t VALUES (1)');
            });
            const { promise: wait, resolve: end } = promised();
            const first = db.transaction(() => wait);
            await assert.rejects(
                (async () => {
                    db.busyTimeoutMs = 30;
                    await db.transaction(() => Promise.resolve());
                })(),
                BusyError,
            );
            await assert.rejects(db.run('INSERT INTO t VALUES (2)'), BusyError);
            db.busyTimeoutMs = 10_000;
            const third = db.run('INSERT INTO t VALUES (3)');
            end();
            await Promise.all([first, third]);
            assert.deepEqual(await numbers(db), [1, 3]);
        });

        void test('an idle one is rolled back, and says so', async (t) => {
            const warnings = watchWarnings(t);
            const db = await open(t, { idleInTransactionTimeoutMs: 1_200 });
            await db.run('BEGIN');
            await db.run('INSERT INTO t VALUES (1)');
            const told = db.transaction.bind(db);
            await sleep(1_500);
            if (kind === 'embedded') {
                await waitUntil('it is warned of', () => warnings.length > 0);
                assert.match(
                    warnings.join('\n'),
                    /DuckrowIdleTransactionWarning: an open transaction keeps .* from all other writers/,
                );
            }
            await assert.rejects(db.run('INSERT INTO t VALUES (2)'), (error) => {
                assert.ok(error instanceof IdleError, String(error));
                assert.equal(error.sqlState, '25P03');
                return true;
            });
            if (kind === 'served') await db.run('ROLLBACK').catch(() => undefined);
            assert.deepEqual(await numbers(db), []);
            await told(() => db.run('INSERT INTO t VALUES (3)'));
            assert.deepEqual(await numbers(db), [3]);
        });

        void test('nothing goes on outside of one that was rolled back meanwhile', async (t) => {
            const db = await open(t, { idleInTransactionTimeoutMs: 150 });
            await assert.rejects(
                db.transaction(async () => {
                    await db.run('INSERT INTO t VALUES (1)');
                    await sleep(600);
                    await assert.rejects(db.run('INSERT INTO t VALUES (2)'), IdleError);
                    await assert.rejects(db.run('INSERT INTO t VALUES (3)'));
                    await assert.rejects(db.insertMany('t', [[4]]));
                }),
            );
            assert.deepEqual(await numbers(db), []);
        });
    });
