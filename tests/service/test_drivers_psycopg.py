"""psycopg 3, as it is, beyond what the other files ask it: COPY of every type, its async connection, cursors of all its kinds."""

from __future__ import annotations

import asyncio
import datetime
import math
import struct
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import psycopg.errors
import pytest
from psycopg.types.json import Json
from support.service import Service

from .drivers import BIGGEST, EDGES, ENDLESS, texts

UTC = datetime.timezone.utc
# The type for psycopg's copy.set_types, and the values.
VALUES: dict[str, tuple[str, list[Any]]] = {
    "bool": ("bool", [True, False]),
    "int2": ("int2", [-32768, 32767]),
    "int4": ("int4", [-(2**31), 0, 2**31 - 1]),
    "int8": ("int8", [-(2**63), 2**63 - 1]),
    "hugeint": ("numeric", [Decimal(f"-{BIGGEST}"), Decimal(10000), Decimal(BIGGEST)]),
    "float4": ("float4", [1.5, -3.4028234663852886e38, math.inf]),
    "float8": ("float8", [0.1, 1.7976931348623157e308, 5e-324, -math.inf, math.nan]),
    "decimal": ("numeric", [Decimal("-999999999999999.999"), Decimal("0.001"), Decimal("10000.000")]),
    "decimal38": ("numeric", [Decimal("9999999999999999999999999999.9999999999"), Decimal("-0.0000000001")]),
    "varchar": ("text", EDGES["varchar"][1]),
    "blob": ("bytea", [b"", b"\x00\xff'\\"]),
    "date": ("date", [datetime.date(1, 1, 2), datetime.date(1970, 1, 1), datetime.date(2024, 2, 29), datetime.date(9999, 12, 30)]),
    "time": ("time", [datetime.time(0, 0), datetime.time(23, 59, 59, 999999)]),
    "timestamp": (
        "timestamp",
        [
            datetime.datetime(1, 1, 2),
            datetime.datetime(1969, 12, 31, 23, 59, 59, 1),
            datetime.datetime(9999, 12, 30, 23, 59, 59, 999999),
        ],
    ),
    "timestamptz": (
        "timestamptz",
        [datetime.datetime(1900, 1, 1, tzinfo=UTC), datetime.datetime(2024, 2, 29, 12, 34, 56, 789012, tzinfo=UTC)],
    ),
    "uuid": ("uuid", [UUID(int=0), UUID(int=2**128 - 1)]),
    "json": ("json", [{"a": [1, None, "x"]}, None]),
    "int4[]": ("int4[]", [[], [1, None, -3]]),
    "varchar[]": ("text[]", [["", None, "a", 'b "c", {d}']]),
    "float8[]": ("float8[]", [[0.1, None, math.inf]]),
    "date[]": ("date[]", [[datetime.date(2024, 2, 29), None]]),
}


def same(a: Any, b: Any) -> bool:
    return a == b or (a != a and b != b)


@pytest.mark.parametrize("form", ["TEXT", "BINARY"])
@pytest.mark.parametrize("kind", VALUES)
def test_copy_of_every_type(served: Service, connection: psycopg.Connection, table: str, kind: str, form: str) -> None:
    sql, written = EDGES[kind]
    name, values = VALUES[kind]
    connection.execute(f"CREATE TABLE {table} (i INTEGER, v {sql})")
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY {table} FROM STDIN (FORMAT {form})") as copy:
            copy.set_types(["int4", name])
            for i, value in enumerate(values):
                copy.write_row((i, Json(value) if kind == "json" else value))
            copy.write_row((len(values), None))
        with cursor.copy(f"COPY (SELECT * FROM {table} ORDER BY i) TO STDOUT (FORMAT {form})") as copy:
            copy.set_types(["int4", name])
            found = [row[1] for row in copy.rows()]
    if kind == "float4":  # psycopg reads the text as a double
        found = [value if value is None else struct.unpack("f", struct.pack("f", value))[0] for value in found]
    assert len(found) == len(values) + 1 and all(map(same, found, [*values, None])), found
    assert texts(served, table) == [text.replace('{"a":[1,null,"x"]}', '{"a": [1, null, "x"]}') for text in written] + [None]


def test_async_connection(served: Service, table: str) -> None:
    async def talk() -> None:
        async with await psycopg.AsyncConnection.connect(served.address, dbname="core") as connection:
            await connection.execute(f"CREATE TABLE {table} (i INTEGER PRIMARY KEY)")
            await connection.commit()
            async with connection.pipeline(), connection.transaction():
                for i in range(50):
                    await connection.execute(f"INSERT INTO {table} VALUES (%s)", (i,))
            async with connection.cursor("server") as cursor:
                await cursor.execute(f"SELECT i FROM {table} WHERE i >= %s ORDER BY i", (10,))
                assert await cursor.fetchone() == (10,)
                assert [row async for row in cursor] == [(i,) for i in range(11, 50)]
            await connection.rollback()
            seen = [row async for row in connection.cursor().stream(f"SELECT i FROM {table} ORDER BY i")]
            assert seen == [(i,) for i in range(50)]
            await connection.rollback()
            asked = asyncio.ensure_future(connection.execute(ENDLESS))
            await asyncio.sleep(0.2)
            await connection.cancel_safe(timeout=10)
            with pytest.raises(psycopg.errors.QueryCanceled):
                await asked
            with pytest.raises(psycopg.errors.InFailedSqlTransaction):
                await connection.execute("SELECT 1")
            await connection.rollback()

    asyncio.run(asyncio.wait_for(talk(), 60))


@pytest.mark.parametrize("binary", [False, True])
def test_cursors_of_all_kinds(served: Service, table: str, binary: bool) -> None:
    with served.connect(autocommit=False) as connection:
        connection.execute(f"CREATE TABLE {table} AS SELECT range::INTEGER AS i FROM range(5000)")
        sql = f"SELECT i FROM {table} WHERE i < %s ORDER BY i"
        kinds = [psycopg.Cursor(connection), psycopg.ClientCursor(connection), psycopg.RawCursor(connection)]
        for cursor in kinds:
            text = sql.replace("%s", "$1") if isinstance(cursor, psycopg.RawCursor) else sql
            assert (
                cursor.execute(text, (4000,), binary=None if isinstance(cursor, psycopg.ClientCursor) else binary).rowcount == 4000
            )
            assert cursor.fetchmany(2) == [(0,), (1,)]
            cursor.scroll(10)
            assert cursor.fetchone() == (12,)
        with connection.cursor("named", scrollable=False) as cursor:
            cursor.itersize = 100
            cursor.execute(sql, (4500,), binary=binary)
            assert sum(row[0] for row in cursor) == 4500 * 4499 // 2
        with connection.cursor("held", withhold=True) as cursor, pytest.raises(psycopg.errors.FeatureNotSupported):
            cursor.execute(sql, (1,))


def test_rows_and_results(connection: psycopg.Connection, table: str) -> None:
    """Several results of one query, row factories, what is known of columns and of the statement."""
    cursor = connection.cursor(row_factory=psycopg.rows.dict_row)
    cursor.execute(f"CREATE TABLE {table} (i INTEGER, n DECIMAL(9, 2)); INSERT INTO {table} VALUES (1, 2), (2, 3); FROM {table}")
    tags = [cursor.statusmessage]
    while cursor.nextset():
        tags.append(cursor.statusmessage)
    assert tags == ["CREATE TABLE", "INSERT 0 2", "SELECT 2"]
    assert cursor.fetchall() == [{"i": 1, "n": Decimal("2.00")}, {"i": 2, "n": Decimal("3.00")}]
    columns = cursor.description
    assert columns is not None
    assert [(c.name, c.type_code, c.precision, c.scale) for c in columns] == [("i", 23, None, None), ("n", 1700, 9, 2)]
    cursor.executemany(f"INSERT INTO {table} VALUES (%s, %s) RETURNING i", [(3, 1), (4, 1)], returning=True)
    returned = [cursor.fetchone()]
    while cursor.nextset():
        returned.append(cursor.fetchone())
    assert returned == [{"i": 3}, {"i": 4}]
