"""A statement that nobody has sent before, within a transaction: looking at it does the transaction no harm."""

from __future__ import annotations

import psycopg
import pytest
from support.service import Service

STATEMENTS = {
    "INSERT INTO {} SELECT i FROM range(%s) r(i)": (3,),
    "SELECT count(*) FROM range(%s), {}": (3,),
    "SELECT coalesce(%s, 'x') FROM {}": ("y",),
    "UPDATE {} SET i = i + %s": (1,),
    "SELECT sum(i) FROM {} WHERE i IN (%s, %s)": (1, 2),
    "SELECT %s || %s, i FROM {}": ("a", "b"),
    "SELECT unnest(%s::INTEGER[]), i FROM {}": ([1, 2],),
}


@pytest.mark.parametrize("sql", STATEMENTS)
@pytest.mark.parametrize("before", ["nothing", "a write", "a change of the schema"])
def test_in_a_transaction(served: Service, table: str, sql: str, before: str) -> None:
    served.run(f"CREATE TABLE {table} (i INTEGER)")
    with served.connect() as connection, connection.transaction():
        if before != "nothing":
            connection.execute(f"INSERT INTO {table} VALUES (1)")
        if before == "a change of the schema":
            connection.execute(f"ALTER TABLE {table} ADD COLUMN s VARCHAR")
            connection.execute(f"ALTER TABLE {table} DROP COLUMN s")
        connection.execute(sql.format(table), STATEMENTS[sql])
        connection.execute(f"INSERT INTO {table} VALUES (7)")
    assert served.rows(f"SELECT count(*) FROM {table} WHERE i = 7") == [(1,)]


@pytest.mark.parametrize("sql", ["SELECT * FROM missing", "SELEC", "INSERT INTO {} (missing) VALUES (%s)"])
def test_one_that_is_wrong_is_told_as_what_it_is(served: Service, table: str, sql: str) -> None:
    served.run(f"CREATE TABLE {table} (i INTEGER)")
    with served.connect() as connection:
        connection.execute("BEGIN")
        connection.execute(f"INSERT INTO {table} VALUES (1)")
        with pytest.raises(psycopg.ProgrammingError) as raised:
            connection.execute(sql.format(table), (1,) if "%s" in sql else None)
        assert raised.value.sqlstate in ("42P01", "42601", "42703")
        connection.execute("ROLLBACK")
    assert served.rows(f"SELECT * FROM {table}") == []
