"""`duckrow hold` beside a running service: it hands the database over and takes it back, and nobody errs, loses or gets between."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import errors
from support import SOAK, Process, Processes, scaled, shop, wait_until
from support.pgwire import Wire
from support.service import Service

Serve = Callable[..., Service]

PATIENT = "-c busy_timeout=120s"

# Stock DuckDB, that knows nothing of services: a row, some time, another row.
COMMAND = """
import sys, time, duckdb
con = duckdb.connect(sys.argv[1])
con.execute("INSERT INTO held VALUES (?, 1)", [int(sys.argv[2])])
con.close()
time.sleep(float(sys.argv[3]))
con = duckdb.connect(sys.argv[1])
con.execute("INSERT INTO held VALUES (?, 2)", [int(sys.argv[2])])
con.close()
"""

# Snapshots in its own process: what was acknowledged when it began to look is there.
READER = """
    import sys, threading, time, duckrow
    ended = threading.Thread(target=sys.stdin.read)
    ended.start()
    looks, newest = 0, 0
    while ended.is_alive():
        with duckrow.get_readonly_connection(sys.argv[1]) as con:
            found, distinct = con.execute("SELECT count(*), count(DISTINCT (who, n)) FROM written").fetchone()
        assert found == distinct and found >= newest, (found, distinct, newest)
        newest = found
        looks += 1
        time.sleep(0.01)
    print(looks, newest)
"""

# Wants the turn to write, as an embedded connection does.
THIRD = """
    import sys
    from duckrow import _core
    try:
        turn = _core.Database(sys.argv[1]).take(False, "write", int(sys.argv[2]))
    except Exception as error:
        print("busy" if "serve" in str(error) or "hold" in str(error) else error)
    else:
        print("has it")
"""


def hold(service: Service, *command: object, timeout: str = "30s") -> Process:
    program = service.duckrow
    argv = [program.program, "hold", "--timeout", timeout, service.path, "--", *map(str, command)]
    return Process(argv, cwd=service.folder, env=program.env)


def numbers(service: Service) -> dict[str, str]:
    return dict(service.rows("SHOW duckrow"))


def is_away(service: Service) -> bool:
    return numbers(service)["core.handed_over"] == "1"


def status(service: Service) -> dict:
    return json.loads(service.duckrow("status", "--json", service.path).text)


@contextmanager
def held(service: Service) -> Iterator[Process]:
    """By a command that does nothing until it is told to end."""
    holder = hold(service, "sh", "-c", "echo in; read x || true")
    holder.expect("in")
    try:
        yield holder
    finally:
        if holder.running:
            holder.finish()
        holder.end()


class Writers:
    """Sessions that insert rows, each when the one before was acknowledged, until they are told to end."""

    def __init__(self, service: Service, count: int):
        self.service, self.stop = service, False
        self.done = [0] * count
        self.longest = 0.0
        self.failed: list[BaseException] = []
        self.threads = [threading.Thread(target=self.run, args=(who,)) for who in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self, who: int) -> None:
        try:
            # The small ones commit in groups; the others alone, and with rows that come back.
            sql = "INSERT INTO written VALUES (%s, %s)" + (" RETURNING n" if who % 2 else "")
            with self.service.connect(options=PATIENT) as con:
                while not self.stop:
                    began = time.monotonic()
                    con.execute(sql, (who, self.done[who]))
                    self.longest = max(self.longest, time.monotonic() - began)
                    self.done[who] += 1
        except BaseException as error:
            self.failed.append(error)

    def end(self) -> None:
        self.stop = True
        for thread in self.threads:
            thread.join(130)
        assert self.failed == []
        found = self.service.rows("SELECT who, count(*), max(n) FROM written GROUP BY who ORDER BY who")
        assert found == [(who, count, count - 1) for who, count in enumerate(self.done) if count]


@contextmanager
def beside_everybody(service: Service, processes: Processes, python: Path) -> Iterator[Writers]:
    """Writers, a reader of snapshots, one who reads through the service, and a third who wants the turn."""
    service.run("CREATE TABLE written (who INTEGER, n BIGINT)")
    reader = processes.python(READER, service.path, python=python)
    third = processes.python(THIRD, service.path, 1_000_000, python=python)
    wait_until(lambda: status(service)["waiting"] == 1)
    writers = Writers(service, 4)
    failed: list[BaseException] = []
    longest = 0.0

    def look() -> None:
        nonlocal longest
        try:
            with service.connect() as con:
                for n in range(10**9):
                    began = time.monotonic()
                    # No two are the same, so each is looked at anew.
                    con.execute(f"SELECT count(*), {n} FROM written").fetchone()
                    longest = max(longest, time.monotonic() - began)
                    if writers.stop:
                        return
                    time.sleep(0.01)
        except BaseException as error:
            failed.append(error)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        yield writers
    finally:
        writers.end()
        looker.join(60)
    assert failed == []
    print(f"longest write {writers.longest:.2f} s, longest read through the service {longest:.2f} s, {sum(writers.done)} rows")
    assert longest < 10
    looks, newest = map(int, reader.finish()[-1].split())
    assert looks > 3 and newest <= sum(writers.done)
    assert third.running
    third.end()


@pytest.mark.one_engine
def test_hold_beside_everybody(serve: Serve, processes: Processes, stock_python: Path) -> None:
    service = serve()
    service.run("CREATE TABLE held (who INTEGER, step INTEGER)")
    rounds = scaled(20, 2)
    with beside_everybody(service, processes, stock_python) as writers:
        for n in range(rounds):
            before = sum(writers.done)
            wait_until(lambda before=before: sum(writers.done) > before + 20, 30, "they write")
            hold(service, stock_python, "-c", COMMAND, service.path, n, 0.3).finish()
            # Whatever the command did is there when it has ended.
            assert service.rows("SELECT step FROM held WHERE who = %s ORDER BY step", (n,)) == [(1,), (2,)]
    assert service.rows("SELECT count(*) FROM held") == [(2 * rounds,)]
    assert not is_away(service)


@pytest.mark.timeout(scaled(1800, 240))
def test_dbt_beside_everybody(serve: Serve, processes: Processes, stock_python: Path, version: str) -> None:
    if version != "2.0.0" and not SOAK:
        pytest.skip("dbt takes half a minute: with both engines in make soak")
    service = serve()
    service.run("CREATE TABLE events AS SELECT 1::BIGINT AS id, 1::BIGINT AS customer, 1::DOUBLE AS amount")
    project = shop.write(service.folder)
    environment = {**service.duckrow.env, **shop.environment(project, service.path)}
    for word in ("DUCKROW_PATCH", "DUCKROW_TIMEOUT"):
        environment.pop(word, None)
    rounds = scaled(5, 1)
    stop = False

    def more_events() -> None:
        with service.connect(options=PATIENT) as con:
            while not stop:
                con.execute("INSERT INTO events SELECT max(id) + 1, 1 + max(id) % 50, random() FROM events")

    with beside_everybody(service, processes, stock_python):
        events = threading.Thread(target=more_events)
        events.start()
        for _ in range(rounds):
            argv = [service.duckrow.program, "hold", "--timeout", "60s", service.path, "--", stock_python.parent / "dbt", "build"]
            run = processes.start("sh", "-c", 'exec "$@" >&2', "sh", *map(str, argv), cwd=project, env=environment)
            run.finish(200)
            assert "ERROR=0" in run.errors, run.errors
        stop = True
        events.join(60)
    (total,) = service.rows("SELECT rows FROM total")[0]
    history = service.rows("SELECT count(*), count(DISTINCT id), max(id) FROM history")
    assert history == [(total, total, total)]
    assert service.rows("SELECT count(*) = max(id) FROM events") == [(True,)]


def test_who_holds_is_told(serve: Serve, processes: Processes) -> None:
    service = serve()
    service.run("CREATE TABLE t (i INTEGER)")
    with service.connect(options="-c busy_timeout=300ms") as con, held(service) as holder:
        assert is_away(service) and numbers(service)["core.held_by_pid"] == str(holder.pid)
        seen = status(service)
        assert (seen["holder"]["pid"], seen["holder"]["kind"]) == (holder.pid, "hold")
        assert [waiter["kind"] for waiter in seen["waiters"]] == ["serve"]
        assert seen["service"]["dsn"] == f"host='{service.own_folder}' dbname='core'"
        assert seen["fresh"]
        for sql in (
            "INSERT INTO t VALUES (1)",
            "DELETE FROM t",
            "CREATE TABLE u (i INTEGER)",
            "CREATE TEMP TABLE u (i INTEGER)",
            "CHECKPOINT",
        ):
            began = time.monotonic()
            with pytest.raises(errors.LockNotAvailable, match=rf"core has been held by pid {holder.pid} \(.*hold"):
                con.execute(sql)
            assert 0.25 < time.monotonic() - began < 5, sql
        with pytest.raises(errors.LockNotAvailable, match="held by"), con.transaction():
            con.execute("INSERT INTO t VALUES (1)")
        assert con.execute("SELECT count(*) FROM t").fetchone() == (0,)
    service.run("INSERT INTO t VALUES (1)")
    assert status(service)["holder"]["kind"] == "serve"
    assert f"handed over to pid {holder.pid} " in service.process.errors and "taken back" in service.process.errors


def test_each_waits_as_long_as_it_may(serve: Serve) -> None:
    """One with patience doesn't make another wait."""
    service = serve()
    service.run("CREATE TABLE t (i INTEGER)")
    waited: dict[int, float] = {}

    def insert(milliseconds: int) -> None:
        with service.connect(options=f"-c busy_timeout={milliseconds}ms") as con:
            began = time.monotonic()
            try:
                con.execute("INSERT INTO t VALUES (%s)", (milliseconds,))
            except errors.LockNotAvailable:
                waited[milliseconds] = time.monotonic() - began

    threads = [threading.Thread(target=insert, args=(milliseconds,)) for milliseconds in (60_000, 200, 400, 800)]
    with held(service):
        for thread in threads:
            thread.start()
            time.sleep(0.05)
        wait_until(lambda: len(waited) == 3, 30)
    threads[0].join(30)
    assert sorted(waited) == [200, 400, 800]
    assert all(milliseconds / 1000 <= seconds < 30 for milliseconds, seconds in waited.items()), waited
    assert service.rows("SELECT i FROM t") == [(60_000,)]


def test_a_wait_can_be_cancelled(serve: Serve) -> None:
    service = serve()
    service.run("CREATE TABLE t (i INTEGER)")
    with service.connect(options=PATIENT) as con, held(service):
        for sql in ("INSERT INTO t VALUES (1)", "INSERT INTO t SELECT 1", "ALTER TABLE t ADD COLUMN s VARCHAR"):
            threading.Timer(0.3, con.cancel).start()
            began = time.monotonic()
            with pytest.raises(errors.QueryCanceled):
                con.execute(sql)
            assert time.monotonic() - began < 5
    assert service.rows("FROM t") == []


def test_an_open_transaction_is_ended_and_told_why(serve: Serve) -> None:
    service = serve("--ddl-wait", "300ms")
    service.run("CREATE TABLE t (i INTEGER)")
    with service.connect(autocommit=False) as con:
        con.execute("INSERT INTO t VALUES (1)")
        with held(service), pytest.raises(errors.SerializationFailure, match="duckrow hold could not wait for it"):
            con.execute("INSERT INTO t VALUES (2)")
        con.rollback()
        con.execute("INSERT INTO t VALUES (3)")
        con.commit()
    assert service.rows("FROM t") == [(3,)]


def test_a_long_statement_is_run_again(serve: Serve, stock_python: Path) -> None:
    """It is a transaction by itself, so it can be: on what is there then, which ends it soon."""
    service = serve("--ddl-wait", "100ms", "--transaction-timeout", "0")
    service.run("CREATE TABLE t (i BIGINT)", "CREATE TABLE size AS SELECT 1000000000000 AS n")
    shorten = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('UPDATE size SET n = 1000')"
    with service.connect(options=PATIENT) as con:
        sql = "INSERT INTO t SELECT count(*) FROM size, range(n) r(i) WHERE r.i % 7 = 1"
        running = threading.Thread(target=con.execute, args=(sql,))
        running.start()
        wait_until(lambda: numbers(service)["sessions_busy"] == "1")
        time.sleep(0.2)
        hold(service, stock_python, "-c", shorten, service.path).finish()
        running.join(100)
    assert service.rows("FROM t") == [(143,)]


def test_who_gives_up_leaves_the_service_as_it_was(serve: Serve) -> None:
    service = serve("--ddl-wait", "1s")
    service.run("CREATE TABLE t (i INTEGER)")
    with service.connect(autocommit=False) as con:
        con.execute("INSERT INTO t VALUES (1)")
        early = hold(service, "true", timeout="200ms")
        assert early.wait() == 75 and "serve" in early.errors
        early.end()
        con.rollback()
    with service.connect(options="-c busy_timeout=5s") as con:
        for number in (signal.SIGINT, signal.SIGKILL):
            holder = hold(service, "sh", "-c", "trap '' INT; echo in; read x")
            if number == signal.SIGKILL:
                holder.expect("in")
            holder.signal(number)
            holder.wait()
            holder.end()
            con.execute("INSERT INTO t VALUES (2)")
    wait_until(lambda: not is_away(service))
    assert service.rows("SELECT count(*) FROM t") == [(2,)]


def test_a_stopped_hold_is_not_waited_for(serve: Serve) -> None:
    service = serve("--ddl-wait", "1s")
    service.expected += ["cannot be handed over"]
    service.run("CREATE TABLE t (i INTEGER)")
    with service.connect(autocommit=False) as con:
        con.execute("INSERT INTO t VALUES (1)")
        holder = hold(service, "true")
        wait_until(lambda: status(service)["waiting"] == 1)
        holder.pause()
        with service.connect(options="-c busy_timeout=10s") as other:
            other.execute("INSERT INTO t VALUES (2)")
        holder.resume()
        # It is served, later.
        assert holder.wait(30) == 0
        holder.end()
        con.rollback()


@pytest.mark.one_engine
def test_holds_in_a_row(serve: Serve, stock_python: Path) -> None:
    service = serve()
    service.run("CREATE TABLE held (who INTEGER, step INTEGER)", "CREATE TABLE written (who INTEGER, n BIGINT)")
    writers = Writers(service, 2)
    holders = [hold(service, stock_python, "-c", COMMAND, service.path, n, 0) for n in range(4)]
    for holder in holders:
        holder.finish()
    writers.end()
    assert service.rows("SELECT who, count(*) FROM held GROUP BY who ORDER BY who") == [(n, 2) for n in range(4)]


def test_a_hold_within_a_hold(serve: Serve) -> None:
    """Of another database of the same service."""
    service = serve(databases=("core.duckdb", "runs=r.duckdb"))
    service.run("CREATE TABLE core.t (i INTEGER)", "CREATE TABLE runs.t (i INTEGER)")
    program, other = service.duckrow.program, service.folder / "r.duckdb"
    inner = [program, "hold", other, "--", "sh", "-c", "echo in; read x || true"]
    holder = hold(service, *inner)
    holder.expect("in")
    found = numbers(service)
    assert (found["core.handed_over"], found["runs.handed_over"]) == ("1", "1")
    assert service.rows("SELECT count(*) FROM core.t, runs.t") == [(0,)]
    holder.finish()
    holder.end()
    service.run("INSERT INTO core.t VALUES (1)", "INSERT INTO runs.t VALUES (2)")
    assert service.rows("SELECT c.i, r.i FROM core.t c, runs.t r") == [(1, 2)]


def test_what_a_session_has_stays(serve: Serve, stock_python: Path) -> None:
    """Temporary tables, settings, prepared statements, on the session's own connection and the service's."""
    service = serve()
    service.run("CREATE TABLE t (i INTEGER)", "CREATE TABLE held (who INTEGER, step INTEGER)")
    with service.connect() as plain, service.connect() as own:
        insert, returning = "INSERT INTO t VALUES (%s)", "INSERT INTO t VALUES (%s) RETURNING *"
        own.execute("CREATE TEMP TABLE mine AS SELECT 5 AS k")
        own.execute("SET default_null_order = 'nulls_first'")
        for con in (plain, own):
            for sql in (insert, returning, "SELECT sum(i) FROM t WHERE i > %s"):
                con.execute(sql, (1,), prepare=True)
        for n in range(scaled(10, 2)):
            hold(service, stock_python, "-c", COMMAND, service.path, n, 0).finish()
            for con in (plain, own):
                con.execute(insert, (2,), prepare=True)
                assert con.execute(returning, (3,), prepare=True).fetchall() == [(3,)]
                assert con.execute("SELECT sum(i) FROM t WHERE i > %s", (1,), prepare=True).fetchone() == (
                    10 * n + 5 * (1 + (con is own)),
                )
            assert own.execute("SELECT k, (SELECT max(who) FROM held) FROM mine").fetchone() == (5, n)
            assert own.execute("SELECT current_setting('default_null_order')").fetchone()[0].lower() == "nulls_first"


def test_what_the_command_makes_of_the_schema(serve: Serve, stock_python: Path) -> None:
    """A table of the same name with other columns, and another file at the same path."""
    service = serve()
    service.run("CREATE TABLE t (i INTEGER)")
    con = service.connect(options=PATIENT)
    con.execute("INSERT INTO t VALUES (%s)", (1,))
    con.execute("INSERT INTO t VALUES (%s) RETURNING *", (2,))
    change = "import duckdb, sys; con = duckdb.connect(sys.argv[1]); [con.execute(sql) for sql in sys.argv[2:]]"
    # What was looked at while it was away waits, and runs on what is there then.
    with service.connect(options=PATIENT) as waits:
        code = f"{change}; import time; print('in', flush=True); time.sleep(1)"
        holder = hold(
            service, stock_python, "-c", code, service.path, "DROP TABLE t", "CREATE TABLE t (s VARCHAR, n INTEGER DEFAULT 7)"
        )
        holder.expect("in")
        with pytest.raises(psycopg.Error):
            waits.execute("INSERT INTO t (i) VALUES (%s)", (4,))
        holder.finish()
    assert con.execute("INSERT INTO t (s) VALUES (%s) RETURNING *", ("a",)).fetchall() == [("a", 7)]
    assert con.execute("SELECT * FROM t").fetchall() == [("a", 7)]
    with pytest.raises(psycopg.Error):
        con.execute("INSERT INTO t VALUES (%s)", (5, 6, 7))
    replace = (
        "import duckdb, os, sys; con = duckdb.connect(sys.argv[1] + '.new'); con.execute('CREATE TABLE t AS SELECT 42 AS answer');"
        "con.close(); os.rename(sys.argv[1] + '.new', sys.argv[1])"
    )
    con.execute("SELECT * FROM t", prepare=True)
    hold(service, stock_python, "-c", replace, service.path).finish()
    # As in PostgreSQL.
    with pytest.raises(errors.FeatureNotSupported, match="cached plan"):
        con.execute("SELECT * FROM t", prepare=True)
    assert service.rows("SELECT * FROM t") == [(42,)]
    con.execute("INSERT INTO t VALUES (%s)", (43,))
    assert service.stock_rows("SELECT * FROM t ORDER BY 1", stock_python) == [["42"], ["43"]]
    con.close()


def test_what_waits_runs_on_what_is_there_then(serve: Serve, stock_python: Path) -> None:
    """Rows that were sent before, for tables that have another type, or another order of columns, by then."""
    service = serve()
    service.run("CREATE TABLE t (i INTEGER)", "CREATE TABLE u (a INTEGER, b INTEGER)")
    insert, returning = "INSERT INTO t VALUES (%s)", "INSERT INTO t VALUES (%s) RETURNING *"
    in_order = "INSERT INTO u (a, b) VALUES (%s, %s)"
    patient = {"options": PATIENT}
    with service.connect(**patient) as con, service.connect(**patient) as other, service.connect(**patient) as third:
        for _ in range(3):
            con.execute(insert, (1,), prepare=True)
            other.execute(returning, (1,), prepare=True)
            third.cursor().executemany(in_order, [(1, 2)] * 3000)
        code = """
import sys, duckdb
con = duckdb.connect(sys.argv[1])
con.execute("CREATE OR REPLACE TABLE t (s VARCHAR)")
con.execute("CREATE OR REPLACE TABLE u (b INTEGER, a INTEGER)")
con.close()
print("in", flush=True)
sys.stdin.read()
"""
        holder = hold(service, stock_python, "-c", code, service.path)
        holder.expect("in")
        failed: list[BaseException] = []

        def wait_with(con: psycopg.Connection, sql: str) -> None:
            try:
                if sql == in_order:
                    con.cursor().executemany(sql, [(1, 2)] * 3000)
                else:
                    con.execute(sql, (7,), prepare=True)
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=wait_with, args=args) for args in ((con, insert), (other, returning), (third, in_order))]
        for thread in threads:
            thread.start()
        wait_until(lambda: numbers(service)["sessions_busy"] == "3")
        holder.finish()
        for thread in threads:
            thread.join(30)
        # What comes back would be of another type than was told.
        assert len(failed) == 1 and "cached plan" in str(failed[0])
        wait_until(lambda: not is_away(service))
        assert service.rows("SELECT * FROM t") == [("7",)]
        assert service.rows("SELECT a, b, count(*) FROM u GROUP BY ALL") == [(1, 2, 3000)]
        # What is known to be old is looked at anew.
        assert service.rows(returning, (9,)) == [("9",)]
        with pytest.raises(errors.FeatureNotSupported, match="cached plan"):
            other.execute(returning, (8,), prepare=True)


def test_a_command_that_leaves_no_database(serve: Serve, stock_python: Path) -> None:
    service = serve()
    service.run("CREATE TABLE t (i INTEGER)")
    hold(service, "sh", "-c", 'rm -- "$0" && rm -f -- "$0.wal"', service.path).finish()
    service.run("CREATE TABLE t (i INTEGER)", "INSERT INTO t VALUES (1)")
    assert service.stock_rows("FROM t", stock_python) == [["1"]]


def test_a_command_that_spoils_the_database(serve: Serve) -> None:
    """The service says why it can't go on, and does when it can."""
    service = serve()
    service.expected += ["cannot open it again", "DuckDB has failed", "can't be opened anew yet", "57P02|as DuckDB has failed"]
    service.run("CREATE TABLE t (i INTEGER)", "INSERT INTO t VALUES (1)")
    spoil = 'cp "$0" "$0.good"; echo nonsense >"$0"; rm -f "$0.wal"'
    hold(service, "sh", "-c", spoil, service.path).wait()
    wait_until(lambda: "not a DuckDB database" in service.process.errors, 30)
    Path(f"{service.path}.good").rename(service.path)

    def served() -> bool:
        try:
            return service.rows("FROM t") == [(1,)]
        except psycopg.Error:
            return False

    wait_until(served, 30)


def test_it_ends_while_it_is_away(serve: Serve) -> None:
    service = serve()
    service.run("CREATE TABLE t (i INTEGER)")
    waiting = service.connect(options=PATIENT)
    failed: list[BaseException] = []

    def insert() -> None:
        try:
            waiting.execute("INSERT INTO t VALUES (1)")
        except BaseException as error:
            failed.append(error)

    with held(service) as holder:
        thread = threading.Thread(target=insert)
        thread.start()
        wait_until(lambda: numbers(service)["sessions_busy"] == "1")
        began = time.monotonic()
        service.stop()
        assert time.monotonic() - began < 5
        thread.join(20)
        assert isinstance(failed[0], psycopg.OperationalError) and "leaving" in str(failed[0])
        seen = status(service)
        assert seen["holder"]["pid"] == holder.pid and not seen["waiters"] and seen["service"] is None
    waiting.close()
    service.start()
    assert service.rows("FROM t") == []


def test_it_is_killed_while_it_is_away(serve: Serve, stock_python: Path) -> None:
    service = serve()
    service.run("CREATE TABLE t (i INTEGER)", "INSERT INTO t VALUES (1)", "CREATE TABLE held (who INTEGER, step INTEGER)")
    holder = hold(service, stock_python, "-c", COMMAND, service.path, 1, 1)
    wait_until(lambda: is_away(service))
    service.kill()
    service.process.end()
    assert status(service)["service"] is None
    # The next waits for the hold, as always.
    service.start()
    assert not holder.running
    holder.finish()
    assert service.rows("SELECT count(*) FROM held, t") == [(2,)]


def test_a_session_can_be_begun_and_asked(serve: Serve) -> None:
    """What psql and drivers send on connecting, and their catalog, needs no writing."""
    service = serve()
    service.run("CREATE TABLE t (i INTEGER)")
    with held(service):
        with Wire(service.socket) as wire:
            assert wire.ask("SELECT i FROM t WHERE i > 10")[-1].type == "Z"
        assert "t" in service.psql("\\dt").stdout
        with service.connect(options="-c busy_timeout=100ms") as con:
            con.execute("BEGIN")
            con.execute("COMMIT")
            assert con.execute("SELECT 1").fetchone() == (1,)


def test_settings_change_beside_a_service(served: Service) -> None:
    """It has the turn for itself otherwise, so waiting for it would never end."""
    served.duckrow("config", served.path, "ingest_interval", "2s")
    assert served.duckrow("config", served.path, "ingest_interval").text == "2s\n"
    with served.connect() as con:
        assert con.execute("SELECT 1").fetchone() == (1,)
    served.duckrow("config", served.path, "ingest_interval", "1s")
