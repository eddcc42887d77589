"""Statements at the service that use data frames of this process (frames): as parameters and common table expressions, or, where
that is too much for one message, through temporary tables."""

from __future__ import annotations

import re
from types import FrameType
from typing import TYPE_CHECKING, Any

from duckrow import statements
from duckrow.instances import quote_name
from duckrow.served import texts, values
from duckrow.served.frames import Shipment, variable
from duckrow.served.texts import Left, Piece, Route
from duckrow.served.wire import Answer, Parameter

if TYPE_CHECKING:
    from duckrow.served.session import Served

_NAME = r'(?:\w+|"(?:[^"]|"")+")'
_TABLE = re.compile(rf"{_NAME}(?:\.{_NAME}){{0,2}}")
_IS_TABLE = (
    "SELECT 1 FROM duckdb_tables() WHERE lower(table_name) = lower($1) UNION ALL "
    "SELECT 1 FROM duckdb_views() WHERE lower(view_name) = lower($1) LIMIT 1"
)


def used_by(served: Served, sql: str, frame: FrameType | None) -> dict[str, Any]:
    """The data frames that a statement uses, by name. A table of the database goes before a variable."""
    used: dict[str, Any] = {}
    variables = {}
    for name in texts.table_names(sql):
        if name.lower() in served.registered:
            used[name] = served.registered[name.lower()]
        elif (value := variable(frame, name)) is not None:
            variables[name] = value
    for name, value in variables.items():
        if not _is_table(served, name):
            used[name] = value
    return used


def _is_table(served: Served, name: str) -> bool:
    if served.remote:
        return bool(served.wire.run(_IS_TABLE, [values.parameter(name, 1, served.scratch())]).columns[0])
    session = served.state.session
    session.use(served.state)
    try:
        return bool(served.scratch().execute(_IS_TABLE, [name]).fetchall())
    finally:
        session.done(served.state)


def run_with(served: Served, piece: Piece, parameters: Any, used: dict[str, Any]) -> Answer:
    """A statement with the frames that it uses."""
    sql, bound = served.bind(texts.absolute_paths(piece.text), parameters, numbered=True)
    made: dict[str, str] = {}
    tables: list[tuple[Shipment, list[list[Parameter]]]] = []
    size = 0
    for name, value in used.items():
        shipment = Shipment(served.scratch(), value)
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
        return served.wire.run(text, bound, exact=True)
    return _through_tables(served, text, bound, tables)


def _through_tables(
    served: Served, sql: str, bound: list[Parameter], tables: list[tuple[Shipment, list[list[Parameter]]]]
) -> Answer:
    """In one transaction: the frames into temporary tables, then the statement."""
    alone = not served.wire.transaction
    if alone:
        served.wire.run("BEGIN")
    try:
        for i, (shipment, batches) in enumerate(tables):
            columns = ", ".join(f"c{k} {shipment.sent(kind)}" for k, (_, kind) in enumerate(shipment.columns))
            served.wire.run(f"CREATE OR REPLACE TEMP TABLE duckrow_frame_{i} ({columns})")
            lists = ", ".join(f"unnest(CAST(${k + 1} AS {shipment.sent(kind)}[]))" for k, (_, kind) in enumerate(shipment.columns))
            for batch in batches:
                served.wire.run(f"INSERT INTO temp.duckrow_frame_{i} SELECT {lists}", batch)
        answer = served.wire.run(sql, bound, exact=True)
        for i in range(len(tables)):
            served.wire.run(f"DROP TABLE temp.duckrow_frame_{i}")
        if alone:
            served.wire.run("COMMIT")
    except BaseException:
        if alone and served.wire.transaction:
            served.wire.run("ROLLBACK")
        raise
    if alone and not served.has_own_state:
        served.wire.discard()  # or all that follows would go past the lane
    return answer


def append(served: Served, table: str, frame: Any, *, by_name: bool) -> None:
    """All rows of a data frame."""
    served.check_session()
    target = table if _TABLE.fullmatch(table) else quote_name(table)
    shipment = Shipment(served.scratch(), frame)
    how = " BY NAME" if by_name else ""
    sql = f"INSERT INTO {target}{how} {shipment.select(1)}"
    try:
        served.wire.pipeline((sql, batch) for batch in shipment.batches())
    finally:
        shipment.end()
    served.leave('SELECT true AS "Success" LIMIT 0')


def write_relation(served: Served, relation: Any, statement: str) -> None:
    """A relation of this process's, where the statement says duckrow_relation."""
    piece = Piece(statement, Route.WRITE, Left.COUNT, statements.first_word(statement))
    served.settle(run_with(served, piece, None, {"duckrow_relation": relation}), piece.left)
