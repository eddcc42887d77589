"""The wire: one session at a service, over psycopg's libpq.

Only what the protocol says: statements with parameters, pipelines, COPY in, cancel. What they mean is for others. A Wire connects
when it is first used, and again when it has been hung up on outside a transaction.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import socket
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from duckrow.errors import LostTransactionError, MissingError, ServiceError
from duckrow.served import address, failures

EXACT = 2  # the result format of src/service/types.h
_TEXT = 0
_FLUSH_EVERY = 256
_AGAIN_SECONDS = 0.02
_GIVE_UP_SECONDS = 5.0


class Parameter(NamedTuple):
    """A value of a statement: `data` None is NULL; format 0 is text, 1 binary. `sql`: what stands for it, instead of "$1"."""

    oid: int
    data: bytes | None
    format: int = 1
    sql: str | None = None


@dataclass
class Answer:
    """What a statement has returned."""

    tag: str
    names: list[bytes] | None = None
    columns: list[list[str | None]] = field(default_factory=list)

    @property
    def count(self) -> int | None:
        """Rows changed, where the tag says so."""
        last = self.tag.rpartition(" ")[2]
        return int(last) if last.isdigit() else None


def libpq() -> Any:
    """psycopg's libpq wrapper; it is needed only where a service runs."""
    try:
        import psycopg
    except ImportError as error:
        message = (
            f"a duckrow service has this database, and to talk to it psycopg is needed ({error}): pip install 'duckrow[service]', "
            "or exclusive=True to take the file itself"
        )
        raise MissingError(message) from None
    return psycopg


def listens(path: str) -> bool:
    """Is somebody there? What a crash has left says so, too."""
    found = re.match(r"host='(.*?)' ", address(path) or "")
    if not found:
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(f"{found[1]}/.s.PGSQL.5432") == 0


class Wire:
    """`options`: settings of the session, by name, given again after each connecting."""

    def __init__(self, path: str, timeout: float) -> None:
        self.path = path
        self.timeout = timeout
        self.options: dict[str, str] = {}
        self.statements: list[str] = []  # run after each connecting: the session's own settings
        self.lock = threading.RLock()
        self.transaction = False
        self.generation = 0  # counts connectings
        self._psycopg = libpq()
        self._pq = self._psycopg.pq
        self._con: Any = None
        self._cancel: Any = None

    # ---- connecting ----

    def connect(self) -> bool:
        """Makes sure of a connection; False: no service is there, or it is just leaving."""
        if self._con is not None:
            return True
        dsn = address(self.path)
        if dsn is None:
            return False
        settings = " ".join(f"-c {name}={value}" for name, value in self.options.items())
        more = {
            "port": "5432",
            "user": str(os.getuid()),
            "sslmode": "disable",
            "gssencmode": "disable",
            "client_encoding": "UTF8",
            "options": settings,
            "application_name": os.path.basename(sys.argv[0] or "python")[:60],
            "connect_timeout": "10",
        }
        text = dsn + "".join(f" {name}='{_escape(value)}'" for name, value in more.items())
        con = self._pq.PGconn.connect(text.encode("utf-8", "surrogateescape"))
        if con.status != self._pq.ConnStatus.OK:
            message = con.get_error_message().strip()
            con.finish()
            if _is_nobody(message):
                return False
            raise ServiceError(f"the service of {self.path} refuses this connection: {_plain(message)}")
        con.nonblocking = 1
        self._con = con
        self._cancel = con.get_cancel()
        self.transaction = False
        self.generation += 1
        for statement in self.statements:
            self._run(statement)
        return True

    def ready(self) -> Any:
        """The connection, made again where the service has hung up outside a transaction."""
        if self._con is not None and self._is_dead():
            self._lose()
        if self._con is None:
            deadline = time.monotonic() + min(self.timeout, _GIVE_UP_SECONDS)
            while not self.connect():
                if time.monotonic() >= deadline:
                    raise ServiceError(f"no service has {self.path} any more: connect again")
                time.sleep(_AGAIN_SECONDS)
        return self._con

    def _is_dead(self) -> bool:
        """Has it been hung up on, while idle?"""
        poller = select.poll()
        try:
            poller.register(self._con.socket, select.POLLIN)
            if not poller.poll(0):
                return False
            self._con.consume_input()
        except Exception:
            return True
        return bool(self._con.status != self._pq.ConnStatus.OK) or self._hung_up()

    def _hung_up(self) -> bool:
        """A FATAL message in an idle session is the last one."""
        with contextlib.suppress(Exception):
            poller = select.poll()
            poller.register(self._con.socket, select.POLLIN | select.POLLRDHUP)
            return any(event & (select.POLLHUP | select.POLLRDHUP | select.POLLERR) for _, event in poller.poll(0))
        return True

    def _lose(self) -> None:
        """The connection is gone, and an open transaction with it."""
        lost = self.transaction
        self.close()
        if lost:
            raise LostTransactionError(
                f"the service of {self.path} was restarted or has hung up, and the open transaction is lost: begin again"
            )

    def close(self) -> None:
        """Hangs up; an open transaction is undone."""
        con, self._con, self._cancel = self._con, None, None
        self.transaction = False
        if con is not None:
            con.finish()

    def cancel(self) -> None:
        """From any thread: ends what is running."""
        cancel = self._cancel
        if cancel is not None:
            with contextlib.suppress(Exception):
                cancel.cancel()

    # ---- statements ----

    def run(self, sql: str, parameters: Sequence[Parameter] = (), *, exact: bool = False) -> Answer:
        """One statement."""
        with self.lock:
            self.ready()
            return self._run(sql, parameters, exact=exact)

    def _run(self, sql: str, parameters: Sequence[Parameter] = (), *, exact: bool = False) -> Answer:
        try:
            self._send(sql, parameters, EXACT if exact else _TEXT)
            self._flush()
            return self._answers()[-1]
        except KeyboardInterrupt:
            self._abandon()
            raise
        finally:
            self._note()

    def discard(self) -> None:
        """The session is as if it had just begun."""
        self.run("DISCARD ALL")
        for name, value in self.options.items():
            self.run(f"SET {name} = {value}")

    def pipeline(self, statements: Iterable[tuple[str, Sequence[Parameter]]]) -> Answer:
        """All as one transaction, or as parts of the open one. The answer of the last."""
        prepared = list(statements)
        with self.lock:
            con = self.ready()
            con.enter_pipeline_mode()
            try:
                return self._pipeline(con, prepared)
            except KeyboardInterrupt:
                self.close()
                raise
            finally:
                if self._con is not None:
                    with contextlib.suppress(Exception):
                        con.exit_pipeline_mode()
                self._note()

    def _pipeline(self, con: Any, statements: Iterable[tuple[str, Sequence[Parameter]]]) -> Answer:
        sent, failure, last = 0, None, Answer("")
        for sql, parameters in statements:
            self._send(sql, parameters, EXACT)
            sent += 1
            if sent % _FLUSH_EVERY == 0:
                self._flush()
        con.pipeline_sync()
        self._flush()
        for _ in range(sent):
            result = self._next()
            while result is not None:
                error = self._failure(result)
                if error is not None:
                    failure = failure or error
                elif result.status != self._pq.ExecStatus.PIPELINE_ABORTED:
                    last = self._answer(result)
                result = self._next()
        result = self._next()  # of the Sync
        if result is not None and failure is None:
            failure = self._failure(result)
        if failure is not None:
            raise failure
        return last

    def copy_in(self, sql: str, data: Iterable[bytes]) -> Answer:
        """COPY … FROM STDIN."""
        with self.lock:
            con = self.ready()
            try:
                self._send(sql, (), _TEXT)
                self._flush()
                result = self._next()
                error = self._failure(result)
                if error is not None:
                    self._drain()
                    raise error
                for piece in data:
                    con.put_copy_data(piece)
                    self._flush()
                con.put_copy_end()
                self._flush()
                return self._answers()[-1]
            except KeyboardInterrupt:
                self.close()
                raise
            finally:
                self._note()

    def _send(self, sql: str, parameters: Sequence[Parameter], result_format: int) -> None:
        count = len(parameters)
        self._con.send_query_params(
            sql.encode(),
            [p.data for p in parameters] if count else None,
            [p.oid for p in parameters] if count else None,
            [p.format for p in parameters] if count else None,
            result_format,
        )

    # ---- waiting ----

    def _wait(self, events: int) -> None:
        poller = select.poll()
        poller.register(self._con.socket, events)
        for _, event in poller.poll():
            if event & (select.POLLIN | select.POLLHUP | select.POLLERR):
                self._con.consume_input()

    def _flush(self) -> None:
        try:
            while self._con.flush():
                self._wait(select.POLLIN | select.POLLOUT)
        except self._psycopg.OperationalError:
            pass  # what there is to say about it comes with the answer

    def _next(self) -> Any:
        """The next result; None: there is no more of this statement, or nobody to say it."""
        if self._con is None:
            return None
        try:
            while self._con.is_busy():
                self._wait(select.POLLIN)
        except self._psycopg.OperationalError as error:
            raise self._gone(str(error)) from None
        return self._con.get_result()

    def _answers(self) -> list[Answer]:
        """All that the statement returns; raises its error."""
        answers: list[Answer] = []
        failure = None
        while (result := self._next()) is not None:
            error = self._failure(result)
            if error is not None:
                failure = failure or error
            else:
                answers.append(self._answer(result))
        if failure is not None:
            raise failure
        return answers or [Answer("")]

    def _drain(self) -> None:
        while self._next() is not None:
            pass

    def _abandon(self) -> None:
        """Ctrl-C: cancels, and takes what still comes."""
        self.cancel()
        with contextlib.suppress(Exception):
            self._drain()

    def _note(self) -> None:
        """After each statement: is a transaction open?"""
        if self._con is not None:
            status = self._con.transaction_status
            states = self._pq.TransactionStatus
            self.transaction = status in (states.INTRANS, states.INERROR)

    @property
    def failed(self) -> bool:
        """Has the open transaction failed?"""
        return self._con is not None and bool(self._con.transaction_status == self._pq.TransactionStatus.INERROR)

    def _answer(self, result: Any) -> Answer:
        tag = (result.command_status or b"").decode()
        if not result.nfields:
            return Answer(tag)
        names = [_described(result, i) for i in range(result.nfields)]
        rows = range(result.ntuples)
        take = result.get_value
        columns = [[None if (v := take(row, i)) is None else v.decode() for row in rows] for i in range(result.nfields)]
        return Answer(tag, names, columns)

    # ---- failures ----

    def _gone(self, message: str) -> Exception:
        lost = self.transaction
        self.close()
        if lost:
            return LostTransactionError(f"the service of {self.path} went away, and the open transaction is lost: begin again")
        return ServiceError(
            f"the service of {self.path} went away during this statement, which may have been committed or not: {_plain(message)}"
        )

    def _failure(self, result: Any) -> Exception | None:
        """What a result's error is raised as; None: it is none."""
        if result is None or result.status not in (self._pq.ExecStatus.FATAL_ERROR, self._pq.ExecStatus.BAD_RESPONSE):
            return None
        fields = self._pq.DiagnosticField
        sqlstate = (result.error_field(fields.SQLSTATE) or b"").decode()
        message = (result.error_field(fields.MESSAGE_PRIMARY) or result.error_message or b"").decode(errors="replace")
        severity = (result.error_field(fields.SEVERITY) or b"").decode()
        if severity == "FATAL" or self._con.status != self._pq.ConnStatus.OK:
            return self._gone(message)
        return failures.make(sqlstate, message)


def _described(result: Any, column: int) -> bytes:
    """The name, with its type before it; what the service answers itself is text."""
    name: bytes = result.fname(column)
    return name if result.fformat(column) == EXACT else b"7:VARCHAR" + name


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _plain(message: str) -> str:
    """libpq's messages have lines."""
    return " ".join(message.split())


def _is_nobody(message: str) -> bool:
    """Nobody listens there, or it is leaving."""
    signs = (
        "No such file",
        "Connection refused",
        "shutting down",
        "closed the connection",
        "administrator command",
        "reset by peer",
    )
    return any(sign in message for sign in signs)
