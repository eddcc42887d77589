"""scan.py PATH SECONDS: opens the file with this Python's stock DuckDB, scans a table and closes it, over and over."""

import sys

import duckdb
from loop import repeat

path, seconds = sys.argv[1], float(sys.argv[2])


def scan(_: int) -> None:
    with duckdb.connect(path, read_only=True) as connection:
        connection.execute("SELECT sum(h), count(*) FROM ballast").fetchall()


repeat(scan, seconds)
