"""A transaction that is undone while its client is silent: whatever the client says next, that is what it is told first."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from support import scaled, wait_until
from support.pgwire import FLUSH, SYNC, Wire, bind, describe, execute, one, parse, query, types
from support.program import of_engine
from support.service import Service

Serve = Callable[..., Service]

LIMITS = {
    "idle_in_transaction_session_timeout": ("25P03",),
    "transaction_timeout": ("25P03", "25P04"),
}


def open_transactions(service: Service) -> int:
    return int(dict(service.rows("SHOW duckrow"))["transactions_open"])


def insert(value: int) -> tuple[bytes, ...]:
    return parse("INSERT INTO t VALUES ($1)"), bind(str(value).encode()), execute()


def acknowledged_and_idle(wire: Wire, service: Service, limit: str) -> None:
    """An implicit transaction with a row that was acknowledged, and a pause that is too long."""
    wire.ask(f"SET {limit} = '100ms'")
    wire.send(*insert(1), FLUSH)
    assert types(wire.until("C")) == "12C"
    wait_until(lambda: not open_transactions(service), 5, "the transaction is undone")
    assert service.rows("SELECT * FROM t") == []


def refusal_before_ready(wire: Wire, states: tuple[str, ...]) -> None:
    answer = wire.until("Z")
    assert "E" in types(answer), f"ReadyForQuery although what was acknowledged is gone: {answer}"
    assert one(answer, "E").sqlstate in states and "C" not in types(answer)
    assert answer[-1].body == b"I"


@pytest.fixture(scope="module")
def kept(version: str) -> Iterator[Service]:
    with tempfile.TemporaryDirectory(prefix="dr-") as folder:
        service = Service(of_engine(version, Path(folder)))
        yield service
        service.stop()


@pytest.fixture
def empty(kept: Service) -> Service:
    kept.run("CREATE OR REPLACE TABLE t (i INTEGER)")
    return kept


@pytest.mark.parametrize("limit", LIMITS)
def test_sync(empty: Service, limit: str) -> None:
    with Wire(empty.socket) as wire:
        acknowledged_and_idle(wire, empty, limit)
        wire.send(SYNC)
        refusal_before_ready(wire, LIMITS[limit])
        # That was all: the session is as good as new.
        wire.send(*insert(2), SYNC)
        assert types(wire.until("Z")) == "12CZ"
    assert empty.rows("SELECT * FROM t") == [(2,)]


@pytest.mark.parametrize("limit", scaled(list(LIMITS), ["idle_in_transaction_session_timeout"]))
@pytest.mark.parametrize("further", ["insert", "select", "flush", "parse", "describe"])
def test_what_follows_is_refused(empty: Service, limit: str, further: str) -> None:
    messages = {
        "insert": insert(2),
        "select": (parse("SELECT count(*) FROM t"), bind(), execute()),
        "flush": (FLUSH,),
        "parse": (parse("INSERT INTO t VALUES (3)", "named"),),
        "describe": (parse("SELECT 1"), bind(), describe()),
    }
    with Wire(empty.socket) as wire:
        acknowledged_and_idle(wire, empty, limit)
        wire.send(*messages[further], SYNC)
        refusal_before_ready(wire, LIMITS[limit])
        assert empty.rows("SELECT * FROM t") == []
        wire.send(*insert(4), SYNC)
        assert types(wire.until("Z")) == "12CZ"
    assert empty.rows("SELECT * FROM t") == [(4,)]


@pytest.mark.parametrize("sql", ["SELECT 1", "INSERT INTO t VALUES (2)", "COMMIT", "BEGIN", "SET application_name = 'x'", ""])
def test_a_simple_query(empty: Service, sql: str) -> None:
    """It ends the implicit transaction as Sync does, which has failed."""
    with Wire(empty.socket) as wire:
        acknowledged_and_idle(wire, empty, "idle_in_transaction_session_timeout")
        wire.send(query(sql))
        answer = wire.until("Z")
        told = one(answer, "E").sqlstate if "E" in types(answer) else one(answer, "C").tag
        assert told in ("25P03", "ROLLBACK"), answer
        assert answer[-1].body == b"I"
        assert empty.rows("SELECT * FROM t") == []
        assert one(wire.ask("INSERT INTO t VALUES (5)"), "C").tag == "INSERT 0 1"
    assert empty.rows("SELECT * FROM t") == [(5,)]


def lose_a_block(wire: Wire, service: Service) -> None:
    wire.ask("SET idle_in_transaction_session_timeout = '100ms'")
    wire.ask("BEGIN")
    wire.send(*insert(1), SYNC)
    assert types(wire.until("Z")) == "12CZ"
    wait_until(lambda: not open_transactions(service), 5, "the transaction is undone")


@pytest.mark.parametrize("extended", [False, True])
def test_commit_of_a_block(empty: Service, extended: bool) -> None:
    """Drivers look for an error alone: that COMMIT's tag is ROLLBACK is enough only where the client was told of one before."""
    with Wire(empty.socket) as wire:
        lose_a_block(wire, empty)
        if extended:
            wire.send(parse("COMMIT"), bind(), execute(), SYNC)
            answer = wire.until("Z")
        else:
            answer = wire.ask("COMMIT")
        assert "E" in types(answer), f"COMMIT of what is gone is no error: {answer}"
        assert one(answer, "E").sqlstate == "25P03"
        wire.ask("ROLLBACK")
        assert empty.rows("SELECT * FROM t") == []
        assert one(wire.ask("INSERT INTO t VALUES (5)"), "C").tag == "INSERT 0 1"
    assert empty.rows("SELECT * FROM t") == [(5,)]


def test_psycopg_raises_at_commit(empty: Service) -> None:
    with empty.connect() as connection:
        connection.execute("SET idle_in_transaction_session_timeout = '100ms'")
        with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout), connection.transaction():
            connection.execute("INSERT INTO t VALUES (1)")
            wait_until(lambda: not open_transactions(empty), 5, "the transaction is undone")
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)


@pytest.mark.parametrize("ending", ["COMMIT", "ROLLBACK"])
def test_a_block_that_was_told(empty: Service, ending: str) -> None:
    with Wire(empty.socket) as wire:
        lose_a_block(wire, empty)
        answer = wire.ask("SELECT 1")
        assert one(answer, "E").sqlstate == "25P03" and answer[-1].body == b"E"
        answer = wire.ask(ending)
        assert one(answer, "C").tag == "ROLLBACK" and answer[-1].body == b"I"
    assert empty.rows("SELECT * FROM t") == []


def test_rollback_of_a_block(empty: Service) -> None:
    """Who wanted it undone needs not be told why it was."""
    with Wire(empty.socket) as wire:
        lose_a_block(wire, empty)
        answer = wire.ask("ROLLBACK")
        assert one(answer, "C").tag == "ROLLBACK" and "E" not in types(answer) and answer[-1].body == b"I"


def test_a_change_of_the_schema_undoes_an_implicit_one(serve: Serve) -> None:
    service = serve("--ddl-wait", "100ms")
    service.run("CREATE TABLE t (i INTEGER)")
    with Wire(service.socket) as wire:
        wire.send(*insert(1), FLUSH)
        assert types(wire.until("C")) == "12C"
        service.run("CREATE TABLE u (i INTEGER)")
        wire.send(SYNC)
        refusal_before_ready(wire, ("40001",))
    assert service.rows("SELECT * FROM t") == []


def test_a_limit_that_comes_as_the_client_goes_on(empty: Service) -> None:
    """Whichever is first: rows that were acknowledged are there, or the client was told that they aren't."""
    acknowledged = []
    with Wire(empty.socket, timeout=5) as wire:
        wire.ask("SET idle_in_transaction_session_timeout = '50ms'")
        for n in range(scaled(200, 15)):
            wire.send(*insert(n), FLUSH)
            answer = wire.until("C")
            assert types(answer) == "12C", answer
            time.sleep(0.030 + n % 15 * 0.006)
            wire.send(SYNC)
            answer = wire.until("Z")
            if "E" in types(answer):
                assert one(answer, "E").sqlstate == "25P03"
            else:
                acknowledged.append((n,))
    assert sorted(empty.rows("SELECT * FROM t")) == acknowledged
