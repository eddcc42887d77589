"""The core as Python sees it, where the idiomatic layer has no face for it."""

from __future__ import annotations

import time
from pathlib import Path

import duckrow
import pytest
from duckrow import _core
from support import Processes, wait_until


@pytest.fixture
def core(tmp_db: Path) -> _core.Database:
    with duckrow.get_write_connection(tmp_db) as con:
        con.execute("CREATE TABLE t AS SELECT 1 i")
    return _core.Database(str(tmp_db))


def test_a_snapshot_says_when_it_was_published(core: _core.Database) -> None:
    snapshot = core.pin(1000)
    at = snapshot.published_at
    assert 0 <= time.time() - at / 1000 < 60
    with duckrow.get_write_connection(core.path) as con:
        con.execute("INSERT INTO t VALUES (2)")
    assert snapshot.published_at == at
    later = core.pin(1000)
    assert later.published_at > at
    later.unpin()
    with pytest.raises(ValueError, match="closed"):
        _ = later.published_at
    snapshot.unpin()


def test_a_turn_tells_how_many_wait_behind_it(core: _core.Database, processes: Processes) -> None:
    turn = core.take(False, "write", 1000)
    assert turn.wanted() == 0
    wait = "import sys, duckrow; duckrow.get_write_connection(sys.argv[1], timeout=60).close()"
    for number in (1, 2):
        processes.python(wait, core.path)
        wait_until(lambda number=number: turn.wanted() == number, timeout=60)
    turn.release()
    with pytest.raises(ValueError, match="closed"):
        turn.wanted()
