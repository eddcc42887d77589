"""Stock programs in a loop on core.read.duckdb, read-only, beside writers: they know nothing of duckrow and notice nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckrow
import pytest
from support import Processes, scaled

from e2e.test_snapshot_checker import WRITER

QUERY = (
    "SELECT max(n) AS newest, count(*) AS n, (SELECT v FROM counter) AS counter, (SELECT count(*) FROM bulk) AS bulk, "
    "(SELECT coalesce(sum(x), 0)::BIGINT FROM bulk) AS total FROM t"
)

# Each prints, for every look: the newest commit acknowledged before it opened the file, and what it saw; or what went wrong.
PYTHON = """
    import os, sys, time, duckdb
    path, acknowledged, seconds, query = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4]
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        must_see = max(map(int, os.listdir(acknowledged)), default=0)
        try:
            with duckdb.connect(path, read_only=True) as con:
                print(must_see, *con.execute(query).fetchall()[0])
        except Exception as error:
            print("error", str(error).replace(chr(10), " "))
"""

COMMAND_LINE = """
    import os, subprocess, sys, time
    path, acknowledged, seconds, query, program = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4], sys.argv[5]
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        must_see = max(map(int, os.listdir(acknowledged)), default=0)
        told = subprocess.run(
            [program, "-readonly", "-noheader", "-csv", "-c", query, path], capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        if told.returncode:
            print("error", told.stderr.replace(chr(10), " "))
        else:
            print(must_see, *told.stdout.strip().split(","))
"""

NODE = """
const { DuckDBInstance } = require("@duckdb/node-api");
const fs = require("fs");
const [path, acknowledged, seconds, query] = process.argv.slice(2);
(async () => {
  const until = Date.now() + Number(seconds) * 1000;
  while (Date.now() < until) {
    const mustSee = Math.max(0, ...fs.readdirSync(acknowledged).map(Number));
    try {
      const instance = await DuckDBInstance.create(path, { access_mode: "READ_ONLY" });
      const con = await instance.connect();
      const rows = (await con.runAndReadAll(query)).getRows();
      console.log([mustSee, ...rows[0]].join(" "));
      con.closeSync();
      instance.closeSync();
    } catch (error) {
      console.log("error " + String(error).replaceAll("\\n", " "));
    }
  }
})();
"""

JAVA = """
import java.sql.*;
import java.util.*;

public class Reader {
    public static void main(String[] a) throws Exception {
        long until = System.nanoTime() + (long) (Double.parseDouble(a[2]) * 1e9);
        Properties readOnly = new Properties();
        readOnly.setProperty("duckdb.read_only", "true");
        while (System.nanoTime() < until) {
            long mustSee = 0;
            for (String name : new java.io.File(a[1]).list()) mustSee = Math.max(mustSee, Long.parseLong(name));
            try (Connection con = DriverManager.getConnection("jdbc:duckdb:" + a[0], readOnly);
                 Statement statement = con.createStatement();
                 ResultSet rows = statement.executeQuery(a[3])) {
                rows.next();
                StringBuilder line = new StringBuilder().append(mustSee);
                for (int i = 1; i <= 5; i++) line.append(' ').append(rows.getLong(i));
                System.out.println(line);
            } catch (SQLException error) {
                System.out.println("error " + error.getMessage().replace('\\n', ' '));
            }
        }
    }
}
"""


@pytest.mark.timeout(scaled(400, 120))
def test_stock_programs_beside_writers(
    processes: Processes, engine_pythons: dict[str, Path], stock: Path, tmp_db: Path, tmp_path: Path
) -> None:
    seconds = scaled(60, 8)
    with duckrow.get_write_connection(tmp_db) as con:
        con.execute("CREATE TABLE t AS SELECT 0::BIGINT n")
        con.execute("CREATE TABLE counter AS SELECT 0::BIGINT v")
        con.execute("CREATE TABLE bulk (x BIGINT, y DOUBLE)")
    acknowledged = tmp_path / f"{tmp_db.name}.ack"
    acknowledged.mkdir()
    (tmp_path / "reader.js").write_text(NODE)
    (tmp_path / "Reader.java").write_text(JAVA)
    arguments = [tmp_db.parent / "core.read.duckdb", acknowledged, str(seconds), QUERY]
    readers = {f"python {version}": processes.python(PYTHON, *arguments, python=p) for version, p in engine_pythons.items()}
    readers["cli"] = processes.python(COMMAND_LINE, *arguments, stock / "cli" / "duckdb")
    node = {"NODE_PATH": str(stock / "node" / "node_modules")}
    readers["node"] = processes.start(shutil.which("node") or "node", tmp_path / "reader.js", *arguments, env=node)
    for jar in sorted((stock / "jdbc").glob("*.jar")):
        readers[jar.name] = processes.start("java", "-cp", jar, tmp_path / "Reader.java", *arguments)
    writers = [processes.python(WRITER, tmp_db, seconds, python=p) for p in engine_pythons.values()]
    for name, reader in readers.items():
        lines = reader.finish(seconds + 90)
        errors = [line for line in lines if line.startswith("error")]
        assert not errors, f"{name}: {errors[:3]}"
        assert len(lines) >= 3, name
        for line in lines:
            must_see, newest, rows, counter, bulk, total = map(int, line.split())
            assert newest >= must_see, f"{name}: stale: {line}"
            assert newest == rows - 1 == counter, f"{name}: inconsistent: {line}"
            assert bulk == total, f"{name}: inconsistent: {line}"
        print(json.dumps({name: len(lines)}))
    for writer in writers:
        assert int(writer.finish(60)[-1]) > 0
