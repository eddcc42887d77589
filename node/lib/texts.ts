/** Values of the PostgreSQL protocol's text format, as `getRowObjectsJS()` of stock DuckDB has them; and values on their way there. */

import type { JS } from '@duckdb/node-api';
import type { FieldDef } from 'pg';
import { isStockValue, objectText } from './columns';
import { usage } from './errors';
import type { Parameter, Row } from './surface';

const MICROS_PER_SECOND = 1_000_000n;

type Decode = (text: string) => JS;

function date(text: string): JS {
    const found =
        /^(\d+)-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d+))?)?(?:([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?)?( BC)?$/.exec(text);
    if (!found) throw new Error(`${text} is out of range for JS Date`);
    const [, year, month, day, hour, minute, second, fraction, sign, zoneHour, zoneMinute, zoneSecond, bc] = found;
    const millis = Number((fraction ?? '').slice(0, 3).padEnd(3, '0'));
    const made = new Date(0);
    made.setUTCFullYear(bc ? 1 - Number(year) : Number(year), Number(month) - 1, Number(day));
    made.setUTCHours(Number(hour ?? 0), Number(minute ?? 0), Number(second ?? 0), millis);
    const offset = Number(zoneHour ?? 0) * 3600 + Number(zoneMinute ?? 0) * 60 + Number(zoneSecond ?? 0);
    return new Date(made.getTime() - (sign === '-' ? -offset : offset) * 1000);
}

function micros(text: string): bigint {
    const [hours = '0', minutes = '0', seconds = '0'] = text.split(':');
    const [whole = '0', fraction = ''] = seconds.split('.');
    const total = BigInt(hours) * 3600n + BigInt(minutes) * 60n + BigInt(whole);
    return total * MICROS_PER_SECOND + BigInt(fraction.slice(0, 6).padEnd(6, '0'));
}

function timeWithZone(text: string): JS {
    const found = /^([\d:.]+)([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?$/.exec(text);
    if (!found) return text;
    const offset = Number(found[3]) * 3600 + Number(found[4] ?? 0) * 60 + Number(found[5] ?? 0);
    return { micros: micros(found[1] ?? ''), offset: found[2] === '-' ? -offset : offset };
}

function interval(text: string): JS {
    const all = { months: 0, days: 0, micros: 0n };
    for (const [, count, unit] of text.matchAll(/(-?\d+) (year|mon|day)s?/g))
        if (unit === 'day') all.days += Number(count);
        else all.months += Number(count) * (unit === 'year' ? 12 : 1);
    const clock = /(-?)(\d+:\d\d:\d\d(?:\.\d+)?)$/.exec(text);
    if (clock) all.micros = micros(clock[2] ?? '') * (clock[1] ? -1n : 1n);
    return all;
}

function bytes(text: string): JS {
    return Uint8Array.from(Buffer.from(text.slice(2), 'hex'));
}

/** DuckDB writes some numbers that JSON doesn't have. */
function json(text: string): JS {
    try {
        return JSON.parse(text) as JS;
    } catch {
        const marked = text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g, (piece) =>
            piece.startsWith('"') ? piece : `"\\u0000${piece}"`,
        );
        return JSON.parse(marked, (_, each: unknown) =>
            typeof each === 'string' && each.startsWith('\0') ? Number(each.slice(1)) : each,
        ) as JS;
    }
}

/** {1,NULL,"a b"}, within one another. */
function array(text: string, element: Decode): JS[] {
    let at = 0;
    const next = (): JS => {
        if (text[at] === '{') {
            const found: JS[] = [];
            at++;
            while (text[at] !== '}') {
                found.push(next());
                if (text[at] === ',') at++;
            }
            at++;
            return found;
        }
        if (text[at] === '"') {
            let value = '';
            for (at++; text[at] !== '"'; at++) {
                if (text[at] === '\\') at++;
                value += text[at] ?? '';
            }
            at++;
            return element(value);
        }
        const from = at;
        while (at < text.length && text[at] !== ',' && text[at] !== '}') at++;
        const word = text.slice(from, at);
        return word === 'NULL' ? null : element(word);
    };
    return next() as JS[];
}

const DECODE: Readonly<Record<number, Decode>> = {
    16: (text) => text === 't',
    17: bytes,
    20: BigInt,
    21: Number,
    23: Number,
    114: json,
    700: Number,
    701: Number,
    1082: date,
    1083: micros,
    1114: date,
    1184: date,
    1186: interval,
    1266: timeWithZone,
};
/** Arrays, by their elements. */
const ELEMENT: Readonly<Record<number, number>> = {
    199: 114,
    1000: 16,
    1001: 17,
    1005: 21,
    1007: 23,
    1009: 25,
    1015: 1043,
    1016: 20,
    1021: 700,
    1022: 701,
    1115: 1114,
    1182: 1082,
    1183: 1083,
    1185: 1184,
    1187: 1186,
    1231: 1700,
    1270: 1266,
    2951: 2950,
};
const NUMERIC = 1700;
const same: Decode = (text) => text;

/** DECIMAL has a modifier; what has none is an integer of more than 64 bits. */
function numeric(modifier: number): Decode {
    return modifier >= 0 ? Number : BigInt;
}

function decoder(oid: number, modifier: number): Decode {
    const element = ELEMENT[oid];
    if (element !== undefined) {
        const each = decoder(element, modifier);
        return (text) => array(text, each);
    }
    return oid === NUMERIC ? numeric(modifier) : (DECODE[oid] ?? same);
}

/** Names as stock DuckDB's row objects have them: of two that are the same, the second is name_1. */
function names(fields: readonly FieldDef[]): string[] {
    const seen = new Map<string, number>();
    return fields.map(({ name }) => {
        const count = seen.get(name) ?? 0;
        seen.set(name, count + 1);
        return count ? `${name}:${count}` : name;
    });
}

export function rowObjects(fields: readonly FieldDef[], rows: readonly (readonly (string | null)[])[]): Row[] {
    const keys = names(fields);
    const decoders = fields.map((field) => decoder(field.dataTypeID, field.dataTypeModifier));
    return rows.map((row) => {
        const object: Row = {};
        keys.forEach((key, i) => {
            const text = row[i];
            object[key] = text === null || text === undefined ? null : (decoders[i] ?? same)(text);
        });
        return object;
    });
}

// ---- the other way ----

function isoText(value: Date): string {
    if (Number.isNaN(value.getTime())) throw usage('an invalid Date has no value');
    return value.toISOString().replace('T', ' ').replace('Z', '+00');
}

/** Within an array or a structure: as JSON and DuckDB's casts from text have it. */
function nested(value: Parameter): unknown {
    if (value === undefined || value === null) return null;
    if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
    if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
    if (typeof value !== 'object') return value;
    if (value instanceof Date) return isoText(value);
    if (isStockValue(value)) return String(value);
    if (Array.isArray(value)) return value.map(nested);
    return Object.fromEntries(Object.entries(value as Record<string, Parameter>).map(([key, each]) => [key, nested(each)]));
}

/** A value as node-postgres sends it: text, or bytes. */
export function wireValue(value: Parameter): string | Buffer | null {
    if (value === undefined || value === null) return null;
    if (typeof value === 'string') return value;
    if (typeof value !== 'object') return String(value);
    if (value instanceof Date) return isoText(value);
    if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    if (isStockValue(value)) return String(value);
    if (Array.isArray(value) && !value.some(isNested)) return arrayText(value);
    return objectText(value) ?? JSON.stringify(nested(value));
}

/** What makes the value that it is in one that DuckDB's casts take as JSON; lists of simple values are PostgreSQL's arrays. */
function isNested(value: Parameter): boolean {
    if (typeof value !== 'object' || value === null || value instanceof Date || value instanceof Uint8Array) return false;
    return !isStockValue(value) && objectText(value) === undefined;
}

function arrayText(values: readonly Parameter[]): string {
    const parts = values.map((value) => {
        if (value === undefined || value === null) return 'NULL';
        const text = value instanceof Uint8Array ? `\\x${Buffer.from(value).toString('hex')}` : String(wireValue(value));
        return `"${text.replace(/["\\]/g, '\\$&')}"`;
    });
    return `{${parts.join(',')}}`;
}

/** A value in COPY's text format: https://www.postgresql.org/docs/15/sql-copy.html, "Text Format". */
export function copyText(value: Parameter): string {
    if (value === undefined || value === null) return '\\N';
    const sent = wireValue(value);
    const text = Buffer.isBuffer(sent) ? `\\x${sent.toString('hex')}` : (sent ?? '');
    return text.replace(/[\\\n\r\t]/g, (each) =>
        each === '\\' ? '\\\\' : each === '\n' ? '\\n' : each === '\r' ? '\\r' : '\\t',
    );
}
