"""`duckrow upgrade`, and files that an engine can't read."""

from __future__ import annotations

import json
import random
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest
from support import Processes, scaled
from support.program import PROGRAMS, Duckrow, of_engine

MAKE = """
    import os, sys, duckdb
    path, version, sql, end = sys.argv[1:]
    con = duckdb.connect()
    con.execute(f"ATTACH '{path}' AS core (STORAGE_VERSION '{version}'); USE core")
    for statement in sql.split(";"):
        con.execute(statement)
    if end == "killed":
        con.execute("CHECKPOINT; INSERT INTO t VALUES (-1, 'in the WAL')")
        os.kill(os.getpid(), 9)
    con.execute("USE memory; DETACH core")
"""

CONTENT = """
    CREATE SCHEMA other; CREATE SEQUENCE ids START 10; CREATE TYPE mood AS ENUM ('sad', 'happy');
    CREATE TABLE t (i BIGINT DEFAULT nextval('ids') PRIMARY KEY, s VARCHAR CHECK (s <> 'x'));
    INSERT INTO t SELECT range, 's' || range FROM range(5000);
    CREATE TABLE other.u AS SELECT [range] AS l, 'happy'::mood AS m, {'a': NULL, 'b': range} AS n FROM range(3000);
    CREATE VIEW v AS SELECT max(i) AS i FROM core.main.t; CREATE MACRO plus(x) AS x + 1; CREATE INDEX k ON t (s);
    COMMENT ON TABLE t IS 'a table'; DELETE FROM t WHERE i % 3 = 0; SELECT nextval('ids')
""".strip()
# What COPY FROM DATABASE of 1.5.6 stops at: a table before the one it refers to; of both: a macro in a default.
HARD = CONTENT + "; CREATE TABLE a_first (i BIGINT REFERENCES t (i)); INSERT INTO a_first VALUES (4)"
HARDER = HARD + "; CREATE TABLE d (x BIGINT DEFAULT plus(3))"
LOOK = """
    SELECT (SELECT (count(*), sum(hash(t)::HUGEINT)) FROM t), (SELECT (count(*), sum(hash(u)::HUGEINT)) FROM other.u),
           (SELECT i FROM v), plus(1), (SELECT string_agg(sql, ' ' ORDER BY sql) FROM duckdb_tables() WHERE database_name = 'core'),
           (SELECT string_agg(index_name, ' ') FROM duckdb_indexes()), (SELECT comment FROM duckdb_tables() WHERE table_name = 't')
"""


def make(processes: Processes, python: Path, path: Path, version: str, sql: str = CONTENT, end: str = "closed") -> None:
    status = processes.python(MAKE, path, version, sql, end, python=python).wait(60)
    assert status == (-signal.SIGKILL if end == "killed" else 0)


def look(duckrow: Duckrow) -> list[list[str]]:
    return duckrow.read(LOOK)


@pytest.mark.parametrize(
    ("start", "version", "end", "sql"),
    [("v1.0.0", None, "v1.4.0+", CONTENT), ("v1.2.0", "v1.5.0", "v1.5.0+", HARDER), ("v1.5.0", "v1.4.0", "v1.4.0+", CONTENT)],
)
def test_nothing_is_lost(
    duckrow: Duckrow,
    processes: Processes,
    engine_pythons: dict[str, Path],
    start: str,
    version: str | None,
    end: str,
    sql: str,
) -> None:
    make(processes, engine_pythons[duckrow.version], duckrow.db, start, sql, "killed")
    duckrow.db.chmod(0o640)
    before = shutil.copytree(duckrow.folder, duckrow.folder / "before")
    old = look(of_engine(duckrow.version, before))
    option = ["--storage-version", version] if version else []
    told = json.loads(duckrow("upgrade", "--json", *option, duckrow.db).text)
    assert (told["from"], told["to"], told["changed"]) == (f"{start}+", end, True)
    assert json.loads(duckrow("status", "--json", duckrow.db).text)["fresh"]
    assert not Path(f"{duckrow.db}.wal").exists() and not list(duckrow.folder.glob("*upgrade*"))
    assert stat.S_IMODE(duckrow.db.stat().st_mode) == 0o640
    for engine in PROGRAMS:
        assert look(of_engine(engine, duckrow.folder)) == old
    assert f"storage version {end} already" in duckrow("upgrade", *option, duckrow.db).text


def test_to_what_1_5_can_read(processes: Processes, engine_pythons: dict[str, Path], tmp_path: Path) -> None:
    """From every command and from Python: one line, and what it says helps."""
    old, new = (of_engine(version, tmp_path) for version in PROGRAMS)
    make(processes, engine_pythons["2.0.0"], new.db, "v2.0.0")
    for command in (["sql"], ["sql", "--write"], ["publish"], ["path"], ["copy"], ["upgrade"]):
        line = old(*command, new.db, *["copy.duckdb"] * (command == ["copy"]), stdin=b"FROM t", status=78).line()
        assert str(new.db) in line and "newer DuckDB" in line and "duckrow upgrade" in line, line
    assert "newer DuckDB" in old("doctor", new.db, status=1).text
    line = old("sql", ":memory:", f"ATTACH '{new.db}'", status=78).line()
    assert str(new.db) in line and "newer DuckDB" in line
    found = look(new)
    line = old("sql", new.db, "FROM t", status=78).line()
    assert ".duckrow" not in line, "the database is named, not its snapshot"
    new("upgrade", new.db)
    assert look(old) == found


def test_what_cannot_be_carried_over(processes: Processes, engine_pythons: dict[str, Path], tmp_path: Path) -> None:
    """Lower, and DuckDB can't copy it: nothing is changed."""
    duckrow = of_engine("2.0.0", tmp_path)
    make(processes, engine_pythons["2.0.0"], duckrow.db, "v2.0.0", HARDER)
    found = look(duckrow)
    assert "plus" in duckrow("upgrade", duckrow.db, status=1).line()
    assert look(duckrow) == found and not list(duckrow.folder.glob("*upgrade*"))


def test_what_is_refused(one_engine: Duckrow, processes: Processes, engine_pythons: dict[str, Path]) -> None:
    duckrow = one_engine
    make(processes, engine_pythons["1.5.6"], duckrow.db, "v1.0.0", "CREATE TABLE t (i INTEGER)")
    before = duckrow.db.read_bytes()
    for version in ("v9.9.9", "x", "", "'"):
        assert "v1.4.0" in duckrow("upgrade", "--storage-version", version, duckrow.db, status=64).line()
    duckrow("upgrade", "missing.duckdb", status=66).line()
    holder = duckrow.start("hold", duckrow.db, "--", "sh", "-c", "echo in; read x", stdin=subprocess.PIPE)
    assert holder.stdout.readline() == "in\n"
    assert str(holder.pid) in duckrow("upgrade", "--timeout", "300ms", duckrow.db, status=75).line()
    holder.communicate("\n", timeout=30)
    assert duckrow.db.read_bytes() == before


MORE = HARD + "; INSERT INTO t SELECT range + 10000, 's' FROM range(100000)"


@pytest.mark.timeout(scaled(3600, 180))
def test_killed_anywhere(processes: Processes, engine_pythons: dict[str, Path], tmp_path: Path) -> None:
    """Both engines in turns, upwards from v1.0.0 with a WAL, and on; DuckDB alone looks first, at a copy, for it tidies up."""
    programs = [of_engine(version, tmp_path) for version in PROGRAMS]
    folder, db = tmp_path, programs[0].db
    chance, length, left, found = random.Random(11), 0.0, 0, []
    for number in range(scaled(150, 8)):
        duckrow = programs[number % 2]
        if number % 4 == 0:
            shutil.rmtree(f"{db}.duckrow", ignore_errors=True)
            db.unlink(missing_ok=True)
            make(processes, engine_pythons["1.5.6"], db, "v1.0.0", MORE, "killed")
        if not length:
            whole = shutil.copytree(folder, folder / "whole")
            began = time.monotonic()
            duckrow("upgrade", whole / "core.duckdb")
            length = time.monotonic() - began
        upgrade = duckrow.start("upgrade", "--storage-version", ["v1.4.0", "v1.5.0"][number % 4 // 2], db)
        time.sleep(chance.random() * length * (1 + number % 2))
        upgrade.kill()
        upgrade.communicate()
        there = folder / "there"
        there.mkdir()
        for path in (db, Path(f"{db}.wal")):
            if path.exists():
                shutil.copy(path, there)
        code = f"import duckdb; print(duckdb.connect('{there}/core.duckdb').execute('SELECT count(*), min(i) FROM t').fetchall())"
        assert processes.python(code, python=engine_pythons[duckrow.version]).finish()[-1] == "[(103334, -1)]"
        shutil.rmtree(there)
        found.append(look(programs[0]))
        assert found[-1] == found[0]
        left += bool(list(folder.glob("*duckrow-upgrade*")))
    print(f"{left} of {number + 1} kills left a file")
    programs[0]("upgrade", "--storage-version", "v1.5.0", db)
    assert look(programs[1]) == found[0] and not list(folder.glob("*duckrow-upgrade*"))
