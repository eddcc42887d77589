"""The service as a real process, with each engine.

`served` is one that the tests of a file share, which give their tables names of their own; `serve` starts others, with settings,
for tests that stop or break them. Both leave in good order, or the test fails. `service` and `starting` are for one test each."""

from __future__ import annotations

import itertools
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from support import service as support_service
from support.program import PROGRAMS, Duckrow, of_engine

_numbers = itertools.count(1)


@dataclass
class Service:
    """One `duckrow serve`; its sockets are in a folder of their own, as a socket's path must be short."""

    duckrow: Duckrow
    sockets: Path
    settings: list[str] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None

    @property
    def dsn(self) -> str:
        return f"host={self.sockets} dbname=core user=tester"

    def start(self, *settings: str) -> None:
        self.settings = list(settings) or self.settings
        self.process = self.duckrow.start("serve", "--socket", self.sockets, *self.settings, self.duckrow.db)
        deadline = time.monotonic() + 30
        while not self.listens():
            assert self.process.poll() is None, self.process.communicate()[1]
            assert time.monotonic() < deadline, "the service doesn't come up"
            time.sleep(0.02)

    def listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            found = probe.connect_ex(str(self.sockets / ".s.PGSQL.5432")) == 0
        return found and self.announced.exists()

    @property
    def announced(self) -> Path:
        return Path(f"{self.duckrow.db}.duckrow/service")

    def stop(self) -> str:
        """Ends it in order, and returns its log."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        _, log = self.process.communicate(timeout=30)
        assert self.process.returncode == 0, log
        return log

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.communicate()

    def connect(self, **options: object) -> psycopg.Connection:
        return psycopg.connect(self.dsn, **{"autocommit": True, **options})  # type: ignore[arg-type]

    def psql(self, *commands: str, script: str = "") -> subprocess.CompletedProcess[str]:
        argv = ["psql", "-X", "-q", "-t", "-A", "-h", str(self.sockets), "-U", "tester", "-d", "core"]
        for command in commands:
            argv += ["-c", command]
        return subprocess.run(argv, input=script, capture_output=True, text=True, timeout=60)


@pytest.fixture
def starting(engine_pythons: dict[str, Path], tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Starts services, and ends those that are left."""
    made: list[Service] = []

    def make(version: str, *settings: str, start: bool = True) -> Service:
        folder = tmp_path / version
        folder.mkdir(exist_ok=True)
        service = Service(of_engine(version, folder), Path(tempfile.mkdtemp(prefix="dr")))
        made.append(service)
        if start:
            service.start(*settings)
        return service

    yield make
    for service in made:
        if service.process and service.process.poll() is None:
            service.kill()
        shutil.rmtree(service.sockets, ignore_errors=True)


@pytest.fixture(scope="module", params=list(PROGRAMS))
def version(request: pytest.FixtureRequest, engine_pythons: dict[str, Path]) -> str:
    """Each DuckDB in turn, as the service's engine."""
    return str(request.param)


@pytest.fixture
def service(version: str, starting: Callable[..., Service]) -> Service:
    return starting(version)


@pytest.fixture(scope="module")
def stock_python(version: str, engine_pythons: dict[str, Path]) -> Path:
    """A Python with the stock DuckDB of the service's version."""
    return engine_pythons[version]


@pytest.fixture(scope="module")
def shared_service(version: str) -> Iterator[support_service.Service]:
    # pytest's own folders have names too long for a socket.
    with tempfile.TemporaryDirectory(prefix="dr-") as folder:
        service = support_service.Service(of_engine(version, Path(folder)))
        yield service
        service.stop()


@pytest.fixture
def served(shared_service: support_service.Service) -> Iterator[support_service.Service]:
    yield shared_service
    assert shared_service.process.running, shared_service.process.errors


@pytest.fixture
def serve(version: str) -> Iterator[Callable[..., support_service.Service]]:
    """serve("--setting", "value", …): another service, in a folder of its own."""
    started: list[support_service.Service] = []
    with tempfile.TemporaryDirectory(prefix="dr-") as folder:

        def start(*settings: str, **options) -> support_service.Service:
            here = Path(folder) / str(len(started))
            here.mkdir()
            started.append(support_service.Service(of_engine(version, here), *settings, **options))
            return started[-1]

        try:
            yield start
            for service in started:
                service.stop()
        finally:
            for service in started:
                service.discard()


@pytest.fixture
def table() -> str:
    """A name for a table that no other test uses."""
    return f"t{next(_numbers)}"


@pytest.fixture
def connection(served: support_service.Service) -> Iterator[psycopg.Connection]:
    """psycopg's, in autocommit."""
    with served.connect() as made:
        yield made


@pytest.fixture
def other(served: support_service.Service) -> Iterator[psycopg.Connection]:
    with served.connect() as made:
        yield made
