"""A look at SQL text, to know where a statement is to run: with the reader in this process, or at the service."""

from __future__ import annotations

import enum
import functools
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import duckdb

from duckrow import statements

_TOKEN = re.compile(
    r"""(?P<blank>\s+|--[^\n]*|/\*.*?\*/)
    |(?P<string>[eE]?'(?:[^'\\]|''|\\.|\\)*'(?!')|\$(?P<tag>[A-Za-z_]\w*)?\$.*?\$(?P=tag)\$|\$\$.*?\$\$)
    |(?P<name>"(?:[^"]|"")*"|[^\W\d]\w*)
    |(?P<place>\?\d*|\$\w+)
    |(?P<number>\d[\w.]*)
    |(?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
_PLAIN_STRING = re.compile(r"'(?:[^']|'')*'")


class Route(enum.Enum):
    """Where a statement runs."""

    READ = enum.auto()  # by the reader of this process; within a transaction at the service
    WRITE = enum.auto()  # at the service
    BEGIN = enum.auto()
    COMMIT = enum.auto()
    ROLLBACK = enum.auto()
    SET = enum.auto()  # both have to know
    LOAD = enum.auto()  # both
    LOCAL = enum.auto()  # only the reader has to
    REFUSE = enum.auto()


class Left(enum.Enum):
    """What DuckDB leaves to be fetched of a statement without rows."""

    COUNT = enum.auto()  # one row: how many
    NO_COUNT = enum.auto()  # the same without a row
    SUCCESS = enum.auto()


@dataclass(frozen=True)
class Token:
    """A piece of the text, without blanks."""

    kind: str
    text: str
    start: int
    end: int

    def is_word(self, *words: str) -> bool:
        """Is it one of these keywords?"""
        return self.kind == "name" and self.text.upper() in words


@dataclass(frozen=True)
class Piece:
    """One statement."""

    text: str
    route: Route
    left: Left
    word: str
    temporary: bool = False  # makes what only its session at the service has
    places: bool = True  # are there parameters to fill in? PREPARE has its own


def tokens(sql: str) -> list[Token]:
    """All but blanks and comments."""
    found = []
    at = 0
    while at < len(sql):
        match = _TOKEN.match(sql, at)
        if match is None:
            break
        kind, end = str(match.lastgroup), match.end()
        if kind == "tag":
            kind = "string"
        if kind == "string" and sql[at] == "'":  # only E'…' knows backslashes
            plain = _PLAIN_STRING.match(sql, at)
            end = plain.end() if plain else end
        if kind != "blank":
            found.append(Token(kind, sql[at:end], at, end))
        at = max(end, at + 1)
    return found


def _has(sql: list[Token], *words: str) -> bool:
    """Is one of them there, outside of parentheses?"""
    depth = 0
    for token in sql:
        depth += (token.text in "([") - (token.text in ")]") if token.kind == "sign" else 0
        if depth == 0 and token.is_word(*words):
            return True
    return False


_READS = {"SELECT", "EXPLAIN", "CALL", "PRAGMA", "RELATION", "MULTI", "LOGICAL_PLAN"}
_TRANSACTION = {
    "BEGIN": Route.BEGIN,
    "START": Route.BEGIN,
    "COMMIT": Route.COMMIT,
    "END": Route.COMMIT,
    "ROLLBACK": Route.ROLLBACK,
    "ABORT": Route.ROLLBACK,
}
_SERVICE_WORDS = ("CHECKPOINT", "FORCE", "IMPORT", "EXECUTE", "VACUUM", "ANALYZE")


def _classify(text: str, kind: str, *, places: bool) -> Piece:
    word = statements.first_word(text)
    found = tokens(text)
    left = Left.SUCCESS
    route = Route.WRITE
    temporary = False
    if kind == "TRANSACTION":
        route = _TRANSACTION.get(word, Route.BEGIN)
    elif kind in ("SET", "VARIABLE_SET"):
        route = Route.SET
    elif kind == "LOAD":
        route = Route.LOAD
    elif kind in ("ATTACH", "DETACH", "COPY_DATABASE"):
        route = Route.REFUSE
    elif kind == "EXPORT":
        route = Route.LOCAL
    elif kind in _READS and word not in _SERVICE_WORDS:
        route = Route.READ
    elif kind == "CREATE":
        if word != "CREATE":  # of PIVOT: a type for its own use
            return Piece(text, Route.READ, left, word)
        temporary = any(t.is_word("TEMP", "TEMPORARY") for t in found[:4])
        if any(t.is_word("SECRET") for t in found[:5]):
            route = Route.LOCAL
        makes_rows = any(t.is_word("TABLE") for t in found[:5]) and _has(found, "AS")
        left = Left.COUNT if makes_rows else Left.NO_COUNT
    elif kind == "COPY":
        route = Route.READ if _has(found, "TO") else Route.WRITE
        left = Left.COUNT
    elif kind in ("INSERT", "UPDATE", "DELETE", "MERGE_INTO"):
        left = Left.COUNT
    return Piece(text, route, left, word, temporary, places)


_KEPT = 512
_pieces: dict[str, list[Piece]] = {}


def pieces(split: Callable[[str], list[Any]], query: str) -> list[Piece]:
    """The statements of a text; `split` is DuckDB's extract_statements. Raises what that raises."""
    found = _pieces.get(query)
    if found is None:
        found = [_classify(str(s.query), str(s.type).rpartition(".")[2], places=bool(s.named_parameters)) for s in split(query)]
        if len(_pieces) >= _KEPT:
            _pieces.clear()
        _pieces[query] = found
    return found


# ---- parameters ----


@dataclass(frozen=True)
class Places:
    """The parameters of a statement: where they stand, and which number each has (from 1)."""

    spans: tuple[tuple[int, int, int], ...]
    keys: tuple[str, ...]  # by number
    numbered: bool  # does the text say the numbers already?


@functools.lru_cache(maxsize=512)
def places(sql: str) -> Places:
    """In DuckDB's order: `?` count up, names as they first come."""
    spans: list[tuple[int, int, str]] = []
    keys: dict[str, int] = {}
    marks = 0
    for token in tokens(sql):
        if token.kind != "place":
            continue
        key = token.text[1:]
        if token.text == "?":
            marks += 1
            key = str(marks)
        keys.setdefault(key.lower(), len(keys) + 1)
        spans.append((token.start, token.end, key.lower()))
    named = not all(key.isdigit() for key in keys)
    if not named:
        most = max(map(int, keys), default=0)
        keys = {str(i): i for i in range(1, most + 1)}
    return Places(tuple((a, b, keys[key]) for a, b, key in spans), tuple(keys), not named)


def fill(sql: str, found: Places, expressions: dict[int, str]) -> str:
    """The text with $1, $2 … in place of parameters, or the expressions for them."""
    parts, at = [], 0
    for start, end, number in found.spans:
        parts += [sql[at:start], expressions.get(number, f"${number}")]
        at = end
    return "".join([*parts, sql[at:]])


def values_for(found: Places, parameters: Any) -> list[Any]:
    """The values by number. Raises what DuckDB raises where they don't match."""
    if parameters is None:
        parameters = []
    if isinstance(parameters, dict):
        given = {str(key).lower(): value for key, value in parameters.items()}
    elif isinstance(parameters, (list, tuple)):
        given = {str(i + 1): value for i, value in enumerate(parameters)}
    else:
        message = "Invalid Input Error: Prepared parameters can only be passed as a list or a dictionary"
        raise duckdb.InvalidInputException(message)
    missing = [key for key in found.keys if key not in given]
    if missing:
        message = (
            f"Invalid Input Error: Values were not provided for the following prepared statement parameters: {', '.join(missing)}"
        )
        raise duckdb.InvalidInputException(message)
    extra = [key for key in given if key not in found.keys]
    if extra:
        message = "Invalid Input Error: Parameter argument/count mismatch, identifiers of the excess parameters: " + ", ".join(
            extra
        )
        raise duckdb.InvalidInputException(message)
    return [given[key] for key in found.keys]


# ---- files and frames ----

_FILE_FUNCTIONS = re.compile(r"(?:read|sniff)_\w+|parquet_\w+|glob|\w+_scan", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:|/|~")
_LOOKS_LIKE_FILE = re.compile(r".*\.[A-Za-z]\w*(\.gz|\.zst)?", re.DOTALL)


def absolute_paths(sql: str) -> str:
    """The text with the relative paths of files made absolute: the service has another working directory."""
    if "'" not in sql:
        return sql
    found = tokens(sql)
    copies = bool(found) and found[0].is_word("COPY", "EXPORT", "IMPORT")
    parts, at, inside, depth = [], 0, -1, 0
    for i, token in enumerate(found):
        before = found[i - 1] if i else None
        if token.kind == "sign" and token.text == "(":
            depth += 1
            if before and before.kind == "name" and _FILE_FUNCTIONS.fullmatch(before.text) and inside < 0:
                inside = depth
        elif token.kind == "sign" and token.text == ")":
            inside = -1 if inside == depth else inside
            depth -= 1
        if token.kind != "string" or not token.text.startswith("'") or before is None:
            continue
        path = token.text[1:-1].replace("''", "'")
        named = before.is_word("FROM", "JOIN", "TO", "DATABASE") and (copies or _LOOKS_LIKE_FILE.fullmatch(path))
        first = inside == depth > 0 and before.text in ("(", "[", ",") and not _is_option(found, i)
        if (named or first) and path and not _SCHEME.match(path):
            parts += [sql[at : token.start], "'" + os.path.abspath(path).replace("'", "''") + "'"]
            at = token.end
    return "".join([*parts, sql[at:]]) if parts else sql


def _is_option(found: list[Token], at: int) -> bool:
    """Is it after the first argument of its function? A list of paths is one argument."""
    depth = 0
    for token in reversed(found[:at]):
        if token.text in (")", "]"):
            depth += 1
        elif token.text in ("(", "["):
            if depth == 0 and token.text == "(":
                return False
            depth -= depth > 0
        elif token.text == "=" and depth == 0:
            return True
    return False


@functools.lru_cache(maxsize=512)
def table_names(sql: str) -> tuple[str, ...]:
    """Names that may be those of tables: behind FROM, JOIN, USING or a comma, without a schema or parentheses."""
    found = tokens(sql)
    names = []
    for before, token, after in zip(found, found[1:], [*found[2:], None]):
        if token.kind != "name" or not (before.is_word("FROM", "JOIN", "USING") or before.text == ","):
            continue
        if after is None or after.text not in (".", "("):
            name = token.text
            names.append(name[1:-1].replace('""', '"') if name.startswith('"') else name)
    return tuple(dict.fromkeys(names))


def with_tables(sql: str, made: dict[str, str]) -> str:
    """The text with common table expressions of these names before it, or within it where it creates a table."""
    found = tokens(sql)
    at = 0
    if found and found[0].is_word("CREATE"):
        at = next((i + 1 for i, t in enumerate(found) if t.is_word("AS")), 0)
    elif found and found[0].is_word("COPY"):
        at = next((i + 1 for i, t in enumerate(found) if t.text == "("), 0)
    elif found and found[0].is_word("EXPLAIN"):
        at = 2 if len(found) > 1 and found[1].is_word("ANALYZE") else 1
    expressions = ", ".join('"' + name.replace('"', '""') + f'" AS ({query})' for name, query in made.items())
    if at >= len(found):
        return sql
    start, end = found[at].start, found[at].start
    if found[at].is_word("WITH"):
        end = found[at].end
        head = "WITH"
        if at + 1 < len(found) and found[at + 1].is_word("RECURSIVE"):
            end, head = found[at + 1].end, "WITH RECURSIVE"
        return f"{sql[:start]}{head} {expressions}, {sql[end:]}"
    return f"{sql[:start]}WITH {expressions} {sql[start:]}"
