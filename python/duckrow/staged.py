"""Reading before ingest: the tables of a read session together with their staged files, no row twice and none missing.

The order makes it so: list what is staged; take a snapshot; leave out what its ledger has; open the rest. Ingest removes a file
once its rows and its entry are published, and an entry once its file is gone. So a file without an entry that is still there when
the snapshot is open is not in it, and counts. One that is gone by then is in this snapshot, or in a newer one, or was refused: it
all begins anew, with a snapshot that is at least as new as the new listing.

Files are read through descriptors, which ingest cannot take away. The largest files' are kept; what is in the others is read into a
database in memory.

A view with the table's name shows both. Views of tables in `main` are temporary, which DuckDB looks for first, so each connection
has its own; for those in other schemas, which cannot have any, schemas of the database in memory come first in the search path.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import resource
from collections.abc import Iterator

import duckdb

from duckrow import _core
from duckrow.instances import Instance, quote, quote_name
from duckrow.staged_columns import File, Shape, StagedFile, Table, find_tables, groups, without_bad
from duckrow.states import Native

# A descriptor's path is another file's later: nothing of it is to be kept.
CONFIG = {"enable_external_file_cache": False}
_MEMORY = "duckrow staged"
_MOST_DESCRIPTORS = 200


def _most_descriptors() -> int:
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _MOST_DESCRIPTORS if soft < 0 else max(1, min(_MOST_DESCRIPTORS, soft // 6))


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


class _Shown:
    """The staged files beside one snapshot: their descriptors, and tables of those that have none."""

    def __init__(self, core: _core.Database, instance: Instance, numbers: Iterator[int]) -> None:
        self._core, self._instance, self._numbers = core, instance, numbers
        self._held: list[StagedFile] = []
        self._loaded: list[str] = []
        self.tables: list[Table] = []
        self._has_memory = False

    def _open(self, files: list[StagedFile]) -> bool:
        """False: one is gone."""
        for file in files:
            file.opened = self._core.open_staged(file.folder, file.file)
            if file.opened is None:
                return False
        return True

    def take(self, con: Native, files: list[StagedFile]) -> bool:
        """False: one is gone. `con` is the instance's."""
        most = _most_descriptors()
        files.sort(key=lambda f: f.file[2], reverse=True)
        self._held, rest = files[:most], files[most:]
        if not self._open(self._held):
            return False
        for shape, some in groups(con, self._held):
            good: list[StagedFile] = []

            def check(some: list[StagedFile], shape: Shape = shape, good: list[StagedFile] = good) -> None:
                shape.check(con, some)
                good.extend(some)

            without_bad(some, check)
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
        if not self._has_memory:
            self._instance.attach_more(f"ATTACH IF NOT EXISTS ':memory:' AS {quote_name(_MEMORY)}")
            self._has_memory = True

    def _load(self, con: Native, files: list[StagedFile]) -> None:
        for shape, some in groups(con, files):
            table = shape.table
            if table.loaded is None:
                self._have_memory()
                table.loaded = f"{quote_name(_MEMORY)}.main.loaded_{next(self._numbers)}"
                self._loaded.append(table.loaded)
                con.execute(f"CREATE TABLE {table.loaded} AS SELECT {table.names()} FROM {table.of_database} LIMIT 0")
                table.queries.append(f"SELECT * FROM {table.loaded}")

            def load(some: list[StagedFile], shape: Shape = shape, to: str = table.loaded) -> None:
                shape.check(con, some)
                con.execute(f"INSERT INTO {to} {shape.rows(some)}")

            without_bad(some, load)

    def close(self) -> None:
        """Lets go of the files."""
        _close(self._held)

    def drop(self) -> None:
        """As close, in an engine that goes on."""
        self.close()
        for name in self._loaded:
            with contextlib.suppress(duckdb.Error):
                self._instance.root.execute(f"DROP TABLE IF EXISTS {name}")


def _close(files: list[StagedFile]) -> None:
    for file in files:
        if file.opened is not None:
            file.opened.close()


class Staged:
    """What a read session shows of staged files. `look`, then mount, then `take`; then `show` in each connection, and `settle`."""

    def __init__(self, core: _core.Database) -> None:
        self._core = core
        self._numbers = itertools.count()
        self._listing: list[tuple[str, str, list[File]]] = []
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

    def _not_ingested(self, con: Native, catalog: str) -> list[StagedFile]:
        listed = {folder: table for folder, table, files in self._listing if files and _is_text(folder)}
        if not listed:
            return []
        tables = find_tables(con, catalog, {folder: _parse(table) for folder, table in listed.items()})
        grows = self._core.ingest_adds_columns()
        for table in tables.values():
            table.grows = grows
        known: set[tuple[object, ...]] = set()
        ledger = "SELECT 1 FROM duckdb_tables() WHERE database_name = ? AND schema_name = 'duckrow' AND table_name = 'ingested'"
        if tables and con.execute(ledger, [catalog]).fetchall():
            entries = f"SELECT folder, name, inode, size, modified_ns FROM {quote_name(catalog)}.duckrow.ingested"
            known = set(con.execute(entries).fetchall())
        return [
            StagedFile(tables[folder], folder, file)
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
