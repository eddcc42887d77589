"""What RESET, DISCARD, DEALLOCATE, CLOSE and UNLISTEN make as it was, and what they leave alone."""

from __future__ import annotations

import asyncio

import asyncpg
import psycopg
import psycopg.errors
import pytest
from support.service import Service


def one(connection: psycopg.Connection, sql: str) -> object:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return row[0]


def tag(connection: psycopg.Connection, sql: str) -> str | None:
    return connection.execute(sql).statusmessage


def test_reset_all_is_the_start_of_the_session(served: Service) -> None:
    with served.connect(application_name="first", options="-c lock_timeout=3s") as connection:
        connection.execute("SET busy_timeout = '5s'; SET statement_timeout = 9000; SET application_name = 'second'; SET jit = on")
        connection.execute("SET integer_division = true")
        assert one(connection, "SELECT 7 / 2") == 3
        assert connection.info.parameter_status("application_name") == "second"
        assert tag(connection, "RESET ALL") == "RESET"
        shown = [one(connection, f"SHOW {name}") for name in ("lock_timeout", "statement_timeout", "application_name", "jit")]
        assert shown == ["3s", "0", "first", "off"]
        assert connection.info.parameter_status("application_name") == "first"
        assert one(connection, "SELECT 7 / 2") == 3.5


def test_reset_all_leaves_the_rest(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TEMP TABLE {table} AS SELECT 1 AS i; PREPARE {table} AS SELECT 2")
    connection.execute("SET integer_division = true; RESET ALL")
    assert one(connection, "SELECT 7 / 2") == 3.5, "what comes before in the same query is reset too"
    assert one(connection, f"SELECT i FROM {table}") == 1
    assert one(connection, f"EXECUTE {table}") == 2


def test_reset_all_in_a_transaction(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER)")
    connection.execute(f"BEGIN; INSERT INTO {table} VALUES (1); SET integer_division = true; RESET ALL")
    assert one(connection, "SELECT 7 / 2") == 3.5
    connection.execute("COMMIT")
    assert one(connection, f"SELECT count(*) FROM {table}") == 1


@pytest.mark.parametrize(
    "name", ["extra_float_digits", "xmloption", "jit", "search_path", "TimeZone", "session authorization", "role"]
)
def test_reset_of_what_is_taken_for_postgresqls_sake(connection: psycopg.Connection, name: str) -> None:
    assert tag(connection, f"RESET {name}") == "RESET"


def test_names_that_are_not_known(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.UndefinedObject):
        connection.execute("RESET no_such_parameter")
    with pytest.raises(psycopg.errors.CantChangeRuntimeParam):
        connection.execute("SET server_version = '9'")


@pytest.mark.parametrize(
    ("value", "shown"), [("7s", "7s"), ("500", "500ms"), ("60000", "1min"), ("1h", "1h"), ("90s", "90s"), ("0.5s", "500ms")]
)
def test_times_are_shown_in_postgresqls_units(connection: psycopg.Connection, value: str, shown: str) -> None:
    connection.execute(f"SET busy_timeout = '{value}'")
    assert one(connection, "SHOW busy_timeout") == one(connection, "SHOW lock_timeout") == shown


def test_show_all(connection: psycopg.Connection) -> None:
    connection.execute("SET busy_timeout = '2s'")
    cursor = connection.execute("SHOW ALL")
    assert cursor.description is not None and [column.name for column in cursor.description] == ["name", "setting", "description"]
    rows = cursor.fetchall()
    assert [row[0].lower() for row in rows] == sorted(row[0].lower() for row in rows)
    found = {row[0]: row[1] for row in rows}
    assert found["busy_timeout"] == "2s" and found["client_encoding"] == "UTF8" and found["TimeZone"] == "UTC"
    assert "description" in [column.name for column in connection.execute("SHOW ALL", prepare=True).description or []]


def test_discard_all(served: Service, table: str) -> None:
    with served.connect(application_name="first") as connection:
        connection.execute(f"CREATE TEMP TABLE {table} AS SELECT 1; PREPARE {table} AS SELECT 1")
        connection.execute("SET integer_division = true; SET statement_timeout = '5s'; SET application_name = 'second'")
        connection.pgconn.prepare(b"mine", b"SELECT 3")
        assert tag(connection, "DISCARD ALL") == "DISCARD ALL"
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute(f"SELECT * FROM {table}", prepare=False)
        with pytest.raises(psycopg.Error):
            connection.execute(f"EXECUTE {table}", prepare=False)
        assert connection.info.parameter_status("application_name") == one(connection, "SHOW application_name") == "first"
        assert one(connection, "SHOW statement_timeout") == "0"
        assert one(connection, "SELECT 7 / 2") == 3.5
        assert b"does not exist" in connection.pgconn.exec_prepared(b"mine", []).error_message


def test_discard_all_not_in_a_transaction(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER)")
    connection.execute("BEGIN")
    with pytest.raises(psycopg.errors.ActiveSqlTransaction):
        connection.execute("DISCARD ALL")
    connection.execute("ROLLBACK")
    with pytest.raises(psycopg.errors.ActiveSqlTransaction):
        connection.execute(f"INSERT INTO {table} VALUES (1); DISCARD ALL")
    with pytest.raises(psycopg.errors.ActiveSqlTransaction), connection.pipeline():
        connection.execute(f"INSERT INTO {table} VALUES (2)")
        connection.execute("DISCARD ALL")
    assert one(connection, f"SELECT count(*) FROM {table}") == 0


def test_discard_temp(connection: psycopg.Connection, table: str) -> None:
    connection.execute(
        f"CREATE TEMP TABLE {table} (i INTEGER PRIMARY KEY); CREATE TEMP TABLE {table}_f (i INTEGER REFERENCES {table});"
        f"CREATE TEMP VIEW {table}_v AS FROM {table}; CREATE TEMP MACRO {table}_m(a) AS a; CREATE TEMP SEQUENCE {table}_s;"
        f'CREATE TEMP MACRO {table}_t(a) AS TABLE SELECT a; CREATE TEMP TABLE "{table} ""q""" (i INTEGER)'
    )
    connection.execute("SET integer_division = true")
    assert tag(connection, "DISCARD TEMP") == "DISCARD TEMP"
    left = "SELECT table_name FROM duckdb_tables() WHERE temporary UNION ALL SELECT view_name FROM duckdb_views() WHERE temporary"
    left += f" AND NOT internal UNION ALL SELECT function_name FROM duckdb_functions() WHERE function_name LIKE '{table}%'"
    assert connection.execute(left).fetchall() == []
    assert one(connection, "SELECT 7 / 2") == 3, "settings stay"


def test_discard_temp_is_undone_with_its_transaction(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TEMP TABLE {table} AS SELECT 5 AS i")
    connection.execute("BEGIN; DISCARD TEMP")
    with pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute(f"SELECT * FROM {table}")
    connection.execute("ROLLBACK")
    assert one(connection, f"SELECT i FROM {table}") == 5
    connection.execute("BEGIN; DISCARD TEMP; COMMIT")
    with pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute(f"SELECT * FROM {table}")


def test_other_discards(connection: psycopg.Connection) -> None:
    assert [tag(connection, f"DISCARD {what}") for what in ("PLANS", "SEQUENCES", "TEMPORARY")] == [
        "DISCARD PLANS",
        "DISCARD SEQUENCES",
        "DISCARD TEMP",
    ]
    with pytest.raises(psycopg.errors.SyntaxError):
        connection.execute("DISCARD EVERYTHING")


def test_deallocate(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"PREPARE {table} AS SELECT 1; PREPARE {table}_b AS SELECT 2; DEALLOCATE {table.upper()}")
    with pytest.raises(psycopg.errors.InvalidSqlStatementName):
        connection.execute(f"DEALLOCATE {table}")
    assert one(connection, f"EXECUTE {table}_b") == 2
    assert tag(connection, "DEALLOCATE ALL") == "DEALLOCATE ALL"
    with pytest.raises(psycopg.Error):
        connection.execute(f"EXECUTE {table}_b")
    connection.pgconn.prepare(b"mine", b"SELECT 3")
    assert tag(connection, "DEALLOCATE mine") == "DEALLOCATE"
    connection.pgconn.prepare(b"mine", b"SELECT 3")
    connection.execute("DEALLOCATE PREPARE ALL")
    assert b"does not exist" in connection.pgconn.exec_prepared(b"mine", []).error_message


def test_close_all_and_unlisten(connection: psycopg.Connection) -> None:
    connection.execute("BEGIN; DECLARE a CURSOR FOR SELECT 1; DECLARE b CURSOR FOR SELECT 2; FETCH a")
    assert tag(connection, "CLOSE ALL") == "CLOSE CURSOR ALL"
    with pytest.raises(psycopg.errors.InvalidCursorName):
        connection.execute("FETCH b")
    connection.execute("ROLLBACK")
    assert tag(connection, "UNLISTEN *") == "UNLISTEN"


def test_what_pools_send_between_two_users(served: Service, table: str) -> None:
    """asyncpg resets a connection that goes back to its pool; Npgsql has a text of its own."""

    async def talk() -> None:
        pool = await asyncpg.create_pool(host=str(served.own_folder), user="tester", database="core", min_size=1, max_size=1)
        async with pool.acquire() as connection:
            await connection.execute("SET statement_timeout = '5s'; SET integer_division = true")
        async with pool.acquire() as connection:
            assert await connection.fetchval("SHOW statement_timeout") == "0"
            assert await connection.fetchval("SELECT 7 / 2") == 3.5
            await connection.execute(f"CREATE TEMP TABLE {table} (i INTEGER)")
            npgsql = "CLOSE ALL;UNLISTEN *;SELECT pg_advisory_unlock_all();RESET ALL;DISCARD SEQUENCES;DISCARD TEMP"
            await connection.execute("SET SESSION AUTHORIZATION DEFAULT;" + npgsql)
            with pytest.raises(asyncpg.UndefinedTableError):
                await connection.fetch(f"SELECT * FROM {table}")
        await pool.close()

    asyncio.run(talk())


def test_psql_lists_what_is_served(served: Service) -> None:
    listed = served.psql("\\l", options=["-A", "-t"]).stdout
    assert [line.split("|")[0] for line in listed.splitlines()] == ["core"]
