"""What the service does when the disk fails or is full, clients die, or another service wants the same file."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from support import Process, Processes, scaled, wait_until
from support.disk import fill
from support.load import Load, write_all_kinds
from support.program import of_engine
from support.service import Service

Serve = Callable[..., Service]
SUPPORT = Path(__file__).parent.parent / "support"
KINDS = ["single", "single", "pipeline", "transaction", "copy"]


# ---- a disk that fails -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def failing_disk() -> Iterator[Path]:
    """A library that makes writes fail, see failing_disk.c."""
    with tempfile.TemporaryDirectory(prefix="dr-") as folder:
        library = Path(folder) / "failing_disk.so"
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, SUPPORT / "failing_disk.c", "-ldl"], check=True)
        yield library


class Disk:
    def __init__(self, service: Service):
        self.service = service
        self.control = service.folder / "failing"

    def fail(self, call: str, pattern: str, number: int) -> None:
        written = self.control.with_suffix(".new")
        written.write_text(f"{call} {pattern.format(db=self.service.path)} {number}\n")
        written.rename(self.control)

    def recover(self) -> None:
        self.control.unlink()


@pytest.fixture
def serve_on(version: str, failing_disk: Path) -> Iterator[Callable[..., tuple[Service, Disk]]]:
    """A service whose disk can be made to fail."""
    made: list[Service] = []
    with tempfile.TemporaryDirectory(prefix="dr-") as folder:

        def start(*settings: str) -> tuple[Service, Disk]:
            duckrow = of_engine(version, Path(folder))
            duckrow.environment = {"LD_PRELOAD": str(failing_disk), "FAILING_DISK": str(duckrow.folder / "failing")}
            made.append(Service(duckrow, *settings))
            return made[-1], Disk(made[-1])

        try:
            yield start
        finally:
            for service in made:
                service.discard()


FULL, BROKEN = errno.ENOSPC, errno.EIO
FAILING = {
    "the WAL can't grow": ("write", "{db}.wal", FULL),
    "the WAL can't be synced": ("sync", "{db}.wal", BROKEN),
    "the WAL can't be written": ("write", "{db}.wal", BROKEN),
    "the file can't grow": ("write", "{db}", FULL),
    "the file can't be synced": ("sync", "{db}", BROKEN),
    "the snapshot's WAL can't grow": ("write", "*/snapshot/*.wal", FULL),
    "the snapshot can't grow": ("write", "*/snapshot/*.duckdb", FULL),
}
QUICKLY = ["the WAL can't grow", "the WAL can't be synced", "the file can't grow", "the snapshot's WAL can't grow"]


@pytest.mark.timeout(scaled(600, 120))
@pytest.mark.parametrize("case", scaled(list(FAILING), QUICKLY))
def test_a_disk_that_fails_for_a_while(
    serve_on: Callable[..., tuple[Service, Disk]],
    processes: Processes,
    engine_pythons: dict[str, Path],
    tmp_path: Path,
    case: str,
) -> None:
    """Who is concerned is told, readers go on; and the service goes on too once the disk does: nothing lost, nothing twice."""
    call, pattern, number = FAILING[case]
    service, disk = serve_on("--ddl-wait", "200ms", "--checkpoint-commits", "20")
    pid = service.process.pid
    load = Load(service, tmp_path, KINDS)
    load.beside = write_all_kinds
    # Told of the disk; or hung up on, as all were opened anew, or not let in meanwhile.
    load.trouble = {"", "57P01", "57P02", "57P03", "58000", "53100" if number == FULL else "58030"}
    load.set_up()
    load.start_readers(processes, list(engine_pythons.values()))
    load.start()
    for _ in range(scaled(5, 1)):
        load.wait(3)
        disk.fail(call, pattern, number)
        time.sleep(scaled(3, 0.6))
        disk.recover()
        wait_until_it_serves(service)
        load.wait(3)
    load.stop()
    load.check()
    looked = load.end_readers()
    print(f"{case}: {load.troubles}, tried again {load.tried_again}, looks {looked}, units {load.acknowledged.all()[: len(KINDS)]}")
    assert service.process.running and service.process.pid == pid
    # What is on the disk is what was said: for who comes after, too.
    service.kill()
    service.process.end()
    service.start()
    load.check()


def serves(service: Service) -> bool:
    assert service.process.running, f"it ended with {service.process.wait()}\n{service.process.errors}"
    try:
        with service.connect() as connection:
            connection.execute("INSERT INTO counter VALUES (-1, 0)")
        return True
    except psycopg.Error:
        return False


def wait_until_it_serves(service: Service) -> None:
    try:
        wait_until(lambda: serves(service), 20, "it serves again")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{service.process.errors[-5000:]}") from None


def test_sessions_are_told_why_they_are_hung_up_on(serve_on: Callable[..., tuple[Service, Disk]]) -> None:
    service, disk = serve_on()
    service.run("CREATE TABLE t (i INTEGER)")
    idle, transaction, writer = service.connect(), service.connect(), service.connect()
    transaction.execute("BEGIN")
    transaction.execute("INSERT INTO t VALUES (1)")
    disk.fail("sync", "{db}.wal", BROKEN)
    with pytest.raises(psycopg.Error):
        writer.execute("INSERT INTO t VALUES (2)")
    disk.recover()
    for connection in (idle, transaction):
        wait_until(lambda asked=connection: is_hung_up_on(asked), 10)
    wait_until(lambda: could_connect(service), 20, "it serves again")
    # Whether the second row is there nobody was told; the first can't be.
    assert service.rows("SELECT i FROM t") in ([], [(2,)])
    service.run("INSERT INTO t VALUES (3)")
    assert "opened anew" in service.process.errors
    said = json.loads(service.duckrow("status", "--json", service.path).text)
    assert said["service"] and said["holder"]["pid"] == service.process.pid and said["fresh"]


def is_hung_up_on(connection: psycopg.Connection) -> bool:
    try:
        connection.execute("SELECT 1")
        return False
    except psycopg.Error as error:
        # Until it is hung up on it may be told what ails DuckDB.
        assert error.sqlstate in ("57P02", "58000", None), error
        return connection.broken


def could_connect(service: Service) -> bool:
    try:
        service.connect().close()
        return True
    except psycopg.OperationalError:
        return False


# ---- a disk that is full -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
@pytest.mark.timeout(scaled(600, 120))
@pytest.mark.parametrize("leave", scaled([300 << 10, 3 << 20], [300 << 10]))
def test_a_full_disk(
    version: str, small_disk: Path, processes: Processes, engine_pythons: dict[str, Path], tmp_path: Path, leave: int
) -> None:
    service = Service(of_engine(version, small_disk), "--ddl-wait", "200ms")
    try:
        load = Load(service, tmp_path, ["single", "single", "pipeline", "transaction", "copy"])
        load.beside = write_all_kinds
        load.trouble = {"53100", "57P01", "57P02", "57P03", "58000", ""}
        load.set_up()
        load.start_readers(processes, list(engine_pythons.values()))
        for _ in range(scaled(5, 1)):
            load.start()
            load.wait(2)
            filler = fill(small_disk, leave)
            # Or hung up on: a checkpoint that fails ends DuckDB's instance, and the next needs space.
            wait_until(lambda: load.troubles["53100"] and load.troubles.total() > 20, 60, "writers are told")
            assert service.process.running
            filler.unlink()
            wait_until_it_serves(service)
            load.troubles.clear()
            load.wait(2)
            load.stop()
        load.check()
        looked = load.end_readers()
        print(f"tried again {load.tried_again}, looks {looked}, units {load.acknowledged.all()[: len(KINDS)]}")
        assert json.loads(service.duckrow("status", "--json", service.path).text)["fresh"]
    finally:
        service.discard()


# ---- clients that die --------------------------------------------------------------------------------------------------------

DYING = """
    import psycopg, sys
    connection = psycopg.connect(sys.argv[1], autocommit=True)
    how = sys.argv[2]
    insert = "INSERT INTO theirs VALUES (%s, %s)"
    if how == "transaction":
        connection.execute("BEGIN")
        for i in range(2000):
            connection.execute(insert, (i, "x" * 50), prepare=True)
            if i == 20:
                print("there", flush=True)
        connection.execute("SELECT 1 FROM range(1000000000) a, range(1000000000) b WHERE a.range + b.range = -1")
    elif how == "pipeline":
        with connection.pipeline() as pipeline:
            for i in range(100000):
                connection.execute(insert, (i, "x" * 50), prepare=True)
                if i == 2000:
                    connection.pgconn.send_flush_request()
                    connection.pgconn.flush()
                    print("there", flush=True)
                    input()
    elif how == "copy":
        with connection.cursor() as cursor, cursor.copy("COPY theirs FROM STDIN") as copy:
            for i in range(1000000000):
                copy.write_row((i, "x" * 50))
                if i == 30000:
                    print("there", flush=True)
    elif how == "long":
        print("there", flush=True)
        connection.execute("INSERT INTO theirs SELECT a.range, 'x' FROM range(1000000000) a, range(1000000000) b WHERE b.range < 0")
"""


@pytest.mark.timeout(scaled(600, 120))
def test_clients_that_die_leave_nothing(serve: Serve, processes: Processes, stock_python: Path, tmp_path: Path) -> None:
    service = serve("--ddl-wait", "200ms")
    load = Load(service, tmp_path, ["single", "transaction"])
    load.set_up()
    service.run("CREATE TABLE theirs (i INTEGER, s VARCHAR)")
    load.start()
    for _ in range(scaled(10, 1)):
        clients = [
            processes.python(DYING, service.address, how) for how in ("transaction", "pipeline", "copy", "long") * scaled(2, 1)
        ]
        for process in clients:
            process.expect("there")
        time.sleep(0.1)
        for process in clients:
            process.kill()
        # What they held is free at once, and others never stood still.
        began = time.monotonic()
        service.run("ALTER TABLE theirs ADD COLUMN more INTEGER", "ALTER TABLE theirs DROP COLUMN more")
        assert time.monotonic() - began < scaled(2, 10)
        load.wait(2)
        wait_until(lambda: int(dict(service.rows("SHOW duckrow"))["sessions"]) == 3, 10, "their sessions are gone")
        assert service.rows("SELECT count(*) FROM theirs") == [(0,)]
    load.stop()
    load.check()
    assert service.stock_rows("SELECT count(*) FROM theirs", stock_python) == [["0"]]


# ---- two services ------------------------------------------------------------------------------------------------------------


def test_of_services_started_at_once_one_serves(serve: Serve) -> None:
    """The others say who."""
    service = serve("--busy-timeout", "1s", start=False)
    started: list[Process] = [service.launch() for _ in range(4)]
    try:
        wait_until(lambda: sum(process.running for process in started) == 1, 30, "all but one have given up")
        serving = next(process for process in started if process.running)
        for process in started:
            if process is not serving:
                assert process.wait() == 75
                assert "serve" in process.errors and f"pid {serving.pid}" in process.errors, process.errors
        service.process = serving
        wait_until(service.is_ready, 30)
        service.run("CREATE TABLE t (i INTEGER)")
    finally:
        for process in started:
            if process is not service.process:
                process.end()


def test_the_next_service_takes_over_when_one_is_killed(serve: Serve) -> None:
    """At the same place, with all that was acknowledged, and the socket that the first has left is no hindrance."""
    service = serve("--busy-timeout", "30s")
    service.run("CREATE TABLE t (i INTEGER)")
    second = service.launch()
    try:
        time.sleep(0.3)
        n = 0
        for _ in range(20):
            service.run(f"INSERT INTO t VALUES ({n})")
            n += 1
        service.kill()
        assert service.socket.exists()
        service.process.end()
        service.process = second
        wait_until(service.is_ready, 30)
        assert service.rows("SELECT count(*) FROM t") == [(n,)]
        assert json.loads(service.duckrow("status", "--json", service.path).text)["holder"]["pid"] == second.pid
    finally:
        if service.process is not second:
            second.end()


def test_an_embedded_writer_of_the_same_moment(serve: Serve) -> None:
    """One gets its turn first; the service serves what the other has committed."""
    service = serve("--busy-timeout", "30s", start=False)
    wrote: list[int] = []

    def write() -> None:
        for n in range(8):
            service.duckrow.write(f"CREATE TABLE IF NOT EXISTS t (i INTEGER); INSERT INTO t VALUES ({n})")
            wrote.append(n)

    writer = threading.Thread(target=write)
    writer.start()
    wait_until(lambda: wrote, 20)
    service.process = service.launch()
    # The writer has to wait from then on, and is told after ten seconds: whoever runs it sees that.
    wait_until(service.is_ready, 30)
    assert {(n,) for n in wrote} <= set(service.rows("SELECT i FROM t"))
    service.stop()
    writer.join(30)
    assert not writer.is_alive() and len(wrote) == 8
