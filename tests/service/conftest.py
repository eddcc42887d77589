"""The service as a real process, with each engine."""

from __future__ import annotations

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
from support.program import PROGRAMS, Duckrow, of_engine


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


@pytest.fixture(params=list(PROGRAMS))
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def service(version: str, starting: Callable[..., Service]) -> Service:
    return starting(version)
