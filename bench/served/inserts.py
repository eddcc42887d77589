"""Durable single-row inserts, each acknowledged before the next, beside PostgreSQL, SQLite and Quack."""

from __future__ import annotations

import shutil
import socket
import sys
from functools import partial
from pathlib import Path

from . import together
from .engines import ROOT, Engine, Missing
from .figures import Figures, progress
from .pgbench import TABLE, Server, insert
from .postgres import Postgres
from .service import Service, scratch
from .together import by_turns

CLIENTS = {1: ("", False), 8: (">= 1", True), 32: (">= 0.9", False), 64: (">= 1.3", False), 256: (">= 3", False)}


def rate(server: Server, clients: int, seconds: float) -> float:
    return insert(server, clients, seconds).tps


def beside_postgres(figures: Figures, service: Service, seconds: float) -> None:
    try:
        with Postgres() as postgres:
            postgres.run(TABLE)
            for clients, (required, aim) in CLIENTS.items():
                ours, theirs = by_turns(seconds, *(partial(rate, server, clients) for server in (service, postgres)))
                name = f"inserts, {clients} client{'s' if clients > 1 else ''} / PostgreSQL 15"
                figures.ratio(name, ours, theirs, "/s", required=required, aim=aim)
    except Missing as missing:
        figures.leave_out(f"PostgreSQL: {missing}")


def sqlite(path: Path, seconds: float) -> float:
    return together.rate(together.run(*([sys.executable, "sqlite_insert.py", path, who, seconds] for who in range(8))))


def beside_sqlite(figures: Figures, service: Service, seconds: float) -> None:
    folder = scratch()
    try:
        ours, theirs = by_turns(
            seconds, lambda time: insert(service, 8, time).tps, lambda time: sqlite(folder / "peer.sqlite", time)
        )
        figures.ratio("inserts, 8 clients / SQLite, WAL, synchronous=full, 8 processes", ours, theirs, "/s", ">= 1.5")
    finally:
        shutil.rmtree(folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def quack(python: Path, port: int, way: str, seconds: float) -> float:
    return together.rate(together.run(*([python, "quack_insert.py", port, way, who, seconds] for who in range(8))))


def beside_quack(figures: Figures, service: Service, seconds: float) -> None:
    python = ROOT / "build/venv/quack/bin/python"
    if not python.exists():
        figures.leave_out("Quack: build/venv/quack is missing: tools/venv.sh quack")
        return
    folder = scratch()
    port = free_port()
    try:
        with together.Workers([python, "quack_serve.py", folder / "peer.duckdb", port]) as server:
            server.wait()
            ours, attached, query = by_turns(
                seconds,
                lambda time: insert(service, 8, time).tps,
                lambda time: quack(python, port, "attached", time),
                lambda time: quack(python, port, "query", time),
            )
        figures.ratio("inserts, 8 clients / Quack 1.5.5, into its attached table", ours, attached, "/s", ">= 15")
        figures.ratio("inserts, 8 clients / Quack 1.5.5, by quack_query_by_name", ours, query, "/s", ">= 15", aim=True)
    finally:
        shutil.rmtree(folder)


def measure(figures: Figures, engine: Engine, seconds: float) -> None:
    with Service(engine) as service:
        service.run(TABLE)
        for beside in (beside_postgres, beside_sqlite, beside_quack):
            beside(figures, service, seconds)
        stats = service.stats()
        progress(f"  groups: {stats['lane_units'] / max(1, stats['lane_groups']):.1f} rows at a mean")
