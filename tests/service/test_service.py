"""The service as a process: who serves, who may, what happens when somebody dies, what readers see."""

from __future__ import annotations

import json
import re
import signal
import socket
import struct
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import psycopg.errors
import pytest
from support import SOAK, wait_until
from support.program import ROOT
from support.service import Service

Serve = Callable[..., Service]


@pytest.fixture
def sockets() -> Iterator[Path]:
    """A folder for them; pytest's own have names too long for a socket."""
    with tempfile.TemporaryDirectory(prefix="dr-") as folder:
        yield Path(folder)


def test_readers_see_what_was_acknowledged(served: Service, stock_python: Path, table: str) -> None:
    con = served.connect()
    con.execute(f"CREATE TABLE {table} (i INTEGER)")
    for i in range(3):
        con.execute(f"INSERT INTO {table} VALUES (%s)", (i,))
        assert served.stock_rows(f"SELECT count(*) FROM {table}", stock_python) == [[str(i + 1)]]
        assert con.execute(f"SELECT count(*) FROM {table}").fetchone() == (i + 1,)
    con.execute(f"ALTER TABLE {table} ADD COLUMN s VARCHAR DEFAULT 'x'")
    con.execute(f"CREATE INDEX {table}_by_i ON {table} (i)")
    assert served.stock_rows(f"SELECT s FROM {table} WHERE i = 2", stock_python) == [["x"]]


def test_who_serves_is_told(serve: Serve, sockets: Path) -> None:
    service = serve(sockets=sockets)
    status = json.loads(service.duckrow("status", "--json", service.path).text)
    assert status["holder"]["kind"] == "serve" and status["service"]["dsn"] == f"host='{sockets}' dbname='core'"
    with psycopg.connect(status["service"]["dsn"], user="tester") as con:
        assert con.execute("SELECT current_database()").fetchone() == ("core",)
    assert "service    host=" in service.duckrow("status", service.path).text
    second = service.duckrow("serve", "--busy-timeout", "200ms", service.path, status=75)
    assert "serve" in second.line() and str(service.process.pid) in second.line()


def test_it_ends_in_order(serve: Serve, sockets: Path) -> None:
    service = serve(sockets=sockets)
    con = service.connect()
    con.execute("CREATE TABLE t (i INTEGER)")
    open_transaction = service.connect(autocommit=False)
    open_transaction.execute("INSERT INTO t VALUES (1)")
    service.process.signal(signal.SIGTERM)
    wait_until(lambda: "leaving" in service.process.errors, 10, "it has been told")
    open_transaction.commit()
    service.stop()
    assert service.duckrow.read("SELECT * FROM t") == [["1"]]
    assert json.loads(service.duckrow("status", "--json", service.path).text)["service"] is None
    with pytest.raises(psycopg.OperationalError):
        con.execute("SELECT 1")


def test_nothing_acknowledged_is_lost_when_it_is_killed(serve: Serve) -> None:
    service = serve()
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
        wait_until(lambda done=done: len(done) == 4, 20, "all writers get on")
        service.kill()
        for writer in writers:
            writer.join()
        service.discard()
        service.start()
        con = service.connect()
        for who, count in done.items():
            found = con.execute("SELECT n FROM t WHERE who = %s ORDER BY n", (100 * turn + who,)).fetchall()
            assert [n for (n,) in found][:count] == list(range(count))
            assert len(found) <= count + 1, "only the last one may be there without having been acknowledged"


def test_each_gets_its_own_error(served: Service, table: str) -> None:
    served.connect().execute(f"CREATE TABLE {table} (i BIGINT PRIMARY KEY); INSERT INTO {table} VALUES (-1)")
    wrong: list[object] = []

    def write(who: int) -> None:
        con = served.connect()
        for n in range(40):
            clash = n % 8 == who % 8
            try:
                con.execute(f"INSERT INTO {table} VALUES (%s)", (-1 if clash else 1000 * who + n,), prepare=True)
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
    assert served.connect().execute(f"SELECT count(*) FROM {table}").fetchone() == (16 * 35 + 1,)


def raw(service: Service, *parts: bytes) -> bytes:
    """Says hello, sends bytes, and returns all that comes until the end."""
    hello = b"user\0tester\0database\0core\0\0"
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(service.socket))
        client.sendall(struct.pack("!II", 8 + len(hello), 196608) + hello)
        for part in parts:
            client.sendall(part)
        client.shutdown(socket.SHUT_WR)
        got = b""
        while piece := client.recv(65536):
            got += piece
        return got


def test_a_bad_frame_ends_that_session_alone(served: Service) -> None:
    served.expected += ["invalid message length", "invalid frontend message type", "insufficient data left in message"]
    con = served.connect()
    for frame in (
        b"Q" + struct.pack("!I", 3),
        b"Q" + struct.pack("!I", 2**31 - 1),
        b"\x7f" + struct.pack("!I", 4),
        b"B\0\0\0\x05x",
    ):
        assert b"C08P01" in raw(served, frame), frame
    assert b"C08P01" not in raw(served, b"Q" + struct.pack("!I", 13) + b"SELECT 1\0")
    assert con.execute("SELECT 1").fetchone() == (1,)


def test_a_client_that_goes_leaves_nothing(serve: Serve) -> None:
    service = serve()
    con = service.connect()
    con.execute("CREATE TABLE t (i INTEGER)")
    gone = service.connect(autocommit=False)
    gone.execute("INSERT INTO t VALUES (1)")
    socket.socket(fileno=gone.fileno()).shutdown(socket.SHUT_RDWR)
    copying = service.connect()
    copying.pgconn.exec_(b"COPY t FROM STDIN")
    copying.pgconn.put_copy_data(b"2\n")
    socket.socket(fileno=copying.fileno()).shutdown(socket.SHUT_RDWR)
    wait_until(lambda: dict(con.execute("SHOW duckrow").fetchall())["sessions"] == "1", 20, "their sessions are gone")
    con.execute("ALTER TABLE t ADD COLUMN s VARCHAR")
    assert con.execute("SELECT * FROM t").fetchall() == []


def test_limits(serve: Serve) -> None:
    service = serve("--max-connections", "2")
    service.expected += ["is not served here", "too many clients already"]
    with pytest.raises(psycopg.OperationalError, match="is not served here; there is core"):
        service.connect("other")
    first, second = service.connect(), service.connect()
    with pytest.raises(psycopg.OperationalError, match="too many clients"):
        service.connect()
    first.close()
    second.close()


def test_several_databases(serve: Serve) -> None:
    service = serve(databases=("core.duckdb", "runs=r.duckdb"))
    con = service.connect("runs")
    con.execute("CREATE TABLE t (i INTEGER)")
    con.execute("CREATE TABLE core.t (i INTEGER)")
    con.execute("INSERT INTO t VALUES (1)")
    con.execute("INSERT INTO core.main.t VALUES (%s)", (2,))
    assert con.execute("SELECT t.i, c.i FROM runs.t, core.t c").fetchall() == [(1, 2)]
    assert service.rows("SELECT i FROM t") == [(2,)]
    other = service.folder / "r.duckdb"
    assert "serving" in service.process.errors and str(other) in service.process.errors
    service.stop()
    assert service.duckrow("sql", "--format", "csv", other, "SELECT i FROM t").text == "i\n1\n"


def test_settings(serve: Serve, sockets: Path) -> None:
    service = serve(databases=(), sockets=sockets, start=False)
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
    config.write_text(f"[service]\nsocket = {sockets}\nstatement_timeout = 90s\n[databases]\ncore = core.duckdb\n")
    service.settings = ("--config", str(config))
    service.start()
    assert service.rows("SHOW statement_timeout") == [("90s",)]


def test_a_socket_that_a_crash_left_is_replaced(serve: Serve, sockets: Path) -> None:
    service = serve(sockets=sockets)
    service.run("CREATE TABLE t (i INTEGER)")
    service.kill()
    service.discard()
    assert service.announced.exists() and service.socket.exists()
    assert json.loads(service.duckrow("status", "--json", service.path).text)["service"] is None
    service.start()
    assert service.rows("SELECT count(*) FROM t") == [(0,)]


def test_an_embedded_writer_waits_and_is_told(served: Service, stock_python: Path) -> None:
    code = "import sys; from duckrow import _core; _core.Database(sys.argv[1]).take(False, 'write', 200)"
    waited = subprocess.run([stock_python, "-c", code, served.path], capture_output=True, text=True, timeout=60)
    assert waited.returncode == 1 and re.search(r"held for .* to serve; 1 waiting; gave up", waited.stderr), waited.stderr


def test_metrics(serve: Serve, sockets: Path) -> None:
    path = sockets / "metrics"
    service = serve("--metrics", str(path))
    service.run("CREATE TABLE t (i INTEGER)")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        answer = b""
        while piece := client.recv(65536):
            answer += piece
    head, _, text = answer.decode().partition("\r\n\r\n")
    assert head.startswith("HTTP/1.0 200 OK") and f"Content-Length: {len(text)}" in head
    assert re.search(r'^duckrow_rotations\{database="core"\} [1-9]', text, re.MULTILINE) and "duckrow_sessions " in text
