"""kill -9 of the service under load: what was acknowledged is there once, readers don't notice, and a restart serves at once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from support import Processes, scaled
from support.load import Load, write_all_kinds
from support.service import Service

KINDS = ["single"] * 4 + ["pipeline"] * 2 + ["transaction"] * 2
# In soak beside 500 MB of other data. Short runs share the machine with other tests.
BALLAST = scaled("CREATE TABLE ballast AS SELECT i, hash(i) h, hash(i + 1) g FROM range(30000000) r(i)", "")
RESTART = scaled(2.0, 10.0)


def serves(service: Service) -> float:
    """Starts it again; how long it takes until it has answered."""
    began = time.monotonic()
    service.process.end()
    service.process = service.launch()
    while True:
        try:
            with service.connect() as connection:
                connection.execute("INSERT INTO counter VALUES (-1, 0)")
            return time.monotonic() - began
        except psycopg.OperationalError:
            assert service.process.running, service.process.errors
            assert time.monotonic() - began < 60
            time.sleep(0.01)


@pytest.mark.alone_in_soak
@pytest.mark.timeout(scaled(7200, 120))
def test_nothing_acknowledged_is_lost(
    serve: Callable[..., Service], processes: Processes, engine_pythons: dict[str, Path], tmp_path: Path
) -> None:
    service = serve()
    if BALLAST:
        service.run(BALLAST)
        assert service.path.stat().st_size > 450 << 20
    load = Load(service, tmp_path, KINDS)
    load.beside = write_all_kinds  # so that kills hit checkpoints, rotations and blocks that are being written
    load.set_up()
    load.start_readers(processes, list(engine_pythons.values()))
    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    took = []
    for round_number in range(scaled(200, 3)):
        load.start()
        load.wait(chance.randrange(1, 20))
        time.sleep(chance.random() * 0.2)
        service.kill()
        load.join()
        took.append(serves(service))
        load.check()
        if round_number % 20 == 19:
            keep_it_small(load)
    load.stop_readers.touch()
    took.sort()
    print(f"restart: median {took[len(took) // 2]:.3f} s, longest {took[-1]:.3f} s; units {load.acknowledged.all()[: len(KINDS)]}")
    print("tried again", load.tried_again, "checks of readers", load.end_readers())
    assert took[-1] <= RESTART


def keep_it_small(load: Load) -> None:
    """So that checks stay quick."""
    load.service.run("DELETE FROM bulk")
