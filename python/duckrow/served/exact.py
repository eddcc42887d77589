"""DuckDB values as text, and back: what format 2 of the service sends (src/service/types.h), and what parameters go there as.

A scalar is DuckDB's own text. Casts from text to nested types lose brackets and quotes in DuckDB 1.5, so a nested value travels as
text of a simpler type, its carrier: strings within are hexadecimal digits, a STRUCT has fields f0, f1, …, a MAP is {k: [], v: []},
a UNION {t: which, f0: …, f1: …}. SQL makes one out of the other, on either side.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from duckrow.instances import quote, quote_name

_TOKEN = re.compile(r"""\s*("(?:[^"]|"")*"|'(?:[^']|'')*'|[A-Za-z_][\w]*|\d+|[(),\[\]])""")
_STRINGS = ("VARCHAR", "JSON", "ENUM", "BLOB")
_NESTED = ("LIST", "ARRAY", "STRUCT", "MAP", "UNION")


@dataclass(frozen=True)
class Type:
    """`kind`: LIST, ARRAY, STRUCT, MAP, UNION, ENUM, or a scalar's name. `sql`: the whole as SQL says it."""

    kind: str
    sql: str
    names: tuple[str, ...] = ()
    children: tuple[Type, ...] = ()

    @property
    def nested(self) -> bool:
        """Has it parts?"""
        return self.kind in _NESTED

    @property
    def carrier(self) -> str:
        """The type, in SQL, of what it travels as within a nested value."""
        parts = [child.carrier for child in self.children]
        if self.kind in ("LIST", "ARRAY"):
            return f"{parts[0]}[]"
        if self.kind == "MAP":
            return f"STRUCT(k {parts[0]}[], v {parts[1]}[])"
        if self.kind in ("STRUCT", "UNION"):
            fields = [f"f{i} {part}" for i, part in enumerate(parts)]
            return f"STRUCT({', '.join(['t UTINYINT'] * (self.kind == 'UNION') + fields)})"
        return "VARCHAR" if self.kind in _STRINGS or self.kind == "NULL" else self.sql


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = _TOKEN.findall(text)
        self.at = 0

    def take(self, *wanted: str) -> str | None:
        """The next token, if it is one of these; any without them."""
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        if token is None or (wanted and token not in wanted):
            return None
        self.at += 1
        return str(token)

    def type(self) -> Type:
        word = self.take() or ""
        name = word.strip('"').upper() if word else ""
        if name == "DECIMAL" and self.take("("):
            width, _, scale, _ = self.take(), self.take(), self.take(), self.take()
            found = Type("DECIMAL", f"DECIMAL({width}, {scale})")
        elif name == "ENUM":
            found = self._enum()
        elif name in ("STRUCT", "TUPLE", "UNION", "MAP"):
            found = self._parts("STRUCT" if name == "TUPLE" else name)
        else:
            if name in ("TIMESTAMP", "TIME") and self.take("WITH"):
                name += " WITH TIME ZONE"
                self.take(), self.take()
            found = Type(name, '"NULL"' if name == "NULL" else name)
        while self.take("["):
            size = "" if self.take("]") else self.take() or ""
            if size:
                self.take()
            found = Type("ARRAY" if size else "LIST", f"{found.sql}[{size}]", (), (found,))
        return found

    def _enum(self) -> Type:
        values = []
        self.take()
        while not self.take(")"):
            token = self.take() or ")"
            if token != ",":
                values.append(token)
        return Type("ENUM", f"ENUM({', '.join(values)})")

    def _parts(self, kind: str) -> Type:
        names, children = [], []
        self.take()
        while not self.take(")"):
            if self.take(","):
                continue
            name = None
            if kind != "MAP" and self._is_named():
                name = self.take() or ""
                name = name[1:-1].replace('""', '"') if name.startswith('"') else name
            names.append(name)
            children.append(self.type())
        if None in names:
            sql = f"{kind}({', '.join(c.sql for c in children)})"
            return Type(kind, sql, (), tuple(children))
        fields = (f"{quote_name(str(n))} {c.sql}" for n, c in zip(names, children))
        return Type(kind, f"{kind}({', '.join(fields)})", tuple(map(str, names)), tuple(children))

    def _is_named(self) -> bool:
        """A name is followed by a type; a type by what ends it."""
        following = self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else ")"
        return following not in (",", ")", "(", "[") and following != "WITH"


@functools.lru_cache(maxsize=512)
def parse(text: str) -> Type:
    """A type as DuckDB names it."""
    return _Parser(text).type()


# ---- expressions ----

_LAMBDA = re.compile(r"duckrow_item(\d+)")


def _field(value: str, name: str) -> str:
    return f"struct_extract({value}, '{name}')"


def _over(items: str, child: Type, convert: str) -> str:
    name = f"duckrow_item{1 + max(map(int, _LAMBDA.findall(items)), default=0)}"
    return f"list_transform({items}, lambda {name}: {_convert(name, child, convert)})"


def _plain(kind: Type) -> bool:
    """Is it its own carrier?"""
    return kind.kind not in _STRINGS and kind.kind != "NULL" and not kind.nested


def _convert(value: str, kind: Type, convert: str) -> str:
    return _from(value, kind) if convert == "from" else _to(value, kind)


def _guard(value: str, expression: str) -> str:
    return f"CASE WHEN {value} IS NOT NULL THEN {expression} END"


def _from(value: str, kind: Type) -> str:
    """Out of a carrier within a nested value."""
    if kind.kind == "NULL":
        return "NULL"
    if kind.kind == "BLOB":
        return f"unhex({value})"
    if kind.kind == "VARCHAR":
        return f"decode(unhex({value}))"
    if kind.kind in _STRINGS:
        return f"CAST(decode(unhex({value})) AS {kind.sql})"
    if kind.kind in ("LIST", "ARRAY"):
        child = kind.children[0]
        items = value if _plain(child) else _over(value, child, "from")
        return f"CAST({items} AS {kind.sql})" if kind.kind == "ARRAY" else items
    if kind.kind == "MAP":
        halves = [_over(_field(value, half), child, "from") for half, child in zip("kv", kind.children)]
        return _guard(value, f"map({', '.join(halves)})")
    if kind.kind == "STRUCT":
        parts = [_from(_field(value, f"f{i}"), child) for i, child in enumerate(kind.children)]
        if not kind.names:
            return _guard(value, f"row({', '.join(parts)})")
        return _guard(value, f"struct_pack({', '.join(f'{quote_name(n)} := {p}' for n, p in zip(kind.names, parts))})")
    if kind.kind == "UNION":
        cases = (
            f"WHEN {i} THEN CAST(union_value({quote_name(name)} := {_from(_field(value, f'f{i}'), child)}) AS {kind.sql})"
            for i, (name, child) in enumerate(zip(kind.names, kind.children))
        )
        return f"CASE {_field(value, 't')} {' '.join(cases)} END"
    return value


def _to(value: str, kind: Type) -> str:
    """Into a carrier within a nested value."""
    if kind.kind == "BLOB":
        return f"hex({value})"
    if kind.kind in _STRINGS:
        return f"hex(encode(CAST({value} AS VARCHAR)))"
    if kind.kind in ("LIST", "ARRAY"):
        child = kind.children[0]
        items = f"CAST({value} AS {child.sql}[])" if kind.kind == "ARRAY" else value
        return items if _plain(child) else _over(items, child, "to")
    if kind.kind == "MAP":
        halves = [_over(f"{take}({value})", child, "to") for take, child in zip(("map_keys", "map_values"), kind.children)]
        return _guard(value, f"struct_pack(k := {halves[0]}, v := {halves[1]})")
    if kind.kind == "STRUCT":
        which = [quote(n) for n in kind.names] or [str(i + 1) for i in range(len(kind.children))]
        parts = (f"f{i} := {_to(f'struct_extract({value}, {w})', c)}" for i, (w, c) in enumerate(zip(which, kind.children)))
        return _guard(value, f"struct_pack({', '.join(parts)})")
    if kind.kind == "UNION":
        members = zip(kind.names, kind.children)
        parts = (f"f{i} := {_to(f'union_extract({value}, {quote(n)})', c)}" for i, (n, c) in enumerate(members))
        tags = " ".join(f"WHEN {quote(n)} THEN {i}" for i, n in enumerate(kind.names))
        tag = f"CAST(CASE CAST(union_tag({value}) AS VARCHAR) {tags} END AS UTINYINT)"
        return _guard(value, f"struct_pack(t := {tag}, {', '.join(parts)})")
    return value


@functools.lru_cache(maxsize=512)
def from_text(kind: Type, value: str) -> str:
    """SQL that makes the value of a VARCHAR expression that holds its text."""
    if kind.kind == "NULL":
        return "NULL"
    if not kind.nested:
        return value if kind.sql == "VARCHAR" else f"CAST({value} AS {kind.sql})"
    return _from(f"CAST({value} AS {kind.carrier})", kind)


@functools.lru_cache(maxsize=512)
def to_text(kind: Type, value: str) -> str:
    """SQL that makes the text of an expression of that type. Its NULL is NULL."""
    if not kind.nested:
        return f"CAST({value} AS VARCHAR)"
    return f"CAST({_to(value, kind)} AS VARCHAR)"


# ---- results ----


def split_name(name: bytes) -> tuple[Type, str]:
    """The type and the name of a column in format 2."""
    text = name.decode()
    length, _, rest = text.partition(":")
    size = int(length)
    described = rest.encode()
    return parse(described[:size].decode()), described[size:].decode()


def select(columns: list[tuple[Type, str]]) -> str:
    """A query whose parameters are lists, one of each column's texts; its rows are the result."""
    made = ", ".join(f"{from_text(kind, f'c{i}')} AS {quote_name(name)}" for i, (kind, name) in enumerate(columns))
    lists = ", ".join(f"unnest(CAST(${i + 1} AS VARCHAR[])) AS c{i}" for i in range(len(columns)))
    return f"SELECT {made} FROM (SELECT {lists})"
