"""Debian's psql, as it is: what people type, scripts, its own commands, ^C; and pgbench where it is installed."""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import subprocess
import termios
import time
from pathlib import Path

import pytest
from support import wait_until
from support.service import Service

from .drivers import EDGES, ENDLESS, FAILURES, make_table

QUIET = ("-q", "-A", "-t")

# What psql shows of the values in EDGES: PostgreSQL's way of saying them, where that isn't DuckDB's.
SHOWN = {
    "bool": ["t", "f"],
    "float4": ["1.5", "-3.4028235e+38", "Infinity"],
    "float8": ["0.1", "1.7976931348623157e+308", "5e-324", "-Infinity", "NaN"],
    "blob": ["\\x", "\\x00ff275c"],
    "interval": ["1 year 2 mons 3 days 04:05:06.789", "-1 days", "00:00:00"],
    "int4[]": ["{}", "{1,NULL,-3}"],
    "varchar[]": ['{"",NULL,a,"b \\"c\\", {d}"}'],
    "float8[]": ["{0.1,NULL,Infinity}"],
    "date[]": ["{2024-02-29,NULL}"],
    "struct": ['{"a":1,"b":"x"}', '{"a":null,"b":null}'],
    "map": ['{"k":1,"l":null}'],
}


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@pytest.mark.parametrize("kind", EDGES)
def test_values_there_and_back(served: Service, table: str, kind: str) -> None:
    sql, written = EDGES[kind]
    script = f"CREATE TABLE {table} (i INTEGER, v {sql});\n"
    script += "".join(f"INSERT INTO {table} VALUES ({i}, {quoted(text)});\n" for i, text in enumerate(written))
    script += f"INSERT INTO {table} VALUES (99, NULL);\n\\pset null (null)\n"
    script += f"COPY {table} TO STDOUT;\nSELECT v FROM {table} ORDER BY i;\n"
    out = served.psql(script=script, options=[*QUIET, "-v", "ON_ERROR_STOP=1"]).stdout
    expected = [*SHOWN.get(kind, written), "(null)"]
    # COPY's lines first: read back they are the same.
    copied = [line.split("\t", 1) for line in out.splitlines()[: len(expected)]]
    assert [i for i, _ in copied] == [*map(str, range(len(written))), "99"]
    assert "\n".join(out.split("\n")[len(expected) :]) == "\n".join(expected) + "\n"
    again = f"CREATE TABLE {table}_again AS FROM {table} LIMIT 0;\nCOPY {table}_again FROM STDIN;\n"
    again += "\n".join("\t".join(line) for line in copied) + "\n\\.\n"
    if kind not in ("int4[]", "varchar[]", "float8[]", "date[]", "struct", "map"):
        again += f"SELECT count(*) FROM {table} a JOIN {table}_again b ON a.i = b.i AND a.v IS NOT DISTINCT FROM b.v;\n"
        assert served.psql(script=again, options=[*QUIET, "-v", "ON_ERROR_STOP=1"]).stdout == f"{len(expected)}\n"


@pytest.mark.one_engine
def test_its_own_commands(served: Service, table: str) -> None:
    served.run(f"CREATE TABLE {table} (i INTEGER PRIMARY KEY, s VARCHAR DEFAULT 'x')", f"CREATE VIEW {table}_v AS FROM {table}")

    def say(command: str) -> str:
        return served.psql(command, options=["-A", "-t"]).stdout

    assert f"main|{table}|table|duckrow\n" in say("\\dt") and f"main|{table}_v|view|duckrow\n" in say("\\dv")
    shown = served.psql(f"\\d {table}", options=["-A"]).stdout
    assert "i|integer||not null|" in shown and "s|text|||'x'" in shown and "PRIMARY KEY" in shown
    assert f"main|{table}_v|view|duckrow\n" in say("\\d")
    assert say("\\dn") == "main|duckrow\n"
    assert 'as user "tester" via socket in' in say("\\conninfo")
    assert say("\\encoding") == "UTF8\n"
    assert f"{table}_v" in say(f"\\sv {table}_v")
    assert say("\\l").split("|")[0] == "core"
    for command in (
        "\\di",
        "\\ds",
        "\\df",
        "\\dT",
        "\\du",
        "\\dp",
        "\\dx",
        "\\d+",
        "\\dt+",
        "\\l+",
        "\\db",
        "\\dD",
        "\\dy",
        "\\dRp",
    ):
        assert "ERROR" not in served.psql(command).stderr, command


def test_variables_gset_and_gexec(served: Service, table: str) -> None:
    script = f"""
        \\set ON_ERROR_STOP on
        \\set name 'it''s'
        CREATE TABLE {table} (s VARCHAR, n INTEGER);
        INSERT INTO {table} VALUES (:'name', 1) RETURNING n AS given \\gset
        INSERT INTO {table} VALUES ('b', :given + 1);
        SELECT 'INSERT INTO {table} VALUES (''c'', ' || n || ')' FROM {table} WHERE n = 2 \\gexec
        SELECT * FROM {table} ORDER BY s \\gx
        SELECT s, n, 'x' AS x FROM {table} ORDER BY s \\crosstabview s n x
        SELECT :ROW_COUNT, :'SERVER_VERSION_NUM', :'SQLSTATE';
    """
    out = served.psql(script=script, options=["-q", "-A", "-t"]).stdout
    assert "s|b\nn|2" in out and "s|it's\nn|1" in out and "3|150000|00000\n" in out


def test_fetch_count_reads_through_a_cursor(served: Service) -> None:
    script = "\\set FETCH_COUNT 100\nSELECT i FROM range(1000) r(i) ORDER BY i;\n"
    assert served.psql(script=script, options=QUIET).stdout.split() == [str(i) for i in range(1000)]


def test_copy_from_and_to_files(served: Service, table: str, tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text('i,s\n1,"a, ""b"""\n2,\n3,"ü\n"\n')
    script = f"""
        CREATE TABLE {table} (i INTEGER, s VARCHAR);
        \\copy {table} FROM '{source}' WITH (FORMAT csv, HEADER)
        \\copy (SELECT * FROM {table} ORDER BY i) TO '{target}' WITH (FORMAT csv, HEADER)
    """
    assert served.psql(script=script, options=["-v", "ON_ERROR_STOP=1"]).stdout == "CREATE TABLE\nCOPY 3\nCOPY 3\n"
    assert target.read_text() == source.read_text()


@pytest.mark.parametrize(("sql", "state"), FAILURES.items())
def test_errors(served: Service, table: str, sql: str, state: str) -> None:
    make_table(served, table)
    script = f"\\set VERBOSITY sqlstate\n{sql.format(table)};\n\\echo :SQLSTATE\nSELECT sum(i) FROM {table};\n"
    ended = served.psql(script=script, options=QUIET)
    assert (ended.stdout, ended.stderr) == (f"{state}\n1\n", f"ERROR:  {state}\n")
    served.psql(sql.format(table), "SELECT 1", options=["-v", "ON_ERROR_STOP=1"], status=1)


def test_transactions(served: Service, table: str) -> None:
    make_table(served, table)
    script = f"""
        BEGIN; INSERT INTO {table} VALUES (2, 1); COMMIT;
        BEGIN; INSERT INTO {table} VALUES (3, 1); ROLLBACK;
        BEGIN; INSERT INTO {table} VALUES (4, 1); INSERT INTO {table} VALUES (2, 1);
        SELECT 'not reached'; COMMIT;
        SELECT count(*) FROM {table};
    """
    ended = served.psql(script=script, options=["-A", "-t"])
    assert ended.stdout.split("\n") == ["BEGIN", "INSERT 0 1", "COMMIT", *("BEGIN", "INSERT 0 1", "ROLLBACK") * 2, "2", ""]
    assert ended.stderr.count("ERROR:") == 2 and "current transaction is aborted" in ended.stderr
    # All commands of -1 are one transaction.
    served.psql(
        script=f"INSERT INTO {table} VALUES (5, 1); INSERT INTO {table} VALUES (2, 1);",
        options=["-1", "-v", "ON_ERROR_STOP=1"],
        status=3,
    )
    assert served.rows(f"SELECT count(*) FROM {table}") == [(2,)]
    notices = served.psql("COMMIT", "BEGIN; BEGIN").stderr
    assert "WARNING:  there is no transaction in progress" in notices and "already a transaction" in notices


def test_interrupted_at_a_terminal(served: Service) -> None:
    """^C cancels the statement; psql, and the session, go on."""
    argv = ["psql", "-X", "-A", "-t", "-n", "-P", "pager=off", "-d", served.address + " dbname=core"]
    controller, terminal = os.openpty()

    def take_terminal() -> None:
        os.setsid()
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)

    psql = subprocess.Popen(argv, stdin=terminal, stdout=terminal, stderr=terminal, preexec_fn=take_terminal)
    os.close(terminal)
    said = ""

    def wait_for(text: str) -> None:
        nonlocal said
        deadline = time.monotonic() + 20
        while text not in said:
            assert time.monotonic() < deadline and select.select([controller], [], [], 20)[0], said
            said += os.read(controller, 4096).decode()
        said = said.partition(text)[2]

    try:
        os.write(controller, b"SELECT pg_backend_pid() > 0 AS x;\n")
        wait_for("t\r\n")
        os.write(controller, ENDLESS.encode() + b";\n")
        wait_for("= 3;")
        time.sleep(0.3)
        os.write(controller, b"\x03")
        wait_for("ERROR:  canceling statement due to user request")
        os.write(controller, b"SELECT 'goes ' || 'on';\n")
        wait_for("goes on")
        os.write(controller, b"\\q\n")
        assert psql.wait(10) == 0
    finally:
        psql.kill()
        psql.wait()
        os.close(controller)


def test_it_says_when_the_service_leaves(serve) -> None:
    service = serve()
    service.expected.append("terminating connection")
    argv = ["psql", "-X", "-q", "-A", "-t", "-d", service.address + " dbname=core"]
    psql = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    psql.stdin.write("SELECT 1;\n")
    psql.stdin.flush()
    assert psql.stdout.readline() == "1\n"
    service.stop()
    ended = psql.communicate("SELECT 2;\n", timeout=20)
    assert "FATAL:  terminating connection due to administrator command" in ended[1] and psql.returncode == 2


PGBENCH = shutil.which("pgbench") or next(map(str, Path("/usr/lib/postgresql").glob("*/bin/pgbench")), None)


@pytest.mark.skipif(PGBENCH is None, reason="Debian's postgresql-15 brings pgbench")
@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_pgbench(served: Service, table: str, tmp_path: Path, mode: str) -> None:
    served.run(f"CREATE TABLE {table} (client INTEGER, n INTEGER, s VARCHAR)")
    script = tmp_path / "script.sql"
    script.write_text(
        f"\\set n random(1, 1000000)\nINSERT INTO {table} VALUES (:client_id, :n, 'row');\n"
        f"SELECT count(*) FROM {table} WHERE n = :n;\nBEGIN;\nINSERT INTO {table} VALUES (:client_id, :n, 'again');\nEND;\n"
    )
    environment = {**os.environ, "PGHOST": str(served.own_folder), "PGUSER": "tester", "PGDATABASE": "core", "LC_ALL": "C"}
    argv = [PGBENCH, "-n", "-c", "8", "-j", "2", "-t", "10", "-M", mode, "-f", str(script)]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, env=environment)
    assert ended.returncode == 0 and "number of transactions actually processed: 80/80" in ended.stdout, ended.stdout + ended.stderr
    assert "number of failed transactions: 0 (" in ended.stdout
    assert served.rows(f"SELECT count(*), count(DISTINCT client) FROM {table}") == [(160, 8)]
    wait_until(lambda: served.rows("SELECT 1") == [(1,)], 10, "it goes on")
