"""Real clients of the PostgreSQL protocol, as they are: psycopg, asyncpg, psql."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import threading
import time
import uuid
from typing import Any

import asyncpg
import psycopg
import psycopg.errors
import pytest
from psycopg.types.json import Json
from support.service import Service

UTC = datetime.timezone.utc
COLUMNS = (
    "b bool, i2 smallint, i4 int, i8 bigint, h hugeint, f4 float, f8 double, n decimal(18, 3), s varchar, bl blob, d date, t time, "
    "ts timestamp, tz timestamptz, iv interval, u uuid, j json, a int[], sa varchar[]"
)
ROW: tuple[Any, ...] = (
    True,
    -32768,
    2147483647,
    -(2**63),
    2**100,
    1.5,
    0.1,
    decimal.Decimal("-12.345"),
    "thirteen and more bytes, ü",
    b"\x00\xff",
    datetime.date(1, 1, 1),
    datetime.time(23, 59, 59, 999999),
    datetime.datetime(1969, 12, 31, 23, 59, 59, 1),
    datetime.datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
    datetime.timedelta(days=-1, seconds=3),
    uuid.UUID(int=5),
    {"a": [1, None]},
    [1, None, -2],
    ["a", "", 'b "c", {d}'],
)


@pytest.fixture
def service(served: Service) -> Service:
    """With nothing in it."""
    for kind in ("table", "sequence"):
        for (name,) in served.rows(f"SELECT {kind}_name FROM duckdb_{kind}s() WHERE database_name = 'core'"):
            served.run(f"DROP {kind} {name}")
    return served


def rows(con: psycopg.Connection, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    return con.execute(sql, parameters or None).fetchall()


@pytest.mark.parametrize("binary", [False, True])
def test_every_type_there_and_back(service: Service, binary: bool) -> None:
    con = service.connect()
    con.execute(f"CREATE TABLE t ({COLUMNS})")
    marks = ", ".join(["%b" if binary else "%t"] * len(ROW))
    values = [Json(value) if isinstance(value, dict) else value for value in ROW]
    con.execute(f"INSERT INTO t VALUES ({marks})", values)
    con.execute(f"INSERT INTO t VALUES ({marks})", [None] * len(ROW))
    got = con.cursor(binary=binary).execute("SELECT * FROM t").fetchall()
    assert got == [ROW, (None,) * len(ROW)]


def test_nested_values_come_as_json(service: Service) -> None:
    con = service.connect()
    sql = "SELECT {'a': 1, 'b': [1, 2]}, MAP {'k': 1}, [[1], [2, 3]], []::INTEGER[]"
    assert rows(con, sql) == [({"a": 1, "b": [1, 2]}, {"k": 1}, [[1], [2, 3]], [])]


def test_parameters_need_no_hints(service: Service) -> None:
    con = service.connect()
    assert rows(con, "SELECT %s + 1, %s, %s", 41, "x", None) == [(42, "x", None)]
    con.execute("CREATE TABLE t (d DATE, n DECIMAL(9, 2))")
    con.execute("INSERT INTO t VALUES (%s, %s)", ("2024-02-29", "7.005"))
    assert rows(con, "SELECT * FROM t WHERE d = %s", datetime.date(2024, 2, 29))[0][0] == datetime.date(2024, 2, 29)
    assert rows(con, "INSERT INTO t VALUES (%s, NULL) RETURNING d, n", "2024-03-01") == [(datetime.date(2024, 3, 1), None)]


@pytest.mark.parametrize(
    ("sql", "state"),
    [
        ("INSERT INTO k VALUES (1, 1)", "23505"),
        ("INSERT INTO k VALUES (2, NULL)", "23502"),
        ("INSERT INTO k VALUES (2, -1)", "23514"),
        ("SELEC 1", "42601"),
        ("SELECT * FROM nope", "42P01"),
        ("SELECT nope FROM k", "42703"),
        ("SELECT nope(1)", "42883"),
        ("SELECT CAST('x' AS INTEGER)", "22P02"),
        ("SELECT CAST(1000 AS TINYINT)", "22003"),
        ("CREATE TABLE k (a INTEGER)", "42P07"),
        ("SAVEPOINT s", "0A000"),
        ("ATTACH 'x.duckdb'", "0A000"),
        ("SET checkpoint_threshold = '1GB'", "42501"),
        ("DECLARE c CURSOR FOR SELECT 1", "25P01"),
        ("FETCH 1 FROM c", "34000"),
        ("DEALLOCATE nope", "26000"),
    ],
)
def test_errors_have_their_sqlstate(service: Service, sql: str, state: str) -> None:
    con = service.connect()
    con.execute("CREATE TABLE k (a INTEGER PRIMARY KEY, b INTEGER NOT NULL CHECK (b > 0))")
    con.execute("INSERT INTO k VALUES (1, 1)")
    with pytest.raises(psycopg.Error) as caught:
        con.execute(sql)
    assert caught.value.sqlstate == state, caught.value
    assert rows(con, "SELECT * FROM k") == [(1, 1)]


def test_a_transaction_is_all_or_nothing(service: Service) -> None:
    service.connect().execute("CREATE TABLE t (i INTEGER PRIMARY KEY)")
    with service.connect(autocommit=False) as con:
        con.execute("INSERT INTO t VALUES (1)")
        assert rows(con, "SELECT count(*) FROM t") == [(1,)]
        assert rows(service.connect(), "SELECT count(*) FROM t") == [(0,)]
        con.rollback()
        con.execute("INSERT INTO t VALUES (2)")
        con.commit()
        with pytest.raises(psycopg.errors.UniqueViolation):
            con.execute("INSERT INTO t VALUES (2)")
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            con.execute("SELECT 1")
        con.commit()  # of a failed transaction: a rollback
    assert rows(service.connect(), "SELECT i FROM t") == [(2,)]


def test_statements_of_one_query_are_one_transaction(service: Service) -> None:
    con = service.connect()
    con.execute("CREATE TABLE t (i INTEGER PRIMARY KEY)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        con.execute("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); INSERT INTO t VALUES (1)")
    assert rows(con, "SELECT count(*) FROM t") == [(0,)]
    con.execute("INSERT INTO t VALUES (1); SELECT * FROM t; BEGIN; INSERT INTO t VALUES (2); ROLLBACK; INSERT INTO t VALUES (3)")
    assert rows(con, "SELECT i FROM t ORDER BY i") == [(3,)], "BEGIN made what came before a part of its block"


def test_a_pipeline_is_one_transaction_up_to_sync(service: Service) -> None:
    con = service.connect()
    con.execute("CREATE TABLE t (i INTEGER PRIMARY KEY)")
    with con.pipeline():
        con.execute("INSERT INTO t VALUES (1)")
        inside = con.execute("SELECT count(*) FROM t")
        con.execute("INSERT INTO t VALUES (2)")
    assert inside.fetchone() == (1,)
    with pytest.raises(psycopg.errors.UniqueViolation), con.pipeline():
        con.execute("INSERT INTO t VALUES (3)")
        con.execute("INSERT INTO t VALUES (1)")
    assert rows(con, "SELECT i FROM t ORDER BY i") == [(1,), (2,)]


def test_many_rows_at_once(service: Service) -> None:
    con = service.connect()
    con.execute("CREATE TABLE t (i INTEGER PRIMARY KEY, s VARCHAR, f DOUBLE)")
    many = [(i, f"row {i}", i / 3) for i in range(25000)]  # more than is gathered at a time
    con.cursor().executemany("INSERT INTO t VALUES (%s, %s, %s)", many)
    assert rows(con, "SELECT * FROM t ORDER BY i") == many
    with pytest.raises(psycopg.errors.UniqueViolation):
        con.cursor().executemany("INSERT INTO t VALUES (%s, %s, %s)", [(30000, "", 0.0), (1, "", 0.0)])
    assert rows(con, "SELECT count(*) FROM t") == [(25000,)]


def test_copy_both_ways(service: Service) -> None:
    con = service.connect()
    con.execute("CREATE TABLE t (i INTEGER, s VARCHAR)")
    many = [(i, None if i % 3 else f"tab\t {i}\n") for i in range(12000)]
    with con.cursor() as cursor:
        with cursor.copy("COPY t FROM STDIN") as copy:
            for row in many:
                copy.write_row(row)
        with cursor.copy("COPY t (s, i) FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["text", "int4"])
            copy.write_row(("binary", -1))
        with cursor.copy("COPY t FROM STDIN WITH CSV HEADER DELIMITER ';'") as copy:
            copy.write('i;s\n-2;"a;""b"\n')
        with cursor.copy("COPY (SELECT * FROM t WHERE i >= 0 ORDER BY i) TO STDOUT") as copy:
            copy.set_types(["int4", "text"])
            assert list(copy.rows()) == many
        with cursor.copy("COPY (SELECT * FROM t WHERE i < 0 ORDER BY i) TO STDOUT (FORMAT binary)") as copy:
            copy.set_types(["int4", "text"])
            assert list(copy.rows()) == [(-2, 'a;"b'), (-1, "binary")]
        with pytest.raises(psycopg.errors.InvalidTextRepresentation), cursor.copy("COPY t FROM STDIN") as copy:
            copy.write("1\tone\nx\ttwo\n")
        with pytest.raises(psycopg.errors.BadCopyFileFormat), cursor.copy("COPY t FROM STDIN") as copy:
            copy.write("1\n")
    assert rows(con, "SELECT count(*) FROM t") == [(len(many) + 2,)]


def test_cursors_in_sql(service: Service) -> None:
    with service.connect(autocommit=False) as con, con.cursor(name="c") as cursor:
        cursor.execute("SELECT range FROM range(%s) ORDER BY 1", (1000,))
        assert cursor.fetchone() == (0,)
        assert cursor.fetchmany(10) == [(i,) for i in range(1, 11)]
        assert len(cursor.fetchall()) == 989


def test_cancel(service: Service) -> None:
    con = service.connect()
    timer = threading.Timer(0.3, con.cancel)
    timer.start()
    with pytest.raises(psycopg.errors.QueryCanceled, match="user request"):
        con.execute("SELECT count(*) FROM range(100000000) a, range(100000) b WHERE a.range * b.range % 7 = 3")
    timer.join()
    assert rows(con, "SELECT 1") == [(1,)]


def test_timeouts(service: Service) -> None:
    con = service.connect()
    con.execute("CREATE TABLE t (i INTEGER)")
    con.execute("SET statement_timeout = '200ms'")
    assert rows(con, "SHOW statement_timeout") == [("200ms",)]
    with pytest.raises(psycopg.errors.QueryCanceled, match="statement timeout"):
        con.execute("SELECT count(*) FROM range(100000000) a, range(100000) b WHERE a.range * b.range % 7 = 3")
    idle = service.connect(autocommit=False, options="-c idle_in_transaction_session_timeout=200ms")
    idle.execute("INSERT INTO t VALUES (1)")
    time.sleep(0.7)
    with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
        idle.execute("INSERT INTO t VALUES (2)")
    idle.rollback()
    assert rows(con, "SELECT * FROM t") == []
    long = service.connect(autocommit=False, options="-c transaction_timeout=300ms")
    long.execute("INSERT INTO t VALUES (1)")
    time.sleep(0.8)
    with pytest.raises(psycopg.Error, match="transaction_timeout"):
        long.execute("SELECT 1")


def test_schema_changes_do_not_wait_for_an_idle_transaction(service: Service) -> None:
    con = service.connect()
    con.execute("CREATE TABLE t (i INTEGER); INSERT INTO t VALUES (1)")
    idle = service.connect(autocommit=False)
    idle.execute("UPDATE t SET i = 2")
    began = time.monotonic()
    con.execute("CREATE TABLE u (i INTEGER)")
    assert time.monotonic() - began < 5, "ddl_wait is 1 s"
    with pytest.raises(psycopg.errors.SerializationFailure, match="change of the schema"):
        idle.execute("UPDATE t SET i = 3")
    idle.rollback()
    assert rows(con, "SELECT i FROM t") == [(1,)]


def test_what_only_a_session_has(service: Service) -> None:
    con = service.connect()
    con.execute("CREATE TABLE t (i INTEGER); INSERT INTO t VALUES (1)")
    con.execute("CREATE TEMP TABLE mine AS SELECT 7 AS i")
    assert rows(con, "SELECT * FROM mine, t") == [(7, 1)]
    with pytest.raises(psycopg.errors.UndefinedTable):
        service.connect().execute("SELECT * FROM mine")
    con.execute("CREATE SEQUENCE s")
    assert [rows(con, "SELECT nextval('s')") for _ in range(2)] == [[(1,)], [(2,)]]


def test_asyncpg(service: Service) -> None:
    async def talk() -> None:
        con = await asyncpg.connect(host=str(service.own_folder), database="core", user="tester")
        await con.execute("CREATE TABLE t (i INTEGER, s VARCHAR, a INTEGER[])")
        await con.executemany("INSERT INTO t VALUES ($1, $2, $3)", [(i, str(i), [i, None]) for i in range(100)])
        assert await con.fetchval("SELECT $1::INTEGER + 1", 41) == 42
        async with con.transaction():
            seen = [tuple(row) async for row in con.cursor("SELECT * FROM t ORDER BY i", prefetch=7)]
        assert seen == [(i, str(i), [i, None]) for i in range(100)]
        with pytest.raises(asyncpg.UndefinedTableError):
            await con.execute("SELECT * FROM nope")
        await con.copy_records_to_table("t", records=[(1000, "x", [])])
        assert await con.fetchval("SELECT count(*) FROM t") == 101
        await con.close()

    asyncio.run(talk())


def test_psql(service: Service) -> None:
    quiet = ("-q", "-A", "-t")
    ended = service.psql(
        script="CREATE TABLE t (i INTEGER PRIMARY KEY, s VARCHAR);\nCOPY t FROM STDIN;\n1\tone\n2\t\\N\n\\.\n", options=quiet
    )
    assert ended.stderr == ""
    assert service.psql("SELECT * FROM t ORDER BY i", options=quiet).stdout == "1|one\n2|\n"
    assert "main|t|table" in service.psql("\\dt", options=quiet).stdout
    assert "i|integer" in service.psql("\\d t", options=quiet).stdout
    assert "core|" in service.psql("\\l", options=quiet).stdout
    assert "server_version" not in service.psql("SELECT version()").stderr
    assert service.psql("SELECT * FROM nope", status=1).stderr.startswith("ERROR:  Catalog Error")
