"""SQLAlchemy: the dialect, what pandas, polars and Superset do with it, and duckdb-engine itself on core.read.duckdb."""

from __future__ import annotations

from pathlib import Path

import duckdb
import duckrow
import pandas
import polars
import pytest
import sqlalchemy as sa
from sqlalchemy import orm, pool
from support import Processes, scaled

from e2e.test_snapshot_checker import WRITER
from e2e.test_stock_programs import QUERY


def url(path: Path, query: str = "", scheme: str = "duckrow") -> str:
    return f"{scheme}:///{path}{query}"


@pytest.fixture
def db(tmp_db: Path) -> Path:
    with duckrow.get_write_connection(tmp_db) as con:
        con.execute("CREATE TABLE t (i INTEGER PRIMARY KEY, s VARCHAR NOT NULL)")
        con.execute("INSERT INTO t VALUES (1, 'one'), (2, 'two')")
        con.execute("CREATE VIEW v AS SELECT s FROM t")
        con.execute("CREATE SCHEMA other")
        con.execute("CREATE TABLE other.u (x DOUBLE)")
    return tmp_db


def test_urls(db: Path) -> None:
    for scheme in ("duckrow", "duckdb+duckrow"):
        engine = sa.create_engine(url(db, scheme=scheme))
        # The name by which SQLAlchemy's, Alembic's and Superset's extensions for DuckDB are found.
        assert (engine.dialect.name, engine.dialect.driver) == ("duckdb", "duckrow")
        with engine.connect() as con:
            assert con.execute(sa.text("SELECT s FROM t WHERE i = :i"), {"i": 2}).all() == [("two",)]
    with sa.create_engine("duckrow://").connect() as con:
        assert con.execute(sa.text("SELECT 1")).all() == [(1,)]
    memory = sa.create_engine("duckrow:///:memory:")
    with memory.begin() as con:
        con.execute(sa.text("CREATE TABLE here AS SELECT 7 AS i"))
    with memory.connect() as con:
        assert con.execute(sa.text("FROM here")).all() == [(7,)]


READ_ONLY: dict[str, tuple[str, dict[str, object]]] = {
    "?read_only": ("?read_only=true", {}),
    "?access_mode": ("?access_mode=READ_ONLY", {}),
    "?access_mode in small letters": ("?access_mode=read_only", {}),
    "read_only": ("", {"read_only": True}),
    "config": ("", {"config": {"access_mode": "READ_ONLY"}}),
}


@pytest.mark.parametrize("how", READ_ONLY)
def test_read_only_engines_see_each_commit_and_wait_for_nobody(db: Path, how: str) -> None:
    query, arguments = READ_ONLY[how]
    engine = sa.create_engine(url(db, query), connect_args=arguments)
    with duckrow.get_write_connection(db) as writer:
        writer.execute("BEGIN")
        writer.execute("INSERT INTO t VALUES (3, 'three')")
        with engine.connect() as con:
            assert con.connection.read_only
            assert con.execute(sa.text("SELECT count(*) FROM t")).scalar() == 2
        writer.execute("COMMIT")
    with engine.connect() as con:
        assert con.execute(sa.text("SELECT count(*) FROM t")).scalar() == 3
        with pytest.raises(sa.exc.DBAPIError, match="read-only"):
            con.execute(sa.text("DELETE FROM t"))


def test_arguments_reach_duckdb(db: Path) -> None:
    arguments = {"config": {"default_null_order": "nulls_first"}, "preload_extensions": ["json"]}
    engine = sa.create_engine(url(db, "?threads=1&timeout=7"), connect_args=arguments)
    with engine.connect() as con:
        assert con.connection.busy_timeout == 7
        settings = "SELECT current_setting('threads'), current_setting('default_null_order')"
        assert con.execute(sa.text(settings)).all() == [(1, "NULLS_FIRST")]
        assert "sqlalchemy" in con.execute(sa.text("SELECT current_setting('custom_user_agent')")).scalar()


HOLDER = """
    import sys, duckrow
    with duckrow.get_write_connection(sys.argv[1], idle_release=0):
        print("holds")
        sys.stdin.readline()
"""


def test_the_turn_goes_back_with_the_connection(processes: Processes, db: Path) -> None:
    engine = sa.create_engine(url(db, "?timeout=0.2"))
    with engine.begin() as con:
        con.execute(sa.text("INSERT INTO t VALUES (3, 'three')"))
        assert duckrow.status(db).held
        with engine.connect() as nested:  # of this process: as with plain DuckDB
            assert nested.execute(sa.text("SELECT count(*) FROM t")).scalar() == 2
    assert not duckrow.status(db).held
    holder = processes.python(HOLDER, db)
    holder.expect("holds")
    with pytest.raises(sa.exc.OperationalError, match=r"gave up after 0\.[2-9] s") as caught:
        engine.connect()
    assert isinstance(caught.value.orig, duckrow.BusyError)
    assert caught.value.orig.holder.pid == holder.pid
    holder.tell()
    holder.finish()
    with engine.connect() as con:
        assert con.execute(sa.text("SELECT count(*) FROM t")).scalar() == 3


def test_a_failed_transaction_leaves_nothing(db: Path) -> None:
    engine = sa.create_engine(url(db))
    with pytest.raises(sa.exc.IntegrityError), engine.begin() as con:
        con.execute(sa.text("INSERT INTO t VALUES (3, 'three')"))
        con.execute(sa.text("INSERT INTO t VALUES (3, 'again')"))
    assert not duckrow.status(db).held
    with engine.connect() as con:
        con.execute(sa.text("INSERT INTO t VALUES (4, 'not committed')"))
    with engine.connect() as con:
        assert con.execute(sa.text("SELECT max(i) FROM t")).scalar() == 2


def test_many_rows_in_a_transaction(db: Path) -> None:
    engine = sa.create_engine(url(db))
    rows = [{"i": i, "s": f"row {i}"} for i in range(10, 1000)]
    with engine.begin() as con:
        con.execute(sa.text("CREATE TABLE same AS FROM t"))
        con.execute(sa.text("INSERT INTO t VALUES (:i, :s)"), rows)
    with engine.connect() as con:
        assert con.execute(sa.text("SELECT count(*), max(s) FROM t")).all() == [(992, "two")]


class Base(orm.DeclarativeBase):
    pass


class Run(Base):
    __tablename__ = "runs"
    id: orm.Mapped[int] = orm.mapped_column(sa.Sequence("runs_id"), primary_key=True)
    name: orm.Mapped[str]


def test_orm(tmp_db: Path) -> None:
    engine = sa.create_engine(url(tmp_db))
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        session.add_all([Run(name="nightly"), Run(name="hourly")])
        session.commit()
        session.execute(sa.update(Run).where(Run.name == "hourly").values(name="daily"))
        session.commit()
    with orm.Session(sa.create_engine(url(tmp_db, "?read_only=true"))) as session:
        assert [run.name for run in session.scalars(sa.select(Run).order_by(Run.id))] == ["nightly", "daily"]


def test_pandas(db: Path) -> None:
    writes, reads = sa.create_engine(url(db)), sa.create_engine(url(db, "?read_only=true"))
    frame = pandas.DataFrame({"x": [1, 2, 3], "y": ["a", "b", None]})
    frame.to_sql("frame", writes, index=False)
    frame.to_sql("frame", writes, index=False, if_exists="append")
    frame.to_sql("frame", writes, index=False, if_exists="replace", method="multi")
    assert pandas.read_sql("SELECT * FROM frame ORDER BY x", reads)["x"].tolist() == [1, 2, 3]
    assert pandas.read_sql_query(sa.text("SELECT sum(x) AS s FROM frame"), reads)["s"].tolist() == [6]
    assert pandas.read_sql_table("frame", reads)["y"].tolist()[:2] == ["a", "b"]


def test_polars(db: Path) -> None:
    writes, reads = sa.create_engine(url(db)), sa.create_engine(url(db, "?read_only=true"))
    polars.DataFrame({"x": [1, 2, 3]}).write_database("frame", writes)
    polars.DataFrame({"x": [4]}).write_database("frame", writes, if_table_exists="append")
    assert polars.read_database("SELECT sum(x)::INTEGER AS s FROM frame", reads)["s"].to_list() == [10]
    with reads.connect() as con:
        assert polars.read_database("SELECT s FROM t ORDER BY i", con)["s"].to_list() == ["one", "two"]


def test_refresh(db: Path) -> None:
    """For those who pool connections all the same."""
    engine = sa.create_engine(url(db, "?read_only=true&refresh=statement"), poolclass=pool.QueuePool, pool_size=1)
    with engine.connect() as con:
        assert con.execute(sa.text("SELECT count(*) FROM t")).scalar() == 2
    with duckrow.get_write_connection(db) as writer:
        writer.execute("INSERT INTO t VALUES (3, 'three')")
    with engine.connect() as con:
        assert con.execute(sa.text("SELECT count(*) FROM t")).scalar() == 3
    engine.dispose()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?timeout=soon", "timeout is a number of seconds"),
        ("?timeout=-1", "timeout is a number of seconds"),
        ("?read_only=maybe", "read_only is true or false"),
        ("?nonsense=1", "nonsense"),
        ("?threads=many", "threads|INT64|convert"),
    ],
)
def test_bad_arguments(db: Path, query: str, words: str) -> None:
    with pytest.raises(sa.exc.SQLAlchemyError, match=words):
        sa.create_engine(url(db, query)).connect()
    assert not duckrow.status(db).held


def test_without_duckdb_engine(processes: Processes, db: Path) -> None:
    code = """
        import sys
        sys.modules["duckdb_engine"] = None
        import sqlalchemy
        try:
            sqlalchemy.create_engine(sys.argv[1])
        except ImportError as error:
            print(error)
    """
    (line,) = processes.python(code, url(db)).finish()
    assert line.startswith("duckrow:/// needs duckdb-engine") and line.endswith("pip install 'duckrow[sqlalchemy]'")


# ---- what Superset does: an engine without a pool, introspection, queries through the raw connection's cursor ----

SUPERSET: dict[str, tuple[str, dict[str, object]]] = {
    "duckdb on the link, in the URL": ("duckdb:///{read}?access_mode=READ_ONLY", {}),
    "duckdb on the link, as connect_args": ("duckdb:///{read}", {"read_only": True}),
    "duckrow": ("duckrow:///{path}?read_only=true", {}),
    "duckdb+duckrow": ("duckdb+duckrow:///{path}?access_mode=READ_ONLY", {}),
    "duckrow on the link": ("duckrow:///{read}?read_only=true", {}),
}


@pytest.mark.filterwarnings("ignore:duckdb-engine doesn't yet support reflection on indices")
@pytest.mark.timeout(scaled(900, 120))
@pytest.mark.parametrize("how", SUPERSET)
def test_superset_beside_a_writer(processes: Processes, tmp_db: Path, how: str) -> None:
    with duckrow.get_write_connection(tmp_db) as con:
        con.execute("CREATE TABLE t AS SELECT 0::BIGINT n")
        con.execute("CREATE TABLE counter AS SELECT 0::BIGINT v")
        con.execute("CREATE TABLE bulk (x BIGINT, y DOUBLE)")
        con.execute("CREATE VIEW newest AS SELECT max(n) AS n FROM t")
    acknowledged = tmp_db.with_name(f"{tmp_db.name}.ack")
    acknowledged.mkdir()
    address, arguments = SUPERSET[how]
    address = address.format(path=tmp_db, read=tmp_db.with_name("core.read.duckdb"))
    seconds = scaled(60, 1)
    writer = processes.python(WRITER, tmp_db, seconds)
    looks, seen = 0, 0
    while not looks or writer.running:
        must_see = max((int(name.name) for name in acknowledged.iterdir()), default=0)
        engine = sa.create_engine(address, poolclass=pool.NullPool, connect_args=arguments)
        inspector = sa.inspect(engine)
        assert "core.main" in inspector.get_schema_names()
        assert {"t", "counter", "bulk"} <= set(inspector.get_table_names("core.main"))
        assert inspector.get_view_names("core.main") == ["newest"]
        assert [(c["name"], str(c["type"])) for c in inspector.get_columns("bulk", "main")] == [("x", "BIGINT"), ("y", "FLOAT")]
        inspector.get_pk_constraint("bulk"), inspector.get_indexes("bulk"), inspector.get_foreign_keys("bulk")
        inspector.get_table_comment("bulk")
        raw = engine.raw_connection()
        cursor = raw.cursor()
        cursor.execute(QUERY)
        assert [column[0] for column in cursor.description] == ["newest", "n", "counter", "bulk", "total"]
        ((newest, rows, counter, bulk, total),) = cursor.fetchall()
        raw.close()
        assert newest >= must_see, "stale"
        assert newest == rows - 1 == counter and bulk == total, "inconsistent"
        frame = pandas.read_sql("SELECT n FROM newest", engine)
        assert frame["n"][0] >= newest >= seen
        looks, seen = looks + 1, int(frame["n"][0])
    assert int(writer.finish()[-1]) > 0
    print(f"{how}: {looks} looks, up to commit {seen}, duckdb {duckdb.__version__}")
