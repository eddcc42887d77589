/** What goes wrong, and what is said. */

import assert from 'node:assert/strict';
import { chmodSync, linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BusyError, DuckrowError, errors, openDuckDb, version } from 'duckrow';
import { duckrow, holdTurn, makeFolder, makePath, readText, runNode } from './support.mjs';

const MAIN = new URL('../../../../include/duckrow.h', import.meta.url);

void test('the list of errors is that of the C API', () => {
    const header = readText(MAIN.pathname);
    const rows = [...header.matchAll(/X\((\w+), +\d+, "([^"]*)", (\d+), "(\w+)"\)/g)];
    assert.ok(rows.length > 15);
    assert.deepEqual(
        errors,
        rows.map(([, name, message, status, state]) => ({
            code: `DUCKROW_${String(name)}`,
            message,
            exitStatus: Number(status),
            sqlState: state,
        })),
    );
    assert.match(header, new RegExp(`DUCKROW_VERSION "${version}"`));
});

void test('busy: who has it, how many wait, for how long', async (t) => {
    const path = makePath(t);
    const began = Date.now();
    const other = runNode(t, path, "const db = await openDuckDb(path); await db.run('BEGIN'); console.log('held'); await done;");
    await other.says(/held/);
    const asked = performance.now();
    await assert.rejects(openDuckDb(path, { busyTimeoutMs: 120 }), (error) => {
        assert.ok(error instanceof BusyError);
        assert.ok(error instanceof DuckrowError && error instanceof Error);
        assert.equal(error.name, 'BusyError');
        assert.equal(error.code, 'DUCKROW_BUSY');
        assert.equal(error.sqlState, '55P03');
        assert.equal(error.holder?.pid, other.pid);
        assert.equal(error.holder.foreignPid, 0);
        assert.equal(error.holder.kind, 'write');
        assert.match(error.holder.command, /node/);
        assert.ok(error.holder.sinceAt >= began - 1_000 && error.holder.sinceAt <= Date.now());
        assert.equal(error.waiting, 1);
        const took = performance.now() - asked;
        assert.ok(took >= 119 && error.waitedMs > 0 && error.waitedMs <= took + 1); // the engine was made within the same time
        assert.match(error.message, new RegExp(`core\\.duckdb.*${other.pid}`));
        return true;
    });
    const now = performance.now();
    await assert.rejects(openDuckDb(path, { busyTimeoutMs: 0 }), BusyError);
    assert.ok(performance.now() - now < 5_000);
});

void test('a stranger: a program that uses DuckDB alone', async (t) => {
    const path = makePath(t);
    await duckrow('sql', '--write', path, 'CREATE TABLE t (i INT)');
    const other = runNode(
        t,
        path,
        "const { DuckDBInstance } = await import('@duckdb/node-api'); const db = await DuckDBInstance.create(path); console.log('held'); await done; db.closeSync();",
    );
    await other.says(/held/);
    await assert.rejects(openDuckDb(path, { busyTimeoutMs: 50 }), (error) => {
        assert.ok(error instanceof BusyError);
        assert.equal(error.holder?.kind, 'stranger');
        assert.equal(error.holder.pid, other.pid);
        return true;
    });
    const opening = openDuckDb(path);
    assert.equal(await other.finish(), 0);
    await (await opening).close();
});

void test('a wait that is called off', async (t) => {
    const path = makePath(t);
    const reason = new Error('changed my mind');
    await assert.rejects(openDuckDb(path, { signal: AbortSignal.abort(reason) }), reason);
    await assert.rejects(openDuckDb(path, { signal: AbortSignal.abort() }), { name: 'AbortError' });
    const holder = await holdTurn(t, path);
    const controller = new AbortController();
    setTimeout(() => {
        controller.abort(reason);
    }, 50);
    const began = performance.now();
    const patient = openDuckDb(path); // of the same process, and not called off
    await assert.rejects(openDuckDb(path, { signal: controller.signal }), reason);
    await assert.rejects(openDuckDb(path, { signal: AbortSignal.timeout(50) }), { name: 'TimeoutError' });
    assert.ok(performance.now() - began < 5_000);
    await holder.finish();
    await (await patient).close();
    const late = new AbortController();
    const db = await openDuckDb(path, { signal: late.signal });
    late.abort();
    await db.run('CREATE TABLE t (i INT)');
    await db.close();
});

void test('the first of several that wait is called off, and the others are not', async (t) => {
    const path = makePath(t);
    const holder = await holdTurn(t, path);
    const controller = new AbortController();
    const first = assert.rejects(openDuckDb(path, { signal: controller.signal }), { name: 'AbortError' });
    const second = openDuckDb(path);
    setTimeout(() => {
        controller.abort();
    }, 50);
    await first;
    await holder.finish();
    await (await second).close();
});

void test('a reader’s wait that is called off', async (t) => {
    const path = makePath(t);
    await duckrow('sql', '--write', path, 'CREATE TABLE t (i INT)');
    await duckrow('config', path, 'snapshots', 'off');
    await holdTurn(t, path);
    await assert.rejects(openDuckDb(path, { readOnly: true, signal: AbortSignal.timeout(50) }), { name: 'TimeoutError' });
    await assert.rejects(openDuckDb(path, { readOnly: true, busyTimeoutMs: 30 }), BusyError);
});

void test('options that make no sense', async (t) => {
    const path = makePath(t);
    const usage = { name: 'DuckrowError', code: 'DUCKROW_USAGE' };
    for (const name of ['busyTimeoutMs', 'idleReleaseMs', 'idleInTransactionTimeoutMs'])
        for (const value of [-1, Number.NaN, '5', null])
            await assert.rejects(openDuckDb(path, { [name]: value }), { ...usage, message: new RegExp(name) });
    await assert.rejects(openDuckDb(path, { readOnly: true, exclusive: true } as never), usage);
    await assert.rejects(openDuckDb(undefined as never), usage);
    await assert.rejects(openDuckDb(path, { config: { no_such_setting: '1' } }), /no_such_setting/);
    const db = await openDuckDb(path, { busyTimeoutMs: Infinity, idleReleaseMs: Infinity });
    await db.close();
});

void test('paths that are no database', async (t) => {
    const folder = makeFolder(t);
    const open = (path: string) => openDuckDb(path);
    const file = join(folder, 'letter.duckdb');
    writeFileSync(file, 'Dear all,\n'.repeat(2_000));
    mkdirSync(join(folder, 'folder.duckdb'));
    await assert.rejects(open(join(folder, 'nowhere/core.duckdb')), { code: 'DUCKROW_NOT_FOUND', message: /nowhere/ });
    await assert.rejects(open(file), { code: 'DUCKROW_NOT_A_DATABASE', message: /letter\.duckdb/ });
    await assert.rejects(open(join(folder, 'folder.duckdb')), { code: 'DUCKROW_NOT_A_DATABASE', message: /folder/ });
    await assert.rejects(open(''), { code: 'DUCKROW_USAGE' });
    await assert.rejects(open(':memory:'), { code: 'DUCKROW_USAGE', message: /memory/ });
    await assert.rejects(open(':memory:named'), { code: 'DUCKROW_USAGE' });
    await assert.rejects(open(`${folder}/core\0.duckdb`), /NUL/);
    await assert.rejects(open(join(folder, '.hidden')), { code: 'DUCKROW_UNSUPPORTED', message: /begins with a dot/ });
    const missing = join(folder, 'missing.duckdb');
    await assert.rejects(openDuckDb(missing, { readOnly: true }), {
        code: 'DUCKROW_NOT_FOUND',
        message: new RegExp(missing),
    });
    const path = join(folder, 'core.duckdb');
    await duckrow('sql', '--write', path, 'CREATE TABLE t (i INT)');
    linkSync(path, join(folder, 'linked.duckdb'));
    await assert.rejects(open(path), { code: 'DUCKROW_UNSUPPORTED', message: /link/ });
});

void test('no permission', { skip: process.getuid?.() === 0 && 'root may do anything' }, async (t) => {
    const folder = makeFolder(t);
    const path = join(folder, 'core.duckdb');
    await duckrow('sql', '--write', path, 'CREATE TABLE t (i INT)');
    chmodSync(path, 0o000);
    await assert.rejects(openDuckDb(path), { code: 'DUCKROW_PERMISSION' });
    chmodSync(path, 0o644);
});

void test('SQL’s errors are DuckDB’s own', async (t) => {
    const db = await openDuckDb(makePath(t));
    await assert.rejects(db.run('SELEKT'), (error) => {
        assert.ok(error instanceof Error && !(error instanceof DuckrowError));
        assert.match(error.message, /^Parser Error: .*SELEKT/);
        return true;
    });
    await assert.rejects(db.all('SELECT $a', { b: 1 }), { code: 'DUCKROW_USAGE', message: /no parameter \$b/ });
    await assert.rejects(db.all('SELECT $a, $b', { b: 1 }), /parameters: a/);
    await assert.rejects(db.all('SELECT ?, ?', [1]), { code: 'DUCKROW_USAGE', message: /2 parameters/ });
    await assert.rejects(db.prepare(''), /No statement/);
    assert.deepEqual(await db.all('SELECT 1 AS i'), [{ i: 1 }]);
    await db.close();
});
