"""Slots that are made level ahead: large changes beside small ones, read by stock tools right after each, with kills in between."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from support import scaled, wait_until
from support.service import Service

ROWS = 400_000  # 6 MB: 25 blocks
SUMS = "SELECT count(*), sum(h % 1000003)::BIGINT, sum(i)::BIGINT FROM large"


def level(service: Service) -> list[int]:
    """Slots newer than the current one: nobody's to read, and whole."""
    argv = [service.duckrow.program, "status", "--json", service.path]
    slots = json.loads(subprocess.run(argv, check=True, stdout=subprocess.PIPE, env=service.duckrow.env).stdout)["slots"]
    current = next(slot["generation"] for slot in slots if slot["current"])
    return [slot["generation"] for slot in slots if slot["generation"] > current and slot["complete"]]


def inserting(service: Service, stop: threading.Event, acknowledged: list[int]) -> None:
    try:
        with service.connect() as connection:
            while not stop.is_set():
                connection.execute("INSERT INTO small VALUES (%s)", (len(acknowledged),))
                acknowledged.append(len(acknowledged))
    except psycopg.OperationalError:
        pass  # killed


def change(service: Service, chance: random.Random) -> None:
    first = chance.randrange(1000)
    made = f"SELECT i, hash(i + {first}) h FROM range({chance.randrange(ROWS // 2, ROWS)}) r(i)"
    with service.connect() as connection:
        kind = chance.randrange(4)
        if kind == 0:
            connection.execute(f"CREATE OR REPLACE TABLE large AS {made}")
        elif kind == 1:
            # Long enough to be put ahead, and undone: its blocks are somebody else's afterwards.
            with connection.transaction(force_rollback=True):
                connection.execute(f"INSERT INTO large {made}")
        elif kind == 2:
            with connection.transaction():
                connection.execute(f"INSERT INTO large {made}")
                time.sleep(0.25)
        else:
            connection.execute(f"UPDATE large SET h = h + 1 WHERE i % 7 = {first % 7}")


def check(service: Service, python: Path) -> None:
    expected = [[str(value) for value in row] for row in service.rows(SUMS)]
    assert [[str(value) for value in row] for row in service.stock_rows(SUMS, python)] == expected


def test_large_changes_beside_small_ones(serve: Callable[..., Service], stock_python: Path) -> None:
    service = serve()
    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    service.run(
        "CREATE TABLE small (i INTEGER)",
        f"CREATE TABLE large AS SELECT i, hash(i) h FROM range({ROWS}) r(i)",
    )
    # The next slot lacks it.
    wait_until(lambda: bool(level(service)), 30, "another slot is level")
    check(service, stock_python)
    acknowledged: list[int] = []
    for _ in range(scaled(100, 2)):
        stop = threading.Event()
        writer = threading.Thread(target=inserting, args=(service, stop, acknowledged))
        writer.start()
        for _ in range(4):
            change(service, chance)
            check(service, stock_python)
        if chance.random() < 0.5:
            killed = threading.Timer(chance.random() * 0.3, service.kill)
            killed.start()
            with contextlib.suppress(psycopg.OperationalError):
                change(service, chance)
            killed.join()
            stop.set()
            writer.join()
            service.process.end()
            service.start()
        stop.set()
        writer.join()
        check(service, stock_python)
        # One more than was acknowledged may have been committed.
        found = service.rows("SELECT count(DISTINCT i) FROM small")[0][0]
        assert found - len(acknowledged) in (0, 1)
        if found > len(acknowledged):
            acknowledged.append(found - 1)
