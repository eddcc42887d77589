"""What clients send: schema changes, parameters, errors and their SQLSTATEs, COPY, cursors, notices. With psycopg."""

from __future__ import annotations

import itertools
from pathlib import Path

import psycopg
import pytest
from psycopg import errors, pq
from support.service import Service


def sqlstate(connection: psycopg.Connection, sql: str, parameters: object = None) -> str:
    with pytest.raises(psycopg.Error) as raised:
        connection.execute(sql, parameters)
    return raised.value.sqlstate


# ---- schema ------------------------------------------------------------------------------------------------------------


def test_a_schema_is_made_changed_and_dropped(
    connection: psycopg.Connection, served: Service, stock_python: Path, table: str
) -> None:
    tags = [
        connection.execute(sql).statusmessage
        for sql in (
            f"CREATE SCHEMA s_{table}",
            f"CREATE TABLE s_{table}.a (i INTEGER PRIMARY KEY, s VARCHAR DEFAULT 'x')",
            f"CREATE SEQUENCE s_{table}.q",
            f"CREATE INDEX i_{table} ON s_{table}.a (s)",
            f"INSERT INTO s_{table}.a VALUES (nextval('s_{table}.q'), 'one')",
            f"ALTER TABLE s_{table}.a ADD COLUMN d DOUBLE DEFAULT 1.5",
            f"CREATE VIEW s_{table}.v AS SELECT i, d FROM s_{table}.a",
            f"CREATE TYPE s_{table}.mood AS ENUM ('sad', 'glad')",
        )
    ]
    assert tags == [
        "CREATE SCHEMA",
        "CREATE TABLE",
        "CREATE SEQUENCE",
        "CREATE INDEX",
        "INSERT 0 1",
        "ALTER TABLE",
        "CREATE VIEW",
        "CREATE TYPE",
    ]
    assert connection.execute(f"SELECT * FROM s_{table}.v").fetchall() == [(1, 1.5)]
    assert served.stock_rows(f"SELECT * FROM s_{table}.v", stock_python) == [["1", "1.5"]]
    connection.execute(f"DROP SCHEMA s_{table} CASCADE")
    assert sqlstate(connection, f"SELECT * FROM s_{table}.v") in ("42P01", "3F000")
    assert served.stock_rows(f"SELECT count(*) FROM duckdb_tables() WHERE schema_name = 's_{table}'", stock_python) == [["0"]]


def test_create_table_as_and_replace(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} AS SELECT i FROM range(10) r(i)")
    connection.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT i FROM range(3) r(i)")
    assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (3,)
    connection.execute(f"CREATE TABLE IF NOT EXISTS {table} (x INTEGER)")
    assert sqlstate(connection, f"CREATE TABLE {table} (x INTEGER)") == "42P07"


def test_prepared_statements_outlive_a_change_of_the_schema(
    connection: psycopg.Connection, other: psycopg.Connection, table: str
) -> None:
    other.execute(f"CREATE TABLE {table} (i INTEGER)")
    for i in range(3):
        connection.execute(f"INSERT INTO {table} (i) VALUES (%s)", (i,), prepare=True)
    other.execute(f"ALTER TABLE {table} ADD COLUMN s VARCHAR DEFAULT 'new'")
    connection.execute(f"INSERT INTO {table} (i) VALUES (%s)", (3,), prepare=True)
    assert connection.execute(f"SELECT i, s FROM {table} ORDER BY i").fetchall() == [(i, "new") for i in range(4)]


def test_temporary_tables_are_the_sessions_own(connection: psycopg.Connection, other: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TEMP TABLE {table} AS SELECT 42 AS x")
    assert connection.execute(f"SELECT x FROM {table}").fetchone() == (42,)
    assert sqlstate(other, f"SELECT x FROM {table}") == "42P01"


# ---- rows and their numbers ----------------------------------------------------------------------------------------------


def test_statements_tell_how_many_rows(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER)")
    assert connection.execute(f"INSERT INTO {table} SELECT * FROM range(10)").statusmessage == "INSERT 0 10"
    assert connection.execute(f"UPDATE {table} SET i = i + 1 WHERE i >= 5").statusmessage == "UPDATE 5"
    assert connection.execute(f"DELETE FROM {table} WHERE i > 8").statusmessage == "DELETE 2"
    assert connection.execute(f"SELECT * FROM {table}").statusmessage == "SELECT 8"


def test_returning(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER, s VARCHAR)")
    cursor = connection.execute(f"INSERT INTO {table} VALUES (1, 'a'), (2, 'b') RETURNING i, s")
    assert (cursor.statusmessage, cursor.fetchall()) == ("INSERT 0 2", [(1, "a"), (2, "b")])
    assert connection.execute(f"UPDATE {table} SET i = i * 10 RETURNING i").fetchall() == [(10,), (20,)]
    assert connection.execute(f"DELETE FROM {table} WHERE i = %s RETURNING s", (20,)).fetchall() == [("b",)]


def test_upsert(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER PRIMARY KEY, n INTEGER)")
    for _ in range(3):
        connection.execute(f"INSERT INTO {table} VALUES (%s, 1) ON CONFLICT (i) DO UPDATE SET n = n + 1", (7,))
    connection.execute(f"INSERT INTO {table} VALUES (7, 99) ON CONFLICT DO NOTHING")
    assert connection.execute(f"SELECT * FROM {table}").fetchall() == [(7, 3)]


def test_a_session_reads_its_own_writes(served: Service, table: str) -> None:
    """Through the lane and after it, again and again, and so does another session that asks afterwards."""
    with served.connect() as writer, served.connect() as reader:
        writer.execute(f"CREATE TABLE {table} (i INTEGER)")
        for n in range(1, 31):
            writer.execute(f"INSERT INTO {table} VALUES (%s)", (n,))
            asked = writer if n % 2 else reader
            assert asked.execute(f"SELECT count(*), max(i) FROM {table}").fetchone() == (n, n)


# ---- parameters ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_parameters_of_psycopg(connection: psycopg.Connection, table: str, binary: bool) -> None:
    connection.execute(f"CREATE TABLE {table} (i BIGINT, s VARCHAR, d DOUBLE, b BLOB, o BOOLEAN, l INTEGER[])")
    row = (2**40, "naïve 🦆 'quoted' \\ ", 0.1, b"\0\xff", True, [1, None, 3])
    holes = ", ".join(["%b" if binary else "%t"] * len(row))
    connection.execute(f"INSERT INTO {table} VALUES ({holes})", row)
    connection.execute(f"INSERT INTO {table} VALUES ({holes})", (None,) * len(row))
    assert connection.execute(f"SELECT * FROM {table} ORDER BY i NULLS LAST").fetchall() == [row, (None,) * len(row)]
    hole = "%b" if binary else "%t"
    assert connection.execute(f"SELECT s FROM {table} WHERE i = {hole}", (2**40,)).fetchall() == [(row[1],)]


def test_parameters_without_a_type(connection: psycopg.Connection) -> None:
    """What a driver that leaves types to the server sends."""
    pgconn = connection.pgconn
    result = pgconn.exec_params(b"SELECT $1::INTEGER + 1, $2, $3 IS NULL, $1::INTEGER * 2", [b"41", b"text", None])
    assert result.status == pq.ExecStatus.TUPLES_OK, result.error_message
    assert [result.get_value(0, i) for i in range(4)] == [b"42", b"text", b"t", b"82"]


def test_the_server_tells_the_types_of_parameters(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER, s VARCHAR, t TIMESTAMP)")
    pgconn = connection.pgconn
    assert pgconn.prepare(table.encode(), f"INSERT INTO {table} VALUES ($1, $2, $3)".encode()).status == pq.ExecStatus.COMMAND_OK
    told = pgconn.describe_prepared(table.encode())
    assert [told.param_type(i) for i in range(told.nparams)] == [23, 25, 1114]


def test_executemany(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER PRIMARY KEY, s VARCHAR)")
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table} VALUES (%s, %s)", [(i, str(i)) for i in range(2000)])
        assert cursor.rowcount == 2000
        cursor.executemany(f"DELETE FROM {table} WHERE i = %s RETURNING s", [(1,), (3,)], returning=True)
        assert [result.fetchall() for result in cursor.results()] == [[("1",)], [("3",)]]
    assert connection.execute(f"SELECT count(*), sum(i) FROM {table}").fetchone() == (1998, 1999 * 1000 - 4)


def test_executemany_is_all_or_nothing(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER PRIMARY KEY)")
    with pytest.raises(errors.UniqueViolation), connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table} VALUES (%s)", [(1,), (2,), (1,)])
    assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


# ---- errors --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("INSERT INTO {t} VALUES (1, 'again', 1)", "23505"),
        ("INSERT INTO {t} VALUES (2, NULL, 1)", "23502"),
        ("INSERT INTO {t} VALUES (2, 'x', -1)", "23514"),
        ("SELEC 1", "42601"),
        ("SELECT * FROM {t} WHERE", "42601"),
        ("SELECT * FROM missing_{t}", "42P01"),
        ("INSERT INTO missing_{t} VALUES (1)", "42P01"),
        ("SELECT missing FROM {t}", "42703"),
        ("UPDATE {t} SET missing = 1", "42703"),
        ("INSERT INTO {t} (missing) VALUES (1)", "42703"),
        ("SELECT missing_function(1)", "42883"),
        ("SELECT 'x'::INTEGER", "22P02"),
        ("INSERT INTO {t} VALUES ('x', 'x', 1)", "22P02"),
        ("SELECT '2024-13-01'::DATE", "22008"),
        ("SELECT 300::TINYINT", "22003"),
        ("SELECT i FROM {t} GROUP BY s", "42803"),
        ("SAVEPOINT a", "0A000"),
        ("ATTACH 'other.duckdb'", "0A000"),
        ("DETACH core", "0A000"),
        ("DROP TABLE missing_{t}", "42P01"),
        ("CREATE TABLE {t} (x INTEGER)", "42P07"),
        ("SET no_such_setting = 1", "42704"),
        ("SELECT * FROM read_csv('/does/not/exist.csv')", "58P01"),
    ],
)
@pytest.mark.parametrize("how", ["simple", "extended"])
def test_errors_have_the_sqlstates_of_postgresql(
    connection: psycopg.Connection, table: str, sql: str, expected: str, how: str
) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER PRIMARY KEY, s VARCHAR NOT NULL, n INTEGER CHECK (n > 0))")
    connection.execute(f"INSERT INTO {table} VALUES (1, 'one', 1)")
    run = connection.pgconn.exec_ if how == "simple" else lambda text: connection.pgconn.exec_params(text, [])
    result = run(sql.format(t=table).encode())
    assert result.status == pq.ExecStatus.FATAL_ERROR
    found = result.error_field(pq.DiagnosticField.SQLSTATE).decode()
    assert found == expected, result.error_message.decode()
    assert result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY)
    assert connection.execute(f"SELECT i, s, n FROM {table}").fetchall() == [(1, "one", 1)]


def test_bad_parameters_are_22p02(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER, u UUID)")
    assert sqlstate(connection, f"INSERT INTO {table} (i) VALUES (%s)", ("x",)) == "22P02"
    assert sqlstate(connection, f"INSERT INTO {table} (u) VALUES (%s)", ("not a uuid",)) == "22P02"
    assert sqlstate(connection, f"SELECT i FROM {table} WHERE i = %s", ("x",)) == "22P02"


def test_division_by_zero_is_what_duckdb_says(connection: psycopg.Connection, version: str) -> None:
    """1.5 answers NULL, 2.0 an error."""
    if version.startswith("1."):
        assert connection.execute("SELECT 1 // 0").fetchone() == (None,)
    else:
        assert sqlstate(connection, "SELECT 1 // 0") == "22012"


def test_a_foreign_key(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER PRIMARY KEY)")
    connection.execute(f"CREATE TABLE {table}_child (i INTEGER REFERENCES {table} (i))")
    assert sqlstate(connection, f"INSERT INTO {table}_child VALUES (1)") == "23503"


# ---- COPY ------------------------------------------------------------------------------------------------------------------

ROWS = [(1, "plain", 0.5), (2, None, None), (3, 'tab\t, "quotes", \\back\nline', -1.0), (4, "", 1e300)]


@pytest.mark.parametrize("form", ["", "(FORMAT csv)", "(FORMAT csv, HEADER, DELIMITER ';')", "(FORMAT binary)"])
def test_copy_there_and_back(connection: psycopg.Connection, table: str, form: str) -> None:
    for name in (table, f"{table}_b"):
        connection.execute(f"CREATE TABLE {name} (i INTEGER, s VARCHAR, d DOUBLE)")
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table} VALUES (%s, %s, %s)", ROWS)
        with cursor.copy(f"COPY {table} TO STDOUT {form}") as copy:
            told = b"".join(copy)
        assert cursor.rowcount == len(ROWS)
        with cursor.copy(f"COPY {table}_b FROM STDIN {form}") as copy:
            for i in range(0, len(told), 7):
                copy.write(told[i : i + 7])
        assert cursor.rowcount == len(ROWS)
    assert connection.execute(f"SELECT * FROM {table}_b ORDER BY i").fetchall() == ROWS


@pytest.mark.parametrize("form", ["", "(FORMAT binary)"])
def test_copy_of_psycopgs_own_rows(connection: psycopg.Connection, table: str, form: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER, s VARCHAR, d DOUBLE)")
    kinds = ["int4", "text", "float8"]
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY {table} (i, s, d) FROM STDIN {form}") as copy:
            copy.set_types(kinds)
            for row in ROWS:
                copy.write_row(row)
        with cursor.copy(f"COPY (SELECT * FROM {table} ORDER BY i) TO STDOUT {form}") as copy:
            copy.set_types(kinds)
            assert list(copy.rows()) == ROWS


def test_copy_of_many_rows(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER, s VARCHAR)")
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY {table} FROM STDIN") as copy:
            for i in range(50_000):
                copy.write_row((i, f"row {i}"))
        assert cursor.rowcount == 50_000
    assert connection.execute(f"SELECT count(*), sum(i), max(s) FROM {table}").fetchone() == (50_000, 1249975000, "row 9999")


def test_a_copy_that_fails_leaves_nothing(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER PRIMARY KEY)")
    for lines, state in (("1\n2\nx\n", "22P02"), ("1\n2\n1\n", "23505"), ("1\t2\n", "22P04")):
        with pytest.raises(psycopg.Error) as raised, connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
            copy.write(lines)
        assert raised.value.sqlstate == state, raised.value
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    with pytest.raises(KeyError), connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
        copy.write("1\n2\n")
        raise KeyError("the client changes its mind")
    assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


# ---- cursors ---------------------------------------------------------------------------------------------------------------


def test_server_cursors(served: Service) -> None:
    with served.connect(autocommit=False) as connection, connection.cursor("c") as cursor:
        cursor.itersize = 1000
        cursor.execute("SELECT i FROM range(10000) r(i) ORDER BY i")
        assert cursor.fetchone() == (0,)
        assert cursor.fetchmany(3) == [(1,), (2,), (3,)]
        cursor.scroll(10)
        assert cursor.fetchone() == (14,)
        assert [row[0] for row in itertools.islice(cursor, 2500)] == list(range(15, 2515))
        assert len(cursor.fetchall()) > 0
        assert cursor.fetchone() is None


def test_a_server_cursor_keeps_to_what_it_saw(served: Service, table: str) -> None:
    served.run(f"CREATE TABLE {table} AS SELECT i FROM range(5000) r(i)")
    with served.connect(autocommit=False) as connection, connection.cursor("c") as cursor:
        cursor.execute(f"SELECT i FROM {table}")
        first = cursor.fetchmany(10)
        served.run(f"INSERT INTO {table} VALUES (-1)")
        assert sorted(first + cursor.fetchall()) == [(i,) for i in range(5000)]


def test_rows_are_streamed(connection: psycopg.Connection) -> None:
    with connection.cursor() as cursor:
        stream = cursor.stream("SELECT i FROM range(100000) r(i)")
        assert [row[0] for row in itertools.islice(stream, 1000)] == list(range(1000))
        stream.close()
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_client_cursors_that_merge_their_parameters(served: Service) -> None:
    with served.connect(cursor_factory=psycopg.ClientCursor) as connection:
        assert connection.execute("SELECT %s, %s, %s", (1, "it's", None)).fetchone() == (1, "it's", None)


# ---- pipelines ---------------------------------------------------------------------------------------------------------------


def test_a_pipeline_is_one_transaction(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER PRIMARY KEY)")
    with connection.pipeline() as pipeline:
        connection.execute(f"INSERT INTO {table} VALUES (1)")
        counted = connection.execute(f"SELECT count(*) FROM {table}")
        connection.execute(f"INSERT INTO {table} VALUES (2)")
        pipeline.sync()
        assert counted.fetchone() == (1,)
        connection.execute(f"INSERT INTO {table} VALUES (3)")
        failing = connection.execute(f"INSERT INTO {table} VALUES (1)")
        skipped = connection.execute(f"INSERT INTO {table} VALUES (4)")
        with pytest.raises(errors.UniqueViolation):
            pipeline.sync()
        for cursor in (failing, skipped):
            assert cursor.pgresult is None
    assert connection.execute(f"SELECT i FROM {table} ORDER BY i").fetchall() == [(1,), (2,)]


# ---- notices and settings ------------------------------------------------------------------------------------------------------


def test_warnings_reach_the_client(connection: psycopg.Connection) -> None:
    notices: list[tuple[str, str]] = []
    connection.add_notice_handler(lambda notice: notices.append((notice.severity, notice.sqlstate)))
    connection.execute("COMMIT")
    connection.execute("BEGIN")
    connection.execute("BEGIN")
    connection.execute("ROLLBACK")
    assert notices == [("WARNING", "25P01"), ("WARNING", "25001")]


def test_settings_are_set_and_shown(connection: psycopg.Connection, other: psycopg.Connection) -> None:
    connection.execute("SET statement_timeout = '7s'")
    connection.execute("SET application_name = 'ducks'")
    assert connection.execute("SHOW statement_timeout").fetchone() == ("7s",)
    assert connection.execute("SELECT current_setting('application_name')").fetchone() == ("ducks",)
    assert other.execute("SHOW statement_timeout").fetchone() == ("0",)
    connection.execute("RESET statement_timeout")
    assert connection.execute("SHOW statement_timeout").fetchone() == ("0",)


def test_duckdb_settings_are_the_sessions_own(connection: psycopg.Connection, other: psycopg.Connection) -> None:
    connection.execute("SET default_order = 'DESC'")
    sql = "SELECT i FROM range(3) r(i) ORDER BY i"
    assert connection.execute(sql).fetchall() == [(2,), (1,), (0,)]
    assert other.execute(sql).fetchall() == [(0,), (1,), (2,)]


def test_discard_all(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TEMP TABLE {table} AS SELECT 1")
    connection.execute("DISCARD ALL")
    assert sqlstate(connection, f"SELECT * FROM {table}") == "42P01"
