"""What publishing costs: commits with and without it, and how long they stand still for it, on a database of 500 MB."""

from __future__ import annotations

import shutil

from . import ballast
from .engines import Engine
from .figures import Figures
from .pgbench import insert
from .service import Service, scratch
from .together import by_turns

MEGABYTES = 500


def times(figures: Figures, service: Service) -> None:
    stats = service.stats()
    count = f"of {stats['publishes']:,}"
    figures.add(f"publishing, 500 MB, p50 {count}", stats["publish_p50"] / 1000, "ms", required="<= 0.1")
    figures.add(f"publishing, 500 MB, p99 {count}", stats["publish_p99"] / 1000, "ms", required="<= 2")
    count = f"of {stats['rotations']:,}"
    figures.add(f"a rotation's stop of commits, 500 MB, p50 {count}", stats["rotation_p50"] / 1000, "ms")
    figures.add(f"a rotation's stop of commits, 500 MB, p99 {count}", stats["rotation_p99"] / 1000, "ms", required="<= 100")
    figures.add(
        f"a rotation's stop of commits, 500 MB, p99 {count}", stats["rotation_p99"] / 1000, "ms", required="<= 20", aim=True
    )


def first_rotations(figures: Figures, service: Service) -> None:
    """They make the slots, once in a database's life, and are told apart."""
    with service:
        service.make_slots()
        figures.add("the longest of the first rotations, which copy 500 MB", service.stats()["rotation_longest"] / 1000, "ms")


def measure(figures: Figures, engine: Engine, seconds: float) -> None:
    folders = [scratch(), scratch()]
    try:
        paths = [folder / "core.duckdb" for folder in folders]
        ballast.make(engine, paths[0], MEGABYTES)
        shutil.copyfile(*paths)
        service = Service(engine, folders[0])
        first_rotations(figures, service)
        with service, Service(engine, folders[1], snapshots=False) as without:
            for clients in (1, 8, 64):
                rates = by_turns(seconds, *(lambda time, s=s, c=clients: insert(s, c, time).tps for s in (service, without)))
                name = f"commits with publishing / without, {clients} client{'s' if clients > 1 else ''}, 500 MB"
                figures.ratio(name, *rates, "/s", required=">= 0.9")
            times(figures, service)
    finally:
        for folder in folders:
            shutil.rmtree(folder)
