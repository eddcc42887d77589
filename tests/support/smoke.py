"""Does the installed duckrow work with this Python at all? Writes a row, reads it, asks for the status; is duckdb patched?"""

import os
import platform
import subprocess
import sys
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
    code = "import duckdb, sys; print(type(duckdb.connect(sys.argv[1])).__module__)"
    patched = {**os.environ, "DUCKROW_PATCH": "1"}
    assert subprocess.run([sys.executable, "-c", code, path], env=patched, capture_output=True, text=True).stdout == "duckrow\n"
print(f"Python {platform.python_version()}, duckdb {duckdb.__version__}: 1 passed, 0 failed")
