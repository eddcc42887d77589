"""Encrypted databases: SQL opens them with their key; everything else works without it or says in one line why not."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from support import Processes
from support.program import Duckrow

MAKE = """
    import sys, duckdb
    con = duckdb.connect(config={"force_mbedtls_unsafe": "true"})
    con.execute(f"ATTACH '{sys.argv[1]}' AS e (ENCRYPTION_KEY 'a key'); CREATE TABLE e.t AS SELECT range AS i FROM range(3)")
    con.execute("DETACH e")
"""
KEY = "AS e (ENCRYPTION_KEY 'a key')"
# Without the crypto of an extension DuckDB writes only when told that this will do.
UNSAFE = "SET force_mbedtls_unsafe = 'true'"


@pytest.fixture
def encrypted(duckrow: Duckrow, processes: Processes, engine_pythons: dict[str, Path]) -> Duckrow:
    assert processes.python(MAKE, duckrow.db, python=engine_pythons[duckrow.version]).wait(60) == 0
    return duckrow


def rows(duckrow: Duckrow, database: str | Path) -> str:
    sql = f"ATTACH '{database}' {KEY[:-1]}, READ_ONLY); SELECT count(*) FROM e.t"
    return duckrow("sql", "--format", "csv", ":memory:", sql).text.splitlines()[-1]


def test_sql_with_the_key(encrypted: Duckrow) -> None:
    """Under turns: readers share, a writer has it alone."""
    assert rows(encrypted, encrypted.db) == "3"
    encrypted("sql", "--write", ":memory:", f"{UNSAFE}; ATTACH 'core.duckdb' {KEY}; INSERT INTO e.t VALUES (7)")
    assert rows(encrypted, encrypted.db) == "4"
    line = encrypted("sql", ":memory:", "ATTACH 'core.duckdb' (ENCRYPTION_KEY 'wrong', READ_ONLY)", status=1).line()
    assert "Wrong encryption key" in line
    hold = ["hold", encrypted.db, "--", encrypted.program, "sql", "--timeout", "100ms", "--write", ":memory:"]
    assert "is busy" in encrypted(*hold, f"{UNSAFE}; ATTACH 'core.duckdb' {KEY}", status=75).err


def test_without_the_key(encrypted: Duckrow) -> None:
    before = encrypted.db.read_bytes()
    for arguments, status in (
        (["sql", encrypted.db, "FROM t"], 78),
        (["sql", "--write", encrypted.db, "FROM t"], 78),
        (["sql", ":memory:", f"ATTACH '{encrypted.db}'"], 78),
        (["publish", encrypted.db], 75),
        (["path", encrypted.db], 75),
        (["upgrade", encrypted.db], 78),
    ):
        line = encrypted(*arguments, status=status).line()
        assert str(encrypted.db) in line and "is encrypted" in line
    assert "ENCRYPTION_KEY" in encrypted("sql", encrypted.db, "FROM t", status=78).line()
    assert encrypted.db.read_bytes() == before


def test_what_needs_no_key(encrypted: Duckrow) -> None:
    encrypted("copy", encrypted.db, "copy.duckdb")
    assert rows(encrypted, "copy.duckdb") == "3"
    assert encrypted("hold", encrypted.db, "--", "true").err == ""
    assert json.loads(encrypted("status", "--json", encrypted.db).text)["exists"]
    assert "encrypted: no snapshots" in encrypted("doctor", encrypted.db).text
    code = f"""import duckdb
con = duckdb.connect(config={{"force_mbedtls_unsafe": "true"}})
con.execute("ATTACH '{encrypted.db}' {KEY}; INSERT INTO e.t VALUES (8)")
import os; os.kill(os.getpid(), 9)
"""
    if encrypted.version == "1.5.6":
        encrypted("hold", encrypted.db, "--", sys.executable, "-c", code, status=137)
        assert Path(f"{encrypted.db}.wal").stat().st_size > 0
        assert "its WAL" in encrypted("copy", encrypted.db, "second.duckdb", status=78).line()
        assert not list(encrypted.folder.glob("second*"))
