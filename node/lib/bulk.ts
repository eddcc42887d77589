/** Many rows into one table: through DuckDB's appender, in one transaction. */

import { type DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';
import { type Column, column, columnNames, type InputRow, valuesOf } from './columns';
import { usage } from './errors';
import { quoteName, quoteTable } from './sql';

const CHUNK = 2048; // rows of a data chunk: DuckDB's vector size

/** A temporary table with these columns, c0 and so on. */
export async function fill(con: DuckDBConnection, table: string, columns: readonly Column[]): Promise<void> {
    const types = columns.map(({ type }) => type);
    await con.run(`CREATE OR REPLACE TEMP TABLE ${table} (${types.map((type, i) => `c${i} ${type.toString()}`).join(', ')})`);
    const appender = await con.createAppender(table, null, 'temp');
    try {
        const count = columns[0]?.values.length ?? 0;
        for (let from = 0; from < count; from += CHUNK) {
            const chunk = DuckDBDataChunk.create(types, Math.min(CHUNK, count - from));
            columns.forEach(({ values }, i) => {
                chunk.setColumnValues(i, values.slice(from, from + CHUNK));
            });
            appender.appendDataChunk(chunk);
        }
        appender.flushSync();
    } finally {
        appender.closeSync();
    }
}

/** Inserts them with what INSERT would say and do: conversions, defaults, errors. All or none. */
export async function insert(con: DuckDBConnection, table: string, rows: readonly InputRow[]): Promise<number> {
    if (rows.length === 0) return 0;
    const names = columnNames(rows);
    const target = quoteTable(table);
    const list = names ? names.map(quoteName).join(', ') : '*';
    const prepared = await con.prepare(`SELECT ${list} FROM ${target}`);
    const wanted = Array.from({ length: prepared.columnCount }, (_, i) => prepared.columnType(i));
    prepared.destroySync();
    const wrong = names ? undefined : rows.find((row) => (row as readonly unknown[]).length !== wanted.length);
    if (wrong) throw usage(`${table} has ${wanted.length} columns, and a row has ${(wrong as readonly unknown[]).length} values`);
    const columns = wanted.map((type, i) => column(valuesOf(rows, i, names?.[i]), type));
    try {
        await fill(con, 'duckrow_rows', columns);
        const into = names ? `${target} (${list})` : target;
        return (await con.run(`INSERT INTO ${into} SELECT * FROM temp.duckrow_rows`)).rowsChanged;
    } finally {
        await con.run('DROP TABLE IF EXISTS temp.duckrow_rows').catch(() => undefined); // a failed transaction takes it along
    }
}
