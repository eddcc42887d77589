"""Staging rows without a lock, from whatever has rows; what is wrong stages nothing."""

from __future__ import annotations

import datetime
import time
from pathlib import Path
from typing import Any

import duckdb
import duckrow
import pandas
import polars
import pyarrow
import pytest
from support import in_threads, wait_until
from support.staging import leftovers, staged

ROWS = [(1, "it's"), (2, None), (3, "\n\"'")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "core.duckdb"


def frame() -> pandas.DataFrame:
    return pandas.DataFrame({"i": [1, 2, 3], "s": [s for _, s in ROWS]})


SOURCES = {
    "pandas": frame,
    "polars": lambda: polars.DataFrame({"i": [1, 2, 3], "s": [s for _, s in ROWS]}),
    "arrow": lambda: pyarrow.table({"i": [1, 2, 3], "s": [s for _, s in ROWS]}),
    "reader": lambda: pyarrow.table({"i": [1, 2, 3], "s": [s for _, s in ROWS]}).to_reader(),
    "dicts": lambda: [{"i": i, "s": s} for i, s in ROWS],
    "relation": lambda: duckdb.connect().sql("SELECT * FROM (VALUES (1, 'it''s'), (2, NULL), (3, '\n\"''')) v(i, s)"),
}


@pytest.mark.parametrize("source", SOURCES)
def test_whatever_has_rows(path: Path, source: str) -> None:
    name = duckrow.stage(path, "t", SOURCES[source]())
    assert Path(name).parent == Path(f"{path}.duckrow") / "staging" / "t"
    assert staged(path) == ROWS
    assert not path.exists() and not leftovers(path)


@pytest.mark.parametrize("ending", ["parquet", "csv", "csv.gz", "json", "jsonl"])
def test_a_file(path: Path, ending: str) -> None:
    odd = path.with_name(f'it\'s "a"\n{ending}.{ending}')
    how = {"parquet": "PARQUET", "csv": "CSV", "json": "JSON, ARRAY true", "jsonl": "JSON"}[ending.removesuffix(".gz")]
    duckdb.from_df(frame()).query("x", f"COPY (FROM x) TO '{str(odd).replace(chr(39), chr(39) * 2)}' (FORMAT {how})")
    duckrow.stage(path, "t", odd)
    assert staged(path) == ROWS


def test_types_stay(path: Path) -> None:
    """Those of a row's values, as DuckDB has them."""
    row = {
        "b": True,
        "i": 2**40,
        "d": 1.5,
        "t": datetime.datetime(2024, 2, 29, 1, 2, 3),
        "l": [1, 2],
        "s": {"a": 1, "b": "x"},
        "n": None,
        'odd "name"': "x",
    }
    duckrow.stage(path, "t", [row, {"i": 1, "more": 7}])
    found = staged(path)
    assert found == [(*row.values(), None), (None, 1, *(None,) * 6, 7)]


def test_tables_by_name(path: Path) -> None:
    duckrow.stage(path, 's."odd/name"', [{"i": 1}])
    assert staged(path, "s.odd%2Fname") == [(1,)]


@pytest.mark.parametrize(
    ("table", "data", "error", "what"),
    [
        ("a.b.c", [{"i": 1}], duckrow.Error, "no name of a table"),
        ("", [{"i": 1}], duckrow.Error, "no name of a table"),
        ("t", [], duckrow.Error, "no rows"),
        ("t", [{}], duckrow.Error, "no rows"),
        ("t", [(1, 2)], TypeError, "a row is a dict"),
        ("t", 5, TypeError, "int is nothing to stage"),
        ("t", None, TypeError, "NoneType is nothing"),
        ("t", "missing.parquet", FileNotFoundError, "missing.parquet"),
        ("t", "missing.csv", duckdb.Error, "missing.csv"),
        ("t", "rows.xml", duckrow.Error, "can't be told"),
        ("t", __file__, duckrow.Error, "can't be told"),
    ],
)
def test_what_is_wrong_stages_nothing(path: Path, table: str, data: Any, error: type[BaseException], what: str) -> None:
    with pytest.raises(error, match=what):
        duckrow.stage(path, table, data)
    assert not leftovers(path) and not staged(path)


def test_half_a_parquet_file(path: Path) -> None:
    half = path.with_name("half.parquet")
    duckdb.from_df(frame()).write_parquet(str(half))
    half.write_bytes(half.read_bytes()[:-10])
    with pytest.raises(duckrow.Error, match="no whole Parquet file"):
        duckrow.stage(path, "t", half)
    assert not leftovers(path) and not staged(path)


def test_no_folder_for_the_database(tmp_path: Path) -> None:
    with pytest.raises(duckrow.Error, match="nowhere"):
        duckrow.stage(tmp_path / "nowhere" / "core.duckdb", "t", [{"i": 1}])


# ---- rows one by one ----


def test_files_of_so_many_rows(path: Path) -> None:
    with duckrow.stager(path, "t", rows=10, seconds=0) as stager:
        for i in range(25):
            stager.add({"i": i})
        assert len(stager.files) == 2 and len(staged(path)) == 20
    assert len(stager.files) == 3 and staged(path) == [(i,) for i in range(25)]


def test_files_of_so_many_bytes(path: Path) -> None:
    with duckrow.stager(path, "t", bytes=1000, seconds=0) as stager:
        stager.add_many({"s": "x" * 100} for _ in range(25))
    assert len(stager.files) == 3 and len(staged(path)) == 25


def test_files_of_so_many_seconds(path: Path) -> None:
    with duckrow.stager(path, "t", seconds=0.2) as stager:
        stager.add({"i": 1})
        began = time.monotonic()
        wait_until(lambda: stager.files)
        assert time.monotonic() - began >= 0.15 and staged(path) == [(1,)]
        stager.add({"i": 2})
        wait_until(lambda: len(stager.files) == 2)


def test_what_was_added_before_an_exception(path: Path) -> None:
    with pytest.raises(KeyError), duckrow.stager(path, "t") as stager:
        stager.add({"i": 1})
        raise KeyError
    assert staged(path) == [(1,)]


def test_threads(path: Path) -> None:
    with duckrow.stager(path, "t", rows=50, seconds=0.05) as stager:
        in_threads(4, lambda who: [stager.add({"who": who, "i": i}) for i in range(500)])
    assert staged(path) == [(who, i) for who in range(4) for i in range(500)]


def test_a_file_that_fails_keeps_its_rows(path: Path) -> None:
    """What can't be staged is said, and staged later, or by hand."""
    with duckrow.stager(path, "t", rows=2, seconds=0) as stager:
        stager.add({"i": 1})
        tmp = Path(f"{path}.duckrow") / "staging" / "t"
        tmp.rename(tmp.with_name(".away"))
        tmp.write_text("in the way")
        with pytest.raises(duckrow.Error):
            stager.add({"i": 2})
        tmp.unlink()
        tmp.with_name(".away").rename(tmp)
        stager.flush()
    assert staged(path) == [(1,), (2,)]


def test_status_counts_what_is_staged(path: Path) -> None:
    with duckrow.connect(path) as con:
        con.execute("CREATE TABLE t (i INTEGER)")
    assert duckrow.status(path).staging == duckrow.Staged(files=0, bytes=0, oldest=None, quarantined=0)
    sizes = [Path(duckrow.stage(path, table, [{"i": 1}])).stat().st_size for table in ("t", "t", "s.u")]
    found = duckrow.status(path)
    assert (found.staging.files, found.staging.bytes, found.staging.quarantined) == (3, sum(sizes), 0)
    assert found.staging.oldest is not None and found.staging.oldest < 60
    assert {table: staged.files for table, staged in found.staged_tables.items()} == {"s.u": 1, "t": 2}
