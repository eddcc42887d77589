"""What 8 readers that scan snapshots cost the writers, against 8 that scan an unrelated file."""

from __future__ import annotations

import shutil
from pathlib import Path

from . import ballast, together
from .engines import Engine
from .figures import Figures
from .pgbench import insert
from .service import Service, scratch
from .together import by_turns

READERS, WRITERS = 8, 8


def beside(engine: Engine, service: Service, path: Path, seconds: float) -> tuple[float, float]:
    """Commits and scans a second."""
    with together.Workers(*([engine.python, "scan.py", path, seconds + 1] for _ in range(READERS))) as readers:
        readers.wait().go()
        rate = insert(service, WRITERS, seconds).tps
        return rate, together.rate(readers.told())


def measure(figures: Figures, engine: Engine, seconds: float) -> None:
    folder = scratch()
    try:
        service = Service(engine, folder)
        other = folder / "other.duckdb"
        ballast.make(engine, service.path, 100)
        shutil.copyfile(service.path, other)
        scans: dict[Path, list[float]] = {service.read_path: [], other: []}

        def of(path: Path, time: float) -> float:
            commits, scanned = beside(engine, service, path, time)
            scans[path].append(scanned)
            return commits

        with service:
            ours, theirs = by_turns(seconds, *(lambda time, p=path: of(p, time) for path in scans))
            name = f"commits, {WRITERS} clients, beside {READERS} readers of snapshots / of another file"
            figures.ratio(name, ours, theirs, "/s", required=">= 0.9")
            figures.ratio("  scans of those readers", scans[service.read_path], scans[other], "/s")
    finally:
        shutil.rmtree(folder)
