"""What can be seen of a service: `duckrow status`, SHOW duckrow and its tables, Prometheus; also while it is stopped, or lets
nobody in."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from support import wait_until
from support.pgwire import Wire, query
from support.service import Service

Serve = Callable[..., Service]


def show(connection: psycopg.Connection, what: str) -> list[dict[str, str | None]]:
    cursor = connection.execute(f"SHOW {what}")
    names = [column.name for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def figures(connection: psycopg.Connection) -> dict[str, int]:
    return {str(row["name"]): int(row["value"] or 0) for row in show(connection, "duckrow")}


def status(service: Service, *options: str) -> dict:
    return json.loads(service.duckrow("status", "--json", service.path, *options).text)


def wait_for_figures(service: Service, condition: Callable[[dict], bool]) -> dict:
    """They are left once a second."""
    found: dict = {}

    def look() -> bool:
        found.update(status(service)["service"])
        return condition(found)

    wait_until(look, 10, "the figures say so")
    return found


def session_of(rows: list[dict], connection: psycopg.Connection) -> dict:
    (found,) = [row for row in rows if row["id"] == str(connection.info.backend_pid)]
    return found


def test_figures_grow_with_what_is_done(serve: Serve) -> None:
    service = serve()
    with service.connect() as connection:
        connection.execute("CREATE TABLE t (i INTEGER)")
        before = figures(connection)
        for i in range(50):
            connection.execute("INSERT INTO t VALUES (%s)", (i,), prepare=True)
        with service.connect(autocommit=False) as other:
            other.execute("INSERT INTO t VALUES (-1)")
            other.execute("INSERT INTO t VALUES (-2)")
        after = figures(connection)
    assert after["core.transactions"] - before["core.transactions"] == 51
    assert after["core.commits"] - before["core.commits"] == 51
    assert after["core.lane_units"] - before["core.lane_units"] >= 49 and after["core.lane_largest_group"] == 1
    # Each commit is published, some of them with a checkpoint.
    done = sum(after[f"core.{name}"] - before[f"core.{name}"] for name in ("publishes", "rotations"))
    assert done == 51 and after["core.publish_p99"] >= after["core.publish_p50"] > 0
    assert after["core.wal_bytes"] == (service.path.parent / "core.duckdb.wal").stat().st_size
    told = wait_for_figures(service, lambda found: found["transactions"] == after["core.transactions"])
    assert told["transactions_per_second"] > 0 and told["wal_commits"] == after["core.wal_commits"]


def test_sessions(served: Service, connection: psycopg.Connection, other: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER)")
    with served.connect(application_name="looking") as looking:
        me = session_of(show(looking, "duckrow_sessions"), looking)
        assert me["application"] == "looking" and me["database"] == "core" and me["user"] == "tester"
        assert me["pid"] == str(os.getpid()) and me["state"] == "active" and me["statement"] == "SHOW" and me["waits_for"] is None
        assert session_of(show(looking, "duckrow_sessions"), other)["state"] == "idle"
        other.execute(f"BEGIN; INSERT INTO {table} VALUES (1)")
        time.sleep(0.05)
        seen = session_of(show(looking, "duckrow_sessions"), other)
        assert (seen["state"], seen["statement"]) == ("idle in transaction", "INSERT")
        assert 50 <= int(seen["transaction_ms"]) < 10000 and 50 <= int(seen["state_ms"]) < 10000
        found = figures(looking)
        assert found["transactions_open"] == 1 and found["longest_transaction_session"] == other.info.backend_pid
        assert found["longest_transaction_pid"] == os.getpid() and found["longest_transaction_ms"] >= 50
        with pytest.raises(psycopg.Error):
            other.execute("SELECT * FROM missing")
        seen = session_of(show(looking, "duckrow_sessions"), other)
        assert (seen["state"], seen["transaction_ms"]) == ("idle in transaction (aborted)", None)
        other.execute("ROLLBACK")
        assert figures(looking)["longest_transaction_ms"] == figures(looking)["transactions_open"] == 0


def test_what_a_session_waits_for(served: Service, connection: psycopg.Connection, other: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER PRIMARY KEY, n INTEGER); INSERT INTO {table} VALUES (1, 1)")
    other.execute(f"BEGIN; UPDATE {table} SET n = 2")
    waiting = threading.Thread(target=connection.execute, args=(f"UPDATE {table} SET n = 3",))
    waiting.start()
    with served.connect() as looking:

        def seen() -> dict:
            return session_of(show(looking, "duckrow_sessions"), connection)

        wait_until(lambda: seen()["waits_for"] == "a transaction that it conflicts with", 10, "it waits for the other")
        assert seen()["state"] == "active" and seen()["statement"] == "UPDATE"
        wait_until(lambda: figures(looking)["sessions_waiting"] == 1, 10, "it is counted")
        other.execute("COMMIT")
        waiting.join(10)
        assert seen()["waits_for"] is None and figures(looking)["sessions_waiting"] == 0


def test_a_client_that_does_not_read_is_named(served: Service) -> None:
    with served.connect() as looking, Wire(served.socket) as wire:
        wire.send(query("SELECT repeat('x', 1000) FROM range(100000)"))
        what = "its client to read"
        wait_until(lambda: what in [row["waits_for"] for row in show(looking, "duckrow_sessions")], 10, "it waits")


def test_databases_and_slots(serve: Serve) -> None:
    service = serve(databases=("core.duckdb", "runs=r.duckdb"))
    with service.connect() as connection:
        connection.execute("CREATE TABLE core.t (i INTEGER); INSERT INTO core.t VALUES (1)")
        connection.execute("CREATE TABLE runs.t (i INTEGER)")
        databases = {row["database"]: row for row in show(connection, "duckrow_databases")}
        assert set(databases) == {"core", "runs"}
        assert databases["runs"]["path"] == str((service.folder / "r.duckdb").resolve())
        found = figures(connection)
        for name, row in databases.items():
            for figure in ("commits", "rotations", "wal_bytes", "lane_waiting"):
                assert int(row[figure] or -1) == found[f"{name}.{figure}"], (name, figure)
        slots = show(connection, "duckrow_slots")
        assert {row["database"] for row in slots} == {"core", "runs"}
        assert [row["current"] for row in slots if row["database"] == "core"].count("t") == 1
        told = {slot["generation"] for slot in status(service)["slots"]}
        assert {int(row["generation"] or -1) for row in slots if row["database"] == "core"} == told
        # A prepared statement and a described one have the same columns.
        assert len(connection.execute("SHOW duckrow_slots", prepare=True).description or []) == len(slots[0])


def test_status_tells_what_show_does(served: Service, connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER)")
    with served.connect(autocommit=False) as other:
        other.execute(f"INSERT INTO {table} VALUES (1)")
        told = wait_for_figures(served, lambda found: found["transactions_open"] == 1)
        assert told["dsn"].startswith("host=") and told["longest_transaction_pid"] == os.getpid()
        assert abs(time.time() * 1000 - told["at"]) < 5000 and told["started_at"] <= told["at"]
        names = {name.removeprefix("core.") for name in figures(connection)}
        assert names <= set(told), "each figure of SHOW is there"
        # What is left may be of the moment before, with a session of the test before.
        sessions = r"^sessions   \d+: \d+ busy, 1 in a transaction, the longest for .*: session \d+ of process \d+$"
        texts = [""]

        def is_shown() -> bool:
            texts.append(served.duckrow("status", served.path).text)
            return re.search(sessions, texts[-1], re.MULTILINE) is not None

        wait_until(is_shown, 8, "the sessions are shown")  # the transaction is ended after 10 s
        text = texts[-1]
        assert re.search(r"^service    host='.*' dbname='core', up for \d", text, re.MULTILINE)
        assert re.search(r"^writes     \d+ transactions/s in \d+ commits/s, \d+ so far; 0 waiting", text, re.MULTILINE)
        assert re.search(r"^publish    .*, p99 .*; with a checkpoint .*, p99 .*, \d+ of them$", text, re.MULTILINE)
        assert re.search(r"^wal        .* in \d+ commits$", text, re.MULTILINE)
        assert "silent" not in text


@pytest.mark.one_engine
def test_status_of_a_stopped_service(serve: Serve) -> None:
    """Nothing waits for it: what it has left is shown, and how old that is."""
    service = serve()
    service.run("CREATE TABLE t (i INTEGER)")
    wait_for_figures(service, lambda found: found["rotations"] >= 2)
    service.process.signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        told = status(service)["service"]
        assert told["rotations"] >= 2 and time.monotonic() - began < 5
        time.sleep(max(0.0, 5.5 - (time.time() - told["at"] / 1000)))
        text = service.duckrow("status", service.path).text
        assert re.search(r"^silent     for \d\.\d s: it is stopped, or too busy", text, re.MULTILINE)
        assert time.monotonic() - began < 15
    finally:
        service.process.signal(signal.SIGCONT)
    wait_until(lambda: "silent" not in service.duckrow("status", service.path).text, 10, "it goes on")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_status_for_who_may_not_connect(serve: Serve) -> None:
    service = serve()
    service.run("CREATE TABLE t (i INTEGER)")
    for folder in (service.folder, service.folder.parent, service.own_folder):
        folder.chmod(0o755)
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    refused = subprocess.run(["psql", "-X", "-d", service.address, "-c", "SELECT 1"], capture_output=True, text=True, **nobody)
    assert "may not connect" in refused.stderr
    service.expected.append("this user may not connect")
    try:
        told = json.loads(service.duckrow("status", "--json", service.path, **nobody).text)
    except PermissionError:
        pytest.skip(f"{service.duckrow.program} is closed to others")
    assert told["service"]["rotations"] >= 1


def test_figures_go_with_the_service(serve: Serve) -> None:
    service = serve()
    service.run("CREATE TABLE t (i INTEGER)")
    left = service.own_folder / "figures"
    assert left.stat().st_mode & 0o777 == service.path.stat().st_mode & 0o777
    service.kill()
    assert left.exists() and status(service)["service"] is None, "they count while somebody serves"
    service.start()
    assert status(service)["service"]["transactions"] == 0
    service.stop()
    assert not left.exists()


def test_metrics_have_the_same_figures(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "metrics"
    if len(str(path)) > 100:
        path = Path(f"/tmp/metrics-{os.getpid()}")
    service = serve("--metrics", str(path), databases=("core.duckdb", "runs=r.duckdb"))
    service.run("CREATE TABLE t (i INTEGER)", "INSERT INTO t VALUES (1)")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        answer = b""
        while piece := client.recv(65536):
            answer += piece
    lines = answer.decode().partition("\r\n\r\n")[2].splitlines()
    samples = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
    names = [re.sub(r"\{.*", "", name) for name, _ in samples]
    # The format wants the samples of a name together, behind its type.
    assert [name for i, name in enumerate(names) if i == 0 or names[i - 1] != name] == list(dict.fromkeys(names))
    types = dict(line.split()[2:4] for line in lines if line.startswith("# TYPE"))
    assert set(types) == set(names) and types["duckrow_commits"] == "counter" and types["duckrow_sessions"] == "gauge"
    with service.connect() as connection:
        found = figures(connection)
    told = {name.removeprefix("duckrow_"): int(value) for name, value in samples}
    assert told['commits{database="core"}'] == found["core.commits"] == 2
    assert {name for name in found if "." not in name} == {name for name in told if "{" not in name}
    in_metrics = {re.sub(r'(.*)\{database="(.*)"\}', r"\2.\1", name) for name in told if "{" in name}
    assert {name for name in found if "." in name} == in_metrics


# ---- watching --------------------------------------------------------------------------------------------------------------


def test_watch_in_a_pipe(served: Service) -> None:
    watching = served.duckrow.start("status", "--watch", "0.1", served.path)
    time.sleep(1)
    watching.send_signal(signal.SIGINT)
    out, errors = watching.communicate(timeout=20)
    assert (watching.returncode, errors) == (0, "")
    assert out.count("\ndatabase ") + out.startswith("database ") >= 3 and "\033" not in out
    assert out.count("\nsessions ") == out.count("service    host=")


def test_watch_as_json(served: Service) -> None:
    watching = served.duckrow.start("status", "--json", "--watch=0.1s", served.path)
    lines = [json.loads(watching.stdout.readline()) for _ in range(3)]
    watching.send_signal(signal.SIGTERM)
    watching.communicate(timeout=20)
    assert watching.returncode == 143 and all(line["service"]["sessions"] >= 0 for line in lines)


def test_watch_at_a_terminal(served: Service) -> None:
    controller, terminal = pty.openpty()
    watching = served.duckrow.start("status", "--watch", "0.1", served.path, stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    said = b""
    deadline = time.monotonic() + 20
    while said.count(b"\033[H") < 3:
        assert time.monotonic() < deadline and select.select([controller], [], [], 20)[0], said
        said += os.read(controller, 4096)
    watching.send_signal(signal.SIGINT)
    assert watching.wait(20) == 0
    while select.select([controller], [], [], 0.2)[0]:
        try:
            said += os.read(controller, 4096)
        except OSError:
            break
    os.close(controller)
    assert said.startswith(b"\033[?1049h") and said.endswith(b"\033[?1049l"), "the screen is given back"
    assert b"every 0.1 s" in said and b"sessions   " in said


def test_watch_ends_with_its_reader_or_database(served: Service, serve: Serve) -> None:
    watching = served.duckrow.start("status", "--watch", "0.1", served.path)
    watching.stdout.readline()
    watching.stdout.close()
    assert watching.wait(20) in (0, 74)
    assert "--watch" in served.duckrow("status", "--watch", "--fail-if", "slots>9", served.path, status=64).line()
    assert "--watch" in served.duckrow("status", "--watch=soon", served.path, status=64).line()
    assert "--watch" in served.duckrow("status", "--watch=0", served.path, status=64).line()
