/** `require('duckrow')`. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import * as imported from 'duckrow';
import { makeFolder, Other } from './support.mjs';

void test('what is required is what is imported', () => {
    const required = createRequire(import.meta.url)('duckrow') as typeof imported;
    for (const [name, value] of Object.entries(imported))
        if (name !== 'default') assert.equal(required[name as keyof typeof imported], value, name);
});

void test('in a program that is no module', async (t) => {
    const folder = makeFolder(t);
    const file = `${folder}/program.cjs`;
    writeFileSync(
        file,
        `const { createRequire } = require('node:module');
        const { openDuckDb, BusyError, version } = createRequire(process.cwd() + '/')('duckrow');
        (async () => {
            const path = ${JSON.stringify(`${folder}/core.duckdb`)};
            const db = await openDuckDb(path);
            await db.run('CREATE TABLE t AS SELECT 42 AS i');
            await db.close();
            const reader = await openDuckDb(path, { readOnly: true });
            console.log((await reader.get('FROM t')).i, version, new BusyError('x').code);
            await reader.close();
        })();`,
    );
    const other = new Other(t, process.execPath, [file]);
    assert.equal(await other.finish(), 0, other.errors);
    assert.equal(other.output.trim(), `42 ${imported.version} DUCKROW_BUSY`);
    assert.equal(other.errors, '');
});
