"""The promises of embedded duckrow, with real processes of both engines: nothing lost, nobody refused, order kept."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import duckrow
import pytest
from support import Processes, scaled

WRITER = """
import sys, duckrow
path, who, cycles = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
print("ready")
sys.stdin.readline()
for i in range(cycles):
    with duckrow.get_write_connection(path, timeout=60) as con:
        con.execute("INSERT INTO t VALUES (?, ?)", [who, i])
print("done")
"""

HOLDER = """
import sys, duckrow
con = duckrow.get_write_connection(sys.argv[1])
con.execute("BEGIN")
con.execute("INSERT INTO t VALUES (99, 99)")
print("held")
sys.stdin.readline()
con.execute("COMMIT")
con.close()
print("done")
"""

READER = """
import sys, time, duckrow
path, seconds = sys.argv[1], float(sys.argv[2])
end, reads, slowest = time.monotonic() + seconds, 0, 0.0
print("ready")
while time.monotonic() < end:
    start = time.monotonic()
    with duckrow.get_readonly_connection(path, timeout=0.5) as con:
        (rows,), = con.execute("SELECT count(*) FROM core.main.t").fetchall()
    slowest = max(slowest, time.monotonic() - start)
    reads += 1
print(reads, rows)
"""

STRANGER = """
import sys, time, duckdb
con = duckdb.connect(sys.argv[1])
con.execute("INSERT INTO t VALUES (77, ?)", [int(sys.argv[2])])
print("held")
time.sleep(float(sys.argv[3]))
con.close()
print("done")
"""


def make(path: Path) -> Path:
    with duckrow.get_write_connection(path) as con:
        con.execute("CREATE TABLE t (who INTEGER, i INTEGER)")
    return path


def count(path: Path, where: str = "true") -> int:
    with duckrow.get_readonly_connection(path) as con:
        return int(con.execute(f"SELECT count(*) FROM t WHERE {where}").fetchall()[0][0])


# ---- the users' four tests ----


def test_concurrent_reads_work(tmp_db: Path, processes: Processes, engine_mix: Callable[[], Path]) -> None:
    make(tmp_db)
    readers = [processes.python(READER, tmp_db, 1.0, python=engine_mix()) for _ in range(4)]
    for reader in readers:
        reader.expect("ready")
    for reader in readers:
        reads, rows = map(int, reader.finish()[0].split())
        assert reads > 0
        assert rows == 0


def test_single_writer_works(tmp_db: Path) -> None:
    make(tmp_db)
    with duckrow.get_write_connection(tmp_db) as con:
        assert isinstance(con, duckdb.DuckDBPyConnection)
        con.execute("INSERT INTO t VALUES (1, 1)")
    assert count(tmp_db) == 1


def test_two_writers_fail_gracefully_with_a_timeout(tmp_db: Path, processes: Processes) -> None:
    make(tmp_db)
    holder = processes.python(HOLDER, tmp_db)
    holder.expect("held")
    start = time.monotonic()
    with pytest.raises(duckrow.BusyError) as caught:
        duckrow.get_write_connection(tmp_db, timeout=2)
    waited = time.monotonic() - start
    busy = caught.value
    assert 2.0 <= waited < 2.2
    assert isinstance(busy, duckdb.IOException)
    assert busy.holder is not None
    assert busy.holder.pid == holder.pid
    assert str(holder.pid) in str(busy)
    assert "python" in busy.holder.command
    assert "held for" in str(busy)
    assert 1.9 <= busy.waited < 2.3
    holder.tell()
    holder.expect("done")
    with duckrow.get_write_connection(tmp_db, timeout=2) as con:
        con.execute("INSERT INTO t VALUES (1, 1)")
    assert count(tmp_db) == 2


def test_reader_and_writer_overlap(tmp_db: Path, processes: Processes, engine_mix: Callable[[], Path]) -> None:
    """Four processes read without a wait or an error while a writer sits in an open transaction."""
    make(tmp_db)
    holder = processes.python(HOLDER, tmp_db)
    holder.expect("held")
    readers = [processes.python(READER, tmp_db, scaled(5.0, 1.0), python=engine_mix()) for _ in range(4)]
    for reader in readers:
        reads, rows = map(int, reader.finish()[1].split())
        assert reads > 0
        assert rows == 0
    holder.tell()
    holder.expect("done")
    assert count(tmp_db) == 1


# ---- writers ----


def test_every_row_of_four_writers_is_found(tmp_db: Path, processes: Processes, engine_mix: Callable[[], Path]) -> None:
    cycles = scaled(300, 60)
    make(tmp_db)
    writers = [processes.python(WRITER, tmp_db, who, cycles, python=engine_mix()) for who in range(4)]
    for writer in writers:
        writer.expect("ready")
    for writer in writers:
        writer.tell()
    for writer in writers:
        assert writer.finish(300)[-1] == "done"
    assert count(tmp_db) == 4 * cycles
    with duckdb.connect(str(tmp_db), read_only=True) as con:
        assert con.execute("SELECT count(DISTINCT (who, i)) FROM t").fetchall() == [(4 * cycles,)]


def test_a_killed_holder_frees_its_turn_at_once(tmp_db: Path, processes: Processes) -> None:
    make(tmp_db)
    for _ in range(scaled(20, 3)):
        holder = processes.python(HOLDER, tmp_db)
        holder.expect("held")
        holder.kill()
        with duckrow.get_write_connection(tmp_db, timeout=0.1) as con:
            assert con.execute("SELECT count(*) FROM t").fetchall() == [(0,)]


KILLED = """
import os, random, sys, duckrow
path, i = sys.argv[1], int(sys.argv[2])
while True:
    with duckrow.get_write_connection(path, timeout=30) as con:
        if i % 13 == 5:
            con.execute(f"INSERT INTO bulk SELECT i, random() FROM range({random.choice([10, 5000, 200000])}) r(i)")
        if i % 13 == 7:
            con.execute("DELETE FROM bulk WHERE y < 0.5")
        if i % 13 == 9:
            con.execute(f"CREATE OR REPLACE TABLE made{i % 3} AS SELECT {i} i")
        con.execute("INSERT INTO t VALUES (0, ?)", [i])
    print(i)
    i += 1
"""


@pytest.mark.timeout(1800)
def test_kill_loses_no_acknowledged_row(tmp_db: Path, processes: Processes, engine_pythons: dict[str, Path]) -> None:
    make(tmp_db)
    with duckrow.get_write_connection(tmp_db) as con:
        con.execute("CREATE TABLE bulk (x BIGINT, y DOUBLE)")
    acknowledged: list[int] = []
    pythons = itertools.cycle(engine_pythons.values())
    for _ in range(scaled(500, 16)):
        start = acknowledged[-1] + 2 if acknowledged else 0
        writer = processes.python(KILLED, tmp_db, start, python=next(pythons))
        acknowledged.append(int(writer.line()))
        time.sleep(random.random() * 0.1)
        writer.signal(signal.SIGKILL)
        writer.wait()
        while True:
            try:
                acknowledged.append(int(writer.line()))
            except AssertionError:
                break
        for python in engine_pythons.values():
            seen = processes.python(
                """
                import sys, duckrow, duckdb, json
                rows = []
                with duckrow.get_write_connection(sys.argv[1], timeout=5) as con:
                    rows.append(sorted(i for (i,) in con.execute("SELECT i FROM t").fetchall()))
                with duckrow.get_readonly_connection(sys.argv[1]) as con:
                    rows.append(sorted(i for (i,) in con.execute("SELECT i FROM t").fetchall()))
                with duckdb.connect(sys.argv[1].replace("core.duckdb", "core.read.duckdb"), read_only=True) as con:
                    rows.append(sorted(i for (i,) in con.execute("SELECT i FROM t").fetchall()))
                print(json.dumps(rows))
                """,
                tmp_db,
                python=python,
            ).finish()
            for rows in json.loads(seen[0]):
                assert len(rows) == len(set(rows))
                assert set(acknowledged) <= set(rows)


# ---- readers beside writers ----

CHECKED_WRITER = """
import os, random, struct, sys, time, duckrow
path, acknowledged, seconds = sys.argv[1], os.open(sys.argv[2], os.O_RDWR), float(sys.argv[3])
end = time.monotonic() + seconds
while time.monotonic() < end:
    with duckrow.get_write_connection(path, timeout=60) as con:
        (n,), = con.execute("SELECT max(n) + 1 FROM numbers").fetchall()
        con.execute("BEGIN")
        con.execute("INSERT INTO numbers VALUES (?)", [n])
        con.execute("UPDATE counter SET v = ?", [n])
        con.execute("COMMIT")
        chance = random.random()
        if chance < 0.05:
            con.execute(f"INSERT INTO bulk SELECT 1, random() FROM range({random.choice([10, 5000, 300000])})")
        elif chance < 0.07:
            con.execute("DELETE FROM bulk WHERE y < 0.5")
        elif chance < 0.09:
            con.execute(f"CREATE OR REPLACE TABLE made{n % 3} AS SELECT {n} i")
        elif chance < 0.11:
            con.execute("BEGIN")
            con.execute("INSERT INTO bulk SELECT 5, 5 FROM range(100000)")
            con.execute("ROLLBACK")
        elif chance < 0.12:
            con.execute("CHECKPOINT")
    if struct.unpack("q", os.pread(acknowledged, 8, 0))[0] < n:
        os.pwrite(acknowledged, struct.pack("q", n), 0)
"""

CHECKER = """
import json, os, random, struct, sys, time, duckdb, duckrow
path, acknowledged, seconds, stock = sys.argv[1], os.open(sys.argv[2], os.O_RDONLY), float(sys.argv[3]), sys.argv[4] == "stock"

def look(con):
    (newest, rows), = con.execute("SELECT max(n), count(*) FROM numbers").fetchall()
    (counter,), = con.execute("SELECT v FROM counter").fetchall()
    (rows_of_bulk, total), = con.execute("SELECT count(*), coalesce(sum(x), 0) FROM bulk").fetchall()
    return newest, newest == rows - 1 == counter and total == rows_of_bulk

checks = stale = inconsistent = 0
end = time.monotonic() + seconds
while time.monotonic() < end:
    must_see, = struct.unpack("q", os.pread(acknowledged, 8, 0))
    if stock:
        con = duckdb.connect(path.replace("core.duckdb", "core.read.duckdb"), read_only=True)
    else:
        con = duckrow.get_readonly_connection(path, timeout=30)
    newest, right = look(con)
    if random.random() < 0.2:
        time.sleep(random.random() * 0.4)
    again, still_right = look(con)
    con.close()
    checks += 1
    stale += newest < must_see
    inconsistent += not (right and still_right and again >= newest)
print(json.dumps([checks, stale, inconsistent]))
"""


@pytest.mark.timeout(300)
def test_readers_are_never_stale_nor_inconsistent(
    tmp_db: Path, tmp_path: Path, processes: Processes, engine_pythons: dict[str, Path]
) -> None:
    with duckrow.get_write_connection(tmp_db) as con:
        con.execute("CREATE TABLE numbers AS SELECT 0::BIGINT n")
        con.execute("CREATE TABLE counter AS SELECT 0::BIGINT v")
        con.execute("CREATE TABLE bulk (x BIGINT, y DOUBLE)")
        con.execute("CREATE TABLE ballast AS SELECT i, hash(i) h FROM range(1000000) r(i)")
    acknowledged = tmp_path / "acknowledged"
    acknowledged.write_bytes(bytes(8))
    seconds = scaled(60.0, 8.0)
    both = list(engine_pythons.values())
    writers = [processes.python(CHECKED_WRITER, tmp_db, acknowledged, seconds, python=python) for python in both]
    readers = [
        processes.python(CHECKER, tmp_db, acknowledged, seconds, kind, python=python)
        for kind in ("duckrow", "stock")
        for python in both
    ]
    for reader in readers:
        checks, stale, inconsistent = json.loads(reader.finish(200)[0])
        assert checks > 5
        assert (stale, inconsistent) == (0, 0)
    for writer in writers:
        writer.finish(200)


# ---- strangers ----


@pytest.mark.timeout(600)
def test_a_stranger_is_waited_for_and_its_rows_are_seen(tmp_db: Path, processes: Processes, engine_mix: Callable[[], Path]) -> None:
    make(tmp_db)
    held = scaled(3.0, 0.4)
    rounds = scaled(50, 4)
    for i in range(rounds):
        stranger = processes.python(STRANGER, tmp_db, i, held, python=engine_mix())
        stranger.expect("held")
        with pytest.raises(duckrow.BusyError, match=f"pid {stranger.pid}.*without duckrow") as caught:
            duckrow.get_write_connection(tmp_db, timeout=0.05)
        assert caught.value.holder is not None
        assert caught.value.holder.kind == "stranger"
        with duckrow.get_write_connection(tmp_db, timeout=10) as con:
            con.execute("INSERT INTO t VALUES (1, ?)", [i])
        stranger.expect("done")
        assert count(tmp_db, "who = 77") == i + 1
        assert count(tmp_db, "who = 1") == i + 1


def test_a_killed_stranger_s_commits_are_seen(tmp_db: Path, processes: Processes, engine_mix: Callable[[], Path]) -> None:
    """They are in the WAL alone: the file itself has not changed."""
    make(tmp_db)
    for i in range(scaled(50, 4)):
        stranger = processes.python(STRANGER, tmp_db, i, 60, python=engine_mix())
        stranger.expect("held")
        stranger.kill()
        assert count(tmp_db, "who = 77") == i + 1


# ---- one process ----


def test_an_exception_rolls_back(tmp_db: Path) -> None:
    make(tmp_db)
    with pytest.raises(ZeroDivisionError), duckrow.get_write_connection(tmp_db) as con:
        con.execute("INSERT INTO t VALUES (1, 1)")
        con.execute("BEGIN")
        con.execute("INSERT INTO t VALUES (2, 2)")
        raise ZeroDivisionError
    assert count(tmp_db) == 1


def test_busy_timeout_is_understood(tmp_db: Path) -> None:
    with duckrow.get_write_connection(make(tmp_db), timeout=3) as con:
        assert con.busy_timeout == 3
        con.execute("PRAGMA busy_timeout=5000")
        assert con.busy_timeout == 5
        con.execute("SET busy_timeout = 250; INSERT INTO t VALUES (1, 1)")
        assert con.busy_timeout == 0.25
        con.execute("pragma busy_timeout(1000);")
        assert con.busy_timeout == 1
        with pytest.raises(duckdb.InvalidInputException, match="busy_timeout"):
            con.execute("PRAGMA busy_timeout=-1")
    assert count(tmp_db) == 1


def test_a_fork_leaves_the_parent_s_turn_alone(tmp_db: Path, processes: Processes) -> None:
    make(tmp_db)
    con = duckrow.get_write_connection(tmp_db)
    con.execute("INSERT INTO t VALUES (1, 1)")
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
    stranger = processes.python("import sys, duckdb; duckdb.connect(sys.argv[1])", tmp_db)
    assert stranger.wait() == 1
    assert "lock" in stranger.errors
    con.close()
    assert count(tmp_db) == 1


@pytest.mark.parametrize(
    ("rows", "table"),
    [
        ([(i, str(i), i / 2) for i in range(50)], "x INTEGER, y VARCHAR, z DOUBLE"),
        ([(i, None, None) for i in range(50)], "x INTEGER, y VARCHAR, z DOUBLE"),
        ([(i % 7, "a", 1.0) for i in range(50)], "x INTEGER PRIMARY KEY, y VARCHAR, z DOUBLE"),
        ([(i, "no" if i == 30 else "1", 1.0) for i in range(50)], "x INTEGER, y INTEGER, z DOUBLE"),
        ([(i, "1", 2**70 if i == 20 else 3) for i in range(50)], "x INTEGER, y INTEGER, z BIGINT"),
        ([(i, i, i) for i in range(50)] + [(1, 2)], "x INTEGER, y INTEGER, z INTEGER"),
        ([(b"\0x", True, "2020-01-01") for _ in range(50)], "x BLOB, y BOOLEAN, z DATE"),
    ],
)
def test_executemany_is_as_duckdb_s(tmp_db: Path, rows: list[tuple[object, ...]], table: str) -> None:
    def run(con: duckdb.DuckDBPyConnection) -> tuple[object, ...]:
        con.execute(f"CREATE TABLE many ({table})")
        failed, left = None, None
        try:
            con.executemany("INSERT INTO many VALUES (?, ?, ?)", rows)
            left = con.fetchall()
        except duckdb.Error as error:
            failed = type(error)
        return failed, left, con.execute("SELECT * FROM many ORDER BY rowid").fetchall()

    with duckrow.get_write_connection(tmp_db) as con, duckdb.connect() as stock:
        assert run(con) == run(stock)
