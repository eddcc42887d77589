"""What the tests share: lengths, waiting, processes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from support.processes import Process, Processes

__all__ = ["SOAK", "Process", "Processes", "in_threads", "scaled", "wait_until"]

T = TypeVar("T")
SOAK = os.environ.get("DUCKROW_SOAK", "") not in ("", "0")


def scaled(full: T, short: T) -> T:
    """The full length under `make soak`, the short one under `make test`."""
    return full if SOAK else short


def wait_until(condition: Callable[[], T], timeout: float = 10.0, what: str = "") -> T:
    """What `condition` returns once that is true; an AssertionError when it has not become so in time."""
    until = time.monotonic() + timeout
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > until:
            raise AssertionError(f"not within {timeout} s: {what or getattr(condition, '__name__', condition)}")
        time.sleep(0.005)


def in_threads(count: int, work: Callable[[int], object]) -> None:
    """Runs work(0) to work(count - 1) at once, and raises the first exception of theirs."""
    failed: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    if failed:
        raise failed[0]
