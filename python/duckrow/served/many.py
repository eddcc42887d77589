"""executemany through a service: as many rows in one message as there can be.

A plain INSERT of rows of one shape travels as columns (values); any other statement as a pipeline. Either is one transaction, where
DuckDB has one for each row, so what fails is done again up to the first bad row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import duckdb

from duckrow import bulk
from duckrow.served import frames, values
from duckrow.served.texts import Route
from duckrow.served.wire import Answer, Parameter, Wire

if TYPE_CHECKING:
    from duckrow.served.session import Served

_ROWS_AT_ONCE = 5000


def run(served: Served, con: duckdb.DuckDBPyConnection, query: Any, rows: Any) -> None:
    """A statement for each row, as if one after the other."""
    found = served.split(con, query)
    rows = rows if isinstance(rows, (list, tuple)) else list(rows)
    if len(found) != 1 or not rows or found[0].route is not Route.WRITE:
        frame = frames.caller()
        for row in rows:
            for piece in found:
                served.run_one(con, piece, row, frame)
        return
    served.check_session()
    piece = found[0]
    answer = _bulk(served.wire, piece.text, rows) or _singly(served, piece.text, rows)
    served.settle(answer, piece.left)
    if served.count is not None and piece.word == "INSERT":
        served.count = len(rows)


def _bulk(wire: Wire, sql: str, rows: Sequence[Any]) -> Answer | None:
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
        wire.pipeline((text, batch) for batch in batches)
        return Answer("INSERT 0 1")

    return _up_to_the_bad_one(wire, send, len(rows))


def _singly(served: Served, sql: str, rows: Sequence[Any]) -> Answer:
    shape = bulk.shape(sql, list(rows[:1]) * 3)

    def bind(row: Any) -> tuple[str, list[Parameter]]:
        if shape and type(row) in (list, tuple) and len(row) == shape[1]:
            bound = [values.simple(value, row=True) for value in row]
            if None not in bound:
                return sql, [b for b in bound if b is not None]
        return served.bind(sql, row)

    wire = served.wire
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
            answer = _pipelined(wire, bound)
        if failure is not None:
            raise failure
    return answer


def _pipelined(wire: Wire, bound: Sequence[tuple[str, list[Parameter]]]) -> Answer:
    return _up_to_the_bad_one(wire, lambda first, last: wire.pipeline(bound[first:last]), len(bound))


def _up_to_the_bad_one(wire: Wire, send: Callable[[int, int], Answer], count: int) -> Answer:
    """As one transaction. Where that fails, the rows before the first bad one stay, as they do when each is by itself; its
    error is raised."""
    alone = not wire.transaction
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
    return answer if last == count else _up_to_the_bad_one(wire, lambda a, b: send(last + a, last + b), count - last)
