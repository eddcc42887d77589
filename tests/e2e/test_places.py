"""Where the machine gets in the way: another boot, a slot that somebody changed, files that go away while in use."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import duckrow
import pytest
from support import Processes

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts and other users need root")


def make(path: Path, rows: int = 10) -> Path:
    with duckrow.get_write_connection(path) as con:
        con.execute(f"CREATE TABLE t AS SELECT i::INTEGER i FROM range({rows}) r(i)")
    return path


def count(path: Path) -> int:
    with duckrow.get_readonly_connection(path) as con:
        return int(con.execute("SELECT count(*) FROM t").fetchall()[0][0])


def insert(path: Path) -> None:
    with duckrow.get_write_connection(path) as con:
        con.execute("INSERT INTO t VALUES (-1)")


@as_root
def test_another_boot_makes_the_snapshot_anew(tmp_db: Path, tmp_path: Path, processes: Processes) -> None:
    make(tmp_db)
    before = duckrow.status(tmp_db).generation
    assert before is not None
    other = tmp_path / "boot_id"
    other.write_text("00000000-1111-2222-3333-444444444444\n")
    code = "import sys, duckrow; print(duckrow.get_readonly_connection(sys.argv[1]).execute('SELECT count(*) FROM t').fetchall())"
    script = f'mount --bind {other} /proc/sys/kernel/random/boot_id && exec "$0" -c "$1" "$2"'

    told = processes.start("unshare", "-m", "sh", "-c", script, sys.executable, code, tmp_db).finish()
    assert told == ["[(10,)]"]
    after = duckrow.status(tmp_db)
    assert after.generation is None or after.generation > before


@as_root
def test_a_slot_that_root_changed_is_made_anew(tmp_db: Path) -> None:
    make(tmp_db)
    insert(tmp_db)
    slot = os.path.realpath(tmp_db.parent / "core.read.duckdb")
    with duckdb.connect(slot) as con:
        con.execute("INSERT INTO t VALUES (666)")
    assert count(tmp_db) == 11
    with duckdb.connect(str(tmp_db.parent / "core.read.duckdb"), read_only=True) as con:
        assert con.execute("SELECT count(*) FROM t WHERE i = 666").fetchall() == [(0,)]


@as_root
def test_a_user_cannot_open_the_snapshot_to_write(tmp_db: Path, processes: Processes) -> None:
    make(tmp_db)
    for folder in [tmp_db.parent, *tmp_db.parent.parents]:
        if os.stat(folder).st_uid == 0 and str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    os.chown(tmp_db, 12345, 12345)
    with duckrow.get_write_connection(tmp_db) as con:
        con.execute("CREATE TABLE other AS SELECT 1")  # takes another slot
    slot = Path(os.path.realpath(tmp_db.parent / "core.read.duckdb"))
    assert slot.stat().st_uid == 12345
    before = slot.read_bytes()
    code = "import os, sys, duckdb; os.setgid(12345); os.setuid(12345); duckdb.connect(sys.argv[1])"
    user = processes.python(code, tmp_db.parent / "core.read.duckdb")
    assert user.wait() == 1
    assert "ermission denied" in user.errors
    assert slot.read_bytes() == before


# ---- what is removed or replaced while in use -------------------------------------------------------------------------


HOLD = """
import sys, duckrow
con = duckrow.get_write_connection(sys.argv[1], idle_release=0)
con.execute("INSERT INTO t VALUES (-1)")
print("held", flush=True)
for line in sys.stdin:
    try:
        if line.strip() == "close":
            con.close()
            print("closed", flush=True)
            break
        con.execute("INSERT INTO t VALUES (-2)")
        print("committed", flush=True)
    except Exception as error:
        print(type(error).__name__, error, flush=True)
"""


def sum_of(path: Path) -> int:
    with duckrow.get_readonly_connection(path) as con:
        return int(con.execute("SELECT sum(i) FROM t").fetchall()[0][0])


def test_a_folder_removed_under_a_writer(tmp_db: Path, processes: Processes) -> None:
    """No second writer, nothing lost, nobody reads yesterday's data."""
    make(tmp_db)
    holder = processes.python(HOLD, tmp_db)
    holder.expect("held")
    shutil.rmtree(f"{tmp_db}.duckrow")
    with pytest.raises(duckrow.BusyError) as busy:
        duckrow.get_write_connection(tmp_db, timeout=0.3)
    assert str(holder.pid) in str(busy.value)
    holder.tell("insert")
    holder.expect("committed")
    with pytest.raises(duckrow.BusyError):
        duckrow.get_readonly_connection(tmp_db, timeout=0.3)
    holder.tell("close")
    holder.expect("closed")
    assert "PublishWarning: committed, but not published" in holder.errors and "what is committed stays" in holder.errors
    assert count(tmp_db) == 12
    insert(tmp_db)
    assert count(tmp_db) == 13 and duckrow.status(tmp_db).fresh


@pytest.mark.parametrize("way", ["mv", "rm"])
def test_a_database_replaced_under_a_writer(tmp_db: Path, processes: Processes, way: str) -> None:
    """What is not in the file that is there now is not acknowledged, and that file is served."""
    make(tmp_db)
    with duckdb.connect(str(tmp_db.with_name("new.duckdb"))) as con:
        con.execute("CREATE TABLE t AS SELECT 500 i")
    holder = processes.python(HOLD, tmp_db)
    holder.expect("held")
    if way == "mv":
        os.rename(tmp_db.with_name("new.duckdb"), tmp_db)
    else:
        tmp_db.unlink()
    holder.tell("insert")
    refused = holder.line()
    assert "replaced while" in refused or "removed while" in refused
    holder.tell("close")
    holder.expect("closed")
    if way == "rm":
        with pytest.raises(duckrow.Error, match="does not exist"):
            duckrow.get_readonly_connection(tmp_db)
        return
    # The WAL beside it is of the file before, and has what was acknowledged.
    wal = Path(f"{tmp_db}.wal")
    if wal.exists() and wal.stat().st_size:
        with pytest.raises(duckdb.Error) as refused:
            duckrow.get_readonly_connection(tmp_db)
        assert "WAL" in str(refused.value) or "wal" in str(refused.value)
        wal.unlink()
    assert sum_of(tmp_db) == 500
    insert(tmp_db)
    assert sum_of(tmp_db) == 499 and duckrow.status(tmp_db).fresh


def test_a_database_replaced_while_commits_are_in_its_wal(tmp_db: Path) -> None:
    """People put a backup in place and forget the WAL, which stock DuckDB would have checkpointed: not replayed, not lost."""
    make(tmp_db)
    insert(tmp_db)
    insert(tmp_db)
    new, wal = tmp_db.with_name("new.duckdb"), Path(f"{tmp_db}.wal")
    assert wal.stat().st_size
    with duckdb.connect(str(new)) as con:
        con.execute("CREATE TABLE t AS SELECT 500 i")
    os.rename(tmp_db, tmp_db.with_name("before.duckdb"))
    os.rename(new, tmp_db)
    for opening in (duckrow.get_readonly_connection, duckrow.get_write_connection):
        with pytest.raises(duckrow.Error, match=r"was replaced, but .* with 2 commits") as refused:
            opening(tmp_db, timeout=1)
        assert "\n" not in str(refused.value)
    os.rename(wal, tmp_db.with_name("before.duckdb.wal"))
    assert sum_of(tmp_db) == 500
    with duckrow.get_readonly_connection(tmp_db.with_name("before.duckdb")) as con:
        assert con.execute("SELECT count(*) FROM t").fetchall() == [(12,)]


def test_a_database_copied_over_under_a_writer(tmp_db: Path, processes: Processes) -> None:
    """cp writes into the very file that a writer has open: it stops before it makes that worse."""
    make(tmp_db)
    before = tmp_db.read_bytes()
    for _ in range(2):
        with duckrow.get_write_connection(tmp_db) as con:
            con.execute("CREATE OR REPLACE TABLE other AS SELECT 1")
    holder = processes.python(HOLD, tmp_db)
    holder.expect("held")
    subprocess.run(["cp", "/dev/stdin", str(tmp_db)], input=before, check=True)
    holder.tell("close")
    holder.expect("closed")
    assert "was overwritten while this process had it open" in holder.errors
    with pytest.raises(duckdb.Error, match=r"(?i)wal"):
        duckrow.get_write_connection(tmp_db)
    Path(f"{tmp_db}.wal").unlink()
    assert count(tmp_db) == 10
    insert(tmp_db)
    assert count(tmp_db) == 11


def test_a_reader_goes_on_while_its_folder_is_removed(tmp_db: Path) -> None:
    make(tmp_db)
    with duckrow.get_readonly_connection(tmp_db) as con:
        con.execute("SELECT count(*) FROM t").fetchall()
        shutil.rmtree(f"{tmp_db}.duckrow")
        assert con.execute("SELECT sum(i) FROM t").fetchall() == [(45,)]
        insert(tmp_db)
        assert con.execute("SELECT sum(i) FROM t").fetchall() == [(45,)]
    assert sum_of(tmp_db) == 44


def test_another_format_is_refused_by_all(tmp_db: Path) -> None:
    make(tmp_db)
    with open(f"{tmp_db}.duckrow/turn", "r+b") as file:
        file.seek(7)
        file.write(b"\7")
    for use in (duckrow.get_readonly_connection, duckrow.get_write_connection, duckrow.status):
        with pytest.raises(duckrow.Error, match="has format 7, this duckrow knows format 1: upgrade duckrow"):
            use(tmp_db)
