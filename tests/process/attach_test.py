"""ATTACH in `duckrow sql`: the snapshot of another database, or its turn."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest
from support import Processes, scaled, wait_until
from support.program import Duckrow


def make_both(duckrow: Duckrow) -> Path:
    """core.duckdb with a table x, and beside it another database with a table y."""
    duckrow.write("CREATE TABLE x AS SELECT range AS i FROM range(5)")
    path = duckrow.folder / "runs.duckdb"
    duckrow("sql", "--write", path, "CREATE TABLE y AS SELECT range AS i, 'r' || range AS s FROM range(3)")
    return path


@pytest.fixture
def runs(duckrow: Duckrow) -> Path:
    return make_both(duckrow)


def status(duckrow: Duckrow, path: Path) -> dict:
    return json.loads(duckrow("status", "--json", path).text)


def test_the_query_of_the_users_document(duckrow: Duckrow, runs: Path) -> None:
    """Relative to where the program runs, and while somebody writes to the attached file."""
    holder = duckrow.start("hold", runs, "--", "sh", "-c", "echo in; read x", stdin=subprocess.PIPE)
    assert holder.stdout.readline() == "in\n"
    sql = "ATTACH 'runs.duckdb' AS runs (READ_ONLY); SELECT * FROM core.main.x JOIN runs.main.y USING (i) ORDER BY i"
    assert duckrow.read(sql) == [["0", "r0"], ["1", "r1"], ["2", "r2"]]
    assert duckrow.read("/* two */ ATTACH IF NOT EXISTS 'runs.duckdb'; SELECT count(*) FROM core.x, runs.y") == [["15"]]
    holder.communicate("\n", timeout=30)


def test_writing_publishes_when_it_is_detached(duckrow: Duckrow, runs: Path) -> None:
    slow = "SELECT count(*) FROM range(100000000) a, range(1000) b WHERE a.range % 7 = b.range % 11"
    sql = f"ATTACH '{runs}' AS r; INSERT INTO r.y VALUES (7, 'seven'); INSERT INTO x VALUES (7); DETACH r; {slow}"
    writer = duckrow.start("sql", "--write", duckrow.db, sql)
    wait_until(lambda: duckrow("sql", runs, "FROM y").text.count("seven"), 30)
    told = status(duckrow, runs)
    assert told["fresh"] and not told["held"], "given up"
    assert status(duckrow, duckrow.db)["holder"]["pid"] == writer.pid
    writer.terminate()
    writer.communicate(timeout=30)
    assert duckrow.read("SELECT count(*) FROM x") == [["6"]]


def test_writing_publishes_at_the_end(duckrow: Duckrow, runs: Path) -> None:
    duckrow.write("ATTACH 'runs.duckdb'; BEGIN; CREATE TABLE runs.z AS FROM x; CREATE INDEX k ON runs.z (i)")
    assert status(duckrow, runs)["fresh"]
    assert duckrow("sql", "--format", "csv", runs, "SELECT count(*) FROM z").text.endswith("\n5\n")
    duckrow("sql", "--write", ":memory:", "ATTACH 'runs.duckdb'; BEGIN; DELETE FROM runs.z; SELECT error('boom')", status=1)
    assert duckrow("sql", "--format", "csv", runs, "SELECT count(*) FROM z").text.endswith("\n5\n")
    duckrow("sql", "--write", ":memory:", "ATTACH 'new.duckdb'; CREATE TABLE new.t AS SELECT 42 AS i")
    sql = "ATTACH 'new.duckdb'; ATTACH OR REPLACE 'runs.duckdb' AS new; SELECT count(*) FROM new.z"
    assert duckrow("sql", "--format", "csv", ":memory:", sql).text.endswith("\n5\n")


def test_it_waits_no_longer_than_it_may(duckrow: Duckrow, runs: Path) -> None:
    holder = duckrow.start("hold", runs, "--", "sh", "-c", "echo in; read x", stdin=subprocess.PIPE)
    assert holder.stdout.readline() == "in\n"
    sql = "INSERT INTO x VALUES (9); ATTACH 'runs.duckdb'; INSERT INTO runs.y VALUES (9, '')"
    line = duckrow("sql", "--write", "--timeout", "300ms", duckrow.db, sql, status=75).line()
    assert str(holder.pid) in line and "runs.duckdb" in line
    holder.communicate("\n", timeout=30)
    assert duckrow.read("SELECT count(*) FROM x") == [["6"]], "what was committed stays"
    duckrow("sql", "--write", "--timeout", "2s", runs, "INSERT INTO y VALUES (10, '')")


def test_an_open_transaction_keeps_it(duckrow: Duckrow, runs: Path) -> None:
    sql = "BEGIN; ATTACH 'runs.duckdb'; INSERT INTO runs.y VALUES (8, ''); DETACH runs"
    assert "commit or rollback first" in duckrow.write(sql, status=1).line()
    assert duckrow("sql", "--format", "csv", runs, "SELECT count(*) FROM y").text.endswith("\n3\n")


REFUSED = [
    (False, "ATTACH 'runs.duckdb' (READ_WRITE)", 1, "add --write"),
    (True, "ATTACH 'core.duckdb' AS again", 1, "already, as core"),
    (True, "ATTACH 'runs.duckdb'; ATTACH './runs.duckdb' AS again", 1, "already, as runs"),
    (False, "ATTACH 'runs.duckdb' AS core", 1, "attached as core already"),
    (False, "ATTACH 'missing.duckdb'", 66, "missing.duckdb"),
    (False, "ATTACH 'missing/new.duckdb'", 66, "missing"),
    (False, "ATTACH 'text.txt'", 65, "text.txt"),
    (False, "ATTACH 'runs.duckdb' AS r (FROB 1)", 1, "frob"),
    (False, "ATTACH 'ru'\n'ns.duckdb'", 64, "plain string"),
    (True, "ATTACH 'runs.duckdb' (READ_ONLY, READ_WRITE)", 64, "plain"),
    (False, "ATTACH 'runs.duckdb' AS r (READ_ONLY); INSERT INTO r.y VALUES (1, '')", 1, "read-only"),
    (False, "ATTACH 'runs.duckdb' AS r; INSERT INTO r.y VALUES (1, '')", 1, "r is open read-only: add --write"),
    (False, "DETACH nothing", 1, "nothing"),
    (False, "ATTACH ';.duckdb'; SELECT", 1, "Parser Error"),
]


def test_what_is_refused(one_engine: Duckrow) -> None:
    duckrow, runs = one_engine, make_both(one_engine)
    (duckrow.folder / "text.txt").write_text("This is not a database.\n" * 2000)
    for write, sql, code, words in REFUSED:
        assert words in duckrow("sql", *["--write"] * write, duckrow.db, sql, status=code).line(), sql
    assert not status(duckrow, runs)["held"] and not (duckrow.folder / "missing.duckdb").exists()


def test_what_is_no_file_is_duckdb_s(duckrow: Duckrow, runs: Path) -> None:
    sql = "ATTACH ':memory:' AS m; CREATE TABLE m.t AS FROM x; SELECT count(*) FROM m.t"
    assert duckrow.read(sql) == [["5"]]


WRITER = """
    import sys, duckrow
    core, runs = sys.argv[1:]
    for n in range(1, 100000):
        for path in (runs, core):
            with duckrow.get_write_connection(path, timeout=60) as con:
                con.execute("UPDATE counter SET n = ?", [n])
        print(n, flush=True)
"""


@pytest.mark.timeout(scaled(900, 120))
def test_beside_writers_of_both_files(duckrow: Duckrow, runs: Path, processes: Processes, engine_pythons: dict[str, Path]) -> None:
    """Each count goes into runs first, and what was attached later is as new: never less in it than in core."""
    for path in (duckrow.db, runs):
        duckrow("sql", "--write", path, "CREATE TABLE counter AS SELECT 0 AS n")
    writer = processes.python(WRITER, duckrow.db, runs, python=engine_pythons["1.5.6"])
    acknowledged, seconds, looks = 0, scaled(60.0, 3.0), 0
    until = time.monotonic() + seconds
    while time.monotonic() < until or looks < 3:
        acknowledged = int(writer.line(60))
        sql = "ATTACH 'runs.duckdb' AS runs (READ_ONLY); SELECT core.counter.n, runs.counter.n FROM core.counter, runs.counter"
        ((in_core, in_runs),) = duckrow.read(sql)
        assert acknowledged <= int(in_core) <= int(in_runs)
        duckrow.write("ATTACH 'runs.duckdb'; INSERT INTO runs.y VALUES (100, ''); DETACH runs; INSERT INTO x VALUES (100)")
        looks += 1
    writer.kill()
    assert duckrow.read("SELECT count(*) FROM x WHERE i = 100") == [[str(looks)]]
    assert duckrow.read("ATTACH 'runs.duckdb'; SELECT count(*) FROM runs.y WHERE i = 100") == [[str(looks)]]
