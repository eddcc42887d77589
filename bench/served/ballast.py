"""Databases of some size, made by the stock DuckDB of an engine."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .engines import Engine
from .pgbench import TABLE

# Numbers that can't be compressed: 8 bytes a row.
MAKE = f"""
import duckdb, sys
path, rows = sys.argv[1], int(sys.argv[2])
with duckdb.connect() as con:
    con.execute(f"ATTACH '{{path}}' AS made (STORAGE_VERSION 'v1.4.0')")
    con.execute("SET enable_progress_bar = false")
    con.execute("USE made")
    con.execute("{TABLE}")
    con.execute(f"CREATE TABLE ballast AS SELECT hash(i) h FROM range({{rows}}) r(i)")
    con.execute("CHECKPOINT made")
"""


def make(engine: Engine, path: Path, megabytes: int) -> None:
    subprocess.run([engine.python, "-c", MAKE, path, str(megabytes * 125_000)], check=True)
