"""duckrow stage, then duckrow ingest: each file once, whatever is killed; what doesn't fit is put aside with its reason."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import duckdb
import pytest
from support import scaled, staging, wait_until
from support.program import Duckrow
from support.staging import by_hand


def folder(duckrow: Duckrow, table: str = "t") -> Path:
    return staging.folder(duckrow.db, table)


def whole_files(duckrow: Duckrow, table: str = "t") -> list[str]:
    return sorted(path.name for path in folder(duckrow, table).glob("*.parquet"))


def quarantined(duckrow: Duckrow, table: str = "t") -> dict[str, str]:
    """The files' names, and why."""
    aside = Path(f"{duckrow.db}.duckrow") / "staging" / "quarantine" / table
    files = [path for path in aside.glob("*") if not path.name.endswith(".error")]
    return {path.name: path.with_name(path.name + ".error").read_text() for path in files}


@pytest.fixture
def table(duckrow: Duckrow) -> Duckrow:
    duckrow.write("CREATE TABLE t (i INTEGER, s VARCHAR DEFAULT 'none', n DOUBLE)")
    return duckrow


def test_files_go_in_once(table: Duckrow) -> None:
    for n in range(3):
        by_hand(folder(table) / f"{n}.parquet", f"SELECT {n} i, 'x{n}' s, 0.5 n")
    assert table("ingest", table.db).text == "3 files ingested\n"
    assert table("ingest", table.db).text == "0 files ingested\n"
    assert table.read("FROM t ORDER BY i") == [["0", "x0", "0.5"], ["1", "x1", "0.5"], ["2", "x2", "0.5"]]
    assert not whole_files(table)


def test_columns_by_name_with_defaults_and_conversions(table: Duckrow) -> None:
    by_hand(folder(table) / "a.parquet", "SELECT 'other' S, '7' i")
    by_hand(folder(table) / "b.parquet", "SELECT 8::BIGINT i")
    by_hand(folder(table) / "c.parquet", "SELECT 1.25 n, 9::UTINYINT i, NULL::VARCHAR s")
    table("ingest", table.db)
    assert table.read("FROM t ORDER BY i") == [["7", "other", ""], ["8", "none", ""], ["9", "", "1.25"]]


def test_one_bad_file_holds_nothing_back(table: Duckrow) -> None:
    by_hand(folder(table) / "a.parquet", "SELECT 1 i")
    by_hand(folder(table) / "b.parquet", "SELECT 'no number' i, 'x' s")
    by_hand(folder(table) / "c.parquet", "SELECT 3 i, 'y' s")
    by_hand(folder(table) / "d.parquet", "SELECT '4' i, 'z' s")
    by_hand(folder(table) / "extra.parquet", "SELECT 5 i, 1 more")
    (folder(table) / "empty.parquet").touch()
    (folder(table) / "junk.parquet").write_bytes(os.urandom(1000))
    whole = by_hand(folder(table) / "cut.parquet", "SELECT range::INTEGER i FROM range(10000)")
    whole.write_bytes(whole.read_bytes()[:-100])
    assert table("ingest", table.db).text.startswith("3 files ingested, 5 in quarantine: ")
    assert table.read("SELECT i, s FROM t ORDER BY i") == [["1", "none"], ["3", "y"], ["4", "z"]]
    reasons = quarantined(table)
    assert set(reasons) == {"b.parquet", "extra.parquet", "empty.parquet", "junk.parquet", "cut.parquet"}
    assert "no number" in reasons["b.parquet"] and '"more"' in reasons["extra.parquet"]
    assert not whole_files(table)


def test_damaged_pages(table: Duckrow) -> None:
    """The footer is fine, the rows are not, or are not what was written: never a part of a file."""
    good = by_hand(folder(table) / "good.parquet", "SELECT range::INTEGER i, 'text ' || range s FROM range(5000)").read_bytes()
    dice = random.Random(5)
    for n in range(scaled(200, 30)):
        mutated = bytearray(good)
        for _ in range(3):
            mutated[dice.randrange(4, len(good))] = dice.randrange(256)
        (folder(table) / f"m{n:03}.parquet").write_bytes(mutated)
    table("ingest", table.db, timeout=300)
    assert not whole_files(table)
    ((rows, left),) = table.read("SELECT count(*), count(*) % 5000 FROM t")
    assert left == "0" and int(rows) // 5000 + len(quarantined(table)) == scaled(200, 30) + 1


def test_odd_names(table: Duckrow) -> None:
    names = [
        'it\'s "a"\nname.parquet',
        "star*.parquet",
        "what?.parquet",
        "[a-z].parquet",
        "%41.parquet",
        "a=b.parquet",
        "ü.parquet",
    ]
    for n, name in enumerate(names):
        by_hand(folder(table) / name, f"SELECT {n} i")
    outside = table.folder / "outside.parquet"
    duckdb.sql("SELECT 99 i").write_parquet(str(outside))
    (folder(table) / "link.parquet").symlink_to(outside)
    table("ingest", table.db)
    assert table.read("SELECT i FROM t ORDER BY i") == [[str(n)] for n in range(len(names))]
    assert whole_files(table) == ["link.parquet"] and outside.exists()


def test_tables_that_do_not_exist(duckrow: Duckrow) -> None:
    by_hand(folder(duckrow, "new.%22odd%22") / "a.parquet", "SELECT 1 i, 'x' s")
    by_hand(folder(duckrow, "t") / "a.parquet", "SELECT 2 j")
    assert "2 wait for their tables" in duckrow("ingest", duckrow.db).text
    duckrow.write("CREATE SCHEMA new")
    assert duckrow("ingest", "--create", duckrow.db).text == "2 files ingested\n"
    assert duckrow.read('SELECT * FROM new."""odd""", t') == [["1", "x", "2"]]


def test_columns_are_added_when_asked(table: Duckrow) -> None:
    by_hand(folder(table) / "a.parquet", 'SELECT 5 i, [1, 2] "more ""x"')
    assert table("ingest", "--add-columns", table.db).text == "1 file ingested\n"
    assert table.read("FROM t") == [["5", "none", "", "[1, 2]"]]


def test_ingested_files_are_kept_when_asked(table: Duckrow) -> None:
    by_hand(folder(table) / "a.parquet", "SELECT 5 i")
    table("ingest", "--keep", table.db)
    (kept,) = (Path(f"{table.db}.duckrow") / "staging" / "done" / "t").glob("*/a.parquet")
    assert duckdb.read_parquet(str(kept)).fetchall() == [(5,)]


def test_as_the_settings_say(duckrow: Duckrow) -> None:
    duckrow.write("CREATE TABLE t (i INTEGER)")
    for name, value in {"create": "on", "add_columns": "on", "keep": "7d", "files": "2", "bytes": "1GiB"}.items():
        duckrow("config", duckrow.db, f"ingest_{name}", value)
    by_hand(folder(duckrow) / "a.parquet", "SELECT 1 i, 'x' s")
    for n in range(4):
        by_hand(folder(duckrow, "new") / f"{n}.parquet", f"SELECT {n} i")
    done = Path(f"{duckrow.db}.duckrow") / "staging" / "done"
    assert duckrow("ingest", duckrow.db).text == "5 files ingested\n"
    assert len(list(done.glob("*/*/*.parquet"))) == 5
    assert duckrow.read("FROM t") == [["1", "x"]]
    # Two transactions of two files each: the entries of the first went with the second.
    last = "SELECT name FROM duckrow.ingested WHERE folder = 'new' ORDER BY ALL"
    assert duckrow.read(last) == [["2.parquet"], ["3.parquet"]]
    # And by bytes: each file is larger than that, so goes alone.
    duckrow("config", duckrow.db, "ingest_bytes", "1B")
    duckrow("config", duckrow.db, "ingest_keep", "off")
    for n in range(4):
        by_hand(folder(duckrow, "new") / f"b{n}.parquet", f"SELECT {n} i")
    duckrow("ingest", duckrow.db)
    assert duckrow.read("SELECT count(*) FROM new") == [["8"]] and duckrow.read(last) == [["b3.parquet"]]
    assert len(list(done.glob("*/*/*.parquet"))) == 5


def test_ingested_files_are_kept_for_a_time(table: Duckrow) -> None:
    table("config", table.db, "ingest_keep", "10ms")
    done = Path(f"{table.db}.duckrow") / "staging" / "done" / "t"
    by_hand(folder(table) / "a.parquet", "SELECT 5 i")
    table("ingest", table.db)
    assert len(list(done.glob("*/a.parquet"))) == 1
    table("ingest", table.db)  # the clock is noted
    time.sleep(0.05)
    by_hand(folder(table) / "b.parquet", "SELECT 6 i")
    table("ingest", table.db)
    assert [path.name for path in done.glob("*/*")] == ["b.parquet"]


def test_a_name_that_comes_again(table: Duckrow) -> None:
    """Another file, although of the same name."""
    for n in range(3):
        by_hand(folder(table) / "same.parquet", f"SELECT {n} i")
        assert table("ingest", table.db).text == "1 file ingested\n"
    assert table.read("SELECT i FROM t ORDER BY i") == [["0"], ["1"], ["2"]]
    assert table.read("SELECT count(*) FROM duckrow.ingested") == [["1"]]


def test_a_name_that_is_refused_again(table: Duckrow) -> None:
    """Neither goes over the other, nor do those that are kept."""
    for n in range(2):
        by_hand(folder(table) / "same.parquet", f"SELECT 'word {n}' i")
        by_hand(folder(table) / "well.parquet", f"SELECT {n} i")
        table("ingest", "--keep", table.db)
    assert len(quarantined(table)) == 2
    assert [n for n in range(2) if any(f"word {n}" in reason for reason in quarantined(table).values())] == [0, 1]
    kept = Path(f"{table.db}.duckrow") / "staging" / "done" / "t"
    assert len(list(kept.glob("*/*.parquet"))) == 2


def test_watching_with_kills(table: Duckrow) -> None:
    """kill -9 at any moment; staging goes on meanwhile; each row that was staged is there once."""
    watching = table.start("ingest", "--watch=50ms", table.db)
    dice, staged = random.Random(3), 0
    ends = time.monotonic() + scaled(120, 6)
    try:
        while time.monotonic() < ends:
            until = time.monotonic() + dice.uniform(0.1, 1.2)
            while time.monotonic() < until:
                by_hand(folder(table) / f"{staged:06}.parquet", f"SELECT {staged} i FROM range(10)")
                staged += 1
            watching.send_signal(signal.SIGKILL)
            watching.communicate()
            watching = table.start("ingest", "--watch=50ms", table.db)
        wait_until(lambda: not whole_files(table), 60)
        watching.send_signal(signal.SIGTERM)
        said = watching.communicate(timeout=30)
        assert watching.returncode == 0, said
    finally:
        watching.kill()
        watching.communicate()
    assert table.read("SELECT count(*), count(DISTINCT i), max(i) FROM t") == [[str(10 * staged), str(staged), str(staged - 1)]]
    assert not quarantined(table)
