"""kill -9 at any moment: what was acknowledged stays, and the next writer has its turn at once."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest
from support import Process, Processes, scaled

from e2e.helpers import STORAGES, ask, make, start, who_can_open

VICTIM = """
    import sys, duckrow
    path, n = sys.argv[1], int(sys.argv[2])
    while True:
        with duckrow.get_write_connection(path, timeout=60) as con:
            con.execute("INSERT INTO t VALUES (?)", [n])
            if n % 7 == 0:
                con.execute("INSERT INTO bulk SELECT range FROM range(20000)")
        print(n, flush=True)
        n += 1
"""

# All of it is read, so that a bad block shows.
STOCK_READER = """
    import json, sys, duckdb
    con = duckdb.connect(sys.argv[1], read_only=True)
    rows = [row[0] for row in con.execute("SELECT i FROM t").fetchall()]
    count, total = con.execute("SELECT count(*), coalesce(sum(i), 0) FROM bulk").fetchall()[0]
    assert count % 20000 == 0 and total == count // 20000 * (19999 * 20000 // 2), (count, total)
    print(json.dumps(rows))
"""

# How long a turn takes to come, which opening the file is no part of.
NEXT = """
    import sys, time
    from duckrow import _core
    print("ready", flush=True)
    sys.stdin.readline()
    begin = time.monotonic()
    turn = _core.Database(sys.argv[1]).take(False, "write", 10000)
    print(time.monotonic() - begin)
    turn.release()
"""


@pytest.mark.alone
@pytest.mark.timeout(scaled(3600, 300))
@pytest.mark.parametrize("storage", STORAGES)
def test_nothing_acknowledged_is_lost(processes: Processes, engine_pythons: dict[str, Path], tmp_db: Path, storage: str) -> None:
    pythons = who_can_open(storage, engine_pythons)
    make(processes, engine_pythons, tmp_db, storage, "CREATE TABLE t (i BIGINT)", "CREATE TABLE bulk (i BIGINT)")
    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    acknowledged: set[int] = set()
    link = tmp_db.with_name("core.read.duckdb")
    for round_number in range(scaled(500, 18) // len(STORAGES)):
        first = round_number * 1_000_000
        victim = start(processes, pythons[round_number % 2], VICTIM, tmp_db, first)
        follower = start(processes, pythons[chance.randrange(2)], NEXT, tmp_db)
        follower.expect("ready")
        acknowledged.add(int(victim.line()))
        time.sleep(chance.random() * 0.06)
        victim.kill()
        follower.tell()
        wait = float(follower.line())
        follower.finish()
        acknowledged.update(int(line) for line in drained(victim))
        assert wait <= 0.1, f"round {round_number}: the turn took {wait:.3f} s"
        # The snapshot as the killed one left it, with DuckDB alone.
        for reader in [start(processes, python, STOCK_READER, link) for python in set(pythons)]:
            assert acknowledged <= set(json.loads(reader.finish()[-1])), f"round {round_number}: {link} lacks rows"
        if round_number % 10 == 5:
            found = {row[0] for row in ask(processes, pythons[round_number // 10 % 2], tmp_db, "SELECT i FROM t", "stock-write")}
            assert acknowledged <= found, f"round {round_number}: lost {sorted(acknowledged - found)}"
        python = pythons[chance.randrange(2)]
        found = {row[0] for row in ask(processes, python, tmp_db, "SELECT i FROM t", chance.choice(["read", "write"]))}
        assert acknowledged <= found, f"round {round_number}: lost {sorted(acknowledged - found)}"
        victim.end()
    for python in set(pythons):
        found = {row[0] for row in ask(processes, python, tmp_db, "SELECT i FROM t", "stock-write")}
        assert acknowledged <= found


def drained(victim: Process) -> list[str]:
    """What a killed process had still said."""
    lines = []
    while True:
        try:
            lines.append(victim.line(5))
        except AssertionError:
            return lines
