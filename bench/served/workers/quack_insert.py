"""quack_insert.py PORT WAY WHO SECONDS: single-row inserts through Quack. WAY attached: into the attached table, as its
documentation shows; query: the statement's text handed to the server, which is its quickest."""

import sys

import duckdb
from loop import repeat
from quack_load import load

port, way, who, seconds = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])
connection = duckdb.connect()
load(connection)
connection.execute(f"ATTACH 'quack:127.0.0.1:{port}' AS remote (TOKEN 'benchmark')")


def attached(i: int) -> None:
    connection.execute("INSERT INTO remote.inserts VALUES (?, ?, ?)", [int(who), i, "hello"])


def query(i: int) -> None:
    sql = f"INSERT INTO inserts VALUES ({who}, {i}, ''hello'')"
    connection.execute(f"SELECT * FROM quack_query_by_name('remote', '{sql}')").fetchall()


repeat({"attached": attached, "query": query}[way], seconds)
