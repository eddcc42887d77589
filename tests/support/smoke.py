"""Does the installed duckrow work with this Python at all? Writes a row, reads it, asks for the status."""

import platform
import tempfile
from pathlib import Path

import duckdb
import duckrow

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "core.duckdb"
    with duckrow.get_write_connection(path) as con:
        con.execute("CREATE TABLE t (i INTEGER)")
        con.execute("INSERT INTO t VALUES (42)")
    with duckrow.get_readonly_connection(path) as con:
        assert con.execute("SELECT i FROM core.main.t").fetchall() == [(42,)]
    assert duckrow.status(path).fresh
print(f"Python {platform.python_version()}, duckdb {duckdb.__version__}: 1 passed, 0 failed")
