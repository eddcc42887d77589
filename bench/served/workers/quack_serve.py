"""quack_serve.py PATH PORT: Quack, DuckDB's own client and server, serving a database until standard input ends."""

import sys

import duckdb
from loop import ready
from quack_load import load

path, port = sys.argv[1:]
connection = duckdb.connect(path)
load(connection)
connection.execute("CREATE TABLE inserts (client INTEGER, number BIGINT, text VARCHAR)")
connection.execute(f"CALL quack_serve('quack:127.0.0.1:{port}', token = 'benchmark')")
ready()
