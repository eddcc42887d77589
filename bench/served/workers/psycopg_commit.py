"""psycopg_commit.py DSN MODE WHO SECONDS: inserts of one row through psycopg. MODE commit: its default, in which an execute begins
a transaction that commit() ends; autocommit."""

import sys

import psycopg
from loop import repeat

dsn, mode, who, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
connection = psycopg.connect(dsn, autocommit=mode == "autocommit")


def insert(i: int) -> None:
    connection.execute("INSERT INTO inserts VALUES (%s, %s, %s)", [who, i, "hello"])
    connection.commit()


repeat(insert, seconds)
