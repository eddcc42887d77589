"""produce.py DB WHO ROWS SECONDS: stages ROWS rows some ten times a second, each with the time at which its staging began; tells the
milliseconds of each call."""

import sys
import time

import duckrow
from loop import ready, tell

path, who, rows, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
taken, n = [], 0


def once() -> float:
    global n
    began = time.time()
    duckrow.stage(path, "t", [{"who": who, "n": n + i, "moment": began} for i in range(rows)])
    n += rows
    return (time.time() - began) * 1000


once()
ready()
ends = time.monotonic() + seconds
while time.monotonic() < ends:
    taken.append(once())
    time.sleep(0.1)
tell(milliseconds=taken)
