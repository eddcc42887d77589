"""A database whose snapshots are switched off is served all the same; its readers share turns when the service has left."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support.service import Service

CLIENTS, ROWS = 8, 50


def test_groups_are_acknowledged(serve: Callable[..., Service]) -> None:
    service = serve(start=False)
    service.duckrow("sql", "--write", service.duckrow.db, "CREATE TABLE t (who INTEGER, i INTEGER)")
    service.duckrow("config", service.duckrow.db, "snapshots", "off")
    service.start()

    def insert(who: int) -> None:
        with service.connect() as con:
            for i in range(ROWS):
                con.execute("INSERT INTO t VALUES (%s, %s)", [who, i], prepare=True)

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(insert, range(CLIENTS)))
    with service.connect() as con:
        assert con.execute("SELECT count(*), count(DISTINCT who) FROM t").fetchone() == (CLIENTS * ROWS, CLIENTS)
        largest = dict(con.execute("SHOW duckrow").fetchall())["core.lane_largest_group"]
        # The WAL is looked at from where the last look ended, and counted all the same.
        for i in range(1, 21):
            con.execute("CHECKPOINT" if i == 1 else f"INSERT INTO t VALUES (-1, {i})")
            told = dict(con.execute("SHOW duckrow").fetchall())
            assert int(told["core.wal_commits"]) == i - 1
        con.execute("DELETE FROM t WHERE who = -1")
    assert int(largest) > 1, "nothing was committed in a group"
    service.stop()
    assert service.duckrow.read("SELECT count(*) FROM t") == [[str(CLIENTS * ROWS)]]


def test_a_database_beside_it_is_published(serve: Callable[..., Service], stock_python: Path) -> None:
    """What a stranger left in it readers see as soon as the service is there, whatever is served before it."""
    service = serve(start=False, databases=("core.duckdb", "runs.duckdb"))
    runs = service.folder / "runs.duckdb"
    service.duckrow("sql", "--write", service.duckrow.db, "CREATE TABLE t (i INTEGER)")
    service.duckrow("config", service.duckrow.db, "snapshots", "off")
    service.duckrow("sql", "--write", runs, "CREATE TABLE r AS SELECT 1 i")
    subprocess.run(
        [str(stock_python), "-c", "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('INSERT INTO r VALUES (2)')", runs],
        check=True,
    )
    service.start()
    look = "import duckdb, sys; print(duckdb.connect(sys.argv[1], read_only=True).execute('SELECT sum(i) FROM r').fetchone()[0])"
    seen = [str(stock_python), "-c", look, str(service.folder / "runs.read.duckdb")]
    assert subprocess.run(seen, check=True, capture_output=True, text=True).stdout == "3\n"
