"""INSERTs whose values stand in the text: rows of literals go the way of rows of parameters, and mean what they did."""

from __future__ import annotations

import itertools

import psycopg
import psycopg.errors
import pytest
from support import SOAK
from support.service import Service

TYPES = [
    "BOOLEAN",
    "TINYINT",
    "USMALLINT",
    "INTEGER",
    "BIGINT",
    "UBIGINT",
    "HUGEINT",
    "FLOAT",
    "DOUBLE",
    "DECIMAL(5, 2)",
    "DECIMAL(20, 3)",
    "VARCHAR",
    "BLOB",
    "BIT",
    "UUID",
    "DATE",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMPTZ",
    "INTERVAL",
    "JSON",
    "INTEGER[]",
    "ENUM ('a', 'true', '5')",
    "STRUCT(a INTEGER)",
]
LITERALS = [
    "NULL",
    "true",
    "FALSE",
    "0",
    "5",
    "-5",
    "007",
    "127",
    "128",
    "-128",
    "70000",
    "-2147483648",
    "2147483648",
    "16777217",
    "999999999999999999",
    "1.5",
    "2.5",
    "-0.005",
    "0.1",
    "123.45",
    "123.456",
    "1234.5",
    "0.30000001192092896",
    "0.123456789012345678",
    "123456789.123456789",
    "12345678901234567890.123",
    "''",
    "'a'",
    "'5'",
    "' 5 '",
    "'1.5'",
    "'1e3'",
    "'true'",
    "'t'",
    "'nan'",
    "'it''s'",
    "'\\x41'",
    "'2024-02-29'",
    "'2024-02-30'",
    "'2024-02-29 12:34:56.789'",
    "'2024-02-29T12:34:56Z'",
    "'2024-02-29 12:34:56+02'",
    "'12:34:56'",
    "'1 day'",
    "'infinity'",
    "'epoch'",
    "'00000000-0000-0000-0000-00000000000a'",
    "'{00000000-0000-0000-0000-00000000000a}'",
    "'[1, 2]'",
    "'{\"a\": 1}'",
    "'{''a'': 1}'",
]


@pytest.mark.parametrize("kind", TYPES)
def test_they_mean_what_duckdb_takes_them_for(connection: psycopg.Connection, table: str, kind: str) -> None:
    """Parentheses around one have DuckDB read it."""
    connection.execute(f"CREATE TABLE {table} (how VARCHAR, i INTEGER, v {kind})")
    outcomes: dict[str, list[str | None]] = {"plain": [], "in parentheses": []}
    literals = LITERALS if SOAK else LITERALS[TYPES.index(kind) % 3 :: 3]
    for how, found in outcomes.items():
        for i, literal in enumerate(literals):
            value = literal if how == "plain" else f"({literal})"
            try:
                connection.execute(f"INSERT INTO {table} VALUES ('{how}', {i}, {value})")
                found.append(None)
            except psycopg.Error as error:
                found.append(error.sqlstate)
        sql = f"SELECT i, v IS NULL, typeof(v) || ' ' || v::VARCHAR FROM {table} WHERE how = %s"
        for i, is_null, text in connection.execute(sql, (how,)).fetchall():
            found[i] = "NULL" if is_null else text
    plain, duckdbs = outcomes.values()
    wrong = [(literal, mine, its) for literal, mine, its in zip(literals, plain, duckdbs, strict=True) if mine != its]
    assert wrong == [] and None not in plain


def test_several_columns_and_statements(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER PRIMARY KEY, s VARCHAR DEFAULT 'x', d DATE)")
    tags = []
    cursor = connection.execute(
        f"INSERT INTO {table} (d, i) VALUES ('2024-01-01', 1); INSERT INTO {table} VALUES (2, 'it''s', NULL);"
        f"INSERT INTO {table} VALUES (3, E'a\\tb', '2024-01-02'), (4, 'b', NULL);"
        f"INSERT INTO {table} VALUES (5, DEFAULT, '2024-01-03')"
    )
    tags.append(cursor.statusmessage)
    while cursor.nextset():
        tags.append(cursor.statusmessage)
    assert tags == ["INSERT 0 1", "INSERT 0 1", "INSERT 0 2", "INSERT 0 1"]
    rows = connection.execute(f"SELECT i, s, d::VARCHAR FROM {table} ORDER BY i").fetchall()
    assert rows == [
        (1, "x", "2024-01-01"),
        (2, "it's", None),
        (3, "a\tb", "2024-01-02"),
        (4, "b", None),
        (5, "x", "2024-01-03"),
    ]
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute(f"INSERT INTO {table} VALUES (6, 'a', NULL); INSERT INTO {table} VALUES (1, 'a', NULL)")
    assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (5,)


def test_errors_are_those_of_the_statement_as_it_came(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER NOT NULL, s VARCHAR); CREATE VIEW {table}_v AS FROM {table}")
    for sql, state in (
        ("INSERT INTO missing VALUES (1, 'a')", "42P01"),
        (f"INSERT INTO {table} VALUES (1)", "42601"),
        (f"INSERT INTO {table} VALUES (1, 'a', 2)", "42601"),
        (f"INSERT INTO {table} (i, nope) VALUES (1, 'a')", "42703"),
        (f"INSERT INTO {table} VALUES (NULL, 'a')", "23502"),
        (f"INSERT INTO {table} VALUES ('x', 'a')", "22P02"),
        (f"INSERT INTO {table} VALUES ('5000000000', 'a')", "22P02"),
    ):
        with pytest.raises(psycopg.Error) as caught:
            connection.execute(sql)
        assert caught.value.sqlstate == state and "$1" not in str(caught.value), sql
    with pytest.raises(psycopg.Error):
        connection.execute(f"INSERT INTO {table}_v VALUES (1, 'a')")
    assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_in_blocks_and_with_what_only_the_session_has(
    connection: psycopg.Connection, other: psycopg.Connection, table: str
) -> None:
    connection.execute(f"BEGIN; CREATE TABLE {table} (i INTEGER); INSERT INTO {table} VALUES (1)")
    connection.execute(f"INSERT INTO {table} VALUES (2)")
    connection.execute("COMMIT")
    assert other.execute(f"SELECT sum(i) FROM {table}").fetchone() == (3,)
    connection.execute(f"CREATE TEMP TABLE mine_{table} (i INTEGER); INSERT INTO mine_{table} VALUES (7)")
    connection.execute(f"INSERT INTO mine_{table} VALUES (8)")
    assert connection.execute(f"SELECT sum(i) FROM mine_{table}").fetchone() == (15,)


def test_they_go_into_the_lane_and_are_one_statement(served: Service, connection: psycopg.Connection, table: str) -> None:
    """A hundred texts: the first is looked at, and the others are rows of it."""
    connection.execute(f"CREATE TABLE {table} (i INTEGER, s VARCHAR)")
    before = int(dict(connection.execute("SHOW duckrow").fetchall())["core.lane_units"])
    for i in range(100):
        connection.execute(f"INSERT INTO {table} VALUES ({i}, 'row {i}')")
    after = int(dict(connection.execute("SHOW duckrow").fetchall())["core.lane_units"])
    assert after - before == 100
    expected = [(i, f"row {i}") for i in range(100)]
    assert connection.execute(f"SELECT * FROM {table} ORDER BY i").fetchall() == expected


@pytest.mark.parametrize("values", list(itertools.islice(itertools.permutations(["1", "'a'", "NULL", "2.5"], 4), 3)))
def test_client_cursors_write_them(served: Service, table: str, values: tuple[str, ...]) -> None:
    """psycopg's ClientCursor merges parameters into the text."""
    given = [{"1": 1, "'a'": "a", "NULL": None, "2.5": 2.5}[value] for value in values]
    with served.connect(cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(f"CREATE TABLE {table} (a VARCHAR, b VARCHAR, c VARCHAR, d VARCHAR)")
        connection.execute(f"INSERT INTO {table} VALUES (%s, %s, %s, %s)", given)
        found = connection.execute(f"FROM {table}").fetchone()
    assert found == tuple(None if value is None else str(value) for value in given)
