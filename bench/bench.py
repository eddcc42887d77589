"""duckrow's figures as ratios against a peer measured in the same run: `make bench`.

usage: bench.py [--quick] [--json FILE] [ENGINE=PYTHON …]

Each engine is a Python that has it; without any, those of build/venv. Peer and ours take turns, and medians are told: the machine
is small and noisy. A figure's target is the one that the project promises.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ENGINES = ("1.5.6", "2.0.0")
MARK = "result "


def milliseconds(call: Callable[[], object], count: int) -> float:
    """The median of `count` calls."""
    taken = []
    for _ in range(count):
        start = time.perf_counter()
        call()
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken)


def make(path: str, rows: int = 0) -> None:
    import duckrow

    with duckrow.get_write_connection(path) as con:
        con.execute("CREATE TABLE t (who INTEGER, i INTEGER)")
        if rows:
            con.execute(f"CREATE TABLE ballast AS SELECT i, hash(i) h FROM range({rows}) r(i)")


# ---- what worker processes do ----


class Watched:
    """The core's database, which notes when the turn came."""

    taken = 0.0

    def __init__(self, core: Any) -> None:
        self.core = core

    def __getattr__(self, name: str) -> Any:
        return getattr(self.core, name)

    def take(self, *arguments: Any) -> Any:
        turn = self.core.take(*arguments)
        self.taken = time.perf_counter()
        return turn


def watched(path: str) -> Watched:
    from duckrow import databases

    database: Any = databases.database(path)
    if not isinstance(database.core, Watched):
        database.core = Watched(database.core)
    return database.core


def write_with_duckrow(path: str, who: int, i: int) -> tuple[float, float]:
    """One cycle: when the turn was ours and when it was given up."""
    import duckrow

    core = watched(path)
    with duckrow.get_write_connection(path, timeout=60) as con:
        con.execute("INSERT INTO t VALUES (?, ?)", [who, i])
    return core.taken, time.perf_counter()


def write_with_retries(path: str, who: int, i: int) -> tuple[float, float]:
    import random

    import duckdb

    while True:
        try:
            con = duckdb.connect(path)
            break
        except duckdb.IOException:
            time.sleep(random.random() * 0.002)
    taken = time.perf_counter()
    con.execute("INSERT INTO t VALUES (?, ?)", [who, i])
    con.close()
    return taken, time.perf_counter()


def write_with_flock(path: str, who: int, i: int) -> tuple[float, float]:
    import fcntl

    import duckdb

    with open(path + ".flock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        taken = time.perf_counter()
        con = duckdb.connect(path)
        con.execute("INSERT INTO t VALUES (?, ?)", [who, i])
        con.close()
    return taken, time.perf_counter()


WAYS = {"duckrow": write_with_duckrow, "retry": write_with_retries, "flock": write_with_flock}


def work(way: str, path: str, who: int, seconds: float) -> None:
    """Cycles for some seconds after a line on standard input; tells turns, waits, holds, and when the last one ended."""
    cycle = WAYS[way]
    cycle(path, who, 0)  # what a process pays once
    print("ready", flush=True)
    sys.stdin.readline()
    end, asked, turns = time.perf_counter() + seconds, time.perf_counter(), []
    while asked < end:
        taken, given_up = cycle(path, who, len(turns))
        turns.append((taken - asked, given_up - taken))
        asked = given_up
    tell({"turns": turns, "seconds": asked - end + seconds})


def read(path: str, seconds: float) -> None:
    """Opens, queries and closes as fast as it can."""
    import duckrow

    duckrow.get_readonly_connection(path).close()
    print("ready", flush=True)
    sys.stdin.readline()
    end, taken, errors = time.perf_counter() + seconds, [], 0
    while time.perf_counter() < end:
        start = time.perf_counter()
        try:
            with duckrow.get_readonly_connection(path) as con:
                con.execute("SELECT count(*) FROM t").fetchall()
        except Exception:
            errors += 1
        taken.append((time.perf_counter() - start) * 1000)
    tell({"median": statistics.median(taken), "longest": max(taken), "errors": errors})


def tell(result: dict[str, Any]) -> None:
    """Tells the result, and stays until all have: a process that ends takes time from those that are still measured."""
    print(json.dumps(result), flush=True)
    sys.stdin.read()


def together(arguments: list[list[object]], busy: int = 0) -> list[dict[str, Any]]:
    """Runs workers at once, each this program with these arguments, and returns what they tell. busy: so many processes compute
    beside them, in the same session: the kernel shares the cores out by session first."""
    processes = [
        subprocess.Popen([sys.executable, __file__, *map(str, a)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for a in arguments
    ]
    others = []
    try:
        for process in processes:
            assert process.stdout and process.stdout.readline() == "ready\n", "a worker did not start"
        others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
        for process in processes:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        return [json.loads(p.stdout.readline()) for p in processes if p.stdout]
    finally:
        for process in processes + others:
            process.kill()
            process.communicate()


# ---- figures ----


class Figures:
    """What was measured, and what it should be."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def add(self, name: str, ours: float, peer: float, unit: str, target: str) -> None:
        """target: "<= 0.5" or ">= 3", of ours / peer."""
        ratio = ours / peer
        relation, limit = target.split()
        ok = ratio <= float(limit) if relation == "<=" else ratio >= float(limit)
        self.rows.append({"figure": name, "duckrow": ours, "peer": peer, "unit": unit, "ratio": ratio, "target": target, "ok": ok})


def cycles(folder: str, way: str, count: int, seconds: float, busy: int = 0) -> tuple[float, list[dict[str, Any]]]:
    path = tempfile.mkdtemp(dir=folder) + "/core.duckdb"
    make(path)
    told = together([["work", way, path, who, seconds] for who in range(count)], busy)
    return sum(len(t["turns"]) for t in told) / max(t["seconds"] for t in told), told


def measure_cycles(figures: Figures, folder: str, quick: bool) -> None:
    seconds = 3.0 if quick else 8.0
    one, _ = cycles(folder, "duckrow", 1, seconds)
    four, _ = cycles(folder, "duckrow", 4, seconds)
    retries, _ = cycles(folder, "retry", 4, seconds)
    figures.add("write cycles, 4 processes / 1 process", four, one, "/s", ">= 0.8")
    figures.add("write cycles, 4 processes / retry loop", four, retries, "/s", ">= 3")


def fairness(folder: str, way: str, seconds: float) -> dict[str, float]:
    """8 processes that want turns, on busy cores: most and least turns, the longest wait and one median hold in milliseconds."""
    _, told = cycles(folder, way, 8, seconds, os.cpu_count() or 1)
    counts = [len(t["turns"]) for t in told]
    return {
        "most": max(counts),
        "least": min(counts),
        "longest": max(wait for t in told for wait, _ in t["turns"]) * 1000,
        "hold": statistics.median(hold for t in told for _, hold in t["turns"]) * 1000,
    }


def measure_fairness(figures: Figures, folder: str, quick: bool) -> None:
    for way in ("duckrow", "flock"):
        found = fairness(folder, way, 4.0 if quick else 10.0)
        figures.add(f"most / least turns of 8 processes ({way})", found["most"], found["least"], "turns", "<= 1.2")
        figures.add(f"longest wait / 8 median holds ({way})", found["longest"], 8 * found["hold"], "ms", "<= 2")


def measure_reads(figures: Figures, folder: str, quick: bool) -> None:
    import duckdb
    import duckrow

    path = tempfile.mkdtemp(dir=folder) + "/core.duckdb"
    make(path, 1_000_000)

    def stock() -> None:
        with duckdb.connect(path, read_only=True) as con:
            con.execute("SELECT count(*) FROM t").fetchall()

    def ours() -> None:
        with duckrow.get_readonly_connection(path) as con:
            con.execute("SELECT count(*) FROM t").fetchall()

    idle = milliseconds(stock, 50)
    ours()
    figures.add("second read in a process / stock open", milliseconds(ours, 200), idle, "ms", "<= 0.05")
    with duckrow.get_write_connection(path) as con:
        con.execute("BEGIN")
        con.execute("INSERT INTO t VALUES (0, 0)")
        told = together([["read", path, 2.0 if quick else 5.0] for _ in range(4)])
        con.execute("ROLLBACK")
    assert not any(t["errors"] for t in told), "a read failed"
    figures.add("read beside an open transaction / stock open", statistics.median(t["median"] for t in told), idle, "ms", "<= 0.5")


def measure_refresh(figures: Figures, folder: str, quick: bool) -> None:
    import duckdb
    import duckrow

    path = tempfile.mkdtemp(dir=folder) + "/core.duckdb"
    make(path, 1_000_000)

    def stock() -> None:
        duckdb.connect(path, read_only=True).close()

    opened = milliseconds(stock, 50)
    taken: list[float] = []
    with duckrow.get_readonly_connection(path, refresh="manual") as con:
        con.execute("SELECT count(*) FROM t").fetchall()
        nothing = milliseconds(con.refresh, 500)
        for i in range(50 if quick else 200):
            with duckrow.get_write_connection(path) as writer:
                writer.execute("INSERT INTO t VALUES (0, ?)", [i])
            start = time.perf_counter()
            assert con.refresh()
            taken.append((time.perf_counter() - start) * 1000)
    figures.add("refresh, nothing new / 0.1 ms", nothing, 0.1, "ms", "<= 1")
    figures.add("refresh, a new commit / stock open", statistics.median(taken), opened, "ms", "<= 0.3")


def publish_times(path: str, count: int) -> tuple[float, float]:
    """Milliseconds of one-row commits' publishing, and of the whole cycle: medians."""
    from duckrow import mounts

    taken: list[float] = []
    finish = mounts.Mount.finish

    def timed(mount: mounts.Mount) -> None:
        start = time.perf_counter()
        finish(mount)
        taken.append((time.perf_counter() - start) * 1000)

    mounts.Mount.finish = timed  # type: ignore[method-assign]
    try:
        whole = milliseconds(lambda: write_with_duckrow(path, 0, 0), count)
    finally:
        mounts.Mount.finish = finish  # type: ignore[method-assign]
    return statistics.mean(taken), whole


def measure_publish(figures: Figures, folder: str, quick: bool) -> None:
    times, copies = {}, {}
    for megabytes in (50, 500):
        path = tempfile.mkdtemp(dir=folder) + "/core.duckdb"
        make(path, megabytes * 130_000)
        # The first rotations make the slots, once.
        publish_times(path, 50)
        times[megabytes], _ = publish_times(path, 60)
        copies[megabytes] = milliseconds(lambda p=path: shutil.copy(p, p + ".copy"), 3)  # type: ignore[misc]
        size = os.path.getsize(path) >> 20
        print(f"  a database of {size} MB: publish {times[megabytes]:.3f} ms, copy {copies[megabytes]:.0f} ms", file=sys.stderr)
        shutil.rmtree(os.path.dirname(path)) if megabytes == 500 else None
    figures.add("publish, mean with rotations, 500 MB / copy of the file", times[500], copies[500], "ms", "<= 0.02")
    figures.add("publish, 500 MB / 50 MB", times[500], times[50], "ms", "<= 2")


def measure_executemany(figures: Figures, folder: str, quick: bool) -> None:
    import duckdb
    import duckrow

    folder = tempfile.mkdtemp(dir=folder)
    rows = [(i, f"row {i}", i / 2) for i in range(20_000)]
    few = rows[: 1_000 if quick else 20_000]
    sql = "CREATE TABLE many (a INTEGER, b VARCHAR, c DOUBLE)"
    with duckdb.connect(folder + "/stock.duckdb") as stock:
        stock.execute(sql)
        theirs = len(few) / milliseconds(lambda: stock.executemany("INSERT INTO many VALUES (?, ?, ?)", few), 1) * 1000
    with duckrow.get_write_connection(folder + "/core.duckdb") as con:
        con.execute(sql)
        ours = len(rows) / milliseconds(lambda: con.executemany("INSERT INTO many VALUES (?, ?, ?)", rows), 3) * 1000
    figures.add("executemany, 20,000 x 3 / DuckDB's own", ours, theirs, "rows/s", ">= 60")


def measure_one_writer(figures: Figures, folder: str, quick: bool) -> None:
    path = tempfile.mkdtemp(dir=folder) + "/core.duckdb"
    make(path)
    ours = milliseconds(lambda: write_with_duckrow(path, 0, 0), 100)
    figures.add("open, insert, close / stock", ours, milliseconds(lambda: write_with_retries(path, 0, 0), 30), "ms", "<= 1")


def measure(quick: bool) -> list[dict[str, Any]]:
    figures = Figures()
    with tempfile.TemporaryDirectory() as folder:
        for part in (
            measure_one_writer,
            measure_reads,
            measure_refresh,
            measure_executemany,
            measure_cycles,
            measure_fairness,
            measure_publish,
        ):
            part(figures, folder, quick)
    return figures.rows


# ---- the program ----


def engines(given: list[str]) -> Iterator[tuple[str, str]]:
    for name in given or ENGINES:
        version, _, python = name.partition("=")
        yield version, python or str(ROOT / "build" / "venv" / version / "bin" / "python")


def main() -> int:
    parser = argparse.ArgumentParser(description="duckrow's figures against their peers")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", metavar="FILE", default=str(ROOT / "build" / "bench.json"))
    parser.add_argument("engines", nargs="*", metavar="ENGINE[=PYTHON]")
    options = parser.parse_args()
    results = {}
    for version, python in engines(options.engines):
        print(f"DuckDB {version}", file=sys.stderr)
        run = subprocess.run([python, __file__, "measure", str(int(options.quick))], stdout=subprocess.PIPE, text=True, check=False)
        lines = [line for line in run.stdout.splitlines() if line.startswith(MARK)]
        if run.returncode or not lines:
            print(f"bench: DuckDB {version} could not be measured", file=sys.stderr)
            return 1
        results[version] = json.loads(lines[-1][len(MARK) :])
        print(f"\nDuckDB {version:<49} {'duckrow':>10} {'peer':>10} {'':<7} {'ratio':>8}  target")
        for r in results[version]:
            print(
                f"  {r['figure']:<54} {r['duckrow']:>10.3f} {r['peer']:>10.3f} {r['unit']:<7} {r['ratio']:>8.3f}  "
                f"{r['target']:<8} {'ok' if r['ok'] else 'MISSED'}"
            )
    Path(options.json).parent.mkdir(parents=True, exist_ok=True)
    Path(options.json).write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        work(sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
    elif sys.argv[1:2] == ["read"]:
        read(sys.argv[2], float(sys.argv[3]))
    elif sys.argv[1:2] == ["fairness"]:
        with tempfile.TemporaryDirectory() as place:
            print(json.dumps(fairness(place, sys.argv[2], float(sys.argv[3]))))
    elif sys.argv[1:2] == ["measure"]:
        print(MARK + json.dumps(measure(sys.argv[2] == "1")))
    else:
        sys.exit(main())
