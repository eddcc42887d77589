"""Debian's pgbench, unmodified: the same client for PostgreSQL and for duckrow."""

from __future__ import annotations

import re
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

PROGRAM = Path("/usr/lib/postgresql/15/bin/pgbench")

TABLE = "CREATE TABLE inserts (client INTEGER, number BIGINT, text VARCHAR)"
INSERT = """\\set number random(1, 1000000000)
INSERT INTO inserts (client, number, text) VALUES (:client_id, :number, :text);
"""


class Server(Protocol):
    folder: Path
    host: str
    user: str
    database: str


@dataclass
class Rate:
    tps: float
    transactions: int
    latencies: list[float] = field(default_factory=list)  # milliseconds; only where they were asked for


def argv(server: Server, clients: int, seconds: float, *options: str) -> list[str]:
    script = server.folder / "insert.sql"
    script.write_text(INSERT)
    script.chmod(0o644)
    return [
        *(str(PROGRAM), "-n", "-M", "prepared", "-f", str(script), "-D", "text=hello", "-c", str(clients)),
        # Until all have connected nothing is done, and counted.
        *("-T", str(max(1, round(seconds + clients / 50))), "-h", server.host, "-U", server.user, *options, server.database),
    ]


class Pgbench:
    """Started at once; `ended` waits for it."""

    def __init__(self, server: Server, clients: int, seconds: float, *options: str, log: bool = False):
        self.prefix = server.folder / "pgbench_log"
        for old in self.logs():
            old.unlink()
        logged = ["-l", f"--log-prefix={self.prefix}"] if log else []
        self.process = subprocess.Popen(
            argv(server, clients, seconds, *logged, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def logs(self) -> list[Path]:
        return list(self.prefix.parent.glob(self.prefix.name + ".*"))

    def ended(self) -> Rate:
        out, errors = self.process.communicate()
        rate, count = re.search(r"^tps = ([\d.]+)", out, re.M), re.search(r"actually processed: (\d+)", out)
        if self.process.returncode or not count:
            raise RuntimeError(f"pgbench ended with {self.process.returncode}\n{out}\n{errors}")
        # Without a rate nothing was done in the time.
        return Rate(float(rate[1]) if rate else 0.0, int(count[1]), [taken for _, taken in self.transactions()])

    def transactions(self) -> list[tuple[float, float]]:
        """Of the logs: when each ended (time.time), and how many milliseconds it took."""
        # client, number, microseconds, script, second, microsecond; the last line may be cut
        lines = [line.split() for log in self.logs() for line in log.read_text().splitlines()]
        return [(int(line[4]) + int(line[5]) / 1e6, int(line[2]) / 1000) for line in lines if len(line) == 6]

    def end(self, number: int = signal.SIGKILL) -> None:
        self.process.send_signal(number)
        self.process.communicate()


def insert(server: Server, clients: int, seconds: float, *options: str, log: bool = False) -> Rate:
    return Pgbench(server, clients, seconds, *options, log=log).ended()
