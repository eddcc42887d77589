#!/usr/bin/env node
/** The `duckrow` program, with the libduckdb.so that stock DuckDB's package brings. This process becomes it. */

import { dirname, join } from 'node:path';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { core, NATIVE } from './core';

/** Of the node-api that the program's user has, else of the one beside this package. */
function library(): string | undefined {
    const name = `@duckdb/node-bindings-${process.platform}-${process.arch}`;
    for (const from of [join(process.cwd(), 'package.json'), __filename]) {
        try {
            const api = createRequire(from).resolve('@duckdb/node-api');
            const bindings = createRequire(api).resolve('@duckdb/node-bindings');
            const found = join(dirname(createRequire(bindings).resolve(`${name}/package.json`)), 'libduckdb.so');
            if (existsSync(found)) return found;
        } catch {
            // not installed there
        }
    }
    return undefined;
}

const environment: NodeJS.ProcessEnv = { ...process.env };
if (!environment.DUCKROW_ENGINE) {
    const found = library();
    if (found !== undefined) environment.DUCKROW_ENGINE = found;
}
core.execute(
    join(NATIVE, 'duckrow'),
    ['duckrow', ...process.argv.slice(2)],
    Object.entries(environment).map(([name, value]) => `${name}=${value ?? ''}`),
);
