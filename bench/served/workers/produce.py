"""produce.py DB WHO ROWS SECONDS: stages ROWS rows some ten times a second, each time with the next number as `batch`; tells the
milliseconds of each call, and when each batch was staged."""

import sys
import time

import duckrow
from loop import ready, tell

path, who, rows, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
taken: list[float] = []
staged: list[float] = []


def once() -> float:
    began = time.time()
    duckrow.stage(path, "t", [{"who": who, "n": len(staged) * rows + i, "batch": len(staged)} for i in range(rows)])
    staged.append(time.time())
    return (staged[-1] - began) * 1000


once()
ready()
ends = time.monotonic() + seconds
while time.monotonic() < ends:
    taken.append(once())
    time.sleep(0.1)
tell(who=who, milliseconds=taken, staged=staged)
