"""What a terminal sees while files go in: how far it is, in a line that is gone at the end. Nobody else sees any of it."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import time
from pathlib import Path

import duckdb
import pytest
from support.program import Duckrow

ERASED = "\r\033[K"
FILES = 200


def at_terminal(duckrow: Duckrow, *arguments: object, term: str = "xterm", slowly: bytes = b"") -> tuple[str, str]:
    """What goes to a terminal by standard error, and what to standard output. slowly: what it reads, and waits a second for."""
    controller, terminal = pty.openpty()
    argv = [str(duckrow.program), *map(str, arguments)]
    with subprocess.Popen(
        argv, cwd=duckrow.folder, env=duckrow.env | {"TERM": term}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=terminal
    ) as program:
        os.close(terminal)
        assert program.stdin
        if slowly:
            time.sleep(1)
            program.stdin.write(slowly)
        program.stdin.close()
        seen = b""
        try:
            while more := os.read(controller, 4096):
                seen += more
        except OSError:  # the program has closed it
            pass
        os.close(controller)
        assert program.stdout
        out = program.stdout.read()
        assert program.wait(60) == 0, seen
    return seen.decode(), out.decode()


@pytest.fixture
def slow(duckrow: Duckrow) -> Duckrow:
    """Files that go in one by one, which takes a second or so, even on a quick machine."""
    duckrow.write("CREATE TABLE t (i INTEGER)")
    duckrow("config", duckrow.db, "ingest_files", "1")
    folder = Path(f"{duckrow.db}.duckrow") / "staging" / "t"
    folder.mkdir(parents=True)
    duckdb.sql("SELECT 1 i").write_parquet(str(folder / "0.parquet"))
    for n in range(1, FILES):
        (folder / f"{n}.parquet").write_bytes((folder / "0.parquet").read_bytes())
    return duckrow


def test_ingest_counts_files(slow: Duckrow) -> None:
    seen, out = at_terminal(slow, "ingest", slow.db)
    assert out == f"{FILES} files ingested\n"
    done = [int(n) for n in re.findall(rf"\r\033\[Kingesting (\d+) of {FILES} files", seen)]
    assert done and done == sorted(done) and done[-1] > 0
    assert seen.endswith(ERASED) and "\n" not in seen


@pytest.mark.parametrize(("arguments", "term", "sees"), [((), "xterm", True), (("--json",), "xterm", False), ((), "dumb", False)])
def test_who_sees_it(duckrow: Duckrow, arguments: tuple[str, ...], term: str, sees: bool) -> None:
    command = ("stage", "--format", "csv", *arguments, duckrow.db, "t", "-")
    seen, _ = at_terminal(duckrow, *command, term=term, slowly=b"i\n1\n")
    assert ("converting 0 of 1 file" in seen) == sees and bool(seen) == sees


def test_the_engine_tells_how_far_a_statement_is(duckrow: Duckrow) -> None:
    rows = duckrow.folder / "rows.csv"
    # On a busy machine a look may come too late for a short one.
    for count in (1_000_000, 4_000_000, 16_000_000):
        duckdb.sql(f"SELECT range i, hash(range) h, 'some text' s FROM range({count})").write_csv(str(rows))
        seen, out = at_terminal(duckrow, "stage", duckrow.db, "t", rows)
        percents = [int(n) for n in re.findall(r"\r\033\[Kconverting 0 of 1 file, (\d+) %", seen)]
        if percents and percents[0] < 100:
            break
    assert percents and percents[0] < 100 and percents == sorted(percents), seen
    assert seen.endswith(ERASED) and len(out.splitlines()) == 1
