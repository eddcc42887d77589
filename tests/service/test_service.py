"""The service as a process: who serves, who may, what happens when somebody dies, what readers see."""

from __future__ import annotations

import json
import re
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable

import psycopg
import psycopg.errors
import pytest
from support import SOAK
from support.program import ROOT

from .conftest import Service

# A DuckDB that knows nothing of duckrow, at the path that it may open.
READER = "import duckdb, sys; print(duckdb.connect(sys.argv[1], read_only=True).execute(sys.argv[2]).fetchall())"


def read_stock(service: Service, python: str, sql: str) -> str:
    path = service.duckrow.db.with_suffix(".read.duckdb")
    return subprocess.run([python, "-c", READER, path, sql], capture_output=True, text=True, check=True, timeout=60).stdout.strip()


@pytest.fixture
def python(engine_pythons: dict, version: str) -> str:
    return str(engine_pythons[version])


def test_readers_see_what_was_acknowledged(service: Service, python: str) -> None:
    con = service.connect()
    con.execute("CREATE TABLE t (i INTEGER)")
    for i in range(3):
        con.execute("INSERT INTO t VALUES (%s)", (i,))
        assert read_stock(service, python, "SELECT count(*) FROM t") == f"[({i + 1},)]"
        assert con.execute("SELECT count(*) FROM t").fetchone() == (i + 1,)
    con.execute("ALTER TABLE t ADD COLUMN s VARCHAR DEFAULT 'x'")
    con.execute("CREATE INDEX by_i ON t (i)")
    assert read_stock(service, python, "SELECT s FROM t WHERE i = 2") == "[('x',)]"


def test_who_serves_is_told(service: Service) -> None:
    status = json.loads(service.duckrow("status", "--json", service.duckrow.db).text)
    assert status["holder"]["kind"] == "serve" and status["service"]["dsn"] == f"host='{service.sockets}' dbname='core'"
    with psycopg.connect(status["service"]["dsn"], user="tester") as con:
        assert con.execute("SELECT current_database()").fetchone() == ("core",)
    assert "service    host=" in service.duckrow("status", service.duckrow.db).text
    second = service.duckrow("serve", "--busy-timeout", "200ms", service.duckrow.db, status=75)
    assert "serve" in second.line() and str(service.process and service.process.pid) in second.line()


def test_it_ends_in_order(service: Service, python: str) -> None:
    con = service.connect()
    con.execute("CREATE TABLE t (i INTEGER)")
    open_transaction = service.connect(autocommit=False)
    open_transaction.execute("INSERT INTO t VALUES (1)")
    assert service.process
    service.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    open_transaction.commit()
    log = service.process.communicate(timeout=30)[1]
    assert service.process.returncode == 0 and "leaving" in log, log
    assert not service.announced.exists() and not (service.sockets / ".s.PGSQL.5432").exists()
    assert service.duckrow.read("SELECT * FROM t") == [["1"]]
    assert json.loads(service.duckrow("status", "--json", service.duckrow.db).text)["service"] is None
    with pytest.raises(psycopg.OperationalError):
        con.execute("SELECT 1")


def test_nothing_acknowledged_is_lost_when_it_is_killed(version: str, starting: Callable[..., Service]) -> None:
    service = starting(version)
    service.connect().execute("CREATE TABLE t (who INTEGER, n INTEGER)")
    for turn in range(20 if SOAK else 3):
        done: dict[int, int] = {}

        def write(who: int, done: dict[int, int] = done, turn: int = turn) -> None:
            try:
                con = service.connect()
                for n in range(10**9):
                    con.execute("INSERT INTO t VALUES (%s, %s)", (100 * turn + who, n))
                    done[who] = n + 1
            except psycopg.OperationalError:
                return

        writers = [threading.Thread(target=write, args=(who,)) for who in range(4)]
        for writer in writers:
            writer.start()
        deadline = time.monotonic() + 20
        while len(done) < 4 and time.monotonic() < deadline:
            time.sleep(0.05)
        service.kill()
        for writer in writers:
            writer.join()
        service.start()
        con = service.connect()
        for who, count in done.items():
            found = con.execute("SELECT n FROM t WHERE who = %s ORDER BY n", (100 * turn + who,)).fetchall()
            assert [n for (n,) in found][:count] == list(range(count))
            assert len(found) <= count + 1, "only the last one may be there without having been acknowledged"


def test_each_gets_its_own_error(service: Service) -> None:
    service.connect().execute("CREATE TABLE t (i BIGINT PRIMARY KEY); INSERT INTO t VALUES (-1)")
    wrong: list[object] = []

    def write(who: int) -> None:
        con = service.connect()
        for n in range(40):
            clash = n % 8 == who % 8
            try:
                con.execute("INSERT INTO t VALUES (%s)", (-1 if clash else 1000 * who + n,), prepare=True)
                if clash:
                    wrong.append((who, n, "no error"))
            except psycopg.errors.UniqueViolation:
                if not clash:
                    wrong.append((who, n, "somebody else's error"))

    threads = [threading.Thread(target=write, args=(who,)) for who in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert service.connect().execute("SELECT count(*) FROM t").fetchone() == (16 * 35 + 1,)


def raw(service: Service, *parts: bytes) -> bytes:
    """Says hello, sends bytes, and returns all that comes until the end."""
    hello = b"user\0tester\0database\0core\0\0"
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(service.sockets / ".s.PGSQL.5432"))
        client.sendall(struct.pack("!II", 8 + len(hello), 196608) + hello)
        for part in parts:
            client.sendall(part)
        client.shutdown(socket.SHUT_WR)
        got = b""
        while piece := client.recv(65536):
            got += piece
        return got


def test_a_bad_frame_ends_that_session_alone(service: Service) -> None:
    con = service.connect()
    for frame in (
        b"Q" + struct.pack("!I", 3),
        b"Q" + struct.pack("!I", 2**31 - 1),
        b"\x7f" + struct.pack("!I", 4),
        b"B\0\0\0\x05x",
    ):
        assert b"C08P01" in raw(service, frame), frame
    assert b"C08P01" not in raw(service, b"Q" + struct.pack("!I", 13) + b"SELECT 1\0")
    assert con.execute("SELECT 1").fetchone() == (1,)


def test_a_client_that_goes_leaves_nothing(service: Service) -> None:
    con = service.connect()
    con.execute("CREATE TABLE t (i INTEGER)")
    gone = service.connect(autocommit=False)
    gone.execute("INSERT INTO t VALUES (1)")
    socket.socket(fileno=gone.fileno()).shutdown(socket.SHUT_RDWR)
    copying = service.connect()
    copying.pgconn.exec_(b"COPY t FROM STDIN")
    copying.pgconn.put_copy_data(b"2\n")
    socket.socket(fileno=copying.fileno()).shutdown(socket.SHUT_RDWR)
    deadline = time.monotonic() + 20
    while con.execute("SELECT 1").fetchone() and dict(con.execute("SHOW duckrow").fetchall())["sessions"] != "1":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    con.execute("ALTER TABLE t ADD COLUMN s VARCHAR")
    assert con.execute("SELECT * FROM t").fetchall() == []


def test_limits(version: str, starting: Callable[..., Service]) -> None:
    service = starting(version, "--max-connections", "2")
    with pytest.raises(psycopg.OperationalError, match="is not served here; there is core"):
        psycopg.connect(service.dsn.replace("core", "other"))
    first, second = service.connect(), service.connect()
    with pytest.raises(psycopg.OperationalError, match="too many clients"):
        service.connect()
    first.close()
    second.close()


def test_several_databases(version: str, starting: Callable[..., Service]) -> None:
    service = starting(version, start=False)
    other = service.duckrow.folder / "r.duckdb"
    service.start(f"runs={other}")
    con = psycopg.connect(service.dsn.replace("core", "runs"), autocommit=True)
    con.execute("CREATE TABLE t (i INTEGER)")
    con.execute("CREATE TABLE core.t (i INTEGER)")
    con.execute("INSERT INTO t VALUES (1)")
    con.execute("INSERT INTO core.main.t VALUES (%s)", (2,))
    assert con.execute("SELECT t.i, c.i FROM runs.t, core.t c").fetchall() == [(1, 2)]
    assert service.connect().execute("SELECT i FROM t").fetchall() == [(2,)]
    log = service.stop()
    assert "serving" in log and str(other) in log
    assert service.duckrow("sql", "--format", "csv", other, "SELECT i FROM t").text == "i\n1\n"


def test_settings(version: str, starting: Callable[..., Service]) -> None:
    service = starting(version, start=False)
    duckrow = service.duckrow
    assert "--idle-in-transaction-session-timeout" in duckrow("serve", "--help").text
    assert duckrow("serve", "--check", duckrow.db).text == f"core = {duckrow.db}\n"
    assert "--busy-timeout" in duckrow("serve", "--busy-timeou", "1s", duckrow.db, status=64).line()
    page = (ROOT / "docs/service.md").read_text()
    names = re.findall(r"^  --([a-z-]+)", duckrow("serve", "--help").text.partition("settings, as flags")[2], re.MULTILINE)
    assert len(names) > 15 and [name for name in names if f"| `{name.replace('-', '_')}` |" not in page] == []
    config = duckrow.folder / "duckrow.conf"
    config.write_text("[service]\nstatement_timeout = 1x\n[databases]\ncore = core.duckdb\n")
    assert "duckrow.conf:2" in duckrow("serve", "--config", config, status=64).line()
    config.write_text(f"[service]\nsocket = {service.sockets}\nstatement_timeout = 90s\n[databases]\ncore = core.duckdb\n")
    service.settings = ["--config", str(config)]
    process = duckrow.start("serve", "--config", config)
    service.process = process
    deadline = time.monotonic() + 30
    while not service.announced.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert service.connect().execute("SHOW statement_timeout").fetchone() == ("90s",)
    service.stop()


def test_a_socket_that_a_crash_left_is_replaced(service: Service) -> None:
    service.connect().execute("CREATE TABLE t (i INTEGER)")
    service.kill()
    assert service.announced.exists() and (service.sockets / ".s.PGSQL.5432").exists()
    assert json.loads(service.duckrow("status", "--json", service.duckrow.db).text)["service"] is None
    service.start()
    assert service.connect().execute("SELECT count(*) FROM t").fetchone() == (0,)
    service.stop()


def test_an_embedded_writer_waits_and_is_told(service: Service, python: str) -> None:
    code = "import sys; from duckrow import _core; _core.Database(sys.argv[1]).take(False, 'write', 200)"
    waited = subprocess.run([python, "-c", code, service.duckrow.db], capture_output=True, text=True, timeout=60)
    assert waited.returncode == 1 and re.search(r"held for .* to serve; 1 waiting; gave up", waited.stderr), waited.stderr


def test_metrics(version: str, starting: Callable[..., Service]) -> None:
    service = starting(version, start=False)
    path = service.sockets / "metrics"
    service.start("--metrics", str(path))
    service.connect().execute("CREATE TABLE t (i INTEGER)")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        answer = b""
        while piece := client.recv(65536):
            answer += piece
    head, _, text = answer.decode().partition("\r\n\r\n")
    assert head.startswith("HTTP/1.0 200 OK") and f"Content-Length: {len(text)}" in head
    assert re.search(r'^duckrow_rotations\{database="core"\} [1-9]', text, re.MULTILINE) and "duckrow_sessions " in text
    service.stop()
