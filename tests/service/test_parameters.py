"""Parameters whose type DuckDB leaves open, and columns that hang on them: what is told before they are bound."""

from __future__ import annotations

import struct

import psycopg
import pytest
from support.pgwire import SYNC, Wire, bind, describe, execute, framed, parse
from support.service import Service

INT4, INT8, TEXT, FLOAT8, TIMESTAMP, INTERVAL = 23, 20, 25, 701, 1114, 1186


def told(connection: psycopg.Connection, sql: str) -> tuple[list[int], list[tuple[bytes | None, int]]]:
    connection.pgconn.prepare(b"", sql.encode())
    found = connection.pgconn.describe_prepared(b"")
    assert not found.error_message, found.error_message
    return [found.param_type(i) for i in range(found.nparams)], [(found.fname(i), found.ftype(i)) for i in range(found.nfields)]


@pytest.mark.parametrize(
    ("sql", "parameters", "columns"),
    [
        ("SELECT i + $1 FROM {0}", [INT4], [(b"(i + $1)", INT4)]),
        ("SELECT i + $1 AS a, $2 * f AS b FROM {0}", [INT4, FLOAT8], [(b"a", INT4), (b"b", FLOAT8)]),
        ("SELECT ts - $1 AS a, ts + $2 AS b FROM {0}", [TIMESTAMP, INTERVAL], [(b"a", INTERVAL), (b"b", TIMESTAMP)]),
        ("SELECT s || $1 AS a FROM {0}", [TEXT], [(b"a", TEXT)]),
        ("SELECT $1 AS a", [TEXT], [(b"a", TEXT)]),
        ("SELECT range AS i FROM range($1)", [INT8], [(b"i", INT8)]),
        ("UPDATE {0} SET f = i / $1::INTEGER, i = i + $2", [INT4, INT4], []),
    ],
)
def test_what_stands_beside_them_counts(
    connection: psycopg.Connection, table: str, sql: str, parameters: list[int], columns: list[tuple[bytes, int]]
) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER, f DOUBLE, s VARCHAR, ts TIMESTAMP)")
    assert told(connection, sql.format(table)) == (parameters, columns)


def test_texts_are_read_as_what_was_told(connection: psycopg.Connection, table: str) -> None:
    """psycopg sends a str without a type, as libpq's programs do."""
    connection.execute(f"CREATE TABLE {table} (i INTEGER, d DATE); INSERT INTO {table} VALUES (1, '2024-02-28')")
    assert connection.execute(f"SELECT i + %s, (d + %s)::VARCHAR FROM {table}", ("5", "2")).fetchone() == (6, "2024-03-01")
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        connection.execute(f"SELECT i + %s FROM {table}", ("x",))
    assert connection.execute(f"SELECT i + %s FROM {table}", (2**40,)).fetchone() == (2**40 + 1,), "its own type counts"


def binary(message: bytes) -> bytes:
    """Bind with all results in binary."""
    return framed("B", message[5:-2] + struct.pack("!hh", 1, 1))


def test_nothing_comes_in_binary_that_was_told_otherwise(served: Service) -> None:
    with Wire(served.socket) as wire:
        for oid, format, wanted in ((INT4, binary, b"\0\0\0\2"), (INT8, binary, None), (INT8, bytes, b"2")):
            wire.send(parse("SELECT 1::INTEGER + $1", oids=(oid,)), describe("S"), format(bind(b"1")), execute(), SYNC)
            answer = wire.until("Z")
            rows = [message.row for message in answer if message.type == "D"]
            errors = [message.sqlstate for message in answer if message.type == "E"]
            assert (rows, errors) == ([[wanted]], []) if wanted else (rows, errors) == ([], ["0A000"])
            # Who asks about the portal is told what comes.
            wire.send(parse("SELECT 1::INTEGER + $1", oids=(oid,)), format(bind(b"1")), describe("P"), execute(), SYNC)
            assert [message.type for message in wire.until("Z")] == ["1", "2", "T", "D", "C", "Z"]
