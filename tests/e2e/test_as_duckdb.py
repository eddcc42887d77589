"""A connection is DuckDB's own in all that one does with it, and as far from its neighbours as a stock one."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import duckrow
import numpy
import pandas
import polars
import pyarrow
import pytest


@pytest.fixture
def db(tmp_db: Path) -> Path:
    with duckrow.get_write_connection(tmp_db) as con:
        con.execute("CREATE TABLE t AS SELECT i::INTEGER i, 'row ' || i AS s FROM range(3) r(i)")
    return tmp_db


@pytest.fixture(params=["read", "write", "connect", "connect to read"])
def con(request: pytest.FixtureRequest, db: Path) -> duckdb.DuckDBPyConnection:
    opened = {
        "read": lambda: duckrow.get_readonly_connection(db),
        "write": lambda: duckrow.get_write_connection(db),
        "connect": lambda: duckrow.connect(str(db)),
        "connect to read": lambda: duckrow.connect(db, read_only=True, config={"threads": 2}),
    }[request.param]()
    yield opened
    opened.close()


def test_it_is_a_duckdb_connection(con: duckdb.DuckDBPyConnection) -> None:
    assert isinstance(con, duckdb.DuckDBPyConnection)
    assert con.execute("SELECT count(*) FROM core.main.t").fetchall() == [(3,)]
    assert con.execute("SELECT current_database(), current_schema()").fetchall() == [("core", "main")]
    names = con.execute("SELECT database_name FROM duckdb_databases() WHERE NOT internal").fetchall()
    assert names == [("core",)], "as after a stock open"
    assert con.sql("SELECT i FROM t WHERE i > $least", params={"least": 1}).fetchall() == [(2,)]
    assert con.execute("SELECT s FROM t ORDER BY i").description[0][0] == "s"
    assert con.cursor().execute("SELECT 7").fetchall() == [(7,)]


def test_results_in_every_form(con: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT i FROM t ORDER BY i"
    assert con.execute(query).df()["i"].tolist() == [0, 1, 2]
    assert con.sql(query).df()["i"].tolist() == [0, 1, 2]
    assert con.sql(query).pl()["i"].to_list() == [0, 1, 2]
    assert con.sql(query).to_arrow_table().to_pydict() == {"i": [0, 1, 2]}
    assert con.execute(query).fetchnumpy()["i"].tolist() == [0, 1, 2]
    assert con.table("t").aggregate("max(i)").fetchall() == [(2,)]
    with pytest.warns(UserWarning, match="SQLAlchemy"):
        assert pandas.read_sql("SELECT count(*) AS n FROM t", con)["n"].tolist() == [3]
    assert polars.read_database("SELECT count(*) AS n FROM t", con)["n"].to_list() == [3]


def test_local_frames_are_found(con: duckdb.DuckDBPyConnection) -> None:
    frame = pandas.DataFrame({"x": [1, 2]})
    table = pyarrow.table({"x": [3]})
    columns = polars.DataFrame({"x": [4]})
    arrays = {"x": numpy.array([5])}
    assert con.execute("SELECT sum(x) FROM frame").fetchall() == [(3,)]
    assert con.sql('SELECT sum(x) FROM "table"').fetchall() == [(3,)]
    assert con.query("SELECT sum(x) FROM columns").fetchall() == [(4,)]
    assert con.execute("SELECT sum(x) FROM arrays").fetchall() == [(5,)]
    del frame, table, columns, arrays

    def inner() -> object:
        frame = pandas.DataFrame({"x": [10]})
        found = con.execute("SELECT sum(x) FROM frame").fetchall()
        del frame
        return found

    assert inner() == [(10,)]


def test_registered_frames(con: duckdb.DuckDBPyConnection) -> None:
    con.register("given", pandas.DataFrame({"x": [1, 2, 3]}))
    assert con.execute("SELECT sum(x) FROM given").fetchall() == [(6,)]
    con.unregister("given")
    with pytest.raises(duckdb.CatalogException):
        con.execute("SELECT * FROM given")


def test_writing_to_a_snapshot_is_refused(db: Path) -> None:
    with duckrow.get_readonly_connection(db) as con, pytest.raises(duckdb.Error, match="read-only"):
        con.execute("INSERT INTO t VALUES (9, '')")


def test_neighbours_are_apart(db: Path) -> None:
    """Of two readers that share a snapshot, and perhaps an engine, one must not see what the other does."""
    with duckrow.get_readonly_connection(db) as one, duckrow.get_readonly_connection(db) as two:
        one.execute("CREATE TEMP TABLE private AS SELECT 1")
        one.execute("SET VARIABLE mine = 1")
        one.execute("SET search_path = 'main'")
        one.register("given", pandas.DataFrame({"x": [1]}))
        with pytest.raises(duckdb.Error):
            one.execute("SELECT * FROM nowhere")
        assert two.execute("SELECT count(*) FROM t").fetchall() == [(3,)]
        assert two.execute("SELECT getvariable('mine')").fetchall() == [(None,)]
        for name in ("private", "given"):
            with pytest.raises(duckdb.CatalogException):
                two.execute(f"SELECT * FROM {name}")
        one.execute("BEGIN")
        with pytest.raises(duckdb.Error):
            one.execute("SELECT error('x')")
        assert two.execute("SELECT count(*) FROM t").fetchall() == [(3,)]
    with duckrow.get_readonly_connection(db) as three:
        with pytest.raises(duckdb.CatalogException):
            three.execute("SELECT * FROM private")
        assert three.execute("SELECT getvariable('mine')").fetchall() == [(None,)]


LEAVING = {
    "a setting": lambda con: con.execute("SET threads = 1"),
    "a global setting": lambda con: con.execute("SELECT 1; SET GLOBAL default_null_order = 'nulls_first'"),
    "a setting in a relation": lambda con: con.sql("SET default_order = 'desc'"),
    "an attached database": lambda con: con.execute("ATTACH ':memory:' AS other"),
    "a function": lambda con: con.create_function("plus_one", lambda x: x + 1, [int], int),
}
LEFT = """
    SELECT (SELECT list(name || value ORDER BY name) FROM duckdb_settings() WHERE name IN ('threads', 'default_null_order', 'default_order')),
        (SELECT list(database_name ORDER BY database_name) FROM duckdb_databases()),
        (SELECT count(*) FROM duckdb_functions() WHERE function_name = 'plus_one')
"""  # noqa: E501


@pytest.mark.parametrize("what", LEAVING)
def test_what_one_leaves_behind_the_next_does_not_find(db: Path, what: str) -> None:
    def found() -> list[object]:
        with duckrow.get_readonly_connection(db) as con:
            return con.execute(LEFT).fetchall()

    before = found()
    with duckrow.get_readonly_connection(db) as con:
        LEAVING[what](con)
        assert con.execute(LEFT).fetchall() != before
    assert found() == before


def test_two_generations_at_once(db: Path) -> None:
    with duckrow.get_readonly_connection(db) as old:
        with duckrow.get_write_connection(db) as writer:
            writer.execute("CREATE TABLE more AS SELECT 1")
            writer.execute("DELETE FROM t WHERE i = 0")
        with duckrow.get_readonly_connection(db) as new:
            assert new.execute("SELECT count(*) FROM core.main.t").fetchall() == [(2,)]
            assert old.execute("SELECT count(*) FROM core.main.t").fetchall() == [(3,)]
            with pytest.raises(duckdb.CatalogException):
                old.execute("FROM more")


def test_several_databases_of_one_name(db: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    with duckrow.get_write_connection(other / "core.duckdb") as con:
        con.execute("CREATE TABLE t AS SELECT 42 AS i")
    with duckrow.get_readonly_connection(db) as one, duckrow.get_readonly_connection(other / "core.duckdb") as two:
        assert one.execute("SELECT count(*) FROM core.main.t").fetchall() == [(3,)]
        assert two.execute("SELECT i FROM core.main.t").fetchall() == [(42,)]


def test_what_is_no_file_goes_to_duckdb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("", ":memory:", ":memory:named"):
        with duckrow.connect(name) as con:
            assert con.execute("SELECT 1").fetchall() == [(1,)]
            assert isinstance(con, duckrow.Connection) == (name != ":memory:named"), "ours understands ATTACH"
    with duckrow.connect() as con:
        assert con.execute("SELECT current_database()").fetchall() == [("memory",)]
    assert not list(tmp_path.iterdir())


def test_config_reaches_the_engine(db: Path) -> None:
    with duckrow.connect(db, config={"threads": 1, "default_null_order": "nulls_first"}) as con:
        assert con.execute("SELECT current_setting('threads'), current_setting('default_null_order')").fetchall() == [
            (
                1,
                "NULLS_FIRST",
            )
        ]
    with duckrow.connect(db, config={"access_mode": "READ_ONLY"}) as con:
        assert con.read_only
    with pytest.raises(duckdb.InvalidInputException, match="nonsense"):
        duckrow.connect(db, config={"nonsense": 1})


@pytest.mark.parametrize("open_it", [duckrow.get_readonly_connection, duckrow.get_write_connection, duckrow.connect])
def test_bad_input(tmp_path: Path, open_it: object) -> None:
    """One line that says what is wrong; nothing is made, changed or held."""
    (tmp_path / "text.duckdb").write_text("This is not a database.\n" * 100)
    (tmp_path / "folder.duckdb").mkdir()
    duckdb.connect(str(tmp_path / "linked.duckdb")).close()
    os.link(tmp_path / "linked.duckdb", tmp_path / "second.duckdb")
    cases: list[tuple[object, dict[str, object], type[Exception], str]] = [
        (tmp_path / "no" / "core.duckdb", {}, duckdb.IOException, "folder"),
        (tmp_path / "folder.duckdb", {}, duckdb.IOException, "is a folder"),
        (tmp_path / "text.duckdb", {}, duckdb.IOException, "not a DuckDB database"),
        (tmp_path / ("x" * 300), {}, duckdb.InvalidInputException, "too long"),
        (tmp_path / "/".join(["x" * 200] * 30), {}, duckdb.InvalidInputException, "too long"),
        (tmp_path / "linked.duckdb", {}, duckdb.NotSupportedError, "hard links"),
        (tmp_path / "what?.duckdb", {}, duckdb.NotSupportedError, "rename"),
        (tmp_path / "core.duckdb", {"timeout": -1}, duckdb.InvalidInputException, "timeout"),
        (tmp_path / "core.duckdb", {"timeout": float("nan")}, duckdb.InvalidInputException, "timeout"),
        (tmp_path / "core.duckdb", {"timeout": "soon"}, duckdb.InvalidInputException, "timeout"),
        (tmp_path / "core.duckdb", {"tiemout": 1}, TypeError, "tiemout"),
        ("a\0b", {}, duckdb.InvalidInputException, "path"),
        (7, {}, TypeError, "PathLike"),
    ]
    before = sorted(tmp_path.rglob("*"))
    for path, options, kind, words in cases:
        with pytest.raises(kind, match=words) as caught:
            open_it(path, **options)  # type: ignore[operator]
        assert "\n" not in str(caught.value), path
    assert sorted(tmp_path.rglob("*")) == before
    if open_it is duckrow.get_readonly_connection:
        with pytest.raises(duckdb.IOException, match="does not exist"):
            open_it(tmp_path / "missing.duckdb")
