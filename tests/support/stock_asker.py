"""Run by a Python of either engine: a stock DuckDB that is asked. Each line is a JSON list, a path and statements; the answer too:
the rows of each statement, sorted, as text, from one snapshot that was opened for them."""

from __future__ import annotations

import json
import sys

import duckdb


def ask(path: str, *statements: str) -> list[list[str]]:
    with duckdb.connect(path, read_only=True) as con:
        return [sorted(str(row) for row in con.execute(sql).fetchall()) for sql in statements]


print("ready", flush=True)
for line in sys.stdin:
    try:
        print(json.dumps(ask(*json.loads(line))), flush=True)
    except Exception as error:
        print(json.dumps(f"{type(error).__name__}: {error}"), flush=True)
