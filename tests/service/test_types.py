"""Every type through the service, as text and binary, against what stock DuckDB says about the same rows at the path for
readers."""

from __future__ import annotations

import datetime
import json
import math
import struct
import subprocess
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from support.service import Service

Value = Any


def same(value: Value) -> Value:
    return value


def as_list(value: Value) -> Value:
    """Arrays of DuckDB are tuples."""
    return [as_list(each) for each in value] if isinstance(value, (list, tuple)) else value


def as_json(value: Value) -> Value:
    return json.loads(value) if isinstance(value, str) else value


def as_float32(value: Value) -> Value:
    return value if value is None else struct.unpack("f", struct.pack("f", value))[0]


def as_seconds(value: Value) -> Value:
    """A moment, whatever its zone."""
    return value if value is None else (value - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)).total_seconds()


# The type, values in SQL, the oid it travels by, how stock DuckDB is asked for the values, how those become psycopg's, and
# psycopg's become comparable.
TYPES: dict[str, tuple[str, list[str], int, str, Callable, Callable]] = {
    "boolean": ("BOOLEAN", ["true", "false"], 16, "v", same, same),
    "tinyint": ("TINYINT", ["-128", "0", "127"], 21, "v", same, same),
    "utinyint": ("UTINYINT", ["0", "255"], 21, "v", same, same),
    "smallint": ("SMALLINT", ["-32768", "32767"], 21, "v", same, same),
    "usmallint": ("USMALLINT", ["0", "65535"], 23, "v", same, same),
    "integer": ("INTEGER", ["-2147483648", "2147483647"], 23, "v", same, same),
    "uinteger": ("UINTEGER", ["0", "4294967295"], 20, "v", same, same),
    "bigint": ("BIGINT", ["-9223372036854775808", "9223372036854775807"], 20, "v", same, same),
    "ubigint": ("UBIGINT", ["0", "18446744073709551615"], 1700, "v", same, same),
    "hugeint": (
        "HUGEINT",
        ["-170141183460469231731687303715884105727", "10000", "170141183460469231731687303715884105727"],
        1700,
        "v",
        same,
        same,
    ),
    "uhugeint": ("UHUGEINT", ["0", "340282366920938463463374607431768211455"], 1700, "v", same, same),
    "decimal(4)": ("DECIMAL(4, 1)", ["-999.9", "0", "0.1", "999.9"], 1700, "v", same, same),
    "decimal(18)": ("DECIMAL(18, 3)", ["-999999999999999.999", "10000.000"], 1700, "v", same, same),
    "decimal(38)": ("DECIMAL(38, 10)", ["-9999999999999999999999999999.9999999999", "0.0000000001"], 1700, "v", same, same),
    "float": ("FLOAT", ["0.1", "-3.4028235e38", "1e-45", "-0.0", "'inf'"], 700, "v", same, as_float32),
    "double": ("DOUBLE", ["0.1", "1.7976931348623157e308", "5e-324", "'-inf'", "123456789.123456789"], 701, "v", same, same),
    "varchar": ("VARCHAR", ["''", "'a'", "'naïve 🦆'", "e'tab\\tline\\n\\\\'", "repeat('x', 100000)"], 25, "v", same, same),
    "enum": ("ENUM ('sad', 'it''s')", ["'sad'", "'it''s'"], 25, "v", same, same),
    "bit": ("BIT", ["'1'", "'0101'"], 25, "v::VARCHAR", same, same),
    "json": ("JSON", ['\'{"a": [1, null, "x"]}\'', "'1'", "'null'"], 114, "v::VARCHAR", as_json, same),
    "blob": ("BLOB", ["''", "'\\x00\\xFF'::BLOB", "'abc'"], 17, "v", same, same),
    "uuid": ("UUID", ["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"], 2950, "v", same, same),
    "date": ("DATE", ["'0001-01-01'", "'1970-01-01'", "'2024-02-29'", "'9999-12-31'"], 1082, "v", same, same),
    "time": ("TIME", ["'00:00:00'", "'23:59:59.999999'"], 1083, "v", same, same),
    "timetz": ("TIMETZ", ["'00:00:00+00'", "'12:34:56.789-07:30'"], 1266, "v", same, same),
    "timestamp": ("TIMESTAMP", ["'0001-01-01 00:00:00'", "'2024-02-29 12:34:56.789012'"], 1114, "v", same, same),
    "timestamp_s": ("TIMESTAMP_S", ["'2024-02-29 12:34:56'"], 1114, "v", same, same),
    "timestamp_ms": ("TIMESTAMP_MS", ["'2024-02-29 12:34:56.789'"], 1114, "v", same, same),
    "timestamp_ns": ("TIMESTAMP_NS", ["'2024-02-29 12:34:56.789012345'"], 1114, "v::TIMESTAMP", same, same),
    "timestamptz": (
        "TIMESTAMPTZ",
        ["'2024-02-29 12:34:56.789+05'", "'1900-01-01 00:00:00Z'"],
        1184,
        "epoch_us(v) / 1e6",
        same,
        as_seconds,
    ),
    "interval": ("INTERVAL", ["'1 month 2 days 03:04:05.678'", "'-1 day'", "'0 seconds'"], 1186, "v", same, same),
    "list of integer": ("INTEGER[]", ["[1, NULL, 3]", "[]"], 1007, "v", as_list, same),
    "list of varchar": ("VARCHAR[]", ["['a', NULL, 'it''s', 'NULL', '', '\"{}, \\']"], 1009, "v", as_list, same),
    "list of double": ("DOUBLE[]", ["[0.1, NULL, 'inf'::DOUBLE]"], 1022, "v", as_list, same),
    "list of boolean": ("BOOLEAN[]", ["[true, false, NULL]"], 1000, "v", as_list, same),
    "list of date": ("DATE[]", ["['2024-02-29', NULL]"], 1182, "v", as_list, same),
    "list of decimal": ("DECIMAL(10, 2)[]", ["[1.50, NULL]"], 1231, "v", as_list, same),
    "list of uuid": ("UUID[]", ["['00000000-0000-0000-0000-000000000001']"], 2951, "v", as_list, same),
    "array": ("INTEGER[3]", ["[1, 2, 3]", "[4, NULL, 6]"], 1007, "v", as_list, same),
    "array of arrays": ("INTEGER[2][3]", ["[[1, 2], [3, 4], [5, 6]]"], 1007, "v", as_list, same),
    "list of lists": ("INTEGER[][]", ["[[1], [2, 3], []]"], 114, "v", same, same),
    "struct": ("STRUCT(a INTEGER, b VARCHAR)", ["{'a': 1, 'b': 'x \"y\"'}", "{'a': NULL, 'b': NULL}"], 114, "v", same, same),
    "list of struct": ("STRUCT(a INTEGER)[]", ["[{'a': 1}, NULL]"], 114, "v", same, same),
    "map": ("MAP(VARCHAR, INTEGER)", ["MAP {'a': 1, 'b': NULL}"], 114, "to_json(v)::VARCHAR", as_json, same),
    "union": (
        "UNION(i INTEGER, s VARCHAR)",
        ["union_value(s := 'x')", "union_value(i := 1)"],
        114,
        "to_json(v)::VARCHAR",
        as_json,
        same,
    ),
}

READER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=True)
connection.execute("SET TimeZone = 'UTC'")
for line in sys.stdin:
    print(repr([row[0] for row in connection.execute(line).fetchall()]))
"""
NAMES = {"datetime": datetime, "Decimal": Decimal, "UUID": UUID, "inf": math.inf, "nan": math.nan}


def name_of(kind: str) -> str:
    return "ty_" + "".join(c if c.isalnum() else "_" for c in kind)


@pytest.fixture(scope="module")
def stock_values(shared_service: Service, stock_python: Path) -> dict[str, list[Value]]:
    """A table of each type, written through the service, and its values as stock DuckDB reads them."""
    questions = []
    with shared_service.connect(autocommit=False) as connection:
        for kind, (sql, literals, _, ask, *_rest) in TYPES.items():
            rows = [f"INSERT INTO {name_of(kind)} VALUES ({i}, {literal})" for i, literal in enumerate([*literals, "NULL"])]
            connection.execute(f"CREATE TABLE {name_of(kind)} (i INTEGER, v {sql})")
            connection.execute("; ".join(rows))
            questions.append(f"SELECT {ask} FROM {name_of(kind)} ORDER BY i")
    argv = [str(stock_python), "-c", READER, str(shared_service.read_path)]
    ended = subprocess.run(argv, input="\n".join(questions), capture_output=True, text=True, check=True, timeout=60)
    # repr() of values, read back by name: UUIDs, Decimals and dates are calls.
    answers = [eval(line, {"__builtins__": {}}, NAMES) for line in ended.stdout.splitlines()]
    return dict(zip(TYPES, answers, strict=True))


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
@pytest.mark.parametrize("kind", TYPES)
def test_values_are_those_of_stock_duckdb(
    stock_values: dict[str, list[Value]], connection: psycopg.Connection, kind: str, binary: bool
) -> None:
    oid, of_stock, of_psycopg = TYPES[kind][2], TYPES[kind][4], TYPES[kind][5]
    cursor = connection.cursor(binary=binary)
    cursor.execute(f"SELECT v FROM {name_of(kind)} ORDER BY i")
    assert cursor.description[0].type_code == oid
    found = [of_psycopg(row[0]) for row in cursor.fetchall()]
    expected = [of_stock(value) for value in stock_values[kind]]
    assert expected[-1] is None and len(expected) == len(TYPES[kind][1]) + 1
    assert found == expected


@pytest.mark.parametrize("parameter_format", ["%t", "%b"], ids=["text", "binary"])
@pytest.mark.parametrize("kind", [kind for kind, spec in TYPES.items() if spec[2] not in (114,) and kind not in ("bit",)])
def test_values_come_back_as_parameters(
    stock_values: dict[str, list[Value]], connection: psycopg.Connection, table: str, kind: str, parameter_format: str
) -> None:
    """What was read goes in again, in both formats, and equals itself."""
    connection.execute(f"CREATE TABLE {table} AS FROM {name_of(kind)} LIMIT 0")
    rows = connection.execute(f"SELECT i, v FROM {name_of(kind)} ORDER BY i").fetchall()
    for row in rows:
        connection.execute(f"INSERT INTO {table} VALUES (%s, {parameter_format})", row)
    lost = connection.execute(
        f"SELECT count(*) FROM {table} a JOIN {name_of(kind)} b USING (i) WHERE a.v IS DISTINCT FROM b.v"
    ).fetchone()
    if kind == "timestamp_ns":  # PostgreSQL's have microseconds
        assert lost == (1,)
    else:
        assert lost == (0,)
    assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (len(rows),)


# As psql and drivers without a type's knowledge see them.
TEXTS = [
    ("true", "t"),
    ("0.1::FLOAT", "0.1"),
    ("1e15::DOUBLE", "1e+15"),
    ("'nan'::DOUBLE", "NaN"),
    ("'-inf'::DOUBLE", "-Infinity"),
    ("1.50::DECIMAL(5, 2)", "1.50"),
    ("'\\x0A'::BLOB", "\\x0a"),
    ("'infinity'::DATE", "infinity"),
    ("'-infinity'::TIMESTAMP", "-infinity"),
    ("'0044-03-15 (BC)'::DATE", "0044-03-15 BC"),
    ("TIME '24:00:00'", "24:00:00"),
    ("'12:00:00+05:30'::TIMETZ", "12:00:00+05:30"),
    ("'2024-02-29 12:00:00+00'::TIMESTAMPTZ", "2024-02-29 12:00:00+00"),
    ("INTERVAL '1 year 2 days 3 seconds'", "1 year 2 days 00:00:03"),
    ("[1, NULL, 3]", "{1,NULL,3}"),
    ("['a b', 'NULL', '', NULL]", '{"a b","NULL","",NULL}'),
    ("[[1, 2], [3]]", "[[1,2],[3]]"),
    ("{'a': 1, 'b': [NULL]}", '{"a":1,"b":[null]}'),
    ("MAP {'k': 1.5}", '{"k":1.5}'),
]


@pytest.mark.parametrize(("sql", "expected"), TEXTS)
def test_text_is_postgresqls(connection: psycopg.Connection, sql: str, expected: str) -> None:
    connection.execute("SET TimeZone = 'UTC'")
    assert connection.pgconn.exec_(f"SELECT {sql}".encode()).get_value(0, 0).decode() == expected
