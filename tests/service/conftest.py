"""The service as a real process, with each engine.

`served` is one that the tests of a file share, which give their tables names of their own; `serve` starts others, with settings,
for tests that stop or break them. Both leave in good order, or the test fails."""

from __future__ import annotations

import itertools
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from support.program import PROGRAMS, of_engine
from support.service import Service

_numbers = itertools.count(1)


@pytest.fixture(scope="module", params=list(PROGRAMS))
def version(request: pytest.FixtureRequest, engine_pythons: dict[str, Path]) -> str:
    """Each DuckDB in turn, as the service's engine."""
    return str(request.param)


@pytest.fixture(scope="module")
def stock_python(version: str, engine_pythons: dict[str, Path]) -> Path:
    """A Python with the stock DuckDB of the service's version."""
    return engine_pythons[version]


@pytest.fixture(scope="module")
def shared_service(version: str) -> Iterator[Service]:
    # pytest's own folders have names too long for a socket.
    with tempfile.TemporaryDirectory(prefix="dr-") as folder:
        service = Service(of_engine(version, Path(folder)))
        yield service
        service.stop()


@pytest.fixture
def served(shared_service: Service) -> Iterator[Service]:
    yield shared_service
    assert shared_service.process.running, shared_service.process.errors


@pytest.fixture
def serve(version: str) -> Iterator[Callable[..., Service]]:
    """serve("--setting", "value", …): another service, in a folder of its own."""
    started: list[Service] = []
    with tempfile.TemporaryDirectory(prefix="dr-") as folder:

        def start(*settings: str, **options) -> Service:
            here = Path(folder) / str(len(started))
            here.mkdir()
            started.append(Service(of_engine(version, here), *settings, **options))
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
def connection(served: Service) -> Iterator[psycopg.Connection]:
    """psycopg's, in autocommit."""
    with served.connect() as made:
        yield made


@pytest.fixture
def other(served: Service) -> Iterator[psycopg.Connection]:
    with served.connect() as made:
        yield made


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 96 MiB."""
    folder = Path(tempfile.mkdtemp(prefix="dr-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)
    folder.rmdir()
