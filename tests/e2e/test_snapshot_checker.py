"""Readers beside writers, of both engines: never stale, never inconsistent, never an error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import Processes, scaled

from e2e.helpers import STORAGES, make, start, who_can_open

# A writer acknowledges by making a file named by its counter once its context has ended; a reader looks there before it opens.
WRITER = """
    import os, random, sys, time, duckrow
    path, seconds = sys.argv[1], float(sys.argv[2])
    until, done = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        with duckrow.get_write_connection(path, timeout=60) as con:
            con.execute("BEGIN")
            n = con.execute("UPDATE counter SET v = v + 1 RETURNING v").fetchone()[0]
            con.execute("INSERT INTO t VALUES (?)", [n])
            con.execute("COMMIT")
            if n % 11 == 0:
                con.execute(f"INSERT INTO bulk SELECT 1, random() FROM range({random.choice([10, 5000, 150000])})")
            if n % 23 == 0:
                con.execute("DELETE FROM bulk WHERE y < 0.5")
            if n % 31 == 0:
                con.execute("CREATE OR REPLACE TABLE side AS SELECT * FROM t")
            if n % 13 == 0:
                con.execute("BEGIN")
                con.execute("INSERT INTO t VALUES (-1)")
                con.execute("ROLLBACK")
        done += 1
        open(f"{path}.ack/{n}", "w").close()
    print(done)
"""

READER = """
    import collections, json, os, random, sys, time, duckrow
    path, seconds = sys.argv[1], float(sys.argv[2])
    until, checks, stale, inconsistent, errors = time.monotonic() + seconds, 0, 0, 0, collections.Counter()
    while time.monotonic() < until:
        must_see = max((int(n) for n in os.listdir(path + ".ack")), default=0)
        try:
            con = duckrow.get_readonly_connection(path)
            def look():
                newest, rows = con.execute("SELECT max(n), count(*) FROM t").fetchone()
                counter = con.execute("SELECT v FROM counter").fetchone()[0]
                return newest, rows, counter, con.execute("SELECT count(*), coalesce(sum(x), 0) FROM bulk").fetchone()
            first = look()
            if random.random() < 0.2:
                time.sleep(random.random() * 0.3)
            again = look()
            con.close()
            newest, rows, counter, bulk = first
            stale += newest < must_see
            inconsistent += not (newest == rows - 1 == counter and bulk[0] == bulk[1] and again == first)
            checks += 1
        except Exception as error:
            errors[str(error)[:200]] += 1
    print(json.dumps([checks, stale, inconsistent, errors]))
"""


@pytest.mark.timeout(scaled(300, 120))
@pytest.mark.parametrize("storage", STORAGES)
def test_readers_see_one_fresh_state(processes: Processes, engine_pythons: dict[str, Path], tmp_db: Path, storage: str) -> None:
    seconds = scaled(60, 8) / len(STORAGES)
    pythons = who_can_open(storage, engine_pythons)
    setup = (
        "CREATE TABLE t AS SELECT 0::BIGINT n; CREATE TABLE counter AS SELECT 0::BIGINT v; CREATE TABLE bulk (x BIGINT, y DOUBLE)"
    )
    make(processes, engine_pythons, tmp_db, storage, *setup.split(";"))
    (tmp_db.parent / f"{tmp_db.name}.ack").mkdir()
    writers = [start(processes, python, WRITER, tmp_db, seconds) for python in pythons]
    readers = [start(processes, python, READER, tmp_db, seconds) for python in pythons]
    found = [json.loads(reader.finish(seconds + 60)[-1]) for reader in readers]
    commits = [int(writer.finish(60)[-1]) for writer in writers]
    print(commits, found)
    assert min(commits) > scaled(seconds, 0)
    for checks, stale, inconsistent, errors in found:
        assert checks > scaled(seconds, 0)
        assert (stale, inconsistent, errors) == (0, 0, {})
