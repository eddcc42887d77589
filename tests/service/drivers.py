"""What each driver is tried with: every type that the service speaks in binary, with the edges of its range, and how DuckDB writes
them as text. A driver's own test has its values for them, in the same order; a NULL follows in each. The first and the last day of
Python's calendar are left out, which asyncpg takes for -infinity and infinity."""

from __future__ import annotations

from support.service import Service

BIGGEST = "170141183460469231731687303715884105727"
EDGES: dict[str, tuple[str, list[str]]] = {
    "bool": ("BOOLEAN", ["true", "false"]),
    "int2": ("SMALLINT", ["-32768", "32767"]),
    "int4": ("INTEGER", ["-2147483648", "0", "2147483647"]),
    "int8": ("BIGINT", ["-9223372036854775808", "9223372036854775807"]),
    "hugeint": ("HUGEINT", [f"-{BIGGEST}", "10000", BIGGEST]),
    "float4": ("FLOAT", ["1.5", "-3.4028235e+38", "inf"]),
    "float8": ("DOUBLE", ["0.1", "1.7976931348623157e+308", "5e-324", "-inf", "nan"]),
    "decimal": ("DECIMAL(18, 3)", ["-999999999999999.999", "0.001", "10000.000"]),
    "decimal38": ("DECIMAL(38, 10)", ["9999999999999999999999999999.9999999999", "-0.0000000001"]),
    "varchar": ("VARCHAR", ["", "thirteen and more bytes, naïve 🦆", 'it\'s "so"\\n\tand\nso']),
    "blob": ("BLOB", ["", "\\x00\\xFF\\x27\\x5C"]),
    "date": ("DATE", ["0001-01-02", "1970-01-01", "2024-02-29", "9999-12-30"]),
    "time": ("TIME", ["00:00:00", "23:59:59.999999"]),
    "timestamp": ("TIMESTAMP", ["0001-01-02 00:00:00", "1969-12-31 23:59:59.000001", "9999-12-30 23:59:59.999999"]),
    "timestamptz": ("TIMESTAMPTZ", ["1900-01-01 00:00:00+00", "2024-02-29 12:34:56.789012+00"]),
    "interval": ("INTERVAL", ["1 year 2 months 3 days 04:05:06.789", "-1 day", "00:00:00"]),
    "uuid": ("UUID", ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"]),
    "json": ("JSON", ['{"a":[1,null,"x"]}', "null"]),
    "int4[]": ("INTEGER[]", ["[]", "[1, NULL, -3]"]),
    "varchar[]": ("VARCHAR[]", ["['', NULL, a, 'b \"c\", {d}']"]),
    "float8[]": ("DOUBLE[]", ["[0.1, NULL, inf]"]),
    "date[]": ("DATE[]", ["[2024-02-29, NULL]"]),
    "struct": ("STRUCT(a INTEGER, b VARCHAR)", ["{'a': 1, 'b': x}", "{'a': NULL, 'b': NULL}"]),
    "map": ("MAP(VARCHAR, INTEGER)", ["{k=1, l=NULL}"]),
}

# Statements that fail on a table `name (i INTEGER PRIMARY KEY, n INTEGER NOT NULL CHECK (n > 0))` with a row (1, 1), and how.
FAILURES = {
    "INSERT INTO {0} VALUES (1, 1)": "23505",
    "INSERT INTO {0} VALUES (2, NULL)": "23502",
    "INSERT INTO {0} VALUES (2, -1)": "23514",
    "SELEC 1": "42601",
    "SELECT * FROM missing": "42P01",
    "SELECT missing FROM {0}": "42703",
    "SELECT missing(1)": "42883",
    "SELECT 'x'::INTEGER": "22P02",
    "CREATE TABLE {0} (i INTEGER)": "42P07",
    "SAVEPOINT s": "0A000",
}

# Goes on until it is cancelled.
ENDLESS = "SELECT count(*) FROM range(100000000) a, range(100000) b WHERE a.range * b.range % 7 = 3"


def make_table(served: Service, name: str) -> None:
    served.run(
        f"CREATE TABLE {name} (i INTEGER PRIMARY KEY, n INTEGER NOT NULL CHECK (n > 0))", f"INSERT INTO {name} VALUES (1, 1)"
    )


def texts(served: Service, table: str) -> list[str | None]:
    """Column v as DuckDB says it, in order of i."""
    return [row[0] for row in served.rows(f"SELECT v::VARCHAR FROM {table} ORDER BY i")]
