/** Values of each type go in and come out the same, whichever way. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DuckDb, openDuckDb, type Parameter } from 'duckrow';
import { makePath, Service } from './support.mjs';

interface Case {
    readonly type: string;
    /** Each goes in and comes out, or [what goes in, what comes out]. */
    readonly values: readonly (Parameter | Pair)[];
    /** Goes in where the type is known alone: not at the service. */
    readonly local?: true;
}

class Pair {
    constructor(
        readonly given: Parameter,
        readonly expected: unknown,
    ) {}
}

function pair(given: Parameter, expected: unknown): Pair {
    return new Pair(given, expected);
}

function bytes(...values: number[]): Buffer {
    return Buffer.from(values);
}

function integers(least: bigint, most: bigint): readonly Pair[] {
    const wide = most > 2n ** 32n;
    return [least, most, 0n, 1n].flatMap((value) => {
        const expected = wide ? value : Number(value);
        const number = Number(value);
        return [
            pair(value, expected),
            pair(String(value), expected),
            ...(Number.isSafeInteger(number) ? [pair(number, expected)] : []),
        ];
    });
}

const DAY = 86_400_000_000n;
const moments = [new Date(0), new Date('2024-02-29T12:34:56.789Z'), new Date('1969-12-31T23:59:59.999Z'), new Date('0001-01-01')];

const CASES: readonly Case[] = [
    { type: 'BOOLEAN', values: [true, false, pair('true', true), pair(1, true)] },
    { type: 'TINYINT', values: integers(-128n, 127n) },
    { type: 'SMALLINT', values: integers(-(2n ** 15n), 2n ** 15n - 1n) },
    { type: 'INTEGER', values: integers(-(2n ** 31n), 2n ** 31n - 1n) },
    { type: 'BIGINT', values: integers(-(2n ** 63n), 2n ** 63n - 1n) },
    { type: 'HUGEINT', values: integers(-(2n ** 127n), 2n ** 127n - 1n) },
    { type: 'UTINYINT', values: integers(0n, 255n) },
    { type: 'USMALLINT', values: integers(0n, 65_535n) },
    { type: 'UINTEGER', values: integers(0n, 2n ** 32n - 1n) },
    { type: 'UBIGINT', values: integers(0n, 2n ** 64n - 1n) },
    { type: 'UHUGEINT', values: integers(0n, 2n ** 128n - 1n) },
    { type: 'FLOAT', values: [1.5, 0, -2.25, Infinity, -Infinity, pair('0.5', 0.5), pair(3n, 3)] },
    { type: 'DOUBLE', values: [1.1, 5e-324, Number.MAX_VALUE, NaN, Infinity, pair(2 ** 70, 2 ** 70), pair('1e3', 1000)] },
    { type: 'DECIMAL(9, 2)', values: [1.25, -9_999_999.99, pair('0.1', 0.1), pair(5n, 5)] },
    { type: 'DECIMAL(38, 0)', values: [pair('123456789012', 123456789012), pair(10n ** 20n, 1e20)] },
    { type: 'VARCHAR', values: ['', 'naïve 🦆', 'a\tb\nc\\d\re', "it's \"it\"", '\\N', '{1,2}', 'NULL', pair(42, '42'), pair(true, 'true'), pair(2n ** 100n, String(2n ** 100n))] },
    { type: 'BLOB', values: [bytes(), bytes(0, 1, 255, 10, 92, 9), pair(new Uint8Array([1, 2]), bytes(1, 2))] },
    { type: 'BIT', values: [pair('0110', bytes(4, 0xf6)), pair('1', bytes(7, 0xff))] },
    { type: 'UUID', values: ['00000000-0000-0000-0000-000000000001', 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'] },
    { type: "ENUM('a', 'b c')", values: ['a', 'b c'] },
    { type: 'DATE', values: [new Date('2024-02-29'), new Date('0044-03-15'), pair(new Date('1969-12-31T12:00Z'), new Date('1969-12-31')), pair('1999-01-02', new Date('1999-01-02'))] },
    { type: 'TIME', values: [pair('12:34:56.789012', 45_296_789_012n), pair('00:00:00', 0n), pair('24:00:00', DAY)] },
    { type: 'TIMETZ', values: [{ micros: 1n, offset: 3_600 }, { micros: 45_296_000_000n, offset: -19_800 }, pair('01:00:00+00', { micros: 3_600_000_000n, offset: 0 })] },
    { type: 'TIMESTAMP', values: moments },
    { type: 'TIMESTAMP_S', values: [...moments.slice(0, 1), pair(new Date('2024-02-29T12:34:56.789Z'), new Date('2024-02-29T12:34:57Z'))] },
    { type: 'TIMESTAMP_MS', values: moments },
    { type: 'TIMESTAMP_NS', values: moments.slice(0, 3) },
    { type: 'TIMESTAMPTZ', values: moments },
    { type: 'INTERVAL', values: [{ months: 14, days: -3, micros: 1n }, { months: 0, days: 0, micros: -DAY }, pair('1 day', { months: 0, days: 1, micros: 0n })] },
    { type: 'JSON', values: [pair({ b: [1, null], a: 'x' }, '{"b":[1,null],"a":"x"}'), pair([{ c: 1 }, [2]], '[{"c":1},[2]]'), '"text"', '{"a": 1}'] },
    { type: 'INTEGER[]', values: [[1, null, 3], []] },
    { type: 'VARCHAR[]', values: [['a', 'it’s "b"', 'c\\d,{}', '', 'NULL', null]] },
    { type: 'BIGINT[][]', values: [[[1n], [], [2n, null]]] },
    { type: 'BLOB[]', values: [[bytes(0, 255), null]] },
    { type: 'VARCHAR[]', values: [['a\nb\t', 'c']] },
    { type: 'DOUBLE[]', values: [[NaN, Infinity, -0.5]] },
    { type: 'DOUBLE[][]', values: [[[1.5, NaN], [-Infinity]]] },
    { type: 'INTERVAL[]', values: [[{ months: 1, days: 2, micros: 3n }]] },
    { type: 'TIMESTAMP[]', values: [[new Date(0), null]] },
    { type: 'DOUBLE[3]', values: [[1, 2.5, 3]] },
    { type: 'STRUCT(a INTEGER, b VARCHAR)', values: [{ a: 1, b: 'x, "y"' }, { a: null, b: null }, pair({ b: 'only' }, { a: null, b: 'only' })] },
    { type: 'STRUCT(n BIGINT, l INTEGER[])', values: [{ n: 5n, l: [1, 2] }] },
    { type: 'STRUCT(a INTEGER)[]', values: [[{ a: 1 }, { a: 2 }]] },
    { type: 'MAP(VARCHAR, INTEGER)', values: [[{ key: 'a', value: 1 }, { key: 'b', value: null }], pair({ c: 3 }, [{ key: 'c', value: 3 }])], local: true },
    { type: 'UNION(i INTEGER, s VARCHAR)', values: [{ tag: 's', value: 'x' }, { tag: 'i', value: 1 }], local: true },
]; // prettier-ignore

function given(value: unknown): Parameter {
    return value instanceof Pair ? value.given : (value as Parameter);
}

function expected(value: unknown): unknown {
    return value instanceof Pair ? value.expected : value;
}

async function put(db: DuckDb, each: Case, table: string): Promise<void> {
    const all = [...each.values.map(given), null];
    for (const [n, value] of all.entries()) await db.run(`INSERT INTO ${table} VALUES (?, ?)`, [n, value]);
    await db.insertMany(table, all.map((value, n) => [100 + n, value])); // prettier-ignore
    for (const [n, value] of all.entries()) await db.insertMany(table, [{ v: value, n: 200 + n }]);
}

async function check(db: DuckDb, each: Case, table: string): Promise<void> {
    const rows = await db.all(`SELECT n, v FROM ${table} ORDER BY n`);
    const values = [...each.values.map(expected), null];
    for (const [i, row] of rows.entries()) {
        const value = values[i % values.length];
        if (each.type.startsWith('UNION') && value === null) continue; // node-api's vectors make a member of it
        assert.deepStrictEqual(plain(row.v), plain(value), `${each.type} from ${table}, row ${row.n as number}`);
    }
    assert.equal(rows.length, 3 * values.length);
}

/** Bytes are bytes, whatever class says so. */
function plain(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(plain);
    return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
}

void test('each type, each way', async (t) => {
    const path = makePath(t);
    const wrong: string[] = [];
    const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
        try {
            await work();
        } catch (error) {
            wrong.push(`${what}: ${String(error)}`);
        }
    };
    const db = await openDuckDb(path);
    for (const [i, each] of CASES.entries()) {
        for (const how of ['here', 'served']) await db.run(`CREATE TABLE ${how}${i} (n INT, v ${each.type})`);
        await attempt(`embedded ${each.type}`, () => db.transaction(() => put(db, each, `here${i}`)));
        await attempt(`embedded ${each.type}`, () => check(db, each, `here${i}`));
    }
    await db.close();
    const service = await Service.start(t, path);
    const served = await openDuckDb(path);
    for (const [i, each] of CASES.entries()) {
        const tables = each.local ? [`here${i}`] : [`here${i}`, `served${i}`];
        if (!each.local)
            await attempt(`to the service ${each.type}`, () => served.transaction(() => put(served, each, `served${i}`)));
        for (const table of tables)
            await attempt(`from the service ${each.type}`, async () => {
                await served.transaction(() => check(served, each, table));
                await check(served, each, table);
            });
    }
    await served.close();
    await service.stop();
    const reader = await openDuckDb(path, { readOnly: true });
    for (const [i, each] of CASES.entries()) await attempt(`reader ${each.type}`, () => check(reader, each, `here${i}`));
    await reader.close();
    assert.equal(wrong.join('\n'), '');
});
