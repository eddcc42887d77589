"""asyncpg, as it is: binary formats, prepared statements, its cursors, pool and COPY."""

from __future__ import annotations

import asyncio
import datetime
import json
import math
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from support.service import Service

from .drivers import BIGGEST, EDGES, ENDLESS, FAILURES, make_table, texts

UTC = datetime.timezone.utc
VALUES: dict[str, list[Any]] = {
    "bool": [True, False],
    "int2": [-32768, 32767],
    "int4": [-(2**31), 0, 2**31 - 1],
    "int8": [-(2**63), 2**63 - 1],
    "hugeint": [Decimal(f"-{BIGGEST}"), Decimal(10000), Decimal(BIGGEST)],
    "float4": [1.5, -3.4028234663852886e38, math.inf],
    "float8": [0.1, 1.7976931348623157e308, 5e-324, -math.inf, math.nan],
    "decimal": [Decimal("-999999999999999.999"), Decimal("0.001"), Decimal("10000.000")],
    "decimal38": [Decimal("9999999999999999999999999999.9999999999"), Decimal("-0.0000000001")],
    "varchar": EDGES["varchar"][1],
    "blob": [b"", b"\x00\xff'\\"],
    "date": [datetime.date(1, 1, 2), datetime.date(1970, 1, 1), datetime.date(2024, 2, 29), datetime.date(9999, 12, 30)],
    "time": [datetime.time(0, 0), datetime.time(23, 59, 59, 999999)],
    "timestamp": [
        datetime.datetime(1, 1, 2),
        datetime.datetime(1969, 12, 31, 23, 59, 59, 1),
        datetime.datetime(9999, 12, 30, 23, 59, 59, 999999),
    ],
    "timestamptz": [datetime.datetime(1900, 1, 1, tzinfo=UTC), datetime.datetime(2024, 2, 29, 12, 34, 56, 789012, tzinfo=UTC)],
    # A year and two months are 425 days of asyncpg's, which has months as days: it can't say the first.
    "interval": [None, datetime.timedelta(days=-1), datetime.timedelta(0)],
    "uuid": [UUID(int=0), UUID(int=2**128 - 1)],
    "json": ['{"a":[1,null,"x"]}', "null"],
    "int4[]": [[], [1, None, -3]],
    "varchar[]": [["", None, "a", 'b "c", {d}']],
    "float8[]": [[0.1, None, math.inf]],
    "date[]": [[datetime.date(2024, 2, 29), None]],
}

Talk = Callable[[Callable[[asyncpg.Connection], Awaitable[None]]], None]


@pytest.fixture
def talk(served: Service) -> Talk:
    """Runs something with a connection."""

    def run(with_it: Callable[[asyncpg.Connection], Awaitable[None]]) -> None:
        async def whole() -> None:
            connection = await asyncpg.connect(host=str(served.own_folder), database="core", user="tester", timeout=20)
            try:
                await asyncio.wait_for(with_it(connection), 30)
            finally:
                await connection.close(timeout=10)

        asyncio.run(whole())

    return run


def same(a: Any, b: Any) -> bool:
    return a == b or (a != a and b != b)


@pytest.mark.parametrize("kind", VALUES)
def test_values_there_and_back(served: Service, talk: Talk, table: str, kind: str) -> None:
    sql, expected = EDGES[kind]
    values = [value for value in VALUES[kind] if value is not None]
    said = [text for text, value in zip(expected, VALUES[kind], strict=True) if value is not None]

    async def round_trip(connection: asyncpg.Connection) -> None:
        await connection.execute(f"CREATE TABLE {table} (i INTEGER, v {sql})")
        insert = await connection.prepare(f"INSERT INTO {table} VALUES ($1, $2)")
        for i, value in enumerate([*values, None]):
            await insert.fetch(i, value)
        await connection.executemany(f"INSERT INTO {table} VALUES ($1, $2)", list(enumerate(values, 100)))
        if kind != "json":  # asyncpg has no binary json to copy
            await connection.copy_records_to_table(table, records=[(200 + i, value) for i, value in enumerate(values)])
        found = [row["v"] for row in await connection.fetch(f"SELECT v FROM {table} ORDER BY i")]
        wanted = [*values, None, *values, *(values if kind != "json" else [])]
        assert len(found) == len(wanted) and all(map(same, found, wanted)), (found, wanted)

    talk(round_trip)
    assert texts(served, table)[: len(values) + 1] == [*said, None]


def test_structures_come_as_json(talk: Talk) -> None:
    async def ask(connection: asyncpg.Connection) -> None:
        row = await connection.fetchrow(
            "SELECT {'a': 1, 'b': 'x'} AS s, MAP {'k': 1, 'l': NULL} AS m, [[1], [2, 3]] AS l, NULL AS n"
        )
        assert [json.loads(row[name]) for name in "sml"] == [{"a": 1, "b": "x"}, {"k": 1, "l": None}, [[1], [2, 3]]]
        assert row["n"] is None

    talk(ask)


def test_months_of_an_interval(talk: Talk) -> None:
    async def ask(connection: asyncpg.Connection) -> None:
        found = await connection.fetchval("SELECT INTERVAL '2 months 3 days 04:05:06.789'")
        assert found == datetime.timedelta(days=63, hours=4, minutes=5, seconds=6, milliseconds=789)

    talk(ask)


def test_ddl_and_parameters(talk: Talk, table: str) -> None:
    async def change(connection: asyncpg.Connection) -> None:
        assert await connection.execute(f"CREATE TABLE {table} (i INTEGER PRIMARY KEY, s VARCHAR DEFAULT 'x')") == "CREATE TABLE"
        assert await connection.execute(f"INSERT INTO {table} (i) VALUES ($1), ($2)", 1, 2) == "INSERT 0 2"
        statement = await connection.prepare(f"SELECT s FROM {table} WHERE i = $1")
        assert await statement.fetchval(1) == "x"
        assert [kind.name for kind in statement.get_parameters()] == ["int4"]
        assert [(column.name, column.type.name) for column in statement.get_attributes()] == [("s", "text")]
        await connection.execute(f"ALTER TABLE {table} ADD COLUMN f DOUBLE; CREATE INDEX {table}_s ON {table} (s)")
        assert await connection.execute(f"UPDATE {table} SET f = i / $1", 2) == "UPDATE 2"
        assert await connection.fetch(f"DELETE FROM {table} WHERE i = ANY($1::INTEGER[]) RETURNING i, f", [2, 3]) == [(2, 1.0)]
        assert await connection.fetchval(f"SELECT count(*) FROM {table} WHERE s = $1 AND f < $2", "x", 1.5) == 1
        with pytest.raises(asyncpg.DataError):
            await connection.fetch("SELECT $1::INTEGER", "x")
        assert await connection.execute(f"DROP TABLE {table}") == "DROP TABLE"

    talk(change)


@pytest.mark.parametrize(("sql", "state"), FAILURES.items())
def test_errors(served: Service, talk: Talk, table: str, sql: str, state: str) -> None:
    make_table(served, table)

    async def fail(connection: asyncpg.Connection) -> None:
        for call in (connection.execute, connection.fetch):
            with pytest.raises(asyncpg.PostgresError) as caught:
                await call(sql.format(table))
            assert caught.value.sqlstate == state, caught.value
        assert await connection.fetchval(f"SELECT sum(i) FROM {table}") == 1

    talk(fail)


def test_transactions(served: Service, talk: Talk, table: str) -> None:
    make_table(served, table)

    async def transact(connection: asyncpg.Connection) -> None:
        async with connection.transaction():
            await connection.execute(f"INSERT INTO {table} VALUES ($1, 1)", 2)
            assert served.rows(f"SELECT count(*) FROM {table}") == [(1,)]
        assert served.rows(f"SELECT count(*) FROM {table}") == [(2,)]
        with pytest.raises(ZeroDivisionError):
            async with connection.transaction(isolation="repeatable_read"):
                await connection.execute(f"INSERT INTO {table} VALUES (3, 1)")
                raise ZeroDivisionError
        with pytest.raises(asyncpg.UniqueViolationError):
            async with connection.transaction():
                await connection.execute(f"INSERT INTO {table} VALUES (4, 1)")
                await connection.execute(f"INSERT INTO {table} VALUES (2, 1)")
        transaction = connection.transaction()
        await transaction.start()
        with pytest.raises(asyncpg.UndefinedTableError):
            await connection.fetch("SELECT * FROM missing")
        with pytest.raises(asyncpg.InFailedSQLTransactionError):
            await connection.fetch("SELECT 1")
        await transaction.rollback()
        async with connection.transaction():
            with pytest.raises(asyncpg.FeatureNotSupportedError):  # a transaction in another is a savepoint
                async with connection.transaction():
                    pass
            with pytest.raises(asyncpg.InFailedSQLTransactionError):
                await connection.fetch("SELECT 1")
        assert await connection.fetchval(f"SELECT list(i ORDER BY i)::VARCHAR FROM {table}") == "[1, 2]"

    talk(transact)


def test_cancel(talk: Talk) -> None:
    async def cancel(connection: asyncpg.Connection) -> None:
        with pytest.raises(asyncio.TimeoutError):
            await connection.fetch(ENDLESS, timeout=0.2)
        assert await connection.fetchval("SELECT 1") == 1
        asked = asyncio.ensure_future(connection.fetch(ENDLESS))
        await asyncio.sleep(0.2)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert await connection.fetchval("SELECT 2") == 2

    talk(cancel)


def test_cursors(talk: Talk) -> None:
    async def read(connection: asyncpg.Connection) -> None:
        async with connection.transaction():
            cursor = await connection.cursor("SELECT range AS i FROM range($1) ORDER BY i", 10000)
            assert [row["i"] for row in await cursor.fetch(3)] == [0, 1, 2]
            assert await cursor.forward(9000) == 9000
            assert [row["i"] for row in await cursor.fetch(2000)] == list(range(9003, 10000))
            seen = [row["i"] async for row in connection.cursor("SELECT range AS i FROM range(1000) ORDER BY i", prefetch=7)]
        assert seen == list(range(1000))

    talk(read)


@pytest.mark.parametrize("form", ["text", "csv", "binary"])
def test_copy(served: Service, talk: Talk, table: str, form: str) -> None:
    rows = [(i, None if i % 3 else f"tab\t{i}\n") for i in range(2000)]

    async def copy(connection: asyncpg.Connection) -> None:
        await connection.execute(f"CREATE TABLE {table} (i INTEGER, s VARCHAR)")
        assert await connection.copy_records_to_table(table, records=rows, columns=["i", "s"]) == "COPY 2000"
        pieces: list[bytes] = []

        async def take(piece: bytes) -> None:
            pieces.append(piece)

        query = f"SELECT * FROM {table} WHERE i >= $1"
        assert await connection.copy_from_query(query, 0, output=take, format=form) == "COPY 2000"
        again = f"{table}_again"
        await connection.execute(f"CREATE TABLE {again} (i INTEGER, s VARCHAR)")

        async def give() -> Any:
            for piece in pieces:
                yield piece

        assert await connection.copy_to_table(again, source=give(), format=form) == "COPY 2000"
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute(f"CREATE UNIQUE INDEX {again}_i ON {again} (i)")
            await connection.copy_records_to_table(again, records=[(-1, "a"), (0, "b")])

    talk(copy)
    assert served.rows(f"SELECT * FROM {table}_again ORDER BY i") == rows
