"""Data frames that a statement at the service uses: registered ones, and variables of the caller.

They go along as parameters, an array for each column, and stand in the statement as common table expressions. What is too much for
one message is put into a temporary table first.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import duckdb

from duckrow.instances import quote_name
from duckrow.served import exact, values
from duckrow.served.wire import Parameter

ROWS = 100_000  # at a time
_NAME = "duckrow_frame"
_MODULES = ("pandas", "polars", "pyarrow", "numpy", "duckdb", "_duckdb", "duckrow")

# What is fetched as itself, and as what it travels; everything else as text.
_DIRECT = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"), (int, "BIGINT")),
    **dict.fromkeys(("FLOAT", "DOUBLE"), (float, "DOUBLE")),
    "BOOLEAN": (bool, "BOOLEAN"),
    "VARCHAR": (str, "VARCHAR"),
    "BLOB": (bytes, "BLOB"),
}


def is_frame(value: Any) -> bool:
    """Would DuckDB read it as a table?"""
    kind = type(value)
    if kind.__module__.partition(".")[0] not in _MODULES:
        return False
    return hasattr(value, "__arrow_c_stream__") or kind.__name__ in (
        "DataFrame",
        "LazyFrame",
        "Table",
        "RecordBatchReader",
        "Scanner",
        "Dataset",
        "FileSystemDataset",
        "InMemoryDataset",
        "DuckDBPyRelation",
        "Relation",
        "ndarray",
    )


def caller() -> FrameType | None:
    """The frame that called duckrow."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and str(frame.f_globals.get("__package__", "")).partition(".")[0] == "duckrow":
        frame = frame.f_back
    return frame


def variable(frame: FrameType | None, name: str) -> Any:
    """A data frame of that name in the caller's variables; None: there is none."""
    if frame is None:
        return None
    for variables in (frame.f_locals, frame.f_globals):
        if name in variables:
            return variables[name] if is_frame(variables[name]) else None
    return None


class Shipment:
    """A frame on its way."""

    def __init__(self, scratch: duckdb.DuckDBPyConnection, frame: Any) -> None:
        self._scratch = scratch
        relation = getattr(frame, "sql_query", None) and hasattr(frame, "fetchall")
        if relation:
            names, types = list(frame.columns), [str(t) for t in frame.types]
        else:
            scratch.register(_NAME, frame)
            described = scratch.execute(f"DESCRIBE SELECT * FROM {_NAME}").fetchall()
            names, types = [row[0] for row in described], [row[1] for row in described]
        self.columns = [(name, exact.parse(text)) for name, text in zip(names, types)]
        taken = ", ".join(f"{self._taken(quote_name(name), kind)} AS c{i}" for i, (name, kind) in enumerate(self.columns))
        if relation:
            rows = frame.project(taken).fetchall()
            self._batches = iter([rows])
        else:
            scratch.execute(f"SELECT {taken} FROM {_NAME}")
            self._batches = iter(lambda: scratch.fetchmany(ROWS), [])

    def end(self) -> None:
        """Lets go of the frame."""
        self._scratch.unregister(_NAME)

    @staticmethod
    def _taken(name: str, kind: exact.Type) -> str:
        if kind.kind in _DIRECT:
            return f"CAST({name} AS {_DIRECT[kind.kind][1]})"
        return exact.to_text(kind, name)

    def batches(self) -> Iterator[list[Parameter]]:
        """The columns as arrays, so many rows at a time. One at least."""
        kinds = [_DIRECT[kind.kind][0] if kind.kind in _DIRECT else str for _, kind in self.columns]
        some = False
        for rows in self._batches:
            for at in range(0, len(rows), ROWS):
                some = True
                yield from values.batches(kinds, list(zip(*rows[at : at + ROWS])))
        if not some:
            yield from values.batches(kinds, [() for _ in kinds])

    def select(self, first: int) -> str:
        """The frame as a query over arrays, which are the parameters from that number on."""
        lists = ", ".join(f"unnest(CAST(${first + i} AS {self.sent(kind)}[])) AS c{i}" for i, (_, kind) in enumerate(self.columns))
        return f"SELECT {self.made()} FROM (SELECT {lists})"

    @staticmethod
    def sent(kind: exact.Type) -> str:
        """The type that a column travels as."""
        return _DIRECT[kind.kind][1] if kind.kind in _DIRECT else "VARCHAR"

    def made(self) -> str:
        """The columns' values, made of c0, c1, …"""
        made = []
        for i, (name, kind) in enumerate(self.columns):
            value = f"c{i}"
            if kind.kind not in _DIRECT:
                value = exact.from_text(kind, value)
            elif _DIRECT[kind.kind][1] != kind.kind:
                value = f"CAST({value} AS {kind.sql})"
            made.append(f"{value} AS {quote_name(name)}")
        return ", ".join(made)
