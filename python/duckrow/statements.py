"""A look at SQL text before DuckDB gets it: what only duckrow understands, and what outlives a connection."""

from __future__ import annotations

import re
from typing import Any

import duckdb

_BUSY_TIMEOUT = re.compile(
    r"""\s*(?:/\*.*?\*/\s*|--[^\n]*\n\s*)*
    (?:PRAGMA\s+busy_timeout\s*(?:=\s*|\(\s*)(?P<pragma>[-+\w.']+)\s*\)?
      |SET\s+(?:SESSION\s+|LOCAL\s+|GLOBAL\s+)?busy_timeout\s*(?:=|\bTO\b)\s*(?P<set>[-+\w.']+)
      |(?P<reset>RESET\s+busy_timeout))
    \s*;?\s*""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)

# Words without which no statement changes more than its own connection and the database.
_SUSPECT = re.compile(
    r"\b(?:set|reset|pragma|attach|detach|load|install|call|use|import|secret|extension|function|force|checkpoint|"
    r"update\s+extensions|enable_\w+|disable_\w+|force_\w+|\w*_log\w*|logging)\b",
    re.IGNORECASE,
)
_FUNCTIONS = re.compile(r"\b(?:enable_|disable_|force_)\w+\s*\(|\w*_logs?\w*\s*\(|\bsecret\b", re.IGNORECASE)
# Kinds of statement whose effect ends with the connection or lies in the database.
_OWN = frozenset(
    name
    for name in (
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "EXPLAIN",
        "CREATE",
        "DROP",
        "ALTER",
        "TRANSACTION",
        "COPY",
        "ANALYZE",
        "VACUUM",
        "PREPARE",
        "EXECUTE",
        "MERGE_INTO",
    )
)


def _kind(statement: Any) -> str:
    return str(statement.type).rsplit(".", 1)[-1]


def parse_timeout(text: str) -> float:
    """Milliseconds, as SQLite's PRAGMA takes them, to seconds."""
    try:
        milliseconds = int(text.strip("'"))
    except ValueError:
        milliseconds = -1
    if milliseconds < 0:
        message = f"busy_timeout is a number of milliseconds, 0 or more, not {text}"
        raise duckdb.InvalidInputException(message)
    return milliseconds / 1000


def find_timeout(sql: str) -> tuple[float | None, bool]:
    """The new timeout in seconds (None: the default again), and whether sql sets one."""
    match = _BUSY_TIMEOUT.fullmatch(sql)
    if not match:
        return None, False
    if match["reset"]:
        return None, True
    return parse_timeout(match["pragma"] or match["set"]), True


def mentions_timeout(sql: str) -> bool:
    """Is it worth a closer look? Cheap."""
    return "busy_timeout" in sql or "BUSY_TIMEOUT" in sql.upper()


def outlives_connection(con: duckdb.DuckDBPyConnection, query: object) -> bool:
    """May this leave something behind in the engine that another connection would see? True when in doubt."""
    if isinstance(query, str):
        if not _SUSPECT.search(query):
            return False
        try:
            statements = con.extract_statements(query)
        except duckdb.Error:
            return False
    else:
        statements = [query]  # type: ignore[list-item]
    return any(_kind(s) not in _OWN or _FUNCTIONS.search(str(getattr(s, "query", ""))) for s in statements)
