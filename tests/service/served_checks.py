"""What Python does with a served database, each a function that is given the path. Run by test_python_client.py in a Python with
the service's own DuckDB: this program takes names of functions from its input, and answers with what went wrong."""

from __future__ import annotations

import contextlib
import datetime
import gc
import io
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import duckrow

_numbers = itertools.count()
_COUNTS = int(duckdb.__version__.partition(".")[0]) >= 2


def a_table(path: str, columns: str = "i INTEGER PRIMARY KEY, v VARCHAR") -> str:
    """A new one, empty."""
    name = f"t{os.getpid()}_{next(_numbers)}"
    with duckrow.get_write_connection(path) as con:
        con.execute(f"CREATE TABLE {name} ({columns})")
    return name


def rows_of(path: str, name: str) -> list[tuple]:
    """As another process's reader would see them."""
    with duckrow.get_readonly_connection(path) as con:
        return con.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall()


@contextlib.contextmanager
def raises(kind: type[BaseException], *parts: str) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        assert isinstance(error, kind), f"{type(error)}: {error}"
        for part in parts:
            assert part in str(error), f"{part!r} is not in {error!s}"
    else:
        raise AssertionError(f"no {kind.__name__}")


# ---- finding it ----


def finds_the_service_by_itself(path: str) -> None:
    name = a_table(path)
    for con in (duckrow.get_write_connection(path), duckrow.connect(path)):
        assert isinstance(con, duckdb.DuckDBPyConnection) and isinstance(con, duckrow.Connection)
        assert not con.read_only
        con.execute(f"INSERT INTO {name} SELECT count(*), 'x' FROM {name}")
        con.close()
    assert len(rows_of(path, name)) == 2
    assert duckrow.status(path).holder.kind == "serve"


def a_reader_is_a_stock_duckdb_on_the_snapshot(path: str) -> None:
    with duckrow.get_readonly_connection(path) as con:
        assert con.read_only and con.as_of is not None
        with raises(duckdb.InvalidInputException, "read-only"):
            con.execute("CREATE TABLE x (i INTEGER)")


def psycopg_may_be_missing(path: str) -> None:
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "psycopg"}
    sys.modules["psycopg"] = None  # type: ignore[assignment]
    try:
        with raises(duckdb.NotSupportedError, "pip install 'duckrow[service]'", "exclusive=True"):
            duckrow.get_write_connection(path)
        duckrow.get_readonly_connection(path).close()
    finally:
        del sys.modules["psycopg"]
        sys.modules.update(hidden)


# ---- statements ----


def results_are_what_duckdb_leaves(path: str) -> None:
    """Each statement on a stock DuckDB in memory and through the service: rows, description, rowcount, errors."""
    name = f"r{os.getpid()}_{next(_numbers)}"
    statements: list[tuple[str, Any]] = [
        (f"CREATE TABLE {name} (i INTEGER PRIMARY KEY, v VARCHAR)", None),
        (f"INSERT INTO {name} VALUES (1, 'a'), (2, 'b'), (3, NULL)", None),
        (f"INSERT INTO {name} VALUES (?, ?)", [4, "d"]),
        (f"INSERT INTO {name} VALUES ($i, $v)", {"v": "e", "i": 5}),
        (f"INSERT INTO {name} VALUES ($2, $1) RETURNING i, upper(v) AS v", ["f", 6]),
        (f"UPDATE {name} SET v = 'x' WHERE i > ?", (3,)),
        (f"UPDATE {name} SET v = 'x' WHERE false RETURNING i", None),
        (f"DELETE FROM {name} WHERE i = 1", None),
        (f"SELECT * FROM {name} ORDER BY i", None),
        (f"FROM {name} SELECT i ORDER BY i LIMIT $n", {"n": 2}),
        (f"WITH w AS (SELECT 7 AS i, 'w' AS v) INSERT INTO {name} SELECT * FROM w", None),
        (f"CREATE TABLE {name}_as AS SELECT * FROM {name}", None),
        (f"CREATE TABLE {name}_empty AS SELECT * FROM {name} WHERE false", None),
        (f"CREATE VIEW {name}_view AS SELECT i FROM {name}", None),
        (f"SELECT count(*) FROM {name}_view", None),
        (f"ALTER TABLE {name} ADD COLUMN z INTEGER", None),
        (f"COMMENT ON TABLE {name} IS 'it''s'", None),
        (f"CREATE SEQUENCE {name}_numbers", None),
        (f"SELECT nextval('{name}_numbers') AS n", None),
        (f"SELECT nextval('{name}_numbers') AS n", None),
        (f"DESCRIBE {name}", None),
        (f"PRAGMA table_info('{name}')", None),
        (f"PIVOT {name} ON v USING count(*) GROUP BY i ORDER BY i", None),
        (f"MERGE INTO {name} USING (SELECT 2 AS i) b ON {name}.i = b.i WHEN MATCHED THEN DELETE", None),
        (f"SELECT 1; SELECT i FROM {name} ORDER BY i LIMIT 1", None),
        (f"INSERT INTO {name} VALUES (50, 'm', 1); SELECT count(*) FROM {name}", None),
        (f"BEGIN; INSERT INTO {name} VALUES (51, 'm', 1); ROLLBACK; SELECT count(*) FROM {name}", None),
        ("BEGIN", None),
        (f"INSERT INTO {name} VALUES (60, 't', 1)", None),
        (f"SELECT * FROM {name} ORDER BY i", None),
        (f"SELECT v, count(*) AS n FROM {name} WHERE i > ? GROUP BY ALL ORDER BY ALL", [0]),
        ("COMMIT", None),
        ("BEGIN TRANSACTION", None),
        (f"DELETE FROM {name}", None),
        ("ROLLBACK", None),
        (f"TRUNCATE {name}_as", None),
        (f"DROP VIEW {name}_view", None),
        (f"DROP TABLE {name}_as", None),
        ("CHECKPOINT", None),
        ("SET VARIABLE x = 5", None),
        ("SELECT getvariable('x')", None),
        (f"INSERT INTO {name} SELECT getvariable('x') + 100, 'var', 1 RETURNING i", None),
        ("SET integer_division = true", None),
        (f"INSERT INTO {name} VALUES (70, 7 / 2, 1) RETURNING v", None),
        ("RESET integer_division", None),
        # What fails.
        (f"INSERT INTO {name} VALUES (2, 'a', 1), (2, 'b', 1)", None),
        (f"INSERT INTO {name} VALUES ('x', 'a', 1)", None),
        (f"INSERT INTO {name} (i, nothing) VALUES (1, 2)", None),
        (f"INSERT INTO {name} VALUES (1)", None),
        ("INSERT INTO nowhere VALUES (1)", None),
        ("SELECT * FROM nowhere", None),
        (f"SELECT nothing FROM {name}", None),
        ("SELEC 1", None),
        (f"INSERT INTO {name} VALUES (?, ?, 1)", [1]),
        (f"INSERT INTO {name} VALUES (?, 'x', 1)", [1, 2]),
        (f"CREATE TABLE {name} (i INTEGER)", None),
        ("DROP TABLE nowhere", None),
        (f"INSERT INTO {name} VALUES (1e10, 'x', 1)", None),
        ("COMMIT", None),
        ("ROLLBACK", None),
        ("BEGIN; BEGIN", None),
        ("ROLLBACK", None),
    ]
    stock = duckdb.connect()
    served = duckrow.get_write_connection(path)

    def outcome(con: Any, sql: str, parameters: Any) -> tuple:
        try:
            con.execute(sql, parameters) if parameters is not None else con.execute(sql)
            return con.rowcount, str(con.description), con.fetchall()
        except duckdb.Error as error:
            return type(error).__name__, " ".join(str(error).split())[:50]

    strange = []
    for sql, parameters in statements:
        expected, found = outcome(stock, sql, parameters), outcome(served, sql, parameters)
        if expected != found:
            strange.append(f"{sql}\n    stock  {expected}\n    served {found}")
    served.close()
    assert not strange, "\n".join(strange)


def every_way_of_fetching(path: str) -> None:
    name = a_table(path)
    con = duckrow.get_write_connection(path)
    con.executemany(f"INSERT INTO {name} VALUES (?, ?)", [(i, str(i)) for i in range(5000)])
    for _ in range(2):  # here, then within a transaction
        con.execute(f"SELECT * FROM {name} ORDER BY i")
        assert con.fetchone() == (0, "0") and con.fetchmany(2) == [(1, "1"), (2, "2")] and len(con.fetchall()) == 4997
        assert con.execute(f"SELECT i FROM {name}").df()["i"].sum() == 4999 * 2500
        assert con.execute(f"SELECT i FROM {name}").fetchnumpy()["i"].sum() == 4999 * 2500
        relation = con.sql(f"SELECT * FROM {name}")
        assert relation.filter("i < 10").aggregate("sum(i) AS s").fetchall() == [(45,)]
        assert relation.df().shape == (5000, 2)
        assert con.table(name).count("*").fetchall() == [(5000,)]
        assert con.sql(f"SELECT i FROM {name} WHERE i < ?", params=[3]).fetchall() != []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert con.execute(f"SELECT * FROM {name}").to_arrow_table().num_rows == 5000
        with contextlib.suppress(duckdb.TransactionException):
            con.begin()
    con.rollback()
    outcome = con.sql(f"INSERT INTO {name} VALUES (-1, 'x')")
    assert (outcome.fetchall() == [(1,)]) if _COUNTS else outcome is None
    assert con.sql(f"DELETE FROM {name} WHERE i < 0 RETURNING v").fetchall() == [("x",)]
    con.close()


def one_reads_what_one_has_written(path: str) -> None:
    name = a_table(path)
    con = duckrow.get_write_connection(path)
    other = con.cursor()
    for i in range(20):
        con.execute(f"INSERT INTO {name} VALUES (?, 'x')", [i])
        assert con.execute(f"SELECT count(*) FROM {name}").fetchone() == (i + 1,)
        assert other.execute(f"SELECT count(*) FROM {name}").fetchone() == (i + 1,)
    con.close()
    other.close()


def has_snapshot(path: str) -> bool:
    return any(reader.pid == os.getpid() for slot in duckrow.status(path).slots for reader in slot.readers)


def wait_for_no_snapshot(path: str) -> None:
    deadline = time.monotonic() + 10
    while has_snapshot(path):
        assert time.monotonic() < deadline, "it still has a snapshot"
        time.sleep(0.05)


def an_idle_connection_keeps_no_snapshot(path: str) -> None:
    """And what it had stays: relations, registered frames, half-read rows."""
    import pandas

    name = a_table(path)
    wait_for_no_snapshot(path)  # of the checks before
    with duckrow.get_write_connection(path) as con:
        con.executemany(f"INSERT INTO {name} VALUES (?, ?)", [(i, "x") for i in range(100)])
        con.register("mine", pandas.DataFrame({"i": [1, 2, 3]}))
        relation = con.sql(f"SELECT count(*) FROM {name} JOIN mine USING (i)")
        con.execute(f"SELECT i FROM {name} ORDER BY i")
        assert con.fetchone() == (0,)
        assert has_snapshot(path)
        wait_for_no_snapshot(path)
        assert con.fetchall() == [(i,) for i in range(1, 100)]
        assert relation.fetchall() == [(3,)]
        assert con.execute("SELECT sum(i) FROM mine").fetchall() == [(6,)]


# ---- transactions ----


def transactions(path: str) -> None:
    name = a_table(path)
    with duckrow.get_write_connection(path) as con, duckrow.get_write_connection(path) as other:
        assert con.begin() is con
        con.execute(f"INSERT INTO {name} VALUES (1, 'x')")
        assert con.execute(f"SELECT count(*) FROM {name}").fetchone() == (1,)
        assert other.execute(f"SELECT count(*) FROM {name}").fetchone() == (0,)
        con.commit()
        assert other.execute(f"SELECT count(*) FROM {name}").fetchone() == (1,)
        con.begin().execute(f"DELETE FROM {name}")
        con.rollback()
        assert rows_of(path, name) == [(1, "x")]
        with raises(duckdb.TransactionException, "no transaction is active"):
            con.commit()
        # A conflict.
        con.begin().execute(f"UPDATE {name} SET v = 'a'")
        other.begin()
        with raises(duckdb.TransactionException, "onflict"):
            other.execute(f"UPDATE {name} SET v = 'b'")
        with raises(duckdb.TransactionException, "aborted"):
            other.execute("SELECT 1")
        with raises(duckdb.TransactionException):
            other.commit()
        other.execute("SELECT 1")
        con.commit()
    assert rows_of(path, name) == [(1, "a")]


def leaving_the_with(path: str) -> None:
    name = a_table(path)
    with duckrow.get_write_connection(path) as con:
        con.begin().execute(f"INSERT INTO {name} VALUES (1, 'kept')")
    with raises(ZeroDivisionError), duckrow.get_write_connection(path) as con:
        con.begin().execute(f"INSERT INTO {name} VALUES (2, 'gone')")
        raise ZeroDivisionError
    assert rows_of(path, name) == [(1, "kept")]
    with raises(duckdb.ConnectionException, "closed"):
        con.execute("SELECT 1")
    left = duckrow.get_write_connection(path)
    left.begin().execute(f"INSERT INTO {name} VALUES (3, 'gone')")
    del left
    gc.collect()
    with duckrow.get_write_connection(path, timeout=3) as con:
        con.execute(f"INSERT INTO {name} VALUES (3, 'here')")


def timeouts_go_to_the_service(path: str) -> None:
    name = a_table(path)
    with duckrow.get_write_connection(path, timeout=0.3) as con, duckrow.get_write_connection(path) as other:
        assert con.busy_timeout == 0.3 and other.busy_timeout == 10
        con.execute(f"INSERT INTO {name} VALUES (1, 'x')")
        other.begin().execute(f"UPDATE {name} SET v = 'y'")
        begin = time.monotonic()
        with raises(duckdb.Error):
            con.execute(f"UPDATE {name} SET v = 'z'")
        assert 0.25 < time.monotonic() - begin < 3
        con.execute("PRAGMA busy_timeout = 700")
        assert con.busy_timeout == 0.7
        con.execute("SET busy_timeout = 200; SELECT 5")
        assert con.fetchall() == [(5,)] and con.busy_timeout == 0.2
        other.rollback()
    with duckrow.get_write_connection(path, idle_in_transaction_timeout=0.2) as con:
        con.begin().execute(f"UPDATE {name} SET v = 'y'")
        time.sleep(1)
        with raises(duckdb.TransactionException):
            con.execute("SELECT 1")
        with raises(duckdb.TransactionException):
            con.commit()
        con.execute(f"UPDATE {name} SET v = 'w'")
    assert rows_of(path, name) == [(1, "w")]


# ---- many rows ----


def executemany_as_duckdb(path: str) -> None:
    """Bulk or not, up to the first bad row: what stock leaves is what is left."""
    sets: list[tuple[str, list]] = [
        ("INSERT INTO {} VALUES (?, ?)", [(i, f"it's {i}") for i in range(3000)]),
        ("INSERT INTO {} VALUES (?, ?)", [(1, "a"), (2, None), (3, None)]),
        ("INSERT INTO {} (v, i) VALUES ($1, $2)", [["x", 1], ["y", 2], ["z", 3]]),
        ("INSERT INTO {} VALUES ($i, $v)", [{"i": 1, "v": "a"}, {"v": "b", "i": 2}, {"i": 3, "v": "c"}]),
        ("INSERT INTO {} VALUES (?, ?)", [(1, 1.5), (2, "x"), (3, None), (4, Decimal("1.50")), (5, [1, "a]"]), (6, b"x")]),
        ("INSERT INTO {} VALUES (?, ?)", [(1, datetime.datetime(2024, 1, 2)), (2, datetime.datetime(1, 1, 1)), (3, None)]),
        ("INSERT INTO {} VALUES (?, ?)", [(i, "x") for i in [*range(700), 5, *range(800, 900)]]),
        ("INSERT INTO {} VALUES (?, ?)", [("1", "x"), ("2", "x"), ("no", "x"), ("4", "x")]),
        ("INSERT INTO {} VALUES (?, ?)", [(1, "x"), (2,), (3, "x")]),
        ("INSERT INTO {} VALUES (?, ?) RETURNING i", [(1, "x"), (2, "y"), (3, "z")]),
        ("INSERT INTO {} VALUES (?, 'c' || ?)", [(i, str(i)) for i in range(100)]),
    ]
    stock, served = duckdb.connect(), duckrow.get_write_connection(path)
    for sql, rows in sets:
        name = a_table(path)
        stock.execute(f"CREATE TABLE {name} (i INTEGER PRIMARY KEY, v VARCHAR)")

        def outcome(con: Any, name: str = name, sql: str = sql, rows: list = rows) -> Any:
            try:
                con.executemany(sql.format(name), rows)
                return con.fetchall()
            except duckdb.Error as error:
                return type(error).__name__

        expected, found = outcome(stock), outcome(served)
        assert expected == found, (sql, rows[:3], expected, found)
        kept = stock.execute(f"SELECT * FROM {name} ORDER BY i").fetchall()
        assert rows_of(path, name) == kept, (sql, rows[:3], kept[:5], rows_of(path, name)[:5])
    name = a_table(path)
    served.executemany(f"INSERT INTO {name} VALUES (?, ?)", [(i, "x") for i in range(500)])
    served.executemany(f"UPDATE {name} SET v = ? WHERE i = ?", [(str(i), i) for i in range(500)])
    assert rows_of(path, name) == [(i, str(i)) for i in range(500)]
    served.begin()
    served.executemany(f"INSERT INTO {name} VALUES (?, ?)", [(i, "x") for i in range(1000, 2000)])
    served.rollback()
    assert len(rows_of(path, name)) == 500
    served.close()


def executemany_is_fast(path: str) -> None:
    """Fifty times DuckDB's own, which commits each row; a hundred thousand rows of three columns."""
    name = a_table(path, "i INTEGER, d DOUBLE, v VARCHAR")
    rows = [(i, i * 0.5, f"value {i}") for i in range(100_000)]
    own = duckdb.connect(f"{path}.own")
    own.execute("CREATE OR REPLACE TABLE t (i INTEGER, d DOUBLE, v VARCHAR)")

    def rate(con: Any, table: str, count: int) -> float:
        begin = time.perf_counter()
        con.executemany(f"INSERT INTO {table} VALUES (?, ?, ?)", rows[:count])
        return count / (time.perf_counter() - begin)

    with duckrow.get_write_connection(path) as con:
        rates = [(rate(con, name, len(rows)), rate(own, "t", 500)) for _ in range(3)]
    own.close()
    assert len(rows_of(path, name)) == 3 * len(rows)
    served, stock = (statistics.median(each) for each in zip(*rates))
    assert served >= 50 * stock, f"{served:.0f} rows/s, DuckDB's own {stock:.0f}"


def after_a_rest(path: str) -> None:
    """What is shipped needs no snapshot, and there may be none attached."""
    import pandas

    name = f"rest{os.getpid()}"
    frame = pandas.DataFrame({"l": [[1, 2]]})  # noqa: F841
    with duckrow.get_write_connection(path, idle_release=0.05) as con:
        con.execute(f"CREATE TABLE {name} (l INTEGER[])")
        for statement, given in ((f"INSERT INTO {name} VALUES (?)", [[1, 2]]), (f"INSERT INTO {name} SELECT l FROM frame", None)):
            for _ in range(2):
                con.execute(statement, given)
                assert con.execute(f"SELECT count(*) > 0 FROM {name}").fetchone() == (True,)
                wait_for_no_snapshot(path)
    assert rows_of(path, name) == [([1, 2],)] * 4


def frames(path: str) -> None:
    import pandas

    stock, served = duckdb.connect(), duckrow.get_write_connection(path)
    frame = pandas.DataFrame(
        {
            "i": range(3000),
            "v": [None if i % 7 == 0 else f"it's {i}, \n" for i in range(3000)],
            "d": [i / 3 for i in range(3000)],
            "t": pandas.Timestamp("2024-02-29 01:02:03.000000004"),
            "z": pandas.Timestamp("2024-02-29", tz="UTC"),
            "b": [i % 2 == 0 for i in range(3000)],
        }
    )
    nested = stock.sql(  # noqa: F841 (DuckDB finds it)
        "SELECT [i, NULL] AS l, {'a': i, 'b': ']' || i} AS s, MAP {'k]': i} AS m, i::DECIMAL(10, 2) AS d FROM range(10) t(i)"
    ).df()
    name = f"f{os.getpid()}_{next(_numbers)}"
    both = (stock, served)
    for con in both:
        con.execute(f"CREATE TABLE {name} (i INTEGER, v VARCHAR, d FLOAT, t TIMESTAMP_NS, z TIMESTAMPTZ, b BOOLEAN)")
        con.append(name, frame)
        con.append(name, frame[["d", "i"]], by_name=True)
        con.register("registered", frame)
        con.execute(f"INSERT INTO {name} SELECT * REPLACE (-i AS i) FROM registered WHERE i < ?", [100])
        con.execute(
            f"CREATE TABLE {name}_as AS WITH few AS (FROM registered LIMIT 5) SELECT few.* FROM few JOIN registered USING (i)"
        )
        con.execute(f"UPDATE {name} SET v = r.v || '!' FROM registered r WHERE {name}.i = -r.i")
        # A variable of the caller's.
        con.execute(f"INSERT INTO {name} SELECT * FROM frame LIMIT 10")
        con.execute(f"CREATE TABLE {name}_nested AS SELECT * FROM nested")
        con.begin()
        assert con.execute("SELECT count(*) FROM registered").fetchone() == (3000,)
        con.execute(f"DELETE FROM {name} USING frame WHERE {name}.i = frame.i AND frame.i > 2900")
        con.commit()
        con.unregister("registered")
        with raises(duckdb.CatalogException, "registered"):
            con.execute(f"INSERT INTO {name} SELECT * FROM registered")
    for table in (name, f"{name}_as", f"{name}_nested"):
        question = f"SELECT * FROM {table} ORDER BY ALL"
        assert repr(stock.execute(question).fetchall()) == repr(served.execute(question).fetchall()), table
    # More than one message, and then still in the lane.
    large = pandas.DataFrame({"i": range(20_000), "v": "x" * 1000})  # noqa: F841
    served.execute(f"CREATE TABLE {name}_large AS SELECT i, v FROM large")
    assert served.execute(f"SELECT count(*), sum(i), sum(length(v)) FROM {name}_large").fetchall() == [
        (20_000, 199990000, 20_000_000)
    ]
    # Relations, which are read here, and written there.
    served.sql(f"SELECT i, v FROM {name} WHERE i BETWEEN 10 AND 19").create(f"{name}_relation")
    served.sql("SELECT 1 AS i, 'r' AS v").insert_into(f"{name}_relation")
    assert (
        len(rows_of(path, f"{name}_relation"))
        == served.execute(f"SELECT 1 + count(*) FROM {name} WHERE i BETWEEN 10 AND 19").fetchall()[0][0]
    )
    served.close()


# ---- state of one's own ----


def temporary_tables(path: str) -> None:
    name = a_table(path)
    with duckrow.get_write_connection(path) as con, duckrow.get_write_connection(path) as other:
        con.execute(f"CREATE TEMP TABLE {name}_mine AS SELECT range::INTEGER AS i, 'x' AS v FROM range(5)")
        assert con.execute(f"SELECT sum(i) FROM {name}_mine").fetchone() == (10,)
        con.execute(f"INSERT INTO {name} SELECT * FROM {name}_mine")
        assert con.sql(f"SELECT a.i FROM {name} a JOIN {name}_mine b USING (i)").fetchall() == [(i,) for i in range(5)]
        with raises(duckdb.CatalogException):
            other.execute(f"SELECT * FROM {name}_mine")
        con.execute("PREPARE mine AS SELECT $1 + 1 AS n")
        assert con.execute("EXECUTE mine(5)").fetchall() == [(6,)]


def settings(path: str) -> None:
    with duckrow.get_write_connection(path) as con:
        name = f"s{os.getpid()}_{next(_numbers)}"
        con.execute(f"CREATE SCHEMA {name}; CREATE TABLE {name}.t (i INTEGER)")
        con.execute(f"USE {name}")
        con.execute("INSERT INTO t VALUES (1)")
        assert con.execute("SELECT * FROM t").fetchall() == [(1,)]
        con.begin()
        assert con.execute("SELECT * FROM t").fetchall() == [(1,)]
        con.rollback()
        con.execute("SET threads = 2")
        assert con.execute("SELECT current_setting('threads')").fetchone() == (2,)
        con.execute("SET statement_timeout = '5s'")
        moments = "SELECT '2024-01-01 12:00'::TIMESTAMPTZ, ['2024-07-01 12:00'::TIMESTAMPTZ], current_setting('TimeZone')"
        with duckdb.connect() as stock:
            for each in (con, stock):
                each.execute("SET TimeZone = 'Asia/Kolkata'")
            assert repr(con.execute(moments).fetchall()) == repr(stock.execute(moments).fetchall())


def time_zones(path: str) -> None:
    """Moments are read and shown as in a DuckDB of one's own, in the process's zone or in one that is set."""
    name = a_table(path, "i INTEGER, z TIMESTAMPTZ, d DATE")
    stock, served = duckdb.connect(), duckrow.get_write_connection(path)
    stock.execute(f"CREATE TABLE {name} (i INTEGER, z TIMESTAMPTZ, d DATE)")
    for i, zone in enumerate((None, "Asia/Kolkata", "America/New_York", "UTC")):
        for con in (stock, served):
            if zone:
                con.execute(f"SET TimeZone = '{zone}'")
            con.execute(f"INSERT INTO {name} VALUES ({i}, '2024-07-01 23:30:00', '2024-07-01 23:30:00-03'::TIMESTAMPTZ)")
            con.execute(f"INSERT INTO {name} VALUES (?, ?, ?)", [i, "2024-01-01 01:00:00", "2024-01-01"])
        question = f"SELECT i, z, d, z::VARCHAR, date_trunc('day', z) FROM {name} ORDER BY ALL"
        expected, here = repr(stock.execute(question).fetchall()), repr(served.execute(question).fetchall())
        served.begin()
        there = repr(served.execute(question).fetchall())
        served.rollback()
        assert expected == here == there, (zone, expected, here, there)
    served.close()
    code = (
        "import sys, duckdb, duckrow\n"
        "with duckrow.get_write_connection(sys.argv[1]) as con:\n"
        "    con.begin()\n"
        "    sql = \"SELECT '2024-07-01 23:30:00'::TIMESTAMPTZ::VARCHAR\"\n"
        "    print(con.execute(sql).fetchall() == duckdb.connect().execute(sql).fetchall(), con.fetchall())"
    )
    environment = {**os.environ, "TZ": "Asia/Kolkata"}
    said = subprocess.run([sys.executable, "-c", code, path], env=environment, capture_output=True, text=True, timeout=60)
    assert said.stdout.startswith("True"), said


def relative_paths_are_the_callers(path: str) -> None:
    folder = Path(path).parent / f"files{os.getpid()}_{next(_numbers)}"
    folder.mkdir()
    before = os.getcwd()
    os.chdir(folder)
    try:
        name = a_table(path)
        Path("in.csv").write_text("i,v\n1,a\n2,b\n")
        with duckrow.get_write_connection(path) as con:
            con.execute(f"COPY {name} FROM 'in.csv' (HEADER)")
            assert con.fetchall() == [(2,)]
            con.execute(f"INSERT INTO {name} SELECT i + 10, v FROM 'in.csv'")
            con.execute(f"INSERT INTO {name} SELECT i + 20, v FROM read_csv(['in.csv'], delim = ',')")
            con.execute(f"COPY {name} TO 'out.csv' (HEADER)")
            con.begin()
            con.execute(f"COPY (FROM {name} WHERE i < 10) TO 'few.csv' (HEADER)")
            con.commit()
        assert Path("out.csv").read_text().count("\n") == 7
        assert Path("few.csv").read_text().count("\n") == 3
        assert len(rows_of(path, name)) == 6
    finally:
        os.chdir(before)


def what_cannot_be_had(path: str) -> None:
    with duckrow.get_write_connection(path) as con:
        for call in (
            lambda: con.create_function("f", lambda x: x, ["INTEGER"], "INTEGER"),
            lambda: con.execute("ATTACH ':memory:' AS other"),
            lambda: con.execute("DETACH core"),
            lambda: con.sql("SELECT 1").create_view("v"),
            lambda: con.load_extension("json"),
        ):
            with raises(duckdb.NotSupportedError, "exclusive=True"):
                call()
        relation = con.sql("SELECT 1 AS i")
        con.begin()
        with raises(duckdb.NotSupportedError, "exclusive=True"):
            relation.fetchall()
        con.rollback()
        assert relation.fetchall() == [(1,)]


def sqlalchemy_and_pandas(path: str) -> None:
    import pandas
    import sqlalchemy

    name = f"sa{os.getpid()}_{next(_numbers)}"
    engine = sqlalchemy.create_engine(f"duckrow:///{path}")
    frame = pandas.DataFrame({"a": [1, 2, 3], "b": ["x", "y", None]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame.to_sql(name, engine, index=False)
        with engine.begin() as con:
            con.execute(sqlalchemy.text(f"INSERT INTO {name} VALUES (:a, :b)"), [{"a": 4, "b": "z"}, {"a": 5, "b": "w"}])
            assert con.execute(sqlalchemy.text(f"SELECT count(*) FROM {name}")).scalar() == 5
        assert list(pandas.read_sql(f"SELECT a FROM {name} ORDER BY a", engine)["a"]) == [1, 2, 3, 4, 5]
    engine.dispose()


# ---- ends ----


def interrupting(path: str) -> None:
    with duckrow.get_write_connection(path) as con:
        name = a_table(path, "n BIGINT")
        slow = f"INSERT INTO {name} SELECT count(*) FROM range(100000000000) a"
        timer = threading.Timer(0.5, con.interrupt)
        timer.start()
        with raises(duckdb.InterruptException):
            con.execute(slow)
        timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with raises(KeyboardInterrupt):
            con.execute(slow)
        con.execute(f"INSERT INTO {name} VALUES (1)")
        assert con.execute(f"SELECT * FROM {name}").fetchall() == [(1,)]


def a_child_leaves_its_parents_session_alone(path: str) -> None:
    name = a_table(path)
    con = duckrow.get_write_connection(path)
    con.begin().execute(f"INSERT INTO {name} VALUES (1, 'parent')")
    child = os.fork()
    if not child:
        status = 1
        with contextlib.suppress(BaseException):
            try:
                con.execute("SELECT 1")
            except duckrow.ForkedError:
                con.close()
                with duckrow.get_write_connection(path) as own:
                    own.execute(f"INSERT INTO {name} VALUES (2, 'child')")
                del con
                gc.collect()
                status = 0
        os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    con.execute(f"INSERT INTO {name} VALUES (3, 'parent')")
    con.commit()
    con.close()
    assert rows_of(path, name) == [(1, "parent"), (2, "child"), (3, "parent")]


def threads_share_a_connection(path: str) -> None:
    name = a_table(path)
    with duckrow.get_write_connection(path) as con:

        def write(first: int) -> None:
            mine = con.cursor()
            for i in range(first, first + 10):
                mine.execute(f"INSERT INTO {name} VALUES (?, 'x')", [i])
                assert mine.execute(f"SELECT v FROM {name} WHERE i = ?", [i]).fetchall() == [("x",)]
            mine.close()

        workers = [threading.Thread(target=write, args=(1000 * i,)) for i in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert len(rows_of(path, name)) == 40


CHECKS: dict[str, Callable[[str], None]] = {
    each.__name__: each
    for each in (
        finds_the_service_by_itself,
        a_reader_is_a_stock_duckdb_on_the_snapshot,
        psycopg_may_be_missing,
        results_are_what_duckdb_leaves,
        every_way_of_fetching,
        one_reads_what_one_has_written,
        an_idle_connection_keeps_no_snapshot,
        transactions,
        leaving_the_with,
        timeouts_go_to_the_service,
        executemany_as_duckdb,
        executemany_is_fast,
        after_a_rest,
        frames,
        temporary_tables,
        settings,
        time_zones,
        relative_paths_are_the_callers,
        what_cannot_be_had,
        sqlalchemy_and_pandas,
        interrupting,
        a_child_leaves_its_parents_session_alone,
        threads_share_a_connection,
    )
}


def main(path: str) -> None:
    """A name a line; the answer, as JSON, a line: null, or what went wrong."""
    said, sys.stdout = sys.stdout, io.StringIO()
    for line in sys.stdin:
        answer = None
        try:
            CHECKS[line.strip()](path)
        except BaseException:
            answer = traceback.format_exc()
        print(json.dumps(answer), file=said, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
