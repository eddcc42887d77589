"""Those who ask little beside one that asks much: a long CREATE TABLE AS, and floods of pipelined inserts."""

from __future__ import annotations

import signal
import statistics
import sys
import time

from . import together
from .engines import Engine
from .figures import Figures, percentile
from .pgbench import TABLE, Pgbench
from .service import Service

CLIENTS = 8
LONG = "CREATE TABLE made AS SELECT i, hash(md5(md5(i::VARCHAR))) h FROM range({rows}) r(i) ORDER BY h"
TRIAL = 500_000
MOST_ROWS = 40_000_000  # 2 GB with its copies


def timed(service: Service, rows: int) -> tuple[float, float]:
    """From when to when it ran."""
    with service.connect() as connection:
        start = time.time()
        connection.execute(LONG.format(rows=rows))
        return start, time.time()


def beside_long_statement(figures: Figures, service: Service, seconds: float) -> None:
    load = Pgbench(service, CLIENTS, seconds, log=True)
    time.sleep(0.5)
    start, end = timed(service, TRIAL)
    load.ended()
    service.run("DROP TABLE made")
    rows = min(MOST_ROWS, round(TRIAL * max(1.0, seconds / (end - start))))
    alone = Pgbench(service, CLIENTS, seconds, log=True).ended().latencies
    load = Pgbench(service, CLIENTS, 600, log=True)
    time.sleep(0.5)
    start, end = timed(service, rows)
    # What waited for it is in the log only when its buffer has been written.
    time.sleep(1)
    load.end(signal.SIGINT)
    latencies = [taken for ended, taken in load.transactions() if ended >= start and ended - taken / 1000 <= end]
    name = f"CREATE TABLE AS, {end - start:.0f} s, {rows / 1e6:.1f} million rows, beside {CLIENTS} inserting: "
    figures.add(name + "p99", percentile(latencies, 99), "ms", required="<= 100")
    figures.add("  their longest", max(latencies), "ms")
    figures.add("  the longest stop of commits by a rotation", service.stats()["rotation_longest"] / 1000, "ms")
    figures.add("  their p99 with nothing beside them", percentile(alone, 99), "ms")


def beside_flood(figures: Figures, service: Service, count: int, together_: int, seconds: float) -> None:
    where = [service.socket, service.user, service.database]
    seldom = together.Workers([sys.executable, "seldom.py", *where, 10, 600])
    flood = together.Workers([sys.executable, "flood.py", *where, count, together_, seconds])
    sql = "SELECT count(*) FROM inserts WHERE text = 'flood'"
    before = service.value(sql)
    with seldom, flood:
        seldom.wait().go()
        (told,) = flood.wait().go().told()
        seldom.go()
        (slow,) = seldom.told()
    found = service.value(sql) - before
    if told["errors"] or found != told["count"]:
        raise RuntimeError(f"the flood: {told['errors']} errors, {found} of {told['count']} rows")
    taken = slow["milliseconds"]
    called = f"{told['count']:,} pipelined inserts, a Sync after {'each' if together_ == 1 else f'{together_:,}'}"
    figures.add(f"flood of {called}: p99 of {len(taken)} others'", percentile(taken, 99), "ms", required="<= 100")
    figures.add("  their median", statistics.median(taken), "ms")
    figures.add("  the flood's rows", told["count"] / told["seconds"], "/s")
    stats = service.stats()
    figures.add(f"  the longest stop of commits, of {stats['rotations']} rotations", stats["rotation_longest"] / 1000, "ms")


def measure(figures: Figures, engine: Engine, seconds: float) -> None:
    with Service(engine) as service:
        service.run(TABLE)
        beside_long_statement(figures, service, 3 * seconds)
    count = 1_000_000 if seconds >= 5 else round(200_000 * seconds)
    for together_ in (1, 1000, count):
        with Service(engine) as service:
            service.run(TABLE)
            beside_flood(figures, service, count, together_, 6 * seconds)
