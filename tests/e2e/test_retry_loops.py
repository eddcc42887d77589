"""Programs that use DuckDB without duckrow in a retry loop, as people do, beside writers that use duckrow."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import Processes, scaled

from e2e.helpers import ask, start

# On 2.0.0 what such a loop has written may be lost: it reads the file's headers before it has the lock.
PLAIN = """
    import sys, time, duckdb
    path, who, rows = sys.argv[1], sys.argv[2], int(sys.argv[3])
    print("ready", flush=True)
    sys.stdin.readline()
    for i in range(rows):
        while True:
            try:
                con = duckdb.connect(path)
            except duckdb.Error:
                time.sleep(0.001)
                continue
            try:
                con.execute("INSERT INTO t VALUES (?, ?)", [who, i])
                con.close()
            except duckdb.Error:
                continue
            break
    print("done", flush=True)
"""

OURS = """
    import sys, duckrow
    path, who, rows = sys.argv[1], sys.argv[2], int(sys.argv[3])
    print("ready", flush=True)
    sys.stdin.readline()
    for i in range(rows):
        with duckrow.get_write_connection(path, timeout=60) as con:
            con.execute("INSERT INTO t VALUES (?, ?)", [who, i])
    print("done", flush=True)
"""


@pytest.mark.timeout(scaled(3600, 180))
@pytest.mark.parametrize("run", range(scaled(3, 1)))
def test_what_duckrow_wrote_stays(processes: Processes, engine_pythons: dict[str, Path], tmp_db: Path, run: int) -> None:
    """Three plain programs beside two that use duckrow; what the plain ones lose is told, and is theirs."""
    python, rows = engine_pythons["2.0.0"], scaled(300, 12)
    ask(processes, python, tmp_db, "CREATE TABLE t (who VARCHAR, i BIGINT)", "write")
    writers = [start(processes, python, PLAIN, tmp_db, f"plain {n}", rows) for n in range(3)]
    writers += [start(processes, python, OURS, tmp_db, f"ours {n}", rows) for n in range(2)]
    for writer in writers:
        writer.expect("ready")
    for writer in writers:
        writer.tell()
    for writer in writers:
        writer.expect("done", scaled(900, 150))
        writer.finish()
    found = dict(ask(processes, python, tmp_db, "SELECT who, count(DISTINCT i) FROM t GROUP BY who", "stock"))
    lost = {f"plain {n}": rows - found.get(f"plain {n}", 0) for n in range(3)}
    print(f"run {run}: the plain programs lost {sum(lost.values())} of {3 * rows} rows: {lost}")
    assert [found.get(f"ours {n}") for n in range(2)] == [rows, rows]
