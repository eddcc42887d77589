"""Stock programs on core.read.duckdb, read-only, beside writers: they know nothing of duckrow and notice nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckrow
import pytest
from support import Process, Processes, scaled

from e2e.test_snapshot_checker import WRITER

QUERY = (
    "SELECT max(n) AS newest, count(*) AS n, (SELECT v FROM counter) AS counter, (SELECT count(*) FROM bulk) AS bulk, "
    "(SELECT coalesce(sum(x), 0)::BIGINT FROM bulk) AS total FROM t"
)

# Each prints, for every look: the newest commit acknowledged before it opened the file, and what it saw; or what went wrong.
# It opens the file for every look, or ("long") once, as a dashboard does.
PYTHON = """
    import os, sys, time, duckdb
    path, acknowledged, seconds, query, how = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4], sys.argv[5]
    until, con = time.monotonic() + seconds, None
    while time.monotonic() < until:
        try:
            if con is None:
                must_see = max(map(int, os.listdir(acknowledged)), default=0)
                con = duckdb.connect(path, read_only=True)
            print(must_see, *con.execute(query).fetchall()[0])
            if how == "long":
                time.sleep(0.1)
            else:
                con.close()
                con = None
        except Exception as error:
            print("error", str(error).replace(chr(10), " "))
"""

COMMAND_LINE = """
    import os, subprocess, sys, tempfile, time
    path, acknowledged, seconds, query, how, program = sys.argv[1], sys.argv[2], float(sys.argv[3]), *sys.argv[4:]
    until = time.monotonic() + seconds
    command = [program, "-readonly", "-noheader", "-csv", path]
    while time.monotonic() < until:
        must_see = max(map(int, os.listdir(acknowledged)), default=0)
        with tempfile.TemporaryFile("w+") as said:
            shell = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=said, stderr=subprocess.PIPE, text=True)
            while True:
                shell.stdin.write(query + ";" + chr(10))
                shell.stdin.flush()
                if how != "long" or time.monotonic() >= until:
                    break
                time.sleep(0.1)
            errors = shell.communicate()[1]
            said.seek(0)
            for line in said:
                print(must_see, *line.strip().split(","))
            if shell.returncode or errors:
                print("error", shell.returncode, errors.replace(chr(10), " "))
"""

NODE = """
const { DuckDBInstance } = require("@duckdb/node-api");
const fs = require("fs");
const [path, acknowledged, seconds, query, how] = process.argv.slice(2);
(async () => {
  const until = Date.now() + Number(seconds) * 1000;
  let mustSee, instance, con;
  while (Date.now() < until) {
    try {
      if (!con) {
        mustSee = Math.max(0, ...fs.readdirSync(acknowledged).map(Number));
        instance = await DuckDBInstance.create(path, { access_mode: "READ_ONLY" });
        con = await instance.connect();
      }
      const rows = (await con.runAndReadAll(query)).getRows();
      console.log([mustSee, ...rows[0]].join(" "));
      if (how === "long") {
        await new Promise((wake) => setTimeout(wake, 100));
      } else {
        con.closeSync();
        instance.closeSync();
        con = null;
      }
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
        long until = System.nanoTime() + (long) (Double.parseDouble(a[2]) * 1e9), mustSee = 0;
        boolean once = a[4].equals("long");
        Properties readOnly = new Properties();
        readOnly.setProperty("duckdb.read_only", "true");
        Connection con = null;
        while (System.nanoTime() < until) {
            try {
                if (con == null) {
                    mustSee = 0;
                    for (String name : new java.io.File(a[1]).list()) mustSee = Math.max(mustSee, Long.parseLong(name));
                    con = DriverManager.getConnection("jdbc:duckdb:" + a[0], readOnly);
                }
                try (Statement statement = con.createStatement(); ResultSet rows = statement.executeQuery(a[3])) {
                    rows.next();
                    StringBuilder line = new StringBuilder().append(mustSee);
                    for (int i = 1; i <= 5; i++) line.append(' ').append(rows.getLong(i));
                    System.out.println(line);
                }
                if (once) {
                    Thread.sleep(100);
                } else {
                    con.close();
                    con = null;
                }
            } catch (SQLException error) {
                System.out.println("error " + error.getMessage().replace('\\n', ' '));
            }
        }
    }
}
"""


@pytest.mark.timeout(scaled(1200, 120))
def test_stock_programs_beside_writers(
    processes: Processes, engine_pythons: dict[str, Path], stock: Path, tmp_db: Path, tmp_path: Path
) -> None:
    seconds = scaled(600, 4)
    with duckrow.get_write_connection(tmp_db) as con:
        con.execute("CREATE TABLE t AS SELECT 0::BIGINT n")
        con.execute("CREATE TABLE counter AS SELECT 0::BIGINT v")
        con.execute("CREATE TABLE bulk (x BIGINT, y DOUBLE)")
    acknowledged = tmp_path / f"{tmp_db.name}.ack"
    acknowledged.mkdir()
    (tmp_path / "reader.js").write_text(NODE)
    (tmp_path / "Reader.java").write_text(JAVA)
    node = {"NODE_PATH": str(stock / "node" / "node_modules")}

    def start_readers(how: str) -> dict[str, Process]:
        arguments = [tmp_db.parent / "core.read.duckdb", acknowledged, str(seconds), QUERY, how]
        started = {f"python {version}": processes.python(PYTHON, *arguments, python=p) for version, p in engine_pythons.items()}
        started["cli"] = processes.python(COMMAND_LINE, *arguments, stock / "cli" / "duckdb")
        started["node"] = processes.start(shutil.which("node") or "node", tmp_path / "reader.js", *arguments, env=node)
        for jar in sorted((stock / "jdbc").glob("*.jar")):
            started[jar.name] = processes.start("java", "-cp", jar, tmp_path / "Reader.java", *arguments)
        return {f"{name}, {how}": reader for name, reader in started.items()}

    writers = [processes.python(WRITER, tmp_db, seconds, python=p) for p in engine_pythons.values()]
    readers = {**start_readers("again and again"), **start_readers("long")}
    for name, reader in readers.items():
        lines = reader.finish(seconds + 90)
        errors = [line for line in lines if line.startswith("error")]
        assert not errors, f"{name}: {errors[:3]}"
        assert len(lines) >= scaled(3, 1), name
        for line in lines:
            must_see, newest, rows, counter, bulk, total = map(int, line.split())
            assert newest >= must_see, f"{name}: stale: {line}"
            assert newest == rows - 1 == counter, f"{name}: inconsistent: {line}"
            assert bulk == total, f"{name}: inconsistent: {line}"
        if name.endswith("long"):
            assert len(set(lines)) == 1, f"{name}: not one state: {sorted(set(lines))[:3]}"
        print(json.dumps({name: len(lines)}))
    for writer in writers:
        assert int(writer.finish(60)[-1]) > 0
