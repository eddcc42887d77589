"""Disk: what copies cost, how they are limited, and what happens when there is no room."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import duckdb
import duckrow
import pytest
from support import Process, Processes, wait_until

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def make(path: Path, rows: int = 10) -> Path:
    with duckrow.get_write_connection(path) as con:
        con.execute(f"CREATE TABLE t AS SELECT i::INTEGER i FROM range({rows}) r(i)")
    return path


def count(path: Path, table: str = "t") -> int:
    with duckrow.get_readonly_connection(path) as con:
        return int(con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def write(path: Path, sql: str = "INSERT INTO t VALUES (-1)") -> list[str]:
    """Runs SQL in a turn of its own; what it was warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with duckrow.get_write_connection(path) as con:
            con.execute(sql)
    assert all(issubclass(w.category, duckrow.PublishWarning) for w in caught)
    return [str(w.message) for w in caught]


def config(path: Path, *arguments: object, status: int = 0) -> str:
    argv = [sys.executable, "-m", "duckrow", "config", str(path), *map(str, arguments)]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == status, ended.stderr
    return ended.stdout if status == 0 else ended.stderr


def reader(processes: Processes, path: Path) -> Process:
    """A process that reads, keeps what it read, and ends when told to."""
    process = processes.python(
        """
        import sys, duckrow
        con = duckrow.get_readonly_connection(sys.argv[1])
        print("open", flush=True)
        sys.stdin.read()
        print(con.execute("SELECT count(*) FROM t").fetchall()[0][0])
        con.close()
        """,
        path,
    )
    process.expect("open")
    return process


# ---- space ------------------------------------------------------------------------------------------------------------


def fill(folder: Path, leave: int) -> Path:
    """Leaves that many bytes free."""
    filler = folder / "filler"
    space = os.statvfs(folder)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, space.f_bavail * space.f_frsize - leave)
    return filler


@as_root
def test_a_full_disk_keeps_the_commit(small_disk: Path) -> None:
    """The commit stays, a warning says so, readers go on, and the next publish after space is freed is right."""
    path = make(small_disk / "core.duckdb")
    filler = small_disk / "filler"
    with duckrow.get_write_connection(path) as con:
        con.execute("INSERT INTO t VALUES (1)")
        # A change of the schema needs another copy, for which there is no space.
        con.execute("CREATE TABLE more AS SELECT hash(i) h FROM range(300000) r(i)")
        with filler.open("wb") as file, pytest.raises(OSError, match="No space"):
            while True:
                os.write(file.fileno(), bytes(65536))
        con.execute("INSERT INTO t SELECT 2 FROM range(0)")
        with pytest.warns(duckrow.PublishWarning, match="No space|space"):
            con.close()
    assert count(path) == 11
    filler.unlink()
    write(path)
    assert count(path) == 12
    assert duckrow.status(path).fresh
    with duckdb.connect(str(small_disk / "core.read.duckdb"), read_only=True) as con:
        assert con.execute("SELECT count(*) FROM t").fetchall() == [(12,)]
        assert con.execute("SELECT count(*) FROM more").fetchall() == [(300000,)]


@as_root
def test_a_copy_that_would_fill_the_disk_is_not_begun(small_disk: Path) -> None:
    path = make(small_disk / "core.duckdb")
    config(path, "max_slots", 2)
    write(path, "CREATE TABLE more AS SELECT hash(i) h FROM range(600000) r(i)")
    assert path.stat().st_size > 4 << 20
    assert len(duckrow.status(path).slots) == 2
    # Room for the file to grow, not for the slot that is to follow it; and more than a slot's folder takes.
    with duckrow.get_write_connection(path) as con:
        con.execute("INSERT INTO t VALUES (1)")
        con.execute("CREATE TABLE again AS SELECT hash(i + 1) h FROM range(200000) r(i)")
        con.execute("CHECKPOINT")
        filler = fill(small_disk, 1536 << 10)
        with pytest.warns(duckrow.PublishWarning) as caught:
            con.close()
    said = str(caught[0].message)
    assert "no space for another copy" in said and "MiB to spare are needed, 1.5 MiB are free" in said and "snapshots off" in said
    assert os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize >= 1400 << 10, "the rest of the disk is others'"
    # What is committed is there, for readers too, and ordinary commits go on.
    assert count(path) == 11 and count(path, "again") == 200000
    assert not duckrow.status(path).fresh
    assert "no space" in write(path)[0]
    assert count(path) == 12
    filler.unlink()
    assert write(path) == []
    assert duckrow.status(path).fresh and count(path) == 13
    with duckdb.connect(str(small_disk / "core.read.duckdb"), read_only=True) as con:
        assert con.execute("SELECT count(*) FROM t").fetchall() == [(13,)]


@as_root
def test_small_commits_go_on_where_there_is_no_room_for_a_copy(small_disk: Path) -> None:
    """What fits into the WAL needs no copy: the checkpoint is put off, and nobody notices."""
    path = make(small_disk / "core.duckdb", 100000)
    before = duckrow.status(path)
    fill(small_disk, 1 << 20)
    for _ in range(40):
        assert write(path) == []
    assert count(path) == 100040 and duckrow.status(path).fresh
    assert duckrow.status(path).generation == before.generation


# ---- max_slots --------------------------------------------------------------------------------------------------------


def test_readers_that_stay_keep_nobody_from_the_newest(tmp_db: Path, processes: Processes) -> None:
    """Unless somebody has set a limit, another copy is made: what stock tools open is as new as the last commit."""
    make(tmp_db)
    link = str(tmp_db.with_name("core.read.duckdb"))
    readers = []
    for number in range(5):
        readers.append(reader(processes, tmp_db))
        assert write(tmp_db, f"CREATE TABLE more{number} AS SELECT 1; INSERT INTO t VALUES (1)") == []
        with duckdb.connect(link, read_only=True) as con:
            assert con.execute("SELECT count(*) FROM t").fetchall() == [(11 + number,)]
    assert len(duckrow.status(tmp_db).slots) == 6
    for each in readers:
        each.finish()
    assert write(tmp_db, "CREATE TABLE last AS SELECT 7 i") == []
    assert len(duckrow.status(tmp_db).slots) == 3


def test_all_slots_pinned(tmp_db: Path, processes: Processes) -> None:
    make(tmp_db)
    config(tmp_db, "max_slots", 3)
    readers = []
    for number in range(2):
        readers.append(reader(processes, tmp_db))
        assert write(tmp_db, f"CREATE TABLE more{number} AS SELECT 1; INSERT INTO t VALUES (1)") == []
    readers.append(reader(processes, tmp_db))
    # Inserts need no slot, however many.
    for _ in range(40):
        assert write(tmp_db) == []
    assert len(duckrow.status(tmp_db).slots) == 3 and duckrow.status(tmp_db).fresh and count(tmp_db) == 52
    # A change of the schema does. The names are those of who is in the way.
    said = write(tmp_db, "CREATE TABLE last AS SELECT 7 i")
    assert len(said) == 1 and "max_slots is 3" in said[0] and f"duckrow config {tmp_db} max_slots 4" in said[0]
    assert f"pid {readers[0].pid} (" in said[0] and f"pid {readers[1].pid} (" in said[0]
    assert f"pid {readers[2].pid} (" not in said[0], "who reads the current one is not in the way"
    assert len(duckrow.status(tmp_db).slots) == 3
    assert count(tmp_db, "last") == 1
    assert readers[0].finish() == ["10"]
    assert write(tmp_db) == []
    assert duckrow.status(tmp_db).fresh and len(duckrow.status(tmp_db).slots) == 3
    assert count(tmp_db) == 53 and count(tmp_db, "last") == 1
    # The last of them had what was appended to its slot when it opened; nothing has changed under it.
    assert [r.finish() for r in readers[1:]] == [["11"], ["12"]]


def test_another_copy_is_allowed(tmp_db: Path, processes: Processes) -> None:
    make(tmp_db)
    readers = []
    assert config(tmp_db, "max_slots", 4) == ""
    for number in range(3):
        readers.append(reader(processes, tmp_db))
        assert write(tmp_db, f"CREATE TABLE more{number} AS SELECT 1") == []
    assert len(duckrow.status(tmp_db).slots) == 4 == duckrow.status(tmp_db).max_slots
    for process in readers:
        assert process.finish() == ["10"]
    config(tmp_db, "max_slots", 2)
    wait_until(lambda: (write(tmp_db, "CREATE OR REPLACE TABLE more0 AS SELECT 1"), len(duckrow.status(tmp_db).slots) == 2)[1])
    assert count(tmp_db) == 10


# ---- snapshots = off --------------------------------------------------------------------------------------------------


def test_snapshots_switched_off_and_on(tmp_db: Path, processes: Processes) -> None:
    make(tmp_db)
    link = tmp_db.with_name("core.read.duckdb")
    process = reader(processes, tmp_db)
    write(tmp_db)
    assert config(tmp_db, "snapshots") == "on\n"
    assert config(tmp_db, "snapshots", "off") == ""
    assert config(tmp_db, "--json").startswith('{"max_slots": 3, "snapshots": false, ')
    assert not os.path.lexists(link), "a stock tool would go on reading yesterday's data there"
    with pytest.raises(duckdb.Error):
        duckdb.connect(str(link), read_only=True)
    assert write(tmp_db) == [], "it is as it was asked for: nothing to warn of"
    assert count(tmp_db) == 12
    assert len(duckrow.status(tmp_db).slots) == 1, "the one that is still read"
    assert process.finish() == ["10"]
    # Readers share the file, and exclude writers.
    with duckrow.get_readonly_connection(tmp_db) as one, duckrow.get_readonly_connection(tmp_db) as two:
        one.execute("BEGIN")  # idle, it would let a writer in
        assert one.execute("SELECT count(*) FROM t").fetchall() == two.execute("SELECT count(*) FROM t").fetchall() == [(12,)]
        code = "import sys, duckrow; duckrow.get_write_connection(sys.argv[1], timeout=0.2)"
        assert "being read directly" in _errors(processes, code, tmp_db)
    assert write(tmp_db) == []
    state = duckrow.status(tmp_db)
    assert state.slots == [] and not state.snapshots and state.generation is None
    assert state.bytes < 100000
    # The WAL is not left to grow.
    for _ in range(40):
        write(tmp_db)
    assert Path(f"{tmp_db}.wal").stat().st_size < 40 * 100 if Path(f"{tmp_db}.wal").exists() else True
    config(tmp_db, "snapshots", "on")
    assert count(tmp_db) == 53
    assert duckrow.status(tmp_db).fresh
    with duckdb.connect(str(link), read_only=True) as con:
        assert con.execute("SELECT count(*) FROM t").fetchall() == [(53,)]


def _errors(processes: Processes, code: str, *arguments: object) -> str:
    process = processes.python(code, *arguments)
    assert process.wait(60) == 1
    return process.errors


def test_switched_off_by_hand_while_a_writer_is_at_work(tmp_db: Path) -> None:
    make(tmp_db)
    with duckrow.get_write_connection(tmp_db) as con:
        con.execute("INSERT INTO t VALUES (1)")
        Path(f"{tmp_db}.duckrow/config").write_text("snapshots = off\n")
    assert not os.path.lexists(tmp_db.with_name("core.read.duckdb"))
    assert count(tmp_db) == 11
    time.sleep(0.3)
    write(tmp_db)
    assert duckrow.status(tmp_db).slots == []


def test_a_setting_that_is_not_understood(tmp_db: Path) -> None:
    make(tmp_db)
    settings = Path(f"{tmp_db}.duckrow/config")
    settings.write_text("# ours\nmax_slot = 4\n")
    for use in (duckrow.get_readonly_connection, duckrow.get_write_connection, duckrow.status):
        with pytest.raises(duckrow.Error, match=r"core\.duckdb\.duckrow/config:2: there is no setting max_slot") as refused:
            use(tmp_db)
        assert "\n" not in str(refused.value)
    assert "config:2:" in config(tmp_db, status=64)
    settings.unlink()
    assert "max_slots is a number from 2 to 32, not 1" in config(tmp_db, "max_slots", 1, status=64)
    assert "no setting colour" in config(tmp_db, "colour", status=64)
    assert count(tmp_db) == 10


def test_a_setting_waits_for_whoever_writes(tmp_db: Path) -> None:
    make(tmp_db)
    with duckrow.get_write_connection(tmp_db, idle_release=0):
        assert "is busy" in config(tmp_db, "--timeout", "200ms", "snapshots", "off", status=75)
    assert config(tmp_db, "snapshots") == "on\n"
