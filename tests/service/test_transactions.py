"""Transactions: what is one, what undoes it, what it may take, and that it doesn't hold up others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import errors
from psycopg.pq import TransactionStatus
from support.pgwire import FLUSH, SYNC, Wire, bind, describe, execute, one, parse, query, types
from support.processes import Processes
from support.service import Service

Serve = Callable[..., Service]


def count(connection: psycopg.Connection, table: str) -> int:
    return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


# ---- blocks --------------------------------------------------------------------------------------------------------------


def test_commit_and_rollback(served: Service, other: psycopg.Connection, table: str) -> None:
    other.execute(f"CREATE TABLE {table} (i INTEGER)")
    with served.connect(autocommit=False) as connection:
        connection.execute(f"INSERT INTO {table} VALUES (1)")
        assert (count(connection, table), count(other, table)) == (1, 0)
        assert connection.info.transaction_status == TransactionStatus.INTRANS
        connection.rollback()
        assert count(other, table) == 0
        connection.execute(f"INSERT INTO {table} VALUES (2)")
        connection.commit()
        assert connection.info.transaction_status == TransactionStatus.IDLE
        assert other.execute(f"SELECT i FROM {table}").fetchall() == [(2,)]


def test_a_transaction_sees_one_state(served: Service, other: psycopg.Connection, table: str) -> None:
    other.execute(f"CREATE TABLE {table} (i INTEGER)")
    with served.connect(autocommit=False) as connection:
        assert count(connection, table) == 0
        other.execute(f"INSERT INTO {table} VALUES (1)")
        assert count(connection, table) == 0
        connection.commit()
        assert count(connection, table) == 1


def test_schema_changes_are_undone_too(served: Service, other: psycopg.Connection, table: str) -> None:
    with served.connect(autocommit=False) as connection:
        connection.execute(f"CREATE TABLE {table} (i INTEGER)")
        connection.execute(f"INSERT INTO {table} VALUES (1)")
        connection.rollback()
    with pytest.raises(errors.UndefinedTable):
        count(other, table)


@pytest.mark.parametrize("failing", ["SELEC", "SELECT missing", "SELECT * FROM missing", "SELECT 'x'::INTEGER", "SAVEPOINT a"])
def test_a_failed_transaction_can_only_be_rolled_back(connection: psycopg.Connection, table: str, failing: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER)")
    connection.execute("BEGIN")
    connection.execute(f"INSERT INTO {table} VALUES (1)")
    with pytest.raises(psycopg.Error):
        connection.execute(failing)
    assert connection.info.transaction_status == TransactionStatus.INERROR
    for sql in ("SELECT 1", f"INSERT INTO {table} VALUES (2)", "SELEC"):
        with pytest.raises(psycopg.Error) as raised:
            connection.execute(sql)
        assert raised.value.sqlstate in ("25P02", "42601" if sql == "SELEC" else "25P02")
    assert connection.execute("COMMIT").statusmessage == "ROLLBACK"
    assert connection.info.transaction_status == TransactionStatus.IDLE
    assert count(connection, table) == 0


def test_a_commit_that_fails_is_an_error_and_leaves_nothing(served: Service, other: psycopg.Connection, table: str) -> None:
    other.execute(f"CREATE TABLE {table} (i INTEGER PRIMARY KEY, n INTEGER)")
    other.execute(f"INSERT INTO {table} VALUES (1, 0)")
    with served.connect(autocommit=False) as connection:
        connection.execute(f"INSERT INTO {table} VALUES (5, 1)")
        other.execute(f"INSERT INTO {table} VALUES (5, 2)")
        with pytest.raises(psycopg.Error) as raised:
            connection.commit()
        assert raised.value.sqlstate in ("23505", "40001")
        assert connection.info.transaction_status == TransactionStatus.IDLE
    assert other.execute(f"SELECT * FROM {table} ORDER BY i").fetchall() == [(1, 0), (5, 2)]


def test_a_conflict_is_40001(served: Service, other: psycopg.Connection, table: str) -> None:
    other.execute(f"CREATE TABLE {table} (i INTEGER, n INTEGER)")
    other.execute(f"INSERT INTO {table} VALUES (1, 0)")
    with served.connect(autocommit=False) as connection:
        assert count(connection, table) == 1
        other.execute(f"UPDATE {table} SET n = 1")
        with pytest.raises(errors.SerializationFailure):
            connection.execute(f"UPDATE {table} SET n = 2")
    assert other.execute(f"SELECT n FROM {table}").fetchall() == [(1,)]


def test_a_statement_waits_for_a_conflicting_transaction(served: Service, other: psycopg.Connection, table: str) -> None:
    other.execute(f"CREATE TABLE {table} (i INTEGER, n INTEGER)")
    other.execute(f"INSERT INTO {table} VALUES (1, 0)")
    with served.connect(autocommit=False) as connection, ThreadPoolExecutor(1) as pool:
        connection.execute(f"UPDATE {table} SET n = n + 1")
        waiting = pool.submit(other.execute, f"UPDATE {table} SET n = n + 10")
        with pytest.raises(TimeoutError):
            waiting.result(0.3)
        connection.commit()
        assert waiting.result(10).statusmessage == "UPDATE 1"
    assert other.execute(f"SELECT n FROM {table}").fetchall() == [(11,)]


# ---- several statements at once --------------------------------------------------------------------------------------------


def test_statements_of_a_simple_query_are_one_transaction(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER PRIMARY KEY)")
    with pytest.raises(errors.UniqueViolation):
        connection.execute(f"INSERT INTO {table} VALUES (1); INSERT INTO {table} VALUES (2); INSERT INTO {table} VALUES (1)")
    assert count(connection, table) == 0
    connection.execute(f"INSERT INTO {table} VALUES (1); COMMIT; INSERT INTO {table} VALUES (2); ROLLBACK")
    assert connection.execute(f"SELECT i FROM {table}").fetchall() == [(1,)]
    with pytest.raises(errors.SyntaxError):
        connection.execute(f"INSERT INTO {table} VALUES (3); SELEC")
    assert count(connection, table) == 1


def test_an_error_skips_to_sync(served: Service, table: str) -> None:
    served.run(f"CREATE TABLE {table} (i INTEGER PRIMARY KEY)")
    with Wire(served.socket) as wire:
        insert = parse(f"INSERT INTO {table} VALUES ($1)")
        wire.send(insert, bind(b"1"), execute(), parse("SELEC"), bind(), execute(), insert, bind(b"2"), execute(), SYNC)
        answer = wire.until("Z")
        assert one(answer, "E").sqlstate == "42601"
        assert types(answer).endswith("EZ") and answer[-1].body == b"I"
        wire.send(insert, bind(b"3"), execute(), SYNC)
        assert types(wire.until("Z")) == "12CZ"
    assert served.rows(f"SELECT i FROM {table}") == [(3,)]


def test_flush_is_answered_before_sync(served: Service, table: str) -> None:
    """And what was answered is still undone when something later fails."""
    served.run(f"CREATE TABLE {table} (i INTEGER PRIMARY KEY)")
    with Wire(served.socket) as wire:
        wire.send(parse(f"INSERT INTO {table} VALUES ($1)", "insert"), bind(b"1", name="insert"), describe(), execute(), FLUSH)
        assert types(wire.until("C")) == "12nC"
        wire.send(parse(f"SELECT count(*) FROM {table}"), bind(), execute(), FLUSH)
        assert one(wire.until("C"), "D").row == [b"1"]
        assert served.rows(f"SELECT count(*) FROM {table}") == [(0,)]
        wire.send(bind(b"1", name="insert"), execute(), SYNC)
        assert one(wire.until("Z"), "E").sqlstate == "23505"
        assert served.rows(f"SELECT count(*) FROM {table}") == [(0,)]
        wire.send(bind(b"1", name="insert"), execute(), FLUSH)
        wire.until("C")
        wire.send(SYNC)
        assert wire.until("Z")[-1].body == b"I"
    assert served.rows(f"SELECT i FROM {table}") == [(1,)]


def test_portals_give_as_many_rows_as_asked(served: Service) -> None:
    with Wire(served.socket) as wire:
        wire.send(parse("SELECT i FROM range(5) r(i) ORDER BY i"), bind(portal="p"), describe("P", "p"), FLUSH)
        assert types(wire.until("T")) == "12T"
        wire.send(execute(2, "p"), execute(2, "p"), execute(2, "p"), SYNC)
        answer = wire.until("Z")
        assert types(answer) == "DDsDDsDCZ"
        assert [message.row[0] for message in answer if message.type == "D"] == [b"0", b"1", b"2", b"3", b"4"]
        wire.send(execute(2, "p"), SYNC)  # Sync ended the transaction, and the portal with it
        assert one(wire.until("Z"), "E").sqlstate == "34000"
        wire.ask("BEGIN")
        wire.send(parse("SELECT i FROM range(5) r(i) ORDER BY i"), bind(portal="p"), execute(2, "p"), SYNC)
        assert types(wire.until("Z")) == "12DDsZ"
        wire.send(execute(0, "p"), SYNC)
        assert types(wire.until("Z")) == "DDDCZ"
        wire.ask("COMMIT")


# ---- cancelling ------------------------------------------------------------------------------------------------------------

# Takes minutes.
LONG = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = -1"


@pytest.mark.parametrize("autocommit", [True, False])
def test_cancel(served: Service, autocommit: bool) -> None:
    with served.connect(autocommit=autocommit) as connection, ThreadPoolExecutor(1) as pool:
        running = pool.submit(connection.execute, LONG)
        # A cancel that comes before the statement has no effect, in PostgreSQL too.
        while not running.done():
            connection.cancel_safe(timeout=5)
            time.sleep(0.02)
        with pytest.raises(errors.QueryCanceled, match="user request"):
            running.result()
        connection.rollback()
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_cancel_of_a_statement_that_waits(served: Service, other: psycopg.Connection, table: str) -> None:
    other.execute(f"CREATE TABLE {table} (i INTEGER, n INTEGER)")
    other.execute(f"INSERT INTO {table} VALUES (1, 0)")
    with served.connect(autocommit=False) as holder, ThreadPoolExecutor(1) as pool:
        holder.execute(f"UPDATE {table} SET n = 1")
        started = time.monotonic()
        running = pool.submit(other.execute, f"UPDATE {table} SET n = 2")
        while not running.done() and time.monotonic() < started + 20:
            other.cancel_safe(timeout=5)
            time.sleep(0.02)
        with pytest.raises(errors.QueryCanceled, match="user request"):
            running.result()
        assert time.monotonic() - started < 5
        holder.rollback()
    assert other.execute(f"SELECT n FROM {table}").fetchone() == (0,)


def test_statement_timeout(connection: psycopg.Connection) -> None:
    connection.execute("SET statement_timeout = '200ms'")
    with pytest.raises(errors.QueryCanceled, match="statement timeout"):
        connection.execute(LONG)
    connection.execute("RESET statement_timeout")
    assert connection.execute("SELECT 1").fetchone() == (1,)


# ---- limits ----------------------------------------------------------------------------------------------------------------


def test_an_idle_transaction_is_ended(served: Service, other: psycopg.Connection, table: str) -> None:
    other.execute(f"CREATE TABLE {table} (i INTEGER)")
    with served.connect() as idle:
        idle.execute("SET idle_in_transaction_session_timeout = '200ms'")
        idle.execute("BEGIN")
        idle.execute(f"INSERT INTO {table} VALUES (1)")
        other.execute("SET lock_timeout = '20s'")
        other.execute(f"DROP TABLE {table}")  # conflicts with the idle transaction until that is ended
        with pytest.raises(psycopg.Error) as raised:
            idle.execute("SELECT 1")
        assert raised.value.sqlstate in ("25P03", "40001")
        assert idle.execute("COMMIT").statusmessage == "ROLLBACK"
        assert idle.execute("SELECT 1").fetchone() == (1,)


def test_an_idle_transaction_is_told_why(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER)")
    connection.execute("SET idle_in_transaction_session_timeout = '100ms'")
    connection.execute("BEGIN")
    connection.execute(f"INSERT INTO {table} VALUES (1)")
    time.sleep(0.5)  # what is measured is time
    with pytest.raises(errors.IdleInTransactionSessionTimeout):
        connection.execute("SELECT 1")
    connection.execute("ROLLBACK")
    assert count(connection, table) == 0


def test_a_transaction_has_a_limit(connection: psycopg.Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (i INTEGER)")
    connection.execute("SET transaction_timeout = '300ms'")
    connection.execute("BEGIN")
    connection.execute(f"INSERT INTO {table} VALUES (1)")
    with pytest.raises(psycopg.Error, match="transaction_timeout") as raised:
        connection.execute(LONG)
    assert raised.value.sqlstate in ("25P04", "25P03", "57014")
    assert connection.execute("COMMIT").statusmessage == "ROLLBACK"
    assert count(connection, table) == 0


@pytest.mark.parametrize("setting", ["lock_timeout", "busy_timeout"])
def test_waiting_has_a_limit(served: Service, other: psycopg.Connection, table: str, setting: str) -> None:
    other.execute(f"CREATE TABLE {table} (i INTEGER, n INTEGER)")
    other.execute(f"INSERT INTO {table} VALUES (1, 0)")
    with served.connect(autocommit=False) as holder:
        holder.execute(f"UPDATE {table} SET n = 1")
        other.execute(f"SET {setting} = '200ms'")
        started = time.monotonic()
        with pytest.raises(psycopg.Error) as raised:
            other.execute(f"UPDATE {table} SET n = 2")
        assert raised.value.sqlstate in ("40001", "55P03")
        assert 0.15 < time.monotonic() - started < 5
        holder.commit()
        assert other.execute(f"UPDATE {table} SET n = n + 10 RETURNING n").fetchone() == (11,)


# ---- changes of the schema beside others -------------------------------------------------------------------------------------


def test_ddl_beside_an_idle_transaction(serve: Serve) -> None:
    service = serve("--ddl-wait", "300ms")
    with service.connect() as idle, service.connect() as changer:
        changer.execute("CREATE TABLE t (i INTEGER); CREATE TABLE u (i INTEGER)")
        idle.execute("BEGIN")
        idle.execute("INSERT INTO t VALUES (1)")
        started = time.monotonic()
        changer.execute("CREATE TABLE v (i INTEGER)")
        assert 0.25 < time.monotonic() - started < 5
        with pytest.raises(errors.SerializationFailure, match="change of the schema"):
            idle.execute("SELECT * FROM t")
        assert idle.execute("COMMIT").statusmessage == "ROLLBACK"
        assert count(changer, "t") == 0


def test_ddl_waits_for_transactions_that_end_in_time(serve: Serve) -> None:
    service = serve("--ddl-wait", "20s")
    with service.connect() as writer, service.connect() as changer, ThreadPoolExecutor(1) as pool:
        changer.execute("CREATE TABLE t (i INTEGER)")
        writer.execute("BEGIN")
        writer.execute("INSERT INTO t VALUES (1)")
        changing = pool.submit(changer.execute, "CREATE TABLE v (i INTEGER)")
        with pytest.raises(TimeoutError):
            changing.result(0.3)
        assert writer.execute("COMMIT").statusmessage == "COMMIT"
        changing.result(10)
        assert count(changer, "t") == 1


def test_ddl_beside_a_half_read_result(serve: Serve) -> None:
    service = serve("--ddl-wait", "300ms", "--send-buffer", "64KiB")
    with service.connect() as changer, Wire(service.socket) as reader, Wire(service.socket) as block:
        changer.execute("CREATE TABLE t AS SELECT i, repeat('x', 100) AS s FROM range(200000) r(i)")
        reader.send(query("SELECT * FROM t"))
        assert reader.receive().type == "T"
        block.ask("BEGIN")
        block.send(query("INSERT INTO t VALUES (-1, ''); SELECT * FROM t"))
        assert block.until("T")[-1].type == "T"
        started = time.monotonic()
        changer.execute("ALTER TABLE t ADD COLUMN n INTEGER DEFAULT 1")
        assert time.monotonic() - started < 5
        # One outside a transaction reads a snapshot, and gets all of it; one inside is told.
        rows = reader.until("Z")
        assert sum(message.type == "D" for message in rows) == 200_000
        assert one(block.until("Z"), "E").sqlstate == "40001"


STOPPED = """
    import psycopg, sys
    connection = psycopg.connect(sys.argv[1], autocommit=True)
    connection.execute("BEGIN")
    connection.execute("INSERT INTO t VALUES (1)")
    print("open")
    input()
    try:
        connection.execute("SELECT 1")
    except psycopg.Error as error:
        print(error.sqlstate)
"""


def test_ddl_beside_a_client_that_is_stopped(serve: Serve, processes: Processes) -> None:
    service = serve("--ddl-wait", "300ms")
    service.run("CREATE TABLE t (i INTEGER)")
    stopped = processes.python(STOPPED, service.address)
    stopped.expect("open")
    stopped.pause()
    started = time.monotonic()
    service.run("ALTER TABLE t ADD COLUMN s VARCHAR")
    assert time.monotonic() - started < 5
    stopped.resume()
    stopped.tell()
    stopped.expect("40001")
    assert stopped.wait() == 0
    assert service.rows("SELECT * FROM t") == []


# ---- clients that die --------------------------------------------------------------------------------------------------------

DYING = """
    import psycopg, sys
    connection = psycopg.connect(sys.argv[1], autocommit=True)
    if sys.argv[2] == "transaction":
        connection.execute("BEGIN")
        connection.execute("INSERT INTO t SELECT * FROM range(1000)")
        print("there")
        input()
    else:
        with connection.cursor() as cursor, cursor.copy("COPY t FROM STDIN") as copy:
            for i in range(100_000):
                copy.write_row((i,))
            print("there")
            input()
"""


@pytest.mark.parametrize("amid", ["transaction", "copy"])
def test_a_client_that_is_killed_leaves_nothing(serve: Serve, processes: Processes, amid: str) -> None:
    service = serve()
    service.run("CREATE TABLE t (i INTEGER)")
    client = processes.python(DYING, service.address, amid)
    client.expect("there")
    client.kill()
    started = time.monotonic()
    service.run("ALTER TABLE t ADD COLUMN s VARCHAR")
    assert time.monotonic() - started < 5
    assert service.rows("SELECT count(*) FROM t") == [(0,)]


# ---- many at once --------------------------------------------------------------------------------------------------------------


def test_each_of_many_clients_gets_its_own_errors(served: Service, table: str) -> None:
    """64 clients, of whose inserts one in twenty violates a key: nobody else's row or answer suffers."""
    clients, inserts = 64, 20
    served.run(f"CREATE TABLE {table} (i INTEGER PRIMARY KEY, client INTEGER)", f"INSERT INTO {table} VALUES (-1, -1)")
    wrong: list[str] = []
    ready = threading.Barrier(clients)

    def work(client: int) -> None:
        with served.connect() as connection:
            ready.wait(60)
            for n in range(inserts):
                bad = (client + n) % 20 == 0
                key = -1 if bad else client * inserts + n
                try:
                    connection.execute(f"INSERT INTO {table} VALUES (%s, %s)", (key, client))
                    if bad:
                        wrong.append(f"{client}: {n} should have failed")
                except errors.UniqueViolation as error:
                    if not bad:
                        wrong.append(f"{client}: {n}: {error}")

    with ThreadPoolExecutor(clients) as pool:
        for done in [pool.submit(work, client) for client in range(clients)]:
            done.result(60)
    assert not wrong
    expected = {(c * inserts + n, c) for c in range(clients) for n in range(inserts) if (c + n) % 20} | {(-1, -1)}
    assert set(served.rows(f"SELECT * FROM {table}")) == expected
