"""The duckrow program, driven as a user would: what it prints, what it refuses, what it exits with.

Runs with each engine."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow.ipc
import pyarrow.parquet
import pytest
from support import wait_until
from support.program import PROGRAMS, ROOT, Duckrow, Ended, of_engine

NOBODY = 65534


def stock(duckrow: Duckrow, code: str) -> subprocess.CompletedProcess:
    """Plain DuckDB in another process; `con` is open read-write."""
    prelude = f"import duckdb, time; con = duckdb.connect({str(duckrow.db)!r})\n"
    return subprocess.run([sys.executable, "-c", prelude + code], check=True, capture_output=True, text=True, timeout=60)


# ---- help and versions ------------------------------------------------------------------------------------------------


def test_help_documents_every_exit_status(duckrow: Duckrow) -> None:
    header = (ROOT / "include" / "duckrow.h").read_text()
    errors = re.findall(r'^    X\((\w+), \d+, "([^"]+)", (\d+), "\w+"\)', header, re.MULTILINE)
    assert len(errors) > 15
    lines = duckrow("--help").text.splitlines()
    for name, message, status in errors:
        assert f"  {status:>3}  {message} ({name})" in lines


@pytest.mark.parametrize(
    "command", ["sql", "status", "hold", "publish", "path", "copy", "upgrade", "doctor", "config", "staging", "version"]
)
def test_each_command_explains_itself(duckrow: Duckrow, command: str) -> None:
    text = duckrow(command, "--help").text
    assert text.startswith(f"usage: duckrow {command}")
    named = set(re.findall(r"--[a-z]+", text.splitlines()[0]))
    assert named and all(f"\n  {option}" in text for option in named)


def test_settings_are_shown_and_set(filled: Duckrow) -> None:
    standard = filled("config", filled.db).text
    assert standard.startswith("max_slots = 3\nsnapshots = on\ningest = on\ningest_interval = 1s\n")
    assert "ingest_files = 4096\ningest_bytes = 1GiB\n" in standard and standard.endswith("ingest_keep = off\n")
    assert filled("config", filled.db, "max_slots", "5").text == ""
    assert filled("config", filled.db, "max_slots").text == "5\n"
    filled("config", filled.db, "ingest_keep", "168h")
    assert json.loads(filled("config", "--json", filled.db).text) == {
        "max_slots": 5,
        "snapshots": True,
        "ingest": True,
        "ingest_interval": "1s",
        "ingest_files": 4096,
        "ingest_bytes": 1 << 30,
        "ingest_create": False,
        "ingest_add_columns": False,
        "ingest_keep": "7d",
    }
    assert "10ms or more, such as 1s, not 1ms" in filled("config", filled.db, "ingest_interval", "1ms", status=64).line()
    assert filled("config", filled.db, "max_slots", "1", status=64).line() == "max_slots is a number from 2 to 32, not 1"
    assert "no setting size" in filled("config", filled.db, "size", status=64).line()
    assert "unexpected argument" in filled("config", filled.db, "max_slots", "4", "5", status=64).line()
    assert "does not exist" in filled("config", "missing.duckdb", status=66).line()


def test_snapshots_can_be_switched_off(filled: Duckrow) -> None:
    filled("config", filled.db, "snapshots", "off")
    assert filled.read("SELECT count(*) FROM t") == [["2"]]
    filled.write("INSERT INTO t VALUES (3, 'three')")
    assert filled.read("SELECT count(*) FROM t") == [["3"]]
    assert "snapshots on" in filled("path", filled.db, status=75).line()
    text = filled("status", filled.db).text
    assert "snapshot   off" in text and "snapshots = off" in text
    filled("config", filled.db, "snapshots", "on")
    assert filled("path", filled.db).text.strip().endswith("core.read.duckdb")
    assert filled.read("SELECT count(*) FROM t") == [["3"]]
    assert re.search(r"disk +.* 1 slot of .*; max_slots = 3, snapshots = on", filled("status", filled.db).text)


def test_version(duckrow: Duckrow) -> None:
    told = json.loads(duckrow("version", "--json").text)
    assert re.fullmatch(r"\d+\.\d+\.\d+", told["version"])
    assert told["engine"]["version"] == f"v{duckrow.version}" and Path(told["engine"]["path"]).exists()
    assert f"DuckDB v{duckrow.version}" in duckrow("version").text


def test_version_without_an_engine_is_an_answer(duckrow: Duckrow) -> None:
    told = json.loads(duckrow("version", "--json", "--engine", "/nowhere/libduckdb.so").text)
    assert told["engine"] is None and "/nowhere/libduckdb.so" in told["reason"] and "pip install" in told["reason"]


# ---- formats ----------------------------------------------------------------------------------------------------------

# An expression, and what JSON has for it; the other formats are compared with what Python's DuckDB makes of the same.
TYPES = {
    "boolean": ("true", True),
    "tinyint": ("(-128)::TINYINT", -128),
    "smallint": ("32767::SMALLINT", 32767),
    "integer": ("(-2147483648)::INTEGER", -2147483648),
    "bigint": ("9223372036854775807", 9223372036854775807),
    "hugeint": ("170141183460469231731687303715884105727::HUGEINT", 170141183460469231731687303715884105727),
    "utinyint": ("255::UTINYINT", 255),
    "usmallint": ("65535::USMALLINT", 65535),
    "uinteger": ("4294967295::UINTEGER", 4294967295),
    "ubigint": ("18446744073709551615::UBIGINT", 18446744073709551615),
    "uhugeint": ("340282366920938463463374607431768211455::UHUGEINT", 340282366920938463463374607431768211455),
    "float": ("0.1::FLOAT", 0.1),
    "double": ("1e300::DOUBLE", 1e300),
    "decimal": ("1.10::DECIMAL(4,2)", 1.1),
    "wide_decimal": ("1234567890123456789.5::DECIMAL(38,1)", 1234567890123456789.5),
    "varchar": ("'Käse \"x\", y'", 'Käse "x", y'),
    "blob": (r"'\x00\xFFa'::BLOB", r"\x00\xFFa"),
    "bit": ("'0101'::BIT", "0101"),
    "uuid": ("'00112233-4455-6677-8899-aabbccddeeff'::UUID", "00112233-4455-6677-8899-aabbccddeeff"),
    "date": ("DATE '2024-02-29'", "2024-02-29"),
    "time": ("TIME '23:59:59.123456'", "23:59:59.123456"),
    "timestamp": ("TIMESTAMP '1969-12-31 23:59:59.5'", "1969-12-31 23:59:59.5"),
    "timestamp_s": ("TIMESTAMP_S '2024-01-01 00:00:01'", "2024-01-01 00:00:01"),
    "timestamp_ms": ("TIMESTAMP_MS '2024-01-01 00:00:01.123'", "2024-01-01 00:00:01.123"),
    "timestamp_ns": ("TIMESTAMP_NS '2024-01-01 00:00:01.123456789'", "2024-01-01 00:00:01.123456789"),
    "timestamptz": ("TIMESTAMPTZ '2024-01-01 00:00:00+00'", "2024-01-01 00:00:00+00"),
    "timetz": ("TIMETZ '01:02:03+02'", "01:02:03+02"),
    "interval": ("INTERVAL '1 month 2 days 3 seconds'", "1 month 2 days 00:00:03"),
    "enumeration": ("'b'::ENUM ('a', 'b')", "b"),
    "list": ("[1, NULL, 3]", [1, None, 3]),
    "nested_list": ("[['a'], [], NULL]", [["a"], [], None]),
    "array": ("[1, 2, 3]::INTEGER[3]", [1, 2, 3]),
    "struct": ("{'a': 1, 'b': {'c': [true]}}", {"a": 1, "b": {"c": [True]}}),
    "map": ("MAP {'k': 1, 'l': NULL}", {"k": 1, "l": None}),
    "union_type": ("union_value(num := 7)", {"num": 7}),
    "enum_list": ("['b', 'a']::ENUM ('a', 'b')[]", ["b", "a"]),
    "json_value": ("""'{"x": [1, 2]}'::JSON""", {"x": [1, 2]}),
}
# What Parquet can't hold, or DuckDB's Parquet writer turns into something else.
NOT_IN_PARQUET = {"bit", "union_type", "hugeint", "uhugeint", "timetz", "interval", "json_value", "array"}


def every_type(names=TYPES) -> str:
    """A row of values and a row of NULL."""
    columns = ", ".join(f'{TYPES[name][0]} AS "{name}"' for name in names)
    nulls = ", ".join("NULL" for _ in names)
    return f"SELECT * FROM (SELECT {columns} UNION ALL SELECT {nulls}) ORDER BY {next(iter(names))} IS NULL"


def reference() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    return con


UTC = "SET TimeZone = 'UTC'; "


def test_csv_of_every_type(filled: Duckrow) -> None:
    text = filled("sql", "--format", "csv", filled.db, UTC + every_type()).text
    rows = list(csv.reader(io.StringIO(text)))
    expected = reference().execute(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({every_type()})").fetchone()
    assert rows == [list(TYPES), list(expected), [""] * len(TYPES)]


def test_json_of_every_type(filled: Duckrow) -> None:
    text = filled("sql", "--format", "json", filled.db, UTC + every_type()).text
    rows = json.loads(text)
    assert rows == [{name: value for name, (_, value) in TYPES.items()}, dict.fromkeys(TYPES)]
    assert '"decimal":1.10,' in text and '"float":0.1,' in text, "digits were lost"


def test_arrow_of_every_type(filled: Duckrow) -> None:
    read = pyarrow.ipc.open_stream(filled("sql", "--format", "arrow", filled.db, UTC + every_type()).out).read_all()
    read.validate()
    expected = reference().sql(every_type()).to_arrow_table()
    assert read.schema.equals(expected.schema, check_metadata=True)
    assert read.to_pylist() == expected.to_pylist()


def test_parquet_of_every_type(filled: Duckrow) -> None:
    names = {name: None for name in TYPES if name not in NOT_IN_PARQUET}
    filled("sql", "--format", "parquet", "--output", "types.parquet", filled.db, UTC + every_type(names))
    con = reference()
    as_text = "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM"
    expected = con.execute(f"{as_text} ({every_type(names)})").fetchall()
    assert con.execute(f"{as_text} '{filled.folder}/types.parquet'").fetchall() == expected


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT range AS i, CASE WHEN range % 3 > 0 THEN 's' || range END AS s FROM range(10000)",
        "SELECT CASE WHEN range % 2 = 0 THEN 'x' END::ENUM ('y', 'x') AS e, [range, NULL] AS l FROM range(5000)",
        "SELECT 1 AS a, 'x' AS b WHERE false",
        "SELECT 'x'::ENUM ('x') AS e WHERE false",
        "SELECT {'a': range, 'b': [range::VARCHAR]} AS s FROM range(4096) WHERE range % 2 = 0",
        "SELECT CASE WHEN range % 2 = 0 THEN union_value(i := range) END AS u FROM range(3000)",
        "SELECT [range, range]::BIGINT[2] AS a FROM range(3000)",
        "SELECT list(range) AS l FROM range(10000)",
    ],
)
def test_arrow_batches(filled: Duckrow, sql: str) -> None:
    stream = pyarrow.ipc.open_stream(filled("sql", "--format", "arrow", filled.db, sql).out)
    batches = list(stream)
    expected = reference().sql(sql).to_arrow_table()
    assert stream.schema.equals(expected.schema, check_metadata=True)
    assert [row for batch in batches for row in batch.to_pylist()] == expected.to_pylist()
    assert len(batches) > 1 or expected.num_rows <= 2048


@pytest.mark.parametrize(
    "setting",
    ["produce_arrow_string_view = true", "arrow_large_buffer_size = true", "arrow_output_list_view = true"],
)
def test_arrow_in_the_forms_that_settings_ask_for(filled: Duckrow, setting: str) -> None:
    sql = "SELECT repeat('long string ', range % 40) AS s, 'x' || range AS t, [range] AS l, ''::BLOB AS b FROM range(3000)"
    read = pyarrow.ipc.open_stream(filled("sql", "--format", "arrow", filled.db, f"SET {setting}; {sql}").out).read_all()
    read.validate(full=True)
    con = reference()
    con.execute(f"SET {setting}")
    expected = con.sql(sql).to_arrow_table()
    assert read.schema.equals(expected.schema) and read.to_pylist() == expected.to_pylist()


def test_csv_quotes_what_needs_it(filled: Duckrow) -> None:
    sql = """SELECT 'a,b' AS "q""q", 'two\nlines' AS x, '' AS empty, NULL AS "null", 'plain' AS p"""
    assert (
        filled("sql", "--format", "csv", filled.db, sql).text
        == 'q""q,x,empty,null,p\n'.replace('q""q', '"q""q"') + '"a,b","two\nlines","",,plain\n'
    )


def test_several_results_follow_each_other(filled: Duckrow) -> None:
    sql = "SELECT 1 AS a; CREATE TEMP TABLE x AS SELECT 2 AS b; FROM x; SELECT 3 AS c WHERE false"
    assert filled("sql", "--format", "csv", filled.db, sql).text == "a\n1\n\nb\n2\n\nc\n"
    text = filled("sql", "--format", "json", filled.db, sql).text
    assert [json.loads(line) for line in text.splitlines()] == [[{"a": 1}], [{"b": 2}], []]
    table = filled("sql", filled.db, "SELECT 1 AS a; SELECT 2 AS b").text
    assert table == " a\n---\n 1\n(1 row)\n\n b\n---\n 2\n(1 row)\n"


def test_json_of_what_json_has_no_word_for(filled: Duckrow) -> None:
    sql = """SELECT 'nan'::DOUBLE AS a, [1.5, '-inf'::DOUBLE] AS b, 'inf'::FLOAT AS c, 'NaN inf "' AS d, {'x': 'nan'::FLOAT} AS e,
             1 AS "q""\n", 1 AS a, 2 AS a"""
    (row,) = json.loads(filled("sql", "--format", "json", filled.db, sql).text)
    assert row == {
        "a": "NaN",
        "b": [1.5, "-Infinity"],
        "c": "Infinity",
        "d": 'NaN inf "',
        "e": {"x": "NaN"},
        'q"\n': 1,
        "a_1": 1,
        "a_2": 2,
    }


def test_parquet_of_columns_of_one_name(filled: Duckrow) -> None:
    out = filled("sql", "--format", "parquet", filled.db, "SELECT 1 AS a, 2 AS a, 3 AS A").out
    assert pyarrow.parquet.read_table(io.BytesIO(out)).to_pylist() == [{"a": 1, "a_1": 2, "A_2": 3}]


def test_table_is_for_people(filled: Duckrow) -> None:
    sql = "SELECT 10 AS n, 'NULL' AS word, NULL AS nothing, 'a\nb\t\x1b[31m' AS control, '表' AS wide UNION ALL SELECT 9, '', '', '', ''"  # noqa: E501
    lines = filled("sql", filled.db, sql).text.splitlines()
    assert lines[0].split("|")[0] == "  n " and lines[1].startswith("----+-")
    assert lines[2] == " 10 | 'NULL' | NULL    | a\\nb\\t\\x1b[31m | 表"
    assert lines[3].startswith("  9 |        |         |")
    assert lines[4] == "(2 rows)"


def test_table_of_more_rows_than_it_looks_at(filled: Duckrow) -> None:
    lines = filled(
        "sql", filled.db, "SELECT CASE WHEN range < 1500 THEN 1 ELSE 100000 END AS x, range AS y FROM range(5000)"
    ).text.splitlines()
    assert len(lines) == 5003 and lines[-1] == "(5000 rows)"
    assert [int(line.split("|")[1]) for line in lines[2:-1]] == list(range(5000))


def test_changed_rows_are_counted(filled: Duckrow) -> None:
    ended = filled.write("INSERT INTO t VALUES (3, ''), (4, ''); DELETE FROM t WHERE i = 1")
    assert ended.text == "(2 rows changed)\n(1 row changed)\n"
    assert filled("sql", "--write", "--format", "json", filled.db, "DELETE FROM t").text == ""


def test_time_zone_of_the_session(filled: Duckrow) -> None:
    sql = "SET TimeZone = 'Asia/Tokyo'; SELECT TIMESTAMPTZ '2024-01-01 00:00:00+00'"
    assert filled.read(sql) == [["2024-01-01 09:00:00+09"]]


def test_an_error_in_the_middle_of_a_result(filled: Duckrow) -> None:
    sql = "SELECT CASE WHEN range = 900000 THEN error('boom') ELSE range END FROM range(1000000)"
    for kind in ("table", "csv", "json", "parquet", "arrow"):
        line = filled("sql", "--format", kind, filled.db, sql, status=1).line()
        assert line.endswith("boom") and line.count("Error") == 1


# ---- reading and writing ----------------------------------------------------------------------------------------------


def test_looks_like_a_stock_open(filled: Duckrow) -> None:
    sql = "SELECT current_database(), current_schema(), (SELECT count(*) FROM core.main.t), (SELECT string_agg(database_name, ',') "
    sql += "FROM duckdb_databases() WHERE NOT internal)"
    assert filled.read(sql) == [["core", "main", "2", "core"]]
    ended = filled("sql", "--write", "--format", "csv", filled.db, sql)
    assert ended.text.splitlines()[1] == "core,main,2,core"


@pytest.mark.parametrize("name", ["it's", 'dou"ble', "memory", "main", "temp", "a b.c", "ümlaut", "semi;colon", "-dash"])
def test_names_that_need_care(duckrow: Duckrow, name: str) -> None:
    db = duckrow.folder / f"{name}.duckdb"
    duckrow("sql", "--write", db, "CREATE TABLE t AS SELECT 42 AS i")
    assert duckrow("sql", "--format", "csv", db, "SELECT i FROM t").text == "i\n42\n"
    assert duckrow("sql", "--write", "--format", "csv", db, "SELECT i FROM t").text == "i\n42\n"


def test_a_question_mark_in_a_path_is_refused(duckrow: Duckrow) -> None:
    """DuckDB would keep the WAL of such a file under another name than the file's."""
    line = duckrow("sql", "--write", "what?.duckdb", "CREATE TABLE t (i INTEGER)", status=78).line()
    assert "?" in line and not (duckrow.folder / "what?.duckdb").exists()


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t VALUES (3, '')",
        "UPDATE t SET i = 3",
        "DELETE FROM t",
        "CREATE TABLE u (i INTEGER)",
        "DROP TABLE t",
        "ALTER TABLE t ADD COLUMN j INTEGER",
        "BEGIN; INSERT INTO t VALUES (3, '')",
        "WITH x AS (SELECT 3 AS i) INSERT INTO t SELECT i, '' FROM x",
    ],
)
def test_writing_needs_write(filled: Duckrow, sql: str) -> None:
    before = filled.db.read_bytes()
    line = filled("sql", filled.db, sql, status=1).line()
    assert "add --write" in line and "core" in line
    assert filled.db.read_bytes() == before


def test_no_hint_where_it_would_not_help(filled: Duckrow) -> None:
    assert "--write" not in filled("sql", filled.db, "SELECT error('read-only mode')", status=1).line()
    assert "--write" not in filled("sql", filled.db, "SELECT * FROM missing", status=1).line()


@pytest.mark.parametrize("failing", ["SELECT error('missing')", "SELECT * FROM missing", "INSERT INTO t VALUES ('missing', '')"])
def test_an_error_rolls_back_the_transaction_and_no_more(filled: Duckrow, failing: str) -> None:
    sql = f"INSERT INTO t VALUES (3, ''); BEGIN; INSERT INTO t VALUES (4, ''); {failing}; INSERT INTO t VALUES (5, '')"
    assert "missing" in filled.write(sql, status=1).line()
    assert filled.read("SELECT i FROM t ORDER BY i") == [["1"], ["2"], ["3"]]


def test_an_open_transaction_is_committed_at_the_end(filled: Duckrow) -> None:
    filled.write("BEGIN; INSERT INTO t VALUES (3, '')")
    assert filled.read("SELECT count(*) FROM t") == [["3"]]
    filled.write("BEGIN; DELETE FROM t; ROLLBACK")
    assert filled.read("SELECT count(*) FROM t") == [["3"]]


def test_a_parse_error_runs_nothing(filled: Duckrow) -> None:
    line = filled.write("INSERT INTO t VALUES (3, ''); SELEC 1", status=1).line()
    assert "syntax error" in line and "LINE" not in line
    assert filled.read("SELECT count(*) FROM t") == [["2"]]


def test_sql_from_standard_input_and_from_a_file(filled: Duckrow) -> None:
    assert filled("sql", "--format", "csv", filled.db, stdin=b"SELECT 1 AS a").text == "a\n1\n"
    (filled.folder / "q.sql").write_text("-- a comment\nSELECT 2 AS a;\n")
    assert filled("sql", "--format", "csv", "--file", "q.sql", filled.db).text == "a\n2\n"
    assert filled("sql", "--format", "csv", filled.db, "-- a comment\nSELECT 3 AS a").text == "a\n3\n"
    assert filled("sql", filled.db, "").out == b""
    filled("sql", filled.db, stdin=b"SELECT 1\0", status=64)


def test_a_new_database_can_be_read_by_both_lines(duckrow: Duckrow) -> None:
    duckrow.write("CREATE TABLE t AS SELECT 1 AS i")
    for version in PROGRAMS:
        assert of_engine(version, duckrow.folder).read("FROM t") == [["1"]]


def test_readers_see_a_commit_that_a_writer_without_duckrow_made(filled: Duckrow) -> None:
    filled.read("FROM t")
    for i in range(3):
        stock(filled, f"con.execute(\"INSERT INTO t VALUES ({10 + i}, '')\")")
        assert filled.read("SELECT count(*) FROM t") == [[str(3 + i)]]
        assert json.loads(filled("status", "--json", filled.db).text)["fresh"], "reading made the snapshot new"


def test_a_program_that_only_reads_the_file_is_in_no_reader_s_way(filled: Duckrow) -> None:
    """The snapshot is stale and can't be made anew, so the file is shared."""
    stock(filled, "con.execute(\"INSERT INTO t VALUES (3, '')\")")
    script = f"import duckdb; con = duckdb.connect({str(filled.db)!r}, read_only=True); print('in', flush=True); input()"
    argv = [sys.executable, "-c", script]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout.readline() == "in\n"
        began = time.monotonic()
        assert filled.read("SELECT count(*) FROM t") == [["3"]]
        assert time.monotonic() - began < 5
        line = filled("sql", "--write", "--timeout", "300ms", filled.db, "DELETE FROM t", status=75).line()
        assert str(reader.pid) in line and "without duckrow" in line
        reader.communicate("\n", timeout=30)


def test_reading_does_not_wait_for_a_writer(filled: Duckrow) -> None:
    script = f"import duckdb; c = duckdb.connect({str(filled.db)!r}); c.execute('BEGIN'); c.execute('DELETE FROM t')"
    script += "; print('in', flush=True); input()"
    holder = filled.start("hold", filled.db, "--", sys.executable, "-c", script, stdin=subprocess.PIPE)
    assert holder.stdout.readline() == "in\n"
    began = time.monotonic()
    assert filled.read("SELECT count(*) FROM t") == [["2"]]
    assert time.monotonic() - began < 5
    holder.communicate("\n", timeout=30)


def test_busy_names_the_holder_and_waits_as_long_as_it_is_told(filled: Duckrow) -> None:
    holder = filled.start("hold", filled.db, "--", "sh", "-c", "echo in; read x", stdin=subprocess.PIPE)
    assert holder.stdout.readline() == "in\n"
    for arguments in (
        ["--timeout", "300ms", filled.db, "SELECT 1"],
        [filled.db, "PRAGMA busy_timeout = 300; SELECT 1"],
        [filled.db, "/* first */ SET SESSION busy_timeout TO 300; SELECT 1"],
    ):
        began = time.monotonic()
        line = filled("sql", "--write", *arguments, status=75).line()
        assert 0.3 <= time.monotonic() - began < 3
        assert str(holder.pid) in line and "hold" in line
    holder.communicate("\n", timeout=30)


def test_busy_timeout_is_an_option_of_sql(filled: Duckrow) -> None:
    assert filled.read("SELECT current_setting('busy_timeout')") == [["10000"]]
    assert filled.read("PRAGMA busy_timeout = 5000; SELECT current_setting('busy_timeout')") == [["5000"]]
    assert (
        filled("sql", "--timeout", "1.5", "--format", "csv", filled.db, "SELECT current_setting('busy_timeout') AS b").text
        == "b\n1500\n"
    )
    assert "busy_timeout" in filled("sql", filled.db, "SET busy_timeout = -1", status=1).line()


def test_a_closed_standard_output_is_no_door_to_the_database(filled: Duckrow) -> None:
    before = filled.db.read_bytes()
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        script = f'exec "$0" sql --write --format csv "$1" "FROM t" {closed}'
        subprocess.run(["sh", "-c", script, filled.program, filled.db], env=filled.env, capture_output=True, timeout=60)
    assert filled.db.read_bytes() == before
    assert filled.read("SELECT count(*) FROM t") == [["2"]]


def test_output_that_cannot_be_written(filled: Duckrow) -> None:
    with open("/dev/full", "wb") as full:
        argv = [filled.program, "sql", filled.db, "FROM t"]
        ended = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, env=filled.env, text=True, timeout=60)
    assert ended.returncode == 73 and "No space left" in ended.stderr


@pytest.mark.parametrize("kind", ["table", "csv", "json", "parquet", "arrow"])
def test_a_broken_pipe_ends_quietly(filled: Duckrow, kind: str) -> None:
    query = "SELECT range AS i, 'some text' AS s FROM range(2000000)"
    running = filled.start("sql", "--format", kind, filled.db, query, text=False)
    running.stdout.read(10)
    running.stdout.close()
    assert running.stderr.read() == b""
    assert running.wait(60) == 128 + signal.SIGPIPE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_statement(filled: Duckrow, number: signal.Signals) -> None:
    query = "SELECT 1; SELECT count(*) FROM range(100000000) a, range(1000) b WHERE a.range % 7 = b.range % 11"
    running = filled.start("sql", "--output", "out.csv", "--format", "csv", filled.db, query)
    wait_until(lambda: list(filled.folder.glob("out.csv*")), what="the temporary file")
    time.sleep(0.3)
    running.send_signal(number)
    _, errors = running.communicate(timeout=20)
    assert running.returncode == 128 + number and errors.count("\n") == 1
    assert not list(filled.folder.glob("out.csv*"))


# ---- files of results -------------------------------------------------------------------------------------------------


def test_output_appears_whole_or_not_at_all(filled: Duckrow) -> None:
    out = filled.folder / "out.csv"
    for kind in ("csv", "json", "table", "parquet", "arrow"):
        sql = "SELECT CASE WHEN range = 900000 THEN error('boom') ELSE range END FROM range(1000000)"
        filled("sql", "--format", kind, "--output", out, filled.db, sql, status=1)
        assert not list(filled.folder.glob("out.csv*")), kind
    out.write_text("old")
    out.chmod(0o640)
    filled("sql", "--format", "csv", "--output", out, filled.db, "SELECT 1; SELECT error('boom')", status=1)
    assert out.read_text() == "old" and list(filled.folder.glob("out.csv*")) == [out]
    filled("sql", "--format", "csv", "--output", out, filled.db, "SELECT 1 AS a; SELECT 2 AS b")
    assert out.read_text() == "a\n1\n\nb\n2\n" and stat.S_IMODE(out.stat().st_mode) == 0o640


def test_output_follows_a_link_and_uses_what_is_no_file(filled: Duckrow) -> None:
    (filled.folder / "real.csv").write_text("old")
    (filled.folder / "link.csv").symlink_to("real.csv")
    filled("sql", "--format", "csv", "--output", "link.csv", filled.db, "SELECT 1 AS a")
    assert (filled.folder / "link.csv").is_symlink() and (filled.folder / "real.csv").read_text() == "a\n1\n"
    filled("sql", "--format", "parquet", "--output", "/dev/null", filled.db, "SELECT 1 AS a")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert filled("sql", "--format", "csv", "--output", "-", filled.db, "SELECT 1 AS a").text == "a\n1\n"
    filled("sql", "--output", filled.folder, filled.db, "SELECT 1", status=64)
    filled("sql", "--output", "missing/out.csv", filled.db, "SELECT 1", status=66)


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_formats_of_one_result(filled: Duckrow, kind: str) -> None:
    for sql in ("SELECT 1; SELECT 2", "CREATE TEMP TABLE x (i INTEGER)"):
        assert "one result" in filled("sql", "--format", kind, "--output", "o", filled.db, sql, status=64).line()
        assert not (filled.folder / "o").exists()


# ---- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ([], 64, "--help"),
        (["frob"], 64, "frob"),
        (["--frob"], 64, "--frob"),
        (["sql"], 64, "no database"),
        (["sql", "core.duckdb", "--frob", "SELECT 1"], 64, "--frob"),
        (["status", "--write", "core.duckdb"], 64, "--write"),
        (["sql", "core.duckdb", "SELECT 1", "SELECT 2"], 64, "SELECT 2"),
        (["sql", "--format", "xml", "core.duckdb", "SELECT 1"], 64, "table, csv, json, parquet, arrow"),
        (["sql", "--format"], 64, "--format"),
        (["sql", "--write=yes", "core.duckdb", ""], 64, "--write"),
        (["sql", "--timeout", "-1", "core.duckdb", "SELECT 1"], 64, "negative"),
        (["sql", "--timeout=-1s", "core.duckdb", "SELECT 1"], 64, "negative"),
        (["sql", "--timeout", "soon", "core.duckdb", "SELECT 1"], 64, "soon"),
        (["sql", "--timeout", "", "core.duckdb", "SELECT 1"], 64, "--timeout"),
        (["sql", "--timeout", "1e3", "core.duckdb", "SELECT 1"], 64, "1e3"),
        (["hold", "core.duckdb"], 64, "no command"),
        (["hold", "core.duckdb", "ls"], 64, "--"),
        (["sql", "missing.duckdb", "SELECT 1"], 66, "missing.duckdb"),
        (["status", "missing.duckdb"], 66, "missing.duckdb"),
        (["path", "missing.duckdb"], 66, "missing.duckdb"),
        (["publish", "missing.duckdb"], 66, "missing.duckdb"),
        (["sql", "--write", "missing/core.duckdb", "SELECT 1"], 66, "missing"),
        (["sql", ".", "SELECT 1"], 65, "folder"),
        (["sql", "text.txt", "SELECT 1"], 65, "text.txt"),
        (["sql", "--write", "text.txt", "SELECT 1"], 65, "text.txt"),
        (["sql", "--write", "a" * 300, "SELECT 1"], 64, "too long"),
        (["sql", "--file", "missing.sql", "core.duckdb"], 66, "missing.sql"),
        (["sql", "--engine", "/nowhere/libduckdb.so", "core.duckdb", "SELECT 1"], 69, "/nowhere/libduckdb.so"),
        (["sql", "--engine", "text.txt", "core.duckdb", "SELECT 1"], 69, "text.txt"),
    ],
)
def test_bad_input(filled: Duckrow, arguments: list[str], status: int, words: str) -> None:
    (filled.folder / "text.txt").write_text("This is not a database.\n" * 2000)
    assert words in filled(*arguments, status=status).line()
    assert not (filled.folder / "missing.duckdb").exists()


def test_a_file_of_a_newer_storage_version(engine_pythons: dict[str, Path], tmp_path: Path) -> None:
    old, new = (of_engine(version, tmp_path) for version in ("1.5.6", "2.0.0"))
    new.write(f"ATTACH '{tmp_path}/new.duckdb' AS n (STORAGE_VERSION 'latest'); CREATE TABLE n.t AS SELECT 1")
    for command in (["sql", "new.duckdb", "FROM t"], ["sql", "--write", "new.duckdb", "FROM t"], ["publish", "new.duckdb"]):
        assert "newer" in old(*command, status=78).line()


@pytest.fixture
def in_the_open(duckrow: Duckrow) -> Iterator[Duckrow]:
    """In a folder that other users can reach; pytest's own are closed to them."""
    if os.geteuid() != 0:
        pytest.skip("takes another user")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        opened = dataclasses.replace(duckrow, folder=Path(folder).resolve())
        try:
            told = json.loads(as_nobody(opened, "version", "--json").text)
        except PermissionError:
            pytest.skip(f"{duckrow.program} is closed to others")
        if not told["engine"]:
            pytest.skip(told["reason"])
        opened.write("CREATE TABLE t (i INTEGER, s VARCHAR); INSERT INTO t VALUES (1, 'one'), (2, NULL)")
        yield opened


def as_nobody(duckrow: Duckrow, *arguments: object, status: int = 0) -> Ended:
    return duckrow(*arguments, status=status, user=NOBODY, group=NOBODY, extra_groups=[])


def test_files_that_may_not_be_read_or_written(in_the_open: Duckrow) -> None:
    duckrow = in_the_open
    assert "one" in as_nobody(duckrow, "sql", duckrow.db, "FROM t").text
    as_nobody(duckrow, "sql", "--write", duckrow.db, "DELETE FROM t", status=77).line()
    as_nobody(duckrow, "hold", duckrow.db, "--", "true", status=77).line()
    duckrow.db.chmod(0o600)
    for command in (["sql", duckrow.db, "FROM t"], ["status", duckrow.db], ["path", duckrow.db]):
        as_nobody(duckrow, *command, status=77).line()
    assert duckrow.read("SELECT count(*) FROM t") == [["2"]]


def test_a_folder_that_may_not_be_written(in_the_open: Duckrow) -> None:
    """No snapshot can be made, so readers share a turn."""
    duckrow = in_the_open
    other = duckrow.folder / "other.duckdb"
    other.write_bytes(duckrow.db.read_bytes())
    assert "one" in as_nobody(duckrow, "sql", other, "FROM t").text
    as_nobody(duckrow, "path", other, status=77).line()
    as_nobody(duckrow, "sql", "--write", "new.duckdb", "SELECT 1", status=77).line()


# ---- status, publish, path --------------------------------------------------------------------------------------------


def test_path_is_what_stock_tools_open(filled: Duckrow) -> None:
    path = filled("path", filled.db).text.rstrip("\n")
    assert path == str(filled.folder / "core.read.duckdb")
    code = f"import duckdb; print(duckdb.connect({path!r}, read_only=True).execute('SELECT count(*) FROM t').fetchone())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "(2,)\n"


def test_path_makes_the_snapshot_first(duckrow: Duckrow) -> None:
    duckrow.write("CREATE TABLE t AS SELECT 1 AS i")
    shutil.rmtree(f"{duckrow.db}.duckrow")
    (duckrow.folder / "core.read.duckdb").unlink()
    path = duckrow("path", duckrow.db).text.rstrip("\n")
    assert Path(path).exists()


def test_a_missing_link_is_made_again(filled: Duckrow) -> None:
    link = filled.folder / "core.read.duckdb"
    for command in (["path", filled.db], ["publish", filled.db], ["sql", "--write", filled.db, "INSERT INTO t VALUES (3, '')"]):
        link.unlink()
        filled(*command)
        assert link.exists(), command
    link.unlink()
    link.write_text("the user's own")
    filled("publish", filled.db)
    assert link.read_text() == "the user's own"


def test_publish_says_what_it_did(filled: Duckrow) -> None:
    again = json.loads(filled("publish", "--json", filled.db).text)
    assert set(again) == {"generation", "sequence", "rotated", "checkpoint", "reason", "bytes", "compared", "copied"}
    stock(filled, "con.execute('CREATE TABLE u AS SELECT range AS i FROM range(100000)')")
    first = json.loads(filled("publish", "--json", filled.db).text)
    assert first["sequence"] > again["sequence"] and first["bytes"] > 0
    assert re.match(r"generation \d+, sequence \d+: ", filled("publish", filled.db).text)


def test_status(filled: Duckrow) -> None:
    told = json.loads(filled("status", "--json", filled.db).text)
    assert told["exists"] and told["fresh"] and not told["held"] and told["path"] == str(filled.db)
    text = filled("status", filled.db).text
    assert "turn       free\n" in text and "snapshot   fresh, generation" in text
    holder = filled.start("hold", filled.db, "--", "sh", "-c", "echo in; read x", stdin=subprocess.PIPE)
    assert holder.stdout.readline() == "in\n"
    waiting = filled.start("sql", "--write", filled.db, "SELECT 1")
    wait_until(lambda: json.loads(filled("status", "--json", filled.db).text)["waiting"] == 1)
    text = filled("status", filled.db).text
    assert re.search(rf"turn       held by {holder.pid} \(.*hold.*\), hold, for \d", text)
    assert re.search(rf"waiting    {waiting.pid} \(.*\), write, for \d", text)
    holder.communicate("\n", timeout=30)
    waiting.communicate(timeout=30)
    assert waiting.returncode == 0


# ---- hold -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("kill -KILL $$", 137), ("kill -INT $$", 130)]
)
def test_hold_ends_as_its_command(filled: Duckrow, script: str, status: int) -> None:
    assert filled("hold", filled.db, "--", "sh", "-c", script, status=status).err == ""


def test_hold_of_what_cannot_be_run(filled: Duckrow) -> None:
    assert "nosuchcommand" in filled("hold", filled.db, "--", "nosuchcommand", status=127).line()
    (filled.folder / "plain").write_text("text")
    assert "plain" in filled("hold", filled.db, "--", "./plain", status=126).line()


def test_hold_publishes_what_its_command_wrote(filled: Duckrow) -> None:
    code = f"import duckdb; duckdb.connect({str(filled.db)!r}).execute(\"INSERT INTO t VALUES (3, '')\")"
    filled("hold", filled.db, "--", sys.executable, "-c", code)
    assert json.loads(filled("status", "--json", filled.db).text)["fresh"]
    assert filled.read("SELECT count(*) FROM t") == [["3"]]


def test_hold_lets_its_command_make_the_database(duckrow: Duckrow) -> None:
    code = f"import duckdb; duckdb.connect({str(duckrow.db)!r}).execute('CREATE TABLE t AS SELECT 1 AS i')"
    duckrow("hold", duckrow.db, "--", sys.executable, "-c", code)
    if duckrow.version == duckdb.__version__ or duckdb.__version__ < duckrow.version:
        assert duckrow.read("FROM t") == [["1"]]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1])
def test_hold_passes_signals_on(filled: Duckrow, number: signal.Signals) -> None:
    name = number.name[3:]
    script = f"trap 'echo got {name}; exit 5' {name}; echo in; while :; do sleep 0.05; done"
    holder = filled.start("hold", filled.db, "--", "sh", "-c", script, start_new_session=True)
    assert holder.stdout.readline() == "in\n"
    holder.send_signal(number)
    out, errors = holder.communicate(timeout=20)
    assert (out, errors, holder.returncode) == (f"got {name}\n", "", 5)


def test_a_killed_hold_gives_the_turn_back_and_ends_its_command(filled: Duckrow) -> None:
    script = "trap 'echo ended; exit 0' TERM; echo $$; while :; do sleep 0.05; done"
    holder = filled.start("hold", filled.db, "--", "sh", "-c", script)
    child = int(holder.stdout.readline())
    holder.kill()
    began = time.monotonic()
    filled.write("INSERT INTO t VALUES (3, '')")
    assert time.monotonic() - began < 5
    assert holder.stdout.readline() == "ended\n"
    wait_until(lambda: not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2])
    holder.communicate()


def test_a_signal_ends_a_wait(filled: Duckrow) -> None:
    holder = filled.start("hold", filled.db, "--", "sh", "-c", "echo in; read x", stdin=subprocess.PIPE)
    assert holder.stdout.readline() == "in\n"
    for number in (signal.SIGINT, signal.SIGTERM):
        waiting = filled.start("hold", "--timeout", "30", filled.db, "--", "echo", "ran")
        wait_until(lambda: json.loads(filled("status", "--json", filled.db).text)["waiting"] == 1)
        began = time.monotonic()
        waiting.send_signal(number)
        out, errors = waiting.communicate(timeout=20)
        assert (out, waiting.returncode) == ("", 128 + number) and errors.count("\n") == 1
        assert time.monotonic() - began < 2
    holder.communicate("\n", timeout=30)


def test_the_turn_is_not_inherited(filled: Duckrow) -> None:
    """A program that the command leaves behind has no part in the turn."""
    holder = filled.start("hold", filled.db, "--", "sh", "-c", "sleep 30 >/dev/null 2>&1 & echo $!")
    left = int(holder.stdout.readline())
    assert holder.wait(20) == 0
    try:
        filled("sql", "--write", "--timeout", "2", filled.db, "INSERT INTO t VALUES (3, '')")
    finally:
        os.kill(left, signal.SIGKILL)
