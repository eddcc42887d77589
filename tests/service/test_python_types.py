"""Every type of DuckDB's through a service: what Python gets is what a DuckDB of its own gives, by every way of fetching."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.service import Service

# A column of each type: its name, its type, its values in SQL.
TYPES = {
    "boolean": ("BOOLEAN", ["true", "false"]),
    "tinyint": ("TINYINT", ["-128", "127"]),
    "utinyint": ("UTINYINT", ["0", "255"]),
    "smallint": ("SMALLINT", ["-32768", "32767"]),
    "usmallint": ("USMALLINT", ["0", "65535"]),
    "integer": ("INTEGER", ["-2147483648", "2147483647"]),
    "uinteger": ("UINTEGER", ["0", "4294967295"]),
    "bigint": ("BIGINT", ["-9223372036854775808", "9223372036854775807"]),
    "ubigint": ("UBIGINT", ["0", "18446744073709551615"]),
    "hugeint": ("HUGEINT", ["-170141183460469231731687303715884105728", "170141183460469231731687303715884105727"]),
    "uhugeint": ("UHUGEINT", ["0", "340282366920938463463374607431768211455"]),
    "bignum": ("BIGNUM", ["'-1'", "'123456789012345678901234567890123456789012345678901234567890'"]),
    "decimal4": ("DECIMAL(4, 1)", ["-999.9", "0.1"]),
    "decimal9": ("DECIMAL(9, 9)", ["-0.999999999", "0"]),
    "decimal18": ("DECIMAL(18, 3)", ["-999999999999999.999", "0.001"]),
    "decimal38": ("DECIMAL(38, 10)", ["-9999999999999999999999999999.9999999999", "0.0000000001"]),
    "float": ("FLOAT", ["'nan'", "'inf'", "'-inf'", "0.1", "-3.4028235e38", "1e-45", "-0.0"]),
    "double": ("DOUBLE", ["'nan'", "'inf'", "'-inf'", "0.1", "1.7976931348623157e308", "5e-324", "-0.0", "1e15", "1e16", "1e-5"]),
    "varchar": ("VARCHAR", ["''", "' '", "'NULL'", "'naïve 🦆'", "e'a\\tb\\n\\\\c\"'''", "chr(0) || 'x'", "repeat('x', 5000)"]),
    "blob": ("BLOB", ["''", "'\\x00\\xFF\\x5C\"'::BLOB", "'abc'"]),
    "bit": ("BIT", ["'1'", "'0101010101010'"]),
    "date": ("DATE", ["'infinity'", "'-infinity'", "'0001-01-01'", "'9999-12-31'", "'0044-03-15 (BC)'", "'5877641-06-25 (BC)'"]),
    "time": ("TIME", ["'00:00:00'", "'23:59:59.999999'", "'24:00:00'"]),
    "time_ns": ("TIME_NS", ["'00:00:00.000000001'", "'23:59:59.999999999'"]),
    "timetz": ("TIMETZ", ["'00:00:00+00'", "'12:34:56.789-07:30'", "'24:00:00-15:59:59'", "'00:00:00+15:59:59'"]),
    "timestamp": (
        "TIMESTAMP",
        ["'infinity'", "'-infinity'", "'0001-01-01'", "'9999-12-31 23:59:59.999999'", "'290309-12-22 (BC) 00:00:00'"],
    ),
    "timestamp_s": ("TIMESTAMP_S", ["'infinity'", "'1969-12-31 23:59:59'", "'2024-02-29 12:34:56'"]),
    "timestamp_ms": ("TIMESTAMP_MS", ["'-infinity'", "'1969-12-31 23:59:59.999'", "'2024-02-29 12:34:56.789'"]),
    "timestamp_ns": ("TIMESTAMP_NS", ["'infinity'", "'1969-12-31 23:59:59.999999999'", "'2262-04-11 23:47:16.854775806'"]),
    "timestamptz": ("TIMESTAMPTZ", ["'infinity'", "'-infinity'", "'2024-02-29 12:34:56.789+05'", "'1900-01-01 00:00:00.000001Z'"]),
    "interval": (
        "INTERVAL",
        [
            "'1 month 2 days 03:04:05.678'",
            "'-1 year -2 days'",
            "'-1 month 1 day -00:00:00.000001'",
            "'0 seconds'",
            "'1000000 hours'",
        ],
    ),
    "uuid": ("UUID", ["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"]),
    "enum": ("ENUM ('sad', 'it''s', 'a,]}\"')", ["'sad'", "'it''s'", "'a,]}\"'"]),
    "json": ("JSON", ['\'{"a": [1, null, "x"]}\'', "'null'", "'\"]\"'"]),
    "list": ("INTEGER[]", ["[1, NULL, 3]", "[]"]),
    "list_varchar": ("VARCHAR[]", ["['', NULL, 'NULL', 'a,]}\"''\\', e'\\n']", "[]"]),
    "list_list": ("VARCHAR[][]", ["[['a]b'], [], NULL, [NULL]]"]),
    "list_timestamptz": ("TIMESTAMPTZ[]", ["['2024-02-29 12:34:56+05'::TIMESTAMPTZ, 'infinity'::TIMESTAMPTZ]"]),
    "list_blob": ("BLOB[]", ["['\\x00]'::BLOB, NULL]"]),
    "list_enum": ("ENUM ('a', 'b]')[]", ["['a', 'b]', NULL]"]),
    "list_json": ("JSON[]", ['[\'{"a": "]"}\'::JSON, NULL]']),
    "list_double": ("DOUBLE[]", ["['nan'::DOUBLE, 0.1, NULL, '-inf'::DOUBLE]"]),
    "list_interval": ("INTERVAL[]", ["['1 month -2 days 00:00:01'::INTERVAL]"]),
    "list_decimal": ("DECIMAL(20, 3)[]", ["[1.5, -2]"]),
    "array": ("INTEGER[3]", ["[1, 2, 3]", "[4, NULL, 6]"]),
    "array_varchar": ("VARCHAR[2]", ["['a]', NULL]"]),
    "array_array": ("INTEGER[2][3]", ["[[1, 2], [3, 4], [5, 6]]"]),
    "struct": (
        'STRUCT(a INTEGER, "b c" VARCHAR, "it\'s" INTEGER)',
        ["{'a': 1, 'b c': '}\",', 'it''s': NULL}", "row(NULL, NULL, 2)"],
    ),
    "struct_struct": ("STRUCT(x STRUCT(y VARCHAR[], z DATE))", ["{'x': {'y': ['}'], 'z': '2024-01-01'}}", "{'x': NULL}"]),
    "list_struct": ("STRUCT(a INTEGER, b VARCHAR)[]", ["[{'a': 1, 'b': '}'}, NULL]"]),
    "map": ("MAP(VARCHAR, INTEGER)", ["MAP {'a': 1, '=,}': NULL}", "MAP {}"]),
    "map_nested": ("MAP(INTEGER, STRUCT(a VARCHAR[]))", ["MAP {1: {'a': ['}', NULL]}, 2: NULL}"]),
    "union": (
        "UNION(i INTEGER, s VARCHAR, l VARCHAR[])",
        ["union_value(s := '1')", "union_value(i := 1)", "union_value(l := ['1]'])", "union_value(s := NULL::VARCHAR)"],
    ),
    "list_union": ("UNION(i INTEGER, s VARCHAR)[]", ["[union_value(s := '1')::UNION(i INTEGER, s VARCHAR), NULL]"]),
}

# Prints where a way of fetching gives something else than stock DuckDB: by the reader here, or by the service within a transaction.
FETCH = """
import sys, duckdb, duckrow, pandas, pyarrow
names = sys.argv[2].split(",")
stock = duckdb.connect(str(sys.argv[1]).replace("core.duckdb", "core.read.duckdb"), read_only=True)
served = duckrow.get_write_connection(sys.argv[1])

def arrow(con):
    table = con.to_arrow_table() if hasattr(con, "to_arrow_table") else con.fetch_arrow_table()
    return str(table.schema), repr(table.to_pydict())

def frame(con):
    df = con.df()
    return str(df.dtypes.to_dict()), repr(df.to_dict("list"))

def polars(con):
    df = con.pl()
    return str(df.schema), repr(df.to_dict(as_series=False))

ways = {
    "rows": lambda con: (str(con.description), repr(con.fetchall())),
    "one": lambda con: repr([con.fetchone(), con.fetchmany(2), con.fetchall()]),
    "df": frame,
    "arrow": arrow,
}
if hasattr(duckdb.DuckDBPyConnection, "pl"):
    ways["pl"] = polars

def outcome(way, con):
    try:
        return way(con)
    except BaseException as error:  # some values are beyond Python's: the same error then
        return type(error).__name__, str(error)

questions = [f"SELECT v FROM ty_{name} ORDER BY i" for name in names] + ["SELECT v FROM ty_varchar WHERE false"]
told = {}
for con in (stock, served):
    told[con] = {(sql, kind): outcome(way, con.execute(sql)) for sql in questions for kind, way in ways.items()}
served.begin()
for key, expected in told[stock].items():
    sql, kind = key
    here, there = told[served][key], outcome(ways[kind], served.execute(sql))
    if not expected == here == there:
        print(sql, kind, "stock", expected, "here", here, "there", there, sep="\\n  ")
"""


@pytest.fixture(scope="module")
def python(engine_pythons: dict[str, Path], version: str) -> Path:
    """With the DuckDB that the service has."""
    return engine_pythons[version]


@pytest.fixture(scope="module")
def filled(shared_service: Service) -> Iterator[Service]:
    for name, (kind, literals) in TYPES.items():
        rows = [f"INSERT INTO ty_{name} VALUES ({i}, {literal})" for i, literal in enumerate(["NULL", *literals, "NULL"])]
        shared_service.run("; ".join([f"CREATE TABLE ty_{name} (i INTEGER, v {kind})", *rows]))
    yield shared_service


def run(python: Path, code: str, *arguments: object) -> str:
    argv = [str(python), "-c", code, *map(str, arguments)]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=100)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_every_type_is_fetched_as_from_duckdb(filled: Service, python: Path) -> None:
    assert run(python, FETCH, filled.path, ",".join(TYPES)) == ""


PARAMETERS = r"""
import sys, datetime as d, uuid, duckdb, duckrow, numpy, pandas
from decimal import Decimal as D
east = d.timezone(d.timedelta(hours=5, minutes=30))
values = [
    0, -1, 2**31 - 1, 2**31, -2**31 - 1, 2**63 - 1, 2**63, 2**64, -2**63 - 1, 2**127, 1.5, float("nan"), float("inf"), -0.0,
    5e-324, True, False, None, "", "a", "it's \ \n 🦆", "a\0b", b"", b"\0\xff'", bytearray(b"x"), memoryview(b"y"), d.date(1,
    1, 1), d.date.max, d.datetime(2024, 2, 29, 1, 2, 3, 4), d.datetime.max, d.datetime.min, d.datetime(2024, 2, 29, 1, 2, 3,
    4, tzinfo=east), d.time(1, 2, 3, 4), d.time(1, 2, 3, tzinfo=east), d.timedelta(days=40, seconds=3),
    d.timedelta(microseconds=-1), uuid.UUID(int=5), uuid.UUID(int=2**128 - 1), D("1.50"), D("-0.05"), D("0"), D("NaN"),
    D("Infinity"), D("1E-5"), D("12345678901234567890123456789012345678"), [1, None], [], ["a]", None, "'", ""], [[1], [2,
    3], []], (1, 2), {"a": 1, "b c": "}"}, {"key": [1, 2], "value": ["=", None]}, {"a": {"b": [D("1.5")]}}, [{"a": "}"},
    {"a": None}], [b"]"], numpy.array([1, 2]), numpy.datetime64("2020-01-01"),
    pandas.Timestamp("2020-01-01 00:00:00.000000001"), pandas.Timestamp("2020-01-01", tz="UTC"), pandas.NaT, pandas.NA,
    duckdb.Value(7, "UTINYINT"), duckdb.Value("1", "UNION(i INTEGER, s VARCHAR)"),
]
stock = duckdb.connect()
served = duckrow.get_write_connection(sys.argv[1])
stock.execute("CREATE TABLE written (i INTEGER, v VARCHAR)")
served.execute("CREATE TABLE written (i INTEGER, v VARCHAR)")

def outcome(con, sql, parameters):
    try:
        return repr(con.execute(sql, parameters).fetchall()), str(con.description[-1][1])
    except duckdb.Error as error:
        return type(error).__name__, str(error)

for i, value in enumerate(values):
    for sql, parameters in (
        ("SELECT typeof($1), $1::VARCHAR, $1 AS v", [value]),
        ("SELECT ? AS i, typeof(?), ? AS v", [i, value, value]),
        ("SELECT $name AS v, $i", {"i": i, "name": value}),
        ("INSERT INTO written VALUES (?, ?) RETURNING v", [i, value]),
    ):
        expected, here = outcome(stock, sql, parameters), outcome(served, sql, parameters)
        served.begin()
        there = outcome(served, sql, parameters)
        served.rollback()
        if not expected == here == there:
            print(repr(value), sql, "stock", expected, "here", here, "there", there, sep="\n  ")
rows = [con.execute("SELECT * FROM written ORDER BY i").fetchall() for con in (stock, served)]
if repr(rows[0]) != repr(rows[1]):
    print(rows)
"""


def test_parameters_are_of_the_types_that_duckdb_gives_them(shared_service: Service, python: Path) -> None:
    assert run(python, PARAMETERS, shared_service.path) == ""
