"""`duckrow copy`: one file of one state, beside whoever writes."""

from __future__ import annotations

import json
import os
import random
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest
from support import Process, Processes, scaled, wait_until
from support.program import PROGRAMS, Duckrow, of_engine

# Counts in one transaction with a row for each count; acknowledges by a file's name.
WRITER = """
    import sys, time, duckrow
    path = sys.argv[1]
    while True:
        with duckrow.get_write_connection(path, timeout=60) as con:
            con.execute("BEGIN")
            n = con.execute("UPDATE counter SET n = n + 1 RETURNING n").fetchone()[0]
            con.execute("INSERT INTO t VALUES (?)", [n])
            con.execute("INSERT INTO bulk SELECT ?, range FROM range(?)", [n, 20000 if n % 5 == 0 else 2])
            con.execute("COMMIT")
            if n % 17 == 0:
                con.execute("CREATE OR REPLACE TABLE side AS FROM t")
        time.sleep(0.02)
        open(f"{path}.ack/{n}", "w").close()
"""

# Opens each copy with DuckDB alone, to write.
CHECKER = """
    import os, sys, duckdb
    for line in sys.stdin:
        path = line.strip()
        con = duckdb.connect(path)
        n = con.execute("SELECT n FROM counter").fetchone()[0]
        rows = con.execute("SELECT count(*), count(DISTINCT i), max(i) FROM t").fetchone()
        bulk = con.execute("SELECT count(DISTINCT i), count(*) FROM bulk").fetchone()
        expected = sum(20000 if k % 5 == 0 else 2 for k in range(1, n + 1))
        assert rows == (n + 1, n + 1, n) and bulk == (n, expected), (n, rows, bulk, expected)
        con.execute("CREATE OR REPLACE TABLE mine AS SELECT 1")
        con.close()
        print(n, flush=True)
"""


def acknowledged(db: Path) -> int:
    return max((int(name) for name in os.listdir(f"{db}.ack")), default=0)


@pytest.mark.timeout(scaled(3600, 180))
def test_copies_beside_writers(processes: Processes, engine_pythons: dict[str, Path], tmp_path: Path) -> None:
    """Copied by both engines in turns, opened by both."""
    programs = [of_engine(version, tmp_path) for version in PROGRAMS]
    duckrow = programs[0]
    duckrow.write(
        "CREATE TABLE counter AS SELECT 0::BIGINT n; CREATE TABLE t AS SELECT 0::BIGINT i; CREATE TABLE bulk (i BIGINT, j BIGINT);"
        "CREATE TABLE ballast AS SELECT random() AS x FROM range(2000000)"
    )
    Path(f"{duckrow.db}.ack").mkdir()
    writers = [processes.python(WRITER, duckrow.db, python=python) for python in engine_pythons.values()]
    checkers = [processes.python(CHECKER, python=python) for python in engine_pythons.values()]
    wait_until(lambda: acknowledged(duckrow.db) > 3, 60)
    states = set()
    for number in range(scaled(200, 5)):
        target = duckrow.folder / "copies" / f"{number}.duckdb"
        target.parent.mkdir(exist_ok=True)
        before = acknowledged(duckrow.db)
        told = json.loads(programs[number % 2]("copy", "--json", "--timeout", "60s", duckrow.db, target).text)
        assert list(target.parent.iterdir()) == [target], "one file and nothing else"
        assert told["bytes"] == target.stat().st_size and told["sequence"] > 0
        after = int(duckrow.read("SELECT n FROM counter")[0][0])
        for checker in checkers:
            checker.tell(str(target))
            found = int(checker.line(60))
            assert before <= found <= after, f"copy {number} holds {found}"
        states.add(found)
        target.unlink()
        assert all(writer.running for writer in writers), [writer.errors for writer in writers]
    assert len(states) > scaled(100, 1), "the writers went on"


@pytest.fixture
def big(duckrow: Duckrow) -> Duckrow:
    duckrow.write("CREATE TABLE t AS SELECT range AS i, hash(range) AS h FROM range(400000)")
    return duckrow


def test_killed_anywhere(big: Duckrow) -> None:
    """The target is whole or not there, and the next copy removes what was left."""
    target = big.folder / "copy.duckdb"
    chance = random.Random(7)
    left = 0
    for _ in range(scaled(100, 6)):
        copy = big.start("copy", "--force", big.db, target)
        time.sleep(chance.random() * 0.4)
        copy.kill()
        copy.communicate()
        if target.exists():
            assert big("sql", "--format", "csv", target, "SELECT count(*) FROM t").text.endswith("\n400000\n")
            target.unlink()
            Path(f"{target}.duckrow").exists() and remove(Path(f"{target}.duckrow"))
            target.with_name("copy.read.duckdb").unlink(missing_ok=True)
        left += bool(list(big.folder.glob("copy.duckdb.duckrow-copy.*")))
    big("copy", big.db, target)
    assert sorted(big.folder.glob("copy.duckdb*")) == [target]
    fake = big.folder / "copy.duckdb.duckrow-copy.1.2"
    fake.write_text("left")
    big("copy", "--force", big.db, target)
    assert not fake.exists()


def remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    folder.rmdir()


def test_two_copies_to_one_target(big: Duckrow) -> None:
    """Neither takes the other's file for one that was left."""
    target = big.folder / "copy.duckdb"
    for _ in range(20):
        first = big.start("copy", "--force", big.db, target)
        while first.poll() is None and not list(big.folder.glob("copy.duckdb.duckrow-copy.*")):
            pass
        first.send_signal(signal.SIGSTOP)
        wait_until(lambda: Path(f"/proc/{first.pid}/stat").read_text().rpartition(")")[2].split()[0] in "TZ")  # noqa: B023
        if list(big.folder.glob("copy.duckdb.duckrow-copy.*")):
            break
        first.send_signal(signal.SIGCONT)
        first.communicate(timeout=60)
    else:
        pytest.fail("no copy was caught in the middle")
    second = big("copy", "--force", big.db, target)
    first.send_signal(signal.SIGCONT)
    _, errors = first.communicate(timeout=60)
    assert (first.returncode, errors, second.err) == (0, "", "")
    assert sorted(big.folder.glob("copy.duckdb*")) == [target]
    assert big("sql", "--format", "csv", target, "SELECT count(*) FROM t").text.endswith("\n400000\n")


def test_targets(filled: Duckrow) -> None:
    folder = filled.folder / "backup"
    folder.mkdir()
    filled.db.chmod(0o640)
    filled("copy", filled.db, folder)
    copy = folder / "core.duckdb"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o640
    before = copy.read_bytes()
    assert "--force" in filled("copy", filled.db, folder, status=64).line()
    assert copy.read_bytes() == before
    filled.write("INSERT INTO t VALUES (3, '')")
    filled("copy", "--force", filled.db, "backup/core.duckdb")
    assert filled("sql", "--format", "csv", copy, "SELECT count(*) FROM t").text.endswith("\n3\n")
    assert "shared through duckrow" in filled("copy", "--force", filled.db, copy, status=64).line()


REFUSED = [
    ("core.duckdb", 64, "the database itself"),
    ("core.read.duckdb", 64, "part of the database"),
    ("core.duckdb.wal", 64, "part of the database"),
    ("core.duckdb.duckrow/x", 64, "part of the database"),
    ("other.duckdb", 64, "other.duckdb.wal is there"),
    ("missing/x.duckdb", 66, "missing"),
    ("what?.duckdb", 64, "?"),
    ("/dev/null", 64, "not a regular file"),
    ("text.txt/x", 66, "text.txt"),
    ("/proc/x.duckdb", 66, "/proc"),
]


def test_targets_that_are_refused(one_engine: Duckrow) -> None:
    duckrow = one_engine
    duckrow.write("CREATE TABLE t (i INTEGER)")
    (duckrow.folder / "other.duckdb.wal").write_bytes(b"somebody's")
    (duckrow.folder / "text.txt").write_text("text")
    before = sorted(duckrow.folder.rglob("*"))
    for target, status, words in REFUSED:
        assert words in duckrow("copy", "--force", duckrow.db, target, status=status).line(), target
    assert sorted(duckrow.folder.rglob("*")) == before


def test_no_space(filled: Duckrow) -> None:
    """Where no file may grow, nothing is left behind."""
    target = filled.folder / "copy.duckdb"
    script = 'ulimit -f 100; exec "$@"'
    argv = ["sh", "-c", script, "sh", str(filled.program), "copy", str(filled.db), str(target)]
    ended = subprocess.run(argv, env=filled.env, capture_output=True, text=True, timeout=60)
    assert ended.returncode not in (0, 70), ended.stderr
    filled("copy", filled.db, target)
    assert sorted(filled.folder.glob("copy.duckdb*")) == [target]


def test_without_a_snapshot(filled: Duckrow, processes: Processes, engine_pythons: dict[str, Path]) -> None:
    """Somebody without duckrow reads, so no snapshot can be made: the file and its WAL are copied under a shared turn."""
    kill = """
        import os, sys, duckdb
        con = duckdb.connect(sys.argv[1])
        con.execute("INSERT INTO t VALUES (3, '')")
        os.kill(os.getpid(), 9)
    """
    assert processes.python(kill, filled.db, python=engine_pythons["1.5.6"]).wait() == -9
    assert Path(f"{filled.db}.wal").stat().st_size > 0
    code = "import sys, duckdb; con = duckdb.connect(sys.argv[1], read_only=True); print('in', flush=True); input()"
    reader: Process = processes.python(code, filled.db, python=engine_pythons["1.5.6"])
    reader.expect("in")
    told = json.loads(filled("copy", "--json", "--timeout", "2s", filled.db, "copy.duckdb").text)
    assert told["sequence"] == -1
    reader.tell("")
    reader.finish()
    assert filled("sql", "--format", "csv", "copy.duckdb", "SELECT count(*) FROM t").text.endswith("\n3\n")
