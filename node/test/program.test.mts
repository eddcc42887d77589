/** `npx duckrow`: this process becomes the C program. */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../node_modules/.bin/duckrow', import.meta.url));
const environment = { ...process.env, DUCKROW_ENGINE: '' };

void test('the engine is that of node-api', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'duckrow-')), 'core.duckdb');
    const run = (...words: string[]) => execFileSync(process.execPath, [BIN, ...words], { env: environment, encoding: 'utf8' });
    run('sql', '--write', path, 'CREATE TABLE t AS SELECT 42 AS i');
    assert.match(run('sql', '--format=csv', path, 'SELECT i, version() AS v FROM t'), /42,v1\.5\.6/);
});

void test('its exit status and its errors are the program’s', () => {
    const found = spawnSync(process.execPath, [BIN, 'status', '/nowhere/core.duckdb'], { env: environment, encoding: 'utf8' });
    assert.equal(found.status, 66);
    assert.match(found.stderr, /nowhere/);
});
