"""Scripts under either engine, and what a file holds afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support import Process, Processes

ASK = """
    import json, sys
    path, sql, how = sys.argv[1:]
    if how == "stock":
        import duckdb
        con = duckdb.connect(path, read_only=True)
    elif how == "stock-write":
        import duckdb
        con = duckdb.connect(path)
    else:
        import duckrow
        con = duckrow.get_readonly_connection(path) if how == "read" else duckrow.get_write_connection(path)
    print(json.dumps(con.execute(sql).fetchall(), default=str))
    con.close()
"""


def start(processes: Processes, python: Path, code: str, *arguments: object) -> Process:
    """Runs code with that Python."""
    return processes.python(code, *arguments, python=python)


def ask(processes: Processes, python: Path, path: Path, sql: str, how: str = "read") -> list[list[Any]]:
    """The rows of one statement: how is "read", "write", or "stock" and "stock-write" for DuckDB alone."""
    return json.loads(start(processes, python, ASK, path, sql, how).finish()[-1])
