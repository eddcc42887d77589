"""stage_frame.py DB ROWS SECONDS: milliseconds of duckrow.stage of a pandas frame and of DuckDB's COPY of the same, in turns."""

import os
import sys
import time

import duckdb
import duckrow
import numpy
import pandas
from loop import ready, tell

path, rows, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
numbers = numpy.arange(rows)
frame = pandas.DataFrame(
    {"id": numbers, "v": numbers * 7919 % 1000003, "s": [f"name {n % 1000}" for n in range(rows)], "d": numbers / 7.0}
)
con = duckdb.connect()
target = os.path.join(os.path.dirname(path), "copied.parquet")
staged, copied = [], []


def once() -> None:
    began = time.perf_counter()
    con.execute(f"COPY (FROM frame) TO '{target}'")
    between = time.perf_counter()
    duckrow.stage(path, "t", frame)
    copied.append((between - began) * 1000)
    staged.append((time.perf_counter() - between) * 1000)


once()
staged.clear()
copied.clear()
ready()
ends = time.monotonic() + seconds
while time.monotonic() < ends or len(staged) < 5:
    once()
tell(staged=staged, copied=copied)
