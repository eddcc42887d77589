/** Rows of JavaScript values as columns of DuckDB. */

import {
    arrayValue,
    BIGINT,
    BLOB,
    BOOLEAN,
    DOUBLE,
    DuckDBArrayType,
    DuckDBIntervalValue,
    DuckDBListType,
    DuckDBMapType,
    DuckDBStructType,
    DuckDBTimeTZValue,
    type DuckDBType,
    DuckDBTypeId,
    DuckDBUnionType,
    type DuckDBValue,
    HUGEINT,
    JSToDuckDBValueConverter,
    LIST,
    listValue,
    mapValue,
    STRUCT,
    structValue,
    TIMESTAMP,
    unionValue,
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
/** What a day of microseconds, and the nanoseconds of 64 bits, can hold. */
const DAY = 86_400_000_000n;
const MOST_NANOS_MS = Number(MOST_INT64 / 1_000_000n);
const isDate = (value: Parameter) => value instanceof Date;
const isBytes = (value: Parameter) => value instanceof Uint8Array;
/** Which JavaScript values the others are made of: those that are read from them. */
const MADE_OF: Readonly<Partial<Record<DuckDBTypeId, (value: Parameter) => boolean>>> = {
    [DuckDBTypeId.BOOLEAN]: (value) => typeof value === 'boolean',
    [DuckDBTypeId.DOUBLE]: (value) => typeof value === 'number',
    [DuckDBTypeId.BLOB]: isBytes,
    [DuckDBTypeId.BIT]: isBytes,
    [DuckDBTypeId.UUID]: (value) => typeof value === 'string' && UUID_TEXT.test(value),
    [DuckDBTypeId.DATE]: isDate,
    [DuckDBTypeId.TIMESTAMP]: isDate,
    [DuckDBTypeId.TIMESTAMP_S]: (value) => value instanceof Date && value.getTime() % 1000 === 0, // else DuckDB rounds
    [DuckDBTypeId.TIMESTAMP_MS]: isDate,
    [DuckDBTypeId.TIMESTAMP_NS]: (value) => value instanceof Date && Math.abs(value.getTime()) < MOST_NANOS_MS,
    [DuckDBTypeId.TIMESTAMP_TZ]: isDate,
    [DuckDBTypeId.TIME]: (value) => typeof value === 'bigint' && value >= 0n && value <= DAY,
    [DuckDBTypeId.TIME_TZ]: isTimeWithZone,
    [DuckDBTypeId.INTERVAL]: isInterval,
};
const NESTED = new Set<DuckDBTypeId>([
    DuckDBTypeId.LIST,
    DuckDBTypeId.ARRAY,
    DuckDBTypeId.STRUCT,
    DuckDBTypeId.MAP,
    DuckDBTypeId.UNION,
]);

interface Interval {
    readonly months: number;
    readonly days: number;
    readonly micros: bigint;
}

interface TimeWithZone {
    readonly micros: bigint;
    readonly offset: number;
}

/** Is it an object with these keys and no others, and microseconds as DuckDB has them? */
function hasMicros(value: unknown, ...others: string[]): boolean {
    if (typeof value !== 'object' || value === null || isStockValue(value)) return false;
    if (!('micros' in value) || typeof value.micros !== 'bigint') return false;
    return Object.keys(value).length === 1 + others.length && others.every((name) => name in value);
}

function isInterval(value: unknown): value is Interval {
    return hasMicros(value, 'months', 'days');
}

function isTimeWithZone(value: unknown): value is TimeWithZone {
    return hasMicros(value, 'offset');
}

/** The text of an object that stands for a single value. */
export function objectText(value: object): string | undefined {
    if (isInterval(value)) return new DuckDBIntervalValue(value.months, value.days, value.micros).toString();
    if (isTimeWithZone(value)) return DuckDBTimeTZValue.fromMicrosAndOffset(value.micros, value.offset).toString();
    return undefined;
}

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

function fitAll(values: readonly Parameter[], typeOfEach: (i: number) => DuckDBType): DuckDBValue[] | undefined {
    const fitted: DuckDBValue[] = [];
    for (const [i, value] of values.entries()) {
        const one = value === null || value === undefined ? null : fit(value, typeOfEach(i));
        if (one === undefined) return undefined;
        fitted.push(one);
    }
    return fitted;
}

/** Arrays and objects, if all within them fits. */
function fitNested(value: object, type: DuckDBType): DuckDBValue | undefined {
    if (Array.isArray(value)) {
        const all = value as readonly Parameter[];
        if (type instanceof DuckDBListType)
            return mapped(
                fitAll(all, () => type.valueType),
                listValue,
            );
        if (type instanceof DuckDBArrayType)
            return all.length === type.length
                ? mapped(
                      fitAll(all, () => type.valueType),
                      arrayValue,
                  )
                : undefined;
        if (!(type instanceof DuckDBMapType)) return undefined;
        const entries = all as readonly { key: Parameter; value: Parameter }[];
        const keys = fitAll(
            entries.map((each) => each.key),
            () => type.keyType,
        );
        const values = fitAll(
            entries.map((each) => each.value),
            () => type.valueType,
        );
        return keys && values && mapValue(keys.map((key, i) => ({ key, value: values[i] ?? null })));
    }
    const object = value as Readonly<Record<string, Parameter>>;
    if (type instanceof DuckDBStructType) {
        if (!Object.keys(object).every((name) => type.entryNames.includes(name))) return undefined;
        const values = fitAll(
            type.entryNames.map((name) => object[name]),
            (i) => type.entryTypes[i] ?? VARCHAR,
        );
        return values && structValue(Object.fromEntries(type.entryNames.map((name, i) => [name, values[i] ?? null])));
    }
    if (type instanceof DuckDBMapType)
        return fitNested(
            Object.entries(object).map(([key, each]) => ({ key, value: each })),
            type,
        );
    if (type instanceof DuckDBUnionType && typeof object.tag === 'string' && object.tag in type.tagMemberIndexes) {
        const { tag } = object;
        return mapped(
            fitAll([object.value], () => type.memberTypeForTag(tag)),
            ([one = null]) => unionValue(tag, one),
        );
    }
    return undefined;
}

function mapped<A, B>(value: A | undefined, make: (value: A) => B): B | undefined {
    return value === undefined ? undefined : make(value);
}

/** The value as a vector of this type has it; undefined: DuckDB has to convert it, or to refuse. */
function fit(value: Parameter, type: DuckDBType): DuckDBValue | undefined {
    const range = INTEGERS[type.typeId];
    if (range) return integer(value, range, WIDE.has(type.typeId));
    const kind = MADE_OF[type.typeId];
    if (kind) return kind(value) ? convert(value, type) : undefined;
    if (type.typeId === DuckDBTypeId.VARCHAR) return typeof value === 'string' && !type.alias ? value : undefined;
    if (!NESTED.has(type.typeId) || typeof value !== 'object' || value === null) return undefined;
    return isStockValue(value) ? value : fitNested(value, type);
}

function convert(value: Parameter, type: DuckDBType): DuckDBValue {
    return JSToDuckDBValueConverter(value as never, type, JSToDuckDBValueConverter);
}

/** For JSON: a number where that is exact. */
function plain(value: bigint): number | string {
    return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
}

/** What a cast from text makes the same of. */
function text(value: Parameter): string {
    if (value instanceof Date) return value.toISOString().replace('T', ' ').replace('Z', '+00');
    if (typeof value === 'object' && value !== null && !isStockValue(value)) {
        if (value instanceof Uint8Array) throw usage('bytes fit a column of BLOB only');
        return objectText(value) ?? JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? plain(each) : each));
    }
    return String(value);
}

function width(value: bigint): string {
    if (value >= -MOST_INT64 && value < MOST_INT64) return 'integer';
    return value >= -MOST_INT128 && value < MOST_INT128 ? 'huge' : 'beyond';
}

/** The type that holds all of them. */
export function typeOf(values: readonly Parameter[]): DuckDBType {
    const kinds = new Set<string>();
    for (const value of values) {
        if (value === null || value === undefined) continue;
        if (typeof value === 'number') kinds.add(Number.isSafeInteger(value) ? 'integer' : 'number');
        else if (typeof value === 'bigint') kinds.add(width(value));
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
        if (names.size === 0) return VARCHAR; // a structure has one field at least
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

/** For a column of JSON: a string is JSON already. */
function jsonText(value: Parameter): string | null {
    return value === null || value === undefined ? null : text(value);
}

/** As one column; with a type that is wanted, of that if all values are at home in it. */
export function column(given: readonly Parameter[], wanted?: DuckDBType): Column {
    for (const value of given)
        if (value instanceof Date && Number.isNaN(value.getTime())) throw usage('an invalid Date has no value');
    if (wanted?.alias === 'JSON') return { type: VARCHAR, values: given.map(jsonText) };
    const values = wanted && fitAll(given, () => wanted);
    if (values) return { type: wanted, values };
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
