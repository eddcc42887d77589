"""Reading before ingest: the tables of a read session together with their staged files, no row twice and none missing.

The order makes it so: list what is staged; take a snapshot; leave out what its ledger has; open the rest. Ingest removes a file once its
rows and its entry are published, and an entry once its file is gone. So a file without an entry that is still there when the snapshot
is open is not in it, and counts. One that is gone by then is in this snapshot, or in a newer one, or was refused: it all begins anew,
with a snapshot that is at least as new as the new listing.

Files are read through descriptors, which ingest cannot take away. Those of the largest are kept; what is in the others is read into a
database in memory. What ingest would refuse is not shown, as far as it can be told without the table's other rows.

A view with the table's name shows both. Views of tables in `main` are temporary, which DuckDB looks for first, so each connection
has its own; for those in other schemas, which cannot have any, schemas of the database in memory come first in the search path.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import re
import resource
from collections.abc import Callable, Iterable
from typing import Any

import duckdb

from duckrow import _core
from duckrow.instances import Instance, quote, quote_name
from duckrow.states import Native

# A descriptor's path is another file's later, which a cache would not know.
CONFIG = {"enable_external_file_cache": False}
_MEMORY = "duckrow staged"
_MOST_DESCRIPTORS = 200

_File = tuple[str, int, int, int]


@dataclasses.dataclass
class _Column:
    name: str
    type: str
    needed: bool
    default: str | None
    generated: bool = False
    constant: bool = False


class _Table:
    """One that has staged files, and the queries that show them."""

    def __init__(self, catalog: str, schema: str, name: str) -> None:
        self.schema, self.name = schema, name
        self.of_database = ".".join(map(quote_name, (catalog, schema, name)))
        self.columns: list[_Column] = []
        self.queries: list[str] = []
        self.loaded: str | None = None

    def names(self) -> str:
        return ", ".join(quote_name(c.name) for c in self.columns)

    def view(self) -> str:
        """Its rows and the staged ones."""
        return " UNION ALL ".join([f"SELECT {self.names()} FROM {self.of_database}", *self.queries])


@dataclasses.dataclass
class _Staged:
    table: _Table
    folder: str
    file: _File
    opened: _core.StagedFile | None = None

    @property
    def path(self) -> str:
        assert self.opened is not None
        return self.opened.path


def _paths(files: Iterable[_Staged]) -> str:
    return "[" + ", ".join(quote(f.path) for f in files) + "]"


def _read(files: Iterable[_Staged]) -> str:
    return f"read_parquet({_paths(files)}, hive_partitioning = false)"


def _most_descriptors() -> int:
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _MOST_DESCRIPTORS if soft < 0 else max(1, min(_MOST_DESCRIPTORS, soft // 6))


# ---- what fails ----

_NOT_OF_THE_FILE = (
    duckdb.CatalogException,
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.InterruptException,
    duckdb.OutOfMemoryException,
    duckdb.TransactionException,
)


def _without_bad(files: list[_Staged], work: Callable[[list[_Staged]], None]) -> None:
    """Does the work, in halves where it fails, until what it fails for is one file, as ingest does. That one is left out."""
    try:
        work(files)
    except duckdb.Error as error:
        # That a file is there is known: the machine is what fails to open it.
        if isinstance(error, _NOT_OF_THE_FILE) or "Cannot open file" in str(error):
            raise
        if len(files) > 1:
            half = len(files) // 2
            _without_bad(files[:half], work)
            _without_bad(files[half:], work)


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


def _find_tables(con: Native, catalog: str, wanted: dict[str, tuple[str, str]]) -> dict[str, _Table]:
    """The tables that there are, by folder. `wanted`: schema and name of each."""
    found: dict[tuple[str, str], _Table] = {}
    rows = con.execute(
        "SELECT c.schema_name, c.table_name, column_name, data_type, NOT is_nullable, column_default FROM duckdb_columns() c "
        "JOIN duckdb_tables() t USING (database_oid, table_oid) WHERE c.database_name = ? "
        "AND list_contains(?, lower(c.schema_name) || '.' || lower(c.table_name)) ORDER BY c.table_oid, column_index",
        [catalog, [f"{schema.lower()}.{name.lower()}" for schema, name in wanted.values()]],
    ).fetchall()
    for schema, name, column, type_, needed, default in rows:
        table = found.setdefault((schema.lower(), name.lower()), _Table(catalog, schema, name))
        table.columns.append(_Column(column, type_, needed, default))
    for table in found.values():
        names = {c.name.lower() for c in table.columns}
        for looked_at in table.columns:
            if looked_at.default is not None:
                _look_at_default(con, looked_at, names)
    by_folder = {folder: found.get((schema.lower(), name.lower())) for folder, (schema, name) in wanted.items()}
    return {folder: table for folder, table in by_folder.items() if table is not None}


def _parse(table: str) -> tuple[str, str]:
    """Schema and name, of a table as the core writes it."""
    names = [part.replace('""', '"') for part in re.findall(r'"((?:[^"]|"")*)"', table)]
    return (names[0], names[1]) if len(names) == 2 else ("main", names[0])


def _is_text(name: str) -> bool:
    """DuckDB has no other names."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


# ---- columns ----


class _Shape:
    """How files that have the same columns are read as their table's rows."""

    def __init__(self, table: _Table, columns: dict[str, str]) -> None:
        self.table = table
        # Ingest that adds columns takes a file with more of them than the table: these would be left out here.
        self.fits = set(columns) <= {c.name.lower() for c in table.columns if not c.generated}
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

    def rows(self, files: Iterable[_Staged]) -> str:
        """The query that reads them."""
        query = f"SELECT {', '.join(self._expressions)} FROM {_read(files)}"
        if any(c.generated for c in self.table.columns):
            names = (f"{c.default} AS {quote_name(c.name)}" if c.generated else quote_name(c.name) for c in self.table.columns)
            query = f"SELECT {', '.join(names)} FROM ({query})"
        return query

    def check(self, con: Native, files: list[_Staged]) -> None:
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
    "logical_type, scale, precision), ';' ORDER BY n)) FROM (SELECT *, row_number() OVER () n FROM parquet_schema({})) GROUP BY file_name"
)


def _groups(con: Native, files: list[_Staged]) -> list[tuple[_Shape, list[_Staged]]]:
    """Files that are alike, with those left out that are no Parquet or have other columns than their table."""
    signatures: dict[str, str] = {}
    _without_bad(files, lambda some: signatures.update(con.execute(_SIGNATURES.format(_paths(some))).fetchall()))
    alike: dict[tuple[int, str], list[_Staged]] = {}
    for file in files:
        if file.path in signatures:
            alike.setdefault((id(file.table), signatures[file.path]), []).append(file)
    found: list[tuple[_Shape, list[_Staged]]] = []

    def describe(some: list[_Staged]) -> None:
        columns = con.execute(f"SELECT lower(column_name), column_type FROM (DESCRIBE SELECT * FROM {_read(some[:1])})").fetchall()
        shape = _Shape(some[0].table, dict(columns))
        if shape.fits:
            found.append((shape, some))

    for some in alike.values():
        _without_bad(some, describe)
    return found


# ---- what is shown ----


class _Shown:
    """The staged files beside one snapshot: their descriptors, and tables of those that have none."""

    def __init__(self, core: _core.Database, instance: Instance, numbers: Iterable[int]) -> None:
        self._core, self._instance, self._numbers = core, instance, iter(numbers)
        self._held: list[_Staged] = []
        self._loaded: list[str] = []
        self.tables: list[_Table] = []
        self.has_memory = False

    def _open(self, files: list[_Staged]) -> bool:
        """False: one is gone."""
        for file in files:
            file.opened = self._core.open_staged(file.folder, file.file)
            if file.opened is None:
                return False
        return True

    def take(self, con: Native, files: list[_Staged]) -> bool:
        """False: one is gone. `con` is the instance's."""
        most = _most_descriptors()
        files.sort(key=lambda f: f.file[2], reverse=True)
        self._held, rest = files[:most], files[most:]
        if not self._open(self._held):
            return False
        for shape, some in _groups(con, self._held):
            good: list[_Staged] = []

            def check(some: list[_Staged], shape: _Shape = shape, good: list[_Staged] = good) -> None:
                shape.check(con, some)
                good.extend(some)

            _without_bad(some, check)
            if good:
                good.sort(key=lambda f: f.file)
                shape.table.queries.append(shape.rows(good))
        for i in range(0, len(rest), most):
            some = rest[i : i + most]
            try:
                if not self._open(some):
                    return False
                self._load(con, some)
            finally:
                _close(some)
        self.tables = list({id(f.table): f.table for f in files if f.table.queries}.values())
        if any(t.schema != "main" for t in self.tables):
            self._have_memory()
        return True

    def _have_memory(self) -> None:
        if not self.has_memory:
            self._instance.attach_more(f"ATTACH IF NOT EXISTS ':memory:' AS {quote_name(_MEMORY)}")
            self.has_memory = True

    def _load(self, con: Native, files: list[_Staged]) -> None:
        for shape, some in _groups(con, files):
            table = shape.table
            if table.loaded is None:
                self._have_memory()
                table.loaded = f"{quote_name(_MEMORY)}.main.loaded_{next(self._numbers)}"
                self._loaded.append(table.loaded)
                con.execute(f"CREATE TABLE {table.loaded} AS SELECT {table.names()} FROM {table.of_database} LIMIT 0")
                table.queries.append(f"SELECT * FROM {table.loaded}")

            def load(some: list[_Staged], shape: _Shape = shape, to: str = table.loaded) -> None:
                shape.check(con, some)
                con.execute(f"INSERT INTO {to} {shape.rows(some)}")

            _without_bad(some, load)

    def close(self) -> None:
        """Lets go of the files."""
        _close(self._held)

    def drop(self) -> None:
        """As close, in an engine that goes on."""
        self.close()
        for name in self._loaded:
            with contextlib.suppress(duckdb.Error):
                self._instance.root.execute(f"DROP TABLE IF EXISTS {name}")


def _close(files: list[_Staged]) -> None:
    for file in files:
        if file.opened is not None:
            file.opened.close()


class Staged:
    """What a read session shows of staged files. `look`, then mount, then `take`; then `show` in each connection, and `settle`."""

    def __init__(self, core: _core.Database) -> None:
        self._core = core
        self._numbers = itertools.count()
        self._listing: list[tuple[str, str, list[_File]]] = []
        self._shown: _Shown | None = None
        self._old: list[_Shown] = []
        self._views: set[str] = set()
        self._shared_views: set[str] = set()
        self._paths: set[str] = set()  # search paths that are not the user's

    @property
    def shows(self) -> bool:
        """Are there views? Only an attached database that is another than before has prepared statements follow their change."""
        return self._shown is not None

    def look(self) -> None:
        """Lists what is staged: before the snapshot is taken."""
        self._listing = self._core.staged()

    def fresh(self) -> bool:
        """Is nothing else staged than was listed?"""
        return self._core.staged() == self._listing

    def take(self, instance: Instance) -> bool:
        """What was listed and isn't in the mounted snapshot. False: something is gone; look again, and take a newer snapshot."""
        shown = _Shown(self._core, instance, self._numbers)
        try:
            with instance.root.cursor() as con:
                files = self._not_ingested(con, instance.name)
                if files and not shown.take(con, files):
                    shown.drop()
                    return False
                self._share(con, shown)
        except BaseException:
            shown.drop()
            raise
        if self._shown is not None:
            self._old.append(self._shown)
        self._shown = shown
        self._paths |= {"", instance.name, f"{instance.name}.main"}
        return True

    def _not_ingested(self, con: Native, catalog: str) -> list[_Staged]:
        listed = {folder: table for folder, table, files in self._listing if files and _is_text(folder)}
        if not listed:
            return []
        tables = _find_tables(con, catalog, {folder: _parse(table) for folder, table in listed.items()})
        known: set[tuple[object, ...]] = set()
        ledger = "SELECT 1 FROM duckdb_tables() WHERE database_name = ? AND schema_name = 'duckrow' AND table_name = 'ingested'"
        if tables and con.execute(ledger, [catalog]).fetchall():
            entries = f"SELECT folder, name, inode, size, modified_ns FROM {quote_name(catalog)}.duckrow.ingested"
            known = set(con.execute(entries).fetchall())
        return [
            _Staged(tables[folder], folder, file)
            for folder, _, files in self._listing
            for file in files
            if folder in tables and (folder, *file) not in known and _is_text(file[0])
        ]

    def _share(self, con: Native, shown: _Shown) -> None:
        """Makes the views that all connections share."""
        now = set()
        for table in shown.tables:
            if table.schema != "main":
                schema = f"{quote_name(_MEMORY)}.{quote_name(table.schema)}"
                name = f"{schema}.{quote_name(table.name)}"
                con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
                con.execute(f"CREATE OR REPLACE VIEW {name} AS {table.view()}")
                now.add(name)
        for name in self._shared_views - now:
            con.execute(f"DROP VIEW IF EXISTS {name}")
        self._shared_views = now

    def show(self, con: Native, catalog: str) -> None:
        """Makes the views of a connection, in place of those that it has."""
        tables = self._shown.tables if self._shown else []
        views = {t.name: t.view() for t in tables if t.schema == "main"}
        statements = [f"DROP VIEW IF EXISTS temp.{quote_name(name)}" for name in self._views - set(views)]
        statements += [f"CREATE OR REPLACE TEMP VIEW {quote_name(name)} AS {view}" for name, view in views.items()]
        self._views |= set(views)
        for statement in statements:
            with contextlib.suppress(duckdb.CatalogException):  # a temporary table of the user's has that name
                Native.sql(con, statement)
        schemas = sorted({t.schema for t in tables if t.schema != "main"})
        if schemas and self._search_path(con) in self._paths:
            path = [(catalog, "main")]
            for schema in schemas:
                path += [(_MEMORY, schema), (catalog, schema)]
            text = ",".join(".".join(map(quote_name, names)) for names in path)
            Native.sql(con, f"SET search_path = {quote(text)}")
            self._paths.add(self._search_path(con))

    def _search_path(self, con: Native) -> str:
        ((path,),) = Native.sql(con, "SELECT current_setting('search_path')").fetchall()
        return str(path)

    def settle(self) -> None:
        """Once all connections show it: lets go of what they showed before."""
        for shown in self._old:
            shown.drop()
        self._old = []

    def close(self) -> None:
        """Lets go of the files."""
        for shown in [*self._old, *([self._shown] if self._shown else [])]:
            shown.close()
