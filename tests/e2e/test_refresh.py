"""A reader that stays open moves to the newest commit, and keeps what is its own."""

from __future__ import annotations

import datetime
import gc
import os
import time
from pathlib import Path

import duckdb
import duckrow
import pandas
import pytest
from support import Processes, scaled, wait_until


@pytest.fixture
def db(tmp_db: Path) -> Path:
    with duckrow.get_write_connection(tmp_db) as con:
        con.execute("CREATE TABLE t AS SELECT 1 AS i")
    return tmp_db


def insert(db: Path, sql: str = "INSERT INTO t VALUES (2)") -> None:
    with duckrow.get_write_connection(db) as con:
        con.execute(sql)


def count(con: duckdb.DuckDBPyConnection) -> int:
    return con.execute("SELECT count(*) FROM t").fetchall()[0][0]


@pytest.mark.parametrize("change", ["INSERT INTO t VALUES (2)", "INSERT INTO t VALUES (2); CREATE TABLE more AS SELECT 1 AS x"])
@pytest.mark.parametrize("refresh", [None, "manual"])
def test_refresh(db: Path, refresh: str | None, change: str) -> None:
    con = duckrow.get_readonly_connection(db, refresh=refresh)
    con.execute("CREATE TEMP TABLE mine AS SELECT 42 AS x")
    con.register("given", pandas.DataFrame({"x": [1, 2, 3]}))
    con.execute("SET VARIABLE mine = 7")
    con.execute("USE core.main")
    before = con.as_of
    assert con.refresh() is False and con.as_of == before
    insert(db, change)
    assert count(con) == 1, "what it sees stays until it is told otherwise"
    assert con.refresh() is True
    assert count(con) == 2
    assert con.as_of.sequence > before.sequence and con.as_of.published >= before.published
    assert abs(con.as_of.published - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(seconds=60)
    assert con.execute("SELECT x FROM mine").fetchall() == [(42,)]
    assert con.execute("SELECT sum(x), getvariable('mine') FROM given").fetchall() == [(6, 7)]
    assert con.execute("SELECT current_database()").fetchall() == [("core",)]
    assert con.refresh() is False
    con.close()


def test_before_each_statement(db: Path) -> None:
    with duckrow.get_readonly_connection(db, refresh="statement") as con:
        con.execute("CREATE TEMP TABLE mine AS SELECT 42 AS x")
        cursor = con.cursor()
        for seen in range(1, 6):
            assert count(con) == seen
            assert cursor.sql("SELECT count(*) FROM t").fetchall() == [(seen,)]
            assert con.execute("SELECT x FROM mine").fetchall() == [(42,)]
            insert(db)
        con.execute("BEGIN")
        assert count(con) == 6
        insert(db)
        assert count(con) == 6, "a transaction sees one state"
        con.execute("COMMIT")
        assert count(con) == 7
        relation = con.sql("SELECT * FROM t")
        insert(db)
        assert len(relation.fetchall()) == 8, "a relation runs when it is asked"


def test_half_read_results(db: Path) -> None:
    insert(db, "INSERT INTO t SELECT range FROM range(10000)")
    with duckrow.get_readonly_connection(db, refresh="statement") as con:
        con.execute("SELECT i FROM t")
        con.fetchone()
        insert(db)
        assert count(con) == 10002, "the next statement of the same connection ends it"
        cursor = con.cursor()
        cursor.execute("SELECT i FROM t").fetchone()
        insert(db)
        assert count(con) in (10002, 10003), "a cursor that is being read keeps its state"
        assert len(cursor.fetchall()) == 10001
        assert count(con) == 10003


def test_where_it_cannot(db: Path) -> None:
    with duckrow.get_readonly_connection(db) as one, duckrow.get_readonly_connection(db) as two:
        insert(db)
        with pytest.raises(duckrow.errors.UsageError, match="refresh='manual'"):
            one.refresh()
        assert count(one) == count(two) == 1
        two.close()
        assert one.refresh() and count(one) == 2
        one.execute("BEGIN")
        count(one)
        insert(db)
        with pytest.raises(duckdb.TransactionException, match="inside a transaction"):
            one.refresh()
        one.rollback()
        assert one.refresh()
    with pytest.raises(duckrow.errors.UsageError, match="'manual' or 'statement'"):
        duckrow.get_readonly_connection(db, refresh="always")
    with duckrow.get_write_connection(db) as writer:
        assert writer.refresh() is False and writer.as_of is None


def test_readers_that_refresh_are_apart(db: Path) -> None:
    with duckrow.get_readonly_connection(db) as still, duckrow.get_readonly_connection(db, refresh="manual") as moving:
        insert(db)
        assert moving.refresh() and count(moving) == 2 and count(still) == 1


def test_without_snapshots_it_is_as_fresh(db: Path) -> None:
    """Readers share turns then: they must not keep writers out by sitting there."""
    with duckrow.get_readonly_connection(db, refresh="statement") as con:
        (db.parent / "core.duckdb.duckrow" / "config").write_text("snapshots = off\n")
        for seen in range(1, 4):
            assert count(con) == seen
            insert(db)


WRITER = """
    import sys, threading, time, duckrow
    path, n = sys.argv[1], 0
    ended = threading.Thread(target=sys.stdin.read)
    ended.start()
    while ended.is_alive():
        with duckrow.get_write_connection(path, timeout=60) as con:
            con.execute("BEGIN; UPDATE pair SET a = a + 1; UPDATE pair SET b = b + 1; COMMIT")
            if n % 50 == 49:
                con.execute("CREATE OR REPLACE TABLE ddl AS SELECT range FROM range(1000)")
        n += 1
        open(sys.argv[2], "w").write(str(n))
        time.sleep(0.005)
    print(n)
"""


def resident(pid: int | str = "self") -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_reader_that_stays_open(db: Path, processes: Processes, tmp_path: Path) -> None:
    """0 stale, 0 inconsistent, 0 errors; memory and slots flat."""
    until = time.monotonic() + scaled(600, 3)
    insert(db, "CREATE TABLE pair AS SELECT 0 AS a, 0 AS b")
    acknowledged = tmp_path / "acknowledged"
    acknowledged.write_text("0")
    writer = processes.python(WRITER, db, acknowledged)
    checks, must, slots, memory = 0, 0, 0, []
    with duckrow.get_readonly_connection(db, refresh="statement") as con:
        con.execute("CREATE TEMP TABLE mine AS SELECT 42 AS x")
        while time.monotonic() < until or must <= 20 or checks <= 200:
            must = int(acknowledged.read_text() or 0)
            a, b, x = con.execute("SELECT a, b, (SELECT x FROM mine) FROM pair").fetchall()[0]
            assert a == b and x == 42
            assert a >= must, "stale"
            checks += 1
            if checks % 200 == 0:
                gc.collect()
                memory.append(resident())
                slots = max(slots, len(duckrow.status(db).slots))
    (written,) = writer.finish()
    assert int(written) >= must
    assert slots <= 3
    early = max(memory[: max(1, len(memory) // 4)])
    print(f"{checks} checks beside {written} commits; {slots} slots; memory {early >> 20} MiB early, {memory[-1] >> 20} MiB late")
    assert memory[-1] < early + (64 << 20)


def test_an_idle_reader_keeps_one_slot_at_most(db: Path) -> None:
    with duckrow.get_readonly_connection(db, refresh="manual") as con:
        for _ in range(6):
            insert(db, "CREATE OR REPLACE TABLE ddl AS SELECT 1 AS x")
            time.sleep(0.25)
        pinned = [s for s in duckrow.status(db).slots if s.readers]
        assert len(pinned) == 1 and len(duckrow.status(db).slots) <= 3
        assert con.refresh()
        wait_until(lambda: [s.current for s in duckrow.status(db).slots if s.readers] == [True], 5)
