"""What a connection to a served database does with a statement.

Outside a transaction, what reads is answered by the connection itself, which is DuckDB's, on the newest snapshot: the service
publishes a commit before it acknowledges it, so one reads what one has written. Everything else goes to the service. Rows that come
from there are made a result of the connection's own when they are asked for, so fetching them is DuckDB's business.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

import duckdb

from duckrow import bulk, statements
from duckrow.errors import LostTransactionError
from duckrow.instances import quote_name
from duckrow.served import exact, failures, frames, texts, values
from duckrow.served.texts import Left, Piece, Route
from duckrow.served.wire import Answer, Parameter, Wire
from duckrow.states import Result

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
    ("search_path", "schema", "timezone", "calendar", "integer_division", "ieee_floating_point_ops", "default_collation")
    + ("default_null_order", "null_order", "default_order", "order_by_non_integer_literal", "old_implicit_casting")
    + ("scalar_subquery_error_on_multiple_rows", "lambda_syntax", "file_search_path", "max_expression_depth")
)
_ITS_OWN = frozenset(("lock_timeout", "statement_timeout", "transaction_timeout", "idle_in_transaction_session_timeout"))
_SETTING = re.compile(
    r"\s*(?:SET|RESET|PRAGMA)\s+(?:(?:SESSION|LOCAL)\s+)?(?:(?P<variable>VARIABLE|TIME\s+ZONE)\b|(?P<name>\w+))", re.IGNORECASE
)
_TIMEOUTS = {"busy_timeout": "busy_timeout", "idle_in_transaction_timeout": "idle_in_transaction_session_timeout"}
_ROWS_AT_ONCE = 5000


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

    def scratch(self) -> Native:
        """Another connection to this process's reader."""
        if self._scratch is None:
            self._scratch = self.state.session.instance.connect()
        return self._scratch

    def close(self) -> None:
        """Undoes an open transaction, and hangs up."""
        if self.wire.transaction:
            try:
                self.wire.run("ROLLBACK")
            except duckdb.Error:
                pass
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

    def _settle(self, answer: Answer, left: Left) -> None:
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
        self._check_session()
        used = self._frames(piece.text, frame)
        if used:
            answer = self._run_with(piece, parameters, used)
        else:
            sql, bound = texts.absolute_paths(piece.text), []
            if piece.places or parameters:
                sql, bound = self._bind(sql, parameters)
            answer = self.wire.run(sql, bound, exact=True)
        if piece.temporary:
            self._temporary = self.wire.generation
        self._settle(answer, piece.left)

    def _check_session(self) -> None:
        """A new session at the service has no temporary tables."""
        if self._temporary:
            self.wire.ready()
            if self._temporary != self.wire.generation:
                self._temporary = 0
                message = "the service was restarted, and the temporary tables of this connection are lost"
                raise LostTransactionError(message)

    def _bind(self, sql: str, parameters: Any, *, numbered: bool = False) -> tuple[str, list[Parameter]]:
        found = texts.places(sql)
        given = texts.values_for(found, parameters)
        bound = [values.simple(value) for value in given]
        if None in bound:
            bound = [b or values.parameter(v, i + 1, self.scratch()) for i, (b, v) in enumerate(zip(bound, given))]
        expressions = {i + 1: f"({b.sql})" for i, b in enumerate(bound) if b is not None and b.sql}
        if expressions or numbered or not found.numbered:
            sql = texts.fill(sql, found, expressions)
        return sql, [b for b in bound if b is not None]

    # ---- frames ----

    def _frames(self, sql: str, frame: FrameType | None) -> dict[str, Any]:
        """The data frames that a statement uses, by name. A table of the database goes before a variable."""
        used: dict[str, Any] = {}
        variables = {}
        for name in texts.table_names(sql):
            if name.lower() in self.registered:
                used[name] = self.registered[name.lower()]
            elif (value := frames.variable(frame, name)) is not None:
                variables[name] = value
        for name, value in variables.items():
            question = "SELECT 1 FROM duckdb_tables() WHERE lower(table_name) = lower($1) UNION ALL "
            question += "SELECT 1 FROM duckdb_views() WHERE lower(view_name) = lower($1) LIMIT 1"
            if self.remote:
                known = self.wire.run(question, [values.parameter(name, 1, self.scratch())]).columns[0]
            else:
                known = self.scratch().execute(question, [name]).fetchall()
            if not known:
                used[name] = value
        return used

    def _run_with(self, piece: Piece, parameters: Any, used: dict[str, Any]) -> Answer:
        sql, bound = self._bind(texts.absolute_paths(piece.text), parameters, numbered=True)
        made: dict[str, str] = {}
        tables: list[tuple[frames.Shipment, list[list[Parameter]]]] = []
        size = 0
        for name, value in used.items():
            shipment = frames.Shipment(self.scratch(), value)
            try:
                batches = list(shipment.batches())
            finally:
                shipment.end()
            size += sum(len(p.data or b"") for p in batches[0])
            if len(batches) == 1 and size <= values.MOST_BYTES:
                made[name] = shipment.select(len(bound) + 1)
                bound += batches[0]
            else:
                made[name] = f"SELECT {shipment.made()} FROM temp.duckrow_frame_{len(tables)}"
                tables.append((shipment, batches))
        text = texts.with_tables(sql, made)
        if not tables:
            return self.wire.run(text, bound, exact=True)
        return self._through_tables(text, bound, tables)

    def _through_tables(
        self, sql: str, bound: list[Parameter], tables: list[tuple[frames.Shipment, list[list[Parameter]]]]
    ) -> Answer:
        """In one transaction: the frames into temporary tables, then the statement."""
        alone = not self.wire.transaction
        if alone:
            self.wire.run("BEGIN")
        try:
            for i, (shipment, batches) in enumerate(tables):
                columns = ", ".join(f"c{k} {shipment.sent(kind)}" for k, (_, kind) in enumerate(shipment.columns))
                self.wire.run(f"CREATE OR REPLACE TEMP TABLE duckrow_frame_{i} ({columns})")
                lists = ", ".join(
                    f"unnest(CAST(${k + 1} AS {shipment.sent(kind)}[]))" for k, (_, kind) in enumerate(shipment.columns)
                )
                for batch in batches:
                    self.wire.run(f"INSERT INTO temp.duckrow_frame_{i} SELECT {lists}", batch)
            answer = self.wire.run(sql, bound, exact=True)
            for i in range(len(tables)):
                self.wire.run(f"DROP TABLE temp.duckrow_frame_{i}")
            if alone:
                self.wire.run("COMMIT")
        except BaseException:
            if alone and self.wire.transaction:
                self.wire.run("ROLLBACK")
            raise
        if alone and not self._temporary and not self.wire.statements:
            self.wire.run("DISCARD ALL")  # or all that follows would go past the lane
        return answer

    def append(self, table: str, frame: Any, *, by_name: bool) -> None:
        """All rows of a data frame."""
        self._check_session()
        target = table if re.fullmatch(r'(?:[\w]+|"(?:[^"]|"")+")(?:\.(?:[\w]+|"(?:[^"]|"")+")){0,2}', table) else quote_name(table)
        shipment = frames.Shipment(self.scratch(), frame)
        how = " BY NAME" if by_name else ""
        sql = f"INSERT INTO {target}{how} {shipment.select(1)}"
        try:
            self.wire.pipeline((sql, batch) for batch in shipment.batches())
        finally:
            shipment.end()
        self.leave('SELECT true AS "Success" LIMIT 0')

    def write_relation(self, relation: Any, statement: str) -> None:
        """A relation of this process's, where the statement says duckrow_relation."""
        piece = Piece(statement, Route.WRITE, Left.COUNT, statements.first_word(statement))
        self._settle(self._run_with(piece, None, {"duckrow_relation": relation}), piece.left)

    # ---- transactions ----

    def begin(self, sql: str = "BEGIN TRANSACTION") -> None:
        """Raises what DuckDB raises within one."""
        if self.wire.transaction:
            raise duckdb.TransactionException(_IN_TRANSACTION)
        self._check_session()
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
        return float(str(self.wire.run("SHOW busy_timeout").columns[0][0]).removesuffix("ms")) / 1000

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
        if means:
            self.wire.run(piece.text)
            self.wire.statements.append(piece.text)
        self._run_here(con, piece.text, None)

    # ---- many rows ----

    def run_many(self, con: Native, query: Any, rows: Any) -> None:
        """A statement for each row, as if one after the other."""
        found = self.split(con, query)
        rows = rows if isinstance(rows, (list, tuple)) else list(rows)
        if len(found) != 1 or not rows or found[0].route is not Route.WRITE:
            frame = frames.caller()
            for row in rows:
                for piece in found:
                    self.run_one(con, piece, row, frame)
            return
        self._check_session()
        piece = found[0]
        answer = self._bulk(piece.text, rows) or self._singly(piece.text, rows)
        self._settle(answer, piece.left)
        if self.count is not None:
            self.count = len(rows) if piece.word == "INSERT" else self.count

    def _bulk(self, sql: str, rows: Sequence[Any]) -> Answer | None:
        """A plain INSERT of rows of one shape; None: it is none."""
        shape = bulk.shape(sql, rows)
        if shape is None:
            return None
        into, count = shape
        columns = list(zip(*rows))
        kinds = [values.column_type(column) for column in columns]
        known = [kind for kind in kinds if kind is not None]
        if len(known) < count:
            return None
        unnested = ", ".join(f"unnest(${i + 1})" for i in range(count))
        text = f"INSERT INTO {into} SELECT {unnested}"

        def send(first: int, last: int) -> Answer:
            batches = values.batches(known, [column[first:last] for column in columns])
            self.wire.pipeline((text, batch) for batch in batches)
            return Answer("INSERT 0 1")

        return self._up_to_the_bad_one(send, len(rows))

    def _singly(self, sql: str, rows: Sequence[Any]) -> Answer:
        shape = bulk.shape(sql, list(rows[:1]) * 3)

        def bind(row: Any) -> tuple[str, list[Parameter]]:
            if shape and type(row) in (list, tuple) and len(row) == shape[1]:
                bound = [values.simple(value, row=True) for value in row]
                if None not in bound:
                    return sql, [b for b in bound if b is not None]
            return self._bind(sql, row)

        answer = Answer("")
        for at in range(0, len(rows), _ROWS_AT_ONCE):
            bound: list[tuple[str, list[Parameter]]] = []
            failure = None
            for row in rows[at : at + _ROWS_AT_ONCE]:
                try:
                    bound.append(bind(row))
                except duckdb.Error as error:  # of this row; those before it stay
                    failure = error
                    break
            if bound:
                answer = self._up_to_the_bad_one(lambda first, last, sent=bound: self.wire.pipeline(sent[first:last]), len(bound))  # type: ignore[misc]
            if failure is not None:
                raise failure
        return answer

    def _up_to_the_bad_one(self, send: Callable[[int, int], Answer], count: int) -> Answer:
        """As one transaction. Where that fails, the rows before the first bad one stay, as they do when each is by itself; its
        error is raised."""
        alone = not self.wire.transaction
        try:
            return send(0, count)
        except (duckdb.DataError, duckdb.IntegrityError):
            if not alone or count == 1:
                raise
        first, last = 0, count  # the bad one is between them
        while last - first > 1:
            half = (first + last) // 2
            try:
                send(first, half)
                first = half
            except duckdb.Error:
                last = half
        answer = send(first, last)
        # It went well this time: what was in its way has gone.
        return answer if last == count else self._up_to_the_bad_one(lambda a, b: send(last + a, last + b), count - last)

    # ---- what the reader refuses ----

    def rescue(self, con: Native, error: BaseException, query: Any, parameters: Any) -> bool:
        """A read that failed here: does the service know better? True: it has answered."""
        if not isinstance(error, duckdb.Error) or isinstance(error, duckdb.ParserException):
            return False
        if "read-only" not in str(error):
            if not isinstance(error, (duckdb.CatalogException, duckdb.BinderException)) or not self._has_others():
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

