/** Rows and files that are left for a table, and what status says. */

import assert from 'node:assert/strict';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { openDuckDb, stage, status } from 'duckrow';
import { duckrow, holdTurn, makePath, readText } from './support.mjs';

async function ingested(path: string, sql: string): Promise<unknown[]> {
    await duckrow('ingest', '--create', path);
    await duckrow('ingest', '--create', path); // once is once
    await using db = await openDuckDb(path, { readOnly: true });
    return await db.all(sql);
}

void test('rows, with types of their own', async (t) => {
    const path = makePath(t);
    const rows = [
        {
            i: 1,
            big: 2n ** 62n,
            huge: 2n ** 100n,
            x: 1.5,
            s: 'a',
            at: new Date(0),
            ok: true,
            list: [1, 2],
            nested: { a: 1, b: ['x'] },
        },
        { i: 2, s: 'naïve "ü"\n', x: 2, list: [], nested: { b: null }, bytes: Buffer.from([0, 255]) },
        { none: null },
    ];
    const file = await stage(path, 'my_table', rows);
    assert.ok(statSync(file).size > 0);
    assert.equal(dirname(file), join(`${path}.duckrow`, 'staging', 'my_table'));
    const found = (await status(path)).staging;
    assert.equal(found.files, 1);
    assert.equal(found.bytes, statSync(file).size);
    assert.equal(found.quarantined, 0);
    assert.deepEqual(Object.keys(found.tables), ['my_table']);
    assert.deepEqual(await ingested(path, 'SELECT * EXCLUDE (bytes) REPLACE (huge::VARCHAR AS huge), hex(bytes) AS h FROM my_table ORDER BY i'), [
        { i: 1n, big: 2n ** 62n, huge: String(2n ** 100n), x: 1.5, s: 'a', at: new Date(0), ok: true, list: [1n, 2n], nested: { a: 1n, b: ['x'] }, none: null, h: null },
        { i: 2n, big: null, huge: null, x: 2, s: 'naïve "ü"\n', at: null, ok: null, list: [], nested: { a: null, b: null }, none: null, h: '00FF' },
        { i: null, big: null, huge: null, x: null, s: null, at: null, ok: null, list: null, nested: null, none: null, h: null },
    ]); // prettier-ignore
    assert.equal((await status(path)).staging.files, 0);
});

void test('without a turn: others may have the file', async (t) => {
    const path = makePath(t);
    await duckrow('sql', '--write', path, 'CREATE TABLE t (i INT)');
    const other = await holdTurn(t, path);
    await Promise.all(Array.from({ length: 20 }, (_, i) => stage(path, 'main.t', [{ i }])));
    await other.finish();
    assert.deepEqual(await ingested(path, 'SELECT count(*)::INT AS n, sum(i)::INT AS s FROM t'), [{ n: 20, s: 190 }]);
});

void test('files, by their endings', async (t) => {
    const path = makePath(t);
    const beside = (name: string) => join(dirname(path), name);
    writeFileSync(beside('a.csv'), 'i,s\n1,one\n2,two\n');
    writeFileSync(beside('b.tsv'), 'i\ts\n3\tthree\n');
    writeFileSync(beside('c.jsonl'), '{"i": 4, "s": "four"}\n{"i": 5}\n');
    writeFileSync(beside('d.JSON'), '[{"i": 6, "s": "it’s"}]');
    await duckrow(
        'sql',
        path.replace('core', 'other'),
        '--write',
        `COPY (SELECT 7 AS i, 'seven' AS s) TO '${beside('e.parquet')}'`,
    );
    for (const name of ['a.csv', 'b.tsv', 'c.jsonl', 'd.JSON', 'e.parquet']) await stage(path, 't', beside(name));
    assert.deepEqual(
        await ingested(path, "SELECT count(*)::INT AS n, sum(i)::INT AS s, string_agg(s, ' ' ORDER BY i) AS all FROM t"),
        [{ n: 7, s: 28, all: 'one two three four it’s seven' }],
    );
});

void test('what can’t be staged leaves nothing', async (t) => {
    const path = makePath(t);
    const beside = (name: string) => join(dirname(path), name);
    writeFileSync(beside('broken.parquet'), 'PAR1 and no more');
    writeFileSync(beside('empty.parquet'), '');
    writeFileSync(beside('broken.jsonl'), '{"i": 1}\n{"i":');
    writeFileSync(beside('letter.docx'), 'Dear all');
    const usage = { code: 'DUCKROW_USAGE' };
    await assert.rejects(stage(path, 't', beside('broken.parquet')), usage);
    await assert.rejects(stage(path, 't', beside('empty.parquet')), usage);
    await assert.rejects(stage(path, 't', beside('broken.jsonl')), /JSON/);
    await assert.rejects(stage(path, 't', beside('letter.docx')), usage);
    await assert.rejects(stage(path, 't', beside('nowhere.csv')), /nowhere/);
    await assert.rejects(stage(path, 't', beside('nowhere.parquet')), { code: 'ENOENT' });
    await assert.rejects(stage(path, 't', []), usage);
    await assert.rejects(stage(path, 't', [[1]] as never), usage);
    await assert.rejects(stage(path, 't', [{}]), usage);
    await assert.rejects(stage(path, 't', [{ at: new Date(NaN) }]), usage);
    await assert.rejects(stage(path, '', [{ i: 1 }]), usage);
    await assert.rejects(stage(path, 'a.b.c.d', [{ i: 1 }]), usage);
    await assert.rejects(stage(path, 't\0u', [{ i: 1 }]), /NUL/);
    await assert.rejects(stage('/nowhere/core.duckdb', 't', [{ i: 1 }]), { code: 'DUCKROW_NOT_FOUND' });
    const staging = join(`${path}.duckrow`, 'staging');
    const left = readdirSync(staging, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    assert.deepEqual(left, []);
});

void test('a file that does not fit goes to quarantine, with the reason', async (t) => {
    const path = makePath(t);
    await duckrow('sql', '--write', path, 'CREATE TABLE t (i INT)');
    await stage(path, 't', [{ i: 'no number' }]);
    await stage(path, 't', [{ i: 1 }]);
    await duckrow('ingest', path).catch(() => undefined); // it says so
    const found = (await status(path)).staging;
    assert.equal(found.files, 0);
    assert.equal(found.quarantined, 1);
    const quarantine = join(`${path}.duckrow`, 'staging', 'quarantine');
    const files = readdirSync(quarantine, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    assert.ok(files.some((entry) => readText(join(entry.parentPath, entry.name)).includes('no number')));
});

void test('status: a look from outside', async (t) => {
    const path = makePath(t);
    const before = await status(path);
    assert.equal(before.path, path);
    assert.equal(before.exists, false);
    assert.equal(before.held, false);
    assert.equal(before.holder, null);
    assert.equal(before.waiting, 0);
    await duckrow('sql', '--write', path, 'CREATE TABLE t (i INT)');
    const other = await holdTurn(t, path);
    const held = await status(path);
    assert.equal(held.exists, true);
    assert.equal(held.held, true);
    assert.equal(held.fresh, true);
    assert.equal(held.readPath, path.replace('core.duckdb', 'core.read.duckdb'));
    assert.equal(held.holder?.pid, other.pid);
    assert.equal(held.holder.kind, 'hold');
    assert.deepEqual(held.waiters, []);
    await other.finish();
    await assert.rejects(status('/nowhere/core.duckdb'), { code: 'DUCKROW_NOT_FOUND' });
    await assert.rejects(status(dirname(path)), { code: 'DUCKROW_NOT_A_DATABASE' });
});
