"""Staging: rows for a table, left beside the database as Parquet files, without a lock, a turn, a service, or even a database.

duckrow.stage("data/core.duckdb", "events", frame)
with duckrow.stager("data/core.duckdb", "events") as s:
    s.add({"id": 1, "what": "started"})

Whoever writes the database takes each file into the table, once.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb

from duckrow import _core, _stock
from duckrow.connection import check_seconds
from duckrow.errors import UsageError
from duckrow.instances import quote, quote_name

_CONVERTED = {
    ".csv": "read_csv",
    ".tsv": "read_csv",
    ".txt": "read_csv",
    ".json": "read_json",
    ".jsonl": "read_json",
    ".ndjson": "read_json",
}
_local = threading.local()


def _engine() -> duckdb.DuckDBPyConnection:
    """This thread's own DuckDB for writing Parquet: nobody's connection is disturbed. A fork gets a new one."""
    if getattr(_local, "pid", None) != os.getpid():
        _local.con = _stock.connect(":memory:")
        _local.pid = os.getpid()
    con: duckdb.DuckDBPyConnection = _local.con
    return con


def _copy(query: str, target: str) -> str:
    return f"COPY ({query}) TO {quote(target)} (FORMAT parquet)"


def _write_file(source: str, target: str) -> None:
    root, ending = os.path.splitext(source)
    if ending in (".gz", ".zst"):
        ending = os.path.splitext(root)[1]
    if ending.lower() == ".parquet":
        with open(source, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            first = file.read(4)
            file.seek(max(0, size - 4))
            if size < 12 or first != b"PAR1" or file.read(4) != b"PAR1":
                message = f"{source} is no whole Parquet file: it doesn't begin and end with PAR1"
                raise UsageError(message)
        shutil.copyfile(source, target)
    elif ending.lower() in _CONVERTED:
        _engine().execute(_copy(f"FROM {_CONVERTED[ending.lower()]}({quote(source)})", target))
    else:
        message = f"{source}: what it holds can't be told by its name, which should end in .parquet, .csv or .json"
        raise UsageError(message)


def _check_row(row: object) -> None:
    if not isinstance(row, Mapping):
        message = f"a row is a dict, with the columns' names: not {type(row).__name__}"
        raise TypeError(message)


def _write_rows(rows: Sequence[Mapping[str, Any]], target: str) -> None:
    """Each column as one list, whose type DuckDB finds; a key that a row lacks is NULL there."""
    names: dict[str, None] = {}
    for row in rows:
        _check_row(row)
        names.update(dict.fromkeys(row))
    if not names:
        message = "there are no rows to stage, or they have no columns"
        raise UsageError(message)
    columns = [[row.get(name) for row in rows] for name in names]
    taken = ", ".join(f"unnest(${i + 1}) AS {quote_name(name)}" for i, name in enumerate(names))
    con = _engine()
    con.execute(f"CREATE OR REPLACE TEMP TABLE duckrow_rows AS SELECT {taken}", columns)
    try:
        con.execute(_copy("FROM temp.duckrow_rows", target))
    finally:
        con.execute("DROP TABLE temp.duckrow_rows")


def _write(data: Any, target: str) -> None:
    if isinstance(data, (str, os.PathLike)):
        _write_file(os.fspath(data), target)
    elif hasattr(data, "write_parquet") and hasattr(data, "sql_query"):  # a relation, on its own connection
        data.write_parquet(target)
    elif isinstance(data, (list, tuple)):
        _write_rows(data, target)
    else:
        # Found by DuckDB as a variable: `register` would convert a frame's columns once more.
        duckrow_data = data  # noqa: F841
        try:
            _engine().execute(_copy("FROM duckrow_data", target))
        except duckdb.InvalidInputException as refused:
            if "not suitable for replacement scans" not in str(refused):
                raise
            message = (
                f"{type(data).__name__} is nothing to stage: it takes data frames, Arrow, relations, lists of dicts, and paths"
            )
            raise TypeError(message) from None


def stage(path: str | os.PathLike[str], table: str, data: Any) -> str:
    """Stages rows for a table (a name, or schema.name) of the database at `path`, which need not exist yet, and returns the staged
    file's path. When it returns the rows are safe, and will be in the table once.

    data: a data frame of pandas or polars, an Arrow table or reader, a DuckDB relation, a list of dicts, or the path of a file:
    Parquet as it is, CSV or JSON (lines) converted.

    Raises UsageError or TypeError where the data is none of these, duckdb.Error where DuckDB can't read it, OSError.
    """
    staged = _core.Stage(os.fspath(path), table)
    try:
        _write(data, staged.path)
        return staged.commit()
    finally:
        staged.abandon()


class Stager:
    """Rows one by one, staged in files of many: after so many rows, bytes (about) or seconds, whatever comes first, and when `with`
    ends. `add` and `flush` may be called from several threads. Rows that were added, but whose file is not staged, are only in
    memory: `flush` stages them at once."""

    def __init__(self, path: str | os.PathLike[str], table: str, rows: int, bytes: int, seconds: float) -> None:
        self._path, self._table = os.fspath(path), table
        self._most, self._most_bytes, self._seconds = rows, bytes, seconds
        self._lock = threading.Lock()
        self._rows: list[Mapping[str, Any]] = []
        self._bytes = 0
        self._timer: threading.Timer | None = None
        self._failed: BaseException | None = None
        self.files: list[str] = []
        """Those that were staged."""
        _core.Stage(self._path, table).abandon()  # what is wrong with them is said here

    def add(self, row: Mapping[str, Any]) -> None:
        """Adds a row: the columns by name. If an earlier file could not be staged it says so here, and keeps the rows."""
        _check_row(row)
        with self._lock:
            self._raise()
            self._rows.append(dict(row))
            self._bytes += sum(len(v) if isinstance(v, (str, bytes)) else 8 for v in row.values())
            if len(self._rows) >= self._most or self._bytes >= self._most_bytes:
                self._stage()
            elif self._timer is None and self._seconds:
                self._timer = threading.Timer(self._seconds, self._due)
                self._timer.daemon = True
                self._timer.start()

    def add_many(self, rows: Iterable[Mapping[str, Any]]) -> None:
        for row in rows:
            self.add(row)

    def flush(self) -> None:
        """Stages what was added so far."""
        with self._lock:
            self._failed = None
            self._stage()

    def _raise(self) -> None:
        if self._failed is not None:
            failed, self._failed = self._failed, None
            raise failed

    def _stage(self) -> None:
        """With the lock."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._rows:
            self.files.append(stage(self._path, self._table, self._rows))
            self._rows, self._bytes = [], 0

    def _due(self) -> None:
        with self._lock:
            try:
                self._timer = None
                self._stage()
            except BaseException as error:
                self._failed = error

    def close(self) -> None:
        self.flush()

    def __enter__(self) -> Stager:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Also after an exception: what was added is staged."""
        try:
            self.flush()
        except BaseException:
            if kind is None:
                raise


def stager(
    path: str | os.PathLike[str],
    table: str,
    *,
    rows: int = 100_000,
    bytes: int = 64 << 20,
    seconds: float = 1.0,
) -> Stager:
    """Rows one by one, in files: see Stager. seconds: how long a row waits at most; 0: as long as it takes."""
    if rows < 1 or bytes < 1:
        message = "rows and bytes must be 1 or more"
        raise UsageError(message)
    return Stager(path, table, rows, bytes, check_seconds("seconds", seconds, 1.0))
