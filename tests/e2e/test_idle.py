"""A writer that sits idle keeps nobody waiting, and finds everything as it left it."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import warnings
from pathlib import Path

import duckdb
import duckrow
import pandas
import pytest
from support import Processes, in_threads, wait_until

CRON = """
    import sys, time, duckrow
    for line in sys.stdin:
        before = time.monotonic()
        with duckrow.get_write_connection(sys.argv[1]) as con:
            con.execute("INSERT INTO t VALUES (1000)")
        print(time.monotonic() - before, flush=True)
"""


@pytest.fixture
def db(tmp_db: Path) -> Path:
    with duckrow.get_write_connection(tmp_db) as con:
        con.execute("CREATE TABLE t AS SELECT range::INTEGER i FROM range(0)")
    return tmp_db


def rows(db: Path) -> int:
    with duckrow.get_readonly_connection(db) as con:
        return con.execute("SELECT count(*) FROM t").fetchall()[0][0]


def is_free(db: Path) -> bool:
    return not duckrow.status(db).held


def wait_until_free(db: Path) -> None:
    wait_until(lambda: is_free(db), 10, "the turn is given up")


def test_an_idle_writer_gives_its_turn_up_and_goes_on(db: Path, processes: Processes) -> None:
    frame = pandas.DataFrame({"x": [1, 2, 3]})
    con = duckrow.get_write_connection(db)
    con.execute("CREATE TEMP TABLE mine AS SELECT 42 AS x")
    con.execute("CREATE TEMP VIEW seen AS SELECT count(*) AS n FROM core.t")
    con.execute("PREPARE counted AS SELECT count(*) FROM t")
    con.execute("SET VARIABLE mine = 7")
    con.execute("SET threads = 1")
    con.register("given", frame)
    relation = con.sql("SELECT i FROM t")
    filtered = relation.filter("i < 10")
    cursor = con.cursor()
    con.execute("INSERT INTO t VALUES (1)")
    cron = processes.python(CRON, db)
    for turn in range(3):
        wait_until_free(db)
        cron.tell()
        cron.line()
        assert con.execute("SELECT x FROM mine").fetchall() == [(42,)]
        assert con.execute("SELECT n FROM seen").fetchall() == [(2 + turn,)]
        assert con.execute("EXECUTE counted").fetchall() == [(2 + turn,)]
        assert con.execute("SELECT getvariable('mine'), current_setting('threads')").fetchall() == [(7, 1)]
        assert con.execute("SELECT sum(x) FROM given").fetchall() == [(6,)]
        assert con.execute("SELECT sum(x) FROM frame").fetchall() == [(6,)]
        assert cursor.execute("SELECT count(*) FROM core.main.t").fetchall() == [(2 + turn,)]
        assert len(relation.fetchall()) == 2 + turn
        assert filtered.fetchall() == [(1,)]
        assert con.execute("SELECT current_database()").fetchall() == [("core",)]
    con.close()
    assert rows(db) == 4


@pytest.mark.parametrize("use", ["df", "fetchall", "show", "len", "arrow", "pl", "columns", "create"])
def test_a_relation_can_be_asked_at_any_time(db: Path, use: str) -> None:
    with duckrow.get_write_connection(db) as con:
        con.execute("INSERT INTO t VALUES (1), (2)")
        relation = con.table("t")
        wait_until_free(db)
        if use == "df":
            assert relation.df()["i"].tolist() == [1, 2]
        elif use == "fetchall":
            assert relation.fetchall() == [(1,), (2,)]
        elif use == "show":
            assert "i" in repr(relation)
        elif use == "len":
            assert len(relation) == 2 and relation.shape == (2, 1)
        elif use == "arrow":
            assert relation.to_arrow_table().num_rows == 2
        elif use == "pl":
            assert relation.pl().height == 2
        elif use == "columns":
            assert relation.aggregate("max(i)").fetchall() == [(2,)]
        elif use == "create":
            relation.create("copy")
            assert con.execute("SELECT count(*) FROM copy").fetchall() == [(2,)]
        assert isinstance(relation, duckdb.DuckDBPyRelation)


def test_rows_half_read_stay(db: Path, processes: Processes) -> None:
    """They are put aside; a long result is waited for, within limits."""
    with duckrow.get_write_connection(db) as con:
        con.execute("INSERT INTO t SELECT range FROM range(5000)")
        assert con.execute("SELECT i FROM t ORDER BY i").fetchone() == (0,)
        wait_until_free(db)
        assert con.fetchone() == (1,)
        assert con.fetchmany(3) == [(2,), (3,), (4,)]
        assert len(con.fetchall()) == 4995
        assert con.fetchone() is None
        assert con.execute("SELECT count(*) FROM t").fetchone() == (5000,)
        wait_until_free(db)
        assert con.fetchone() is None
        assert con.execute("SELECT 1").fetchone() == (1,)
        con.execute("INSERT INTO t VALUES (1)")
        wait_until_free(db)
        assert con.fetchall() == [(1,)], "what an INSERT leaves to fetch"


def test_an_unread_result_is_ended(db: Path) -> None:
    con = duckrow.get_write_connection(db, idle_in_transaction_timeout=0.3)
    con.execute("INSERT INTO t SELECT range FROM range(100000)")
    con.execute("SELECT i FROM t")
    wait_until_free(db)
    with pytest.raises(duckrow.IdleError, match="result was closed after sitting idle"):
        con.fetchall()
    assert con.execute("SELECT count(*) FROM t").fetchall() == [(100000,)]
    con.close()


def test_an_idle_transaction_is_rolled_back(db: Path, processes: Processes) -> None:
    con = duckrow.get_write_connection(db)
    con.execute("PRAGMA idle_in_transaction_timeout = 1500")
    cron = processes.python(CRON, db)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        con.execute("BEGIN")
        con.execute("INSERT INTO t VALUES (1)")
        cron.tell()
        assert 0.5 < float(cron.line()) < 8
    mine = [w for w in caught if issubclass(w.category, duckrow.IdleTransactionWarning)]
    assert len(mine) == 1 and mine[0].filename == __file__ and "transaction" in str(mine[0].message)
    with pytest.raises(duckrow.IdleError, match=r"transaction was rolled back after sitting idle for 1\.5 s"):
        con.execute("INSERT INTO t VALUES (2)")
    con.execute("INSERT INTO t VALUES (3)")
    con.close()
    assert rows(db) == 2


@pytest.mark.parametrize("how", ["commit", "COMMIT", "leave", "rollback", "ROLLBACK"])
def test_what_follows_a_transaction_that_was_rolled_back(db: Path, how: str) -> None:
    expected = contextlib.nullcontext() if how.lower() == "rollback" else pytest.raises(duckrow.IdleError)
    with expected, duckrow.get_write_connection(db, idle_in_transaction_timeout=0.2) as con:
        con.begin()
        con.execute("INSERT INTO t VALUES (1)")
        wait_until_free(db)
        if how in ("commit", "rollback"):
            getattr(con, how)()
        elif how != "leave":
            con.execute(how)
    assert rows(db) == 0
    wait_until_free(db)


def test_a_transaction_in_use_is_left_alone(db: Path) -> None:
    with duckrow.get_write_connection(db, idle_in_transaction_timeout=0.5) as con:
        con.execute("BEGIN; INSERT INTO t VALUES (1)")
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            con.execute("INSERT INTO t VALUES (1)")
            time.sleep(0.05)
        with pytest.raises(duckdb.Error):
            con.execute("INSERT INTO nowhere VALUES (1)")
        con.execute("ROLLBACK")
        con.execute("INSERT INTO t VALUES (5)")
    assert rows(db) == 1


def test_who_waits_is_let_in_at_once(db: Path, processes: Processes) -> None:
    with duckrow.get_write_connection(db, idle_release=60) as con:
        con.execute("INSERT INTO t VALUES (1)")
        cron = processes.python(CRON, db)
        for _ in range(3):
            cron.tell()
            assert float(cron.line()) < 5
            con.execute("INSERT INTO t VALUES (1)")
    assert rows(db) == 7


def test_never_is_never(db: Path) -> None:
    con = duckrow.get_write_connection(db, idle_release=0)
    time.sleep(1.5)
    assert not is_free(db)
    con.execute("SET idle_release = 200")
    wait_until_free(db)
    with pytest.raises(duckrow.errors.UsageError):
        duckrow.get_write_connection(db, idle_release=-1)
    with pytest.raises(duckdb.InvalidInputException):
        con.execute("SET idle_release = 'soon'")
    con.close()


def test_the_next_statement_says_who_has_it(db: Path, processes: Processes) -> None:
    con = duckrow.get_write_connection(db, timeout=0.5)
    wait_until_free(db)
    holder = processes.start("sh", "-c", 'exec "$0" hold "$1" -- sh -c "echo in; sleep 60"', duckrow_program(), str(db))
    holder.expect("in")
    with pytest.raises(duckrow.BusyError) as busy:
        con.execute("INSERT INTO t VALUES (1)")
    assert busy.value.holder and "hold" in busy.value.holder.command
    holder.end()
    con.execute("INSERT INTO t VALUES (1)")
    con.close()
    assert rows(db) == 1


def duckrow_program() -> str:
    import sys

    return str(Path(sys.executable).with_name("duckrow"))


def test_a_file_removed_meanwhile(db: Path) -> None:
    con = duckrow.get_write_connection(db)
    wait_until_free(db)
    db.unlink()
    with pytest.raises(duckdb.IOException, match="was removed"):
        con.execute("INSERT INTO t VALUES (1)")
    con.close()
    assert not db.exists()


def test_a_file_replaced_meanwhile(db: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.duckdb"
    with duckdb.connect(str(other)) as con:
        con.execute("CREATE TABLE t AS SELECT 99 AS i")
    con = duckrow.get_write_connection(db)
    wait_until_free(db)
    os.replace(other, db)
    assert con.execute("SELECT * FROM t").fetchall() == [(99,)]
    con.execute("INSERT INTO t VALUES (100)")
    con.close()
    assert rows(db) == 2


@pytest.mark.parametrize("how", ["close", "leave", "idle"])
def test_a_file_replaced_while_it_is_held(db: Path, tmp_path: Path, how: str) -> None:
    """What was written is in the file that was there before: that is said, once, and the next use works."""
    other = tmp_path / "other.duckdb"
    with duckdb.connect(str(other)) as con:
        con.execute("CREATE TABLE t AS SELECT 99 AS i")
    con = duckrow.get_write_connection(db)
    con.execute("INSERT INTO t VALUES (1)")
    os.replace(other, db)
    with pytest.raises(duckdb.IOException, match="was replaced while"):
        if how == "close":
            con.close()
        elif how == "leave":
            with con:
                pass
        else:
            wait_until_free(db)
            con.execute("INSERT INTO t VALUES (2)")
    with pytest.raises(duckdb.IOException, match="move the WAL away"):
        rows(db)
    Path(f"{db}.wal").unlink()
    if how == "idle":
        con.execute("INSERT INTO t VALUES (100)")
        con.close()
    assert rows(db) == (2 if how == "idle" else 1)


# ---- several connections in one process ----


def test_one_more_joins_while_the_turn_is_given_up(db: Path) -> None:
    with duckrow.get_write_connection(db) as one:
        wait_until_free(db)
        with duckrow.get_write_connection(db) as two:
            assert not is_free(db)
            assert two.execute("SELECT current_database(), count(*) FROM t").fetchall() == [("core", 0)]
            wait_until_free(db)
            with one.cursor() as three:
                assert three.execute("SELECT current_database(), count(*) FROM t").fetchall() == [("core", 0)]


def test_nested_helpers(db: Path) -> None:
    def helper(depth: int) -> None:
        with duckrow.get_write_connection(db, timeout=5) as con:
            con.execute("INSERT INTO t VALUES (?)", [depth])
            if depth:
                con.begin()
                con.execute("INSERT INTO t VALUES (-1)")
                helper(depth - 1)
                con.commit()
            assert con.execute("SELECT count(*) FROM t WHERE i = 0").fetchone() == (1,)

    helper(5)
    assert rows(db) == 11


def test_eight_threads_and_a_fork_let_others_in(db: Path, processes: Processes) -> None:
    """Threads that write without a pause share one turn; another process gets it within its second all the same."""
    cron = processes.python(CRON, db)
    stop = threading.Event()
    waits: list[float] = []
    written = [0] * 8
    con = duckrow.get_write_connection(db)

    def write(number: int) -> None:
        with con.cursor() if number % 2 else duckrow.get_write_connection(db) as mine:
            while not stop.is_set():
                if number == 3:
                    mine.begin()
                    mine.execute("INSERT INTO t VALUES (?)", [number])
                    mine.commit()
                else:
                    mine.execute("INSERT INTO t VALUES (?)", [number])
                written[number] += 1

    def others(number: int) -> None:
        if number:
            write(number - 1)
            return
        for turn in range(4):
            cron.tell()
            waits.append(float(cron.line(15)))
            if turn == 1:
                child = os.fork()
                if child == 0:
                    try:
                        con.execute("SELECT 1")
                    except duckrow.ForkedError:
                        os._exit(0)
                    finally:
                        os._exit(1)
                assert os.waitpid(child, 0)[1] == 0
        stop.set()

    in_threads(9, others)
    con.close()
    assert min(written) > 0
    assert rows(db) == sum(written) + 4
    assert max(waits) < 5, "the default timeout is 10 s"


def test_a_cursor_read_slowly_beside_a_writer(db: Path) -> None:
    """One thread reads rows with pauses; another writes after the first has been idle for long."""
    with duckrow.get_write_connection(db) as con:
        con.execute("INSERT INTO t SELECT range FROM range(30000)")
        with con.cursor() as cursor:
            cursor.execute("SELECT i FROM t ORDER BY i")
            assert cursor.fetchone() == (0,)
            time.sleep(1.3)
            assert con.execute("SELECT count(*) FROM t").fetchall() == [(30000,)]
            assert [r for (r,) in cursor.fetchall()] == list(range(1, 30000))
    wait_until_free(db)
