"""The service at rest and at its start: the memory of idle sessions, and serving again after kill -9."""

from __future__ import annotations

import shutil
import signal
import sys
import time

from . import ballast, together
from .engines import Engine
from .figures import Figures
from .pgbench import TABLE, Pgbench
from .service import Service, scratch

SESSIONS, RESTARTS, MEGABYTES = 500, 5, 500


def measure_idle(figures: Figures, engine: Engine) -> None:
    with Service(engine) as service:
        service.run(TABLE)
        arguments = [service.socket, service.user, service.database]
        with together.Workers([sys.executable, "idle.py", *arguments, 10]) as few:
            few.wait()
            before = service.memory()
            with together.Workers([sys.executable, "idle.py", *arguments, SESSIONS]) as many:
                many.wait()
                time.sleep(1)
                after = service.memory()
        figures.add(f"memory of {SESSIONS} idle sessions", (after - before) / 2**20, "MiB", required="<= 128")
        figures.add("  of the service with 10", before / 2**20, "MiB")


def measure_restart(figures: Figures, engine: Engine, seconds: float) -> None:
    folder = scratch()
    taken = []
    try:
        service = Service(engine, folder)
        ballast.make(engine, service.path, MEGABYTES)
        service.start()
        service.make_slots()
        for _ in range(RESTARTS):
            load = Pgbench(service, 32, 60)
            time.sleep(min(2, seconds))
            service.stop(signal.SIGKILL)
            load.end()
            start = time.perf_counter()
            service.start()
            service.run("INSERT INTO inserts VALUES (0, 0, 'again')")
            taken.append(time.perf_counter() - start)
        service.stop()
    finally:
        if service.process:
            service.stop(signal.SIGKILL)
        shutil.rmtree(folder)
    figures.add(f"serving again after kill -9 under load, 500 MB, longest of {RESTARTS}", max(taken), "s", required="<= 2")


def measure(figures: Figures, engine: Engine, seconds: float) -> None:
    measure_idle(figures, engine)
    measure_restart(figures, engine, seconds)
