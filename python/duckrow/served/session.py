"""What a connection to a served database does with a statement.

Outside a transaction, what reads is answered by the connection itself, which is DuckDB's, on the newest snapshot: the service
publishes a commit before it acknowledges it, so one reads what one has written. Everything else goes to the service. Rows that come
from there are made a result of the connection's own when they are asked for, so fetching them is DuckDB's business.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

import duckdb

from duckrow import idle
from duckrow.errors import LostTransactionError
from duckrow.served import exact, failures, frames, shipping, texts, values
from duckrow.served.texts import Left, Piece, Route
from duckrow.served.wire import Answer, Parameter, Wire
from duckrow.states import IDLE_RELEASE, Result

if TYPE_CHECKING:
    from duckrow.served.opening import Place
    from duckrow.states import State

Native = duckdb.DuckDBPyConnection

_abort = getattr(Native, "abort", None)
_COUNTS_ROWS = int(duckdb.__version__.partition(".")[0]) >= 2  # rowcount and sql() of what has no rows
_NO_TRANSACTION = "TransactionContext Error: cannot {} - no transaction is active"
_IN_TRANSACTION = "TransactionContext Error: cannot start a transaction within a transaction"
_ABORTED = "TransactionContext Error: Current transaction is aborted (please ROLLBACK)"
_ROLLED_BACK = "the transaction had been rolled back by the service, so nothing of it was committed"
# Settings that change what a statement means, so that the service has to know them; and those that only it knows.
_MEANINGFUL = frozenset(
    [
        "search_path",
        "schema",
        "timezone",
        "calendar",
        "integer_division",
        "ieee_floating_point_ops",
        "default_collation",
        "default_null_order",
        "null_order",
        "default_order",
        "order_by_non_integer_literal",
        "old_implicit_casting",
        "scalar_subquery_error_on_multiple_rows",
        "lambda_syntax",
        "file_search_path",
        "max_expression_depth",
    ]
)
_ITS_OWN = frozenset(("lock_timeout", "statement_timeout", "transaction_timeout", "idle_in_transaction_session_timeout"))
_SETTING = re.compile(
    r"\s*(?:SET|RESET|PRAGMA)\s+(?:(?:SESSION|LOCAL)\s+)?(?:(?P<variable>VARIABLE|TIME\s+ZONE)\b|(?P<name>\w+))", re.IGNORECASE
)
_UNITS = {"": 0.001, "us": 1e-6, "ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86400}
_TIMEOUTS = {"busy_timeout": "busy_timeout", "idle_in_transaction_timeout": "idle_in_transaction_session_timeout"}


def zone_of(con: Native) -> str:
    """The time zone of a connection."""
    ((zone,),) = con.execute("SELECT current_setting('TimeZone')").fetchall()
    return str(zone)


class Served:
    """Of one connection."""

    def __init__(self, state: State, wire: Wire, place: Place, *, snapshots: bool) -> None:
        self.state = state
        self.wire = wire
        self.place = place
        self.snapshots = snapshots  # are there any to read?
        self.registered: dict[str, Any] = {}
        self.count: int | None = None  # rowcount of the last statement
        self._temporary = 0  # the connecting whose session has temporary tables; 0: none
        self._pending: tuple[str, list[Any]] | None = None
        self._has_rows = False
        self._scratch: Native | None = None
        self._many: bool | None = None

    # ---- what is where ----

    @property
    def remote(self) -> bool:
        """Are reads for the service to answer?"""
        return self.wire.transaction or not self.snapshots or bool(self._temporary)

    @property
    def has_own_state(self) -> bool:
        """Has its session at the service temporary tables, or settings that count?"""
        return bool(self._temporary or self.wire.statements)

    def scratch(self) -> Native:
        """Another connection to this process's reader, which needs no snapshot: there may be none attached while nobody reads."""
        if self._scratch is None:
            self._scratch = self.state.session.instance.root.cursor()
            self._scratch.execute("SET search_path = 'system.main'")
        return self._scratch

    def close(self) -> None:
        """Undoes an open transaction, and hangs up."""
        if self.wire.transaction:
            with contextlib.suppress(duckdb.Error):
                self.wire.run("ROLLBACK")
        self.wire.close()
        if self._scratch is not None:
            self._scratch.close()
            self._scratch = None

    # ---- results ----

    def leave(self, sql: str, parameters: list[Any] | None = None, count: int | None = None) -> None:
        """What there is to fetch, once it is asked for."""
        self._pending = (sql, parameters or [])
        self._has_rows = parameters is not None
        self.count = count
        con = self.state.reference()
        if _abort is not None and con is not None and self.state.result is not Result.NONE:
            _abort(con)  # the rest of a result is in the way of what comes, as it would not be of a statement here
        self.state.result = Result.NONE

    def forget(self) -> None:
        """The reader's own result is what there is to fetch."""
        self._pending = self.count = None
        idle.watch(self, IDLE_RELEASE)

    def tick(self) -> float | None:
        """The idle thread's look: a connection that nobody reads with keeps no snapshot, which would take the service a slot."""
        unused = self.state.idle_for()
        if self.state.closed or (unused >= IDLE_RELEASE and self.state.session.rest()):
            return None
        return max(IDLE_RELEASE - unused, 0.1)

    def load(self, con: Native) -> None:
        """Makes it the connection's result."""
        pending, self._pending = self._pending, None
        if pending is None:
            return
        session = self.state.session
        session.enter(self.state, mounted=False)
        try:
            Native.execute(con, *pending) if pending[1] else Native.execute(con, pending[0])
            self.state.result = Result.UNREAD
        finally:
            session.leave(self.state)

    def relation(self, con: Native) -> Any:
        """What there is to fetch, as a relation; None where DuckDB has none."""
        pending, self._pending = self._pending, None
        if pending is None or not (self._has_rows or _COUNTS_ROWS):
            return None
        return Native.sql(con, pending[0], params=pending[1]) if pending[1] else Native.sql(con, pending[0])

    def settle(self, answer: Answer, left: Left) -> None:
        """What a statement at the service leaves to be fetched."""
        if answer.names is not None:
            columns = [exact.split_name(name) for name in answer.names]
            self.leave(exact.select(columns), answer.columns)
        elif left is Left.SUCCESS:
            self.leave('SELECT true AS "Success" LIMIT 0')
        elif left is Left.NO_COUNT:
            self.leave('SELECT 0::BIGINT AS "Count" LIMIT 0')
        else:
            count = answer.count or 0
            self.leave(f'SELECT {count}::BIGINT AS "Count"', count=count if _COUNTS_ROWS else None)

    # ---- statements ----

    def split(self, con: Native, query: Any) -> list[Piece]:
        """The statements of a text, or of one that DuckDB has parsed."""
        if not isinstance(query, str):
            query = str(getattr(query, "query", query))
        return texts.pieces(lambda text: Native.extract_statements(con, text), query)

    def is_local(self, found: Sequence[Piece]) -> bool:
        """Can this process's reader answer all of it?"""
        return not self.remote and all(p.route in (Route.READ, Route.LOCAL) for p in found)

    def run(self, con: Native, found: Sequence[Piece], parameters: Any) -> None:
        """Runs them one after the other; `parameters` are the last one's."""
        frame = frames.caller()
        for i, piece in enumerate(found):
            self.run_one(con, piece, parameters if i + 1 == len(found) else None, frame)

    def run_one(self, con: Native, piece: Piece, parameters: Any, frame: FrameType | None) -> None:
        """One statement, wherever it belongs."""
        route = piece.route
        if route in (Route.READ, Route.LOCAL) and not (self.remote and route is Route.READ):
            self._run_here(con, piece.text, parameters)
        elif route is Route.BEGIN:
            self.begin(piece.text)
        elif route is Route.COMMIT:
            self.commit()
        elif route is Route.ROLLBACK:
            self.rollback()
        elif route is Route.SET:
            self._set(con, piece)
        elif route is Route.LOAD:
            self._run_here(con, piece.text, None)
            self.wire.run(piece.text)
            self.leave('SELECT true AS "Success" LIMIT 0')
        elif route is Route.REFUSE:
            raise failures.unsupported(piece.word)
        else:
            self._run_there(piece, parameters, frame)

    def _run_here(self, con: Native, sql: str, parameters: Any) -> None:
        """By this process's reader."""
        session = self.state.session
        session.use(self.state)
        try:
            Native.execute(con, sql, parameters) if parameters else Native.execute(con, sql)
        finally:
            session.done(self.state)
        self.forget()

    def _run_there(self, piece: Piece, parameters: Any, frame: FrameType | None) -> None:
        """At the service."""
        self.check_session()
        used = shipping.used_by(self, piece.text, frame)
        if used:
            answer = shipping.run_with(self, piece, parameters, used)
        else:
            sql = texts.absolute_paths(piece.text)
            bound: list[Parameter] = []
            if piece.places or parameters:
                sql, bound = self.bind(sql, parameters)
            answer = self.wire.run(sql, bound, exact=True)
        if piece.temporary:
            self._temporary = self.wire.generation
        self.settle(answer, piece.left)

    def check_session(self) -> None:
        """A new session at the service has no temporary tables."""
        if self._temporary:
            self.wire.ready()
            if self._temporary != self.wire.generation:
                self._temporary = 0
                message = "the service was restarted, and the temporary tables of this connection are lost"
                raise LostTransactionError(message)

    def bind(self, sql: str, parameters: Any, *, numbered: bool = False) -> tuple[str, list[Parameter]]:
        """The statement and its parameters as they travel. numbered: with $1, $2, …, whatever it had."""
        found = texts.places(sql)
        given = texts.values_for(found, parameters)
        bound = [values.simple(value) for value in given]
        if None in bound:
            bound = [b or values.parameter(v, i + 1, self.scratch()) for i, (b, v) in enumerate(zip(bound, given))]
        expressions = {i + 1: f"({b.sql})" for i, b in enumerate(bound) if b is not None and b.sql}
        if expressions or numbered or not found.numbered:
            sql = texts.fill(sql, found, expressions)
        return sql, [b for b in bound if b is not None]

    # ---- transactions ----

    def begin(self, sql: str = "BEGIN TRANSACTION") -> None:
        """Raises what DuckDB raises within one."""
        if self.wire.transaction:
            raise duckdb.TransactionException(_IN_TRANSACTION)
        self.check_session()
        self.wire.run(sql)
        self.leave('SELECT true AS "Success" LIMIT 0')

    def commit(self) -> None:
        """What was rolled back meanwhile cannot be committed, and says so."""
        if not self.wire.transaction:
            raise duckdb.TransactionException(_NO_TRANSACTION.format("commit"))
        failed = self.wire.failed
        answer = self.wire.run("COMMIT")
        if answer.tag != "COMMIT":
            raise duckdb.TransactionException(_ABORTED if failed else _ROLLED_BACK)
        self.leave('SELECT true AS "Success" LIMIT 0')

    def rollback(self) -> None:
        """Raises what DuckDB raises without one."""
        if not self.wire.transaction:
            raise duckdb.TransactionException(_NO_TRANSACTION.format("rollback"))
        self.wire.run("ROLLBACK")
        self.leave('SELECT true AS "Success" LIMIT 0')

    # ---- settings ----

    def busy_timeout(self) -> float:
        """Seconds."""
        shown = re.fullmatch(r"([\d.]+) *([a-z]*)", str(self.wire.run("SHOW busy_timeout").columns[0][0]))
        return round(float(shown[1]) * _UNITS[shown[2]], 6) if shown else 0.0

    def set_timeout(self, name: str, seconds: float | None) -> None:
        """One of duckrow's; None: the service's own again."""
        theirs = _TIMEOUTS.get(name)
        if theirs is None:
            return
        if seconds is None:
            self.wire.options.pop(theirs, None)
            self.wire.run(f"RESET {theirs}")
        else:
            self.wire.options[theirs] = str(round(seconds * 1000))
            self.wire.run(f"SET {theirs} = {round(seconds * 1000)}")

    def _set(self, con: Native, piece: Piece) -> None:
        found = _SETTING.match(piece.text)
        name = (found["name"] or "").lower() if found else ""
        means = found is None or bool(found["variable"]) or name in _MEANINGFUL  # without SET: USE
        if name in _ITS_OWN:
            self.wire.run(piece.text)
            self.wire.statements.append(piece.text)
            self.leave('SELECT true AS "Success" LIMIT 0')
            return
        zone = name == "timezone" or bool(found and found["variable"] and "zone" in found["variable"].lower())
        if means:
            self.wire.run(piece.text)
            if not zone:
                self.wire.statements.append(piece.text)
        self._run_here(con, piece.text, None)
        if zone:
            self.wire.options["TimeZone"] = zone_of(self.scratch())

    # ---- what the reader refuses ----

    def rescue(self, con: Native, error: BaseException, query: Any, parameters: Any) -> bool:
        """A read that failed here: does the service know better? True: it has answered."""
        if not isinstance(error, duckdb.Error) or isinstance(error, duckdb.ParserException):
            return False
        unknown = isinstance(error, (duckdb.CatalogException, duckdb.BinderException))
        if "read-only" not in str(error) and not (unknown and self._has_others()):
            return False
        found = self.split(con, query)
        if not found:
            return False
        last = found[-1]
        self._run_there(last, parameters, frames.caller())
        return True

    def _has_others(self) -> bool:
        """Does the service have other databases, too?"""
        if self._many is None:
            question = "SELECT count(*) FROM duckdb_databases() WHERE NOT internal AND path IS NOT NULL"
            self._many = self.wire.run(question).columns[0] != ["1"]
        return self._many
