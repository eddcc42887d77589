"""make_parquet.py FOLDER FILES ROWS: files with rows of their own, as the table of staging.py has them."""

import sys

import duckdb

folder, files, rows = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
con = duckdb.connect()
con.execute(
    f"CREATE TABLE b AS SELECT i::BIGINT id, i * 7919 % 1000003 v, 'name ' || i % 1000 s, i / 7.0 d FROM range({rows}) r(i)"
)
for n in range(files):
    con.execute(f"COPY (SELECT id + {n * rows} id, v, s, d FROM b) TO '{folder}/{n:06}.parquet'")
