"""Staging: taking files in beside one INSERT, writing them beside COPY, and how soon they are seen."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import time
from pathlib import Path

from . import together
from .engines import Engine
from .figures import Figures, percentile
from .service import Service, scratch

TABLE = "CREATE TABLE t (id BIGINT, v BIGINT, s VARCHAR, d DOUBLE)"
LARGE, TINY = (200, 100_000), (10_000, 100)
ROUNDS = 3
INTERVAL = 1.0
PRODUCERS = 4


def make_files(engine: Engine, folder: Path, files: int, rows: int) -> Path:
    folder.mkdir()
    subprocess.run([engine.python, together.WORKERS / "make_parquet.py", folder, str(files), str(rows)], check=True)
    return folder


def insert(engine: Engine, files: Path, folder: Path) -> float:
    """Seconds of DuckDB's own, in a process of its own."""
    path = folder / "peer.duckdb"
    try:
        argv = [engine.python, together.WORKERS / "insert_parquet.py", path, TABLE, files]
        return float(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
    finally:
        path.unlink(missing_ok=True)
        path.with_suffix(".duckdb.wal").unlink(missing_ok=True)


def ingest(engine: Engine, files: Path, folder: Path) -> float:
    """Seconds of the whole program, snapshots off, as the peer makes none."""
    path = folder / "ours.duckdb"
    own = Path(f"{path}.duckrow")
    try:
        for arguments in (["sql", "--write", path, TABLE], ["config", path, "snapshots", "off"]):
            subprocess.run([engine.program, *arguments], check=True, env=engine.environment, stdout=subprocess.DEVNULL)
        (own / "staging").mkdir(parents=True, exist_ok=True)
        shutil.copytree(files, own / "staging" / "t", copy_function=os.link)
        began = time.monotonic()
        subprocess.run([engine.program, "ingest", path], check=True, env=engine.environment, stdout=subprocess.DEVNULL)
        return time.monotonic() - began
    finally:
        path.unlink(missing_ok=True)
        shutil.rmtree(own, ignore_errors=True)


def measure_ingest(figures: Figures, engine: Engine, seconds: float) -> None:
    for (count, rows), required in ((LARGE, ">= 0.8"), (TINY, ">= 0.5")):
        count = max(10, round(count * min(1.0, seconds / 3)))
        folder = scratch()
        try:
            files = make_files(engine, folder / "files", count, rows)
            ours, theirs = [], []
            for _ in range(ROUNDS):
                theirs.append(insert(engine, files, folder))
                ours.append(ingest(engine, files, folder))
            total = count * rows
            figures.ratio(
                f"ingest of {count:,} files of {rows:,} rows / one INSERT of them",
                [total / taken for taken in ours],
                [total / taken for taken in theirs],
                "rows/s",
                required,
            )
        finally:
            shutil.rmtree(folder)


def measure_frames(figures: Figures, engine: Engine, seconds: float) -> None:
    folder = scratch()
    try:
        (told,) = together.run([engine.python, "stage_frame.py", folder / "core.duckdb", 100_000, seconds * 2])
        figures.ratio("stage a frame of 100,000 rows / COPY … TO parquet", told["staged"], told["copied"], "ms", "<= 1.3")
    finally:
        shutil.rmtree(folder)


def produce(engine: Engine, path: Path, seconds: float) -> list[float]:
    """Milliseconds of each stage call, of several producers."""
    commands = [[engine.python, "produce.py", path, who, 100, seconds] for who in range(PRODUCERS)]
    return [taken for told in together.run(*commands) for taken in told["milliseconds"]]


def measure_producers(figures: Figures, engine: Engine, seconds: float) -> None:
    """Beside ingest and readers of this database, and beside the same of another one: the processors are as busy."""
    folder = scratch()
    here, elsewhere = folder / "core.duckdb", folder / "other.duckdb"
    try:
        with Service(engine, folder) as service:
            service.run("CREATE TABLE t (who INTEGER, n BIGINT, batch INTEGER)")
            beside, away = [], []
            for _ in range(ROUNDS):
                for path, found in ((here, beside), (elsewhere, away)):
                    load = [engine.python, "produce.py", here, 99, 100, seconds + 4]
                    readers = [engine.python, "see_staged.py", here, seconds + 4, 0]
                    with together.Workers(load, readers) as workers:
                        workers.wait().go()
                        found.append(percentile(produce(engine, path, seconds), 99))
            figures.ratio(f"{PRODUCERS} producers' p99, where ingest and readers are / not", beside, away, "ms", "<= 1.3")
    finally:
        shutil.rmtree(folder)


def measure_seeing(figures: Figures, engine: Engine, seconds: float) -> None:
    folder = scratch()
    path = folder / "core.duckdb"
    try:
        with Service(engine, folder) as service:
            service.run("CREATE TABLE t (who INTEGER, n BIGINT, batch INTEGER)")
            for staged, required in ((0, f"<= {(INTERVAL + 0.5) * 1000:.0f}"), (1, "")):
                commands = [[engine.python, "produce.py", path, 10 * staged + who, 100, 4 * seconds] for who in range(PRODUCERS)]
                with together.Workers(*commands, [engine.python, "see_staged.py", path, 4 * seconds, staged]) as workers:
                    *producers, looker = workers.wait().go().told()
                when = {(told["who"], batch): at for told in producers for batch, at in enumerate(told["staged"])}
                # What was there before it began to look isn't counted.
                taken = [(seen - when[who, batch]) * 1000 for who, batch, seen in looker["seen"] if batch and (who, batch) in when]
                called = "staged=True" if staged else f"a new snapshot, interval {INTERVAL:.0f} s"
                figures.add(f"from staged to seen, {called}: p99", percentile(taken, 99), "ms", required=required)
                figures.add("  median", statistics.median(taken), "ms")
    finally:
        shutil.rmtree(folder)


def measure(figures: Figures, engine: Engine, seconds: float) -> None:
    measure_ingest(figures, engine, seconds)
    measure_frames(figures, engine, seconds)
    measure_producers(figures, engine, seconds)
    measure_seeing(figures, engine, seconds)
