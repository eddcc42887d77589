/** Rows of JavaScript values as columns of DuckDB. */

import {
    BIGINT,
    BLOB,
    BOOLEAN,
    DOUBLE,
    DuckDBListType,
    DuckDBStructType,
    type DuckDBType,
    DuckDBTypeId,
    type DuckDBValue,
    HUGEINT,
    JSToDuckDBValueConverter,
    LIST,
    STRUCT,
    TIMESTAMP,
    VARCHAR,
} from '@duckdb/node-api';
import { usage } from './errors';
import type { Parameter } from './surface';

export type InputRow = readonly Parameter[] | Readonly<Record<string, Parameter>>;

export interface Column {
    readonly type: DuckDBType;
    readonly values: DuckDBValue[];
}

const MOST_INT64 = 2n ** 63n;
const MOST_INT128 = 2n ** 127n;
const UUID_TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const INTEGERS: Readonly<Partial<Record<DuckDBTypeId, readonly [bigint, bigint]>>> = {
    [DuckDBTypeId.TINYINT]: [-128n, 127n],
    [DuckDBTypeId.SMALLINT]: [-32768n, 32767n],
    [DuckDBTypeId.INTEGER]: [-(2n ** 31n), 2n ** 31n - 1n],
    [DuckDBTypeId.BIGINT]: [-MOST_INT64, MOST_INT64 - 1n],
    [DuckDBTypeId.HUGEINT]: [-MOST_INT128, MOST_INT128 - 1n],
    [DuckDBTypeId.UTINYINT]: [0n, 255n],
    [DuckDBTypeId.USMALLINT]: [0n, 65535n],
    [DuckDBTypeId.UINTEGER]: [0n, 2n ** 32n - 1n],
    [DuckDBTypeId.UBIGINT]: [0n, 2n ** 64n - 1n],
};
const WIDE = new Set<DuckDBTypeId>([DuckDBTypeId.BIGINT, DuckDBTypeId.HUGEINT, DuckDBTypeId.UBIGINT]);
const DATES = new Set<DuckDBTypeId>([
    DuckDBTypeId.DATE,
    DuckDBTypeId.TIMESTAMP,
    DuckDBTypeId.TIMESTAMP_S,
    DuckDBTypeId.TIMESTAMP_MS,
    DuckDBTypeId.TIMESTAMP_NS,
    DuckDBTypeId.TIMESTAMP_TZ,
]);
const NESTED = new Set<DuckDBTypeId>([
    DuckDBTypeId.LIST,
    DuckDBTypeId.ARRAY,
    DuckDBTypeId.STRUCT,
    DuckDBTypeId.MAP,
    DuckDBTypeId.UNION,
]);

/** Stock DuckDB's own value classes. */
export function isStockValue(value: unknown): value is DuckDBValue & object {
    return typeof value === 'object' && value !== null && /^DuckDB\w+Value$/.test(value.constructor.name);
}

function integer(value: Parameter, [least, most]: readonly [bigint, bigint], wide: boolean): DuckDBValue | undefined {
    if (typeof value !== 'bigint' && !(typeof value === 'number' && Number.isSafeInteger(value))) return undefined;
    const exact = BigInt(value);
    if (exact < least || exact > most) return undefined;
    return wide ? exact : Number(exact);
}

/** The value as a vector of this type has it; undefined: DuckDB has to convert it, or to refuse. */
function fit(value: Parameter, type: DuckDBType): DuckDBValue | undefined {
    const range = INTEGERS[type.typeId];
    if (range) return integer(value, range, WIDE.has(type.typeId));
    switch (type.typeId) {
        case DuckDBTypeId.BOOLEAN:
            return typeof value === 'boolean' ? value : undefined;
        case DuckDBTypeId.DOUBLE:
            return typeof value === 'number' ? value : undefined;
        case DuckDBTypeId.VARCHAR:
            return typeof value === 'string' && !type.alias ? value : undefined;
        case DuckDBTypeId.BLOB:
            return value instanceof Uint8Array ? convert(value, type) : undefined;
        case DuckDBTypeId.UUID:
            return typeof value === 'string' && UUID_TEXT.test(value) ? convert(value, type) : undefined;
        default:
    }
    if (DATES.has(type.typeId)) return value instanceof Date ? convert(value, type) : undefined;
    if (NESTED.has(type.typeId) && typeof value === 'object') return isStockValue(value) ? value : convert(value, type);
    return undefined;
}

function convert(value: Parameter, type: DuckDBType): DuckDBValue {
    return JSToDuckDBValueConverter(value as never, type, JSToDuckDBValueConverter);
}

/** What a cast from text makes the same of. */
function text(value: Parameter): string {
    if (value instanceof Date) return value.toISOString().replace('T', ' ').replace('Z', '+00');
    if (typeof value === 'object' && value !== null && !isStockValue(value)) {
        if (value instanceof Uint8Array) throw usage('bytes fit a column of BLOB only');
        return JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? Number(each) : each));
    }
    return String(value);
}

/** The type that holds all of them. */
export function typeOf(values: readonly Parameter[]): DuckDBType {
    const kinds = new Set<string>();
    for (const value of values) {
        if (value === null || value === undefined) continue;
        if (typeof value === 'number') kinds.add(Number.isSafeInteger(value) ? 'integer' : 'number');
        else if (typeof value === 'bigint') kinds.add(value >= -MOST_INT64 && value < MOST_INT64 ? 'integer' : 'huge');
        else if (typeof value !== 'object') kinds.add(typeof value);
        else if (value instanceof Date) kinds.add('date');
        else if (value instanceof Uint8Array) kinds.add('bytes');
        else kinds.add(isStockValue(value) ? 'string' : Array.isArray(value) ? 'array' : 'object');
    }
    const only = (...allowed: string[]) => [...kinds].every((kind) => allowed.includes(kind));
    if (kinds.size === 0) return VARCHAR;
    if (only('integer')) return BIGINT;
    if (only('integer', 'huge')) return HUGEINT;
    if (only('integer', 'number')) return DOUBLE;
    if (only('boolean')) return BOOLEAN;
    if (only('date')) return TIMESTAMP;
    if (only('bytes')) return BLOB;
    if (only('array')) return LIST(typeOf((values as (readonly Parameter[] | null)[]).flatMap((each) => each ?? [])));
    if (only('object')) {
        const objects = values.filter((each) => each !== null && each !== undefined) as Record<string, Parameter>[];
        const names = new Set(objects.flatMap((each) => Object.keys(each)));
        return STRUCT(Object.fromEntries([...names].map((name) => [name, typeOf(objects.map((each) => each[name]))])));
    }
    return VARCHAR;
}

/** What a struct lacks is NULL in it, and what can't be in a type is its text. */
function shape(value: Parameter, type: DuckDBType): Parameter {
    if (value === null || value === undefined) return null;
    if (type instanceof DuckDBListType) return (value as Parameter[]).map((each) => shape(each, type.valueType));
    if (type instanceof DuckDBStructType) {
        const given = value as Record<string, Parameter>;
        return Object.fromEntries(type.entryNames.map((name) => [name, shape(given[name], type.typeForEntry(name))]));
    }
    if (type.typeId === DuckDBTypeId.VARCHAR) return text(value);
    return type.typeId === DuckDBTypeId.DOUBLE ? Number(value) : value;
}

/** As one column; with a type that is wanted, of that if all values are at home in it. */
export function column(given: readonly Parameter[], wanted?: DuckDBType): Column {
    if (wanted) {
        const values: DuckDBValue[] = [];
        let fits = true;
        for (const value of given) {
            const fitted = value === null || value === undefined ? null : fit(value, wanted);
            if (fitted === undefined) {
                fits = false;
                break;
            }
            values.push(fitted);
        }
        if (fits) return { type: wanted, values };
    }
    const type = typeOf(given);
    return {
        type,
        values: given.map((value) => (value === null || value === undefined ? null : convert(shape(value, type), type))),
    };
}

function isArray(row: InputRow): row is readonly Parameter[] {
    return Array.isArray(row);
}

/** The columns that any of the rows has, in the order of their first appearance; undefined: rows are arrays. */
export function columnNames(rows: readonly InputRow[]): string[] | undefined {
    // Plain JavaScript may give anything.
    if (rows.some((row: unknown) => row === null || typeof row !== 'object')) throw usage('a row is an array or an object');
    const objects = rows.filter((row) => !isArray(row));
    if (objects.length === 0) return undefined;
    if (objects.length < rows.length) throw usage('rows are either all arrays or all objects');
    const names = new Set(objects.flatMap((row) => Object.keys(row)));
    if (names.size === 0) throw usage('the rows have no columns');
    return [...names];
}

/** The values of column i, or of that name. */
export function valuesOf(rows: readonly InputRow[], i: number, name: string | undefined): Parameter[] {
    return rows.map((row) => (isArray(row) ? row[i] : name === undefined ? undefined : row[name]));
}
