/**
 * Values as the service's result format 2 has them (src/service/types.h), as `getRowObjectsJS()` of stock DuckDB has them.
 *
 * A column's name has its type before it, "14:DECIMAL(10, 2)price". A scalar is DuckDB's own text. Within a nested value scalars are in
 * quotes, strings and bytes as hexadecimal digits; a STRUCT is {f0: …, f1: …}, a MAP {k: […], v: […]}, a UNION {t: which, f0: …}.
 */

import { DuckDBBitValue, type JS } from '@duckdb/node-api';
import type { Row } from './surface';

type Decode = (text: string) => JS;

// ---- scalars ----

const MOST_DATE = 8_640_000_000_000_000;

/** A DATE or a moment, in UTC: 2024-05-06 07:08:09.123+00, 0044-03-15 (BC). */
function date(text: string): JS {
    const found = /^(\d+)-(\d\d)-(\d\d)(?: \(BC\))?(?: (\d\d):(\d\d):(\d\d)(?:\.(\d+))?)?( \(BC\))?(?:\+00)?$/.exec(text);
    const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = ''] = found ?? [];
    const made = new Date(0);
    if (found) {
        made.setUTCFullYear(text.includes('(BC)') ? 1 - Number(year) : Number(year), Number(month) - 1, Number(day));
        made.setUTCHours(Number(hour), Number(minute), Number(second), Number(fraction.slice(0, 3).padEnd(3, '0')));
    }
    if (!found || !(Math.abs(made.getTime()) <= MOST_DATE)) throw new Error(`${text} is out of range for JS Date`);
    return made;
}

/** hh:mm:ss and a fraction, in units of 10^-digits seconds. */
function clock(text: string, digits: number): bigint {
    const [hours = '0', minutes = '0', seconds = '0'] = text.split(':');
    const [whole = '0', fraction = ''] = seconds.split('.');
    const total = BigInt(hours) * 3600n + BigInt(minutes) * 60n + BigInt(whole);
    return total * 10n ** BigInt(digits) + BigInt(fraction.slice(0, digits).padEnd(digits, '0'));
}

function timeWithZone(text: string): JS {
    const [, time = '', sign, hours, minutes = '0', seconds = '0'] =
        /^([\d:.]+)([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?$/.exec(text) ?? [];
    const offset = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
    return { micros: clock(time, 6), offset: sign === '-' ? -offset : offset };
}

function interval(text: string): JS {
    const all = { months: 0, days: 0, micros: 0n };
    for (const [, count, unit] of text.matchAll(/(-?\d+) (year|month|day)s?/g)) {
        if (unit === 'day') all.days += Number(count);
        else all.months += Number(count) * (unit === 'year' ? 12 : 1);
    }
    const time = /(-?)(\d+:\d\d:\d\d(?:\.\d+)?)$/.exec(text);
    if (time) all.micros = clock(time[2] ?? '', 6) * (time[1] ? -1n : 1n);
    return all;
}

/** DuckDB's text of bytes: \x00 for what isn't printable. */
function bytes(text: string): JS {
    const found: number[] = [];
    for (let at = 0; at < text.length; at++) {
        if (text[at] === '\\') {
            found.push(Number.parseInt(text.slice(at + 2, at + 4), 16));
            at += 3;
        } else {
            found.push(text.charCodeAt(at));
        }
    }
    return Buffer.from(found);
}

/** inf, -inf and nan are DuckDB's. */
function number(text: string): JS {
    return text.endsWith('inf') ? (text.startsWith('-') ? -Infinity : Infinity) : Number(text);
}

const same: Decode = (text) => text;
const SCALARS: Readonly<Record<string, Decode>> = {
    BOOLEAN: (text) => text === 'true',
    TINYINT: Number,
    SMALLINT: Number,
    INTEGER: Number,
    UTINYINT: Number,
    USMALLINT: Number,
    UINTEGER: Number,
    BIGINT: BigInt,
    UBIGINT: BigInt,
    HUGEINT: BigInt,
    UHUGEINT: BigInt,
    BIGNUM: BigInt,
    FLOAT: number,
    DOUBLE: number,
    DECIMAL: Number,
    BLOB: bytes,
    BIT: (text) => DuckDBBitValue.fromString(text).data,
    DATE: date,
    TIME: (text) => clock(text, 6),
    TIME_NS: (text) => clock(text, 9),
    TIMETZ: timeWithZone,
    TIMESTAMP: date,
    TIMESTAMP_S: date,
    TIMESTAMP_MS: date,
    TIMESTAMP_NS: date,
    TIMESTAMPTZ: date,
    TIMESTAMPTZ_NS: date,
    INTERVAL: interval,
    NULL: () => null,
};
/** What is hexadecimal digits within a nested value. */
const HIDDEN = new Set(['VARCHAR', 'JSON', 'ENUM', 'BLOB']);

// ---- types ----

interface Type {
    readonly kind: string;
    readonly names: readonly string[];
    readonly children: readonly Type[];
}

/** Reads along a text. */
class Cursor {
    private at = 0;

    constructor(private readonly text: string) {}

    /** What is next, if it is this. */
    take(word: string): boolean {
        if (!this.text.startsWith(word, this.at)) return false;
        this.at += word.length;
        return true;
    }

    /** Up to and without one of these. */
    upTo(stops: string): string {
        const from = this.at;
        while (this.at < this.text.length && !stops.includes(this.text[this.at] ?? '')) this.at++;
        return this.text.slice(from, this.at);
    }

    /** The rest of what is in quotes, of which two are one; the first has been taken. */
    quoted(quote: string): string {
        let found = '';
        for (;;) {
            found += this.upTo(quote);
            this.at++;
            if (!this.take(quote)) return found;
            found += quote;
        }
    }
}

function readType(cursor: Cursor): Type {
    const word = cursor.take('"') ? cursor.quoted('"') : cursor.upTo('([,)');
    let type: Type = { kind: word, names: [], children: [] };
    if (cursor.take('(')) type = readParts(cursor, word);
    while (cursor.take('[')) {
        cursor.upTo(']');
        cursor.take(']');
        type = { kind: 'LIST', names: [], children: [type] };
    }
    return type;
}

function readParts(cursor: Cursor, kind: string): Type {
    const names: string[] = [];
    const children: Type[] = [];
    const nested = kind === 'STRUCT' || kind === 'MAP' || kind === 'UNION';
    while (!cursor.take(')')) {
        if (cursor.take(', ')) continue;
        if (cursor.take("'")) {
            cursor.quoted("'"); // an ENUM's values
        } else if (!nested) {
            cursor.upTo(',)');
        } else {
            // Of a STRUCT without names, which may hold a "NULL", the fields are types alone.
            const name = cursor.take('"') ? cursor.quoted('"') : undefined;
            if (name !== undefined && !cursor.take(' ')) {
                children.push({ kind: name, names: [], children: [] });
            } else {
                if (name !== undefined) names.push(name);
                children.push(readType(cursor));
            }
        }
    }
    return { kind, names, children };
}

// ---- values ----

function readValue(cursor: Cursor, type: Type): JS {
    if (cursor.take('NULL')) return null;
    if (cursor.take('"')) return scalar(type, cursor.quoted('"'));
    if (cursor.take('[')) return readList(cursor, type.children[0]);
    cursor.take('{');
    if (type.kind === 'MAP') return readMap(cursor, type);
    return type.kind === 'UNION' ? readUnion(cursor, type) : readStruct(cursor, type);
}

function scalar({ kind }: Type, text: string): JS {
    if (!HIDDEN.has(kind)) return (SCALARS[kind] ?? same)(text);
    const hidden = Buffer.from(text, 'hex');
    return kind === 'BLOB' ? hidden : hidden.toString('utf8');
}

function readList(cursor: Cursor, element: Type | undefined): JS[] {
    const found: JS[] = [];
    while (element && !cursor.take(']')) {
        cursor.take(', ');
        found.push(readValue(cursor, element));
    }
    return found;
}

function readMap(cursor: Cursor, type: Type): JS {
    cursor.take('k: [');
    const keys = readList(cursor, type.children[0]);
    cursor.take(', v: [');
    const values = readList(cursor, type.children[1]);
    cursor.take('}');
    return keys.map((key, i) => ({ key, value: values[i] ?? null }));
}

/** Each with its number before it. */
function readMembers(cursor: Cursor, type: Type): JS[] {
    const found: JS[] = [];
    while (!cursor.take('}')) {
        cursor.take(', ');
        cursor.upTo(':');
        cursor.take(': ');
        found.push(readValue(cursor, type.children[found.length] ?? type));
    }
    return found;
}

function readStruct(cursor: Cursor, type: Type): JS {
    const members = readMembers(cursor, type);
    return Object.fromEntries(members.map((member, i) => [type.names[i] ?? '', member]));
}

function readUnion(cursor: Cursor, type: Type): JS {
    cursor.take('t: ');
    const which = Number(cursor.upTo(',}'));
    const members = readMembers(cursor, type);
    return { tag: type.names[which] ?? '', value: members[which] ?? null };
}

const decoders = new Map<string, Decode>();
const MOST_TYPES = 500;

function decoderOf(described: string): Decode {
    const known = decoders.get(described);
    if (known) return known;
    const type = readType(new Cursor(described));
    const made = type.children.length > 0 ? (text: string) => readValue(new Cursor(text), type) : (SCALARS[type.kind] ?? same);
    if (decoders.size >= MOST_TYPES) decoders.clear();
    decoders.set(described, made);
    return made;
}

// ---- rows ----

export interface Column {
    readonly name: string;
    readonly decode: Decode;
}

/** A column by what the service says of it; what it answers itself, such as SHOW, is text under a plain name. */
export function column(name: string, exact: boolean): Column {
    if (!exact) return { name, decode: same };
    const colon = name.indexOf(':');
    const rest = Buffer.from(name.slice(colon + 1));
    const length = Number(name.slice(0, colon));
    return { name: rest.subarray(length).toString(), decode: decoderOf(rest.subarray(0, length).toString()) };
}

/** Names as stock DuckDB's row objects have them: of two that are the same, the second is name:1. */
export function rowObjects(columns: readonly Column[], rows: readonly (readonly (string | null)[])[]): Row[] {
    const seen = new Map<string, number>();
    const keys = columns.map(({ name }) => {
        const count = seen.get(name) ?? 0;
        seen.set(name, count + 1);
        return count ? `${name}:${count}` : name;
    });
    return rows.map((row) => {
        const object: Row = {};
        columns.forEach(({ decode }, i) => {
            const text = row[i];
            object[keys[i] ?? ''] = text === null || text === undefined ? null : decode(text);
        });
        return object;
    });
}
