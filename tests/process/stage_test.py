"""duckrow stage: files for a table, left beside the database without a lock."""

from __future__ import annotations

from pathlib import Path

import duckdb
from support.program import Duckrow
from support.staging import leftovers, staged


def test_files_of_each_kind(duckrow: Duckrow) -> None:
    rows = duckdb.sql("SELECT * FROM (VALUES (1, 'it''s'), (2, NULL)) v(i, s)")
    for ending, how in {"parquet": "PARQUET", "csv": "CSV", "csv.gz": "CSV", "json": "JSON, ARRAY true", "ndjson": "JSON"}.items():
        name = f"it's {ending}.{ending}"
        path = str(duckrow.folder / name).replace("'", "''")
        rows.query("x", f"COPY (FROM x) TO '{path}' (FORMAT {how})")
        (told,) = duckrow("stage", duckrow.db, "t", name).text.splitlines()
        assert Path(told).exists()
    assert staged(duckrow.db) == [(1, "it's")] * 5 + [(2, None)] * 5
    assert not duckrow.db.exists() and not leftovers(duckrow.db)


def test_nothing_is_staged_where_one_cannot_be_read(duckrow: Duckrow) -> None:
    whole, half = duckrow.folder / "whole.parquet", duckrow.folder / "half.parquet"
    duckdb.sql("SELECT 1 i").write_parquet(str(whole))
    half.write_bytes(whole.read_bytes()[:-10])
    said = duckrow("stage", duckrow.db, "t", whole, half, status=64)
    assert "half.parquet is no whole Parquet file" in said.line() and not said.out
    assert not leftovers(duckrow.db) and not staged(duckrow.db)


def test_from_standard_input(duckrow: Duckrow) -> None:
    duckrow("stage", "--format", "csv", duckrow.db, "t", "-", stdin=b"i,s\n1,a\n2,b\n")
    duckrow("stage", "--format=json", duckrow.db, "t", "-", stdin=b'{"i": 3, "s": "c"}\n')
    assert staged(duckrow.db) == [(1, "a"), (2, "b"), (3, "c")]


def test_what_the_program_refuses(duckrow: Duckrow) -> None:
    cases = [
        ((), 64, "no database given"),
        ((duckrow.db,), 64, "no table given"),
        ((duckrow.db, "t"), 64, "no file given"),
        ((duckrow.db, "a.b.c", "x.csv"), 64, "no name of a table"),
        ((duckrow.db, "t", "x.csv"), 1, "x.csv"),
        ((duckrow.db, "t", "x.parquet"), 66, "x.parquet"),
        ((duckrow.db, "t", "x"), 64, "can't be told by its name"),
        (("--format", "xml", duckrow.db, "t", "x"), 64, "choose one of parquet, csv, json"),
        (("--format", "parquet", duckrow.db, "t", "-"), 64, "standard input"),
        ((duckrow.folder / "no" / "core.duckdb", "t", "x.csv"), 66, "no"),
    ]
    for arguments, status, what in cases:
        assert what in duckrow("stage", *arguments, status=status).line()
    assert not leftovers(duckrow.db)


def test_several_files_are_told_one_by_one(duckrow: Duckrow) -> None:
    files = [duckrow.folder / f"{i}.jsonl" for i in range(3)]
    for i, file in enumerate(files):
        file.write_text(f'{{"i": {i}}}\n')
    told = duckrow("stage", duckrow.db, "t", *files).text.splitlines()
    assert len(told) == 3 and told == sorted(told) and staged(duckrow.db) == [(0,), (1,), (2,)]
    assert duckrow("stage", "--json", duckrow.db, "t", files[0]).text.startswith('{"staged": ["')
