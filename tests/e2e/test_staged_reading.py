"""Reading before ingest: tables with their staged files, no row twice and none missing, whatever ingest does meanwhile."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import duckrow
import pytest
from duckrow.staged import Staged
from support import Process, Processes, scaled, wait_until
from support.staging import by_hand, folder


@pytest.fixture
def db(tmp_db: Path) -> Path:
    write(tmp_db, "CREATE TABLE t (i INTEGER, s VARCHAR DEFAULT 'none'); INSERT INTO t VALUES (0, 'old')")
    return tmp_db


def write(path: Path, sql: str) -> None:
    with duckrow.get_write_connection(path) as con:
        con.execute(sql)


def program(*arguments: object, python: Path | None = None) -> list[str]:
    return [str(Path(python or sys.executable).parent / "duckrow"), *map(str, arguments)]


def ingest(path: Path) -> None:
    subprocess.run(program("ingest", path), check=True, capture_output=True, timeout=60)


def numbers(con: duckdb.DuckDBPyConnection, table: str = "t") -> list[Any]:
    return [i for (i,) in con.execute(f"SELECT i FROM {table} ORDER BY i").fetchall()]


def shown(path: Path, sql: str = "SELECT i FROM t ORDER BY i") -> list[tuple[Any, ...]]:
    with duckrow.get_readonly_connection(path, staged=True) as con:
        return con.execute(sql).fetchall()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_staged_rows_are_visible_at_once(db: Path) -> None:
    for i in range(1, 4):
        duckrow.stage(db, "t", [{"i": i}])
        with duckrow.get_readonly_connection(db, staged=True) as con:
            assert numbers(con) == numbers(con, "main.t") == list(range(i + 1))
            assert numbers(con, "core.main.t") == numbers(con, "core.t") == [0]
    with duckrow.get_readonly_connection(db) as con:
        assert numbers(con) == [0]
    ingest(db)
    assert shown(db) == [(0,), (1,), (2,), (3,)]


def test_what_is_open_stays_as_it_is(db: Path) -> None:
    """Ingest removes the files, whose rows stay; and what is staged later isn't shown."""
    duckrow.stage(db, "t", [{"i": 1}])
    con = duckrow.get_readonly_connection(db, staged=True)
    duckrow.stage(db, "t", [{"i": 2}])
    ingest(db)
    assert not list(folder(db).iterdir())
    assert numbers(con) == numbers(con.cursor()) == [0, 1]
    assert con.refresh() is True and numbers(con) == [0, 1, 2]
    assert con.refresh() is False
    con.close()


def test_columns_are_the_table_s(tmp_db: Path) -> None:
    write(
        tmp_db,
        "CREATE SEQUENCE q; CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE t (i INTEGER, s VARCHAR DEFAULT 'it''s', "
        "n DOUBLE DEFAULT -1.5, l INTEGER[] DEFAULT [], w TIMESTAMP DEFAULT now(), k INTEGER NOT NULL DEFAULT nextval('q'), "
        "b BOOLEAN DEFAULT true, g INTEGER GENERATED ALWAYS AS (i + 1), m mood, d DECIMAL(10, 2), st STRUCT(a INTEGER, b VARCHAR))",
    )
    by_hand(folder(tmp_db) / "a.parquet", "SELECT '7' I")
    by_hand(
        folder(tmp_db) / "b.parquet", "SELECT {'a': 1::BIGINT, 'b': 'x'} st, 2.5::DOUBLE d, 'ok' m, false b, 8::BIGINT i, [1, 2] l"
    )
    with duckrow.get_readonly_connection(tmp_db, staged=True) as con:
        assert con.execute("SELECT * EXCLUDE (d, st) FROM t ORDER BY i").fetchall() == [
            (7, "it's", -1.5, [], None, None, True, 8, None),
            (8, "it's", -1.5, [1, 2], None, None, False, 9, "ok"),
        ]
        assert con.execute("SELECT d::VARCHAR, st FROM t WHERE i = 8").fetchall() == [("2.50", {"a": 1, "b": "x"})]
        both = [con.execute(f"DESCRIBE {name}").fetchall() for name in ("t", "core.main.t")]
        assert [c[:2] for c in both[0]] == [c[:2] for c in both[1]]
        ((seen,),) = con.execute("SELECT list(t ORDER BY i) FROM (SELECT * EXCLUDE (w, k) FROM t) t").fetchall()
    ingest(tmp_db)
    assert shown(tmp_db, "SELECT list(t ORDER BY i) FROM (SELECT * EXCLUDE (w, k) FROM t) t") == [(seen,)]


def test_columns_that_ingest_will_add(db: Path) -> None:
    by_hand(folder(db) / "more.parquet", 'SELECT 1 i, 2 AS "Another"')
    assert shown(db) == [(0,)]
    subprocess.run(program("config", db, "ingest_add_columns", "on"), check=True, capture_output=True)
    assert shown(db) == [(0,), (1,)]
    ingest(db)
    assert shown(db, 'SELECT i, "Another" FROM t ORDER BY i') == [(0, None), (1, 2)]


def test_files_that_ingest_would_refuse(tmp_db: Path) -> None:
    write(tmp_db, "CREATE TABLE t (i INTEGER, s VARCHAR, n INTEGER NOT NULL)")
    staged = folder(tmp_db)
    for i in range(6):
        by_hand(staged / f"good{i}.parquet", f"SELECT {i} i, 1 n")
    for i in range(6, 9):
        by_hand(staged / f"text{i}.parquet", f"SELECT '{i}' i, 1 n")
    by_hand(staged / "text.parquet", "SELECT 'no number' i, 1 n")
    by_hand(staged / "null.parquet", "SELECT 90 i, NULL::INTEGER n")
    by_hand(staged / "lacks.parquet", "SELECT 91 i")
    by_hand(staged / "extra.parquet", "SELECT 92 i, 1 n, 1 more")
    by_hand(staged / "huge.parquet", "SELECT 9300000000 i, 1 n")
    (staged / "empty.parquet").touch()
    (staged / "junk.parquet").write_bytes(os.urandom(1000))
    cut = by_hand(staged / "cut.parquet", "SELECT range::INTEGER i, 1 n FROM range(10000)")
    cut.write_bytes(cut.read_bytes()[:-100])
    assert shown(tmp_db) == [(i,) for i in range(9)]
    ingest(tmp_db)
    assert shown(tmp_db) == [(i,) for i in range(9)]
    assert not list(staged.iterdir()), "what wasn't shown was refused"


def test_odd_names(tmp_db: Path) -> None:
    names = ['it\'s "a"\nname', "star*", "what?", "[a-z]", "%41", "a=b", "ü"]
    write(tmp_db, 'CREATE TABLE "od.d ""t""" (i INTEGER); CREATE TABLE "Select" (i INTEGER)')
    for n, name in enumerate(names):
        by_hand(folder(tmp_db, "od%2Ed%20%22t%22") / f"{name}.parquet", f"SELECT {n} i")
    by_hand(folder(tmp_db, "SELECT") / "a.parquet", "SELECT 1 i")
    by_hand(folder(tmp_db, "main.select") / "a.parquet", "SELECT 2 i")
    (folder(tmp_db, "SELECT") / "link.parquet").symlink_to(folder(tmp_db, "SELECT") / "a.parquet")
    (Path(f"{tmp_db}.duckrow") / "staging").joinpath("t\udcff").mkdir()
    with duckrow.get_readonly_connection(tmp_db, staged=True) as con:
        assert numbers(con, '"od.d ""t"""') == list(range(len(names)))
        assert numbers(con, '"select"') == [1, 2]


def test_nothing_to_show(tmp_db: Path) -> None:
    """No database, no folder, no table, a view instead of one."""
    by_hand(folder(tmp_db, "other") / "a.parquet", "SELECT 1 i")
    with pytest.raises(duckdb.IOException, match="does not exist"):
        duckrow.get_readonly_connection(tmp_db, staged=True)
    write(tmp_db, "CREATE TABLE t AS SELECT 0 i; CREATE VIEW v AS FROM t")
    by_hand(folder(tmp_db, "v") / "a.parquet", "SELECT 1 i")
    by_hand(folder(tmp_db, "s.t") / "a.parquet", "SELECT 1 i")
    before = descriptors()
    with duckrow.get_readonly_connection(tmp_db, staged=True) as con:
        assert numbers(con) == numbers(con, "v") == [0]
        with pytest.raises(duckdb.CatalogException):
            con.execute("FROM other")
    shutil.rmtree(Path(f"{tmp_db}.duckrow") / "staging")
    assert shown(tmp_db) == [(0,)]
    assert descriptors() <= before


def test_other_schemas(db: Path) -> None:
    write(db, "CREATE SCHEMA s; CREATE TABLE s.t (i INTEGER); CREATE TABLE s.more (i INTEGER); INSERT INTO s.more VALUES (9)")
    duckrow.stage(db, "s.t", [{"i": 5}])
    with duckrow.get_readonly_connection(db, staged=True, refresh="manual") as con:
        cursor = con.cursor()
        assert numbers(con, "s.t") == numbers(cursor, "s.t") == [5] and numbers(con, "core.s.t") == []
        assert numbers(con) == [0] and numbers(con, "s.more") == [9]
        assert con.execute("SELECT current_database(), current_schema()").fetchall() == [("core", "main")]
        duckrow.stage(db, "s.t", [{"i": 6}])
        duckrow.stage(db, "s.more", [{"i": 10}])
        assert con.refresh()
        assert numbers(con, "s.t") == numbers(cursor, "s.t") == [5, 6] and numbers(cursor, "s.more") == [9, 10]
        ingest(db)
        assert con.refresh()
        assert numbers(con, "s.t") == numbers(con, "core.s.t") == [5, 6]


def test_the_user_s_own_come_first(db: Path) -> None:
    duckrow.stage(db, "t", [{"i": 1}])
    with duckrow.get_readonly_connection(db, staged=True, refresh="statement") as con:
        con.execute("CREATE TEMP TABLE more AS SELECT 42 AS i")
        write(db, "CREATE TABLE more (i INTEGER)")
        duckrow.stage(db, "more", [{"i": 2}])
        assert numbers(con, "more") == [42] and numbers(con, "core.more") == []


# ---- what ingest does meanwhile ----


def once_listed(
    monkeypatch: pytest.MonkeyPatch, then: Callable[[], object], before: Callable[[], object] = lambda: None
) -> list[int]:
    """Does something before the first listing, or between it and its snapshot; how often was listed?"""
    look, times = Staged.look, []

    def look_and_then(self: Staged) -> None:
        times.append(1)
        if len(times) == 1:
            before()
        look(self)
        if len(times) == 1:
            then()

    monkeypatch.setattr(Staged, "look", look_and_then)
    return times


def test_ingested_before_the_listing(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot that was taken before is too old."""
    duckrow.stage(db, "t", [{"i": 1}])
    once_listed(monkeypatch, lambda: None, before=lambda: ingest(db))
    assert shown(db) == [(0,), (1,)]


def test_ingested_after_the_listing(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The snapshot has the entry."""
    duckrow.stage(db, "t", [{"i": 1}])
    once_listed(monkeypatch, lambda: ingest(db))
    assert shown(db) == [(0,), (1,)]


def test_ingested_and_forgotten_after_the_listing(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry is gone again, and so is the file."""

    def twice() -> None:
        ingest(db)
        duckrow.stage(db, "t", [{"i": 2}])
        ingest(db)

    duckrow.stage(db, "t", [{"i": 1}])
    times = once_listed(monkeypatch, twice)
    assert shown(db) == [(0,), (1,), (2,)]
    assert len(times) == 2
    assert shown(db, "SELECT count(*) FROM duckrow.ingested") == [(1,)]


def test_ingested_after_the_snapshot(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    duckrow.stage(db, "t", [{"i": 1}])
    take, times = Staged.take, []

    def take_later(self: Staged, instance: Any) -> bool:
        if not times:
            ingest(db)
        times.append(take(self, instance))
        return times[-1]

    monkeypatch.setattr(Staged, "take", take_later)
    assert shown(db) == [(0,), (1,)]
    assert times == [False, True]


def test_replaced_after_the_listing(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another file of the same name; and one that somebody took away."""
    by_hand(folder(db) / "a.parquet", "SELECT 1 i")
    gone = by_hand(folder(db) / "b.parquet", "SELECT 2 i")

    def replace() -> None:
        by_hand(folder(db) / "a.parquet", "SELECT 3 i")
        gone.unlink()

    once_listed(monkeypatch, replace)
    assert shown(db) == [(0,), (3,)]


def test_killed_between_commit_and_removal(db: Path) -> None:
    """The rows are in the table, the file is still there."""
    name = by_hand(folder(db) / "a.parquet", "SELECT 1 i")
    kept = name.with_name("kept")
    os.link(name, kept)
    ingest(db)
    kept.rename(name)
    assert shown(db) == [(0,), (1,)]
    ingest(db)
    assert not name.exists() and shown(db) == [(0,), (1,)]


def test_never_settled(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that go each time: an error within the timeout, and nothing stays open. The next statement begins anew."""
    duckrow.stage(db, "t", [{"i": 1}])
    before = descriptors()
    look, files = Staged.look, []

    def look_and_take_away(self: Staged) -> None:
        files.append(Path(duckrow.stage(db, "t", [{"i": 2}])))
        look(self)
        files[-1].unlink()

    con = duckrow.get_readonly_connection(db, staged=True, timeout=0.5, refresh="manual")
    with monkeypatch.context() as patched:
        patched.setattr(Staged, "look", look_and_take_away)
        with pytest.raises(duckrow.BusyError, match="try again"):
            duckrow.get_readonly_connection(db, staged=True, timeout=0.5)
        ingest(db)
        with pytest.raises(duckrow.BusyError, match="try again"):
            con.refresh()
    assert numbers(con) == [0, 1], "never the old files beside another snapshot"
    con.close()
    assert descriptors() <= before


# ---- refreshing ----


def test_before_each_statement(db: Path) -> None:
    with duckrow.get_readonly_connection(db, staged=True, refresh="statement") as con:
        cursor = con.cursor()
        con.execute("PREPARE q AS SELECT count(*) FROM t")
        relation = con.sql("SELECT count(*) FROM t")
        for n in range(2, 7):
            duckrow.stage(db, "t", [{"i": n}])
            assert con.execute("EXECUTE q").fetchall() == relation.fetchall() == [(n,)]
            assert len(numbers(con)) == len(numbers(cursor)) == n
            if n % 2:
                ingest(db)
                assert con.execute("EXECUTE q").fetchall() == relation.fetchall() == [(n,)]
                assert len(numbers(con)) == len(numbers(cursor)) == n
        con.execute("BEGIN")
        assert len(numbers(con)) == 6
        duckrow.stage(db, "t", [{"i": 7}])
        ingest(db)
        assert len(numbers(con)) == 6, "a transaction sees one state"
        con.execute("COMMIT")
        assert len(numbers(con)) == 7


def test_a_descriptor_s_number_comes_again(db: Path) -> None:
    """Files that only differ in what is in them must not be taken for one another, though one is read where another was."""
    with duckrow.get_readonly_connection(db, staged=True, refresh="manual") as con:
        sizes: set[int] = set()
        for n in range(1000, 1012):
            for old in folder(db).glob("*.parquet"):
                old.unlink()
            made = by_hand(folder(db) / "same.parquet", f"SELECT {n} i FROM range(5000)")
            sizes.add(made.stat().st_size)
            os.utime(made, (1_000_000_000, 1_000_000_000))
            assert con.refresh()
            assert con.execute("SELECT min(i), count(*) FROM t WHERE i > 0").fetchall() == [(n, 5000)]
        assert len(sizes) == 1


# ---- descriptors ----


def copies(path: Path, count: int) -> None:
    made = by_hand(folder(path) / "0000.parquet", "SELECT 1 i")
    for n in range(1, count):
        shutil.copyfile(made, made.with_name(f"{n:04}.parquet"))


def test_thousands_of_files(db: Path) -> None:
    count = scaled(5000, 450)
    copies(db, count)
    by_hand(folder(db) / "large.parquet", "SELECT range::INTEGER i FROM range(100000)")
    by_hand(folder(db) / "text.parquet", "SELECT 'no number' i")
    (folder(db) / "tiny.parquet").write_bytes(b"PAR1")
    before = descriptors()
    con = duckrow.get_readonly_connection(db, staged=True)
    assert descriptors() - before < 250
    expected = [(count + 100001, count + 4999950000)]
    sql = "SELECT count(*), sum(i) FROM t"
    assert con.execute(sql).fetchall() == con.cursor().execute(sql).fetchall() == expected
    duckrow.stage(db, "t", [{"i": 0}])
    assert con.refresh() and con.execute("SELECT count(*) FROM t").fetchall() == [(count + 100002,)]
    con.close()
    assert descriptors() <= before


def test_the_last_cursor_closes_the_files(db: Path) -> None:
    duckrow.stage(db, "t", [{"i": 1}])
    shown(db)
    before = descriptors()
    con = duckrow.get_readonly_connection(db, staged=True)
    cursor = con.cursor()
    con.close()
    assert numbers(cursor) == [0, 1]
    reader = cursor.execute("SELECT t.i FROM t, range(1000000)").to_arrow_reader(100)
    cursor.close()
    assert descriptors() <= before
    assert reader.read_all().num_rows in (0, 2_000_000), "what 1.5.6 hasn't read by then is gone, as with any connection that moves"


def test_a_fork(db: Path) -> None:
    duckrow.stage(db, "t", [{"i": 1}])
    before = set(os.listdir("/proc/self/fd"))
    con = duckrow.get_readonly_connection(db, staged=True)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with pytest.raises(duckrow.ForkedError):
                con.execute("FROM t")
            files = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in set(os.listdir("/proc/self/fd")) - before]
            assert not [f for f in files if f.endswith(".parquet")]
            assert shown(db) == [(0,), (1,)]
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert numbers(con) == [0, 1]
    con.close()


FEW = """
    import os, resource, sys, duckrow
    db = sys.argv[1]
    duckrow.get_readonly_connection(db, staged=True).close()
    before = sorted(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    with duckrow.get_readonly_connection(db, staged=True) as con:
        print(con.execute("SELECT count(*) FROM t").fetchone()[0])
    taken = [os.open("/dev/null", os.O_RDONLY) for _ in range(64 - len(before) - 28)]
    for _ in range(14):
        try:
            with duckrow.get_readonly_connection(db, staged=True) as con:
                print("rows", con.execute("SELECT count(*) FROM t").fetchone()[0])
        except (duckrow.Error, __import__("duckdb").Error) as error:
            print("said", "Too many open files" in str(error), error)
        taken += [os.open("/dev/null", os.O_RDONLY) for _ in range(2)]
    for fd in taken:
        os.close(fd)
    print(sorted(os.listdir("/proc/self/fd")) == before)
    with duckrow.get_readonly_connection(db, staged=True) as con:
        print(con.execute("SELECT count(*) FROM t").fetchone()[0])
"""


def test_descriptors_run_out(db: Path, processes: Processes) -> None:
    """An error that says so, never fewer rows, and nothing stays open."""
    copies(db, 30)
    lines = processes.python(FEW, db).finish()
    assert lines[0] == lines[-1] == "31" and lines[-2] == "True", lines
    for line in lines[1:-2]:
        assert line == "rows 31" or line.startswith("said True"), lines
    assert any(line.startswith("said") for line in lines), lines


# ---- without snapshots ----


def test_snapshots_switched_off(db: Path) -> None:
    """The reader's turn keeps ingest out, until the reader sits idle."""
    duckrow.stage(db, "t", [{"i": 1}])
    subprocess.run(program("config", db, "snapshots", "off"), check=True)
    con = duckrow.get_readonly_connection(db, staged=True)
    assert numbers(con) == [0, 1]
    duckrow.stage(db, "t", [{"i": 2}])
    ingest(db)
    assert numbers(con) == [0, 1, 2], "it was given its turn again"
    duckrow.stage(db, "t", [{"i": 3}])
    assert con.refresh() and numbers(con) == [0, 1, 2, 3]
    con.close()


# ---- all at once ----

PRODUCER = """
    import struct, sys, time, duckrow
    db, told, who = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with open(told, "r+b", buffering=0) as file:
        for n in range(1 << 30):
            duckrow.stage(db, "t", [{"i": (who << 32) + n}])
            file.seek(8 * who)
            file.write(struct.pack("q", n + 1))
            time.sleep(0.05)
"""

# Beside new connections, one that moves with each statement.
READER = """
    import struct, sys, duckrow
    db, told, checks = sys.argv[1], sys.argv[2], int(sys.argv[3])
    def check(con, staged):
        found = dict((w, (c, d, m)) for w, c, d, m in con.execute(
            "SELECT i >> 32, count(*), count(DISTINCT i), max(i) & 4294967295 FROM t GROUP BY ALL").fetchall())
        for who, count in enumerate(staged):
            rows, distinct, last = found.get(who, (0, 0, -1))
            assert rows == distinct == last + 1 >= count, (who, count, found)
    def promised():
        return struct.unpack("qq", open(told, "rb").read())
    standing = duckrow.get_readonly_connection(db, staged=True, refresh="statement", timeout=60)
    for n in range(checks):
        staged = promised()
        if n % 3 == 2:
            check(standing, staged)
        else:
            with duckrow.get_readonly_connection(db, staged=True, timeout=60) as con:
                check(con, staged)
    print(sum(promised()))
"""


@pytest.mark.timeout(scaled(3600, 300))
def test_each_row_once_while_ingest_goes_on(tmp_db: Path, processes: Processes, engine_pythons: dict[str, Path]) -> None:
    """Producers, an ingester that is killed now and then, and readers of both engines."""
    write(tmp_db, "CREATE TABLE t (i BIGINT)")
    told = tmp_db.with_name("told")
    told.write_bytes(bytes(16))
    dice = random.Random(11)

    def ingester() -> Process:
        python = engine_pythons[dice.choice(list(engine_pythons))]
        return processes.start(*program("ingest", "--watch=200ms", "--timeout=60s", tmp_db, python=python))

    producers = [processes.python(PRODUCER, tmp_db, told, who) for who in range(2)]
    readers = [processes.python(READER, tmp_db, told, scaled(5000, 60), python=python) for python in engine_pythons.values()]
    watching = ingester()
    ends = time.monotonic() + scaled(3500, 280)
    while any(reader.running for reader in readers):
        assert time.monotonic() < ends
        time.sleep(dice.uniform(0.3, 2))
        if dice.random() < 0.5:
            watching.kill()
            watching = ingester()
    staged = max(int(reader.finish()[-1]) for reader in readers)
    for producer in producers:
        producer.kill()
    assert staged > 0
    wait_until(lambda: not list(folder(tmp_db).glob("*.parquet")), 60)
    watching.signal(signal.SIGTERM)
    assert watching.wait() == 0, watching.errors
    ((rows, distinct),) = shown(tmp_db, "SELECT count(*), count(DISTINCT i) FROM core.main.t")
    assert rows == distinct >= staged
    assert not (Path(f"{tmp_db}.duckrow") / "staging" / "quarantine").exists()
