/**
 * Staging: rows for a table, left beside the database as a Parquet file, without a lock, a turn, a service, or even a database.
 * Whoever writes the database takes each file into the table, once.
 */

import { copyFile, open } from 'node:fs/promises';
import { extname } from 'node:path';
import { type DuckDBConnection, DuckDBInstance, DuckDBTypeId } from '@duckdb/node-api';
import { fill } from './bulk';
import { type Column, column, columnNames, type InputRow, valuesOf } from './columns';
import { core } from './core';
import { usage } from './errors';
import { quote, quoteName } from './sql';

const CONVERTED: Readonly<Record<string, string>> = {
    '.csv': 'read_csv',
    '.tsv': 'read_csv',
    '.txt': 'read_csv',
    '.json': 'read_json',
    '.jsonl': 'read_json',
    '.ndjson': 'read_json',
};
const MAGIC = 'PAR1';
const MOST_DECIMAL = 10n ** 38n;

let engine: Promise<DuckDBInstance> | undefined;

/** A connection for this alone. */
async function withConnection<T>(work: (con: DuckDBConnection) => Promise<T>): Promise<T> {
    engine ??= DuckDBInstance.create(':memory:');
    const con = await (await engine).connect();
    try {
        return await work(con);
    } finally {
        con.closeSync();
    }
}

async function checkParquet(source: string): Promise<void> {
    const file = await open(source, 'r');
    try {
        const { size } = await file.stat();
        const ends = Buffer.alloc(2 * MAGIC.length);
        await file.read(ends, 0, MAGIC.length, 0);
        await file.read(ends, MAGIC.length, MAGIC.length, Math.max(0, size - MAGIC.length));
        if (size < 12 || ends.toString('latin1') !== MAGIC + MAGIC)
            throw usage(`${source} is no whole Parquet file: it doesn't begin and end with PAR1`);
    } finally {
        await file.close();
    }
}

async function writeFile(source: string, target: string): Promise<void> {
    const plain = source.replace(/\.(?:gz|zst)$/, '');
    const ending = extname(plain).toLowerCase();
    const reader = CONVERTED[ending];
    if (ending === '.parquet') {
        await checkParquet(source);
        await copyFile(source, target);
    } else if (reader) {
        await withConnection((con) => con.run(`COPY (FROM ${reader}(${quote(source)})) TO ${quote(target)} (FORMAT parquet)`));
    } else {
        throw usage(`${source}: what it holds can't be told by its name, which should end in .parquet, .csv or .json`);
    }
}

/** Parquet has no HUGEINT: DuckDB would write a DOUBLE, and lose digits. */
function cast(column: Column | undefined): string {
    if (column?.type.typeId !== DuckDBTypeId.HUGEINT) return '';
    const fits = column.values.every((value) => typeof value !== 'bigint' || (value < MOST_DECIMAL && value > -MOST_DECIMAL));
    return fits ? '::DECIMAL(38, 0)' : '::VARCHAR';
}

async function writeRows(rows: readonly InputRow[], target: string): Promise<void> {
    const names = columnNames(rows);
    if (!names) throw usage('rows to be staged are objects, with the columns by name, and there is one at least');
    const columns = names.map((name, i) => column(valuesOf(rows, i, name)));
    const list = names.map((name, i) => `c${i}${cast(columns[i])} AS ${quoteName(name)}`).join(', ');
    await withConnection(async (con) => {
        await fill(con, 'duckrow_rows', columns);
        await con.run(`COPY (SELECT ${list} FROM temp.duckrow_rows) TO ${quote(target)} (FORMAT parquet)`);
    });
}

/**
 * Stages rows for a table (a name, or schema.name) of the database at `path`, which need not exist yet, and returns the staged file's
 * path. When it returns the rows are safe, and will be in the table once.
 *
 * data: rows as objects, or the path of a file: Parquet as it is, CSV or JSON (lines) converted. Numbers are BIGINT, or DOUBLE where
 * one isn't whole; a Date is a TIMESTAMP in UTC; a key that a row lacks is NULL there.
 */
export async function stage(
    path: string,
    table: string,
    data: string | Iterable<Readonly<Record<string, unknown>>>,
): Promise<string> {
    const staged = await core.stage(core.open(path, 0), table);
    try {
        if (typeof data === 'string') await writeFile(data, staged.path);
        else await writeRows([...data] as InputRow[], staged.path);
    } catch (error) {
        staged.abandon();
        throw error;
    }
    return staged.commit();
}
