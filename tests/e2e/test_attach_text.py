"""What duckrow reads in an ATTACH is what DuckDB does with it."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest
from duckrow import _core

STATEMENTS = [
    "ATTACH 'a.db'",
    'attach database \'a.db\' as "x""y"',
    "ATTACH IF NOT EXISTS 'a.db' AS x",
    "ATTACH OR REPLACE DATABASE 'a.db' AS Runs",
    "ATTACH E'a\\x2edb'",
    "ATTACH $$a.db$$ AS x",
    "ATTACH $t$a.db$t$ (READ_ONLY)",
    "/* a /* b */ c */ ATTACH -- d\n'a.db'AS x(READ_ONLY);;",
    "ATTACH\u00a0'a.db' AS ünï$1",
    "ATTACH 'a.db' (READ_ONLY true)",
    "ATTACH 'a.db' (READ_ONLY 'no')",
    "ATTACH 'a.db' (READ_ONLY 0)",
    "ATTACH 'a.db' (READ_WRITE)",
    "ATTACH 'a.db' (READ_WRITE false)",
    "ATTACH 'a.db' (READONLY, TYPE DuckDB, BLOCK_SIZE 262_144)",
    "ATTACH 'duckdb:a.db'",
    "ATTACH 'file://localhost{folder}/a.db'",
    "ATTACH '~/a.db'",
    "ATTACH 'main.db'",
    "ATTACH 'b.c.db'",
]


def test_it_means_what_duckdb_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("a.db", "main.db", "b.c.db"):
        duckdb.connect(name).close()
    with duckdb.connect() as con:
        for sql in STATEMENTS:
            compare(con, sql.format(folder=tmp_path) if "{folder}" in sql else sql)


def compare(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    found = _core.parse_attach(sql)
    assert found and found["kind"] == "attach" and found["is_file"], sql
    con.execute(sql)
    ask = "SELECT database_name, path, readonly FROM duckdb_databases() WHERE NOT internal AND database_name <> 'memory'"
    ((name, path, read_only),) = con.execute(ask).fetchall()
    assert found["name"] == name and os.path.samefile(found["path"], path) and bool(found["read_only"]) == read_only, sql
    detach = "DETACH DATABASE IF EXISTS " + '"' + name.replace('"', '""') + '"'
    con.execute(detach)
    gone = _core.parse_attach(detach)
    assert gone and gone["kind"] == "detach" and gone["name"] == name and gone["if_exists"]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "ATTACH",
        "ATTACH 'a' || 'b'",
        "ATTACH 'a'\n'b'",
        "ATTACH 'a' (READ_ONLY, READ_WRITE)",
        "ATTACH 'a'; SELECT 1",
        "ATTACH 'a\0'",
    ],
)
def test_what_is_not_understood(sql: str) -> None:
    assert _core.parse_attach(sql) is None
