"""`duckrow serve` as it is installed, in a folder of its own."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg

from .engines import Engine

WAIT = 60.0


def scratch(parent: Path | None = None) -> Path:
    """A folder with a short name, as a socket's path must be, that other users may go through."""
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=parent))
    folder.chmod(0o711)
    return folder


class Service:
    """Serves `core.duckdb` of the folder; it is stopped in order at the end, and its folder removed if it made one."""

    def __init__(self, engine: Engine, folder: Path | None = None, settings: list[str] | None = None, snapshots: bool = True):
        self.engine = engine
        self.folder = folder or scratch()
        self.made = folder is None
        self.settings = settings or []
        self.log = self.folder / "log"
        self.process: subprocess.Popen[bytes] | None = None
        if not snapshots:
            self.duckrow("config", self.path, "snapshots", "off")

    @property
    def path(self) -> Path:
        return self.folder / "core.duckdb"

    @property
    def read_path(self) -> Path:
        return self.folder / "core.read.duckdb"

    @property
    def host(self) -> str:
        """What libpq calls so: the folder of the socket."""
        return f"{self.path}.duckrow"

    @property
    def socket(self) -> str:
        return f"{self.host}/.s.PGSQL.5432"

    database, user = "core", "bench"

    def duckrow(self, *arguments: object) -> None:
        subprocess.run(
            [self.engine.program, *map(str, arguments)], check=True, env=self.engine.environment, stdout=subprocess.DEVNULL
        )

    def start(self) -> None:
        argv = [str(self.engine.program), "serve", *self.settings, str(self.path)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(argv, env=self.engine.environment, stdout=log, stderr=log)
        deadline = time.monotonic() + WAIT
        while True:
            try:
                self.connect().close()
                return
            except psycopg.OperationalError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the service doesn't come up\n{self.log.read_text()}") from None
                time.sleep(0.002)

    def stop(self, number: int = signal.SIGTERM) -> None:
        process, self.process = self.process, None
        if process:
            process.send_signal(number)
            try:
                process.wait(WAIT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise RuntimeError(f"the service doesn't leave\n{self.log.read_text()}") from None

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        return psycopg.connect(f"host={self.host} dbname={self.database} user={self.user}", **{"autocommit": True, **options})

    def run(self, *statements: str) -> None:
        with self.connect() as connection:
            for sql in statements:
                connection.execute(sql)

    def value(self, sql: str) -> Any:
        with self.connect() as connection:
            row = connection.execute(sql).fetchone()
            return row[0] if row else None

    def stats(self) -> dict[str, int]:
        """SHOW duckrow, those of the database by their names alone."""
        with self.connect() as connection:
            rows = connection.execute("SHOW duckrow").fetchall()
        return {str(name).removeprefix("core."): int(value) for name, value in rows}

    def make_slots(self) -> None:
        """As many copies as rotations under load want: a new table is a rotation."""
        for i in range(4):
            self.run(f"CREATE TABLE made_{i} (i INTEGER)")
            time.sleep(0.5)  # until another slot has rested

    def memory(self) -> int:
        """Resident bytes."""
        pages = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        line = next(line for line in pages.splitlines() if line.startswith("Pss:"))
        return int(line.split()[1]) * 1024

    def __enter__(self) -> Service:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.stop(signal.SIGTERM if error is None else signal.SIGKILL)
        finally:
            if self.made:
                shutil.rmtree(self.folder, ignore_errors=True)
