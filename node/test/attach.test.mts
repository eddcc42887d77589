/** ATTACH of a file means its newest snapshot. */

import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { openDuckDb, status } from 'duckrow';
import { makePath } from './support.mjs';

async function make(path: string): Promise<void> {
    const db = await openDuckDb(path);
    await db.run('CREATE TABLE t AS SELECT 1 AS i');
    await db.close();
}

async function readers(path: string): Promise<number> {
    const { slots } = (await status(path)) as unknown as { slots: readonly { readers: readonly unknown[] }[] };
    return slots.reduce((sum, slot) => sum + slot.readers.length, 0);
}

void test('to read beside a writer', async (t) => {
    const path = makePath(t);
    const other = join(dirname(path), 'other.duckdb');
    await make(path);
    await make(other);
    const writer = await openDuckDb(other);
    await writer.run('BEGIN');
    await writer.run('INSERT INTO t VALUES (2)');
    const db = await openDuckDb(path, { readOnly: true });
    await db.run(`ATTACH '${other}' AS other`);
    assert.deepEqual(await db.all('SELECT count(*)::INT AS n FROM other.t'), [{ n: 1 }]);
    assert.equal(await readers(other), 1);
    await writer.run('COMMIT');
    await writer.close();
    assert.deepEqual(await db.all('SELECT count(*)::INT AS n FROM other.t'), [{ n: 1 }], 'it stays as it is');
    await db.run('DETACH other');
    assert.equal(await readers(other), 0);
    await db.run(`ATTACH '${other}' AS other (READ_ONLY)`);
    assert.deepEqual(await db.all('SELECT count(*)::INT AS n FROM other.t'), [{ n: 2 }]);
    await db.close();
    assert.equal(await readers(other), 0);
});

void test('on a writer: to read alone, and it outlives the turn', async (t) => {
    const path = makePath(t);
    const other = join(dirname(path), 'other.duckdb');
    await make(other);
    const db = await openDuckDb(path, { idleReleaseMs: 100 });
    await assert.rejects(db.run(`ATTACH '${other}' AS other`), { code: 'DUCKROW_UNSUPPORTED' });
    await assert.rejects(db.run(`SELECT 1; ATTACH '${other}' AS other (READ_ONLY)`), { code: 'DUCKROW_USAGE' });
    await db.run(`ATTACH '${other}' AS other (READ_ONLY)`);
    await assert.rejects(db.run(`ATTACH '${other}' AS other (READ_ONLY)`), /already exists/);
    await db.run('CREATE TABLE mine AS FROM other.t');
    while ((await status(path)).held) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(await db.all('SELECT * FROM other.t JOIN mine USING (i)'), [{ i: 1 }]);
    assert.equal(await readers(other), 1);
    await db.close();
    assert.equal(await readers(other), 0);
});

void test('what is DuckDB’s own business goes to it as it is', async (t) => {
    const path = makePath(t);
    await make(path);
    const db = await openDuckDb(path, { readOnly: true });
    await db.run("ATTACH ':memory:' AS m");
    await db.run('CREATE TABLE m.t AS SELECT 7 AS i');
    await db.run(`ATTACH '${path.replace('.duckdb', '.read.duckdb')}' AS link (READ_ONLY)`);
    assert.deepEqual(await db.all('SELECT m.t.i AS a, link.t.i AS b FROM m.t, link.t'), [{ a: 7, b: 1 }]);
    await assert.rejects(db.run(`ATTACH '${join(dirname(path), 'missing.duckdb')}' AS missing`), { code: 'DUCKROW_NOT_FOUND' });
    await db.close();
});
