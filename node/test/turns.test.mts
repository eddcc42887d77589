/** Who has the file: the connections of this process together, and other processes by turns. */

import assert from 'node:assert/strict';
import { copyFileSync, existsSync, renameSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { type DuckDb, openDuckDb, status } from 'duckrow';
import { cleanUp, duckrow, holdTurn, makePath, numbers, openFiles, runNode, sleep, waitUntil } from './support.mjs';

async function isHeld(path: string): Promise<boolean> {
    return (await status(path)).held;
}

void test('connections of one process share the turn', async (t) => {
    const path = makePath(t);
    const [a, b, c] = await Promise.all([openDuckDb(path), openDuckDb(path, { busyTimeoutMs: 1_000 }), openDuckDb(path)]);
    await a.run('CREATE TABLE t (i INT)');
    await Promise.all([a, b, c].map((db, i) => db.run('INSERT INTO t VALUES (?)', [i])));
    await a.transaction(async () => {
        await a.run('INSERT INTO t VALUES (3)');
        await b.run('INSERT INTO t VALUES (4)'); // beside it
        assert.deepEqual(await numbers(c), [0, 1, 2, 4]);
    });
    await a.close();
    assert.deepEqual(await numbers(b), [0, 1, 2, 3, 4]);
    await Promise.all([b.close(), c.close()]);
    assert.equal(await isHeld(path), false);
});

void test('opened and closed at the same time, in any order', async (t) => {
    const path = makePath(t);
    const open: DuckDb[] = [];
    let inserted = 0;
    const first = await openDuckDb(path);
    await first.run('CREATE TABLE t (i INT)');
    await first.close();
    const one = async (i: number) => {
        await sleep((i * 7) % 30);
        const db = await openDuckDb(path);
        open.push(db);
        await db.run('INSERT INTO t VALUES (?)', [inserted++]);
        const other = open[(i * 5) % open.length];
        if (i % 3 === 0) await db.close();
        else if (other && i % 3 === 1) await Promise.all([other.close(), openDuckDb(path).then((another) => another.close())]);
    };
    await Promise.all(
        Array.from({ length: 30 }, (_, i) =>
            one(i).catch((error: unknown) => {
                assert.match(String(error), /closed/); // by another of these
            }),
        ),
    );
    await Promise.all(open.map((db) => db.close()));
    assert.equal(await isHeld(path), false);
    const last = await openDuckDb(path);
    assert.ok((await numbers(last)).length >= 20);
    await last.close();
    assert.deepEqual(openFiles(path), []);
});

void test('different settings are different turns', async (t) => {
    const path = makePath(t);
    const a = await openDuckDb(path);
    await a.run('CREATE TABLE t (i INT)');
    const b = await openDuckDb(path, { config: { threads: '1' } });
    assert.deepEqual(await b.all("SELECT current_setting('threads')::INT AS n"), [{ n: 1 }]);
    for (let i = 0; i < 3; i++) {
        await b.run('INSERT INTO t VALUES (?)', [i]);
        await a.run('INSERT INTO t VALUES (?)', [i + 10]);
    }
    assert.deepEqual(await numbers(b), [0, 1, 2, 10, 11, 12]);
    await Promise.all([a.close(), b.close()]);
});

void test('an idle connection gives its turn up, and works on', async (t) => {
    const path = makePath(t);
    const db = await openDuckDb(path, { idleReleaseMs: 60 });
    await db.run('CREATE TABLE t (i INT)');
    await db.run('CREATE TEMP TABLE mine AS SELECT 7 AS i');
    const insert = await db.prepare('INSERT INTO t VALUES (?)');
    const select = await db.prepare('SELECT count(*)::INT AS n FROM t');
    await insert.run([1]);
    await waitUntil('the turn is given up', async () => !(await isHeld(path)));
    assert.match(await duckrow('sql', '--format=csv', path, 'SELECT i FROM t'), /\b1\b/);
    await duckrow('sql', '--write', path, 'INSERT INTO t VALUES (2)');
    await insert.run([3]);
    assert.equal(await isHeld(path), true);
    assert.deepEqual(await select.all(), [{ n: 3 }]);
    assert.deepEqual(await numbers(db, 'mine'), [7]);
    await db.close();
});

void test('at once where another process waits, and never where it is told so', async (t) => {
    const path = makePath(t);
    const db = await openDuckDb(path, { idleReleaseMs: 60_000 });
    await db.run('CREATE TABLE t (i INT)');
    await sleep(200);
    assert.equal(await isHeld(path), true);
    await duckrow('sql', '--write', path, 'INSERT INTO t VALUES (2)');
    assert.deepEqual(await numbers(db), [2]);
    await db.run('SET idle_release = 0');
    await assert.rejects(duckrow('sql', '--write', '--timeout=1s', path, 'INSERT INTO t VALUES (3)'), /is busy/);
    assert.equal(await isHeld(path), true);
    await db.close();
});

void test('a connection in constant use lets others have it, too', async (t) => {
    const path = makePath(t);
    const db = await openDuckDb(path);
    await db.run('CREATE TABLE t (i INT)');
    const stop = new AbortController();
    const busy = (async () => {
        while (!stop.signal.aborted) await db.run('INSERT INTO t VALUES (1)');
    })();
    const other = runNode(
        t,
        path,
        "const db = await openDuckDb(path); await db.run('INSERT INTO t VALUES (2)'); await db.close(); console.log('in');",
    );
    await other.says(/in/);
    stop.abort();
    await busy;
    assert.equal(await other.finish(), 0);
    assert.ok((await numbers(db)).includes(2));
    await db.close();
});

void test('an open transaction keeps the turn', async (t) => {
    const path = makePath(t);
    const db = await openDuckDb(path, { idleReleaseMs: 1 });
    await db.run('BEGIN');
    await db.run('CREATE TABLE t (i INT)');
    await sleep(200);
    assert.equal(await isHeld(path), true);
    await db.run('COMMIT');
    await waitUntil('the turn is given up', async () => !(await isHeld(path)));
    await db.close();
});

void test('a process that ends without closing has published', async (t) => {
    const path = makePath(t);
    const other = runNode(t, path, "const db = await openDuckDb(path); await db.run('CREATE TABLE t AS SELECT 1 AS i');");
    assert.equal(await other.finish(), 0, other.errors);
    const reader = await openDuckDb(path, { readOnly: true });
    assert.ok(reader.sequence);
    assert.deepEqual(await numbers(reader), [1]);
    await reader.close();
});

void test('a process that is killed loses what is not committed, and its turn', async (t) => {
    const path = makePath(t);
    const other = runNode(
        t,
        path,
        "const db = await openDuckDb(path); await db.run('CREATE TABLE t AS SELECT 1 AS i'); await db.run('BEGIN'); await db.run('DELETE FROM t'); console.log('ready'); await done;",
    );
    await other.says(/ready/);
    await other.kill();
    const db = await openDuckDb(path);
    assert.deepEqual(await numbers(db), [1]);
    await db.close();
});

void test('exclusive: while the program has it for itself', async (t) => {
    const path = makePath(t);
    const other = await holdTurn(t, path);
    const opening = openDuckDb(path);
    await waitUntil('it waits', async () => (await status(path)).waiting === 1);
    assert.equal(await other.finish(), 0);
    await (await opening).close();
});

const lost = { code: 'DUCKROW_IO', message: /was removed/ };

void test('a file that is removed while it is open', async (t) => {
    const path = makePath(t);
    const db = await openDuckDb(path);
    await db.run('CREATE TABLE t (i INT)');
    rmSync(path);
    await assert.rejects(db.run('INSERT INTO t VALUES (1)'), lost);
    await assert.rejects(db.all('FROM t'), lost);
    await assert.rejects(db.close(), lost);
    const again = await openDuckDb(path);
    await again.run('CREATE TABLE t AS SELECT 5 AS i');
    assert.deepEqual(await numbers(again), [5]);
    await again.close();
});

void test('a file that is replaced while it is open', async (t) => {
    const path = makePath(t);
    await duckrow('sql', '--write', path, 'CREATE TABLE t AS SELECT 1 AS i');
    copyFileSync(path, `${path}.new`);
    const db = await openDuckDb(path);
    await db.run('UPDATE t SET i = 2');
    renameSync(`${path}.new`, path);
    await assert.rejects(db.run('UPDATE t SET i = 3'), { code: 'DUCKROW_IO', message: /replaced/ });
    await assert.rejects(db.close(), { code: 'DUCKROW_IO', message: /replaced/ });
});

void test('a file that is removed while nobody holds it', async (t) => {
    const path = makePath(t);
    const db = await openDuckDb(path, { idleReleaseMs: 1 });
    await db.run('CREATE TABLE t (i INT)');
    await waitUntil('the turn is given up', async () => !(await isHeld(path)));
    renameSync(path, `${path}.away`);
    await assert.rejects(db.run('INSERT INTO t VALUES (1)'), { code: 'DUCKROW_NOT_FOUND', message: /was removed/ });
    assert.equal(existsSync(path), false);
    renameSync(`${path}.away`, path);
    await db.run('INSERT INTO t VALUES (2)');
    assert.deepEqual(await numbers(db), [2]);
    await db.close();
});

void test('a file that is replaced while nobody holds it is the one that is used', async (t) => {
    const path = makePath(t);
    await duckrow('sql', '--write', path, 'CREATE TABLE t AS SELECT 1 AS i');
    const db = await openDuckDb(path, { idleReleaseMs: 1 });
    const select = await db.prepare('SELECT i FROM t');
    assert.deepEqual(await select.all(), [{ i: 1 }]);
    await waitUntil('the turn is given up', async () => !(await isHeld(path)));
    const other = `${path}.other.duckdb`;
    await duckrow('sql', '--write', other, 'CREATE TABLE t AS SELECT 2 AS i');
    renameSync(other, path);
    assert.deepEqual(await numbers(db), [2]);
    assert.deepEqual(await select.all(), [{ i: 2 }]);
    await db.close();
});

void test('the busy timeout, as SQLite’s pragma and as a setting', async (t) => {
    const path = makePath(t);
    const db = await openDuckDb(path, { busyTimeoutMs: 7_000 });
    cleanUp(t, () => db.close());
    assert.equal(db.busyTimeoutMs, 7_000);
    for (const [sql, expected] of [
        ['PRAGMA busy_timeout=5', 5],
        ['pragma busy_timeout(6);', 6],
        ["SET busy_timeout = '7'", 7],
        ['/* a note */ SET SESSION busy_timeout TO 8', 8],
        ['RESET busy_timeout', 10_000],
    ] as const) {
        await db.run(sql);
        assert.equal(db.busyTimeoutMs, expected, sql);
    }
    const prepared = await db.prepare('PRAGMA busy_timeout=30');
    assert.equal(db.busyTimeoutMs, 10_000);
    assert.deepEqual(await prepared.all(), []);
    assert.equal(db.busyTimeoutMs, 30);
    await assert.rejects(db.run('PRAGMA busy_timeout=-1'), { code: 'DUCKROW_USAGE' });
    await assert.rejects(db.run('PRAGMA busy_timeout=soon'), { code: 'DUCKROW_USAGE' });
    await db.run('SET idle_release = 1');
    await waitUntil('the turn is given up', async () => !(await isHeld(path)));
    await holdTurn(t, path);
    const began = performance.now();
    await assert.rejects(db.run('SELECT 1'), { code: 'DUCKROW_BUSY' });
    assert.ok(performance.now() - began < 5_000);
});

void test('a process that is ending interrupts its waits', async (t) => {
    const path = makePath(t);
    await holdTurn(t, path);
    const other = runNode(
        t,
        path,
        "openDuckDb(path); console.log('waiting'); setTimeout(() => process.exit(5), 100); await done;",
    );
    await other.says(/waiting/);
    await waitUntil('it ends', () => other.process.exitCode !== null);
    assert.equal(other.process.exitCode, 5);
});

void test('a wait keeps the program running, an idle connection does not', async (t) => {
    const path = makePath(t);
    const holder = await holdTurn(t, path);
    const other = runNode(t, path, "process.stdin.destroy(); const db = await openDuckDb(path); console.log('open');");
    await waitUntil('it waits', async () => (await status(path)).waiting === 1);
    await holder.finish();
    await other.says(/open/);
    assert.equal(await other.finish(), 0);
});

void test('work of another thread is ended with it', async (t) => {
    const path = makePath(t);
    const holder = await holdTurn(t, path);
    const worker = new Worker(
        "const { name, path } = require('node:worker_threads').workerData; import(name).then(({ openDuckDb }) => openDuckDb(path))",
        { eval: true, workerData: { path, name: import.meta.resolve('duckrow') } },
    );
    await waitUntil('it waits', async () => (await status(path)).waiting === 1);
    await worker.terminate();
    await waitUntil('nobody waits', async () => (await status(path)).waiting === 0);
    await holder.finish();
});
