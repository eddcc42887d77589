"""A real dbt project, four threads, on a file that others read and write: dbt and they know nothing of duckrow."""

from __future__ import annotations

import json
from pathlib import Path

import duckrow
import pytest
from support import Processes, scaled, shop

# The next event at each turn, until its input ends.
WRITER = """
    import sys, threading, time, duckdb
    ended = threading.Thread(target=sys.stdin.read)
    ended.start()
    while ended.is_alive():
        with duckdb.connect(sys.argv[1]) as con:
            con.execute("INSERT INTO events SELECT max(id) + 1, 1 + max(id) % 50, random() FROM events")
            done = con.execute("SELECT max(id) FROM events").fetchone()[0]
        time.sleep(0.05)
    print(done)
"""

READER = """
    import collections, json, sys, threading, time, duckdb
    ended = threading.Thread(target=sys.stdin.read)
    ended.start()
    looks, newest, wrong, errors = 0, 0, 0, collections.Counter()
    while ended.is_alive():
        try:
            with duckdb.connect(sys.argv[1], read_only=True) as con:
                events = con.execute("SELECT max(id), count(*), count(DISTINCT id) FROM events").fetchone()
                tables = [name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
                found = [con.execute(f"SELECT max(id), count(*), count(DISTINCT id) FROM {name}").fetchone()
                         for name in ("history", "appended") if name in tables]
            wrong += events[0] < newest or any(len(set(three)) != 1 for three in [events, *found])
            newest = events[0]
            looks += 1
            time.sleep(0.05)
        except Exception as error:
            errors[str(error)[:200]] += 1
    print(json.dumps([looks, newest, wrong, errors]))
"""


@pytest.mark.parametrize("engine", scaled(["1.5.6", "2.0.0"], ["2.0.0"]))
@pytest.mark.timeout(scaled(1800, 240))
def test_dbt_beside_a_reader_and_a_writer(
    processes: Processes, engine: str, engine_pythons: dict[str, Path], tmp_db: Path, tmp_path: Path
) -> None:
    """dbt with each DuckDB, the others with the other one."""
    python = engine_pythons[engine]
    other = next(path for version, path in engine_pythons.items() if version != engine)
    project = shop.write(tmp_path)
    with duckrow.get_write_connection(tmp_db) as con:
        con.execute("CREATE TABLE events AS SELECT 1::BIGINT AS id, 1::BIGINT AS customer, 1::DOUBLE AS amount")
    patched = {"DUCKROW_PATCH": "1", "DUCKROW_TIMEOUT": "120"}
    writer = processes.python(WRITER, tmp_db, python=other, env=patched)
    reader = processes.python(READER, tmp_db, python=other, env=patched)
    environment = {**patched, **shop.environment(project, tmp_db)}

    def dbt(*words: str) -> None:
        # What it says goes where a failure shows it.
        run = processes.start("sh", "-c", 'exec "$@" >&2', "sh", python.parent / "dbt", *words, cwd=project, env=environment)
        run.finish(200)
        assert "ERROR=0" in run.errors, run.errors

    for _ in range(scaled(20, 1)):
        dbt("build")
    events = int(writer.finish()[-1])
    dbt("build", "--select", "history+")
    looks, newest, wrong, errors = json.loads(reader.finish()[-1])
    print(f"dbt {engine}: {events} events, {looks} looks, {wrong} wrong, {errors}")
    assert (wrong, errors) == (0, {})
    assert looks > 10 and newest == events > 10
    with duckrow.get_readonly_connection(tmp_db) as con:
        for table in ("history", "appended"):
            found = con.execute(f"SELECT count(*), count(DISTINCT id), max(id) FROM {table}").fetchone()
            assert found == (events, events, events), table
        assert con.execute("SELECT rows FROM total").fetchall() == [(events,)]
    assert not duckrow.status(tmp_db).held
