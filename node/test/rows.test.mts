/** What rows may look like, and what is refused: embedded and at a service. */

import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { inspect } from 'node:util';
import { type DuckDb, openDuckDb, type Parameter } from 'duckrow';
import { cleanUp, makePath, numbers, Service } from './support.mjs';

for (const kind of ['embedded', 'served'] as const)
    void describe(kind, { concurrency: 4 }, () => {
        async function open(t: TestContext, columns: string): Promise<DuckDb> {
            const path = makePath(t);
            if (kind === 'served') await Service.start(t, path);
            const db = await openDuckDb(path);
            cleanUp(t, () => db.close());
            await db.run(`CREATE TABLE t (${columns})`);
            return db;
        }

        void test('what a type can’t hold is DuckDB’s error', async (t) => {
            const db = await open(t, 'i INT');
            const cases: [string, Parameter][] = [
                ['TINYINT', 128],
                ['UTINYINT', -1],
                ['SMALLINT', 32_768],
                ['INTEGER', 2 ** 31],
                ['INTEGER', -(2 ** 31) - 1],
                ['UINTEGER', 2 ** 32],
                ['BIGINT', 2n ** 63n],
                ['BIGINT', 1e19],
                ['UBIGINT', -1n],
                ['UBIGINT', 2n ** 64n],
                ['HUGEINT', 2n ** 127n],
                ['UHUGEINT', 2n ** 128n + 1n],
                ['UHUGEINT', -1n],
                ['DECIMAL(4, 1)', 1_000],
                ['TINYINT[]', [1, 300]],
                ['STRUCT(a TINYINT)', { a: 300 }],
                ['DATE', 'no date'],
                ['INTEGER', 'no number'],
                ["ENUM('a')", 'b'],
                ['UUID', 'no-uuid'],
                ['TIMESTAMP_NS', new Date('9999-01-01')],
                ['JSON', '{'],
            ];
            for (const [type, value] of cases) {
                await db.run(`CREATE OR REPLACE TABLE t (v ${type})`);
                const what = `${type} ${inspect(value)}`;
                await assert.rejects(db.run('INSERT INTO t VALUES (?)', [value]), /Error|range|invalid|malformed/i, what);
                await assert.rejects(db.insertMany('t', [[null], [value]]), /Error|range|invalid|malformed/i, what);
                assert.deepEqual(await db.all('FROM t'), [], what);
            }
            await db.run('CREATE OR REPLACE TABLE t (v TIMESTAMP)');
            await assert.rejects(db.run('INSERT INTO t VALUES (?)', [new Date(NaN)]), { code: 'DUCKROW_USAGE' });
            await assert.rejects(db.insertMany('t', [[new Date(NaN)]]), { code: 'DUCKROW_USAGE' });
        });

        void test('all rows or none', async (t) => {
            const db = await open(t, 'i INT CHECK (i < 100)');
            await assert.rejects(
                db.insertMany(
                    't',
                    Array.from({ length: 5_000 }, (_, i) => [i]),
                ),
                /CHECK/,
            );
            assert.deepEqual(await numbers(db), []);
            assert.equal(
                await db.insertMany(
                    't',
                    Array.from({ length: 100 }, (_, i) => [i]),
                ),
                100,
            );
        });

        void test('columns that none of the objects has take their defaults, values that some lack are NULL', async (t) => {
            const db = await open(t, 'i INT, s VARCHAR DEFAULT \'none\', "Odd name" INT DEFAULT 7');
            await db.insertMany('t', [{ i: 1 }, { i: 2, s: 'two' }]);
            await db.insertMany('t', [{ 'Odd name': 3 }]);
            assert.deepEqual(await db.all('FROM t ORDER BY i'), [
                { i: 1, s: null, 'Odd name': 7 },
                { i: 2, s: 'two', 'Odd name': 7 },
                { i: null, s: 'none', 'Odd name': 3 },
            ]);
            await assert.rejects(db.insertMany('t', [{ j: 1 }]), /\bj\b/);
        });

        void test('values of several kinds in one column', async (t) => {
            const db = await open(t, 'i INT, d DOUBLE, s VARCHAR');
            await db.insertMany('t', [
                [1, 1, 'a'],
                ['2', '2.5', 5],
                [3n, 3n, true],
                [undefined, null, null],
            ]);
            assert.deepEqual(await db.all('FROM t ORDER BY i'), [
                { i: 1, d: 1, s: 'a' },
                { i: 2, d: 2.5, s: '5' },
                { i: 3, d: 3, s: 'true' },
                { i: null, d: null, s: null },
            ]);
        });

        void test('rows that are none', async (t) => {
            const db = await open(t, 'i INT, s VARCHAR');
            const usage = { code: 'DUCKROW_USAGE' };
            await assert.rejects(db.insertMany('t', [[1, 'a'], { i: 2 }]), usage);
            await assert.rejects(db.insertMany('t', [{}]), usage);
            await assert.rejects(db.insertMany('t', [5] as never), usage);
            await assert.rejects(db.insertMany('t', [null] as never), usage);
            await assert.rejects(db.insertMany('t', [[1]]), /columns|column/);
            await assert.rejects(db.insertMany('t', [[1, 'a', 2]]), /columns|column/);
            await assert.rejects(db.insertMany('nowhere', [[1]]), /nowhere/);
            assert.deepEqual(await db.all('FROM t'), []);
            assert.equal(await db.insertMany('t', []), 0);
        });

        void test('parameters by position and by name', async (t) => {
            const db = await open(t, 'i INT, s VARCHAR');
            const sql = "INSERT INTO t SELECT $i, $s || ' $s' /* $no */ WHERE $i > 0 -- $no";
            await db.run(sql, { i: 1, s: 'x' });
            await db.run('INSERT INTO t VALUES ($2, $1)', ['y', 2]);
            assert.deepEqual(await db.all('FROM t ORDER BY i'), [
                { i: 1, s: 'x $s' },
                { i: 2, s: 'y' },
            ]);
            await assert.rejects(db.run(sql, { i: 1 }), /\bs\b/);
            await assert.rejects(db.run('INSERT INTO t VALUES ($i, NULL)', { i: 1, s: 'x' }), /no parameter \$s/);
            await assert.rejects(db.run('INSERT INTO t VALUES (?, ?)', [1]));
            assert.deepEqual(await db.all('SELECT i FROM t WHERE list_contains($all, i)', { all: [2, 5] }), [{ i: 2 }]);
        });

        void test('columns of the same name', async (t) => {
            const db = await open(t, 'i INT');
            const sql = 'SELECT 1 AS a, 2 AS a, 3 AS a, 4 AS b';
            const plain = await db.all(sql);
            assert.deepEqual(await db.transaction(() => db.all(sql)), plain);
            assert.equal(Object.keys(plain[0] ?? {}).length, 4);
        });
    });

void test('values in places whose type is not known', async (t) => {
    const db = await openDuckDb(makePath(t));
    const now = new Date('2024-05-06T07:08:09.123Z');
    assert.deepEqual(await db.get('SELECT ? AS a, ? AS b, ? AS c, ? AS d', [now, [1, null], { x: 'y' }, 5n]), {
        a: now,
        b: [1n, null],
        c: { x: 'y' },
        d: 5n,
    });
    await db.close();
});
