/** Parameters on their way into stock DuckDB. */

import { type DuckDBPreparedStatement, type DuckDBType, DuckDBTimestampTZValue, DuckDBTypeId } from '@duckdb/node-api';
import { column, isStockValue } from './columns';
import { usage } from './errors';
import type { Parameter, Parameters } from './surface';

const UNKNOWN = new Set<number>([DuckDBTypeId.INVALID, DuckDBTypeId.ANY, DuckDBTypeId.SQLNULL]);
const MICROS = 1000n;

/** What DuckDB expects there; undefined: anything. */
function typeAt(prepared: DuckDBPreparedStatement, index: number): DuckDBType | undefined {
    let known: DuckDBType;
    try {
        known = prepared.parameterType(index);
    } catch {
        return undefined; // node-api knows no other answer for a place in a SELECT
    }
    return UNKNOWN.has(known.typeId) ? undefined : known;
}

function bindOne(prepared: DuckDBPreparedStatement, index: number, value: Parameter): void {
    if (value === undefined || value === null) {
        prepared.bindNull(index);
    } else if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
        prepared.bindDouble(index, value); // beyond 2^53 it is nobody's exact number
    } else if ((typeof value !== 'object' && typeof value !== 'bigint') || isStockValue(value)) {
        prepared.bindValue(index, value);
    } else if (value instanceof Uint8Array) {
        prepared.bindBlob(index, value);
    } else {
        const wanted = typeAt(prepared, index);
        const { type, values } = column([value], wanted);
        const [made = null] = values;
        // Without a type that is wanted it is a point in time.
        if (!wanted && value instanceof Date)
            prepared.bindTimestampTZ(index, new DuckDBTimestampTZValue(BigInt(value.getTime()) * MICROS));
        else prepared.bindValue(index, made, type);
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
    for (const [name, value] of Object.entries(values as Record<string, Parameter>)) {
        let index: number;
        try {
            index = prepared.parameterIndex(name);
        } catch {
            throw usage(`the statement has no parameter $${name}`);
        }
        bindOne(prepared, index, value);
    }
}
