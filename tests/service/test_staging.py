"""The service takes in what is staged: soon, each file once, whatever is killed; reads that ask for it see it at once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import errors
from support import Processes, scaled, wait_until
from support.disk import fill
from support.program import of_engine
from support.service import Service
from support.staging import by_hand, folder

Serve = Callable[..., Service]
REFUSED = r".* warning \[core\] \d+ staged files? .* refused: .*"


class Staged:
    """The staging folder of a service's database, as any program may use it."""

    def __init__(self, path: Path):
        self.path = path
        self.root = Path(f"{path}.duckrow") / "staging"

    def put(self, table: str, name: str, sql: str) -> Path:
        """The table's folder is made when it is missing."""
        return by_hand(folder(self.path, table) / f"{name}.parquet", sql)

    def names(self, table: str) -> list[str]:
        return sorted(path.name for path in (self.root / table).glob("*.parquet"))

    def refused(self, table: str) -> dict[str, str]:
        return {path.stem: path.read_text() for path in (self.root / "quarantine" / table).glob("*.error")}


@pytest.fixture
def staged(served: Service) -> Staged:
    return Staged(served.path)


def configure(service: Service, name: str, value: str) -> None:
    assert service.duckrow("config", service.path, name, value).status == 0


def figure(service: Service, name: str) -> int:
    return int(dict(service.rows("SHOW duckrow"))[f"core.{name}"])


def test_files_go_in_soon(served: Service, staged: Staged, table: str, stock_python: Path) -> None:
    served.run(f"CREATE TABLE {table} (i INTEGER, s VARCHAR DEFAULT 'none')")
    before = figure(served, "ingested_rows")
    for n in range(3):  # each after the one before is in: by its own event
        staged.put(table, str(n), f"SELECT {n} i FROM range(2)")
        wait_until(lambda n=n: served.rows(f"SELECT count(*) FROM {table}") == [(2 * n + 2,)], 10)
    wait_until(lambda: not staged.names(table))
    assert served.rows(f"SELECT DISTINCT * FROM {table} ORDER BY i") == [(0, "none"), (1, "none"), (2, "none")]
    assert served.stock_rows(f"SELECT count(*) FROM {table}", stock_python) == [["6"]]
    assert figure(served, "ingested_rows") >= before + 6


def test_what_was_staged_before_the_start(serve: Serve) -> None:
    service = serve(start=False)
    staged = Staged(service.path)
    for n in range(5):
        staged.put("t", str(n), f"SELECT {n} i")
    service.duckrow("sql", "--write", service.path, "CREATE TABLE t (i INTEGER)")
    service.start()
    wait_until(lambda: not staged.names("t"), 10)
    assert service.rows("SELECT count(*), sum(i) FROM t") == [(5, 10)]


@pytest.mark.one_engine
def test_a_folder_that_comes_and_goes(served: Service, staged: Staged, table: str) -> None:
    served.run(f"CREATE TABLE {table} (i INTEGER)")
    for n in range(2):
        staged.put(table, "same", f"SELECT {n} i")
        wait_until(lambda n=n: served.rows(f"SELECT count(*) FROM {table}") == [(n + 1,)], 10)
        wait_until(lambda: not staged.names(table))
        (staged.root / table).rmdir()


@pytest.mark.one_engine
def test_a_folder_that_cannot_be_made_at_first(serve: Serve) -> None:
    """It serves all the same, and watches the folder once it is there."""
    service = serve(start=False)
    service.duckrow("sql", "--write", service.path, "CREATE TABLE t (i INTEGER)")
    staged = Staged(service.path)
    staged.root.touch()
    service.start()
    assert service.rows("SELECT count(*) FROM t") == [(0,)]
    staged.root.unlink()
    staged.put("t", "a", "SELECT 1 i")
    wait_until(lambda: service.rows("SELECT i FROM t") == [(1,)], 20)


def test_what_does_not_fit(serve: Serve) -> None:
    service = serve()
    service.expected.append(REFUSED)
    staged = Staged(service.path)
    service.run("CREATE TABLE t (i INTEGER)")
    staged.put("t", "a", "SELECT 1 i")
    staged.put("t", "b", "SELECT 'no number' i")
    staged.put("t", "c", "SELECT 3 i")
    staged.put("later", "d", "SELECT 4 i")
    (staged.root / "t" / "e.parquet").write_bytes(b"PAR1 no Parquet")
    wait_until(lambda: len(staged.refused("t")) == 2, 10)
    wait_until(lambda: service.rows("SELECT i FROM t ORDER BY i") == [(1,), (3,)])
    assert "no number" in staged.refused("t")["b.parquet"]
    assert figure(service, "ingest_refused_files") == 2
    # Files of a table that isn't there wait for it.
    assert staged.names("later") == ["d.parquet"]
    service.run("CREATE TABLE later (i INTEGER)")
    wait_until(lambda: service.rows("SELECT i FROM later") == [(4,)], 15)


def test_settings(serve: Serve) -> None:
    """Read anew while it serves."""
    service = serve()
    staged = Staged(service.path)
    configure(service, "ingest_create", "on")
    configure(service, "ingest_add_columns", "on")
    configure(service, "ingest_keep", "on")
    configure(service, "ingest_files", "2")
    for n in range(5):
        staged.put("made", str(n), f"SELECT {n} i, {n} AS n{n % 2}")
    wait_until(lambda: not staged.names("made"), 15)
    assert service.rows("SELECT i, n0, n1 FROM made ORDER BY i") == [
        (n, None if n % 2 else n, n if n % 2 else None) for n in range(5)
    ]
    assert len(list((staged.root / "done" / "made").glob("*/*.parquet"))) == 5
    configure(service, "ingest", "off")
    staged.put("made", "off", "SELECT 9 i")
    with service.connect() as connection:
        connection.execute("SET staged = on")
        with pytest.raises(errors.ObjectNotInPrerequisiteState, match="ingest is off"):
            connection.execute("FROM made")
        connection.execute("SET staged = off")
        assert connection.execute("SELECT count(*) FROM made").fetchone() == (5,)
        # From the next read on, not from the next look at the settings.
        configure(service, "ingest", "on")
        connection.execute("SET staged = on")
        assert connection.execute("SELECT count(*) FROM made").fetchone() == (6,)


def test_reads_that_see_what_is_staged(served: Service, staged: Staged, table: str) -> None:
    with served.connect() as connection:
        connection.execute(f"CREATE TABLE {table} (i INTEGER)")
        with pytest.raises(psycopg.Error, match="Boolean"):
            connection.execute("SET staged = 'perhaps'")
        assert connection.execute("SHOW staged").fetchone() == ("off",)
        connection.execute("SET staged = on")
        for n in range(scaled(300, 20)):
            staged.put(table, str(n), f"SELECT {n} i")
            assert connection.execute(f"SELECT count(*), count(DISTINCT i) FROM {table}").fetchone() == (n + 1, n + 1)
        # In a transaction, what it saw first.
        connection.execute("BEGIN")
        before = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        staged.put(table, "within", "SELECT -1 i")
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == before
        connection.execute("COMMIT")
        assert connection.execute(f"SELECT min(i) FROM {table}").fetchone() == (-1,)


def test_while_the_database_is_held(serve: Serve) -> None:
    service = serve()
    service.run("CREATE TABLE t (i INTEGER)")
    staged = Staged(service.path)
    holding = service.duckrow.start("hold", service.path, "--", "sleep", "2")
    try:
        wait_until(lambda: dict(service.rows("SHOW duckrow"))["core.handed_over"] == "1")
        staged.put("t", "meanwhile", "SELECT 1 i")
        assert holding.wait(30) == 0
    finally:
        holding.kill()
        holding.communicate()
    assert wait_until(lambda: service.rows("SELECT i FROM t"), 10) == [(1,)]


@pytest.mark.one_engine
def test_leaving_does_not_wait_for_ingest(serve: Serve) -> None:
    service = serve()
    staged = Staged(service.path)
    service.run("CREATE TABLE t (i BIGINT, s VARCHAR)")
    staged.put("t", "large", f"SELECT i, repeat(md5(i::VARCHAR), 4) s FROM range({scaled(20_000_000, 2_500_000)}) r(i)")
    time.sleep(1.3)  # it is at it
    began = time.monotonic()
    service.process.signal(signal.SIGTERM)
    assert service.process.wait(30) == 0
    assert time.monotonic() - began < 10
    service.process.end()
    service.start()
    wait_until(lambda: not staged.names("t"), 60)
    assert service.rows("SELECT count(*), count(DISTINCT i) FROM t") == [(scaled(20_000_000, 2_500_000),) * 2]


# ---- exactly once ------------------------------------------------------------------------------------------------------------

PRODUCER = """
    import sys, time, duckrow
    who, ends, n = int(sys.argv[2]), time.monotonic() + float(sys.argv[3]), 0
    while time.monotonic() < ends:
        duckrow.stage(sys.argv[1], "t", [{"who": who, "n": n, "text": "x" * (n % 50)} for n in range(n, n + 10)])
        n += 10
        print(n, flush=True)
"""
SHELL = """
n=0 ends=$(($(date +%s) + $4))
while [ "$(date +%s)" -lt "$ends" ]; do
    rows=; for i in 0 1 2 3 4; do rows="$rows$3,$((n + i)),shell
"; done
    printf 'who,n,text\\n%s' "$rows" | "$1" stage --format csv "$2" t - >/dev/null || exit 1
    n=$((n + 5))
    echo $n
done
"""


class Producers:
    """Of both kinds; each says how many rows it was told are staged."""

    def __init__(self, service: Service, processes: Processes, python: Path, seconds: float, pythons: int, shells: int):
        self.said = []
        for who in range(pythons):
            self.said.append(processes.python(PRODUCER, service.path, who, seconds, python=python))
        for who in range(pythons, pythons + shells):
            argv = ["sh", "-c", SHELL, "sh", service.duckrow.program, service.path, str(who), str(int(seconds))]
            self.said.append(processes.start(*argv, env=service.duckrow.env))

    def ended(self) -> list[int]:
        return [int(process.finish(120)[-1]) for process in self.said]


def check_once(service: Service, staged: Staged, counts: list[int]) -> None:
    wait_until(lambda: not staged.names("t"), 120, "all is taken in")
    assert rows_of(service) == [(who, count, count, count) for who, count in enumerate(counts)]
    assert not staged.refused("t")


@pytest.mark.timeout(scaled(600, 120))
def test_killed_at_random(serve: Serve, processes: Processes, stock_python: Path) -> None:
    """kill -9 of the service each second or so beside producers, who don't notice."""
    service = serve()
    configure(service, "ingest_interval", "100ms")
    service.run("CREATE TABLE t (who INTEGER, n INTEGER, text VARCHAR)")
    staged, dice = Staged(service.path), random.Random(scaled(None, 5))
    producers = Producers(service, processes, stock_python, scaled(120, 8), scaled(5, 2), scaled(3, 1))
    ends = time.monotonic() + scaled(120, 8)
    while time.monotonic() < ends:
        time.sleep(dice.uniform(0.2, 1.5))
        service.kill()
        service.process.end()
        service.start()
    counts = producers.ended()
    print(counts)
    check_once(service, staged, counts)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
@pytest.mark.timeout(scaled(600, 120))
def test_a_full_disk(version: str, small_disk: Path) -> None:
    """Who stages is told; what is staged waits until there is room again, and none of it is refused."""
    service = Service(of_engine(version, small_disk))
    try:
        configure(service, "ingest_interval", "100ms")
        service.run("CREATE TABLE t (who INTEGER, n INTEGER, text VARCHAR)")
        service.run("CHECKPOINT")
        staged, n, told = Staged(service.path), 0, 0
        for _ in range(scaled(5, 2)):
            filler = fill(small_disk, 256 << 10)
            before, ends = told, time.monotonic() + scaled(10, 2)
            while time.monotonic() < ends or told == before:
                rows = "who,n,text\n" + "".join(f"0,{n + i},{os.urandom(3000).hex()}\n" for i in range(10))
                ended = subprocess.run(
                    [service.duckrow.program, "stage", "--format", "csv", service.path, "t", "-"],
                    env=service.duckrow.env,
                    input=rows,
                    text=True,
                    capture_output=True,
                )
                if ended.returncode == 0:
                    n += 10
                else:
                    told += 1
                    assert len(ended.stderr.splitlines()) == 1, ended.stderr
                time.sleep(0.05)
            assert service.process.running, service.process.errors
            filler.unlink()
            wait_until(lambda: not staged.names("t"), 60, "all is taken in")
        assert told and n
        assert wait_until(lambda: rows_of(service), 30) == [(0, n, n, n)]
        assert not staged.refused("t")
    finally:
        service.discard()


def rows_of(service: Service) -> list[tuple]:
    """Nothing, while the service can't be connected to."""
    try:
        return service.rows("SELECT who, count(*), count(DISTINCT n), max(n) + 1 FROM t GROUP BY who ORDER BY who")
    except psycopg.OperationalError:
        return []
