"""Python: executemany beside DuckDB's own, and psycopg in its default mode, which begins transactions by itself."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import partial

from . import together
from .engines import Engine, Missing
from .figures import Figures
from .pgbench import TABLE
from .postgres import Postgres
from .service import Service, scratch
from .together import by_turns

ROWS, SLICE = 100_000, 500  # DuckDB's own would take minutes for all of them


def has_service_connection(engine: Engine, service: Service) -> bool:
    """Does Python's get_write_connection go through a running service?"""
    argv = [str(engine.python), str(together.WORKERS / "executemany.py"), "served", str(service.path), "1", "0"]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def executemany(engine: Engine, way: str, target: object, rows: int, seconds: float) -> float:
    return together.rate(together.run([engine.python, "executemany.py", way, target, rows, seconds]))


def measure_executemany(figures: Figures, engine: Engine, service: Service, seconds: float) -> None:
    folder = scratch()
    dsn = f"host={service.host} dbname=core user=bench"
    stock = partial(executemany, engine, "stock", folder / "stock.duckdb", SLICE)
    psycopg = partial(executemany, engine, "psycopg", dsn, ROWS)
    try:
        if has_service_connection(engine, service):
            served = partial(executemany, engine, "served", service.path, ROWS)
            ours, theirs, plain = by_turns(seconds, served, stock, psycopg)
            figures.ratio("executemany, 100,000 x 3, Python / DuckDB's own", ours, theirs, "rows/s", ">= 50")
            figures.ratio("executemany, 100,000 x 3, psycopg / DuckDB's own", plain, theirs, "rows/s")
        else:
            figures.leave_out("executemany through duckrow.get_write_connection: it doesn't find the service")
            ours, theirs = by_turns(seconds, psycopg, stock)
            figures.ratio("executemany, 100,000 x 3, psycopg / DuckDB's own", ours, theirs, "rows/s", ">= 50", aim=True)
    finally:
        shutil.rmtree(folder)


def commits(server: Service | Postgres, mode: str, clients: int, seconds: float) -> float:
    dsn = f"host={server.host} dbname={server.database} user={server.user}"
    return together.rate(together.run(*([sys.executable, "psycopg_commit.py", dsn, mode, who, seconds] for who in range(clients))))


def measure_psycopg(figures: Figures, service: Service, postgres: Postgres, seconds: float) -> None:
    for clients in (1, 8):
        name = f"psycopg, {clients} client{'s' if clients > 1 else ''}, "
        for mode, called in (("commit", "default mode, execute and commit"), ("autocommit", "autocommit")):
            ours, theirs = by_turns(seconds, *(partial(commits, server, mode, clients) for server in (service, postgres)))
            figures.ratio(f"{name}{called} / PostgreSQL", ours, theirs, "/s")


def measure(figures: Figures, engine: Engine, seconds: float) -> None:
    with Service(engine) as service:
        service.run(TABLE)
        measure_executemany(figures, engine, service, seconds)
        try:
            with Postgres() as postgres:
                postgres.run(TABLE)
                measure_psycopg(figures, service, postgres, seconds)
        except Missing as missing:
            figures.leave_out(f"PostgreSQL: {missing}")
