"""What a connection needs besides what DuckDB keeps: its timeouts, and what it has open in the engine.

Whether a transaction or a half-read result is open is followed from the statements, for asking the engine would end the result.
After a failure inside a transaction the engine is asked.
"""

from __future__ import annotations

import contextlib
import enum
import os
import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import duckdb

from duckrow.errors import ForkedError, IdleError

if TYPE_CHECKING:
    from duckrow import attachments
    from duckrow.served.session import Served
    from duckrow.sessions import Session

DEFAULT_TIMEOUT = 10.0
IDLE_RELEASE = 1.0
IDLE_IN_TRANSACTION_TIMEOUT = 10.0
WARN_SECONDS = 1.0
# Rows of a half-read result that are put aside so that the turn can be given up.
_MOST_ROWS = 10_000

Native = duckdb.DuckDBPyConnection


def _no_connection() -> None:
    return None


class Result(enum.Enum):
    """What a connection's last statement may have left open."""

    NONE = 0
    UNREAD = 1
    ROWS = 2  # read by fetchone or fetchmany


class State:
    """Of one connection. In a table by id, for the connection's class may add no fields."""

    __slots__ = (
        "began",
        "change",
        "closed",
        "ended",
        "family",
        "idle_in_transaction_timeout",
        "outcome",
        "process",
        "reference",
        "rest",
        "result",
        "served",
        "session",
        "timeout",
        "transaction",
        "used_at",
        "warned",
    )

    def __init__(self, session: Session, timeout: float, family: object) -> None:
        self.reference: Callable[[], Native | None] = _no_connection
        self.session = session
        self.timeout = timeout
        self.family = family
        self.idle_in_transaction_timeout = IDLE_IN_TRANSACTION_TIMEOUT
        self.process = os.getpid()
        self.closed = False
        self.transaction = False
        self.outcome: bool | None = None  # what `transaction` is once the running statement has succeeded
        self.change: attachments.Change | None = None
        self.result = Result.NONE
        self.rest: list[Any] | None = None
        self.ended: str | None = None
        self.began: tuple[str, int] = ("", 0)
        self.warned = False
        self.used_at = 0.0
        self.served: Served | None = None  # a service writes for it; the session only reads

    def belongs_to(self, con: Native) -> None:
        """The connection is made once its session is entered."""
        self.reference = weakref.ref(con)

    def check(self) -> None:
        """Raises what using a closed or a parent's connection raises."""
        if self.closed:
            message = "Connection already closed!"
            raise duckdb.ConnectionException(message)
        if self.process != os.getpid():
            message = "this connection belongs to the parent process: open a new one after fork()"
            raise ForkedError(message)

    @property
    def busy(self) -> bool:
        """Does it need the file, although no statement is running?"""
        return self.transaction or self.result is not Result.NONE

    def raise_if_ended(self) -> None:
        """Once, for a transaction or result that was ended because it sat idle."""
        if self.ended:
            message, self.ended = self.ended, None
            raise IdleError(message)

    def begin_statement(self, result: Result) -> None:
        """A new statement: the last one's result is gone."""
        self.rest = None
        self.warned = self.warned and self.transaction
        self.result = result

    def put_aside(self) -> None:
        """Reads the rest of a result that is being read in rows, so that its file can be closed. Too long a rest stays open."""
        con = self.reference()
        if self.result is not Result.ROWS or self.rest is not None or con is None:
            return
        try:
            rows = Native.fetchmany(con, _MOST_ROWS)
            more = len(rows) == _MOST_ROWS
        except duckdb.Error:
            rows, more = [], False
        self.rest = rows or None
        if not more:
            self.result = Result.NONE

    def end(self, reason: str) -> None:
        """Rolls back, closes a half-read result; the next statement says why."""
        con = self.reference()
        if con is not None:
            end_statements(con)
        what = "transaction" if self.transaction else "result"
        self.ended = f"this {what} was {reason}"
        self.transaction, self.result, self.rest, self.warned = False, Result.NONE, None, False

    def idle_for(self) -> float:
        """Seconds since its last statement or fetch."""
        return time.monotonic() - self.used_at


def end_statements(con: Native) -> None:
    """Ends a transaction and a half-read result, which would keep the file open after DETACH."""
    for name in ("abort", "rollback"):
        end = getattr(Native, name, None)
        if end:
            with contextlib.suppress(duckdb.Error):
                end(con)


def is_in_transaction(con: Native) -> bool:
    """Asks the engine, and ends a half-read result. A BEGIN that fails would abort the transaction; outside of one each statement
    has another number."""
    try:
        one, two = (Native.execute(con, "SELECT txid_current()").fetchall() for _ in range(2))
    except duckdb.TransactionException:  # it is aborted
        return True
    except duckdb.Error:
        return False
    return one == two
