"""What the service reports, as the exceptions that DuckDB would raise."""

from __future__ import annotations

import re

import duckdb

from duckrow.errors import BusyError, Error, IdleError, Process, ServiceError, UnsupportedError

# What DuckDB's messages begin with.
_BY_PREFIX: dict[str, type[Exception]] = {
    "Binder Error": duckdb.BinderException,
    "Catalog Error": duckdb.CatalogException,
    "Connection Error": duckdb.ConnectionException,
    "Constraint Error": duckdb.ConstraintException,
    "Conversion Error": duckdb.ConversionException,
    "Dependency Error": duckdb.DependencyException,
    "FATAL Error": duckdb.FatalException,
    "HTTP Error": duckdb.HTTPException,
    "INTERNAL Error": duckdb.InternalException,
    "INTERRUPT Error": duckdb.InterruptException,
    "IO Error": duckdb.IOException,
    "Invalid Input Error": duckdb.InvalidInputException,
    "Invalid Type Error": duckdb.InvalidTypeException,
    "Invalid type Error": duckdb.InvalidTypeException,
    "Mismatch Type Error": duckdb.TypeMismatchException,
    "Not implemented Error": duckdb.NotImplementedException,
    "Out of Memory Error": duckdb.OutOfMemoryException,
    "Out of Range Error": duckdb.OutOfRangeException,
    "Parser Error": duckdb.ParserException,
    "Permission Error": duckdb.PermissionException,
    "Sequence Error": duckdb.SequenceException,
    "Serialization Error": duckdb.SerializationException,
    "Syntax Error": duckdb.SyntaxException,
    "TransactionContext Error": duckdb.TransactionException,
}
# What the service says itself, by SQLSTATE: the whole, or its class.
_BY_STATE: dict[str, type[Exception]] = {
    "55P03": BusyError,
    "25P03": IdleError,
    "25": duckdb.TransactionException,
    "40": duckdb.TransactionException,
    "57014": duckdb.InterruptException,
    "57P": ServiceError,
    "08": duckdb.InvalidInputException,
    "0A": UnsupportedError,
    "22": duckdb.ConversionException,
    "23": duckdb.ConstraintException,
    "42501": duckdb.PermissionException,
    "42": duckdb.ProgrammingError,
    "53200": duckdb.OutOfMemoryException,
    "53": duckdb.IOException,
    "54": duckdb.InvalidInputException,
    "58": duckdb.IOException,
}
_HOLDER = re.compile(r"\b(?:pid|process) (\d+)")
_ABORTED = "TransactionContext Error: Current transaction is aborted (please ROLLBACK)"


def make(sqlstate: str, message: str) -> Exception:
    """The exception for an error of the service's."""
    if sqlstate == "25P02":
        return duckdb.TransactionException(_ABORTED)
    kind = next((k for prefix, k in _BY_PREFIX.items() if message.startswith(prefix + ":")), None)
    if kind is None:
        kind = next((_BY_STATE[s] for s in (sqlstate, sqlstate[:3], sqlstate[:2]) if s in _BY_STATE), duckdb.Error)
        if sqlstate.startswith("0A"):
            message = f"{message}; with exclusive=True a connection takes the file itself"
    error = kind(message)
    if isinstance(error, Error):
        error.sqlstate = sqlstate
    if isinstance(error, BusyError):
        error.name, error.code = "BUSY", 1
        found = _HOLDER.search(message)
        if found:
            error.holder = Process(int(found[1]), "", "", None)
    return error


def unsupported(what: str) -> Exception:
    """For what only a DuckDB of one's own can do."""
    return UnsupportedError(
        f"{what} cannot be had through the service that has this database: exclusive=True takes the file itself"
    )
