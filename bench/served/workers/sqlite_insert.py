"""sqlite_insert.py PATH WHO SECONDS: durable single-row inserts into an SQLite database in WAL mode, each acknowledged."""

import sqlite3
import sys

from loop import repeat

path, who, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
connection = sqlite3.connect(path, timeout=60, isolation_level=None)
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("PRAGMA synchronous=FULL")
connection.execute("CREATE TABLE IF NOT EXISTS inserts (client INTEGER, number INTEGER, text TEXT)")
repeat(lambda i: connection.execute("INSERT INTO inserts VALUES (?, ?, ?)", (who, i, "hello")), seconds)
