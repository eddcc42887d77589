"""Reading results: rows of a connection, and relations and appenders, which use the file when they are asked to.

A half-read result keeps the file open. Rows that are put aside so that the turn can be given up (states) are served from here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import duckdb

from duckrow import _core, instances, subclasses
from duckrow.served import failures
from duckrow.states import Result, State

_Base = duckdb.DuckDBPyConnection

# Of a connection: the whole result, or a reader of it.
_WHOLE = (
    "df",
    "fetchdf",
    "fetch_df",
    "fetchnumpy",
    "pl",
    "torch",
    "tf",
    "to_arrow_table",
    "fetch_arrow_table",
    "abort",
    "complete",
)
_READERS = ("arrow", "fetch_record_batch", "to_arrow_reader", "fetch_df_chunk")
# Of a relation: what may leave its result half read.
_RELATION_READERS = frozenset(
    ("fetchone", "fetchmany", "fetch_df_chunk", "fetch_record_batch", "to_arrow_reader", "fetch_arrow_reader", "arrow", "execute")
)
_RELATION_WHOLE = frozenset(
    ("fetchall", "df", "to_df", "fetchdf", "fetchnumpy", "pl", "torch", "tf", "to_arrow_table", "fetch_arrow_table", "close")
)

_WRITERS = frozenset(("create", "to_table", "insert_into", "insert", "update", "create_view", "to_view"))

# ---- rows of a connection ----


def install(connection: Any, state_of: Callable[[Any], State]) -> None:
    """Gives the class of connections its fetch methods."""

    def reading(method: Callable[[Any, State, Any], Any], after: Result, name: str) -> None:
        native = getattr(_Base, name, None)
        if native is None:
            return

        def fetch(con: Any, *args: Any, **kwargs: Any) -> Any:
            state = state_of(con)
            session = state.session
            if state.served is not None:
                state.served.load(con)
            if not session.moves:
                return native(con, *args, **kwargs)
            state.raise_if_ended()
            session.enter(state, mounted=False)
            try:
                result = method(con, state, native, *args, **kwargs)
                if state.result is not Result.NONE:
                    state.result = after
                return result
            finally:
                session.leave(state)

        fetch.__name__ = fetch.__qualname__ = name
        fetch.__doc__ = native.__doc__
        setattr(connection, name, fetch)

    reading(_fetchone, Result.ROWS, "fetchone")
    reading(_fetchmany, Result.ROWS, "fetchmany")
    reading(_fetchall, Result.NONE, "fetchall")
    for name in _WHOLE:
        reading(_other, Result.NONE, name)
    for name in _READERS:
        reading(_other, Result.UNREAD, name)


def _take(state: State, count: int | None) -> list[Any]:
    """Rows that were put aside; None: all of them."""
    rest = state.rest or []
    count = len(rest) if count is None else count
    taken = rest[:count]
    state.rest = rest[count:] or None
    return taken


def _fetchone(con: Any, state: State, native: Any) -> Any:
    return _take(state, 1)[0] if state.rest else native(con)


def _fetchmany(con: Any, state: State, native: Any, size: int = 1) -> Any:
    rows = _take(state, max(size, 0))
    return rows + native(con, size - len(rows)) if len(rows) < size else rows


def _fetchall(con: Any, state: State, native: Any) -> Any:
    return _take(state, None) + native(con) if state.rest else native(con)


def _other(con: Any, state: State, native: Any, *args: Any, **kwargs: Any) -> Any:
    if state.rest:
        message = "the rest of a result of which rows have been read can only be read as rows: use fetchall()"
        raise duckdb.InvalidInputException(message)
    return native(con, *args, **kwargs)


# ---- relations and appenders ----

_states: dict[int, State] = {}
_detached: set[int] = set()  # what needs nothing of the database any more


def _before(companion: Any, *args: Any, **kwargs: Any) -> None:
    state = _states.get(id(companion))
    if state is None or state.closed:
        return
    state.check()
    state.raise_if_ended()
    if state.served is not None and state.served.remote and id(companion) not in _detached:
        raise failures.unsupported("a relation that was made before the transaction, read within it")
    state.session.use(state)


def _after(result_left: Result | None) -> Callable[[Any, Any], Any]:
    def after(companion: Any, result: Any) -> Any:
        state = _states.get(id(companion))
        if state is None or state.closed:
            return None
        if result_left is not None and result is not NotImplemented:
            state.result = result_left
        state.session.done(state)
        return adopt(result, state, detached=id(companion) in _detached)

    return after


def _del(companion: Any) -> None:
    _states.pop(id(companion), None)
    _detached.discard(id(companion))


def _writing(name: str) -> Callable[..., Any]:
    """A relation's method that writes: where a service does that, its rows go there."""

    def before(companion: Any, *args: Any, **kwargs: Any) -> Any:
        state = _states.get(id(companion))
        if state is not None and state.served is not None:
            state.check()
            statement = _statement_of(name, *args, **kwargs)
            if statement is None:
                raise failures.unsupported(f"a relation's {name}()")
            from duckrow.served import shipping

            shipping.write_relation(state.served, companion, statement)
            return [None]
        return _before(companion, *args, **kwargs)

    return before


def _statement_of(name: str, table_name: str = "", *args: Any, **kwargs: Any) -> str | None:
    """What create() and insert_into() mean in SQL."""
    if args or kwargs or not table_name or name not in ("create", "to_table", "insert_into"):
        return None
    target = table_name if "." in table_name else instances.quote_name(table_name)
    if name == "insert_into":
        return f"INSERT INTO {target} FROM duckrow_relation"
    return f"CREATE TABLE {target} AS FROM duckrow_relation"


def _companion(base: Any, name: str) -> Any:
    derived = subclasses.derive(base, name)
    extra = ("__repr__", "__str__", "__len__", "__getitem__", "__arrow_c_stream__", "__enter__", "__exit__")
    for attribute in dir(base):
        if attribute.startswith("_") and attribute not in extra:
            continue
        target = inspect.getattr_static(base, attribute)
        left = Result.UNREAD if attribute in _RELATION_READERS else Result.NONE if attribute in _RELATION_WHOLE else None
        if attribute == "shape":
            setattr(derived, attribute, property(_core.Hook(target.__get__, _before, _after(None))))
        elif callable(getattr(base, attribute)):
            before = _writing(attribute) if attribute in _WRITERS else _before
            setattr(derived, attribute, _core.Hook(getattr(base, attribute), before, _after(left)))
    derived.__del__ = _del
    return derived


_companions = {
    base: _companion(base, name)
    for base, name in (
        (duckdb.DuckDBPyRelation, "Relation"),
        (getattr(__import__("_duckdb"), "Appender", None), "Appender"),
    )
    if base is not None
}


def adopt(result: Any, state: State, *, detached: bool = False) -> None:
    """A relation or an appender is used through the session of the connection that it came from. detached: the database is no part
    of it."""
    derived = _companions.get(type(result))
    if derived is not None and state.session.moves:
        subclasses.retype(result, derived)
        _states[id(result)] = state
        if detached:
            _detached.add(id(result))
