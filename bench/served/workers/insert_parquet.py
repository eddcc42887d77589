"""insert_parquet.py DB TABLE FOLDER: the seconds of one INSERT of all files into the table that TABLE makes, and of closing."""

import sys
import time

import duckdb

con = duckdb.connect(sys.argv[1])
con.execute(sys.argv[2])
began = time.monotonic()
con.execute(f"INSERT INTO t SELECT * FROM read_parquet('{sys.argv[3]}/*.parquet')")
con.close()
print(time.monotonic() - began)
