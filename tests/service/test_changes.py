"""What one session does while others have prepared, wait, or are in the middle of something."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg import errors
from support.pgwire import SYNC, Wire, bind, describe, execute, one, parse, types
from support.service import Service

Serve = Callable[..., Service]


def test_returning_after_anothers_ddl(connection: psycopg.Connection, other: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER, s VARCHAR)")
    insert = f"INSERT INTO {table} (i) VALUES (%s) RETURNING *"
    assert connection.execute(insert, (1,), prepare=True).fetchall() == [(1, None)]
    other.execute(f"ALTER TABLE {table} ADD COLUMN d DATE")
    with pytest.raises(errors.FeatureNotSupported, match="cached plan must not change result type"):
        connection.execute(insert, (2,), prepare=True)
    # The statement that is prepared anew goes by the new columns; what failed did nothing.
    assert connection.execute(insert + " -- again", (3,)).fetchall() == [(3, None, None)]
    assert connection.execute(f"SELECT i FROM {table} ORDER BY i").fetchall() == [(1,), (3,)]


def test_rows_that_are_no_longer_what_was_described(served: Service, table: str) -> None:
    served.run(f"CREATE TABLE {table} (i INTEGER)")
    served.run(f"INSERT INTO {table} VALUES (7)")
    with Wire(served.socket) as wire:
        wire.send(parse(f"SELECT i FROM {table}", "s"), describe("S", "s"), SYNC)
        assert types(wire.until("Z")) == "1tTZ"
        served.run(f"ALTER TABLE {table} ALTER i TYPE VARCHAR")
        wire.send(bind(name="s"), execute(), SYNC)
        assert one(wire.until("Z"), "E").sqlstate == "0A000"
        wire.send(parse(f"SELECT i FROM {table}"), bind(), execute(), SYNC)
        assert one(wire.until("Z"), "D").row == [b"7"]


def test_a_default_that_cannot_be_prepared(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER)")
    connection.execute(f"INSERT INTO {table} VALUES (1)")
    connection.execute(f"ALTER TABLE {table} ADD COLUMN added TIMESTAMP DEFAULT now()::TIMESTAMP")
    assert connection.execute(f"SELECT count(added) FROM {table}").fetchone() == (1,)
    with pytest.raises(errors.UndefinedTable):
        connection.execute(f"ALTER TABLE {table}_missing ADD COLUMN added TIMESTAMP DEFAULT now()::TIMESTAMP")


def test_rows_that_refer_to_rows_before_them(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER PRIMARY KEY)")
    connection.execute(f"CREATE TABLE {table}_child (n INTEGER, i INTEGER REFERENCES {table} (i))")
    parent, child = f"INSERT INTO {table} VALUES (%s)", f"INSERT INTO {table}_child VALUES (%s, %s)"
    # The child's shape comes first, so what is gathered for it would be appended first.
    connection.execute(parent, (0,))
    connection.execute(child, (0, 0))
    with connection.pipeline():
        for i in range(1, 4):
            connection.execute(child, (i, i - 1))
            connection.execute(parent, (i,))
    with connection.transaction(), connection.pipeline():
        for i in range(4, 7):
            connection.execute(child, (i, i - 1))
            connection.execute(parent, (i,))
    assert connection.execute(f"SELECT count(*) FROM {table}_child").fetchone() == (7,)
    with pytest.raises(errors.ForeignKeyViolation):
        connection.execute(child, (9, 99))


def test_whoever_is_waited_for_gets_a_thread(serve: Serve) -> None:
    """More sessions wait for a transaction than there are workers, and its COMMIT needs one too."""
    service = serve("--workers", "2", "--busy-timeout", "20s")
    service.run("CREATE TABLE t (i INTEGER, n INTEGER)")
    service.run("INSERT INTO t VALUES (1, 0)")

    def add(_: int) -> None:
        # Twice in one query: too long for the lane.
        with service.connect() as connection:
            connection.execute("UPDATE t SET n = n + 1; UPDATE t SET n = n + 1")

    with service.connect(autocommit=False) as holder, ThreadPoolExecutor(6) as pool:
        holder.execute("UPDATE t SET n = n + 100")
        waiting = [pool.submit(add, i) for i in range(6)]
        time.sleep(0.5)
        began = time.monotonic()
        holder.commit()
        assert time.monotonic() - began < 5
        for each in waiting:
            each.result(20)
    assert service.rows("SELECT n FROM t") == [(112,)]


def test_a_cancel_ends_a_wait(serve: Serve) -> None:
    service = serve("--busy-timeout", "60s")
    service.run("CREATE TABLE t (i INTEGER, n INTEGER)")
    service.run("INSERT INTO t VALUES (1, 0)")
    with service.connect(autocommit=False) as holder, service.connect() as waiting:
        # The second time it goes into the lane.
        waiting.execute("UPDATE t SET n = n + 1")
        holder.execute("UPDATE t SET n = n + 1")
        for _ in range(2):
            threading.Timer(0.3, waiting.cancel_safe).start()
            began = time.monotonic()
            with pytest.raises(errors.QueryCanceled):
                waiting.execute("UPDATE t SET n = n + 1")
            assert time.monotonic() - began < 10
        holder.rollback()
        waiting.execute("UPDATE t SET n = n + 1")
    assert service.rows("SELECT n FROM t") == [(2,)]


def test_a_cancelled_transaction_leaves_no_trace_behind(serve: Serve) -> None:
    """Ended by DDL that could not wait, rolled back, and the session goes on as if nothing had been."""
    service = serve("--ddl-wait", "100ms")
    service.run("CREATE TABLE t (i INTEGER)")
    for _ in range(20):
        with service.connect(autocommit=False) as held, service.connect() as changing:
            held.execute("INSERT INTO t VALUES (1)")
            changing.execute("CREATE OR REPLACE TABLE other AS SELECT 1 AS i")
            changing.execute("ALTER TABLE other ADD COLUMN j INTEGER")
            with contextlib.suppress(errors.SerializationFailure):
                held.commit()
            held.execute("INSERT INTO t VALUES (2)")
            held.commit()
    assert service.rows("SELECT count(*) FROM t WHERE i = 2") == [(20,)]


def test_settings_are_the_sessions_own(connection: psycopg.Connection, other: psycopg.Connection) -> None:
    ordered = "SELECT list(i ORDER BY i) FROM range(3) r(i)"
    for sql in ("SET default_order = 'DESC'", "PRAGMA default_order = 'DESC'"):
        connection.execute(sql)
        with other.transaction():
            assert other.execute(ordered).fetchone()[0] == [0, 1, 2]
        assert connection.execute(ordered).fetchone()[0] == [2, 1, 0]
        connection.execute("RESET default_order")
        assert connection.execute(ordered).fetchone()[0] == [0, 1, 2]
    for sql in ("SET threads = 3", "PRAGMA threads = 3", "SET GLOBAL default_order = 'DESC'", "SET checkpoint_threshold = '1KB'"):
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute(sql)


def test_a_long_statement_by_itself_has_no_transaction_timeout(connection: psycopg.Connection, table: str) -> None:
    connection.execute("SET transaction_timeout = '100ms'")
    slow = "SELECT count(*) AS n FROM range(60000000) r(i) WHERE hash(i) % 7 = 3"
    began = time.monotonic()
    connection.execute(f"CREATE TABLE {table} AS {slow}")
    assert time.monotonic() - began > 0.2
    assert connection.execute(f"SELECT n > 0 FROM {table}").fetchone() == (True,)
    with pytest.raises(psycopg.Error, match="transaction_timeout"), connection.transaction():
        connection.execute(f"INSERT INTO {table} VALUES (1)")
        connection.execute(f"INSERT INTO {table} {slow}")


def test_a_null_that_is_updated_after_an_insert(serve: Serve, stock_python: Path) -> None:
    """DuckDB replays that wrongly in a table with an index where DICT_FSST holds the NULL: readers would see it still."""
    service = serve()
    service.run("CREATE TABLE t (i INTEGER PRIMARY KEY, s VARCHAR)")
    service.run("INSERT INTO t SELECT i, CASE WHEN i % 6 > 0 THEN 'text ' || i END FROM range(300) r(i)", "CHECKPOINT")
    service.kill()
    service.start()
    for i in range(3):
        service.run(f"INSERT INTO t VALUES ({300 + i}, 'x')")
        service.run(f"UPDATE t SET s = 'new' WHERE i = {6 * i}")
        counted = "SELECT count(*) FILTER (s IS NULL) FROM t"
        assert service.rows(counted) == [(49 - i,)]
        assert service.stock_rows(counted, stock_python) == [[str(49 - i)]]
        service.run("CHECKPOINT")
