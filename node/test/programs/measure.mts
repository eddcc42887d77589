/** What bench/served/typescript.py times, against a peer each. Says "ready", waits for a line, prints how often in how many seconds. */

import { DuckDBInstance } from '@duckdb/node-api';
import { openDuckDb } from 'duckrow';
import pg from 'pg';
import { done, path, say, told, words } from './support.mjs';

const [way = '', length = '1', clients = '1'] = words;
const seconds = Number(length);

interface Client {
    insert(n: number): Promise<unknown>;
    close(): Promise<void>;
}

const SQL = 'INSERT INTO t VALUES ($1, $2)';

async function duckrow(): Promise<Client> {
    const db = await openDuckDb(path);
    if (!db.served) throw new Error('no service');
    return { insert: (n) => db.run(SQL, [n, `row ${n}`]), close: () => db.close() };
}

async function direct(): Promise<Client> {
    const client = new pg.Client({ host: path, port: 5432, database: 'core', user: 'bench' });
    await client.connect();
    return { insert: (n) => client.query(SQL, [n, `row ${n}`]), close: () => client.end() };
}

async function begin(): Promise<number> {
    say('ready');
    await told();
    return performance.now();
}

function report(count: number, began: number): void {
    say({ count, seconds: (performance.now() - began) / 1000 });
}

/** Each acknowledged before the next. */
async function inserts(connect: () => Promise<Client>): Promise<void> {
    const all = await Promise.all(Array.from({ length: Number(clients) }, connect));
    const began = await begin();
    const until = began + seconds * 1000;
    let count = 0;
    const one = async (client: Client) => {
        while (performance.now() < until) await client.insert(count++);
    };
    await Promise.all(all.map(one));
    report(count, began);
    await Promise.all(all.map((client) => client.close()));
}

async function repeat(work: () => Promise<void>): Promise<void> {
    const began = await begin();
    const until = began + seconds * 1000;
    let count = 0;
    for (; performance.now() < until; count++) await work();
    report(count, began);
}

const QUERY = 'SELECT count(*) FROM ballast WHERE h < 10';

async function readOurs(): Promise<void> {
    const db = await openDuckDb(path, { readOnly: true });
    await db.all(QUERY);
    await db.close();
}

async function readStock(): Promise<void> {
    const instance = await DuckDBInstance.create(path, { access_mode: 'READ_ONLY' });
    const con = await instance.connect();
    await con.runAndReadAll(QUERY);
    con.closeSync();
    instance.closeSync();
}

/** So many rows at once, through whatever has the database. */
async function many(): Promise<void> {
    const rows = Array.from({ length: seconds }, (_, i) => [i, `row ${i}`, i / 4]);
    const db = await openDuckDb(path);
    const began = await begin();
    report(await db.insertMany('many', rows), began);
    await db.close();
}

/** A loop of stock inserts. */
async function loop(): Promise<void> {
    const instance = await DuckDBInstance.create(path);
    const con = await instance.connect();
    await con.run('CREATE TABLE IF NOT EXISTS many (i BIGINT, s VARCHAR, d DOUBLE)');
    const began = await begin();
    for (let i = 0; i < seconds; i++) await con.run('INSERT INTO many VALUES ($1, $2, $3)', [i, `row ${i}`, i / 4]);
    report(seconds, began);
    con.closeSync();
    instance.closeSync();
}

const ways: Record<string, () => Promise<void>> = {
    duckrow: () => inserts(duckrow),
    direct: () => inserts(direct),
    read: () => repeat(readOurs),
    'read-stock': () => repeat(readStock),
    many,
    loop,
};
await ways[way]?.();
done();
