/** A connection that has the file itself: statements, many rows, and the end. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDuckDb } from 'duckrow';
import { collect, makePath, numbers, openFiles } from './support.mjs';

void test('what one can do with it', async (t) => {
    const path = makePath(t);
    const db = await openDuckDb(path);
    assert.equal(db.path, path);
    assert.equal(db.readOnly, false);
    assert.equal(db.served, false);
    await db.run('CREATE TABLE t (i INT, s VARCHAR)');
    assert.equal((await db.run("INSERT INTO t VALUES (1, 'one'), (2, 'two')")).rowsChanged, 2);
    assert.equal((await db.run('UPDATE t SET s = $s WHERE i = $i', { i: 2, s: 'deux' })).rowsChanged, 1);
    assert.deepEqual(await db.all('SELECT * FROM t WHERE i > ? ORDER BY i', [1]), [{ i: 2, s: 'deux' }]);
    assert.deepEqual(await db.get('SELECT count(*) AS n FROM t'), { n: 2n });
    assert.equal(await db.get('SELECT * FROM t WHERE false'), undefined);
    assert.deepEqual(await db.all('DELETE FROM t WHERE i = 1 RETURNING i, s'), [{ i: 1, s: 'one' }]);
    assert.deepEqual(await db.all('INSERT INTO t VALUES (3, NULL); SELECT * FROM t WHERE i = $i', { i: 3 }), [{ i: 3, s: null }]);
    await db.close();
    const again = await openDuckDb(path);
    assert.deepEqual(await numbers(again), [2, 3]);
    await again.close();
    assert.deepEqual(openFiles(path), []);
});

void test('a prepared statement', async (t) => {
    const db = await openDuckDb(makePath(t));
    await db.run('CREATE TABLE t (i INT, s VARCHAR)');
    const insert = await db.prepare('INSERT INTO t VALUES ($i, $s)');
    assert.equal((await insert.run({ i: 1, s: 'a' })).rowsChanged, 1);
    await insert.run([2, null]);
    insert.close();
    const select = await db.prepare('SELECT * FROM t WHERE i = ?');
    assert.deepEqual(await select.all([1]), [{ i: 1, s: 'a' }]);
    assert.deepEqual(await select.get([2]), { i: 2, s: null });
    assert.deepEqual(await collect(select.stream([2])), [{ i: 2, s: null }]);
    await assert.rejects(select.all([1, 2]), { code: 'DUCKROW_USAGE', message: /1 parameters, and 2 values/ });
    select[Symbol.dispose]();
    await assert.rejects(db.prepare('SELECT * FROM nowhere'), /nowhere/);
    await db.close();
});

void test('to prepare a transaction’s beginning or end is not to begin or end it', async (t) => {
    const db = await openDuckDb(makePath(t), { idleReleaseMs: 1 });
    await db.run('CREATE TABLE t (i INT)');
    const [begin, rollback] = [await db.prepare('BEGIN'), await db.prepare('ROLLBACK')];
    const other = await openDuckDb(db.path, { exclusive: true }); // another turn: this one is not kept
    await other.close();
    await begin.run();
    await db.run('INSERT INTO t VALUES (1)');
    await db.prepare('COMMIT');
    await assert.rejects(openDuckDb(db.path, { exclusive: true, busyTimeoutMs: 200 }), { code: 'DUCKROW_BUSY' });
    await rollback.run();
    assert.deepEqual(await numbers(db), []);
    await db.close();
});

void test('rows come as they are computed, and one may leave early while the connection is used', async (t) => {
    const db = await openDuckDb(makePath(t));
    await db.run('CREATE TABLE t AS SELECT range AS i FROM range(100_000)');
    let sum = 0;
    for await (const row of db.stream<{ i: bigint }>('SELECT i FROM t ORDER BY i')) {
        sum += Number(row.i);
        if (row.i === 3n) await db.run('DELETE FROM t WHERE i > 10');
        if (row.i === 5_000n) break;
    }
    assert.equal(sum, (5_000 * 5_001) / 2);
    assert.equal((await numbers(db)).length, 11);
    assert.deepEqual(await collect(db.stream('SELECT ?::INT AS i', [7])), [{ i: 7 }]);
    await assert.rejects(collect(db.stream('SELECT * FROM nowhere')), /nowhere/);
    await db.close();
    assert.deepEqual(openFiles(db.path), []);
});

void test('rows within a transaction, and those that only this connection has', async (t) => {
    const db = await openDuckDb(makePath(t));
    await db.transaction(async () => {
        await db.run('CREATE TABLE t AS SELECT 1 AS i');
        assert.deepEqual(await collect(db.stream('FROM t')), [{ i: 1 }]);
    });
    await db.run('SET VARIABLE v = 5');
    assert.deepEqual(await collect(db.stream("SELECT getvariable('v') AS v")), [{ v: 5 }]);
    await db.run('CREATE TEMP TABLE mine AS SELECT 2 AS i');
    assert.deepEqual(await collect(db.stream('FROM mine')), [{ i: 2 }]);
    assert.deepEqual(await collect(db.stream('INSERT INTO t VALUES (9) RETURNING i')), [{ i: 9 }]);
    await collect(db.stream('PRAGMA busy_timeout=1234'));
    assert.equal(db.busyTimeoutMs, 1234);
    await db.close();
});

void test('close ends what is still looped over', async (t) => {
    const db = await openDuckDb(makePath(t));
    await db.run('CREATE TABLE t AS SELECT range AS i FROM range(100_000)');
    const rows = db.stream('FROM t')[Symbol.asyncIterator]();
    assert.deepEqual((await rows.next()).value, { i: 0n });
    await db.close();
    assert.deepEqual(openFiles(db.path), []);
    await assert.rejects(async () => {
        while (!(await rows.next()).done);
    }, /closed/);
});

void test('many rows: arrays, objects, an appender', async (t) => {
    const db = await openDuckDb(makePath(t));
    await db.run("CREATE TABLE t (i INT, s VARCHAR DEFAULT 'none')");
    assert.equal(await db.insertMany('t', [[1, 'a'], [2, null]]), 2); // prettier-ignore
    assert.equal(await db.insertMany('main.t', new Set([{ i: 3 }, { i: 4 }])), 2);
    assert.equal(await db.insertMany('t', []), 0);
    const appender = await db.appender('t');
    for (let i = 5; i < 5_005; i++) appender.append([i, `row ${i}`]);
    assert.equal(await appender.flush(), 5_000);
    appender.append({ i: 9_000 });
    assert.equal(await appender.close(), 1);
    assert.throws(() => {
        appender.append([1, 'x']);
    }, /closed/);
    assert.deepEqual(await db.all('SELECT s, count(*)::INT AS n FROM t WHERE i < 5 OR i > 8000 GROUP BY s ORDER BY s'), [
        { s: 'a', n: 1 },
        { s: 'none', n: 3 },
        { s: null, n: 1 },
    ]);
    await assert.rejects(db.appender('nowhere'), /nowhere/);
    await db.close();
});

void test('tables whose names are keywords, or have what SQL minds', async (t) => {
    const db = await openDuckDb(makePath(t));
    for (const name of ['order', 'a "b" c', 'Größe']) {
        const quoted = `"${name.replaceAll('"', '""')}"`;
        await db.run(`CREATE TABLE ${quoted} (i INT)`);
        const given = name.includes('"') ? quoted : name;
        assert.equal(await db.insertMany(given, [[1]]), 1);
        await using appender = await db.appender(given);
        appender.append([2]);
    }
    assert.deepEqual(await numbers(db, '"order"'), [1, 2]);
    await assert.rejects(db.insertMany('t; DROP TABLE "order"', [[1]]), { code: 'DUCKROW_USAGE' });
    await assert.rejects(db.insertMany('"order', [[1]]), { code: 'DUCKROW_USAGE' });
    await db.close();
});

void test('an appender keeps rows that could not be inserted', async (t) => {
    const db = await openDuckDb(makePath(t));
    await db.run('CREATE TABLE t (i INT PRIMARY KEY)');
    await db.run('INSERT INTO t VALUES (2)');
    const appender = await db.appender('t');
    appender.append([1]);
    appender.append([2]);
    await assert.rejects(appender.flush(), /[Dd]uplicate key/);
    assert.deepEqual(await numbers(db), [2]);
    await db.run('DELETE FROM t');
    assert.equal(await appender.close(), 2);
    await db.close();
});

void test('the end', async (t) => {
    const path = makePath(t);
    {
        await using db = await openDuckDb(path);
        await db.run('CREATE TABLE t (i INT)');
        const running = db.run('INSERT INTO t SELECT range FROM range(1000)');
        await Promise.all([db.close(), db.close(), running]); // what has begun is ended first
    }
    const db = await openDuckDb(path);
    assert.equal((await numbers(db)).length, 1000);
    const statement = await db.prepare('FROM t');
    await db.run('BEGIN');
    await db.run('DELETE FROM t');
    await db.close();
    const gone = { code: 'DUCKROW_USAGE', sqlState: '08003' };
    await db.close();
    await assert.rejects(db.run('SELECT 1'), gone);
    await assert.rejects(db.all('SELECT 1'), gone);
    await assert.rejects(db.prepare('SELECT 1'), gone);
    await assert.rejects(statement.all(), gone);
    await assert.rejects(collect(db.stream('SELECT 1')), gone);
    await assert.rejects(db.insertMany('t', [[1]]), gone);
    await assert.rejects(
        db.transaction(() => Promise.resolve()),
        gone,
    );
    const again = await openDuckDb(path);
    assert.equal((await numbers(again)).length, 1000, 'an open transaction is rolled back');
    await again.close();
});
