"""executemany.py WAY TARGET ROWS SECONDS: executemany of rows of three columns, again until the time is up, but once at least.
WAY stock: DuckDB's own, of the file TARGET; served: duckrow's, of the database TARGET that a service has; psycopg: with the
connection string TARGET."""

import sys
import time

from loop import ready, tell

way, target, rows, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
values = [(i, f"row {i}", i / 2) for i in range(rows)]
TABLE = "CREATE OR REPLACE TABLE many (a INTEGER, b VARCHAR, c DOUBLE)"
if way == "stock":
    import duckdb

    connection = duckdb.connect(target)
    connection.execute(TABLE)
elif way == "served":
    import duckrow

    connection = duckrow.get_write_connection(target, timeout=5)
    connection.execute(TABLE)
else:
    import psycopg

    whole = psycopg.connect(target, autocommit=True)
    connection = whole.cursor()
    connection.execute(TABLE)
sql = "INSERT INTO many VALUES (%s, %s, %s)" if way == "psycopg" else "INSERT INTO many VALUES (?, ?, ?)"
ready()
start = time.perf_counter()
end, now, count = start + seconds, start, 0
while now < end:
    connection.executemany(sql, values)
    count += rows
    now = time.perf_counter()
found = connection.execute("SELECT count(*) FROM many").fetchone()
assert found == (count,), f"{found} of {count} rows are there"
tell(count=count, seconds=now - start)
