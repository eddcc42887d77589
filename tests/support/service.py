"""`duckrow serve` as a real process, for tests that drive it with the clients people use."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psycopg

from support import wait_until
from support.processes import Process
from support.program import Duckrow

# psql itself, without Debian's wrapper, which takes longer than most of what it is asked here.
PSQL = next(map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin/psql"))), "psql")

# What a service that is well says at its usual log level.
USUAL = re.compile(
    r"^\S+ \S+ UTC info (\[\w+\] (serving|handed over to pid|taken back from pid) .*|listening at .* with DuckDB v.*"
    r"|leaving: \d+ sessions? ends? what (they are|it is) at"
    r"|the databases are closed, and their turns given up)$"
    r"|^\S+ \S+ UTC warning \[session .*\] terminating connection due to administrator command$"
)


class Service:
    """Started at once; `stop` asserts that it leaves as it should and said nothing that wasn't expected."""

    def __init__(
        self,
        duckrow: Duckrow,
        *settings: str,
        databases: Sequence[str] = ("core.duckdb",),
        sockets: Path | None = None,  # where its socket is, if not in the first database's own folder
        start: bool = True,
    ):
        self.duckrow = duckrow
        self.folder = duckrow.folder
        self.settings = (*settings, "--socket", str(sockets)) if sockets else settings
        self.sockets = sockets
        self.databases = databases
        self.expected: list[str] = []  # patterns of further lines of standard error
        self.process: Process | None = None
        if start:
            self.start()

    @property
    def path(self) -> Path:
        """The first database."""
        return self.folder / self.databases[0].rpartition("=")[2] if self.databases else self.duckrow.db

    @property
    def own_folder(self) -> Path:
        return Path(f"{self.path}.duckrow")

    @property
    def announced(self) -> Path:
        return self.own_folder / "service"

    @property
    def socket(self) -> Path:
        return (self.sockets or self.own_folder) / ".s.PGSQL.5432"

    @property
    def read_path(self) -> Path:
        """What stock tools open."""
        return self.path.with_suffix(".read.duckdb")

    @property
    def address(self) -> str:
        return f"host={self.socket.parent} user=tester"

    def launch(self) -> Process:
        argv = [self.duckrow.program, "serve", *self.settings, *self.databases]
        return Process(argv, cwd=self.folder, env=self.duckrow.env)

    def start(self) -> Service:
        self.process = self.launch()
        wait_until(self.is_ready, 30, "the service listens")
        return self

    def is_ready(self) -> bool:
        assert self.process.running, f"it ended with {self.process.wait()}\n{self.process.errors}"
        if "listening at" not in self.process.errors:
            return False
        self.connect().close()
        return True

    def connect(self, database: str = "", **options) -> psycopg.Connection:
        return psycopg.connect(self.address, dbname=database, **{"autocommit": True, **options})

    def rows(self, sql: str, parameters: object = None, **options) -> list[tuple]:
        with self.connect(**options) as connection:
            return connection.execute(sql, parameters).fetchall()

    def run(self, *statements: str, **options) -> None:
        with self.connect(**options) as connection:
            for sql in statements:
                connection.execute(sql)

    def stock_rows(self, sql: str, python: Path | str) -> list[list[str]]:
        """What stock DuckDB of that Python sees at the path for everybody, as text."""
        code = (
            "import duckdb, sys\n"
            "for row in duckdb.connect(sys.argv[1], read_only=True).execute(sys.argv[2]).fetchall(): print(*row, sep='\\t')"
        )
        argv = [str(python), "-c", code, str(self.read_path), sql]
        said = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout
        return [line.split("\t") for line in said.splitlines()]

    def psql(self, *commands: str, script: str | None = None, options: Sequence[str] = (), status: int = 0):
        """psql without a user's own settings; rows without alignment unless options say otherwise."""
        argv = [PSQL, "-X", "-d", self.address + " dbname=''", *options]
        for command in commands:
            argv += ["-c", command]
        environment = {**os.environ, "PGTZ": "UTC", "LC_ALL": "C.UTF-8"}
        ended = subprocess.run(argv, input=script, capture_output=True, text=True, timeout=60, env=environment)
        assert ended.returncode == status, f"{argv}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
        return ended

    def kill(self) -> None:
        self.process.kill()

    def stop(self) -> None:
        """Once told to leave it does, in good order."""
        process, self.process = self.process, None
        if process is None:
            return
        try:
            if process.running:
                process.signal(signal.SIGTERM)
            status = process.wait(30)
            said = process.errors
            assert status == 0, f"the service ended with {status}\n{said}"
            strange = [line for line in said.splitlines() if not USUAL.match(line) and not self.is_expected(line)]
            assert not strange, "it said:\n" + "\n".join(strange)
            assert not self.socket.exists()
            assert not self.announced.exists()
        finally:
            process.end()

    def is_expected(self, line: str) -> bool:
        return any(re.search(pattern, line) for pattern in self.expected)

    def discard(self) -> None:
        if self.process is not None:
            self.process.end()
            self.process = None
