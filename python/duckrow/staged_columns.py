"""Staged files as rows of their tables: by the columns' names, in the table's order and types, as ingest would insert them.

What ingest would refuse is left out, as far as it can be told without the table's other rows: what can't be read, has columns that
the table lacks, holds what doesn't convert, or NULL where there must be none. Keys and CHECK constraints are not looked at.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
from collections.abc import Callable, Iterable
from typing import Any

import duckdb

from duckrow import _core
from duckrow.instances import quote, quote_name
from duckrow.states import Native

File = tuple[str, int, int, int]  # as the core lists it


@dataclasses.dataclass
class _Column:
    name: str
    type: str
    needed: bool
    default: str | None
    generated: bool = False
    constant: bool = False


class Table:
    """One that has staged files, and the queries that show them."""

    def __init__(self, catalog: str, schema: str, name: str) -> None:
        self.schema, self.name = schema, name
        self.of_database = ".".join(map(quote_name, (catalog, schema, name)))
        self.columns: list[_Column] = []
        self.queries: list[str] = []
        self.loaded: str | None = None
        self.grows = False  # ingest adds columns

    def names(self) -> str:
        return ", ".join(quote_name(c.name) for c in self.columns)

    def view(self) -> str:
        """Its rows and the staged ones."""
        return " UNION ALL ".join([f"SELECT {self.names()} FROM {self.of_database}", *self.queries])


@dataclasses.dataclass
class StagedFile:
    """One that may count, and what it is read through once it is open."""

    table: Table
    folder: str
    file: File
    opened: _core.OpenFile | None = None

    @property
    def path(self) -> str:
        assert self.opened is not None
        return self.opened.path


def _paths(files: Iterable[StagedFile]) -> str:
    return "[" + ", ".join(quote(f.path) for f in files) + "]"


def _read(files: Iterable[StagedFile]) -> str:
    return f"read_parquet({_paths(files)}, hive_partitioning = false)"


# ---- what fails ----

_NOT_OF_THE_FILE = (
    duckdb.CatalogException,
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.InterruptException,
    duckdb.OutOfMemoryException,
    duckdb.TransactionException,
)
# Files are open already, so that they can't be opened again isn't their fault.
_OF_THE_MACHINE = (
    "Cannot open file",
    "No files found",
    *map(os.strerror, (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EIO)),
)


def without_bad(files: list[StagedFile], work: Callable[[list[StagedFile]], None]) -> None:
    """Does the work, in halves where it fails, until what it fails for is one file, as ingest does. That one is left out."""
    try:
        work(files)
    except duckdb.Error as error:
        if isinstance(error, _NOT_OF_THE_FILE) or any(text in str(error) for text in _OF_THE_MACHINE):
            raise
        if len(files) > 1:
            half = len(files) // 2
            without_bad(files[:half], work)
            without_bad(files[half:], work)


# ---- tables ----

_steady: set[str] = set()


def _steady_functions(con: Native) -> set[str]:
    """DuckDB's own whose results hang on nothing but their arguments."""
    if not _steady:
        found = con.execute("SELECT function_name FROM duckdb_functions() GROUP BY ALL HAVING bool_and(stability = 'CONSISTENT')")
        _steady.update(name for (name,) in found.fetchall())
    return _steady


def _classes(tree: Any) -> Iterable[dict[str, Any]]:
    """The expressions of a statement that DuckDB has parsed."""
    if isinstance(tree, dict):
        if "class" in tree:
            yield tree
        for value in tree.values():
            yield from _classes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _classes(value)


def _look_at_default(con: Native, column: _Column, names: set[str]) -> None:
    """Is it the same at any time? Or made of other columns, as only a generated column is?"""
    with contextlib.suppress(duckdb.Error):
        ((text,),) = con.execute("SELECT json_serialize_sql(?)", [f"SELECT {column.default}"]).fetchall()
        parts = list(_classes(json.loads(text).get("statements")))
        references = [p["column_names"][-1].lower() for p in parts if p["class"] == "COLUMN_REF"]
        column.generated = bool(references) and names.issuperset(references)
        functions = {p["function_name"] for p in parts if p["class"] == "FUNCTION"}
        others = {p["class"] for p in parts} & {"COLUMN_REF", "SUBQUERY", "PARAMETER", "WINDOW"}
        column.constant = bool(parts) and not others and (not functions or functions <= _steady_functions(con))


def find_tables(con: Native, catalog: str, wanted: dict[str, tuple[str, str]]) -> dict[str, Table]:
    """The tables that there are, by folder. `wanted`: schema and name of each."""
    found: dict[tuple[str, str], Table] = {}
    rows = con.execute(
        "SELECT c.schema_name, c.table_name, column_name, data_type, NOT is_nullable, column_default FROM duckdb_columns() c "
        "JOIN duckdb_tables() t USING (database_oid, table_oid) WHERE c.database_name = ? "
        "AND list_contains(?, lower(c.schema_name) || '.' || lower(c.table_name)) ORDER BY c.table_oid, column_index",
        [catalog, [f"{schema.lower()}.{name.lower()}" for schema, name in wanted.values()]],
    ).fetchall()
    for schema, name, column, type_, needed, default in rows:
        table = found.setdefault((schema.lower(), name.lower()), Table(catalog, schema, name))
        table.columns.append(_Column(column, type_, needed, default))
    for table in found.values():
        names = {c.name.lower() for c in table.columns}
        for looked_at in table.columns:
            if looked_at.default is not None:
                _look_at_default(con, looked_at, names)
    by_folder = {folder: found.get((schema.lower(), name.lower())) for folder, (schema, name) in wanted.items()}
    return {folder: table for folder, table in by_folder.items() if table is not None}


# ---- columns ----


class Shape:
    """How files that have the same columns are read as their table's rows."""

    def __init__(self, table: Table, columns: dict[str, str]) -> None:
        self.table = table
        extra = set(columns) - {c.name.lower() for c in table.columns if not c.generated}
        # Those that ingest will add are not shown before; no other file may have more than the table.
        self.fits = not extra if not table.grows else extra.isdisjoint(c.name.lower() for c in table.columns)
        self._expressions: list[str] = []
        self._converted: list[str] = []
        self._needed: list[str] = []
        for column in table.columns:
            if not column.generated:
                self._add(column, columns.get(column.name.lower()))

    def _add(self, column: _Column, type_: str | None) -> None:
        name = quote_name(column.name)
        if type_ is None:
            self.fits &= not column.needed or column.default not in (None, "NULL")
            expression = f"CAST({column.default if column.constant else 'NULL'} AS {column.type})"
        elif type_ == column.type:
            expression = name
        else:
            expression = f"CAST({name} AS {column.type})"
            self._converted.append(expression)
        if type_ is not None and column.needed:
            self._needed.append(f"{expression} IS NULL")
        self._expressions.append(f"{expression} AS {name}")

    def rows(self, files: Iterable[StagedFile]) -> str:
        """The query that reads them."""
        query = f"SELECT {', '.join(self._expressions)} FROM {_read(files)}"
        if any(c.generated for c in self.table.columns):
            names = (f"{c.default} AS {quote_name(c.name)}" if c.generated else quote_name(c.name) for c in self.table.columns)
            query = f"SELECT {', '.join(names)} FROM ({query})"
        return query

    def check(self, con: Native, files: list[StagedFile]) -> None:
        """Raises what INSERT would, of types and NOT NULL."""
        if not self._converted and not self._needed:
            return
        values = f"max(hash({', '.join(self._converted)}))" if self._converted else "NULL"
        nulls = f"count(*) FILTER ({' OR '.join(self._needed)})" if self._needed else "0"
        ((_, count),) = con.execute(f"SELECT {values}, {nulls} FROM {_read(files)}").fetchall()
        if count:
            message = "NOT NULL constraint failed"
            raise duckdb.ConstraintException(message)


_SIGNATURES = (
    "SELECT file_name, md5(string_agg(concat_ws(',', name, type, type_length, num_children, repetition_type, converted_type, "
    "logical_type, scale, precision), ';' ORDER BY n)) FROM (SELECT *, row_number() OVER () n FROM parquet_schema({})) "
    "GROUP BY file_name"
)


def groups(con: Native, files: list[StagedFile]) -> list[tuple[Shape, list[StagedFile]]]:
    """Files that are alike, with those left out that are no Parquet or have other columns than their table."""
    signatures: dict[str, str] = {}
    without_bad(files, lambda some: signatures.update(con.execute(_SIGNATURES.format(_paths(some))).fetchall()))
    alike: dict[tuple[int, str], list[StagedFile]] = {}
    for file in files:
        if file.path in signatures:
            alike.setdefault((id(file.table), signatures[file.path]), []).append(file)
    found: list[tuple[Shape, list[StagedFile]]] = []

    def describe(some: list[StagedFile]) -> None:
        columns = con.execute(f"SELECT lower(column_name), column_type FROM (DESCRIBE SELECT * FROM {_read(some[:1])})").fetchall()
        shape = Shape(some[0].table, dict(columns))
        if shape.fits:
            found.append((shape, some))

    for some in alike.values():
        without_bad(some, describe)
    return found
