"""What every worker does: it gets ready and says so, starts at a line on standard input, and tells one line of JSON.

Workers are programs that run alone, in the Python of the engine or peer that they use."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any


def ready() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def tell(**result: Any) -> None:
    """Stays until all have told: a process that ends takes time from those that are still measured."""
    print(json.dumps(result), flush=True)
    sys.stdin.read()


def repeat(step: Callable[[int], object], seconds: float) -> None:
    """Once to warm up, then as often as goes; tells how often, in how long, and what each took in milliseconds."""
    step(0)
    ready()
    start = time.perf_counter()
    end, now, taken = start + seconds, start, []
    while now < end:
        step(len(taken) + 1)
        before, now = now, time.perf_counter()
        taken.append((now - before) * 1000)
    tell(count=len(taken), seconds=now - start, milliseconds=taken)
