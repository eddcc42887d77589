/** Statements on a connection of stock DuckDB. */

import type { DuckDBConnection, DuckDBMaterializedResult, DuckDBPreparedStatement, DuckDBResult } from '@duckdb/node-api';
import type { Parameters, Row } from './surface';
import { bind } from './values';

export { bind as bindAll };

function hasValues(values: Parameters | undefined): values is Parameters {
    return values !== undefined && (!Array.isArray(values) || values.length > 0);
}

/** Runs all statements of a text but the last, and prepares that one. */
async function prepareLast(con: DuckDBConnection, sql: string): Promise<DuckDBPreparedStatement> {
    const statements = await con.extractStatements(sql);
    for (let i = 0; i + 1 < statements.count; i++) {
        const prepared = await statements.prepare(i);
        try {
            await prepared.run();
        } finally {
            prepared.destroySync();
        }
    }
    return statements.prepare(statements.count - 1);
}

export async function run(con: DuckDBConnection, sql: string, values?: Parameters): Promise<DuckDBMaterializedResult> {
    if (!hasValues(values)) return con.run(sql);
    const prepared = await prepareLast(con, sql);
    try {
        bind(prepared, values);
        return await prepared.run();
    } finally {
        prepared.destroySync();
    }
}

export async function runPrepared(prepared: DuckDBPreparedStatement, values?: Parameters): Promise<DuckDBMaterializedResult> {
    if (values !== undefined) bind(prepared, values);
    return prepared.run();
}

export async function rows<T>(result: DuckDBMaterializedResult): Promise<T[]> {
    return (await result.getRowObjectsJS()) as T[];
}

/** The rows of a result as they come. */
export async function* rowsOf<T>(result: Promise<DuckDBResult>): AsyncGenerator<T, void, void> {
    for await (const chunk of (await result).yieldRowObjectJs()) yield* chunk as T[];
}

/** On a connection for this alone. */
export async function* stream(con: DuckDBConnection, sql: string, values?: Parameters): AsyncGenerator<Row, void, void> {
    const prepared = await prepareLast(con, sql);
    try {
        if (hasValues(values)) bind(prepared, values);
        yield* rowsOf<Row>(prepared.stream());
    } finally {
        prepared.destroySync();
        await con.run('SELECT 1').catch(() => undefined); // another statement ends a result that is half read
    }
}
