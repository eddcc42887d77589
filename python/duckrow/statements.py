"""A look at SQL text before DuckDB gets it: what only duckrow understands, and what outlives a connection."""

from __future__ import annotations

import re
from typing import Any

import duckdb

SETTINGS = ("busy_timeout", "idle_release", "idle_in_transaction_timeout")
_NAMES = "|".join(SETTINGS)
_BLANK = r"(?:\s|/\*.*?\*/|--[^\n]*(?:\n|$))*"
_SETTING = re.compile(
    rf"""{_BLANK}
    (?:PRAGMA\s+(?P<pragma>{_NAMES})\s*(?:=\s*|\(\s*)(?P<pragma_value>[-+\w.']+)\s*\)?
      |SET\s+(?:SESSION\s+|LOCAL\s+|GLOBAL\s+)?(?P<set>{_NAMES})\s*(?:=|\bTO\b)\s*(?P<set_value>[-+\w.']+)
      |RESET\s+(?P<reset>{_NAMES}))
    \s*;?\s*""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_MENTIONS_SETTING = re.compile(_NAMES, re.IGNORECASE)
_FIRST_WORD = re.compile(rf"{_BLANK};?{_BLANK}\(*(\w*)", re.DOTALL)
_TRANSACTION = re.compile(r"\b(?:begin|start|commit|end|rollback|abort)\b", re.IGNORECASE)
_OPENS = frozenset(("BEGIN", "START"))
_CLOSES = frozenset(("COMMIT", "END", "ROLLBACK", "ABORT"))
_ATTACH = re.compile(r"\b(?:attach|detach)\b", re.IGNORECASE)
# What gives its result at once: nothing is left to be read from the file.
_NO_ROWS = _OPENS | _CLOSES | {"INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "DROP", "ALTER", "COPY", "SET", "RESET", "USE"}
_NO_ROWS |= {"ATTACH", "DETACH", "CHECKPOINT", "VACUUM", "ANALYZE", "LOAD", "INSTALL", "PREPARE", "DEALLOCATE", "EXPORT", "IMPORT"}
_NO_ROWS |= {"COMMENT", "TRUNCATE"}

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


def parse_timeout(name: str, text: str) -> float:
    """Milliseconds, as SQLite's PRAGMA takes them, to seconds."""
    try:
        milliseconds = int(text.strip("'"))
    except ValueError:
        milliseconds = -1
    if milliseconds < 0:
        message = f"{name} is a number of milliseconds, 0 or more, not {text}"
        raise duckdb.InvalidInputException(message)
    return milliseconds / 1000


def find_setting(sql: str) -> tuple[str, float | None] | None:
    """The name and the new value in seconds (None: the default again) where sql sets one of ours."""
    match = _SETTING.fullmatch(sql)
    if not match:
        return None
    if match["reset"]:
        return match["reset"].lower(), None
    name = (match["pragma"] or match["set"]).lower()
    return name, parse_timeout(name, match["pragma_value"] or match["set_value"])


def mentions_setting(sql: str) -> bool:
    """Is it worth a closer look? Cheap."""
    return "_" in sql and _MENTIONS_SETTING.search(sql) is not None


def mentions_attach(sql: str) -> bool:
    """Is it worth a closer look? Cheap."""
    return _ATTACH.search(sql) is not None


def first_word(sql: str) -> str:
    """In upper case, without comments."""
    match = _FIRST_WORD.match(sql)
    return match[1].upper() if match else ""


def split(con: duckdb.DuckDBPyConnection, query: object) -> list[str]:
    """The texts of the statements; what cannot be parsed is one."""
    if not isinstance(query, str):
        return [str(getattr(query, "query", ""))]
    if ";" not in query.rstrip("; \t\r\n"):
        return [query]
    try:
        return [s.query for s in con.extract_statements(query)]
    except duckdb.Error:
        return [query]


def leaves_rows(word: str) -> bool:
    """May a statement with this first word leave a result that is still being read from the file?"""
    return word not in _NO_ROWS


def transaction_after(con: duckdb.DuckDBPyConnection, query: object, word: str) -> bool | None:
    """Whether a transaction is open once this has succeeded; None: as before."""
    if (
        word not in _OPENS
        and word not in _CLOSES
        and (not isinstance(query, str) or ";" not in query or not _TRANSACTION.search(query))
    ):
        return None
    outcome = None
    for statement in split(con, query):
        word = first_word(statement)
        if word in _OPENS:
            outcome = True
        elif word in _CLOSES:
            outcome = False
    return outcome


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
