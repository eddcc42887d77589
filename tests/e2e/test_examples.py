"""The programs in examples/, as their READMEs say to run them, with a service and without."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckrow
import pytest
from support import Processes
from support.typescript import NODES, compile_strictly, install, node

from e2e.helpers import serving

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
TIMES = "2"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    here = tmp_path_factory.mktemp("examples") / "one-file"
    shutil.copytree(EXAMPLES / "one-file", here, ignore=shutil.ignore_patterns("node_modules", "dist", "*.duckdb*"))
    install(here)
    compile_strictly(here)
    return here


@pytest.fixture
def folder() -> Iterator[Path]:
    """pytest's own folders have names too long for a service's socket."""
    with tempfile.TemporaryDirectory(prefix="dr-") as name:
        yield Path(name)


@pytest.mark.parametrize("served, version", [(False, NODES[0]), (True, NODES[-1])], ids=["embedded", "served"])
def test_one_file(processes: Processes, compiled: Path, folder: Path, served: bool, version: str) -> None:
    here = Path(sys.executable).parent
    environment = {"PATH": f"{here}:{os.environ['PATH']}"}
    path = folder / "machine.duckdb"

    def start(program: str | Path, *arguments: str | Path):
        return processes.start(program, *arguments, env=environment)

    with serving(folder, path.name) if served else contextlib.nullcontext():
        start(here / "duckrow", "sql", "--write", "--file", compiled / "tables.sql", path).finish()
        writers = [
            start(sys.executable, compiled / "load.py", path, TIMES),
            start(node(version), compiled / "dist/memory.js", path, TIMES),
            start("sh", compiled / "disk.sh", path, TIMES),
        ]
        reader = start(node(version), compiled / "dist/watch.js", path, TIMES)
        for process in [*writers, reader]:
            process.finish()
            assert process.errors == ""
        shown = start(node(version), compiled / "dist/watch.js", path, "1").finish()
    for program in ("load.py", "memory.ts", "disk.sh"):
        assert any(program in line for line in shown), "\n".join(shown)
    with duckrow.get_readonly_connection(path) as con:
        found = con.execute(
            "SELECT program, name, count(*), bool_and(value >= 0) FROM readings GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    written = [("disk.sh", "used"), ("load.py", "load"), ("memory.ts", "free"), ("memory.ts", "total")]
    assert found == [(*each, int(TIMES), True) for each in written]
