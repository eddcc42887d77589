"""A database whose snapshots are switched off is served all the same; its readers share turns when the service has left."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

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
