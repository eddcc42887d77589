"""Nobody pays for what another client does: one that stops, floods, fails, or asks for much. And what sessions cost."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import errors
from support import Process, Processes, scaled, wait_until
from support.load import Load
from support.pgwire import Wire, query
from support.service import Service

Serve = Callable[..., Service]
CLIENTS = Path(__file__).parent.parent / "support/clients.py"
MIB = 1 << 20

# Short runs share two cores with other tests.
QUICK = scaled(0.1, 1.0)


def client(processes: Processes, python: Path, *arguments: object) -> Process:
    process = processes.start(python, CLIENTS, *map(str, arguments))
    process.expect("ready" if arguments[0] != "read" else "reading")
    return process


@contextmanager
def probing(processes: Processes, python: Path, service: Service, every: float, clients: int = 1) -> Iterator[list[float]]:
    """Others insert meanwhile; how long each insert took, sorted."""
    service.run("CREATE TABLE IF NOT EXISTS probed (i INTEGER)")
    insert = "INSERT INTO probed VALUES (%s)"
    probes = [client(processes, python, "probe", service.address, insert, every) for _ in range(clients)]
    latencies: list[float] = []
    yield latencies
    for process in probes:
        process.tell()
    for process in probes:
        latencies += json.loads(process.finish()[-1])
    latencies.sort()


def told_of(latencies: list[float]) -> str:
    at = [latencies[min(len(latencies) - 1, int(len(latencies) * part))] * 1000 for part in (0.5, 0.99)]
    return f"{len(latencies)} inserts, p50 {at[0]:.1f} ms, p99 {at[1]:.1f} ms, longest {latencies[-1] * 1000:.1f} ms"


def p99(latencies: list[float]) -> float:
    return latencies[min(len(latencies) - 1, int(len(latencies) * 0.99))]


def memory(service: Service) -> int:
    """What the service has for itself."""
    lines = Path(f"/proc/{service.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon"))


# ---- who doesn't go on ------------------------------------------------------------------------------------------------------

BIG = "SELECT i, repeat('x', 200) AS s FROM big"


def hold_idle(service: Service, processes: Processes, python: Path) -> Callable[[], str | None]:
    connection = service.connect()
    connection.execute("BEGIN")
    connection.execute("INSERT INTO held VALUES (1)")

    def ask() -> str | None:
        try:
            connection.execute("SELECT 1")
            return None
        except psycopg.Error as error:
            assert "change of the schema" in str(error)
            return error.sqlstate
        finally:
            connection.close()

    return ask


def hold_half_read(service: Service, processes: Processes, python: Path) -> Callable[[], str | None]:
    """In a transaction that has written: a read outside one is answered from a snapshot."""
    wire = Wire(service.socket)
    wire.ask("BEGIN")
    wire.ask("INSERT INTO held VALUES (1)")
    wire.send(query(BIG))
    assert wire.until("T")[-1].type == "T"

    def ask() -> str | None:
        errors = [message for message in wire.until("Z") if message.type == "E"]
        wire.close()
        assert all("change of the schema" in message.fields["M"] for message in errors)
        return errors[0].sqlstate if errors else None

    return ask


def hold_stopped(service: Service, processes: Processes, python: Path) -> Callable[[], str | None]:
    process = client(processes, python, "read", service.socket, f"BEGIN;INSERT INTO held VALUES (1);{BIG}")
    process.pause()

    def ask() -> str | None:
        process.resume()
        process.tell()
        _, errors = json.loads(process.finish()[-1])
        assert all("change of the schema" in message for _, message in errors)
        return errors[0][0] if errors else None

    return ask


@pytest.mark.one_engine
@pytest.mark.parametrize("hold", [hold_idle, hold_half_read, hold_stopped])
def test_who_does_not_go_on_holds_nobody_up(
    serve: Serve, processes: Processes, stock_python: Path, hold: Callable[..., Callable[[], str | None]]
) -> None:
    service = serve("--ddl-wait", "300ms", "--send-buffer", "256KiB", "--checkpoint-commits", "8")
    service.run(
        "CREATE TABLE t (i INTEGER)", "CREATE TABLE held (i INTEGER)", "CREATE TABLE big AS SELECT i FROM range(200000) r(i)"
    )
    ask = hold(service, processes, stock_python)
    with service.connect() as other:
        # Publishing goes on, and checkpoints: each commit is seen, though many more than a snapshot's WAL should hold.
        slowest = 0.0
        for n in range(1, 41):
            began = time.monotonic()
            other.execute("INSERT INTO t VALUES (%s)", (n,))
            slowest = max(slowest, time.monotonic() - began)
            if n % 20 == 0:
                assert service.stock_rows("SELECT count(*) FROM t", stock_python) == [[str(n)]]
        assert slowest < 0.3 + 5 * QUICK
        began = time.monotonic()
        other.execute("ALTER TABLE t ADD COLUMN s VARCHAR DEFAULT 'x'")
        took = time.monotonic() - began
        assert took < 0.3 + 5 * QUICK, took
        assert service.stock_rows("SELECT count(*), min(s) FROM t", stock_python) == [["40", "x"]]
        # The next has nobody to wait for.
        began = time.monotonic()
        other.execute("CREATE INDEX t_i ON t (i)")
        assert time.monotonic() - began < 0.2 + 5 * QUICK
    assert ask() == "40001"
    assert service.rows("SELECT * FROM held") == []


@pytest.fixture
def closing(serve: Serve) -> Iterator[ExitStack]:
    """What clients have is closed before the service is told to leave."""
    with ExitStack() as stack:
        yield stack


def half_read(service: Service, closing: ExitStack) -> Wire:
    wire = closing.enter_context(Wire(service.socket))
    wire.send(query(BIG))
    wire.until("T")
    return wire


def test_leaving_beside_a_client_that_does_not_read(serve: Serve, closing: ExitStack) -> None:
    service = serve("--busy-timeout", "1s", "--idle-in-transaction-session-timeout", "1s")
    service.run("CREATE TABLE big AS SELECT i FROM range(200000) r(i)")
    half_read(service, closing)
    began = time.monotonic()
    service.stop()
    assert time.monotonic() - began < 10


@pytest.mark.one_engine
def test_reads_that_are_left_half_read_hold_nothing_up(serve: Serve, closing: ExitStack, stock_python: Path) -> None:
    """Outside transactions: they keep the state that they have begun with, and others get on."""
    service = serve("--ddl-wait", "10s", "--send-buffer", "64KiB")
    service.run("CREATE TABLE t (i INTEGER)", "CREATE TABLE big AS SELECT i FROM range(30000) r(i)")
    readers: list[tuple[Wire, int]] = []
    for n in range(scaled(12, 4)):
        readers.append((half_read(service, closing), int(service.rows("SELECT count(*) FROM big")[0][0])))
        began = time.monotonic()
        service.run(f"INSERT INTO t (i) VALUES ({n})", f"ALTER TABLE t ADD COLUMN c{n} INTEGER", "DELETE FROM big WHERE i % 7 = 0")
        service.run(f"UPDATE big SET i = i + 30000 WHERE i = {n * 7 + 1}")
        assert time.monotonic() - began < 5
        assert service.stock_rows("SELECT count(*) FROM t", stock_python) == [[str(n + 1)]]
    assert [sum(message.type == "D" for message in reader.until("Z")) for reader, _ in readers] == [rows for _, rows in readers]


# ---- who fails -----------------------------------------------------------------------------------------------------------------


def test_each_gets_its_own_error_alone(serve: Serve) -> None:
    """64 clients, of whose units one in twenty violates a key: single statements, pipelines and transactions."""
    service = serve()
    clients, units, size = 64, scaled(300, 12), 4
    service.run("CREATE TABLE t (k BIGINT PRIMARY KEY, client INTEGER)", "INSERT INTO t VALUES (-1, -1)")
    wrong: list[str] = []
    ready = threading.Barrier(clients)

    def put(connection: psycopg.Connection, who: int, keys: list[int]) -> None:
        insert = "INSERT INTO t VALUES (%s, %s)"
        if who % 3 == 0:
            connection.execute(insert, (keys[0], who), prepare=True)
            return
        with connection.pipeline() if who % 3 == 1 else connection.transaction():
            for key in keys:
                connection.execute(insert, (key, who), prepare=True)

    def work(who: int) -> None:
        with service.connect() as connection:
            ready.wait(60)
            for n in range(units):
                bad = (who + n) % 20 == 0
                first = (who * units + n) * size
                keys = [first + i for i in range(size)]
                if bad:
                    keys[n % size if who % 3 else 0] = -1
                try:
                    put(connection, who, keys)
                    if bad:
                        wrong.append(f"{who}: {n} should have failed")
                except errors.UniqueViolation as error:
                    if not bad or "-1" not in str(error):
                        wrong.append(f"{who}: {n}: {error}")

    with ThreadPoolExecutor(clients) as pool:
        for done in [pool.submit(work, who) for who in range(clients)]:
            done.result(600)
    assert not wrong, wrong[:5]
    expected = {(-1, -1)}
    for who in range(clients):
        for n in range(units):
            if (who + n) % 20:
                first = (who * units + n) * size
                expected.update((first + i, who) for i in range(size if who % 3 else 1))
    assert set(service.rows("SELECT * FROM t")) == expected


# ---- who asks for much ---------------------------------------------------------------------------------------------------------


@pytest.mark.alone
@pytest.mark.timeout(scaled(900, 120))
@pytest.mark.parametrize("how", ["each", "once"])
def test_a_flood_beside_one_that_asks_seldom(serve: Serve, processes: Processes, stock_python: Path, how: str) -> None:
    service = serve()
    service.run("CREATE TABLE t (i INTEGER)")
    # With a Sync after each, a session's inserts are acknowledged, so committed, one after the other.
    count = scaled(1_000_000, 30_000) if how == "once" else scaled(50_000, 500)
    with probing(processes, stock_python, service, scaled(1.0, 0.05)) as latencies:
        flood = client(processes, stock_python, "flood", service.socket, "INSERT INTO t VALUES ($1)", count, how)
        began = time.monotonic()
        assert json.loads(flood.finish(800)[-1]) == []
        took = time.monotonic() - began
        wait_until(lambda: service.rows("SELECT count(*) FROM probed") >= [(3,)], 10)
    print(f"{count} inserts, Sync {how}: {count / took:.0f}/s; beside it {told_of(latencies)}")
    assert service.rows("SELECT count(*), sum(i)::BIGINT FROM t") == [(count, count * (count - 1) // 2)]
    assert p99(latencies) <= QUICK


HEAVY = "CREATE TABLE heavy AS SELECT i, md5(i::VARCHAR) AS a, sqrt(hash(i)::DOUBLE) AS b FROM range({}) r(i)"


@pytest.mark.alone
@pytest.mark.timeout(scaled(900, 120))
def test_a_long_create_table_as_beside_inserts(serve: Serve, processes: Processes, stock_python: Path) -> None:
    service = serve()
    rows = scaled(1_000_000, 300_000)
    began = time.monotonic()
    service.run(HEAVY.format(rows), "DROP TABLE heavy")
    rows = int(rows * scaled(60, 2) / (time.monotonic() - began))
    with probing(processes, stock_python, service, 0.01, clients=8) as latencies:
        began = time.monotonic()
        service.run("SET transaction_timeout = '1h'", HEAVY.format(rows))
        took = time.monotonic() - began
    print(f"CREATE TABLE AS of {took:.1f} s, {rows} rows; beside it {told_of(latencies)}")
    assert service.rows("SELECT count(*), count(DISTINCT i) FROM heavy") == [(rows, rows)]
    assert p99(latencies) <= QUICK


# ---- memory ----------------------------------------------------------------------------------------------------------------


def grown_by_half_reads(service: Service, closing: ExitStack, cancelled: bool) -> int:
    """What each of four clients costs that don't take their results."""
    service.run("CREATE TABLE big AS SELECT i FROM range(2000000) r(i)", "CREATE TABLE held (i INTEGER)")
    service.rows("SELECT count(*) FROM big")
    wires = [closing.enter_context(Wire(service.socket)) for _ in range(4)]
    for n, wire in enumerate(wires if cancelled else []):
        wire.ask("BEGIN; INSERT INTO held VALUES (1)")
        service.run(f"CREATE TABLE other{n} (i INTEGER)")
        wire.ask("ROLLBACK")
    level = memory(service)
    for wire in wires:
        wire.send(query(BIG))
        wire.until("T")
    time.sleep(scaled(10, 0.7))  # what is measured is that nothing comes
    grown = memory(service) - level
    for wire in wires:
        wire.close()
    assert service.rows("SELECT count(*) FROM big") == [(2_000_000,)]
    return grown // len(wires)


@pytest.mark.parametrize("cancelled", scaled([False, True], [True]), ids=lambda cancelled: "cancelled" if cancelled else "new")
def test_a_client_that_stops_reading_holds_its_buffer_alone(serve: Serve, closing: ExitStack, cancelled: bool) -> None:
    """And what DuckDB has of any result that is being read, however large the buffer."""
    small, large = (
        grown_by_half_reads(serve("--send-buffer", size, "--ddl-wait", "50ms"), closing, cancelled) for size in ("64KiB", "8MiB")
    )
    print(f"each holds {small / MIB:.1f} MiB with a buffer of 64 KiB, {large / MIB:.1f} MiB with 8 MiB; the result has 419 MiB")
    assert small <= 16 * MIB and large - small <= 1.5 * 8 * MIB


@pytest.mark.one_engine
def test_idle_sessions_cost_little(serve: Serve) -> None:
    service = serve()
    service.run("CREATE TABLE t (i INTEGER)")
    with service.connect() as first:
        first.execute("SELECT count(*) FROM t")
    level = memory(service)
    count = scaled(500, 200)
    sessions = [service.connect() for _ in range(count)]
    for session in sessions:
        session.execute("SELECT 1")
    quiet = memory(service) - level
    # Each has done its work: a prepared insert, a transaction, a read.
    for n, session in enumerate(sessions):
        session.execute("INSERT INTO t VALUES (%s)", (n,), prepare=True)
        with session.transaction():
            session.execute("INSERT INTO t VALUES (%s)", (n,), prepare=True)
    worked = memory(service) - level
    print(f"{count} sessions: {quiet / MIB:.1f} MiB, after some work {worked / MIB:.1f} MiB")
    for session in sessions:
        session.close()
    assert max(quiet, worked) <= 128 * MIB * count // 500


@pytest.mark.timeout(scaled(1200, 120))
def test_memory_stays_flat(serve: Serve, processes: Processes, engine_pythons: dict[str, Path], tmp_path: Path) -> None:
    """The data stay small, so that what grows is the service's."""
    service = serve("--memory-limit", "512MiB")
    load = Load(service, tmp_path, ["single"] * 3 + ["pipeline"] * 2 + ["transaction"] * 2 + ["copy"])
    load.set_up()
    load.start()
    ends = time.monotonic() + scaled(600, 2)
    levels: list[float] = []
    turn = 0
    while time.monotonic() < ends:
        turn += 1
        # New sessions, texts, tables, errors and reads.
        with service.connect() as connection:
            connection.execute(f"SELECT {turn}, count(*) FROM t WHERE n > {turn}")
            connection.execute(f"CREATE OR REPLACE TABLE side AS SELECT {turn} AS i")
            with pytest.raises(psycopg.Error):
                connection.execute(f"SELECT missing{turn}")
            connection.execute("DELETE FROM t WHERE (who, n) NOT IN (SELECT who, max(n) FROM t GROUP BY who)")
            connection.execute("DELETE FROM u")
        levels.append(memory(service) / MIB)
        time.sleep(0.05)
    load.stop()
    units, third = sum(load.acknowledged.all()), levels[len(levels) // 3]
    print(f"{units} units; {levels[0]:.0f} MiB, after a third of the time {third:.0f}, at the end {levels[-1]:.0f}")
    assert max(levels[-10:]) <= scaled(1.15, 3.0) * max(levels[: len(levels) // 3])
