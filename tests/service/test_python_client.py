"""Python through a service: duckrow's own connections. What is checked is in served_checks.py, which runs in a Python with the
service's DuckDB."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from e2e.helpers import ask, each_sees, start
from e2e.test_users_rules import HOLD, READ
from support import Process, Processes, wait_until
from support.service import Service

sys.path.insert(0, str(Path(__file__).parent))
from served_checks import CHECKS

ROOT = Path(__file__).resolve().parents[2]
CHECKER = Path(__file__).with_name("served_checks.py")


class Checker:
    """One process for all checks with one service."""

    def __init__(self, python: Path, path: Path) -> None:
        argv = [str(python), str(CHECKER), str(path)]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, name: str) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{name}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the checking process has ended"
        failure = json.loads(line)
        assert failure is None, failure

    def end(self) -> None:
        self.process.communicate(timeout=30)
        assert self.process.returncode == 0


@pytest.fixture(scope="module")
def check(shared_service: Service, engine_pythons: dict[str, Path], version: str) -> Iterator[Checker]:
    checker = Checker(engine_pythons[version], shared_service.path)
    yield checker
    checker.end()


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.alone] if n.endswith("_fast") else []) for n in CHECKS])
def test_python(check: Checker, name: str) -> None:
    check(name)


# ---- the users' rules (e2e/test_users_rules.py), with a service ----


@pytest.fixture
def numbers(served: Service, processes: Processes, engine_pythons: dict[str, Path], version: str) -> Path:
    """A database with a table t of a 1, made by duckrow."""
    ask(processes, engine_pythons[version], served.path, "CREATE OR REPLACE TABLE t AS SELECT 1::INT i", "write")
    return served.path


def test_concurrent_reads_work(processes: Processes, engine_pythons: dict[str, Path], numbers: Path) -> None:
    readers = [start(processes, python, READ, numbers) for python in engine_pythons.values()]
    each_sees(readers, "1")


def test_a_single_writer_works(
    processes: Processes, engine_pythons: dict[str, Path], version: str, served: Service, numbers: Path
) -> None:
    engine_python = engine_pythons[version]
    ask(processes, engine_python, numbers, "INSERT INTO t VALUES (2)", "write")
    assert ask(processes, engine_python, numbers, "SELECT i FROM core.main.t ORDER BY i") == [[1], [2]]
    assert served.stock_rows("SELECT i FROM t ORDER BY i", engine_python) == [["1"], ["2"]]


def test_a_reader_and_a_writer_overlap(processes: Processes, engine_pythons: dict[str, Path], numbers: Path) -> None:
    old, new = engine_pythons.values()
    reader = start(processes, old, READ, numbers)
    reader.expect("1")
    patient = HOLD.replace("(sys.argv[1])", "(sys.argv[1], idle_in_transaction_timeout=100)")
    holder = start(processes, new, patient, numbers)
    holder.expect("holds")
    assert ask(processes, old, numbers, "SELECT count(*) FROM t") == [[1]]
    # Nor has another writer to wait.
    ask(processes, old, numbers, "INSERT INTO t VALUES (3)", "write")
    holder.tell()
    holder.expect("committed")
    assert ask(processes, old, numbers, "SELECT i FROM t ORDER BY i") == [[1], [2], [3]]
    reader.tell()
    assert reader.finish() == ["1"]
    holder.tell()
    holder.finish()


# ---- beside a service that comes and goes ----

# Says what comes of each statement that it is told; "begin" and so on are methods.
STATEMENTS = """
import json, sys, duckdb, duckrow
con = duckrow.get_write_connection(sys.argv[1], timeout=float(sys.argv[2]), exclusive=len(sys.argv) > 3)
print("ready")
for line in sys.stdin:
    line = line.strip()
    try:
        method = {"begin": con.begin, "commit": con.commit, "rollback": con.rollback, "close": con.close}.get(line)
        print(json.dumps(method() and "done" if method else con.execute(line).fetchall()))
    except duckdb.Error as error:
        print(json.dumps([type(error).__name__, str(error)]))
"""


class Client:
    """A Python that does what it is told."""

    def __init__(self, process: Process) -> None:
        self.process = process

    def __call__(self, statement: str) -> object:
        self.process.tell(statement)
        return json.loads(self.process.line())


@pytest.fixture
def client(processes: Processes, engine_pythons: dict[str, Path], version: str) -> Callable[..., Client]:
    def start(service: Service, timeout: float = 10, *more: str) -> Client:
        process = processes.python(STATEMENTS, service.path, timeout, *more, python=engine_pythons[version])
        process.expect("ready")
        return Client(process)

    return start


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_a_service_that_is_started_again(serve: Callable[..., Service], client: Callable[..., Client], how: str) -> None:
    service = serve()
    ask = client(service)
    assert ask("CREATE TABLE t (i INTEGER)") == []
    assert ask("CREATE TEMP TABLE mine (i INTEGER)") == []

    def again() -> None:
        if how == "stopped":
            service.stop()
        else:
            service.kill()
            service.discard()
        service.start()

    again()
    # Its temporary tables are gone, and it says so once; then it goes on.
    kind, message = ask("SELECT count(*) FROM t")
    assert kind == "LostTransactionError" and "temporary tables" in message
    assert ask("INSERT INTO t VALUES (1)") == [[1]]
    again()
    assert ask("INSERT INTO t VALUES (2)") == [[1]]
    again()
    assert ask("SELECT count(*) FROM t") == [[2]]
    assert ask("begin") == "done"
    assert ask("INSERT INTO t VALUES (3)") == [[1]]
    if how == "stopped":
        service.process.signal(signal.SIGTERM)
        wait_until(lambda: "leaving" in service.process.errors, 10, "it has been told")
        service.process.signal(signal.SIGTERM)  # a second one hurries
        service.process.wait()
        service.discard()
        service.start()
    else:
        again()
    kind, message = ask("INSERT INTO t VALUES (4)")
    assert kind == "LostTransactionError" and "lost" in message
    assert ask("INSERT INTO t VALUES (5)") == [[1]]
    assert ask("SELECT i FROM t ORDER BY i") == [[1], [2], [5]]


def test_no_service_any_more(serve: Callable[..., Service], client: Callable[..., Client]) -> None:
    service = serve()
    ask = client(service, 0.5)
    assert ask("CREATE TABLE t (i INTEGER)") == []
    service.stop()
    kind, message = ask("INSERT INTO t VALUES (1)")
    assert kind == "ServiceError" and "no service has" in message
    # A new one takes the file itself.
    alone = client(service, 5)
    assert alone("INSERT INTO t VALUES (2)") == [[1]]
    assert alone("SELECT i FROM t") == [[2]]


def test_two_writers_fail_gracefully_with_a_timeout(serve: Callable[..., Service], client: Callable[..., Client]) -> None:
    """Of one row: the second writer waits, and then is told."""
    service = serve()
    one, two = client(service), client(service, 0.3)
    one("CREATE TABLE t AS SELECT 1 AS i")
    assert one("begin") == "done"
    assert one("UPDATE t SET i = 2") == [[1]]
    kind, message = two("UPDATE t SET i = 3")
    assert kind in ("TransactionException", "BusyError")
    assert "onflict" in message
    assert two("INSERT INTO t VALUES (9)") == [[1]]
    assert one("commit") == "done"
    assert two("UPDATE t SET i = i + 10") == [[2]]
    assert two("SELECT i FROM t ORDER BY i") == [[12], [19]]


def test_several_databases(serve: Callable[..., Service], client: Callable[..., Client]) -> None:
    service = serve(databases=("core.duckdb", "runs=r.duckdb"))
    ask = client(service)
    assert ask("CREATE TABLE runs.main.t AS SELECT 5 AS i") == [[1]]
    assert ask("CREATE TABLE t AS SELECT 7 AS i") == [[1]]
    assert ask("SELECT t.i, r.i FROM core.main.t, runs.main.t r") == [[7, 5]]
    assert ask("SELECT * FROM runs.main.nothing")[0] == "CatalogException"


def test_a_database_without_snapshots(serve: Callable[..., Service], client: Callable[..., Client]) -> None:
    service = serve(start=False)
    service.duckrow.write("CREATE TABLE before AS SELECT 1 AS i")
    service.duckrow("config", service.path, "snapshots", "off")
    service.start()
    ask = client(service)
    assert ask("CREATE TABLE t AS SELECT [1, NULL] AS l, 'x' AS v") == [[1]]
    assert ask("SELECT * FROM t") == [[[1, None], "x"]]
    assert ask("SELECT 1 + 1") == [[2]]


def test_a_client_of_the_other_engine(
    serve: Callable[..., Service], client: Callable[..., Client], version: str, engine_pythons: dict[str, Path]
) -> None:
    """A client's DuckDB need not be the service's."""
    (other,) = (python for engine, python in engine_pythons.items() if engine != version)
    service = serve()
    ask = client(service)
    ask("CREATE TABLE t AS SELECT i, {'a': [i::VARCHAR]} AS s FROM range(3) r(i)")
    code = """
        import sys, duckrow
        with duckrow.get_write_connection(sys.argv[1]) as con:
            con.execute("INSERT INTO t VALUES (3, {'a': ['3']})")
            here = con.execute("FROM t ORDER BY i").fetchall()
            con.begin()
            assert con.execute("FROM t ORDER BY i").fetchall() == here
            print(here)
    """
    found = subprocess.run([str(other), "-c", textwrap.dedent(code), str(service.path)], capture_output=True, text=True, timeout=60)
    assert found.stdout.strip() == str([(i, {"a": [str(i)]}) for i in range(4)]), found.stderr


def test_exclusive_is_a_hold(processes: Processes, client: Callable[..., Client], tmp_db: Path, version: str) -> None:
    """Without a service it is a write connection whose turn says hold, which is what a service makes way for."""

    class Alone:
        path = tmp_db

    ask = client(Alone, 10, "exclusive")
    assert ask("CREATE TABLE t AS SELECT 1 AS i") == [[1]]
    assert ask("begin") == "done"
    code = "import sys, duckrow; print(duckrow.status(sys.argv[1]).holder.kind)"
    found = subprocess.run([sys.executable, "-c", code, str(tmp_db)], capture_output=True, text=True, timeout=60)
    assert found.stdout.strip() == "hold", found.stderr
    assert ask("commit") == "done"


@pytest.mark.skipif(not (ROOT / "src/service/handover.h").exists(), reason="the service can't hand over yet")
def test_exclusive_has_the_service_make_way(serve: Callable[..., Service], client: Callable[..., Client]) -> None:
    service = serve()
    served = client(service)
    served("CREATE TABLE t (i INTEGER)")
    service.expected.append("handed over|taken back")
    alone = client(service, 10, "exclusive")
    assert alone("INSERT INTO t VALUES (1)") == [[1]]
    assert alone("ATTACH ':memory:' AS other") == []
    served.process.tell("INSERT INTO t VALUES (2)")
    assert alone("SELECT i FROM t") == [[1]]
    alone.process.finish()
    assert json.loads(served.process.line()) == [[1]]
    assert served("SELECT i FROM t ORDER BY i") == [[1], [2]]
