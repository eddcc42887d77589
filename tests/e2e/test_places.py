"""Where the machine gets in the way: a full disk, another boot, a slot that somebody changed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
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


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


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
    insert(path)
    assert count(path) == 12
    assert duckrow.status(path).fresh
    with duckdb.connect(str(small_disk / "core.read.duckdb"), read_only=True) as con:
        assert con.execute("SELECT count(*) FROM t").fetchall() == [(12,)]
        assert con.execute("SELECT count(*) FROM more").fetchall() == [(300000,)]


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
