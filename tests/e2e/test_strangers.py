"""Programs that use DuckDB without duckrow."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import Processes, scaled

from e2e.helpers import ENGINES_AND_STORAGES, ask, make, start

# Each line of input: open, insert a value, stay open for so many seconds (negative: until killed), close.
STRANGER = """
    import sys, time, duckdb
    path = sys.argv[1]
    for line in sys.stdin:
        seconds, value = line.split()
        con = duckdb.connect(path)
        con.execute("INSERT INTO t VALUES (?)", [int(value)])
        print("holds", flush=True)
        if float(seconds) < 0:
            time.sleep(600)
        time.sleep(float(seconds))
        con.close()
        print("closed", flush=True)
"""

WRITER = """
    import sys, time, duckrow
    path = sys.argv[1]
    for line in sys.stdin:
        begin = time.monotonic()
        with duckrow.get_write_connection(path, timeout=30) as con:
            waited = time.monotonic() - begin
            con.execute("INSERT INTO t VALUES (?)", [int(line)])
        print(waited, flush=True)
"""


@pytest.mark.timeout(scaled(900, 120))
@pytest.mark.parametrize(("engine", "storage"), ENGINES_AND_STORAGES)
def test_a_writer_waits_for_a_stranger(
    processes: Processes, engine_pythons: dict[str, Path], engine_python: Path, tmp_db: Path, storage: str
) -> None:
    times, seconds = scaled(50, 10) // 5, scaled(3.0, 0.5)
    make(processes, engine_pythons, tmp_db, storage, "CREATE TABLE t (i INT)")
    stranger = start(processes, engine_python, STRANGER, tmp_db)
    writer = start(processes, engine_python, WRITER, tmp_db)
    for n in range(times):
        stranger.tell(f"{seconds} {2 * n}")
        stranger.expect("holds")
        writer.tell(str(2 * n + 1))
        waited = float(writer.line(60))
        stranger.expect("closed")
        assert waited >= seconds / 2
        assert ask(processes, engine_python, tmp_db, "SELECT count(*) FROM t") == [[2 * n + 2]]
    assert ask(processes, engine_python, tmp_db, "SELECT count(DISTINCT i) FROM t", "stock-write") == [[2 * times]]


def test_the_message_names_a_stranger(processes: Processes, engine_python: Path, tmp_db: Path) -> None:
    ask(processes, engine_python, tmp_db, "CREATE TABLE t (i INT)", "write")
    stranger = start(processes, engine_python, STRANGER, tmp_db)
    stranger.tell("-1 1")
    stranger.expect("holds")
    code = """
        import sys, duckrow
        try:
            duckrow.get_write_connection(sys.argv[1], timeout=0.5)
        except duckrow.BusyError as error:
            print(error.holder.pid, error.holder.kind)
            print(error)
    """
    holder, message = start(processes, engine_python, code, tmp_db).finish()
    assert holder == f"{stranger.pid} stranger"
    assert str(stranger.pid) in message and str(engine_python) in message


@pytest.mark.timeout(scaled(900, 120))
@pytest.mark.parametrize(("engine", "storage"), ENGINES_AND_STORAGES)
@pytest.mark.parametrize("killed", [False, True], ids=["closed", "killed"])
def test_the_next_reader_sees_what_a_stranger_wrote(
    processes: Processes, engine_pythons: dict[str, Path], engine_python: Path, tmp_db: Path, storage: str, killed: bool
) -> None:
    """A killed one leaves its commit in the WAL and the file itself untouched."""
    make(processes, engine_pythons, tmp_db, storage, "CREATE TABLE t (i INT)")
    stranger = start(processes, engine_python, STRANGER, tmp_db)
    for n in range(scaled(50, 10) // 5):
        stranger.tell(f"{-1 if killed else 0} {n}")
        stranger.expect("holds")
        if killed:
            stranger.kill()
            stranger = start(processes, engine_python, STRANGER, tmp_db)
        else:
            stranger.expect("closed")
        assert ask(processes, engine_python, tmp_db, "SELECT count(*), max(i) FROM t") == [[n + 1, n]]


LOOKER = """
    import sys, duckdb
    con = duckdb.connect(sys.argv[1], read_only=True)
    con.execute("FROM t").fetchall()
    print("reads", flush=True)
    sys.stdin.read()
"""


def test_a_stranger_that_only_reads_is_in_no_reader_s_way(processes: Processes, engine_python: Path, tmp_db: Path) -> None:
    """Without it the snapshot would be made anew; with it the file is shared."""
    ask(processes, engine_python, tmp_db, "CREATE TABLE t (i INT)", "write")
    ask(processes, engine_python, tmp_db, "INSERT INTO t VALUES (1)", "stock-write")
    stranger = start(processes, engine_python, LOOKER, tmp_db)
    stranger.expect("reads")
    code = """
        import sys, time, duckrow
        begin = time.monotonic()
        with duckrow.get_readonly_connection(sys.argv[1]) as con:
            print(con.execute("SELECT count(*) FROM t").fetchall()[0][0], time.monotonic() - begin)
    """
    rows, took = start(processes, engine_python, code, tmp_db).finish()[0].split()
    assert rows == "1" and float(took) < 5
    stranger.finish()
    ask(processes, engine_python, tmp_db, "INSERT INTO t VALUES (2)", "write")
    assert ask(processes, engine_python, tmp_db, "SELECT count(*) FROM t") == [[2]]
