"""The Python calls within one process: contexts, busy_timeout, executemany."""

from __future__ import annotations

from pathlib import Path

import duckdb
import duckrow
import pytest
from support import Processes


def make(path: Path) -> Path:
    with duckrow.get_write_connection(path) as con:
        con.execute("CREATE TABLE t (who INTEGER, i INTEGER)")
    return path


def count(path: Path, where: str = "true") -> int:
    with duckrow.get_readonly_connection(path) as con:
        return int(con.execute(f"SELECT count(*) FROM t WHERE {where}").fetchall()[0][0])


def test_an_exception_rolls_back(tmp_db: Path) -> None:
    make(tmp_db)
    with pytest.raises(ZeroDivisionError), duckrow.get_write_connection(tmp_db) as con:
        con.execute("INSERT INTO t VALUES (1, 1)")
        con.execute("BEGIN")
        con.execute("INSERT INTO t VALUES (2, 2)")
        raise ZeroDivisionError
    assert count(tmp_db) == 1


def test_leaving_commits(tmp_db: Path) -> None:
    make(tmp_db)
    with duckrow.get_write_connection(tmp_db) as con:
        con.begin()
        con.execute("INSERT INTO t VALUES (1, 1)")
    assert count(tmp_db) == 1
    con = duckrow.get_write_connection(tmp_db)
    con.begin()
    con.execute("INSERT INTO t VALUES (2, 2)")
    con.close()
    assert count(tmp_db) == 1, "close() alone rolls back, as DuckDB's"


def test_busy_timeout_is_understood(tmp_db: Path) -> None:
    with duckrow.get_write_connection(make(tmp_db), timeout=3) as con:
        assert con.busy_timeout == 3
        con.execute("PRAGMA busy_timeout=5000")
        assert con.busy_timeout == 5
        con.execute("SET busy_timeout = 250; INSERT INTO t VALUES (1, 1)")
        assert con.busy_timeout == 0.25
        con.execute("pragma busy_timeout(1000);")
        assert con.busy_timeout == 1
        with pytest.raises(duckdb.InvalidInputException, match="busy_timeout"):
            con.execute("PRAGMA busy_timeout=-1")
    assert count(tmp_db) == 1


@pytest.mark.parametrize(
    ("rows", "table"),
    [
        ([(i, str(i), i / 2) for i in range(50)], "x INTEGER, y VARCHAR, z DOUBLE"),
        ([(i, None, None) for i in range(50)], "x INTEGER, y VARCHAR, z DOUBLE"),
        ([(i % 7, "a", 1.0) for i in range(50)], "x INTEGER PRIMARY KEY, y VARCHAR, z DOUBLE"),
        ([(i, "no" if i == 30 else "1", 1.0) for i in range(50)], "x INTEGER, y INTEGER, z DOUBLE"),
        ([(i, "1", 2**70 if i == 20 else 3) for i in range(50)], "x INTEGER, y INTEGER, z BIGINT"),
        ([(i, i, i) for i in range(50)] + [(1, 2)], "x INTEGER, y INTEGER, z INTEGER"),
        ([(b"\0x", True, "2020-01-01") for _ in range(50)], "x BLOB, y BOOLEAN, z DATE"),
    ],
)
def test_executemany_is_as_duckdb_s(tmp_db: Path, rows: list[tuple[object, ...]], table: str) -> None:
    def run(con: duckdb.DuckDBPyConnection) -> tuple[object, ...]:
        con.execute(f"CREATE TABLE many ({table})")
        failed, left = None, None
        try:
            con.executemany("INSERT INTO many VALUES (?, ?, ?)", rows)
            left = con.fetchall()
        except duckdb.Error as error:
            failed = type(error)
        return failed, left, con.execute("SELECT * FROM many ORDER BY rowid").fetchall()

    with duckrow.get_write_connection(tmp_db) as con, duckdb.connect() as stock:
        assert run(con) == run(stock)


NEWER = """
    import sys, duckrow
    for use in (duckrow.get_readonly_connection, duckrow.get_write_connection):
        try:
            use(sys.argv[1])
        except duckrow.Error as error:
            print(type(error).__name__, error)
    assert not duckrow.status(sys.argv[1]).held
"""


def test_a_file_of_a_newer_engine_is_one_line(processes: Processes, engine_pythons: dict[str, Path], tmp_db: Path) -> None:
    code = "import sys, duckdb; duckdb.connect(sys.argv[1]).execute('CREATE TABLE t AS SELECT 1 AS i')"
    processes.python(code, tmp_db, python=engine_pythons["2.0.0"]).finish()
    told = processes.python(NEWER, tmp_db, python=engine_pythons["1.5.6"]).finish()
    line = f"UnsupportedError {tmp_db} is of a newer DuckDB, and 1.5.6 cannot read it: pip install -U duckdb"
    assert told == [line, line]
