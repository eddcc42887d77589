"""The users' four rules, one test each."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support import Processes

from e2e.helpers import ask, each_sees, start

READ = """
    import sys, duckrow
    con = duckrow.get_readonly_connection(sys.argv[1])
    print(con.execute("SELECT count(*) FROM core.main.t").fetchone()[0])
    sys.stdin.readline()
    print(con.execute("SELECT count(*) FROM core.main.t").fetchone()[0])
    con.close()
"""

HOLD = """
    import sys, duckrow
    con = duckrow.get_write_connection(sys.argv[1])
    con.execute("BEGIN")
    con.execute("INSERT INTO t VALUES (2)")
    print("holds")
    sys.stdin.readline()
    con.execute("COMMIT")
    con.close()
    print("committed")
    sys.stdin.readline()
"""


def make(processes: Processes, python: Path, path: Path) -> None:
    ask(processes, python, path, "CREATE TABLE t AS SELECT 1::INT i", "write")


def test_concurrent_reads_work(processes: Processes, engine_pythons: dict[str, Path], tmp_db: Path) -> None:
    make(processes, engine_pythons["1.5.6"], tmp_db)
    readers = [start(processes, python, READ, tmp_db) for python in engine_pythons.values() for _ in range(2)]
    each_sees(readers, "1")


def test_a_single_writer_works(processes: Processes, engine_python: Path, tmp_db: Path) -> None:
    make(processes, engine_python, tmp_db)
    ask(processes, engine_python, tmp_db, "INSERT INTO t VALUES (2)", "write")
    assert ask(processes, engine_python, tmp_db, "SELECT i FROM core.main.t ORDER BY i") == [[1], [2]]
    assert ask(processes, engine_python, tmp_db, "SELECT i FROM core.main.t ORDER BY i", "stock") == [[1], [2]]


@pytest.mark.alone
def test_two_writers_fail_gracefully_with_a_timeout(processes: Processes, engine_python: Path, tmp_db: Path) -> None:
    make(processes, engine_python, tmp_db)
    holder = start(processes, engine_python, HOLD, tmp_db)
    holder.expect("holds")
    code = """
        import json, sys, time, duckdb, duckrow
        begin = time.monotonic()
        try:
            duckrow.get_write_connection(sys.argv[1], timeout=1)
        except duckdb.IOException as error:
            took = time.monotonic() - begin
            own = isinstance(error, duckrow.BusyError)
            h = error.holder
            print(json.dumps([took, own, str(error), h.pid, h.command, h.kind, h.since.timestamp(), error.waiting, error.waited]))
    """
    found = json.loads(start(processes, engine_python, code, tmp_db).finish()[0])
    took, own, message, pid, command, kind, since, waiting, waited = found
    assert own
    assert 1.0 <= took <= 1.2
    assert 1.0 <= waited <= took + 0.001  # it is in whole milliseconds
    assert (pid, kind) == (holder.pid, "write")
    assert waiting == 1
    assert since > 0
    assert str(engine_python) in command
    assert "\n" not in message
    assert str(holder.pid) in message and str(engine_python) in message
    # How long it has held: at least as long as this call waited.
    held = [float(n) for n in re.findall(r"(\d+(?:\.\d+)?) ?s\b", message)]
    assert held and max(held) >= 1.0, message
    holder.tell()
    holder.expect("committed")
    ask(processes, engine_python, tmp_db, "INSERT INTO t VALUES (3)", "write")
    assert ask(processes, engine_python, tmp_db, "SELECT count(*) FROM t") == [[3]]


def test_a_reader_and_a_writer_overlap(processes: Processes, engine_pythons: dict[str, Path], tmp_db: Path) -> None:
    old, new = engine_pythons.values()
    for writing, reading in ((old, new), (new, old)):
        path = tmp_db.with_name(f"{writing.parent.parent.name.replace('.', '_')}.duckdb")
        ask(processes, writing, path, "CREATE TABLE t AS SELECT 1::INT i", "write")
        reader = start(processes, reading, READ.replace("core.main.", ""), path)
        reader.expect("1")
        holder = start(processes, writing, HOLD, path)
        holder.expect("holds")
        # A reader that opens while the transaction is open, and one that opened before.
        assert ask(processes, reading, path, "SELECT count(*) FROM t") == [[1]]
        holder.tell()
        holder.expect("committed")
        assert ask(processes, reading, path, "SELECT count(*) FROM t") == [[2]]
        reader.tell()
        assert reader.finish() == ["1"]
