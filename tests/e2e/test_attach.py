"""ATTACH on a connection of ours: a file to read is its snapshot, a file to write is its turn."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import duckdb
import duckrow
import pytest
from support import Processes, scaled, wait_until


@pytest.fixture
def core(tmp_db: Path) -> Path:
    with duckrow.get_write_connection(tmp_db) as con:
        con.execute("CREATE TABLE users AS SELECT range::INTEGER AS id, 'user ' || range AS name FROM range(3)")
    return tmp_db


@pytest.fixture
def runs(core: Path) -> Path:
    path = core.with_name("runs.duckdb")
    with duckrow.get_write_connection(path) as con:
        con.execute("CREATE TABLE runs AS SELECT range::INTEGER AS id, (range % 3)::INTEGER AS user_id FROM range(6)")
    return path


JOIN = "SELECT u.name, count(*) FROM core.main.users u JOIN runs.main.runs r ON r.user_id = u.id GROUP BY ALL ORDER BY ALL"
JOINED = [("user 0", 2), ("user 1", 2), ("user 2", 2)]


def is_held(path: Path) -> bool:
    return duckrow.status(path).held


@pytest.mark.parametrize("options", ["", "(READ_ONLY)"])
@pytest.mark.parametrize("how", ["read", "statement", "write", "memory"])
def test_the_users_query(core: Path, runs: Path, how: str, options: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(core.parent)
    opened = {
        "read": lambda: duckrow.get_readonly_connection("core.duckdb"),
        "statement": lambda: duckrow.get_readonly_connection("core.duckdb", refresh="statement"),
        "write": lambda: duckrow.get_write_connection("core.duckdb"),
        "memory": lambda: duckrow.connect(),
    }[how]()
    with opened as con:
        if how == "memory":
            con.execute("ATTACH 'core.duckdb' AS core (READ_ONLY)")
        con.execute(f"ATTACH 'runs.duckdb' AS runs {options}")
        assert con.execute(JOIN).fetchall() == JOINED
        assert is_held(runs) == (how in ("write", "memory") and not options)
        with pytest.raises(duckdb.Error) if options or how in ("read", "statement") else duckdb.connect():
            con.execute("INSERT INTO runs.runs VALUES (6, 0)")
        con.execute("DETACH runs")
        assert not is_held(runs)
        with pytest.raises(duckdb.Error):
            con.execute(JOIN)
        assert con.sql("SELECT count(*) FROM core.main.users").fetchall() == [(3,)]
    assert not is_held(core)


def test_several_in_one_text(core: Path, runs: Path) -> None:
    with duckrow.get_readonly_connection(core) as con:
        told = con.execute(f"ATTACH '{runs}' AS runs (READ_ONLY); SELECT count(*) FROM runs.runs; DETACH runs; SELECT 5").fetchall()
        assert told == [(5,)]
        con.execute(f"/* one */ attach if not exists '{runs}' as \"Runs\" (read_only) -- two")
        con.execute(f"ATTACH IF NOT EXISTS '{runs}' AS runs (READ_ONLY)")
        assert con.execute("SELECT count(*) FROM runs.runs").fetchall() == [(6,)]
        with pytest.raises(duckdb.Error, match="already"):
            con.execute(f"ATTACH '{runs}' AS runs (READ_ONLY)")
        with pytest.raises(duckdb.Error):
            con.execute("ATTACH 'nowhere/at all.duckdb' AS other (READ_ONLY)")
        with pytest.raises(duckdb.Error, match="read-write mode"):
            con.execute(f"ATTACH '{runs}' AS again (READ_WRITE)")
        assert con.execute("SELECT count(*) FROM runs.runs").fetchall() == [(6,)]
    assert not is_held(runs) and not is_held(core)


def test_what_is_written_there_is_published(core: Path, runs: Path) -> None:
    with duckrow.get_write_connection(core) as con:
        con.execute(f"ATTACH '{runs}'")
        con.execute("INSERT INTO runs.runs VALUES (6, 0)")
        con.execute("CREATE TABLE runs.more AS SELECT 1 AS x")
        con.execute("INSERT INTO users VALUES (3, 'user 3')")
        wait_until(lambda: not is_held(core) and not is_held(runs), 10, "both turns are given up")
        with duckrow.get_readonly_connection(runs) as reader:
            assert reader.execute("SELECT count(*), (SELECT x FROM more) FROM runs").fetchall() == [(7, 1)]
        con.execute("INSERT INTO runs.runs VALUES (7, 0)")
        assert is_held(core) and is_held(runs)
        con.execute("DETACH runs")
        assert not is_held(runs)
        with duckrow.get_readonly_connection(runs) as reader:
            assert reader.execute("SELECT count(*) FROM runs").fetchall() == [(8,)]
        assert con.execute("SELECT count(*) FROM users").fetchall() == [(4,)]
        con.execute(f"ATTACH '{core.with_name('new.duckdb')}' AS new")
        con.execute("CREATE TABLE new.t AS SELECT 1 AS i")
    with duckrow.get_readonly_connection(core.with_name("new.duckdb")) as reader:
        assert reader.execute("SELECT * FROM t").fetchall() == [(1,)]


def test_the_default_stays_the_default(core: Path, runs: Path) -> None:
    """Also where other databases are attached while the file is given up and taken again."""
    with duckrow.get_write_connection(core) as con:
        con.execute("ATTACH ':memory:' AS scratch")
        con.execute(f"ATTACH '{runs}' AS runs (READ_ONLY)")
        con.execute("CREATE TABLE scratch.s AS SELECT 1 AS x")
        other = con.cursor()
        for turn in range(3):
            wait_until(lambda: not is_held(core), 10)
            con.execute("INSERT INTO users VALUES (9, 'nine')")
            assert con.execute("SELECT current_database()").fetchall() == [("core",)]
            assert con.execute("SELECT count(*) FROM users").fetchall() == [(4 + turn,)]
            assert other.execute("SELECT count(*) FROM users, scratch.s").fetchall() == [(4 + turn,)]
            with con.cursor() as third:
                assert third.execute("SELECT count(*) FROM users").fetchall() == [(4 + turn,)]
    with duckrow.get_readonly_connection(core) as con:
        assert con.execute("SELECT count(*) FROM users").fetchall() == [(6,)]


def test_a_refreshing_reader_refreshes_all(core: Path, runs: Path) -> None:
    with duckrow.get_readonly_connection(core, refresh="statement") as con:
        con.execute(f"ATTACH '{runs}' AS runs (READ_ONLY)")
        for seen in range(6, 9):
            assert con.execute("SELECT count(*) FROM runs.runs").fetchall() == [(seen,)]
            assert con.execute("SELECT count(*), current_database() FROM users").fetchall() == [(3, "core")]
            with duckrow.get_write_connection(runs) as writer:
                writer.execute("INSERT INTO runs VALUES (6, 0)")


def test_what_is_no_database_of_ours(core: Path, tmp_path: Path) -> None:
    with duckrow.get_write_connection(core) as con:
        con.execute("ATTACH ':memory:' AS scratch; CREATE TABLE scratch.t AS SELECT 1 AS x")
        assert con.execute("SELECT x FROM scratch.t").fetchall() == [(1,)]
        con.execute("DETACH scratch")
        with sqlite3.connect(tmp_path / "other.sqlite") as other:
            other.execute("CREATE TABLE t (i)")
        with pytest.raises(duckdb.Error):  # without the extension at hand, in DuckDB's own words
            con.execute("SET autoinstall_known_extensions = false")
            con.execute(f"ATTACH '{tmp_path / 'other.sqlite'}' AS other")
    assert not (tmp_path / "other.sqlite.duckrow").exists()


def test_what_says_no_file_by_name(core: Path, runs: Path) -> None:
    with duckrow.get_write_connection(core) as con:
        con.execute(f"SET VARIABLE path = '{runs}'")
        for path in ("getvariable('path')", f"'{runs}' || ''"):
            with pytest.raises(duckdb.Error):
                con.execute(f"ATTACH {path} AS other")
        with pytest.raises(duckdb.Error):
            con.execute("ATTACH ? AS other", [str(runs)])
        assert not is_held(runs)


def test_a_snapshot_is_no_database(core: Path) -> None:
    with duckrow.get_readonly_connection(core):
        pass
    link = core.with_name("core.read.duckdb")
    for use in (duckrow.get_readonly_connection, duckrow.get_write_connection, duckrow.status):
        with pytest.raises(duckdb.Error, match=f"is a snapshot.* give duckrow the database, {core}"):
            use(link)
    with duckrow.connect(link, read_only=True) as con:
        assert con.execute("SELECT count(*) FROM users").fetchall() == [(3,)]
    assert not list(core.parent.glob("core.duckdb.duckrow/snapshot/*/*.duckrow"))


def test_encrypted(core: Path, tmp_path: Path) -> None:
    """No snapshots: a reader shares the turn, and gives it up when idle."""
    secret = tmp_path / "secret.duckdb"
    with duckrow.connect() as con:
        con.execute("SET force_mbedtls_unsafe = 'true'")
        con.execute(f"ATTACH '{secret}' AS secret (ENCRYPTION_KEY 'asdf')")
        con.execute("CREATE TABLE secret.t AS SELECT 1 AS i")
        con.execute("DETACH secret")
        con.execute(f"ATTACH '{secret}' AS secret (READ_ONLY, ENCRYPTION_KEY 'asdf')")
        assert con.execute("SELECT * FROM secret.t").fetchall() == [(1,)]
        wait_until(lambda: not is_held(secret), 10)
        assert con.execute("SELECT * FROM secret.t").fetchall() == [(1,)]
        con.execute("DETACH secret")
        with pytest.raises(duckdb.Error):
            con.execute(f"ATTACH '{secret}' AS secret (READ_ONLY, ENCRYPTION_KEY 'other')")
        assert not is_held(secret)
    with pytest.raises(duckdb.Error, match=r"is encrypted: .* ATTACH '"):
        duckrow.get_write_connection(secret)
    assert not is_held(secret)


BOTH = """
    import sys, duckrow
    first, second, cycles = sys.argv[1], sys.argv[2], int(sys.argv[3])
    for _ in range(cycles):
        with duckrow.get_write_connection(first, timeout=60) as con:
            con.execute("UPDATE counter SET n = n + 1")
        with duckrow.get_write_connection(second, timeout=60) as con:
            con.execute("UPDATE counter SET n = n + 1")
"""


def test_beside_writers_of_both(core: Path, runs: Path, processes: Processes) -> None:
    """The first file is always written first: a reader that opens the second, then attaches the first, never sees it behind."""
    cycles = scaled(500, 10)
    for path in (core, runs):
        with duckrow.get_write_connection(path) as con:
            con.execute("CREATE TABLE counter AS SELECT 0 AS n")
    writers = [processes.python(BOTH, core, runs, cycles) for _ in range(2)]
    checks = 0
    while any(w.running for w in writers):
        with duckrow.get_readonly_connection(runs) as con:
            (least,) = con.execute("SELECT n FROM counter").fetchone()
            con.execute(f"ATTACH '{core}' AS core (READ_ONLY)")
            first, second = con.execute("SELECT a.n, b.n FROM core.counter a, runs.counter b").fetchone()
            assert second == least, "what it has open stays"
            assert first >= second, "attached later, at least as new"
            checks += 1
    assert checks > 0
    for writer in writers:
        writer.finish()
    with duckrow.get_readonly_connection(core) as con:
        assert con.execute("SELECT n FROM counter").fetchone() == (2 * cycles,)
