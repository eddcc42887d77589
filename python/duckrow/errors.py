"""Exceptions, made of the core's one list of errors.

Each derives from what DuckDB would raise in its place, so that handlers written for DuckDB go on working.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import duckdb

from duckrow import _core


@dataclass(frozen=True)
class Process:
    """A process that holds or waits for something. `pid` is 0 where it cannot be seen; `foreign_pid` is the number that one in
    another container has there."""

    pid: int
    command: str
    kind: str
    since: datetime.datetime | None
    foreign_pid: int = 0


class Error(duckdb.Error):
    """What every error of duckrow's is. `name` and `code` are those of the C API, `sqlstate` PostgreSQL's."""

    name = "INTERNAL"
    code = 17
    sqlstate = "XX000"
    os_errno = 0


class BusyError(duckdb.IOException, Error):
    """Somebody else has the database, and the timeout has passed."""

    holder: Process | None = None
    waiting = 0
    waited = 0.0


class StaleError(duckdb.IOException, Error):
    """The snapshot is older than the database."""


class NoSnapshotError(duckdb.IOException, Error):
    """This database has no snapshots."""


class ForkedError(duckdb.ConnectionException, Error):
    """The connection belongs to the parent process."""


class IdleError(duckdb.TransactionException, Error):
    """A transaction or a half-read result sat idle for too long, and was ended."""


class InterruptedWait(duckdb.InterruptException, Error):
    """A signal ended the wait."""


class UsageError(duckdb.InvalidInputException, Error):
    """An argument makes no sense."""


class UnsupportedError(duckdb.NotSupportedError, Error):
    """The place or the file is one that duckrow refuses."""


class MissingError(UnsupportedError):
    """A package is not installed."""


class ServiceError(duckdb.IOException, Error):
    """The service that has the database cannot be reached, or went away."""

    name = "IO"
    code = 7
    sqlstate = "08006"


class LostTransactionError(duckdb.TransactionException, Error):
    """The service went away, and with it the open transaction."""

    name = "IO"
    code = 7
    sqlstate = "08006"


class FileError(duckdb.IOException, Error):
    """The file cannot be used: missing, not a database, not permitted, no space."""


class PublishWarning(UserWarning):
    """The commit stands, but readers could not be given a new snapshot."""


class IdleTransactionWarning(UserWarning):
    """A transaction or a half-read result sits idle, and keeps all other writers waiting."""


_CLASSES: dict[str, type[Error]] = {
    "BUSY": BusyError,
    "USAGE": UsageError,
    "STALE": StaleError,
    "NO_SNAPSHOT": NoSnapshotError,
    "UNSUPPORTED": UnsupportedError,
    "INTERRUPTED": InterruptedWait,
    "FORKED": ForkedError,
}
_BY_CODE = {code: (name, sqlstate) for name, code, _, _, sqlstate in _core.ERRORS}


def _since(milliseconds: int) -> datetime.datetime | None:
    if not milliseconds:
        return None
    return datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.timezone.utc)


def make_error(
    code: int,
    message: str,
    os_errno: int = 0,
    holder: tuple[int, int, int, str, str] = (0, 0, 0, "", ""),
    waiting: int = 0,
    waited_ms: int = 0,
) -> Error:
    """Called by the core for each of its errors."""
    name, sqlstate = _BY_CODE[code]
    error = _CLASSES.get(name, FileError)(message)
    error.name, error.code, error.sqlstate, error.os_errno = name, code, sqlstate, os_errno
    if isinstance(error, BusyError):
        pid, foreign_pid, since_at, kind, command = holder
        if pid or kind:
            error.holder = Process(pid, command, kind, _since(since_at), foreign_pid)
        error.waiting, error.waited = waiting, waited_ms / 1000
    return error


_core.set_error_factory(make_error)
