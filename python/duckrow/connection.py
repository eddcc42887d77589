"""Connections: DuckDB's own class, with a turn or a snapshot behind it."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import duckdb

from duckrow import _core, _stock, bulk, instances, sessions, statements
from duckrow.errors import ForkedError, UsageError

DEFAULT_TIMEOUT = 10.0

_Base = duckdb.DuckDBPyConnection
_GARBAGE_COLLECTED = 1 << 14  # Py_TPFLAGS_HAVE_GC

if TYPE_CHECKING:

    class Connection(duckdb.DuckDBPyConnection):
        """A DuckDB connection that takes turns."""

        busy_timeout: float
        read_only: bool

elif _Base.__flags__ & _GARBAGE_COLLECTED:
    Connection = type(_Base)("Connection", (_Base,), {"__slots__": (), "__module__": "duckrow"})
else:
    Connection = _core.subclass("duckrow.Connection", _Base)


class _State:
    """What a connection needs besides what DuckDB keeps. In a table, for the class may add no fields."""

    __slots__ = ("closed", "process", "reference", "session", "timeout")

    def __init__(self, con: duckdb.DuckDBPyConnection, session: sessions.Session, timeout: float) -> None:
        self.reference: weakref.ref[Connection] = weakref.ref(con)  # type: ignore[arg-type]
        self.session = session
        self.timeout = timeout
        self.process = os.getpid()
        self.closed = False


_states: dict[int, _State] = {}
_ending = False


def _adopt(native: duckdb.DuckDBPyConnection, session: sessions.Session, timeout: float) -> Connection:
    if _Base.__flags__ & _GARBAGE_COLLECTED:
        native.__class__ = Connection
    else:
        _core.retype(native, Connection)
    _states[id(native)] = _State(native, session, timeout)
    return native  # type: ignore[return-value]


def _state(con: Connection) -> _State:
    state = _states.get(id(con))
    if state is None or state.closed:
        message = "Connection already closed!"
        raise duckdb.ConnectionException(message)
    if state.process != os.getpid():
        message = "this connection belongs to the parent process: open a new one after fork()"
        raise ForkedError(message)
    return state


# ---- closing ----


def _end_statements(con: Connection) -> None:
    """Ends a transaction and a half-read result, which would keep the file open after DETACH."""
    abort = getattr(_Base, "abort", None)
    if abort:
        with contextlib.suppress(duckdb.Error):
            abort(con)
    with contextlib.suppress(duckdb.Error):
        _Base.rollback(con)


def _close(con: Connection) -> None:
    state = _states.get(id(con))
    if state is None or state.closed:
        return
    if state.process != os.getpid():
        state.closed = True
        return
    state.closed = True
    session = state.session
    if isinstance(session, sessions.WriteSession):
        _end_statements(con)
    session.owner.leave(session, lambda: _Base.close(con))


def _commit(con: Connection) -> None:
    try:
        _Base.commit(con)
    except duckdb.TransactionException as error:
        if "no transaction is active" not in str(error):
            raise


def _before_close(con: Connection) -> list[None]:
    _close(con)
    return [None]


def _before_exit(con: Connection, kind: object = None, value: object = None, trace: object = None) -> list[bool]:
    state = _states.get(id(con))
    try:
        if kind is None and state and not state.closed and isinstance(state.session, sessions.WriteSession):
            _commit(con)
    finally:
        _close(con)
    return [False]


def _del(con: Connection) -> None:
    try:
        _close(con)
    finally:
        _states.pop(id(con), None)


# ---- statements ----


def _set_timeout(con: Connection, state: _State, seconds: float | None) -> None:
    state.timeout = DEFAULT_TIMEOUT if seconds is None else seconds
    # Leaves the result that SET leaves.
    _Base.execute(con, f"SET VARIABLE duckrow_busy_timeout = {round(state.timeout * 1000)}")


def _take_timeouts(con: Connection, state: _State, query: str) -> str | None:
    """The query without what sets busy_timeout; None when nothing is left."""
    seconds, found = statements.find_timeout(query)
    if found:
        _set_timeout(con, state, seconds)
        return None
    if ";" not in query:
        return query
    rest = []
    for statement in con.extract_statements(query):
        seconds, found = statements.find_timeout(statement.query)
        if found:
            _set_timeout(con, state, seconds)
        else:
            rest.append(statement.query)
    return ";\n".join(rest) or None


def _before_statement(con: Connection, *args: Any, **kwargs: Any) -> Any:
    state = _state(con)
    query = args[0] if args else kwargs.get("query")
    session = state.session
    changed = False
    if isinstance(query, str) and statements.mentions_timeout(query):
        rest = _take_timeouts(con, state, query)
        if rest is None:
            return [con]
        changed, query = rest != query, rest
    if session.instance.clean and statements.outlives_connection(con, query):
        session.instance.clean = False
    session.guard()
    if not changed:
        return None
    if args:
        return (con, query, *args[1:]), kwargs
    return (con,), {**kwargs, "query": query}


def _before_relation(con: Connection, *args: Any, **kwargs: Any) -> Any:
    """sql() and its like return no relation for what returns no rows."""
    answer = _before_statement(con, *args, **kwargs)
    return [None] if isinstance(answer, list) else answer


def _before_executemany(con: Connection, *args: Any, **kwargs: Any) -> Any:
    state = _state(con)
    state.session.guard()
    query = args[0] if args else kwargs.get("query")
    rows = args[1] if len(args) > 1 else kwargs.get("parameters")
    rewritten = bulk.rewrite(query, rows)
    if rewritten:
        in_transaction = _in_transaction(con)
        try:
            _Base.execute(con, *rewritten)
        except duckdb.Error:
            if in_transaction:
                raise
            return None
        # The last row by itself, so that what is left to fetch is what the original leaves.
        return (con, query, rows[-1:]), {}  # type: ignore[index]
    if state.session.instance.clean and statements.outlives_connection(con, query):
        state.session.instance.clean = False
    return None


def _in_transaction(con: Connection) -> bool:
    """A BEGIN that fails would abort the transaction; outside of one each statement has another number."""
    try:
        one, two = (_Base.execute(con, "SELECT txid_current()").fetchall() for _ in range(2))
    except duckdb.TransactionException:  # it is aborted
        return True
    return one == two


def _before_other(con: Connection, *args: Any, **kwargs: Any) -> None:
    """What reaches beyond the connection by its nature."""
    _state(con).session.instance.clean = False


def _before_plain(con: Connection, *args: Any, **kwargs: Any) -> None:
    _state(con).session.guard()


def _before_rollback(con: Connection) -> list[Connection] | None:
    state = _states.get(id(con))
    if _ending and state and state.closed:
        return [con]  # a pool that tidies up while the interpreter ends: _close_all() has rolled it back
    _before_plain(con)
    return None


def _after(con: Connection, failed: int) -> None:
    state = _states.get(id(con))
    if state and not state.closed:
        state.session.guard()


def _before_cursor(con: Connection) -> list[Connection]:
    state = _state(con)
    native = state.session.instance.connect()
    with state.session.owner.change:
        state.session.users += 1
    return [_adopt(native, state.session, state.timeout)]


def _get_timeout(con: Connection) -> float:
    return _state(con).timeout


def _get_read_only(con: Connection) -> bool:
    return isinstance(_state(con).session, sessions.ReadSession)


def _install() -> None:
    def hook(names: tuple[str, ...], before: Callable[..., Any], after: Callable[..., Any] | None = None) -> None:
        for name in names:
            target = getattr(_Base, name, None)
            if target is not None:
                setattr(Connection, name, _core.Hook(target, before, after))

    hook(("execute",), _before_statement, _after)
    hook(("sql", "query", "from_query"), _before_relation, _after)
    hook(("executemany",), _before_executemany, _after)
    hook(("begin", "commit", "append", "checkpoint"), _before_plain, _after)
    hook(("rollback",), _before_rollback, _after)
    hook(("cursor", "duplicate"), _before_cursor)
    hook(("close",), _before_close)
    hook(("__exit__",), _before_exit)
    hook(("create_function", "remove_function", "register_filesystem", "unregister_filesystem"), _before_other)
    hook(("load_extension", "install_extension"), _before_other)
    attributes = {
        "__del__": _del,
        "busy_timeout": property(_get_timeout, doc="seconds that waits take at most; PRAGMA busy_timeout sets it"),
        "read_only": property(_get_read_only, doc="is this a snapshot?"),
    }
    for name, attribute in attributes.items():
        setattr(Connection, name, attribute)


_install()


# ---- opening ----


def check_timeout(timeout: float | None) -> float:
    """Seconds; None is the default."""
    if timeout is None:
        return DEFAULT_TIMEOUT
    if not isinstance(timeout, (int, float)) or not timeout >= 0:
        message = f"timeout is a number of seconds, 0 or more, not {timeout!r}"
        raise UsageError(message)
    return float(min(timeout, 10**9))


def _fs_path(path: str | os.PathLike[str]) -> str:
    text = os.fspath(path)
    if not isinstance(text, str) or not text or "\0" in text:
        message = f"the path of a database is a non-empty string, not {path!r}"
        raise UsageError(message)
    return os.path.expanduser(text)


def get_readonly_connection(
    path: str | os.PathLike[str], *, timeout: float | None = None, config: dict[str, Any] | None = None
) -> Connection:
    """A connection to the newest snapshot. Never waits for a writer; sees every commit acknowledged before the call.

    timeout: seconds (10) to wait at most where there is no snapshot to read. Raises BusyError then; duckdb.IOException where the
    file is missing or no database.
    """
    limit = check_timeout(timeout)
    session = sessions.database(_fs_path(path)).join_reader(config or {}, limit)
    return _connect(session, limit)


def get_write_connection(
    path: str | os.PathLike[str], *, timeout: float | None = None, config: dict[str, Any] | None = None
) -> Connection:
    """The one read-write connection: waits for its turn, first come first served, and gives it up when closed.

    As a context manager it commits on leaving, or rolls an open transaction back when an exception leaves with it. The file is made
    if there is none. timeout: seconds (10) to wait at most; then BusyError, which names who has the database.
    """
    limit = check_timeout(timeout)
    session = sessions.database(_fs_path(path)).join_writer(config or {}, limit)
    return _connect(session, limit)


def _connect(session: sessions.Session, timeout: float) -> Connection:
    native = None
    try:
        native = session.instance.connect()
        return _adopt(native, session, timeout)
    except BaseException:
        session.owner.leave(session, native.close if native else lambda: None)
        raise


_ELSEWHERE = re.compile(r":|[A-Za-z][A-Za-z0-9_+.-]+:")


def connect(
    database: str | os.PathLike[str] = ":memory:",
    read_only: bool = False,
    config: dict[str, Any] | None = None,
    *,
    timeout: float | None = None,
) -> duckdb.DuckDBPyConnection:
    """duckdb.connect, with turns and snapshots for files. What is not a file (`:memory:`, `md:`, …) goes to DuckDB as it is."""
    limit = check_timeout(timeout)
    text = os.fspath(database)
    if not text or _ELSEWHERE.match(text) or _stock.is_snapshot(text):
        return _stock.connect(text, read_only=read_only, config=config or {})
    settings = dict(config or {})
    mode = str(settings.pop("access_mode", "")).upper()
    if read_only or mode == "READ_ONLY":
        return get_readonly_connection(text, timeout=limit, config=settings)
    return get_write_connection(text, timeout=limit, config=settings)


# ---- ending ----


def _close_all() -> None:
    global _ending
    _ending = True
    for state in list(_states.values()):
        con = state.reference()
        if con is not None:
            with contextlib.suppress(Exception):
                _close(con)
    sessions.end_all_idle()
    instances.end_all()
    # What the core keeps of ours would keep the modules, and so DuckDB's types, beyond their time.
    _core.set_error_factory(None)


atexit.register(_close_all)
os.register_at_fork(after_in_child=sessions.forget)
