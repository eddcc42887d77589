/** A read-only connection: stock DuckDB's, on a snapshot. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DuckDBConnection, DuckDBScalarFunction, INTEGER } from '@duckdb/node-api';
import { type DuckDb, openDuckDb, type Reader, status } from 'duckrow';
import { collect, descriptors, duckrow, holdTurn, makePath, numbers, openFiles, runNode } from './support.mjs';

async function make(path: string, sql = 'CREATE TABLE t AS SELECT range::INT AS i FROM range(5)'): Promise<void> {
    const db = await openDuckDb(path);
    await db.run(sql);
    await db.close();
}

function read(path: string): Promise<Reader> {
    return openDuckDb(path, { readOnly: true });
}

void test('what every connection can do', async (t) => {
    const path = makePath(t);
    await make(path);
    await using db = await read(path);
    assert.equal(db.path, path);
    assert.equal(db.readOnly, true);
    assert.equal(db.served, false);
    assert.ok(db.sequence && db.publishedAt && Math.abs(Date.now() - db.publishedAt.getTime()) < 60_000);
    assert.deepEqual(await db.all('SELECT i FROM t WHERE i > ? ORDER BY i', [3]), [{ i: 4 }]);
    assert.deepEqual(await db.get('SELECT count(*) AS n FROM t'), { n: 5n });
    assert.deepEqual(await collect(db.stream('SELECT i FROM t WHERE i < $most', { most: 1 })), [{ i: 0 }]);
    const statement = await db.prepare('SELECT i FROM t WHERE i = $i');
    assert.deepEqual(await statement.all({ i: 2 }), [{ i: 2 }]);
    assert.deepEqual(await statement.get([3]), { i: 3 });
    assert.deepEqual(await collect(statement.stream([4])), [{ i: 4 }]);
    statement.close();
    assert.equal(await db.transaction(async () => (await numbers(db)).length), 5);
    const readOnly = { code: 'DUCKROW_READ_ONLY', sqlState: '25006' };
    await assert.rejects(db.insertMany('t'), readOnly);
    await assert.rejects(db.appender('t'), readOnly);
    await assert.rejects(db.run('INSERT INTO t VALUES (1)'), /read-only/);
    await db.run('PRAGMA busy_timeout=77');
    assert.equal(db.busyTimeoutMs, 77);
});

void test('what stock DuckDB’s connection can do', async (t) => {
    const path = makePath(t);
    await make(path);
    const db = await read(path);
    assert.ok(db instanceof DuckDBConnection);
    assert.deepEqual((await db.runAndReadAll('SELECT i FROM t WHERE i > $1 ORDER BY i', [3])).getRows(), [[4]]);
    assert.deepEqual((await db.runAndReadUntil('FROM t', 1)).getRows().length, 5);
    assert.deepEqual((await db.streamAndReadAll('SELECT i FROM t WHERE i = 1')).getRowObjects(), [{ i: 1 }]);
    const result = await db.stream('SELECT i FROM t ORDER BY i');
    assert.deepEqual(result.columnNames(), ['i']);
    assert.equal((await result.fetchChunk())?.rowCount, 5);
    const pending = await db.start('SELECT 42 AS i');
    assert.deepEqual(await (await pending.getResult()).getRows(), [[42]]);
    const extracted = await db.extractStatements('SELECT 1; SELECT 2 AS b');
    assert.equal(extracted.count, 2);
    assert.deepEqual(await (await (await extracted.prepare(1)).run()).getRowObjectsJS(), [{ b: 2 }]);
    const prepared = await db.prepare('SELECT $i + 1 AS i');
    prepared.bind({ i: 1 }, { i: INTEGER });
    assert.deepEqual((await prepared.runAndReadAll()).getRows(), [[2]]);
    await db.run('CREATE TEMP TABLE mine (i INT)');
    const appender = await db.createAppender('mine', null, 'temp');
    appender.appendInteger(9);
    appender.endRow();
    appender.closeSync();
    assert.deepEqual(await numbers(db, 'mine'), [9]);
    assert.deepEqual(await collect(db.stream('FROM mine')), [{ i: 9 }]);
    db.disconnectSync();
    await db.close();
    await assert.rejects(db.all('SELECT 1'), /closed/);
    await assert.rejects(collect(db.stream('SELECT 1')), /closed/);
    assert.throws(() => db.stream('SELECT 1')[Symbol.asyncIterator](), /closed/);
});

void test('one may leave a loop early, and loop twice at a time', async (t) => {
    const path = makePath(t);
    await make(path, 'CREATE TABLE t AS SELECT range::INT AS i FROM range(50_000)');
    const db = await read(path);
    let n = 0;
    for await (const outer of db.stream<{ i: number }>('FROM t ORDER BY i')) {
        for await (const inner of db.stream<{ i: number }>('FROM t ORDER BY i DESC')) {
            n += outer.i + inner.i;
            break;
        }
        if (outer.i === 10) break;
    }
    assert.equal(n, 55 + 11 * 49_999);
    await db.close();
    assert.deepEqual(openFiles(path), []);
});

void test('it stays at its snapshot; a new one is fresh', async (t) => {
    const path = makePath(t);
    await make(path);
    const old = await read(path);
    const writer = await openDuckDb(path, { idleReleaseMs: 0 });
    await writer.run('INSERT INTO t VALUES (5)');
    await writer.close();
    assert.equal((await numbers(old)).length, 5);
    const fresh = await read(path);
    assert.equal((await numbers(fresh)).length, 6);
    assert.ok((fresh.sequence ?? 0) > (old.sequence ?? 0));
    for (let i = 6; i < 30; i++) {
        await make(path, `INSERT INTO t VALUES (${i})`);
        const each = await read(path);
        assert.equal((await numbers(each)).length, i + 1);
        await each.close();
    }
    assert.equal((await numbers(old)).length, 5);
    await Promise.all([old.close(), fresh.close()]);
});

void test('beside a writer that has the file', async (t) => {
    const path = makePath(t);
    await make(path);
    const other = runNode(
        t,
        path,
        "const db = await openDuckDb(path); await db.run('BEGIN'); await db.run('DELETE FROM t'); console.log('held'); await done; await db.close();",
    );
    await other.says(/held/);
    const db = await openDuckDb(path, { readOnly: true, busyTimeoutMs: 0 });
    assert.equal((await numbers(db)).length, 5);
    await db.close();
    assert.equal(await other.finish(), 0);
});

void test('many at once, and one after the other, leave nothing behind', async (t) => {
    const path = makePath(t);
    await make(path);
    const use = async () => {
        const db = await read(path);
        assert.equal((await db.all('FROM t')).length, 5);
        await db.close();
    };
    await Promise.all(Array.from({ length: 8 }, use));
    const before = descriptors();
    for (let i = 0; i < 60; i++) await use();
    await Promise.all(Array.from({ length: 20 }, use));
    assert.deepEqual(openFiles(path), []);
    // A Database has two until it is garbage.
    assert.ok(descriptors() - before < 2 * 100, `${descriptors()} descriptors, ${before} before`);
    const { slots } = (await status(path)) as unknown as { slots: { readers: unknown[] }[] };
    assert.deepEqual(
        slots.flatMap((slot) => slot.readers),
        [],
    );
});

async function setting(db: DuckDb): Promise<unknown> {
    return (await db.get("SELECT current_setting('default_null_order') AS v"))?.v;
}

void test('an engine whose settings, functions or databases were touched is not used again', async (t) => {
    const path = makePath(t);
    await make(path);
    const usual = await read(path);
    const before = await setting(usual);
    await usual.close();
    const touching: ((db: Reader) => Promise<unknown>)[] = [
        (db) => db.run("SET GLOBAL default_null_order = 'nulls_first'"),
        (db) => db.run("ATTACH ':memory:' AS other"),
        (db) => db.run('CREATE TEMP MACRO twice(a) AS 2 * a'),
        async (db) => {
            db.registerScalarFunction(
                DuckDBScalarFunction.create({
                    name: 'twice',
                    returnType: INTEGER,
                    parameterTypes: [INTEGER],
                    mainFunction: () => undefined,
                }),
            );
            await db.run('SELECT 1');
        },
        async (db) => (await db.prepare("SET GLOBAL default_null_order = 'nulls_first'")).run(),
        async (db) => db.streamAndReadAll("SET GLOBAL default_null_order = 'nulls_first'"),
    ];
    for (const touch of touching) {
        const db = await read(path);
        await touch(db);
        await db.close();
        const next = await read(path);
        assert.equal(await setting(next), before);
        assert.deepEqual(await next.all("SELECT database_name FROM duckdb_databases() WHERE database_name = 'other'"), []);
        await assert.rejects(next.all('SELECT twice(1)'), /twice/, String(touch));
        assert.deepEqual(await next.all('FROM duckdb_tables() WHERE temporary'), []);
        await next.close();
    }
});

void test('without snapshots readers share the turn', async (t) => {
    const path = makePath(t);
    await make(path);
    await duckrow('config', path, 'snapshots', 'off');
    const [a, b] = await Promise.all([read(path), read(path)]);
    assert.equal(a.sequence, undefined);
    assert.equal(a.publishedAt, undefined);
    assert.equal((await numbers(a)).length, 5);
    await assert.rejects(openDuckDb(path, { busyTimeoutMs: 50 }), { code: 'DUCKROW_BUSY' });
    await a.close();
    assert.equal((await numbers(b)).length, 5);
    await b.close();
    const writer = await openDuckDb(path);
    await writer.run('INSERT INTO t VALUES (5)');
    await assert.rejects(openDuckDb(path, { readOnly: true, busyTimeoutMs: 0 }), { code: 'DUCKROW_BUSY' });
    await writer.close();
    const last = await read(path);
    assert.equal((await numbers(last)).length, 6);
    await last.close();
});

void test('a file that nobody has published yet', async (t) => {
    const path = makePath(t);
    await make(`${path}.made.duckdb`);
    const { renameSync } = await import('node:fs');
    renameSync(`${path}.made.duckdb`, path);
    const db = await read(path);
    assert.ok(db.sequence);
    assert.equal((await numbers(db)).length, 5);
    await db.close();
    await holdTurn(t, path);
    const again = await read(path);
    assert.equal((await numbers(again)).length, 5);
    await again.close();
});

void test('closed while it works', async (t) => {
    const path = makePath(t);
    await make(path);
    const db = await read(path);
    const working = db.all('SELECT sum(a.range * b.range) AS s FROM range(3000) a, range(3000) b').catch(String);
    const rows = db.stream('SELECT * FROM range(100_000)')[Symbol.asyncIterator]();
    await rows.next();
    await db.close();
    await working;
    await (rows.return?.(undefined) ?? Promise.resolve());
    assert.deepEqual(openFiles(path), []);
});
