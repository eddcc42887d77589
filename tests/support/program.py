"""The duckrow program under test, with each engine, driven as a user would."""

from __future__ import annotations

import csv
import io
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


PROGRAMS = {
    # The stand-alone program with the library out of Node's DuckDB; no registry has a whole one of 2.0.0.
    "1.5.6": ("build/dev/duckrow", "build/engine/1.5.6/libduckdb.so"),
    # What pip installs, with the wheel of DuckDB as its engine.
    "2.0.0": ("build/venv/2.0.0/bin/duckrow", "build/venv/2.0.0/lib/python3*/site-packages/_duckdb*.so"),
}


def built(pattern: str) -> Path:
    found = list(ROOT.glob(pattern))
    assert found, f"{pattern} is missing: `make test` makes it"
    return found[0]


@dataclass
class Ended:
    status: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()

    def line(self) -> str:
        """What went wrong: one line of duckrow's."""
        assert self.err.startswith("duckrow: ") and self.err.endswith("\n") and self.err.count("\n") == 1, self.err
        return self.err[len("duckrow: ") : -1]


@dataclass
class Duckrow:
    program: Path
    library: Path
    folder: Path
    version: str
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def db(self) -> Path:
        return self.folder / "core.duckdb"

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, "DUCKROW_ENGINE": str(self.library), **self.environment}

    def __call__(self, *arguments: object, stdin: bytes = b"", status: int = 0, **options) -> Ended:
        argv = [str(self.program), *map(str, arguments)]
        options = {"cwd": self.folder, "env": self.env, "timeout": 60, **options}
        ended = subprocess.run(argv, input=stdin, capture_output=True, **options)
        assert ended.returncode == status, f"{argv}: {ended.returncode}\n{ended.stderr.decode()}"
        return Ended(ended.returncode, ended.stdout, ended.stderr.decode())

    def start(self, *arguments: object, **options) -> subprocess.Popen:
        argv = [str(self.program), *map(str, arguments)]
        return subprocess.Popen(
            argv,
            **{"cwd": self.folder, "env": self.env, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options},
        )

    def write(self, sql: str, **options) -> Ended:
        return self("sql", "--write", self.db, sql, **options)

    def read(self, sql: str, **options) -> list[list[str]]:
        """The rows of the last result, as text, without its header."""
        text = self("sql", "--format", "csv", self.db, sql, **options).text
        return list(csv.reader(io.StringIO(text.rpartition("\n\n")[2])))[1:]


def of_engine(version: str, folder: Path) -> Duckrow:
    program, library = map(built, PROGRAMS[version])
    return Duckrow(program, library, folder, version)
