"""open_snapshot.py SNAPSHOT FRESH SECONDS: opens, reads one row of and closes two files by turns, with stock DuckDB."""

import sys
import time

import duckdb
from loop import ready, tell

paths = sys.argv[1:3]
seconds = float(sys.argv[3])


def milliseconds(path: str) -> float:
    start = time.perf_counter()
    with duckdb.connect(path, read_only=True) as connection:
        connection.execute("FROM inserts LIMIT 1").fetchall()
    return (time.perf_counter() - start) * 1000


for path in paths:
    milliseconds(path)
ready()
end, taken = time.perf_counter() + seconds, [[], []]
while time.perf_counter() < end:
    for path, times in zip(paths, taken):
        times.append(milliseconds(path))
tell(snapshot=taken[0], fresh=taken[1])
