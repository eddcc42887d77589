"""However a connection ends, its turn is given back, and nobody else's lock goes with it."""

from __future__ import annotations

import gc
import os
import sys
import textwrap
import threading
import time
from pathlib import Path

import duckdb
import duckrow
import pytest
from support import Processes, in_threads

# Takes a turn, inserts, and tells how long it waited.
NEXT = """
    import sys, time, duckrow
    begin = time.monotonic()
    with duckrow.get_write_connection(sys.argv[1], timeout=float(sys.argv[2])) as con:
        waited = time.monotonic() - begin
        con.execute("INSERT INTO t VALUES (1000)")
    print(waited)
"""


@pytest.fixture
def db(tmp_db: Path) -> Path:
    with duckrow.get_write_connection(tmp_db) as con:
        con.execute("CREATE TABLE t (i INTEGER)")
    return tmp_db


def rows(path: Path, where: str = "true") -> int:
    with duckrow.get_readonly_connection(path) as con:
        return int(con.execute(f"SELECT count(*) FROM t WHERE {where}").fetchall()[0][0])


def next_turn(processes: Processes, path: Path, timeout: float = 10) -> None:
    processes.python(NEXT, path, timeout).finish()


def test_a_collected_connection_gives_the_turn_back(db: Path, processes: Processes) -> None:
    con = duckrow.get_write_connection(db)
    con.execute("INSERT INTO t VALUES (1)")
    con.execute("BEGIN")
    con.execute("INSERT INTO t VALUES (2)")
    del con
    gc.collect()
    next_turn(processes, db)
    assert rows(db) == 2 and rows(db, "i = 2") == 0


def test_a_cursor_left_behind_keeps_nothing_from_others(db: Path, processes: Processes) -> None:
    con = duckrow.get_write_connection(db, idle_release=60)
    cursor = con.cursor()
    cursor.execute("INSERT INTO t VALUES (1)")
    con.close()
    assert not duckrow.status(db).held and rows(db) == 1
    next_turn(processes, db)
    cursor.execute("INSERT INTO t VALUES (2)")
    assert duckrow.status(db).held
    del cursor
    gc.collect()
    assert not duckrow.status(db).held and rows(db) == 3


def test_a_half_read_result_writes_nothing_outside_of_the_turn(db: Path, processes: Processes) -> None:
    """Where it keeps the file open after DETACH, the turn stays too."""
    with duckrow.get_write_connection(db) as con:
        con.execute("INSERT INTO t SELECT range FROM range(100000)")
        reader = con.sql("SELECT i FROM t").to_arrow_reader(10)
        next(reader)
    if duckrow.status(db).held:
        with pytest.raises(duckrow.BusyError), duckrow.get_write_connection(db, timeout=0.1):
            pass
    del reader
    gc.collect()
    next_turn(processes, db)
    assert rows(db, "i = 1000") == 2


END = """
    import sys, threading, duckrow
    path, how = sys.argv[1:]
    con = duckrow.get_write_connection(path)
    con.execute("INSERT INTO t VALUES (1)")
    con.execute("BEGIN")
    con.execute("INSERT INTO t VALUES (2)")
    reader = duckrow.get_readonly_connection(path)
    print("open", flush=True)
    if how == "exception":
        raise ValueError
    if how == "thread":
        threading.Thread(target=lambda: None).start()
    if how == "exit":
        sys.exit(3)
    if how == "cycle":
        class Node: pass
        node = Node(); node.self, node.con = node, con
        del con, node
"""


@pytest.mark.parametrize("how", ["end", "exception", "exit", "thread", "cycle"])
def test_the_end_of_the_interpreter_gives_the_turn_back(db: Path, processes: Processes, how: str) -> None:
    ended = processes.python(END, db, how)
    ended.expect("open")
    assert ended.wait() == {"exception": 1, "exit": 3}.get(how, 0)
    if how != "exception":
        assert ended.errors == ""
    assert rows(db) == 1, "what was committed is published, what was not is gone"
    next_turn(processes, db, 0)


MULTIPROCESSING = """
    import multiprocessing, sys, duckrow

    def insert(path, i):
        with duckrow.get_write_connection(path, timeout=30) as con:
            con.execute("INSERT INTO t VALUES (?)", [i])
        with duckrow.get_readonly_connection(path) as con:
            return con.execute("SELECT count(*) FROM t WHERE i = ?", [i]).fetchall()[0][0]

    if __name__ == "__main__":
        path, how = sys.argv[1:]
        with duckrow.get_write_connection(path) as con:
            con.execute("INSERT INTO t VALUES (-1)")
        reader = duckrow.get_readonly_connection(path)
        with multiprocessing.get_context(how).Pool(4) as pool:
            seen = pool.starmap(insert, [(path, i) for i in range(20)])
        print(seen == [1] * 20, reader.execute("SELECT count(*) FROM t").fetchall())
        reader.close()
        print(insert(path, 99))
"""


@pytest.mark.parametrize("how", ["fork", "spawn", "forkserver"])
def test_multiprocessing(db: Path, processes: Processes, tmp_path: Path, how: str) -> None:
    """The parent has a reader open, and engines kept for the next connection."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(MULTIPROCESSING))
    told = processes.start(sys.executable, script, str(db), how).finish()
    assert told == ["True [(1,)]", "1"]
    assert rows(db) == 22


def test_a_fork_leaves_the_parent_s_turn_alone(db: Path, processes: Processes) -> None:
    con = duckrow.get_write_connection(db, idle_release=0)
    con.execute("INSERT INTO t VALUES (1)")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            con.execute("SELECT 1")
        except duckrow.ForkedError:
            con.close()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    stranger = processes.python("import sys, duckdb; duckdb.connect(sys.argv[1])", db)
    assert stranger.wait() == 1
    assert "Could not set lock" in stranger.errors
    con.close()
    assert rows(db) == 1


KILLED = """
    import os, sys, time, duckrow
    con = duckrow.get_write_connection(sys.argv[1], idle_release=0)
    con.execute("INSERT INTO t VALUES (1)")
    child = os.fork()
    if child == 0:
        time.sleep(600)
    print(child, flush=True)
    time.sleep(600)
"""


def test_a_child_of_a_killed_holder_has_no_part_in_the_turn(db: Path, processes: Processes) -> None:
    holder = processes.python(KILLED, db)
    child = int(holder.line())
    holder.kill()
    assert os.path.exists(f"/proc/{child}")
    next_turn(processes, db, 1)
    assert rows(db) == 2


def test_threads_that_write(db: Path, processes: Processes) -> None:
    other = processes.python(NEXT, db, 30)

    def write(number: int) -> None:
        for i in range(20):
            with duckrow.get_write_connection(db, timeout=30) as con:
                con.execute("INSERT INTO t VALUES (?)", [number * 100 + i])

    in_threads(8, write)
    other.finish()
    assert rows(db) == 161 and rows(db, "i < 1000") == 160


def test_threads_that_read_and_write(db: Path) -> None:
    acknowledged = [0]

    def work(number: int) -> None:
        for _ in range(30):
            if number == 0:
                with duckrow.get_write_connection(db) as con:
                    con.execute("INSERT INTO t VALUES (1)")
                acknowledged[0] += 1
            else:
                must_see = acknowledged[0]
                assert rows(db) >= must_see

    in_threads(6, work)
    assert rows(db) == 30


def test_threads_that_share_a_connection_s_cursors(db: Path) -> None:
    with duckrow.get_write_connection(db) as con:

        def work(number: int) -> None:
            with con.cursor() as cursor:
                cursor.execute("INSERT INTO t VALUES (?)", [number])

        in_threads(8, work)
        assert con.execute("SELECT count(*) FROM t").fetchall() == [(8,)]
    assert rows(db) == 8


def test_sql_that_closes_the_file_drops_no_lock(db: Path, processes: Processes) -> None:
    """read_blob('own.duckdb') opens and closes the file, and any close() drops the process's POSIX locks on it."""
    code = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('INSERT INTO t VALUES (666)')"
    refused = f'Could not set lock on file "{db}"'  # not on its WAL, which would keep a stranger out too, once there is one
    with duckrow.get_write_connection(db, idle_release=0) as con:
        con.execute("INSERT INTO t VALUES (1)")
        con.execute(f"SELECT octet_length(content) FROM read_blob('{db}')").fetchall()
        stranger = processes.python(code, db)
        assert stranger.wait() == 1 and refused in stranger.errors
        with open(db, "rb") as file:
            file.read(10)
        con.execute("INSERT INTO t VALUES (2)")
        stranger = processes.python(code, db)
        assert stranger.wait() == 1 and refused in stranger.errors
    assert rows(db) == 2


def test_a_closed_connection_says_so(db: Path) -> None:
    con = duckrow.get_write_connection(db)
    con.close()
    con.close()
    with pytest.raises(duckdb.ConnectionException, match="closed"):
        con.execute("SELECT 1")
    reader = duckrow.get_readonly_connection(db)
    reader.close()
    with pytest.raises(duckdb.ConnectionException, match="closed"):
        reader.execute("SELECT 1")


def test_waiting_does_not_keep_other_threads_from_running(db: Path, processes: Processes) -> None:
    holder = processes.python(KILLED.replace("os.fork()", "1"), db)
    holder.expect("1")
    ticks = [0]
    stop = threading.Event()

    def tick() -> None:
        while not stop.is_set():
            ticks[0] += 1
            time.sleep(0.01)

    ticking = threading.Thread(target=tick)
    ticking.start()
    with pytest.raises(duckrow.BusyError):
        duckrow.get_write_connection(db, timeout=0.5)
    stop.set()
    ticking.join()
    assert ticks[0] > 10
