"""TypeScript: inserts through the service, opening a snapshot, and many rows, beside node-postgres and stock node-api."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from . import ballast, together
from .engines import ROOT, Engine, built
from .figures import Figures
from .service import Service, scratch
from .together import by_turns

ROWS, SLICE = 100_000, 1_000  # a loop of stock inserts would take a minute for all of them
NODE = "build/node/22/bin/node"
PROGRAM = "build/node/installed/test/programs/measure.mjs"


def run(target: object, way: str, length: float, clients: int = 1, processes: int = 1) -> float:
    command: list[object] = [built(NODE), ROOT / built(PROGRAM), target, way, length, clients]
    return together.rate(together.run(*[command] * processes))


def measure_inserts(figures: Figures, service: Service, seconds: float) -> None:
    for name, clients, processes in (("8 clients in one process", 8, 1), ("8 processes", 1, 8)):
        ours, theirs = by_turns(
            seconds,
            lambda time, c=clients, p=processes: run(service.path, "duckrow", time, c, p),
            lambda time, c=clients, p=processes: run(service.host, "direct", time, c, p),
        )
        figures.ratio(f"inserts, TypeScript / node-postgres, {name}", ours, theirs, "/s", required=">= 0.8")


def measure_opening(figures: Figures, engine: Engine, folder: Path, seconds: float) -> None:
    path, stock = folder / "read.duckdb", folder / "stock.duckdb"
    ballast.make(engine, path, 20)
    shutil.copyfile(path, stock)
    ours, theirs = by_turns(seconds, partial(run, path, "read"), partial(run, stock, "read-stock"))
    times = [[1000 / rate for rate in rates] for rates in (ours, theirs)]
    figures.ratio("open read-only, query, close, TypeScript / stock", *times, "ms", required="<= 0.5")


def measure_many(figures: Figures, service: Service, folder: Path, seconds: float) -> None:
    stock = partial(run, folder / "loop.duckdb", "loop")
    ours, theirs = by_turns(seconds, lambda _: run(service.path, "many", ROWS), lambda _: stock(SLICE))
    figures.ratio("insertMany, 100,000 x 3, served / a loop of stock run", ours, theirs, "rows/s", required=">= 50")
    alone = folder / "alone.duckdb"
    stock_alone = partial(run, alone, "loop")
    stock_alone(1)  # makes the table
    ours = [run(alone, "many", ROWS) for _ in range(together.ROUNDS)]
    figures.ratio("insertMany, 100,000 x 3, embedded / a loop of stock run", ours, theirs, "rows/s", required=">= 50")


def measure(figures: Figures, engine: Engine, seconds: float) -> None:
    folder = scratch()
    try:
        with Service(engine) as service:
            service.run("CREATE TABLE t (i BIGINT, s VARCHAR)", "CREATE TABLE many (i BIGINT, s VARCHAR, d DOUBLE)")
            measure_inserts(figures, service, seconds)
            measure_many(figures, service, folder, seconds)
        measure_opening(figures, engine, folder, seconds)
    finally:
        shutil.rmtree(folder)
