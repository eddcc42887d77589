/** Parameters on their way into stock DuckDB. */

import {
    blobValue,
    type DuckDBPreparedStatement,
    type DuckDBType,
    DuckDBTimestampTZValue,
    DuckDBTypeId,
    type DuckDBValue,
    JSToDuckDBValueConverter,
    listValue,
    structValue,
} from '@duckdb/node-api';
import { isStockValue } from './columns';
import { usage } from './errors';
import type { Parameter, Parameters } from './surface';

const UNKNOWN = new Set<number>([DuckDBTypeId.INVALID, DuckDBTypeId.ANY, DuckDBTypeId.SQLNULL]);
const MICROS = 1000n;
const INT64 = 2n ** 63n;

/** For a place whose type is not known. */
function guess(value: Parameter): DuckDBValue {
    if (value === undefined || value === null) return null;
    if (typeof value !== 'object') return value;
    if (value instanceof Date) return new DuckDBTimestampTZValue(BigInt(value.getTime()) * MICROS);
    if (value instanceof Uint8Array) return blobValue(value);
    if (Array.isArray(value)) return listValue(value.map(guess));
    if (isStockValue(value)) return value;
    return structValue(Object.fromEntries(Object.entries(value as Record<string, Parameter>).map(([k, v]) => [k, guess(v)])));
}

/** A JavaScript value as stock DuckDB's, for a column or parameter of this type. */
export function toDuckDb(value: Parameter, type: DuckDBType): DuckDBValue {
    if (value === undefined || value === null) return null;
    if (typeof value === 'object') {
        if (isStockValue(value)) return value;
        return UNKNOWN.has(type.typeId) ? guess(value) : JSToDuckDBValueConverter(value as never, type, JSToDuckDBValueConverter);
    }
    return value;
}

function bindOne(prepared: DuckDBPreparedStatement, index: number, value: Parameter): void {
    if (value === undefined || value === null) {
        prepared.bindNull(index);
    } else if (typeof value === 'bigint') {
        if (value >= -INT64 && value < INT64) prepared.bindBigInt(index, value);
        else prepared.bindHugeInt(index, value);
    } else if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
        prepared.bindDouble(index, value); // beyond 2^53 it is nobody's exact number
    } else if (typeof value !== 'object') {
        prepared.bindValue(index, value);
    } else if (value instanceof Uint8Array) {
        prepared.bindBlob(index, value);
    } else if (isStockValue(value)) {
        prepared.bindValue(index, value);
    } else {
        const type = prepared.parameterType(index);
        if (UNKNOWN.has(type.typeId)) prepared.bindValue(index, guess(value));
        else prepared.bindValue(index, toDuckDb(value, type), type);
    }
}

/** Binds them by position, or by name. */
export function bind(prepared: DuckDBPreparedStatement, values: Parameters): void {
    if (Array.isArray(values)) {
        const given = values as readonly Parameter[];
        const wanted = prepared.parameterCount;
        if (given.length !== wanted) throw usage(`the statement has ${wanted} parameters, and ${given.length} values were given`);
        given.forEach((value, i) => {
            bindOne(prepared, i + 1, value);
        });
        return;
    }
    for (const [name, value] of Object.entries(values as Record<string, Parameter>))
        bindOne(prepared, prepared.parameterIndex(name), value);
}
