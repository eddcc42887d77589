"""Python through a service: duckrow's own connections. What is checked is in served_checks.py, which runs in a Python with the
service's DuckDB."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.service import Service

sys.path.insert(0, str(Path(__file__).parent))
from served_checks import CHECKS

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


@pytest.mark.parametrize("name", CHECKS)
def test_python(check: Checker, name: str) -> None:
    check(name)
