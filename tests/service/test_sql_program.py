"""`duckrow sql --write` beside a running service: the service runs the statements, and what comes out is the same."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.ipc
import pytest
from support import wait_until
from support.program import Duckrow, Ended, of_engine
from support.service import Service

Serve = Callable[..., Service]

# One value of each type and its NULL, with what is hard to carry in it.
VALUES = {
    "b": ("BOOLEAN", "true"),
    "i1": ("TINYINT", "-128"),
    "i2": ("SMALLINT", "32767"),
    "i4": ("INTEGER", "-2147483648"),
    "i8": ("BIGINT", "9223372036854775807"),
    "i16": ("HUGEINT", "-170141183460469231731687303715884105728"),
    "u1": ("UTINYINT", "255"),
    "u4": ("UINTEGER", "4294967295"),
    "u8": ("UBIGINT", "18446744073709551615"),
    "u16": ("UHUGEINT", "340282366920938463463374607431768211455"),
    "f4": ("FLOAT", "0.1"),
    "f8": ("DOUBLE", "'-inf'"),
    "d": ("DECIMAL(38, 10)", "1234567890123456789012345678.0123456789"),
    "s": ("VARCHAR", "'x''\"\n,\\{[ü'"),
    "e": ("ENUM('a', 'it''s')", "'it''s'"),
    "x": ("BLOB", r"'\x00\xff'"),
    "bits": ("BIT", "'010'"),
    "u": ("UUID", "'00000000-0000-0000-0000-00000000000f'"),
    "dt": ("DATE", "'0044-03-15 (BC)'"),
    "tm": ("TIME", "'23:59:59.000001'"),
    "tz": ("TIMETZ", "'01:02:03+05:30'"),
    "ts": ("TIMESTAMP", "'2026-11-25 12:00:00.000001'"),
    "tn": ("TIMESTAMP_NS", "'2026-11-25 12:00:00.123456789'"),
    "tt": ("TIMESTAMPTZ", "'infinity'"),
    "iv": ("INTERVAL", "INTERVAL '1 year -3 days 00:00:01'"),
    "j": ("JSON", """'{"a": [1, null]}'"""),
    "l": ("INTEGER[]", "[1, NULL, 3]"),
    "ls": ("VARCHAR[][]", "[['a]', '\"', NULL], [], NULL]"),
    "ar": ("DOUBLE[2]", "[1.5, NULL]"),
    "st": ('STRUCT("a b" INTEGER, t VARCHAR[])', "{'a b': 1, 't': ['}', NULL]}"),
    "m": ("MAP(VARCHAR, INTEGER[])", "MAP {'k=': [1], 'n': NULL}"),
    "un": ("UNION(num INTEGER, str VARCHAR)", "'text'"),
    "sl": ("STRUCT(e ENUM('p', 'q'), x BLOB)[]", r"[{'e': 'q', 'x': '\xAB'}, NULL]"),
}


@pytest.fixture(scope="module")
def embedded(version: str, tmp_path_factory: pytest.TempPathFactory) -> Duckrow:
    """The same program, on a database that nobody serves."""
    return of_engine(version, tmp_path_factory.mktemp("embedded"))


def program(service: Service) -> Duckrow:
    return service.duckrow


@pytest.fixture
def away(served: Service, table: str) -> Iterator[tuple[Duckrow, str]]:
    """The program, and a table that the service has."""
    served.run(f"CREATE TABLE {table} (i INTEGER PRIMARY KEY, s VARCHAR)")
    yield served.duckrow, table


def write(duckrow: Duckrow, sql: str, *options: object, **more) -> Ended:
    return duckrow("sql", "--write", *options, duckrow.db, sql, **more)


def both(served: Service, embedded: Duckrow, sql: str, *options: object, **more) -> bytes:
    """What both say, which is the same."""
    through, alone = (write(duckrow, sql, *options, **more) for duckrow in (served.duckrow, embedded))
    if "arrow" in options:
        # What is beneath a NULL may be anything.
        assert arrow(through.out).equals(arrow(alone.out)), sql
    else:
        assert through.out == alone.out, sql
    assert through.err == alone.err
    return through.out


def arrow(stream: bytes) -> pyarrow.Table:
    return pyarrow.ipc.open_stream(stream).read_all()


def groups(served: Service) -> int:
    return int(dict(served.rows("SHOW duckrow"))["core.commits"])


@pytest.mark.one_engine
@pytest.mark.parametrize("format", ["table", "csv", "json", "arrow", "parquet"])
def test_every_type_in_every_format(served: Service, embedded: Duckrow, table: str, format: str, tmp_path: Path) -> None:
    columns = ", ".join(f'"{name}" {type}' for name, (type, _) in VALUES.items())
    values = ", ".join(value for _, value in VALUES.values())
    nulls = ", ".join("NULL" for _ in VALUES)
    both(served, embedded, f"CREATE TABLE {table} ({columns})")
    # Neither of these formats has all the types.
    missing = {"parquet": ["un", "u16", "i16", "ar", "bits", "iv", "tz"], "arrow": []}.get(format, [])
    out = both(
        served,
        embedded,
        f"INSERT INTO {table} VALUES ({values}), ({nulls}) RETURNING * EXCLUDE ({', '.join(missing)})"
        if missing
        else f"INSERT INTO {table} VALUES ({values}), ({nulls}) RETURNING *",
        "--format",
        format,
    )
    assert len(out) > 300
    assert served.rows(f"SELECT count(*) FROM {table}") == [(2,)]
    if format == "csv":
        assert len(list(csv.reader(io.StringIO(out.decode())))) == 3
    both(served, embedded, f"SELECT * EXCLUDE (un) FROM {table} WHERE i4 > 5", "--format", format)


@pytest.mark.one_engine
@pytest.mark.parametrize("format", ["table", "csv", "json"])
def test_statements_of_all_kinds(served: Service, embedded: Duckrow, table: str, format: str) -> None:
    """What they print is the same, and that they are done."""
    for duckrow in (served.duckrow, embedded):
        # 2.0 tells its rows; the service's tag doesn't.
        write(duckrow, f"CREATE TABLE {table}_as AS SELECT 1 AS i")
    statements = [
        f"CREATE TABLE {table} (i INTEGER, s VARCHAR)",
        f"INSERT INTO {table} SELECT range, 'x' || range FROM range(5)",
        f'UPDATE {table} SET s = \'y\' WHERE i > 2 RETURNING s, i AS "two words", i AS "two words"',
        f"DELETE FROM {table} WHERE i = 0; SELECT count(*) FROM {table}; -- and no more\n;",
        f"BEGIN; INSERT INTO {table} VALUES (7, NULL); SELECT max(i) FROM {table}; ROLLBACK; FROM {table} ORDER BY i",
        f"BEGIN; INSERT INTO {table} VALUES (8, ''); COMMIT",
        f"BEGIN; INSERT INTO {table} VALUES (9, '')",  # it is committed at the end
        f"SELECT * FROM {table} ORDER BY i; SELECT 1 WHERE false",
        f"WITH w AS (SELECT 10 AS i) INSERT INTO {table} SELECT i, 'w' FROM w",
        f"ALTER TABLE {table} ADD COLUMN n DOUBLE DEFAULT 1.5",
        f"CREATE SEQUENCE {table}_ids; SELECT nextval('{table}_ids'), nextval('{table}_ids')",
        f"CREATE TEMP TABLE mine (k INTEGER); INSERT INTO mine VALUES (1); INSERT INTO {table} SELECT k, NULL, 2 FROM mine",
        f"EXPLAIN SELECT 1; DROP TABLE {table}_as; SET busy_timeout = 5000; SELECT 2",
        "SELECT 'ü' AS \"ä\", '' AS empty, NULL AS nothing, repeat('x', 100000) AS long",
        "SELECT range AS n FROM range(100000)",
        "SELECT [NULL] AS l, {'n': NULL, 'i': 1} AS s, [] AS e",
    ]
    # One by one, and in the other formats several at a time, but that an open transaction ends what is one.
    for sql in statements if format == "table" else [";\n".join(statements[:7]), ";\n".join(statements[7:])]:
        both(served, embedded, sql, "--format", format)
    assert served.rows(f"SELECT * FROM {table} ORDER BY ALL") == [
        *[(i, f"x{i}", 1.5) for i in (1, 2)][:1],
        (1, None, 2.0),
        *[(i, f"x{i}", 1.5) for i in (2,)],
        (3, "y", 1.5),
        (4, "y", 1.5),
        (8, "", 1.5),
        (9, "", 1.5),
        (10, "w", 1.5),
    ]


def test_it_is_the_service_that_writes(away: tuple[Duckrow, str], served: Service) -> None:
    duckrow, table = away
    before = groups(served)
    assert write(duckrow, f"INSERT INTO {table} VALUES (1, 'a')").text == "(1 row changed)\n"
    assert groups(served) == before + 1
    # Readers see it at once, and no turn was waited for.
    assert duckrow.read(f"FROM {table}") == [["1", "a"]]
    assert json.loads(duckrow("status", "--json", duckrow.db).text)["holder"]["kind"] == "serve"


def test_sql_from_a_file_and_standard_input(away: tuple[Duckrow, str], tmp_path: Path) -> None:
    duckrow, table = away
    script = tmp_path / "load.sql"
    script.write_text("".join(f"INSERT INTO {table} VALUES ({i}, 'a;b -- c');\n" for i in range(200)))
    assert duckrow("sql", "--write", "--file", script, duckrow.db).text == "(1 row changed)\n" * 200
    duckrow("sql", "--write", duckrow.db, stdin=f"DELETE FROM {table} WHERE i >= 100".encode())
    out = tmp_path / "out.csv"
    write(duckrow, f"SELECT count(*) AS n FROM {table}", "--format", "csv", "--output", out)
    assert out.read_text() == "n\n100\n"


@pytest.mark.parametrize(
    ("sql", "status", "says"),
    [
        ("INSERT INTO {t} VALUES (1, 'again')", 1, "Constraint Error: "),
        ("SELECT * FROM missing", 1, "Catalog Error: Table with name missing does not exist!"),
        ("SELECT 'x'::INTEGER", 1, "Conversion Error: "),
        ("SELECT i / 0 FROM {t}; SELECT error('mine')", 1, "mine"),
        ("ATTACH 'other.duckdb' AS other", 78, "--exclusive"),
        ("COPY {t} FROM STDIN", 78, "psql"),
        ("SELECT CASE WHEN range = 60000 THEN error('late') ELSE range END FROM range(100000)", 1, "late"),
    ],
)
def test_errors_are_one_line(away: tuple[Duckrow, str], served: Service, sql: str, status: int, says: str) -> None:
    duckrow, table = away
    write(duckrow, f"INSERT INTO {table} VALUES (1, 'a')")
    line = write(duckrow, sql.format(t=table), status=status).line()
    assert says in line
    # What came before stays, and what is open is undone.
    write(
        duckrow,
        f"INSERT INTO {table} VALUES (2, 'b'); BEGIN; INSERT INTO {table} VALUES (3, 'c'); {sql.format(t=table)}",
        status=status,
    )
    assert served.rows(f"SELECT i FROM {table} ORDER BY i") == [(1,), (2,)]


def test_what_is_no_sql_is_not_begun(away: tuple[Duckrow, str], served: Service) -> None:
    duckrow, table = away
    assert "Parser Error: " in write(duckrow, f"INSERT INTO {table} VALUES (1, 'a'); SELEC 1", status=1).line()
    assert served.rows(f"FROM {table}") == []


def test_a_format_holds_one_result(away: tuple[Duckrow, str], tmp_path: Path) -> None:
    duckrow, table = away
    out = tmp_path / "out.parquet"
    assert "more" in write(duckrow, "SELECT 1; SELECT 2", "--format", "parquet", "--output", out, status=64).line()
    assert "none" in write(duckrow, f"DELETE FROM {table}", "--format", "arrow", "--output", out, status=64).line()
    assert not out.exists()


def test_busy_is_75(serve: Serve) -> None:
    service = serve()
    service.run("CREATE TABLE t (i INTEGER)", "INSERT INTO t VALUES (1)")
    with service.connect(autocommit=False) as con:
        con.execute("UPDATE t SET i = 2")
        began = time.monotonic()
        line = write(service.duckrow, "UPDATE t SET i = 3", "--timeout", "300ms", status=1).line()
        assert 0.3 <= time.monotonic() - began < 5 and "onflict" in line
        con.rollback()
    holder = service.duckrow.start("hold", service.path, "--", "sh", "-c", "echo in; read x", stdin=subprocess.PIPE)
    assert holder.stdout.readline() == "in\n"
    for sql in ("INSERT INTO t VALUES (4)", "SET busy_timeout = 250; INSERT INTO t VALUES (4)"):
        timeout = ["--timeout", "250ms"] if "SET" not in sql else []
        line = write(service.duckrow, sql, *timeout, status=75).line()
        assert f"held by pid {holder.pid}" in line
    holder.communicate("\n", timeout=30)


def test_a_signal_cancels(serve: Serve) -> None:
    service = serve()
    service.run("CREATE TABLE t (i BIGINT)")
    long = "INSERT INTO t SELECT sum(range) FROM range(100000000000)"
    for number, rows in ((signal.SIGINT, False), (signal.SIGTERM, True)):
        sql = "SELECT range FROM range(100000000000)" if rows else long
        # Nobody reads what comes.
        running = service.duckrow.start("sql", "--write", service.path, sql, "--format", "csv")
        wait_until(lambda: dict(service.rows("SHOW duckrow"))["sessions_busy"] == "1", 20)
        time.sleep(0.3)
        began = time.monotonic()
        running.send_signal(number)
        _, errors = running.communicate(timeout=20)
        assert running.returncode == 128 + number, errors
        assert time.monotonic() - began < 5
        wait_until(lambda: dict(service.rows("SHOW duckrow"))["sessions"] == "1", 20)
    assert service.rows("FROM t") == []


def test_the_service_ends_in_the_middle(serve: Serve) -> None:
    service = serve()
    service.run("CREATE TABLE t (i BIGINT)")
    running = service.duckrow.start("sql", "--write", service.path, "INSERT INTO t SELECT sum(range) FROM range(100000000000)")

    def is_inserting() -> bool:
        with service.connect() as looking:
            names = [column.name for column in looking.execute("SHOW duckrow_sessions").description]
            rows = [dict(zip(names, row, strict=True)) for row in looking.execute("SHOW duckrow_sessions")]
        return any((row["statement"], row["state"]) == ("INSERT", "active") for row in rows)

    # While it still connects it would find that nobody serves, and write by itself.
    wait_until(is_inserting, 20)
    service.kill()
    try:
        _, errors = running.communicate(timeout=20)
    finally:
        running.kill()
    assert running.returncode == 74 and "not known" in errors
    # Nobody serves: it writes by itself.
    service.process.end()
    write(service.duckrow, "INSERT INTO t VALUES (1)")
    assert service.duckrow.read("FROM t") == [["1"]]
    service.process = None


def test_one_that_comes_while_the_service_leaves(serve: Serve) -> None:
    """It waits for the turn then."""
    service = serve()
    service.run("CREATE TABLE t (i INTEGER)")
    open_transaction = service.connect(autocommit=False)
    open_transaction.execute("INSERT INTO t VALUES (1)")
    service.process.signal(signal.SIGTERM)
    running = service.duckrow.start("sql", "--write", service.path, "INSERT INTO t VALUES (2)")
    time.sleep(0.3)
    open_transaction.commit()
    service.stop()
    _, errors = running.communicate(timeout=20)
    assert running.returncode == 0, errors
    assert sorted(service.duckrow.read("FROM t")) == [["1"], ["2"]]


def test_exclusive_takes_the_file_itself(serve: Serve, processes: object) -> None:
    service = serve()
    service.run("CREATE TABLE t (i INTEGER)")
    other = service.folder / "other.duckdb"
    service.duckrow("sql", "--write", other, "CREATE TABLE o AS SELECT 42 AS i")
    before = groups(service)
    stop = False
    done = 0
    failed: list[BaseException] = []

    def insert() -> None:
        nonlocal done
        try:
            with service.connect(options="-c busy_timeout=60s") as con:
                while not stop:
                    con.execute("INSERT INTO t VALUES (0)")
                    done += 1
        except BaseException as error:
            failed.append(error)

    writer = threading.Thread(target=insert)
    writer.start()
    for _ in range(3):
        sql = "ATTACH 'other.duckdb' AS other (READ_ONLY); INSERT INTO t SELECT i FROM other.o"
        service.duckrow("sql", "--exclusive", service.path, sql)
    stop = True
    writer.join(60)
    assert failed == []
    assert service.rows("SELECT i, count(*) FROM t GROUP BY i ORDER BY i") == [(0, done), (42, 3)]
    assert groups(service) >= before + done
    assert service.process.errors.count("handed over") == 3


def test_many_at_once(away: tuple[Duckrow, str], served: Service) -> None:
    duckrow, table = away
    running = [duckrow.start("sql", "--write", duckrow.db, f"INSERT INTO {table} VALUES ({i}, 'x')") for i in range(8)]
    for one in running:
        _, errors = one.communicate(timeout=60)
        assert one.returncode == 0, errors
    assert served.rows(f"SELECT count(*) FROM {table}") == [(8,)]
