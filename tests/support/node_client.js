// node-postgres against the service, one scenario at a time: node node_client.js SCENARIO SOCKET-FOLDER TABLE. What goes wrong throws.
"use strict";
const assert = require("node:assert");
const { pipeline } = require("node:stream/promises");
const { Readable } = require("node:stream");
const pg = require("pg");
const Cursor = require("pg-cursor");
const copy = require("pg-copy-streams");

const [scenario, host, table, given] = process.argv.slice(2);
const options = { host, database: "core", user: "tester" };
const endless = "SELECT count(*) FROM range(100000000) a, range(100000) b WHERE a.range * b.range % 7 = 3";

async function fails(sqlstate, work) {
  await assert.rejects(work, (error) => {
    assert.strictEqual(error.code, sqlstate, error.message);
    return true;
  });
}

// As pg has them without any setting: bigint and numeric are strings, date and timestamps are Date.
function interval(parts) {
  return (found) => assert.deepStrictEqual({ ...found }, parts);
}
function at(text) {
  return (found) => assert.strictEqual(found.toISOString(), text);
}
const values = {
  bool: [true, false],
  int2: [-32768, 32767],
  int4: [-2147483648, 0, 2147483647],
  int8: ["-9223372036854775808", "9223372036854775807"],
  hugeint: ["-170141183460469231731687303715884105727", "10000", "170141183460469231731687303715884105727"],
  float4: [1.5, -3.4028235e38, Infinity],
  float8: [0.1, 1.7976931348623157e308, 5e-324, -Infinity, NaN],
  decimal: ["-999999999999999.999", "0.001", "10000.000"],
  decimal38: ["9999999999999999999999999999.9999999999", "-0.0000000001"],
  varchar: ["", "thirteen and more bytes, naïve 🦆", "it's \"so\"\\n\tand\nso"],
  blob: [Buffer.alloc(0), Buffer.from([0, 255, 39, 92])],
  date: ["0001-01-02", "1970-01-01", "2024-02-29", "9999-12-30"],
  time: ["00:00:00", "23:59:59.999999"],
  timestamp: ["0001-01-02 00:00:00", "1969-12-31 23:59:59.000001", "9999-12-30 23:59:59.999999"],
  timestamptz: ["1900-01-01 00:00:00+00", "2024-02-29 12:34:56.789012+00"],
  interval: ["1 year 2 months 3 days 04:05:06.789", "-1 day", "00:00:00"],
  uuid: ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
  json: [{ a: [1, null, "x"] }, null],
  "int4[]": [[], [1, null, -3]],
  "varchar[]": [["", null, "a", 'b "c", {d}']],
  "float8[]": [[0.1, null, Infinity]],
  "date[]": [["2024-02-29", null]],
};
// What comes back where it isn't what was sent.
const found = {
  date: [at("0001-01-02T00:00:00.000Z"), at("1970-01-01T00:00:00.000Z"), at("2024-02-29T00:00:00.000Z"), at("9999-12-30T00:00:00.000Z")],
  timestamp: [at("0001-01-02T00:00:00.000Z"), at("1969-12-31T23:59:59.000Z"), at("9999-12-30T23:59:59.999Z")],
  timestamptz: [at("1900-01-01T00:00:00.000Z"), at("2024-02-29T12:34:56.789Z")],
  interval: [
    interval({ years: 1, months: 2, days: 3, hours: 4, minutes: 5, seconds: 6, milliseconds: 789 }),
    interval({ days: -1 }),
    interval({}),
  ],
  "date[]": [(list) => assert.deepStrictEqual([list[0].toISOString(), list[1]], ["2024-02-29T00:00:00.000Z", null])],
};

function check(kind, position, value) {
  const expected = (found[kind] || values[kind])[position];
  if (typeof expected === "function") expected(value);
  else assert.deepStrictEqual(value, expected, `${kind} ${position}`);
}

const scenarios = {
  async types(client) {
    for (const [kind, type] of Object.entries(JSON.parse(given))) {
      const name = `${table}_${kind.replace(/\W/g, "_")}`;
      await client.query(`CREATE TABLE ${name} (i INTEGER, v ${type})`);
      for (const [i, value] of values[kind].entries()) {
        const sent = kind === "json" ? JSON.stringify(value) : value;
        await client.query(`INSERT INTO ${name} VALUES ($1, $2)`, [i, sent]);
        await client.query({ name: `insert ${name}`, text: `INSERT INTO ${name} VALUES ($1, $2)`, values: [100 + i, sent] });
      }
      await client.query(`INSERT INTO ${name} VALUES ($1, $2)`, [200, null]);
      const { rows } = await client.query(`SELECT v FROM ${name} ORDER BY i`);
      const count = values[kind].length;
      assert.strictEqual(rows.length, 2 * count + 1);
      rows.slice(0, -1).forEach((row, i) => check(kind, i % count, row.v));
      assert.strictEqual(rows.at(-1).v, null);
      if (!["json", "interval", "blob"].includes(kind)) {
        // A value finds itself as a parameter too.
        const same = await client.query(`SELECT count(*)::INTEGER AS n FROM ${name} WHERE v = $1`, [values[kind][0]]);
        assert.strictEqual(same.rows[0].n, 2, kind);
      }
    }
    const { rows } = await client.query("SELECT {'a': 1, 'b': 'x'} AS s, MAP {'k': 1, 'l': NULL} AS m, [[1], [2, 3]] AS l");
    assert.deepStrictEqual(rows, [{ s: { a: 1, b: "x" }, m: { k: 1, l: null }, l: [[1], [2, 3]] }]);
  },

  async ddl(client) {
    const made = await client.query(`CREATE TABLE ${table} (i INTEGER PRIMARY KEY, s VARCHAR DEFAULT 'x')`);
    assert.strictEqual(made.command, "CREATE");
    const added = await client.query(`INSERT INTO ${table} (i) VALUES ($1), ($2)`, [1, 2]);
    assert.deepStrictEqual([added.command, added.rowCount], ["INSERT", 2]);
    await client.query(`ALTER TABLE ${table} ADD COLUMN f DOUBLE; CREATE INDEX ${table}_s ON ${table} (s)`);
    assert.strictEqual((await client.query(`UPDATE ${table} SET f = i / $1`, [2])).rowCount, 2);
    const gone = await client.query(`DELETE FROM ${table} WHERE i = ANY($1::INTEGER[]) RETURNING i, f`, [[2, 3]]);
    assert.deepStrictEqual(gone.rows, [{ i: 2, f: 1 }]);
    await client.query(`DROP TABLE ${table}`);
  },

  // What has no type beside it has its neighbour's, as in PostgreSQL.
  async parameters(client) {
    await client.query(`CREATE TABLE ${table} (i INTEGER, b BIGINT, f DOUBLE, n DECIMAL(9, 2), s VARCHAR, d DATE, ts TIMESTAMP)`);
    await client.query(`INSERT INTO ${table} VALUES (1, 2, 0.5, 1.25, 'a', '2024-02-28', '2024-02-28 12:00:00')`);
    const one = async (expression, ...parameters) => {
      const { rows } = await client.query({ text: `SELECT ${expression} FROM ${table}`, values: parameters, rowMode: "array" });
      return rows[0].length === 1 ? rows[0][0] : rows[0];
    };
    assert.strictEqual(await one("i + $1", 5), 6);
    assert.strictEqual(await one("$1 - b", "9007199254740993"), "9007199254740991");
    assert.strictEqual(await one("f * $1", 1.5), 0.75);
    assert.strictEqual(await one("n + $1", "0.75"), "2.00");
    assert.strictEqual(await one("s || $1", "b"), "ab");
    assert.strictEqual(await one("coalesce($1, s)", null), "a");
    assert.deepStrictEqual(await one("i + $1, s || $2, f - $3", 1, 2, 0.25), [2, "a2", 0.25]);
    assert.strictEqual(await one("i + $1::INTEGER / 2", 4), 3);
    assert.strictEqual((await one("d + $1", 2)).toISOString(), "2024-03-01T00:00:00.000Z");
    assert.strictEqual((await one("ts + $1", "1 day")).toISOString(), "2024-02-29T12:00:00.000Z");
    assert.strictEqual(await one("$1", "text"), "text");
    assert.strictEqual(await one("CASE WHEN i = $1 THEN $2 ELSE $3 END", 1, "yes", "no"), "yes");
    const { rows } = await client.query("SELECT range AS i FROM range($1) ORDER BY i LIMIT $2", [10, 2]);
    assert.deepStrictEqual(rows, [{ i: "0" }, { i: "1" }]);
    await client.query(`UPDATE ${table} SET i = i + $1 WHERE b > $2`, [1, 1]);
    assert.strictEqual(await one("i"), 2);
    await fails("22P02", one("i + $1", "x"));
  },

  async errors(client) {
    for (const [sql, sqlstate] of Object.entries(JSON.parse(given))) {
      const text = sql.replaceAll("{0}", table);
      await fails(sqlstate, client.query(text));
      await fails(sqlstate, client.query({ text, values: [], queryMode: "extended" }));
    }
    assert.deepStrictEqual((await client.query(`SELECT sum(i)::INTEGER AS i FROM ${table}`)).rows, [{ i: 1 }]);
  },

  async transactions(client) {
    const other = new pg.Client(options);
    await other.connect();
    const count = async (who) => Number((await who.query(`SELECT count(*) AS n FROM ${table}`)).rows[0].n);
    await client.query("BEGIN");
    await client.query(`INSERT INTO ${table} VALUES ($1, 1)`, [2]);
    assert.deepStrictEqual([await count(client), await count(other)], [2, 1]);
    await client.query("COMMIT");
    assert.strictEqual(await count(other), 2);
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
    await client.query(`INSERT INTO ${table} VALUES (3, 1)`);
    await client.query("ROLLBACK");
    await client.query("BEGIN");
    await client.query(`INSERT INTO ${table} VALUES (4, 1)`);
    await fails("23505", client.query(`INSERT INTO ${table} VALUES ($1, 1)`, [2]));
    await fails("25P02", client.query("SELECT 1"));
    assert.strictEqual((await client.query("COMMIT")).command, "ROLLBACK");
    assert.strictEqual(await count(other), 2);
    await fails("23505", client.query(`INSERT INTO ${table} VALUES (5, 1); INSERT INTO ${table} VALUES (2, 1)`));
    assert.strictEqual(await count(client), 2);
    await other.end();
  },

  async cancel(client) {
    const other = new pg.Client(options);
    await other.connect();
    const query = new pg.Query(endless);
    client.query(query);
    // pg's own way: a connection that sends CancelRequest.
    const canceller = new pg.Client(options);
    setTimeout(() => canceller.cancel(client, query), 200);
    await fails("57014", new Promise((resolve, reject) => query.on("error", reject).on("end", resolve)));
    assert.deepStrictEqual((await client.query("SELECT 1 AS one")).rows, [{ one: 1 }]);
    await fails("57014", client.query("SET statement_timeout = 100").then(() => client.query(endless)));
    await other.end();
  },

  async cursor(client) {
    const cursor = client.query(new Cursor("SELECT range AS i FROM range($1::BIGINT) ORDER BY i", [1000]));
    const seen = [];
    for (let rows; (rows = await cursor.read(64)).length; ) seen.push(...rows.map((row) => Number(row.i)));
    assert.deepStrictEqual(seen, [...Array(1000).keys()]);
    await cursor.close();
    await client.query("BEGIN");
    const half = client.query(new Cursor("SELECT range AS i FROM range(100000)"));
    assert.strictEqual((await half.read(10)).length, 10);
    await half.close();
    await client.query("COMMIT");
  },

  async copy(client) {
    await client.query(`CREATE TABLE ${table} (i INTEGER, s VARCHAR)`);
    const lines = [...Array(5000).keys()].map((i) => `${i}\t${i % 3 ? "\\N" : `tab\\t${i}`}\n`);
    await pipeline(Readable.from(lines), client.query(copy.from(`COPY ${table} FROM STDIN`)));
    let out = "";
    for await (const piece of client.query(copy.to(`COPY (SELECT * FROM ${table} ORDER BY i) TO STDOUT`))) out += piece;
    assert.strictEqual(out, lines.join(""));
    const bad = pipeline(Readable.from(["x\ty\n"]), client.query(copy.from(`COPY ${table} FROM STDIN`)));
    await fails("22P02", bad);
    assert.strictEqual((await client.query(`SELECT count(*)::INTEGER AS n FROM ${table}`)).rows[0].n, 5000);
  },

  async pool() {
    const pool = new pg.Pool({ ...options, max: 4 });
    await pool.query(`CREATE TABLE ${table} (i INTEGER PRIMARY KEY)`);
    await Promise.all([...Array(100).keys()].map((i) => pool.query(`INSERT INTO ${table} VALUES ($1)`, [i])));
    assert.strictEqual((await pool.query(`SELECT count(*)::INTEGER AS n FROM ${table}`)).rows[0].n, 100);
    await pool.end();
  },
};

async function main() {
  const client = new pg.Client(options);
  await client.connect();
  await scenarios[scenario](client);
  await client.end();
}
main().catch((error) => {
  console.error(error);
  process.exit(1);
});
