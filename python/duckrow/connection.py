"""Connections: DuckDB's own class, with a session behind it."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import duckdb

from duckrow import _core, _stock, attachments, bulk, databases, fetching, idle, instances, sessions, statements, subclasses
from duckrow.errors import BusyError, UsageError
from duckrow.mounts import AsOf
from duckrow.served import address, failures
from duckrow.states import (
    DEFAULT_TIMEOUT,
    IDLE_IN_TRANSACTION_TIMEOUT,
    IDLE_RELEASE,
    Result,
    State,
    end_statements,
    is_in_transaction,
)

Refresh = Literal["manual", "statement"]

_Base = duckdb.DuckDBPyConnection

if TYPE_CHECKING:
    from duckrow.served import opening

    class Connection(duckdb.DuckDBPyConnection):
        """A DuckDB connection that takes turns."""

        busy_timeout: float
        read_only: bool
        as_of: AsOf | None

        def refresh(self) -> bool:
            """Shows what is committed now."""

else:
    Connection = subclasses.derive(_Base, "Connection")

_states: dict[int, State] = {}
_ending = False


def _adopt(native: duckdb.DuckDBPyConnection, state: State) -> Connection:
    subclasses.retype(native, Connection)
    state.belongs_to(native)
    _states[id(native)] = state
    state.session.states.add(state)
    return native  # type: ignore[return-value]


def _connect(session: sessions.Session, timeout: float, family: object = None) -> Connection:
    """A connection of a session, which counts it as a user already. DuckDB 2.0 notes the default database when it makes one."""
    native = None
    state = State(session, timeout, family or object())
    try:
        session.enter(state)
        try:
            native = session.instance.connect()
            if session.staged is not None:
                session.staged.show(native, session.instance.name)
            return _adopt(native, state)
        finally:
            session.leave(state)
    except BaseException:
        session.keeper.leave(session, native.close if native else lambda: None)
        raise


def _state(con: Connection) -> State:
    state = _states.get(id(con))
    if state is None:
        message = "Connection already closed!"
        raise duckdb.ConnectionException(message)
    state.check()
    return state


# ---- closing ----


def _close(con: Connection, *, collected: bool = False) -> None:
    state = _states.get(id(con))
    if state is None or state.closed:
        return
    state.closed = True
    session = state.session
    if state.process != os.getpid():
        return
    session.states.discard(state)
    if state.served is not None:
        state.served.close()
    if session.moves:  # it would keep a turn; a snapshot it does not, and asking costs as much as reading a little
        end_statements(con)

    def leave() -> None:
        session.keeper.leave(session, lambda: _Base.close(con))

    if collected and session.is_changed_here():
        idle.watch(sessions.Later(leave), 0.0)
        return
    leave()
    if not collected:
        session.left_by(state)


def _commit(con: Connection, state: State) -> None:
    state.raise_if_ended()
    if state.served is not None:
        if state.served.wire.transaction:
            state.served.commit()
        return
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
        if kind is None and state and not state.closed and (state.session.writes or state.served):
            _commit(con, state)
    finally:
        _close(con)
    return [False]


def _del(con: Connection) -> None:
    try:
        _close(con, collected=True)
    finally:
        _states.pop(id(con), None)


# ---- statements ----


def _set(con: Connection, state: State, name: str, seconds: float | None) -> None:
    if name == "busy_timeout":
        state.timeout = seconds = DEFAULT_TIMEOUT if seconds is None else seconds
    elif name == "idle_release":
        state.session.idle_release = seconds = IDLE_RELEASE if seconds is None else seconds
    else:
        state.idle_in_transaction_timeout = seconds = IDLE_IN_TRANSACTION_TIMEOUT if seconds is None else seconds
    if state.served is not None:
        state.served.forget()
        state.served.set_timeout(name, seconds)
    # Leaves the result that SET leaves.
    _Base.execute(con, f"SET VARIABLE duckrow_{name} = {round(seconds * 1000)}")


def _take_settings(con: Connection, state: State, query: str) -> str | None:
    """The query without what sets one of ours; None when nothing is left."""
    rest = []
    for statement in statements.split(con, query):
        found = statements.find_setting(statement)
        if found:
            _set(con, state, *found)
        else:
            rest.append(statement)
    return (query if len(rest) == 1 and rest[0] == query else ";\n".join(rest)) or None


def _before_statement(con: Connection, *args: Any, **kwargs: Any) -> Any:
    state = _state(con)
    if state.served is not None:
        return _before_served(con, state, con, *args, **kwargs)
    query = args[0] if args else kwargs.get("query")
    session = state.session
    changed = False
    if isinstance(query, str) and statements.mentions_setting(query):
        rest = _take_settings(con, state, query)
        if rest is None:
            return [con]
        changed, query = rest != query, rest
    word = statements.first_word(query) if isinstance(query, str) else ""
    if state.ended and word in ("ROLLBACK", "ABORT"):
        state.ended = None
        return [con]
    state.raise_if_ended()
    if session.instance.clean and statements.outlives_connection(con, query):
        session.instance.clean = False
    outcome = statements.transaction_after(con, query, word)
    session.use(state)
    state.begin_statement(Result.UNREAD if statements.leaves_rows(word) else Result.NONE)
    if isinstance(query, str) and statements.mentions_attach(query):
        try:
            state.change = attachments.prepare(con, state, query)
        except BaseException:
            session.leave(state)
            raise
        if state.change and state.change.query != query:
            changed, query = True, state.change.query
    state.outcome = outcome
    if not changed:
        return None
    if args:
        return (con, query, *args[1:]), kwargs
    return (con,), {**kwargs, "query": query}


def _before_served(con: Connection, state: State, answer: Any, *args: Any, **kwargs: Any) -> Any:
    """None, or other arguments: the reader here is to run it. A list: it has been run."""
    served = state.served
    assert served is not None
    query = args[0] if args else kwargs.get("query")
    changed = False
    if isinstance(query, str) and statements.mentions_setting(query):
        rest = _take_settings(con, state, query)
        if rest is None:
            return [answer]
        changed, query = rest != query, rest
    found = served.split(con, query)
    if not served.is_local(found):
        parameters = args[1] if len(args) > 1 else kwargs.get("parameters", kwargs.get("params"))
        served.run(con, found, parameters)
        return [answer]
    served.forget()
    session = state.session
    if session.instance.clean and statements.outlives_connection(con, query):
        session.instance.clean = False
    session.use(state)
    state.begin_statement(Result.UNREAD)
    if not changed:
        return None
    return ((con, query, *args[1:]), kwargs) if args else ((con,), {**kwargs, "query": query})


def _rescue(con: Connection, error: BaseException, args: Any, kwargs: Any) -> bool:
    state = _states.get(id(con))
    if state is None or state.served is None:
        return False
    query = args[1] if len(args) > 1 else (kwargs or {}).get("query")
    keywords = kwargs or {}
    parameters = args[2] if len(args) > 2 else keywords.get("parameters", keywords.get("params"))
    return state.served.rescue(con, error, query, parameters)


def _rescue_statement(error: BaseException, args: Any, kwargs: Any) -> Any:
    return [args[0]] if _rescue(args[0], error, args, kwargs) else None


def _rescue_relation(error: BaseException, args: Any, kwargs: Any) -> Any:
    con = args[0]
    return [_served_relation(con, _states[id(con)])] if _rescue(con, error, args, kwargs) else None


def _served_relation(con: Connection, state: State) -> Any:
    assert state.served is not None
    relation = state.served.relation(con)
    fetching.adopt(relation, state, detached=True)
    return relation


def _before_relation(con: Connection, *args: Any, **kwargs: Any) -> Any:
    """sql() and its like return no relation for what returns no rows, and run others later."""
    answer = _before_statement(con, *args, **kwargs)
    if isinstance(answer, list) and _state(con).served is not None:
        return [_served_relation(con, _state(con))]
    if isinstance(answer, list):
        return [None]
    _state(con).result = Result.NONE
    return answer


def _before_executemany(con: Connection, *args: Any, **kwargs: Any) -> Any:
    state = _state(con)
    state.raise_if_ended()
    query = args[0] if args else kwargs.get("query")
    rows = args[1] if len(args) > 1 else kwargs.get("parameters")
    if state.served is not None:
        from duckrow.served import many

        many.run(state.served, con, query, rows)
        return [con]
    state.session.use(state)
    state.begin_statement(Result.NONE)
    try:
        rewritten = bulk.rewrite(query, rows)
        if rewritten:
            try:
                _Base.execute(con, *rewritten)
            except duckdb.Error:
                if state.transaction:
                    raise
                return None
            # The last row by itself, so that what is left to fetch is what the original leaves.
            return (con, query, rows[-1:]), {}  # type: ignore[index]
        if state.session.instance.clean and statements.outlives_connection(con, query):
            state.session.instance.clean = False
    except BaseException:
        _after(con, NotImplemented)
        raise
    return None


def _before_append(con: Connection, *args: Any, **kwargs: Any) -> Any:
    served = _state(con).served
    if served is None:
        return _before_plain(con)

    from duckrow.served import shipping

    def append(table_name: str, df: Any, *, by_name: bool = False) -> None:
        shipping.append(served, table_name, df, by_name=by_name)

    append(*args, **kwargs)
    return [con]


def _before_appender(con: Connection, *args: Any, **kwargs: Any) -> None:
    if _state(con).served is not None:
        raise failures.unsupported("an appender")
    _before_plain(con)


def _before_checkpoint(con: Connection) -> Any:
    served = _state(con).served
    if served is None:
        return _before_plain(con)
    served.wire.run("CHECKPOINT")
    return [con]


def _before_table(con: Connection, *args: Any, **kwargs: Any) -> Any:
    state = _state(con)
    if state.served is None or not state.served.remote:
        return _before_plain(con)
    name = args[0] if args else next(iter(kwargs.values()))
    served = state.served
    served.run(con, served.split(con, f"SELECT * FROM {name if '.' in name else instances.quote_name(name)}"), None)
    return [_served_relation(con, state)]


def _before_register(con: Connection, *args: Any, **kwargs: Any) -> None:
    served = _state(con).served
    if served is not None:

        def register(view_name: str, python_object: Any = None) -> None:
            if python_object is None:
                served.registered.pop(view_name.lower(), None)
            else:
                served.registered[view_name.lower()] = python_object

        register(*args, **kwargs)
    _before_plain(con)


def _before_interrupt(con: Connection) -> None:
    state = _states.get(id(con))
    if state is not None and state.served is not None:
        state.served.wire.cancel()


def _before_begin(con: Connection) -> Any:
    state = _state(con)
    if state.served is not None:
        state.served.begin()
        return [con]
    state.raise_if_ended()
    state.session.use(state)
    state.begin_statement(Result.NONE)
    state.outcome = True


def _before_commit(con: Connection) -> Any:
    served = _state(con).served
    if served is not None:
        served.commit()
        return [con]
    _before_begin(con)
    _state(con).outcome = False


def _before_rollback(con: Connection) -> Any:
    state = _states.get(id(con))
    if _ending and state and state.closed:
        return [con]  # a pool that tidies up while the interpreter ends: _close_all() has rolled it back
    state = _state(con)
    if state.served is not None:
        state.served.rollback()
        return [con]
    if state.ended:
        state.ended = None
        return [con]
    return _before_commit(con)


def _before_plain(con: Connection, *args: Any, **kwargs: Any) -> None:
    state = _state(con)
    state.raise_if_ended()
    state.session.use(state)


def _before_other(con: Connection, *args: Any, **kwargs: Any) -> None:
    """What reaches beyond the connection by its nature."""
    if _state(con).served is not None:
        raise failures.unsupported("a function, a file system or an extension of one's own")
    _before_plain(con)
    _state(con).session.instance.clean = False


def _after(con: Connection, result: Any) -> Any:
    state = _states.get(id(con))
    if state is None or state.process != os.getpid():
        return None
    session = state.session
    outcome, change = state.outcome, state.change
    state.outcome = state.change = None
    try:
        if state.closed:
            return None
        if result is NotImplemented:
            state.result = Result.NONE
            if state.transaction or outcome is not None:
                state.transaction = is_in_transaction(con)
        elif outcome is not None:
            state.transaction = outcome
        if change:
            attachments.settle(state, change)
        session.guard()
    finally:
        session.leave(state)
    return None if result is con else fetching.adopt(result, state)


def _before_cursor(con: Connection) -> list[Connection]:
    state = _state(con)
    session = state.session
    if state.served is not None:
        return [_connect_served(state.served.place, state.family)]
    session.keeper.join(session)
    cursor = _connect(session, state.timeout, state.family)
    _states[id(cursor)].idle_in_transaction_timeout = state.idle_in_transaction_timeout
    return [cursor]


# ---- what duckrow adds ----


def _refresh(con: Connection) -> bool:
    """Shows what is committed now, and keeps temporary tables, registrations, settings. Was there anything new?

    Raises duckdb.TransactionException inside a transaction, UsageError where another connection of this process reads the same
    snapshot and this one was not opened with refresh=. A connection that writes always shows the newest.
    """
    state = _state(con)
    return not state.session.writes and state.served is None and state.session.refresh(state)


def _get_as_of(con: Connection) -> AsOf | None:
    state = _state(con)
    return None if state.served is not None else state.session.as_of()


def _get_timeout(con: Connection) -> float:
    state = _state(con)
    return state.timeout if state.served is None else state.served.busy_timeout()


def _get_read_only(con: Connection) -> bool:
    state = _state(con)
    return not state.session.writes and state.served is None


def _get_description(con: Connection) -> Any:
    state = _states.get(id(con))
    if state is not None and state.served is not None and not state.closed:
        state.served.load(con)
    return _Base.description.__get__(con)


def _get_rowcount(con: Connection) -> int:
    state = _states.get(id(con))
    if state is not None and state.served is not None and state.served.count is not None:
        return state.served.count
    return int(_Base.rowcount.__get__(con))


def _install() -> None:
    def hook(
        names: tuple[str, ...],
        before: Callable[..., Any],
        after: Callable[..., Any] | None = _after,
        rescue: Callable[..., Any] | None = None,
    ) -> None:
        for name in names:
            target = getattr(_Base, name, None)
            if target is not None:
                setattr(Connection, name, _core.Hook(target, before, after, rescue))

    hook(("execute",), _before_statement, rescue=_rescue_statement)
    hook(("sql", "query", "from_query"), _before_relation, rescue=_rescue_relation)
    hook(("executemany",), _before_executemany)
    hook(("begin",), _before_begin)
    hook(("commit",), _before_commit)
    hook(("rollback",), _before_rollback)
    hook(("append",), _before_append)
    hook(("appender", "query_appender"), _before_appender)
    hook(("checkpoint",), _before_checkpoint)
    hook(("table", "view"), _before_table)
    hook(("register", "unregister"), _before_register)
    hook(("interrupt",), _before_interrupt, None)
    hook(("values", "table_function", "get_table_names"), _before_plain)
    hook(("from_arrow", "from_csv_auto", "from_df", "from_parquet", "read_csv", "read_json", "read_parquet"), _before_plain)
    hook(("cursor", "duplicate"), _before_cursor, None)
    hook(("close",), _before_close, None)
    hook(("__exit__",), _before_exit, None)
    hook(("create_function", "remove_function", "register_filesystem", "unregister_filesystem"), _before_other)
    hook(("load_extension", "install_extension"), _before_other)
    fetching.install(Connection, _state)
    attributes = {
        "__del__": _del,
        "refresh": _refresh,
        "description": property(_get_description, doc=_Base.description.__doc__),
        "rowcount": property(_get_rowcount, doc=_Base.rowcount.__doc__),
        "as_of": property(_get_as_of, doc="which commit this shows, and when that was published; None: not a snapshot"),
        "busy_timeout": property(_get_timeout, doc="seconds that waits take at most; PRAGMA busy_timeout sets it"),
        "read_only": property(_get_read_only, doc="is this a snapshot?"),
    }
    for name, attribute in attributes.items():
        setattr(Connection, name, attribute)


_install()


# ---- opening ----


def check_seconds(name: str, seconds: float | None, default: float) -> float:
    """Seconds; None is the default."""
    if seconds is None:
        return default
    if not isinstance(seconds, (int, float)) or not seconds >= 0:
        message = f"{name} is a number of seconds, 0 or more, not {seconds!r}"
        raise UsageError(message)
    return float(min(seconds, 10**9))


def _fs_path(path: str | os.PathLike[str]) -> str:
    text = os.fspath(path)
    if not isinstance(text, str) or not text or "\0" in text:
        message = f"the path of a database is a non-empty string, not {path!r}"
        raise UsageError(message)
    return os.path.expanduser(text)


def get_readonly_connection(
    path: str | os.PathLike[str],
    *,
    timeout: float | None = None,
    config: dict[str, Any] | None = None,
    refresh: Refresh | None = None,
    staged: bool = False,
) -> Connection:
    """A connection to the newest snapshot. Never waits for a writer; sees every commit acknowledged before the call.

    timeout: seconds (10) to wait at most where there is no snapshot to read. Raises BusyError then; duckdb.IOException where the
    file is missing or no database. refresh: what it shows stays as it is (None), until refresh() is called ("manual"; also possible
    with None, while no other connection of the process shares its snapshot), or until the next statement outside a transaction
    ("statement").

    staged: tables show their staged files too, which are not ingested yet, each row once, as of the call or the last refresh. So do
    the names `events`, `main.events` and `s.events`; `core.main.events`, with the database's name, is the table alone.
    """
    limit = check_seconds("timeout", timeout, DEFAULT_TIMEOUT)
    if refresh not in (None, "manual", "statement"):
        message = f"refresh is None, 'manual' or 'statement', not {refresh!r}"
        raise UsageError(message)
    database = databases.database(_fs_path(path))
    if refresh is None and not staged:
        session = database.join_reader(config or {}, limit)
    else:
        session = database.open_reader(config or {}, limit, refreshes=refresh == "statement", staged=staged)
    return _connect(session, limit)


def get_write_connection(
    path: str | os.PathLike[str],
    *,
    timeout: float | None = None,
    config: dict[str, Any] | None = None,
    idle_release: float | None = None,
    idle_in_transaction_timeout: float | None = None,
    exclusive: bool = False,
) -> Connection:
    """The one read-write connection: waits for its turn, first come first served, and gives it up when closed or idle.

    As a context manager it commits on leaving, or rolls an open transaction back when an exception leaves with it. The file is made
    if there is none. timeout: seconds (10) to wait at most; then BusyError, which names who has the database.

    idle_release: after so many seconds (1) without a statement it gives its turn up until the next, sooner when somebody waits; 0:
    never. idle_in_transaction_timeout: after so many seconds (10) without a statement an open transaction is rolled back, and the
    next statement raises IdleError; 0: never.

    Where a service has the database (`duckrow serve`), the connection writes through it, and timeouts that are not given are the
    service's. exclusive: takes the file itself, also from a service, which makes way and comes back.
    """
    limit = check_seconds("timeout", timeout, DEFAULT_TIMEOUT)
    release = check_seconds("idle_release", idle_release, IDLE_RELEASE)
    limit_in_transaction = check_seconds("idle_in_transaction_timeout", idle_in_transaction_timeout, IDLE_IN_TRANSACTION_TIMEOUT)
    database = databases.database(_fs_path(path))
    if exclusive:
        session: sessions.Session = database.join_writer(config or {}, limit, "hold")
    else:
        found = _find_writer(database, config or {}, timeout, idle_in_transaction_timeout)
        if not isinstance(found, sessions.Session):
            return found
        session = found
    con = _connect(session, limit)
    state = _states[id(con)]
    state.idle_in_transaction_timeout = limit_in_transaction
    if idle_release is not None:
        session.idle_release = release
    return con


def _find_writer(
    database: databases.Database, config: dict[str, Any], timeout: float | None, idle_timeout: float | None
) -> Connection | sessions.Session:
    """A connection through the service, or the session of an own turn. A service that has the turn but isn't there yet, or is
    leaving, is waited for, and not queued behind."""
    limit = DEFAULT_TIMEOUT if timeout is None else timeout
    deadline = time.monotonic() + limit

    def through_service() -> Connection | None:
        if database.writer is not None or address(database.core.path) is None:
            return None
        from duckrow.served import opening

        place = opening.Place(database, config, timeout, idle_timeout)
        wire = opening.reach(place)
        return None if wire is None else _connect_served(place, object(), wire)

    while True:
        con = through_service()
        if con is not None:
            return con
        try:
            return database.join_writer(config, 0.0)
        except BusyError as error:
            left = deadline - time.monotonic()
            if left <= 0:
                raise
            serves = error.holder is not None and error.holder.kind == "serve"
        if not serves:
            break
        time.sleep(min(left, 0.02))
    try:
        return database.join_writer(config, left)
    except BusyError:
        con = through_service()  # it may have come first
        if con is None:
            raise
        return con


def _connect_served(place: opening.Place, family: object, wire: opening.Wire | None = None) -> Connection:
    """A connection through a service, with a reader of its own: it refreshes when it likes."""
    from duckrow.served.session import Served

    made = wire or place.wire()
    made.ready()
    try:
        session, snapshots = place.reader()
        con = _connect(session, place.limit, family)
        made.tell_zone(place.zone(con))
    except BaseException:
        made.close()
        raise
    state = _states[id(con)]
    state.served = Served(state, made, place, snapshots=snapshots)
    return con


_ELSEWHERE = re.compile(r":|[A-Za-z][A-Za-z0-9_+.-]+:")
_IN_MEMORY = ("", ":memory:")


def connect(
    database: str | os.PathLike[str] = ":memory:",
    read_only: bool = False,
    config: dict[str, Any] | None = None,
    *,
    timeout: float | None = None,
    refresh: Refresh | None = None,
    exclusive: bool = False,
) -> duckdb.DuckDBPyConnection:
    """duckdb.connect, with turns and snapshots for files. What is not a file (`:memory:`, `md:`, …) goes to DuckDB as it is; an
    in-memory database understands ATTACH of files as ours do. exclusive: as get_write_connection takes it."""
    limit = check_seconds("timeout", timeout, DEFAULT_TIMEOUT)
    text = os.fspath(database)
    if not text or _ELSEWHERE.match(text) or _stock.is_snapshot(text):
        native = _stock.connect(text, read_only=read_only, config=config or {})
        if text not in _IN_MEMORY or read_only:
            return native
        session = sessions.Session(databases.Keeper(), instances.Engine(native.cursor()), writes=True)
        session.users = 1
        return _adopt(native, State(session, limit, object()))
    settings = dict(config or {})
    mode = str(settings.pop("access_mode", "")).upper()
    if read_only or mode == "READ_ONLY":
        return get_readonly_connection(text, timeout=limit, config=settings, refresh=refresh)
    return get_write_connection(text, timeout=timeout, config=settings, exclusive=exclusive)


# ---- ending ----


def _close_all() -> None:
    global _ending
    _ending = True
    for state in list(_states.values()):
        con = state.reference()
        if con is not None:
            with contextlib.suppress(Exception):
                _close(con)  # type: ignore[arg-type]
    databases.end_all_idle()
    instances.end_all()
    # What the core keeps of ours would keep the modules, and so DuckDB's types, beyond their time.
    _core.set_error_factory(None)


atexit.register(_close_all)
os.register_at_fork(after_in_child=databases.forget)
