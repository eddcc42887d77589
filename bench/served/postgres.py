"""PostgreSQL 15, Debian's: with its default settings but max_connections, on a Unix socket alone."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg

from .engines import Missing
from .service import WAIT, scratch

PROGRAMS = Path("/usr/lib/postgresql/15/bin")


def unprivileged() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        except KeyError:
            continue
    raise Missing("there is no unprivileged user to run PostgreSQL as")


class Postgres:
    user, database = "postgres", "postgres"

    def __init__(self) -> None:
        if not (PROGRAMS / "postgres").exists():
            raise Missing("PostgreSQL 15 is missing: apt-get install postgresql-15")
        self.folder = scratch()
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.process: subprocess.Popen[Any] | None = None

    @property
    def host(self) -> str:
        return str(self.folder / "socket")

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        return psycopg.connect(f"host={self.host} dbname={self.database} user={self.user}", **{"autocommit": True, **options})

    def run(self, *statements: str) -> None:
        with self.connect() as connection:
            for sql in statements:
                connection.execute(sql)

    def __enter__(self) -> Postgres:
        who = unprivileged()
        for folder in (self.data, Path(self.host)):
            folder.mkdir()
            if who:
                os.chown(folder, who["user"], who["group"])
        self.data.chmod(0o700)
        with self.log.open("ab") as log:
            options: dict[str, Any] = {"cwd": "/", "stdout": log, "stderr": log, **who}
            initdb = [str(PROGRAMS / "initdb"), "-D", str(self.data), "-A", "trust", "-U", self.user, "-E", "UTF8", "--no-locale"]
            subprocess.run(initdb, check=True, **options)
            settings = ["max_connections=300", "listen_addresses=", f"unix_socket_directories={self.host}"]
            argv = [str(PROGRAMS / "postgres"), "-D", str(self.data), *(word for setting in settings for word in ("-c", setting))]
            self.process = process = subprocess.Popen(argv, **options)
        deadline = time.monotonic() + WAIT
        while True:
            try:
                self.connect().close()
                return self
            except psycopg.OperationalError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"PostgreSQL doesn't come up\n{self.log.read_text()}") from None
                time.sleep(0.05)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process:
            self.process.send_signal(signal.SIGINT)  # a fast shutdown
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
