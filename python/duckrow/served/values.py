"""Python values as parameters: of the type that DuckDB gives them, so that a statement means what it means in one's own DuckDB.

The common ones are told in PostgreSQL's binary formats. All others are made a value by a local DuckDB, which tells its type, and
travel as text of it with the cast in the statement (exact).
"""

from __future__ import annotations

import datetime
import struct
import uuid
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import duckdb

from duckrow.served import exact
from duckrow.served.wire import Parameter

_BOOL, _BYTEA, _INT8, _INT4, _TEXT, _FLOAT8, _DATE, _TIME = 16, 17, 20, 23, 25, 701, 1082, 1083
_TIMESTAMP, _TIMESTAMPTZ, _NUMERIC, _UUID = 1114, 1184, 1700, 2950
_ARRAYS = {
    bool: 1000,
    bytes: 1001,
    int: 1016,
    str: 1009,
    float: 1022,
    datetime.date: 1182,
    datetime.time: 1183,
    datetime.datetime: 1115,
    uuid.UUID: 2951,
}
_DATE_2000 = datetime.date(2000, 1, 1).toordinal()
_2000 = datetime.datetime(2000, 1, 1)
_2000_UTC = datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc)
_MOST_DIGITS = 38
_NULL = Parameter(_TEXT, None)

_pack4, _pack8, _pack_double = struct.Struct(">i").pack, struct.Struct(">q").pack, struct.Struct(">d").pack


def _micros(since: datetime.timedelta) -> int:
    return (since.days * 86400 + since.seconds) * 1000000 + since.microseconds


def _int(value: int) -> Parameter | None:
    if -(2**31) <= value < 2**31:
        return Parameter(_INT4, _pack4(value))
    return Parameter(_INT8, _pack8(value)) if -(2**63) <= value < 2**63 else None


def _str(value: str) -> Parameter | None:
    return None if "\0" in value else Parameter(_TEXT, value.encode())


def _datetime(value: datetime.datetime) -> Parameter | None:
    if value.tzinfo is None:
        return Parameter(_TIMESTAMP, _pack8(_micros(value - _2000)))
    return Parameter(_TIMESTAMPTZ, _pack8(_micros(value - _2000_UTC)))


def _time_micros(value: datetime.time) -> int:
    return ((value.hour * 60 + value.minute) * 60 + value.second) * 1000000 + value.microsecond


def _time(value: datetime.time) -> Parameter | None:
    return None if value.tzinfo else Parameter(_TIME, _pack8(_time_micros(value)))


def _decimal(value: Decimal) -> Parameter | None:
    _, digits, exponent = value.as_tuple()
    plain = isinstance(exponent, int) and -_MOST_DIGITS < exponent <= 0 and len(digits) < _MOST_DIGITS
    return Parameter(_NUMERIC, f"{value:f}".encode(), 0) if plain else None


_SIMPLE: dict[type, Callable[[Any], Parameter | None]] = {
    type(None): lambda value: _NULL,
    bool: lambda value: Parameter(_BOOL, b"\1" if value else b"\0"),
    int: _int,
    float: lambda value: Parameter(_FLOAT8, _pack_double(value)),
    str: _str,
    bytes: lambda value: Parameter(_BYTEA, value),
    datetime.date: lambda value: Parameter(_DATE, _pack4(value.toordinal() - _DATE_2000)),
    datetime.datetime: _datetime,
    datetime.time: _time,
    uuid.UUID: lambda value: Parameter(_UUID, value.bytes),
}


def simple(value: Any, *, row: bool = False) -> Parameter | None:
    """A value of the common types; None: not one of them. row: for INSERT … VALUES, where the width of a DECIMAL means nothing."""
    make = _SIMPLE.get(type(value))
    if make is None:
        return _decimal(value) if row and type(value) is Decimal else None
    return make(value)


def parameter(value: Any, number: int, scratch: duckdb.DuckDBPyConnection) -> Parameter:
    """Any value, as parameter `number`."""
    found = simple(value)
    return _exact(value, number, scratch) if found is None else found


def _exact(value: Any, number: int, scratch: duckdb.DuckDBPyConnection) -> Parameter:
    ((described,),) = scratch.execute("SELECT typeof($1)", [value]).fetchall()
    if described == '"NULL"':
        return _NULL
    kind = exact.parse(described)
    if described == "VARCHAR":  # with a zero byte, which the protocol doesn't know
        ((text,),) = scratch.execute("SELECT hex(encode($1))", [value]).fetchall()
        return Parameter(_TEXT, text.encode(), 1, f"decode(unhex(CAST(${number} AS VARCHAR)))")
    ((text,),) = scratch.execute(f"SELECT {exact.to_text(kind, '$1')}", [value]).fetchall()
    return Parameter(_TEXT, None if text is None else text.encode(), 1, exact.from_text(kind, f"CAST(${number} AS VARCHAR)"))


# ---- whole columns, as arrays ----


def _fixed(pack: str, size: int, convert: Callable[[Any], Any] | None) -> Callable[[Sequence[Any]], bytes]:
    one = struct.Struct(">i" + pack).pack
    none = _pack4(-1)

    def encode(column: Sequence[Any]) -> bytes:
        values = column if convert is None else [None if v is None else convert(v) for v in column]
        if None in values:
            return b"".join([none if v is None else one(size, v) for v in values])
        flat: list[Any] = [size] * (2 * len(values))
        flat[1::2] = values
        return struct.pack(">" + ("i" + pack) * len(values), *flat)

    return encode


def _varying(convert: Callable[[Any], bytes]) -> Callable[[Sequence[Any]], bytes]:
    def encode(column: Sequence[Any]) -> bytes:
        pieces = []
        for value in column:
            if value is None:
                pieces.append(b"\xff\xff\xff\xff")
            else:
                data = convert(value)
                pieces.append(_pack4(len(data)))
                pieces.append(data)
        return b"".join(pieces)

    return encode


_COLUMNS: dict[type, tuple[int, Callable[[Sequence[Any]], bytes]]] = {
    bool: (_BOOL, _fixed("B", 1, int)),
    int: (_INT8, _fixed("q", 8, None)),
    float: (_FLOAT8, _fixed("d", 8, None)),
    str: (_TEXT, _varying(str.encode)),
    bytes: (_BYTEA, _varying(bytes)),
    datetime.date: (_DATE, _fixed("i", 4, lambda value: value.toordinal() - _DATE_2000)),
    datetime.time: (_TIME, _fixed("q", 8, _time_micros)),
    datetime.datetime: (_TIMESTAMP, _fixed("q", 8, lambda value: _micros(value - _2000))),
    uuid.UUID: (_UUID, _varying(lambda value: value.bytes)),
}


def column_type(column: Sequence[Any]) -> type | None:
    """The one type of a column whose values can travel as an array; None: they can't. NoneType: there is no value."""
    kinds = set(map(type, column))
    kinds.discard(type(None))
    if len(kinds) != 1:
        return type(None) if not kinds else None
    (kind,) = kinds
    if kind not in _COLUMNS:
        return None
    values = [v for v in column if v is not None] if None in column else column
    if kind is int and not (min(values) >= -(2**63) and max(values) < 2**63):
        return None
    if kind is str and "\0" in "".join(values):
        return None
    if kind in (datetime.time, datetime.datetime) and any(v.tzinfo is not None for v in values):
        return None
    return kind


MOST_BYTES = 16 << 20  # of one message; the service's max_frame is 64 MiB unless it is set otherwise


def batches(kinds: Sequence[type], columns: Sequence[Sequence[Any]]) -> Iterator[list[Parameter]]:
    """Columns as parameters, so many rows at a time that they fit into a message."""
    made = [array(kind, column) for kind, column in zip(kinds, columns)]
    count = len(columns[0])
    if count < 2 or sum(len(p.data or b"") for p in made) <= MOST_BYTES:
        yield made
        return
    half = count // 2
    yield from batches(kinds, [column[:half] for column in columns])
    yield from batches(kinds, [column[half:] for column in columns])


def array(kind: type, column: Sequence[Any]) -> Parameter:
    """A column of one type as one parameter."""
    if kind is type(None):
        kind = str
    oid, encode = _COLUMNS[kind]
    head = struct.pack(">iiiii", 1, int(None in column), oid, len(column), 1)
    return Parameter(_ARRAYS[kind], head + encode(column))
