"""duckrow staging: what waits, what didn't fit and why; back into staging, or away."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import duckdb
import pytest
from support.program import Duckrow


def staging(duckrow: Duckrow) -> Path:
    return Path(f"{duckrow.db}.duckrow") / "staging"


def put(path: Path, sql: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    duckdb.sql(sql).write_parquet(str(path))
    return path


@pytest.fixture
def refused(duckrow: Duckrow) -> Duckrow:
    """Two files of t and one of u are in quarantine, and one of a table that doesn't exist waits."""
    duckrow.write("CREATE TABLE t (i INTEGER); CREATE TABLE u (i INTEGER)")
    put(staging(duckrow) / "t" / "a.parquet", "SELECT 'x' i")
    put(staging(duckrow) / "t" / "b\nc.parquet", "SELECT 2 i, 3 j")
    put(staging(duckrow) / "u" / "a.parquet", "SELECT 'y' i")
    old = put(staging(duckrow) / "odd%20name" / "a.parquet", "SELECT 1 i")
    os.utime(old, (time.time() - 3700, time.time() - 3700))
    assert "3 in quarantine" in duckrow("ingest", duckrow.db).text
    return duckrow


def listed(duckrow: Duckrow, *table: str) -> list[tuple[str, str]]:
    return [
        (q["table"], q["file"]) for q in json.loads(duckrow("staging", "list", "--json", duckrow.db, *table).text)["quarantine"]
    ]


def test_lists_what_waits_and_what_did_not_fit(refused: Duckrow) -> None:
    text = refused("staging", "list", refused.db).text
    lines = text.splitlines()
    assert lines[0].split() == ["table", "files", "size", "oldest"]
    assert lines[1].startswith('"odd name"         1 ') and lines[1].endswith("1 h 1 min")
    assert lines[2].split() == ["t", "0", "0", "bytes", "-"]
    assert "t b\\nc.parquet: " in text and "in quarantine since 20" in text and "Could not convert string 'x'" in text
    told = json.loads(refused("staging", "list", "--json", refused.db).text)
    assert told["tables"]['"odd name"']["files"] == 1 and 3700 <= told["tables"]['"odd name"']["oldest_seconds"] < 3800
    assert told["tables"]["t"] == {"files": 0, "bytes": 0, "oldest_seconds": None}
    assert listed(refused) == [("t", "a.parquet"), ("t", "b\nc.parquet"), ("u", "a.parquet")]
    assert 'no column "j"' in told["quarantine"][1]["reason"]
    assert all(time.time() - 60 < q["since_at"] / 1000 <= time.time() for q in told["quarantine"])
    assert listed(refused, '"t"') == listed(refused)[:2] and listed(refused, "nothing") == []


def test_stages_again(refused: Duckrow) -> None:
    refused.write("ALTER TABLE t ADD COLUMN j INTEGER")
    put(staging(refused) / "t" / "b\nc.parquet", "SELECT 7 i")
    assert refused("staging", "retry", refused.db, "t", "b\nc.parquet").text == "1 file staged again\n"
    assert listed(refused) == [("t", "a.parquet"), ("u", "a.parquet")]
    assert refused("ingest", refused.db).text.startswith("2 files ingested")
    assert refused.read("FROM t ORDER BY i") == [["2", "3"], ["7", ""]]
    assert json.loads(refused("staging", "retry", "--json", refused.db).text) == {"retried": 2}
    assert listed(refused) == [] and not list((staging(refused) / "quarantine").glob("*/*"))
    refused.write("ALTER TABLE t ALTER i TYPE VARCHAR")
    assert "1 file ingested, 1 in quarantine" in refused("ingest", refused.db).text
    assert listed(refused) == [("u", "a.parquet")]


def test_drops_what_was_named(refused: Duckrow) -> None:
    assert "Give a table, or --all" in refused("staging", "drop", refused.db, status=64).line()
    assert refused("staging", "drop", refused.db, "t", "a.parquet").text == "1 file dropped\n"
    assert listed(refused) == [("t", "b\nc.parquet"), ("u", "a.parquet")]
    assert refused("staging", "drop", refused.db, "t").text == "1 file dropped\n"
    assert refused("staging", "drop", refused.db, "t").text == "0 files dropped\n"
    assert listed(refused) == [("u", "a.parquet")]
    assert json.loads(refused("staging", "drop", "--json", "--all", refused.db).text) == {"dropped": 1}
    assert not list((staging(refused) / "quarantine").glob("*/*"))
    # What waits is none of its business.
    assert json.loads(refused("staging", "list", "--json", refused.db).text)["tables"]['"odd name"']["files"] == 1


def test_what_it_refuses(refused: Duckrow) -> None:
    cases = [
        ((), 64, "no database given"),
        (("list",), 64, "no database given"),
        (("show", refused.db), 64, "choose list, retry or drop"),
        (("list", refused.db, "a.b.c"), 64, "no name of a table"),
        (("retry", refused.db, "t", "../t/a.parquet"), 66, "no ../t/a.parquet in quarantine for t"),
        (("drop", refused.db, "u", "b.parquet"), 66, "see duckrow staging list"),
        (("drop", "--all", refused.db, "t"), 64, "don't go together"),
        (("list", refused.db, "t", "a", "b"), 64, "unexpected argument"),
    ]
    for arguments, status, what in cases:
        assert what in refused("staging", *arguments, status=status).line()
    assert len(listed(refused)) == 3


def test_nothing_was_ever_staged(duckrow: Duckrow) -> None:
    assert duckrow("staging", "list", duckrow.db).text.split() == ["table", "files", "size", "oldest"]
    assert duckrow("staging", "retry", duckrow.db).text == "0 files staged again\n"
    assert not Path(f"{duckrow.db}.duckrow").exists()


def test_status_tells(refused: Duckrow) -> None:
    told = json.loads(refused("status", "--json", refused.db).text)["staging"]
    assert (told["files"], told["quarantined"]) == (1, 3) and 3700 <= told["oldest_seconds"] < 3800 and told["bytes"] > 100
    assert list(told["tables"]) == ['"odd name"', "t", "u"] and told["tables"]["t"]["quarantined"] == 2
    (line,) = [line for line in refused("status", refused.db).text.splitlines() if line.startswith("staging ")]
    assert "1 file, " in line and "the oldest for 1 h 1 min; 3 in quarantine" in line
    assert "staged" in refused("status", "--fail-if", "staged>1h", refused.db, status=1).line()
    refused("status", "--fail-if", "staged>2h", "--fail-if", "backlog>1", "--fail-if", "quarantined>3", refused.db)
    assert "quarantined" in refused("status", "--fail-if", "quarantined>2", refused.db, status=1).line()
    refused("staging", "drop", "--all", refused.db)
    (staging(refused) / "odd%20name" / "a.parquet").unlink()
    assert "staging" not in refused("status", refused.db).text


@pytest.mark.one_engine
def test_status_is_quick_with_many_files(duckrow: Duckrow) -> None:
    folder = staging(duckrow) / "t"
    folder.mkdir(parents=True)
    duckrow.write("CREATE TABLE t (i INTEGER)")
    for n in range(20000):
        (folder / f"{n}.parquet").touch()
    began = time.monotonic()
    assert json.loads(duckrow("status", "--json", duckrow.db).text)["staging"]["files"] == 20000
    assert time.monotonic() - began < 5
