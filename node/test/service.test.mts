/** A connection to a database that a service has. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BusyError, IdleError, openDuckDb, ServiceError, status } from 'duckrow';
import { cleanUp, collect, duckrow, holdTurn, makePath, numbers, openFiles, runNode, Service, sleep } from './support.mjs';

void test('what one can do with it', async (t) => {
    const path = makePath(t);
    await Service.start(t, path);
    const db = await openDuckDb(path);
    assert.equal(db.path, path);
    assert.equal(db.readOnly, false);
    assert.equal(db.served, true);
    await db.run('CREATE TABLE t (i INT, s VARCHAR)');
    assert.equal((await db.run("INSERT INTO t VALUES (1, 'one'), (2, 'two')")).rowsChanged, 2);
    assert.equal((await db.run('UPDATE t SET s = $s WHERE i = $i', { i: 2, s: 'deux' })).rowsChanged, 1);
    assert.equal((await db.run('SELECT * FROM t')).rowsChanged, 0);
    assert.deepEqual(await db.all('SELECT * FROM t WHERE i > ? ORDER BY i', [1]), [{ i: 2, s: 'deux' }]);
    assert.deepEqual(await db.get('SELECT count(*) AS n FROM t'), { n: 2n });
    assert.equal(await db.get('SELECT * FROM t WHERE false'), undefined);
    assert.deepEqual(await db.all('DELETE FROM t WHERE i = 1 RETURNING i, s'), [{ i: 1, s: 'one' }]);
    assert.deepEqual(await db.all('WITH n AS (SELECT 5 AS i) INSERT INTO t SELECT i, NULL FROM n RETURNING i'), [{ i: 5 }]);
    assert.deepEqual(await db.all('INSERT INTO t VALUES (7, NULL); SELECT count(*)::INT AS n FROM t'), [{ n: 3 }]);
    assert.deepEqual(await collect(db.stream('SELECT i FROM t WHERE i < ? ORDER BY i', [6])), [{ i: 2 }, { i: 5 }]);
    await assert.rejects(db.all('SELECT * FROM nowhere'), /nowhere/);
    await assert.rejects(db.run('SELEKT'), (error) => {
        assert.ok(error instanceof ServiceError);
        assert.equal(error.code, 'DUCKROW_SQL');
        assert.equal(error.sqlState, '42601');
        return true;
    });
    await db.close();
    await db.close();
    const gone = { code: 'DUCKROW_USAGE', sqlState: '08003' };
    await assert.rejects(db.run('DELETE FROM t'), gone);
    await assert.rejects(db.all('FROM t'), gone);
    await assert.rejects(collect(db.stream('FROM t')), gone);
    await assert.rejects(db.prepare('FROM t'), gone);
    await assert.rejects(db.insertMany('t', []), gone);
    await assert.rejects(
        db.transaction(() => Promise.resolve()),
        gone,
    );
    assert.deepEqual(openFiles(path), []);
});

void test('prepared statements, an appender, and text that COPY has to escape', async (t) => {
    const path = makePath(t);
    await Service.start(t, path);
    await using db = await openDuckDb(path);
    await db.run('CREATE TABLE t (i INT, s VARCHAR)');
    const insert = await db.prepare('INSERT INTO t VALUES ($i, $s)');
    for (let i = 0; i < 3; i++) assert.equal((await insert.run({ i, s: `row ${i}` })).rowsChanged, 1);
    const select = await db.prepare('SELECT s FROM t WHERE i = $i');
    assert.deepEqual(await select.get({ i: 2 }), { s: 'row 2' });
    assert.deepEqual(await db.transaction(() => select.all({ i: 1 })), [{ s: 'row 1' }]);
    assert.deepEqual(await collect(select.stream([0])), [{ s: 'row 0' }]);
    await db.run('DELETE FROM t');
    const texts = [
        '\\.',
        '\\N',
        'a\tb',
        'a\nb',
        'a\r\nb',
        '\\',
        '\\\\n',
        '',
        ' ',
        '"',
        "'",
        'NULL',
        'ü🦆',
        '\b\f\v',
        '{a,b}',
        null,
    ];
    await using appender = await db.appender('t');
    texts.forEach((s, i) => {
        appender.append([i, s]);
    });
    assert.equal(await appender.flush(), texts.length);
    assert.deepEqual(
        (await db.all('SELECT s FROM t ORDER BY i')).map((row) => row.s),
        texts,
    );
    await db.insertMany(
        't',
        Array.from({ length: 20_000 }, (_, i) => ({ i, s: 'x'.repeat(i % 50) })),
    );
    assert.deepEqual(await db.get('SELECT count(*)::INT AS n FROM t'), { n: 20_000 + texts.length });
});

void test('what is written is seen at once, whoever reads', async (t) => {
    const path = makePath(t);
    await Service.start(t, path);
    const [a, b] = await Promise.all([openDuckDb(path), openDuckDb(path)]);
    await a.run('CREATE TABLE t (i INT)');
    for (let i = 0; i < 30; i++) {
        const reads = [b.all('FROM t'), a.all('FROM t')]; // a snapshot may be on its way to be opened
        await a.run('INSERT INTO t VALUES (?)', [i]);
        assert.equal((await numbers(a)).length, i + 1);
        assert.equal((await numbers(b)).length, i + 1);
        await Promise.all(reads);
    }
    await Promise.all([a.close(), b.close()]);
    assert.deepEqual(openFiles(path), []);
});

void test('temporary tables and settings stay with the session', async (t) => {
    const path = makePath(t);
    const service = await Service.start(t, path);
    await using db = await openDuckDb(path);
    await db.run('CREATE TEMP TABLE mine AS SELECT 7 AS i');
    assert.deepEqual(await numbers(db, 'mine'), [7]);
    assert.deepEqual(await collect(db.stream('FROM mine')), [{ i: 7 }]);
    await service.stop();
    await service.start();
    await assert.rejects(db.all('FROM mine'), { name: 'ServiceError', sqlState: '08006', message: /temporary tables/ });
    assert.deepEqual(await db.all('SELECT 1 AS i'), [{ i: 1 }]);
    await assert.rejects(db.all('FROM mine'), /mine/);
});

for (const end of ['stop', 'kill'] as const)
    void test(`a service that is started again after ${end}`, async (t) => {
        const path = makePath(t);
        const service = await Service.start(t, path);
        const db = await openDuckDb(path);
        cleanUp(t, () => db.close());
        await db.run('CREATE TABLE t (i INT)');
        await db.run('PRAGMA busy_timeout=4321');
        const insert = await db.prepare('INSERT INTO t VALUES ($1)');
        await insert.run([0]);

        await service[end]();
        await service.start();
        await Promise.all([insert.run([1]), db.run('INSERT INTO t VALUES (2)'), db.insertMany('t', [[3]])]);
        assert.deepEqual(await numbers(db), [0, 1, 2, 3]);
        const [row] = await db.transaction(() => db.all<{ v: string }>("SELECT current_setting('busy_timeout') AS v"));
        assert.match(row?.v ?? '', /4321/);
        db.busyTimeoutMs = 1234;
        await db.run('INSERT INTO t VALUES (7)');
        assert.deepEqual(await db.all('SHOW busy_timeout'), [{ busy_timeout: '1234ms' }]);
        await db.run('DELETE FROM t WHERE i = 7');
        if (end === 'stop') return; // it would wait for the transaction

        await assert.rejects(
            db.transaction(async () => {
                await db.run('INSERT INTO t VALUES (4)');
                await service[end]();
                await service.start();
                await assert.rejects(db.run('INSERT INTO t VALUES (5)'));
                await assert.rejects(db.insertMany('t', [[6]]));
                await assert.rejects(db.all('FROM t'));
            }),
            { name: 'ServiceError' },
        );
        assert.deepEqual(await numbers(db), [0, 1, 2, 3]);

        await db.run('BEGIN');
        await db.run('INSERT INTO t VALUES (7)');
        await service[end]();
        await service.start();
        await assert.rejects(db.run('INSERT INTO t VALUES (8)'), { name: 'ServiceError', message: /transaction/ });
        await db.run('INSERT INTO t VALUES (9)');
        assert.deepEqual(await numbers(db), [0, 1, 2, 3, 9]);
    });

void test('a service that is gone for good', async (t) => {
    const path = makePath(t);
    const service = await Service.start(t, path);
    const db = await openDuckDb(path, { busyTimeoutMs: 200 });
    await db.run('CREATE TABLE t (i INT)');
    await service.stop();
    await assert.rejects(db.run('INSERT INTO t VALUES (1)'), { name: 'ServiceError', message: /open it again/ });
    assert.deepEqual(await db.all('FROM t'), []);
    const embedded = await openDuckDb(path);
    assert.equal(embedded.served, false);
    await Promise.all([embedded.close(), db.close()]);
});

void test('what another session has changed makes it wait, and fail where that is too long', async (t) => {
    const path = makePath(t);
    await Service.start(t, path);
    const [a, b] = await Promise.all([openDuckDb(path), openDuckDb(path, { busyTimeoutMs: 300 })]);
    await a.run('CREATE TABLE t AS SELECT 1 AS i');
    await a.run('BEGIN');
    await a.run('UPDATE t SET i = 2');
    await assert.rejects(b.run('UPDATE t SET i = 3'), { name: 'ServiceError', sqlState: '40001' });
    await a.run('COMMIT');
    await b.run('UPDATE t SET i = i + 2');
    assert.deepEqual(await numbers(a), [4]);
    await Promise.all([a.close(), b.close()]);
});

void test('exclusive: the service makes way, and takes it back', async (t) => {
    const path = makePath(t);
    await Service.start(t, path);
    const db = await openDuckDb(path);
    await db.run('CREATE TABLE t (i INT)');
    const own = await openDuckDb(path, { exclusive: true });
    assert.equal(own.served, false);
    await own.run('INSERT INTO t VALUES (1)');
    const waiting = db.run('INSERT INTO t VALUES (2)');
    assert.equal((await status(path)).holder?.kind, 'hold');
    await own.close();
    await waiting;
    assert.deepEqual(await numbers(db), [1, 2]);
    await db.close();
});

void test('a transaction that sits idle there', async (t) => {
    const path = makePath(t);
    await Service.start(t, path);
    await using db = await openDuckDb(path);
    await db.run('CREATE TABLE t (i INT)');
    await db.run('SET idle_in_transaction_timeout = 100');
    await db.run('BEGIN');
    await db.run('INSERT INTO t VALUES (1)');
    await sleep(700);
    await assert.rejects(db.all('FROM t'), IdleError);
});

void test('an idle connection does not keep the program running, what it waits for does', async (t) => {
    const path = makePath(t);
    await Service.start(t, path);
    const other = runNode(
        t,
        path,
        `process.stdin.destroy(); const db = await openDuckDb(path);
        await db.run('CREATE TABLE t (i INT)');
        await Promise.all([db.run('INSERT INTO t VALUES (1)'), db.run('INSERT INTO t SELECT count(*)::INT FROM range(100_000_000)')]);
        console.log('done');`,
    );
    await other.says(/done/);
    assert.equal(await other.finish(), 0, other.errors);
    assert.doesNotMatch(other.errors, /Warning/);
});

void test('without snapshots the service answers', async (t) => {
    const path = makePath(t);
    await duckrow('sql', '--write', path, 'CREATE TABLE t AS SELECT 1 AS i');
    await duckrow('config', path, 'snapshots', 'off');
    await Service.start(t, path);
    await using db = await openDuckDb(path);
    const began = performance.now();
    assert.deepEqual(await numbers(db), [1]);
    await db.run('INSERT INTO t VALUES (2)');
    assert.deepEqual(await collect(db.stream('SELECT i FROM t ORDER BY i')), [{ i: 1 }, { i: 2 }]);
    assert.ok(performance.now() - began < 8_000, 'nobody waits for a turn');
});

void test('while others hold what a service wants', async (t) => {
    const path = makePath(t);
    const service = await Service.start(t, path);
    await using db = await openDuckDb(path, { busyTimeoutMs: 300 });
    await db.run('CREATE TABLE t (i INT)');
    const other = await holdTurn(t, path);
    await assert.rejects(db.run('INSERT INTO t VALUES (1)'), (error) => {
        assert.ok(error instanceof BusyError, String(error));
        assert.equal(error.holder?.pid, other.pid);
        return true;
    });
    assert.deepEqual(await db.all('FROM t'), []); // readers notice nothing
    await other.finish();
    db.busyTimeoutMs = 10_000;
    await db.run('PRAGMA busy_timeout=10000');
    await db.run('INSERT INTO t VALUES (2)');
    await service.stop();
});
