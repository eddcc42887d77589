"""Containers and users: real mount, user and pid namespaces, real users. Python runs as root in them; users other than root, and
containers without root, use the program."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import duckrow
import pytest
from conftest import built
from support import Process, Processes, wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
TEAM, ALICE, BOB, CAROL = 54321, 54322, 54323, 54324


def permitted(*flags: str) -> bool:
    return subprocess.run(["unshare", *flags, "true"], capture_output=True, check=False).returncode == 0


pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="namespaces and other users need root"),
    pytest.mark.skipif(not permitted("--mount", "--pid", "--fork"), reason="unshare(2) is not permitted here"),
]

Command = list[str]


def container(script: str = "", *, pid: bool = True) -> Command:
    """Prefix of a command: its own mounts, which the script changes ($DIR is the test's folder), and its own pids."""
    pids = ["--pid", "--fork", "--kill-child", "--mount-proc"] if pid else []
    return ["unshare", "--mount", "--propagation", "private", *pids, "sh", "-ec", f'{script}\nexec "$@"', "sh"]


def user(uid: int, *, group: int | None = None, groups: str = str(TEAM), umask: str = "077") -> Command:
    """Prefix of a command: run by this user, whose first group is his own unless told otherwise."""
    switch = ["setpriv", "--reuid", str(uid), "--regid", str(group or uid), "--groups", groups]
    return [*switch, "sh", "-ec", f'umask {umask}\nexec "$@"', "sh"]


def rootless(uid: int) -> Command:
    """Prefix of a command: root in a user namespace of this user's, with its own mounts and pids."""
    return [*user(uid), "unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users reach: pytest closes its own to them each time it starts."""
    with tempfile.TemporaryDirectory(prefix="duckrow-") as above:
        Path(above).chmod(0o755)
        made = Path(above) / "data"
        made.mkdir()
        yield made


@pytest.fixture
def path(folder: Path) -> Path:
    made = folder / "core.duckdb"
    with duckrow.get_write_connection(made) as con:
        con.execute("CREATE TABLE t AS SELECT i::INTEGER i FROM range(10) r(i)")
    return made


Run = Callable[..., Process]


@pytest.fixture
def python(processes: Processes, folder: Path) -> Run:
    """Runs Python code behind a prefix."""

    def run(prefix: Command, code: str, *arguments: object) -> Process:
        return processes.start(*prefix, sys.executable, "-c", code, *map(str, arguments), env={"DIR": str(folder)})

    return run


@pytest.fixture
def program(processes: Processes, folder: Path, engine_pythons: dict[str, Path]) -> Run:
    """Runs the duckrow program behind a prefix; it has an engine of its own."""
    binary, engine = built(ROOT / "build/dev/duckrow"), built(ROOT / "build/engine/1.5.6/libduckdb.so")

    def run(prefix: Command, *arguments: object) -> Process:
        env = {"DIR": str(folder), "DUCKROW_ENGINE": str(engine), "HOME": "/nowhere"}
        return processes.start(*prefix, binary, *map(str, arguments), env=env, cwd="/")

    return run


def line(process: Process, status: int) -> str:
    """The one line with which it failed."""
    assert process.wait(60) == status, process.errors
    assert process.errors.count("\n") == 1, process.errors
    return process.errors.strip()


COUNT = """
import sys, duckrow
with duckrow.get_readonly_connection(sys.argv[1], timeout=float(sys.argv[2])) as con:
    print(con.execute("SELECT count(*) FROM t").fetchall()[0][0], con.execute("SELECT path FROM duckdb_databases()").fetchall())
"""
HOLD = """
import os, sys, duckrow
with duckrow.get_write_connection(sys.argv[1], timeout=30, idle_release=0) as con:
    con.execute("INSERT INTO t VALUES (-1)")
    print("held", os.getpid(), flush=True)
    sys.stdin.read()
"""
TRY = """
import sys, duckrow
try:
    duckrow.get_write_connection(sys.argv[1], timeout=0.3).close()
    print("got it")
except duckrow.BusyError as error:
    holder = error.holder or duckrow.Process(-1, "", "", None)
    print(holder.pid, holder.foreign_pid, error, sep="|")
except duckrow.Error as error:
    print(type(error).__name__, error, sep="|")
"""


def count(path: Path) -> int:
    with duckrow.get_readonly_connection(path) as con:
        return int(con.execute("SELECT count(*) FROM t").fetchall()[0][0])


def insert(path: Path) -> None:
    with duckrow.get_write_connection(path) as con:
        con.execute("INSERT INTO t VALUES (-2)")


# ---- what is mounted --------------------------------------------------------------------------------------------------


FILE_MOUNT = 'mkdir "$DIR/../in"; : >"$DIR/../in/core.duckdb"; mount --bind "$DIR/core.duckdb" "$DIR/../in/core.duckdb"'


@pytest.mark.parametrize("pid", [True, False], ids=["own pids", "same pids"])
def test_a_file_that_is_mounted_by_itself_is_refused(path: Path, python: Run, pid: bool) -> None:
    mounted = path.parent.parent / "in" / "core.duckdb"
    said = python(container(FILE_MOUNT, pid=pid), TRY, mounted).finish()[0]
    assert said.startswith("UnsupportedError|") and "mount the whole folder" in said and str(mounted) in said
    assert not list(mounted.parent.glob("*.duckrow")), "a folder of its own would have been a turn of its own"
    assert count(path) == 10


def test_a_file_that_a_rootless_container_mounts_by_itself_is_refused(path: Path, folder: Path, program: Run) -> None:
    os.chown(path, ALICE, ALICE)
    place = folder.parent / "in"
    place.mkdir()
    os.chown(place, ALICE, ALICE)
    script = f'{FILE_MOUNT.split(";", 1)[1]}\nexec "$@"'
    refused = line(program([*rootless(ALICE), "sh", "-ec", script, "sh"], "sql", place / "core.duckdb", "SELECT 1"), 78)
    assert "mount the whole folder" in refused


def test_the_folder_mounted_elsewhere_is_the_same_database(path: Path, folder: Path, python: Run) -> None:
    other = folder.parent / "in"
    other.mkdir()
    mount = container('mount --bind "$DIR" "$DIR/../in"')
    holder = python(mount, HOLD, other / "core.duckdb")
    assert holder.line().startswith("held")
    with pytest.raises(duckrow.BusyError) as busy:
        duckrow.get_write_connection(path, timeout=0.2)
    assert busy.value.holder and busy.value.holder.foreign_pid == 1
    assert count(path) == 10
    holder.finish()
    assert count(path) == 11
    insert(path)
    assert python(mount, COUNT, other / "core.duckdb", 5).finish()[0].startswith("12 ")


def test_hard_links_are_refused_by_either_name(path: Path, folder: Path) -> None:
    os.link(path, folder / "other.duckdb")
    for name in (path, folder / "other.duckdb"):
        with pytest.raises(duckrow.Error, match="2 hard links"):
            duckrow.status(name)
    with pytest.raises(duckrow.Error, match="2 hard links"):
        duckrow.get_write_connection(path, timeout=0)
    (folder / "other.duckdb").unlink()
    assert count(path) == 10


READ_ONLY = 'mkdir -p "$DIR/../in"; mount --bind "$DIR" "$DIR/../in"; mount -o remount,ro,bind "$DIR/../in"'


def test_readers_on_a_read_only_mount_read_the_snapshot(path: Path, folder: Path, python: Run) -> None:
    inside = folder.parent / "in" / "core.duckdb"
    first = python(container(READ_ONLY), COUNT, inside, 5).finish()[0]
    assert first.startswith("10 ") and "snapshot" in first
    with duckrow.get_write_connection(path, idle_release=0) as con:
        con.execute("INSERT INTO t VALUES (1)")
        # A writer is no reason to wait.
        assert python(container(READ_ONLY), COUNT, inside, 0).finish()[0].startswith("10 ")
    assert python(container(READ_ONLY), COUNT, inside, 0).finish()[0].startswith("11 ")
    refused = python(container(READ_ONLY), TRY, inside).finish()[0]
    assert "Read-only file system" in refused or "permission" in refused.lower(), refused


@pytest.mark.parametrize("state", ["no folder", "stale"])
def test_readers_on_a_read_only_mount_without_a_snapshot_read_the_file(path: Path, folder: Path, python: Run, state: str) -> None:
    if state == "no folder":
        subprocess.run(["rm", "-r", f"{path}.duckrow"], check=True)
        rows = 10
    else:
        with duckdb.connect(str(path)) as con:
            con.execute("INSERT INTO t VALUES (1)")
        rows = 11
    inside = folder.parent / "in" / "core.duckdb"
    direct = python(container(READ_ONLY), COUNT, inside, 5).finish()[0]
    assert direct.startswith(f"{rows} ") and "snapshot" not in direct
    # Beside it a writer waits, and gets its turn.
    keep = (
        COUNT + "    con.execute('BEGIN; SELECT count(*) FROM t').fetchall()\n    print('open', flush=True)\n    sys.stdin.read()\n"
    )
    reader = python(container(READ_ONLY), keep, inside, 5)
    reader.line()
    reader.expect("open")
    with pytest.raises(duckrow.BusyError):
        duckrow.get_write_connection(path, timeout=0.2)
    reader.finish()
    insert(path)
    seen = python(container(READ_ONLY), COUNT, inside, 5).finish()[0]
    assert seen.startswith(f"{rows + 1} ") and "snapshot" in seen


def test_the_program_on_a_read_only_mount(path: Path, folder: Path, program: Run) -> None:
    inside = folder.parent / "in" / "core.duckdb"
    ask = ("sql", "--format", "csv", inside, "SELECT count(*) FROM t")
    assert program(container(READ_ONLY), *ask).finish()[1] == "10"
    subprocess.run(["rm", "-r", f"{path}.duckrow"], check=True)
    assert program(container(READ_ONLY), *ask).finish()[1] == "10"
    refused = line(program(container(READ_ONLY), "sql", "--write", inside, "INSERT INTO t VALUES (1)"), 77)
    assert "Read-only file system" in refused


def test_a_user_who_may_only_read_gets_what_is_newest(path: Path, program: Run) -> None:
    ask = ("sql", "--format", "csv", path, "SELECT count(*) FROM t")
    assert program(user(CAROL), *ask).finish()[1] == "10"
    insert(path)
    assert program(user(CAROL), *ask).finish()[1] == "11"
    subprocess.run(["rm", "-r", f"{path}.duckrow"], check=True)
    assert program(user(CAROL), *ask).finish()[1] == "11"
    refused = line(program(user(CAROL), "sql", "--write", path, "INSERT INTO t VALUES (1)"), 77)
    assert "permission denied" in refused and "chmod" in refused


# ---- users of one group -----------------------------------------------------------------------------------------------


@pytest.fixture
def shared(path: Path, folder: Path) -> Path:
    """A database of Alice's that her group may write."""
    subprocess.run(["rm", "-r", f"{path}.duckrow"], check=True)
    for made, mode in ((folder, 0o770), (path, 0o660)):
        os.chown(made, ALICE, TEAM)
        made.chmod(mode)
    (folder / "core.read.duckdb").unlink()
    return path


def test_two_users_of_a_group_share_in_spite_of_their_umask(shared: Path, program: Run) -> None:
    """Each one's first group is his own, and his umask keeps the group out."""
    rows = 10
    for turn in range(2):
        for who in (ALICE, BOB):
            # Rows that stay in a WAL that this user has made, then a change of the schema, so that the slots change hands.
            program(user(who), "sql", "--write", shared, "INSERT INTO t VALUES (1)").finish()
            program(user(who), "sql", "--write", shared, f"CREATE TABLE of_{who}_{turn} AS SELECT 1").finish()
            program(user(who), "sql", "--write", shared, "INSERT INTO t VALUES (1)").finish()
            rows += 2
            for reader in (ALICE, BOB):
                ask = program(user(reader), "sql", "--format", "csv", shared, "SELECT count(*) FROM t")
                assert ask.finish()[1] == str(rows) and not ask.errors
    made = [p for p in Path(f"{shared}.duckrow").rglob("*") if not p.is_symlink()]
    assert {p.stat().st_gid for p in made} == {TEAM}
    assert not [p for p in made if p.stat().st_mode & 0o007]
    assert line(program(user(CAROL, groups=str(CAROL)), "sql", shared, "SELECT 1"), 77).count("chmod") == 1


def test_a_database_made_under_umask_077_says_what_to_change(shared: Path, folder: Path, program: Run) -> None:
    made = folder / "new.duckdb"
    program(user(ALICE), "sql", "--write", made, "CREATE TABLE t AS SELECT 1 i").finish()
    assert made.stat().st_mode & 0o777 == 0o600
    for arguments in (["sql", made, "SELECT 1"], ["sql", "--write", made, "INSERT INTO t VALUES (2)"]):
        refused = line(program(user(BOB), *arguments), 77)
        assert f"denied for user {BOB}" in refused and "umask of 007" in refused
    # What it says to do, done by whom it names, until nothing is left to be said.
    for _ in range(5):
        write = program(user(BOB), "sql", "--write", made, "INSERT INTO t VALUES (2)")
        if write.wait(60) == 0:
            break
        advice = re.search(rf"As {ALICE}: (.*?)( \(a umask|$)", write.errors.strip())
        assert advice, write.errors
        commands = advice[1]
        if commands.startswith("give "):
            commands = f"chgrp {TEAM} {shlex.quote(str(made))}"  # the group is for people to choose
        subprocess.run([*user(ALICE), "sh", "-ec", commands], check=True)
    ask = program(user(BOB), "sql", "--format", "csv", made, "SELECT count(*) FROM t")
    assert ask.finish()[1] == "2"
    assert program(user(ALICE), "sql", "--format", "csv", made, "SELECT count(*) FROM t").finish()[1] == "2"


def test_a_wal_of_another_user_says_what_to_change(shared: Path, program: Run) -> None:
    program(user(ALICE), "sql", "--write", shared, "INSERT INTO t VALUES (1)").finish()
    wal = Path(f"{shared}.wal")
    assert wal.stat().st_size > 0
    wal.chmod(0o600)  # as DuckDB alone makes it, under this umask
    refused = line(program(user(BOB), "sql", "--write", shared, "INSERT INTO t VALUES (1)"), 77)
    assert f"chmod g+rw {wal}" in refused and f"As {ALICE}" in refused
    subprocess.run([*user(ALICE), "chmod", "g+rw", str(wal)], check=True)
    program(user(BOB), "sql", "--write", shared, "INSERT INTO t VALUES (1)").finish()
    ask = program(user(ALICE), "sql", "--format", "csv", shared, "SELECT count(*) FROM t")
    assert ask.finish()[1] == "12"


# ---- pids -------------------------------------------------------------------------------------------------------------


def pid_inside(pid: int) -> int:
    return int(re.search(r"NSpid:.*\t(\d+)\n", Path(f"/proc/{pid}/status").read_text())[1])


def test_a_holder_is_named_across_pid_namespaces(path: Path, python: Run) -> None:
    holder = python(container(), HOLD, path)
    inside = int(holder.line().split()[1])
    # From outside, the pid that it has outside.
    seen = python([], TRY, path).finish()[0].split("|")
    assert int(seen[0]) > 0 and pid_inside(int(seen[0])) == inside and seen[1] == str(inside)
    assert "held for" in seen[2] and f"pid {seen[0]} (" in seen[2]
    # From another container, the pid that it has in its own, and that it is not one of ours.
    seen = python(container(), TRY, path).finish()[0].split("|")
    assert seen[0] == "0" and seen[1] == str(inside) and f"pid {inside} in another container (" in seen[2], seen
    holder.finish()
    # And a holder outside, from inside.
    holder = python([], HOLD, path)
    inside = int(holder.line().split()[1])
    seen = python(container(), TRY, path).finish()[0].split("|")
    assert seen[0] == "0" and f"pid {inside} in another container (" in seen[2], seen
    holder.finish()
    assert python(container(), TRY, path).finish() == ["got it"]


def test_status_from_a_container_names_those_elsewhere(path: Path, python: Run, program: Run) -> None:
    holder = python([], HOLD, path)
    pid = holder.line().split()[1]
    text = "\n".join(program(container(), "status", path).finish())
    assert f"held by {pid} in another container (" in text
    holder.finish()


def test_a_container_without_root_takes_turns_with_the_others(path: Path, folder: Path, python: Run, program: Run) -> None:
    for made in (folder, path, *Path(f"{path}.duckrow").rglob("*"), Path(f"{path}.duckrow")):
        os.chown(made, ALICE, ALICE, follow_symlinks=False)
    holder = program(rootless(ALICE), "hold", path, "--", "sh", "-c", "echo held; cat >/dev/null")
    holder.expect("held")
    seen = python(container(), TRY, path).finish()[0].split("|")
    assert "to hold" in seen[2] and "in another container (" in seen[2]
    holder.finish()
    program(rootless(ALICE), "sql", "--write", path, "INSERT INTO t VALUES (1)").finish()
    assert python(container(), COUNT, path, 5).finish()[0].startswith("11 ")
    insert(path)
    ask = program(rootless(ALICE), "sql", "--format", "csv", path, "SELECT count(*) FROM t")
    assert ask.finish()[1] == "12"


def test_first_come_first_served_across_pid_namespaces(path: Path, python: Run) -> None:
    holder = python(container(), HOLD, path)
    holder.line()
    waiting = []
    for number, prefix in enumerate([container(), [], container(), [], container()], 1):
        waiting.append(python(prefix, HOLD, path))
        wait_until(lambda number=number: duckrow.status(path).waiting == number, timeout=30)
    for process in waiting:
        holder.finish()
        assert process.line(30).startswith("held")
        holder = process
    holder.finish()
    assert count(path) == 16


def test_a_killed_holder_in_a_container_frees_its_turn(path: Path, python: Run) -> None:
    holder = python(container(), HOLD, path)
    holder.line()
    waiting = python(container(), HOLD, path)
    wait_until(lambda: duckrow.status(path).waiting == 1, timeout=30)
    holder.kill()
    assert waiting.line(30).startswith("held")
    waiting.finish()


def test_a_stranger_in_another_container_is_not_taken_for_us(path: Path, python: Run) -> None:
    plain = "import sys, duckdb; con = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read(); con.close()"
    stranger = python(container(), plain, path)
    stranger.expect("open")
    seen = python(container(), TRY, path).finish()[0]
    assert "a process that cannot be seen from here has it open without duckrow" in seen and seen.startswith("0|0|")
    stranger.finish()
    assert python(container(), TRY, path).finish() == ["got it"]


def test_readers_in_containers_keep_their_slots(path: Path, python: Run) -> None:
    """The slots are known to be read although their readers can't be named."""
    keep = COUNT.replace("print(con", "print('open', flush=True); sys.stdin.read(); print(con", 1)
    readers = []
    for _ in range(2):
        readers.append(python(container(), keep, path, 5))
        readers[-1].expect("open")
        with duckrow.get_write_connection(path) as con:
            con.execute(f"CREATE TABLE more{len(readers)} AS SELECT 1")
            con.execute("INSERT INTO t VALUES (1)")
    code = "import sys, duckrow; print([len(s.readers) for s in duckrow.status(sys.argv[1]).slots if not s.current])"
    assert python(container(), code, path).finish() == ["[1, 1]"]
    for reader, rows in zip(readers, (10, 11), strict=True):
        assert reader.finish()[0].startswith(f"{rows} ")
    assert count(path) == 12
