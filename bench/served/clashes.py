"""64 clients of whom 5% violate a key in each statement, against 64 who don't."""

from __future__ import annotations

import itertools
import sys

from . import together
from .engines import Engine
from .figures import Figures
from .service import Service
from .together import by_turns

CLIENTS, CLASHING = 64, 3
RUN = 1_000_000_000_000  # keys of a run


def measure(figures: Figures, engine: Engine, seconds: float) -> None:
    runs = itertools.count(1)
    refused = rows = 0
    with Service(engine) as service:
        service.run("CREATE TABLE keyed (id BIGINT PRIMARY KEY, text VARCHAR)", "INSERT INTO keyed VALUES (0, 'there')")

        def rate(clashing: int, time: float) -> float:
            """Of rows that were acknowledged."""
            nonlocal refused, rows
            arguments = [service.socket, service.user, service.database, CLIENTS, clashing, next(runs) * RUN, time]
            (told,) = together.run([sys.executable, "clashing.py", *arguments])
            if told["strayed"] or (clashing and not told["refused"]):
                raise RuntimeError(f"{told['strayed']} errors of clients that violated nothing, {told['refused']} in all")
            refused += told["refused"]
            rows += told["done"]
            return float(told["done"] / told["seconds"])

        ours, clean = by_turns(seconds, lambda time: rate(CLASHING, time), lambda time: rate(0, time))
        found = service.value("SELECT count(*) FROM keyed") - 1
        if found != rows:
            raise RuntimeError(f"{found} rows are there, {rows} were acknowledged")
        name = f"rows, {CLIENTS} clients, {CLASHING} of them clash ({refused:,} refusals) / none"
        figures.ratio(name, ours, clean, "/s", required=">= 0.3")
