"""Checkpoints that DuckDB refuses, beside an older transaction whose rows somebody has changed since."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg
import pytest
from psycopg import errors
from support.service import Service

COMMITS, PATIENCE = 5, 1.5  # checkpoint_commits, transaction_timeout


def figures(connection: psycopg.Connection) -> dict[str, int]:
    return {name: int(value) for name, value in connection.execute("SHOW duckrow") if value.isdecimal()}


def test_one_that_is_overdue_is_made_all_the_same(serve: Callable[..., Service]) -> None:
    """The readers' WAL doesn't grow for as long as a transaction pleases that only reads, which no timeout ends."""
    service = serve(
        "--checkpoint-commits", str(COMMITS), "--transaction-timeout", f"{PATIENCE * 1000:.0f}ms", "--ddl-wait", "100ms",
        "--idle-in-transaction-session-timeout", "0",
    )  # fmt: skip
    service.run("CREATE TABLE t AS SELECT i FROM range(10000) r(i)", "CREATE TABLE u (i INTEGER)")
    with service.connect() as writer, service.connect(autocommit=False) as old:

        def insert(count: int) -> dict[str, int]:
            for _ in range(count):
                writer.execute("INSERT INTO u VALUES (1)")
            return figures(writer)

        assert old.execute("SELECT sum(i) FROM t").fetchone() == (49995000,)
        began = time.monotonic()
        writer.execute("UPDATE t SET i = i + 1")
        before = figures(writer)
        time.sleep(0.3)  # slots have rested then: a checkpoint is due, and refused
        there = insert(4 * COMMITS + 5)
        if time.monotonic() - began < PATIENCE:
            # It isn't overdue by commits alone; the old transaction sees what it saw.
            assert there["core.rotations"] == before["core.rotations"] and there["core.wal_commits"] > 4 * COMMITS
            assert old.execute("SELECT sum(i) FROM t").fetchone() == (49995000,)
        time.sleep(PATIENCE)
        # Whoever commits next makes it, alone.
        there = insert(1)
        assert there["core.rotations"] > before["core.rotations"] and there["core.wal_commits"] == 0
        with pytest.raises(errors.SerializationFailure):
            old.execute("SELECT sum(i) FROM t")
        old.rollback()
        assert old.execute("SELECT sum(i) FROM t").fetchone() == (50005000,)
