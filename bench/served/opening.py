"""Opening a snapshot against the same file freshly checkpointed, while the service commits."""

from __future__ import annotations

import shutil

from . import ballast, together
from .engines import Engine
from .figures import Figures, percentile
from .pgbench import Pgbench
from .service import Service, scratch

UNDER_LOAD = {"1.5.6": "<= 8", "2.0.0": "<= 3"}
LOADS: list[tuple[str, int, list[str]]] = [("20 commits/s", 1, ["-R", "20"]), ("under full load, 32 clients", 32, [])]


def measure(figures: Figures, engine: Engine, seconds: float) -> None:
    folder = scratch()
    try:
        service = Service(engine, folder)
        fresh = folder / "fresh.duckdb"
        ballast.make(engine, service.path, 100)
        for name, clients, options in LOADS:
            # It leaves the file checkpointed.
            shutil.copyfile(service.path, fresh)
            with service, together.Workers([engine.python, "open_snapshot.py", service.read_path, fresh, 3 * seconds]) as workers:
                workers.wait()
                load = Pgbench(service, clients, 3 * seconds + 2, *options)
                (told,) = workers.go().told()
                rate = load.ended().tps
            p95 = [percentile(told[which], 95) for which in ("snapshot", "fresh")]
            figures.add(
                f"opening a snapshot / fresh, p95 of {len(told['fresh'])}, {name} ({rate:,.0f}/s)",
                p95[0],
                "ms",
                peer=p95[1],
                required=UNDER_LOAD[engine.version] if clients > 1 else "<= 1.5",
            )
    finally:
        shutil.rmtree(folder)
