"""Scripts under either engine, and what a file holds afterwards."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
from support import Process, Processes
from support.program import Duckrow
from support.service import Service

# Who makes a file of each storage version, and which engines can open it: duckrow's own, what 1.5's duckdb.connect makes (v1.0.0+,
# below the version whose WAL names its file), and what 2.0's makes.
STORAGES = {"ours": ("1.5.6", "2.0.0"), "of-1.5": ("1.5.6", "2.0.0"), "of-2.0": ("2.0.0",)}
ENGINES_AND_STORAGES = [(engine, storage) for storage, engines in STORAGES.items() for engine in engines]

MAKE = """
    import sys
    path, storage, *statements = sys.argv[1:]
    if storage == "ours":
        import duckrow
        con = duckrow.get_write_connection(path)
    else:
        import duckdb
        con = duckdb.connect(path)
    for statement in statements:
        con.execute(statement)
    print(con.execute("SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = 'core'").fetchone()[0])
    con.close()
"""

ASK = """
    import json, sys
    path, sql, how = sys.argv[1:]
    if how == "stock":
        import duckdb
        con = duckdb.connect(path, read_only=True)
    elif how == "stock-write":
        import duckdb
        con = duckdb.connect(path)
    else:
        import duckrow
        con = duckrow.get_readonly_connection(path) if how == "read" else duckrow.get_write_connection(path)
    print(json.dumps(con.execute(sql).fetchall(), default=str))
    con.close()
"""


def start(processes: Processes, python: Path, code: str, *arguments: object) -> Process:
    """Runs code with that Python."""
    return processes.python(code, *arguments, python=python)


def ask(processes: Processes, python: Path, path: Path, sql: str, how: str = "read") -> list[list[Any]]:
    """The rows of one statement: how is "read", "write", or "stock" and "stock-write" for DuckDB alone."""
    return json.loads(start(processes, python, ASK, path, sql, how).finish()[-1])


def each_sees(readers: list[Process], line: str) -> None:
    """Each says so, and keeps its connection until all have said it; then it says so again, and ends."""
    for reader in readers:
        reader.expect(line)
    for reader in readers:
        reader.tell()
        assert reader.finish() == [line]


def who_can_open(storage: str, engine_pythons: dict[str, Path]) -> list[Path]:
    """Two Pythons, of different engines where both can open such a file."""
    pythons = [engine_pythons[engine] for engine in STORAGES[storage]]
    return (pythons * 2)[:2]


def make(processes: Processes, engine_pythons: dict[str, Path], path: Path, storage: str, *statements: str) -> None:
    """A database in that storage version, with what the statements make."""
    python = engine_pythons["2.0.0" if storage == "of-2.0" else "1.5.6"]
    version = start(processes, python, MAKE, path, storage, *statements).finish()[-1]
    assert version == {"ours": "v1.4.0+", "of-1.5": "v1.0.0+", "of-2.0": "v2.0.0+"}[storage]


def code_blocks(text: str, language: str) -> list[str]:
    """The blocks of code in that language, of a text in Markdown."""
    found = re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert found, f"no {language} in it"
    return found


@contextlib.contextmanager
def serving(folder: Path, *databases: str) -> Iterator[Service]:
    """`duckrow serve` on databases in the folder, as pip installs it beside this interpreter's DuckDB; it leaves in good order."""
    engine = next(Path(duckdb.__file__).parent.parent.glob("_duckdb*.so"))
    program = Duckrow(Path(sys.executable).with_name("duckrow"), engine, folder, duckdb.__version__)
    service = Service(program, databases=databases)
    try:
        yield service
        service.stop()
    finally:
        service.discard()
