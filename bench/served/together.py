"""Workers as real processes that start at the same moment."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from .engines import ROOT

ROUNDS = 3
WORKERS = Path(__file__).resolve().parent / "workers"


class Workers:
    """Each is a Python, a program of workers/ and its arguments. Leaving ends those that are left."""

    def __init__(self, *commands: list[object]):
        self.processes = [
            subprocess.Popen(
                [str(python), str(WORKERS / str(program)), *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
            )
            for python, program, *arguments in commands
        ]

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.communicate()

    def wait(self) -> Workers:
        """Until all are ready."""
        for process in self.processes:
            assert process.stdout
            line = process.stdout.readline()
            if line != "ready\n":
                raise RuntimeError(f"{process.args!r} did not start: {line}")
        return self

    def go(self) -> Workers:
        for process in self.processes:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        return self

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(process.stdout.readline()) for process in self.processes if process.stdout]


def by_turns(seconds: float, *peers: Callable[[float], float]) -> list[list[float]]:
    """A B A B …, each after a short run that isn't counted."""
    for peer in peers:
        peer(min(2, seconds))
    rates: list[list[float]] = [[] for _ in peers]
    for _ in range(ROUNDS):
        for peer, found in zip(peers, rates):
            found.append(peer(seconds))
    return rates


def rate(told: list[dict[str, Any]]) -> float:
    """Of all together, a second."""
    return float(sum(t["count"] for t in told) / max(t["seconds"] for t in told))


def run(*commands: list[object]) -> list[dict[str, Any]]:
    with Workers(*commands) as workers:
        return workers.wait().go().told()
