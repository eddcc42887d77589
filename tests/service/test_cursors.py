"""Cursors that are half-read while the session goes on: PostgreSQL keeps them, so drivers count on it."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors
from support.pgwire import SYNC, Wire, bind, execute, parse, query, types
from support.service import Service


def test_two_cursors_and_writes_between(served: Service, table: str) -> None:
    served.run(f"CREATE TABLE {table} (i INTEGER)", f"INSERT INTO {table} SELECT range FROM range(10000)")
    with served.connect(autocommit=False) as connection:
        first, second = connection.cursor("a"), connection.cursor("b")
        first.execute(f"SELECT i FROM {table} ORDER BY i")
        second.execute(f"SELECT i FROM {table} ORDER BY i DESC")
        one, two = [], []
        for _ in range(100):
            one += first.fetchmany(100)
            connection.execute(f"UPDATE {table} SET i = i + 100000 WHERE i = {len(one)}")
            two += second.fetchmany(100)
            assert connection.execute("SELECT count(*) FROM " + table).fetchone() == (10000,)
        assert first.fetchone() is None and second.fetchone() is None
        connection.commit()
    # Each shows what was there when it was opened.
    assert [row[0] for row in one] == list(range(10000))
    assert [row[0] for row in two] == list(range(9999, -1, -1))
    assert served.rows(f"SELECT count(*) FROM {table} WHERE i >= 100000") == [(99,)]


def test_a_cursor_with_strings_is_kept_whole(served: Service) -> None:
    with served.connect(autocommit=False) as connection:
        cursor = connection.cursor("a")
        cursor.execute("SELECT i, repeat(i::VARCHAR, 20) FROM range(20000) r(i)")
        assert cursor.fetchmany(3)[2] == (2, "2" * 20)
        connection.execute("CREATE TEMP TABLE mine AS SELECT 1 AS i")
        rows = cursor.fetchall()
        assert len(rows) == 19997 and rows[-1] == (19999, "19999" * 20)
        assert connection.execute("SELECT i FROM mine").fetchone() == (1,)
        cursor.close()


def test_portals_with_row_limits(served: Service) -> None:
    with Wire(served.socket) as wire:
        wire.send(query("BEGIN"))
        wire.until("Z")
        for name in ("a", "b"):
            wire.send(parse("SELECT i FROM range(5000) r(i)"), bind(portal=name), execute(2, name))
        wire.send(execute(4000, "a"), execute(0, "a"), execute(0, "b"), SYNC)
        answer = wire.until("Z")
        assert types(answer).replace("D", "") == "12s12ssCCZ"
        assert types(answer).count("D") == 10000


def test_too_many_rows_to_keep(served: Service) -> None:
    with served.connect(autocommit=False) as connection:
        cursor = connection.cursor("a")
        cursor.execute("SELECT " + ", ".join(f"i AS c{n}" for n in range(100)) + " FROM range(100000000) r(i)")
        assert len(cursor.fetchmany(5)) == 5
        with pytest.raises(errors.OutOfMemory, match="fetch them, or close it"):
            connection.execute("SELECT 1")
        connection.rollback()
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_the_first_error_of_several_statements_is_told(connection: psycopg.Connection, table: str) -> None:
    with pytest.raises(errors.InvalidTextRepresentation):
        connection.execute(
            f"CREATE TABLE {table} (i INTEGER, v DOUBLE[]); INSERT INTO {table} VALUES (0, NULL); "
            f"INSERT INTO {table} VALUES (1, ['nan', 0.1, NULL, 'x'])"
        )
    with pytest.raises(errors.UndefinedTable):
        connection.execute(f"SELECT * FROM {table}")
