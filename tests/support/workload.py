"""A random workload of one session, and a model of what it has made: an in-memory DuckDB that ran what was acknowledged.

Sessions don't disturb each other's model: each has tables of its own, and its own rows of one that all share. What is not
acknowledged must not have happened, but for the one statement that was under way when the service was killed: that may, wholly."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import duckdb
import psycopg

SHARED = "CREATE TABLE shared (who INTEGER, k BIGINT, v VARCHAR, PRIMARY KEY (who, k))"

# What may be refused, and then has not happened: a clash that was meant, or of a key that a transaction has just deleted;
# conflicts, which a change of the schema causes too; what DuckDB can't do to a table that has an index.
REFUSED = {"23505", "40001", "2BP01"}


class WrongError(AssertionError):
    """Not an error of the service, but the test's finding."""


@dataclass
class Step:
    """A statement; with rows: once for each (many), or as COPY. `model`: what makes the same of the model."""

    sql: str
    parameters: tuple | None = None
    many: list[tuple] | None = None
    copied: str | None = None
    model: str | None = None

    def run(self, connection: psycopg.Connection) -> None:
        with connection.cursor() as cursor:
            if self.copied is not None:
                with cursor.copy(self.sql) as copy:
                    copy.write(self.copied)
            elif self.many is not None:
                cursor.executemany(self.sql, self.many)
            elif self.parameters is not None:
                cursor.execute(self.sql, self.parameters)
            else:
                connection.execute(self.sql)

    def run_in_model(self, model: duckdb.DuckDBPyConnection) -> None:
        sql = self.model or self.sql.replace("%s", "?")
        if self.many is not None:
            model.executemany(sql, self.many)
        else:
            model.execute(sql, self.parameters or [])


@dataclass
class Table:
    name: str
    kind: str  # keyed, nested, plain, shared
    next_key: int = 0
    keys: list[int] = field(default_factory=list)  # some that were used: to be looked up
    added: list[str] = field(default_factory=list)  # columns
    indexes: list[str] = field(default_factory=list)

    def copy(self) -> Table:
        return Table(self.name, self.kind, self.next_key, list(self.keys), list(self.added), list(self.indexes))


COLUMNS = {
    "keyed": "k BIGINT PRIMARY KEY, u VARCHAR UNIQUE, g INTEGER, v DOUBLE",
    "nested": "k BIGINT, s STRUCT(a INTEGER, b VARCHAR[]), l INTEGER[], m MAP(VARCHAR, INTEGER)",
    "plain": "k BIGINT, d DATE, ts TIMESTAMP, n DECIMAL(18, 3), b BLOB, txt VARCHAR",
}
NAMES = {
    "keyed": ["k", "u", "g", "v"],
    "nested": ["k", "s", "l", "m"],
    "plain": ["k", "d", "ts", "n", "b", "txt"],
    "shared": ["who", "k", "v"],
}


def rows_sql(table: Table, who: int, first: int, count: int) -> str:
    """Rows as an expression of their keys, so that the model needs none of them."""
    values = {
        "keyed": "i, 'u' || i, (i % 23)::INTEGER, i * 0.5",
        "nested": "i, {'a': (i % 7)::INTEGER, 'b': ['x' || i, NULL]},"
        " CASE WHEN i % 5 = 0 THEN NULL ELSE [i % 3, NULL, i % 11]::INTEGER[] END, MAP(['k' || i % 4], [(i % 9)::INTEGER])",
        "plain": "i, DATE '2020-01-01' + (i % 900)::INTEGER, TIMESTAMP '2020-01-01' + i * INTERVAL 1 SECOND, i / 8,"
        " ('b' || i)::BLOB, CASE WHEN i % 6 = 0 THEN NULL ELSE repeat('t', (i % 40)::INTEGER) || i END",
        "shared": f"{who}, i, 'v' || i",
    }[table.kind]
    return f"SELECT {values} FROM range({first}, {first + count}) r(i)"


class Session:
    """One client. `run` goes on until it is told to stop; `verify` compares what all say of this session's rows with the model."""

    def __init__(self, who: int, seed: int, connect: Callable[..., psycopg.Connection]):
        self.who = who
        self.chance = random.Random(seed * 100 + who)
        self.connect = connect
        self.connection: psycopg.Connection | None = None
        self.model = duckdb.connect()
        self.model.execute(SHARED)
        self.tables: dict[str, Table] = {"shared": Table("shared", "shared")}
        self.names = 0
        self.refused: Counter[str] = Counter()
        self.acknowledged = 0
        self.history: list[str] = []  # of what was acknowledged
        self.open = False  # within a block
        self.in_doubt: list[Step] | None = None  # what was under way when the connection broke

    # ---- running

    def go(self, seconds_left: Callable[[], float], verify: Callable[[Session], None]) -> None:
        """Until the time is over or the connection breaks (psycopg.OperationalError)."""
        self.connection = self.connect()
        try:
            while seconds_left() > 0:
                if self.chance.random() < 0.3:
                    self.block()
                else:
                    self.single()
                if self.chance.random() < 0.06:
                    verify(self)
        finally:
            self.connection.close()

    def attempt(self, step: Step) -> bool:
        """False: it was refused, and so has not happened."""
        try:
            step.run(self.connection)
        except psycopg.Error as error:
            if self.connection.broken:
                raise
            if error.sqlstate not in REFUSED and "outstanding updates" not in str(error):
                raise WrongError(f"session {self.who}: {step.sql[:200]}: {error.sqlstate} {error}") from error
            self.refused[f"{error.sqlstate} {step.sql.split()[0]}"] += 1
            self.history.append(f"{error.sqlstate}: {step.sql[:120]}")
            return False
        self.acknowledged += 1
        self.history.append(f"{step.sql[:120]} {step.parameters or ''}")
        return True

    def apply(self, step: Step) -> None:
        try:
            step.run_in_model(self.model)
        except duckdb.Error as error:
            raise WrongError(f"session {self.who}: the service did, and the model can't: {step.sql[:200]}: {error}") from error

    def single(self) -> None:
        before = self.remember()
        for step in self.steps():
            self.in_doubt = [step]
            done = self.attempt(step)
            self.in_doubt = None
            if not done:
                self.tables = before
                return
            self.apply(step)
            before = self.remember()

    def block(self) -> None:
        before = self.remember()
        done: list[Step] = []
        self.connection.execute("BEGIN")
        self.history.append("BEGIN")
        ok = True
        for _ in range(self.chance.randrange(1, 6)):
            for step in self.steps():
                if ok := self.attempt(step):
                    done.append(step)
                else:
                    break
            if not ok:
                break
        if not ok or self.chance.random() < 0.25:
            self.connection.execute("ROLLBACK")
            self.history.append("ROLLBACK")
            self.tables = before
            return
        self.in_doubt = done
        if self.attempt(Step("COMMIT")):
            self.apply_all(done)
        else:
            self.tables = before
        self.in_doubt = None

    def apply_all(self, steps: list[Step]) -> None:
        self.model.execute("BEGIN")
        for step in steps:
            self.apply(step)
        self.model.execute("COMMIT")

    def remember(self) -> dict[str, Table]:
        return {name: table.copy() for name, table in self.tables.items()}

    def learn(self) -> None:
        """What tables have, of the model: after it was in doubt."""
        there: dict[str, list[str]] = {}
        for name, column in self.model.execute(
            "SELECT table_name, column_name FROM duckdb_columns() ORDER BY column_index"
        ).fetchall():
            there.setdefault(name, []).append(column)
        self.tables = {name: table for name, table in self.tables.items() if name in there}
        for name, table in self.tables.items():
            indexes = "SELECT index_name FROM duckdb_indexes() WHERE table_name = ?"
            table.indexes = [row[0] for row in self.model.execute(indexes, [name]).fetchall()]
            if table.kind != "shared" or not self.who:  # the one that changes its columns
                table.added = [column for column in there[name] if column not in NAMES[table.kind]]

    # ---- what to do

    def steps(self) -> Iterator[Step]:
        """One thing to do, mostly one statement."""
        own = [table for table in self.tables.values() if table.kind != "shared"]
        if len(own) < 2 or (len(own) < 5 and self.chance.random() < 0.03):
            return self.create()
        table = self.chance.choice([*own, self.tables["shared"]])
        doing = self.chance.choices(
            [self.insert, self.insert_many, self.bulk, self.copy, self.update, self.delete, self.upsert, self.clash, self.schema],
            [30, 8, 4, 4, 12, 6, 6, 3, 5],
        )[0]
        return doing(table)

    def new_name(self) -> str:
        self.names += 1
        return f"s{self.who}_{self.names}"

    def where(self, table: Table, condition: str) -> str:
        return f"{condition} AND who = {self.who}" if table.kind == "shared" else condition

    def span(self, table: Table, width: int = 30) -> str:
        first = self.chance.randrange(max(1, table.next_key))
        return self.where(table, f"k BETWEEN {first} AND {first + self.chance.randrange(width)}")

    def fresh(self, table: Table, count: int) -> int:
        first = table.next_key
        table.next_key += count
        table.keys = [*table.keys, first, first + count // 2][-40:]
        return first

    def target(self, table: Table) -> str:
        return f"{table.name} ({', '.join(NAMES[table.kind])})"

    def create(self) -> Iterator[Step]:
        table = Table(self.new_name(), self.chance.choice(list(COLUMNS)))
        self.tables[table.name] = table
        yield Step(f"CREATE TABLE {table.name} ({COLUMNS[table.kind]})")
        if table.kind == "keyed" or self.chance.random() < 0.3:
            column = "g" if table.kind == "keyed" else "k"
            table.indexes.append(f"{table.name}_x")
            yield Step(f"CREATE INDEX {table.name}_x ON {table.name} ({column})")

    def insert(self, table: Table) -> Iterator[Step]:
        if table.kind not in ("keyed", "shared"):
            first = self.fresh(table, 1)
            yield Step(f"INSERT INTO {self.target(table)} {rows_sql(table, self.who, first, 1)}")
            return
        k = self.fresh(table, 1)
        row: tuple[Any, ...] = (self.who, k, f"v{k}") if table.kind == "shared" else (k, f"u{k}", k % 23, k * 0.5)
        marks = ", ".join(["%s"] * len(row))
        yield Step(f"INSERT INTO {self.target(table)} VALUES ({marks})", parameters=row)

    def insert_many(self, table: Table) -> Iterator[Step]:
        if table.kind != "keyed":
            yield from self.bulk(table)
            return
        count = self.chance.randrange(2, 60)
        first = self.fresh(table, count)
        rows = [(k, f"u{k}", k % 23, k * 0.5) for k in range(first, first + count)]
        yield Step(f"INSERT INTO {self.target(table)} VALUES (%s, %s, %s, %s)", many=rows)

    def bulk(self, table: Table) -> Iterator[Step]:
        count = self.chance.choice([10, 10, 300, 300, 3000, 20000])
        first = self.fresh(table, count)
        yield Step(f"INSERT INTO {self.target(table)} {rows_sql(table, self.who, first, count)}")

    def copy(self, table: Table) -> Iterator[Step]:
        count = self.chance.choice([20, 20, 400, 400, 3000, 15000])
        first = self.fresh(table, count)
        insert = f"INSERT INTO {self.target(table)} {rows_sql(table, self.who, first, count)}"
        keys = range(first, first + count)
        if table.kind == "keyed":
            copied = "".join(f"{k}\tu{k}\t{k % 23}\t{k * 0.5}\n" for k in keys)
        elif table.kind == "shared":
            copied = "".join(f"{self.who}\t{k}\tv{k}\n" for k in keys)
        else:
            yield Step(insert)
            return
        yield Step(f"COPY {self.target(table)} FROM STDIN", copied=copied, model=insert)

    def update(self, table: Table) -> Iterator[Step]:
        choices = {
            "keyed": ["v = v + 1", "g = (g + 7) % 23", "u = u || 'x'", "v = NULL"],
            "nested": ["l = list_append(l, 5)", "s = {'a': k::INTEGER, 'b': ['new']}", "m = NULL"],
            "plain": ["txt = 'changed' || k", "n = n + 0.125", "d = NULL"],
            "shared": ["v = v || '!'"],
        }[table.kind]
        yield Step(f"UPDATE {table.name} SET {self.chance.choice(choices)} WHERE {self.span(table)}")

    def delete(self, table: Table) -> Iterator[Step]:
        yield Step(f"DELETE FROM {table.name} WHERE {self.span(table, self.chance.choice([5, 5, 5, 2000]))}")

    def upsert(self, table: Table) -> Iterator[Step]:
        if table.kind not in ("keyed", "shared"):
            yield from self.update(table)
            return
        first = max(0, table.next_key - self.chance.randrange(1, 10))
        count = self.chance.randrange(1, 12)
        table.next_key = max(table.next_key, first + count)
        target, what = ("(who, k)", "v = excluded.v || '+'") if table.kind == "shared" else ("(k)", "v = excluded.v + 0.25")
        rows = rows_sql(table, self.who, first, count)
        yield Step(f"INSERT INTO {self.target(table)} {rows} ON CONFLICT {target} DO UPDATE SET {what}")

    def clash(self, table: Table) -> Iterator[Step]:
        """Some of the rows are there already, mostly."""
        first = max(0, table.next_key - self.chance.randrange(1, 5))
        table.next_key += 1
        yield Step(f"INSERT INTO {self.target(table)} {rows_sql(table, self.who, first, table.next_key - first)}")

    def schema(self, table: Table) -> Iterator[Step]:
        if table.kind == "shared":
            return self.schema_of_shared(table)
        return self.chance.choice([self.rename, self.add_column, self.drop_column, self.drop, self.index, self.create_as])(table)

    def schema_of_shared(self, table: Table) -> Iterator[Step]:
        """Only one session does; the others' statements go on naming their columns."""
        if self.who:
            yield from self.update(table)
        elif table.added:
            yield Step(f"ALTER TABLE shared DROP COLUMN {table.added.pop()}")
        else:
            table.added.append(f"c{self.chance.randrange(1000)}")
            yield Step(f"ALTER TABLE shared ADD COLUMN {table.added[-1]} INTEGER DEFAULT {self.chance.randrange(100)}")

    def rename(self, table: Table) -> Iterator[Step]:
        old = table.name
        if table.indexes:  # DuckDB refuses it
            yield from self.index(table)
            return
        del self.tables[old]
        table.name = self.new_name()
        self.tables[table.name] = table
        yield Step(f"ALTER TABLE {old} RENAME TO {table.name}")

    def add_column(self, table: Table) -> Iterator[Step]:
        self.names += 1
        table.added.append(f"c{self.names}")
        default = self.chance.choice(["", " DEFAULT 7"])
        yield Step(f"ALTER TABLE {table.name} ADD COLUMN c{self.names} INTEGER{default}")

    def drop_column(self, table: Table) -> Iterator[Step]:
        if not table.added or table.indexes:
            yield from self.update(table)
            return
        yield Step(f"ALTER TABLE {table.name} DROP COLUMN {table.added.pop()}")

    def drop(self, table: Table) -> Iterator[Step]:
        del self.tables[table.name]
        yield Step(f"DROP TABLE {table.name}")

    def index(self, table: Table) -> Iterator[Step]:
        if table.indexes:
            yield Step(f"DROP INDEX {table.indexes.pop()}")
            return
        self.names += 1
        table.indexes.append(f"s{self.who}_i{self.names}")
        column = "g" if table.kind == "keyed" else "k"
        yield Step(f"CREATE INDEX {table.indexes[-1]} ON {table.name} ({column})")

    def create_as(self, table: Table) -> Iterator[Step]:
        """The key is lost with it: a copy is as it were of the plain kind, which is never copied into."""
        made = Table(self.new_name(), table.kind if table.kind != "keyed" else "plain", table.next_key, list(table.keys))
        if table.kind == "keyed":
            yield Step(f"CREATE OR REPLACE TABLE s{self.who}_0 AS SELECT * FROM {table.name}")
            return
        made.added = list(table.added)
        self.tables[made.name] = made
        yield Step(f"CREATE TABLE {made.name} AS SELECT * FROM {table.name}")

    # ---- comparing

    def questions(self) -> list[str]:
        """The names of tables and indexes, whole tables by hash, rows through indexes."""
        own = f"LIKE 's{self.who}\\_%' ESCAPE '\\'"
        asked = [
            f"SELECT table_name, column_count FROM duckdb_tables() WHERE table_name {own}",
            f"SELECT index_name, table_name FROM duckdb_indexes() WHERE table_name {own}",
        ]
        names = [row[0] for row in self.model.execute(asked[0]).fetchall()]
        whole = "SELECT count(*), sum(md5_number_lower(r)::HUGEINT)::VARCHAR FROM (SELECT x::VARCHAR AS r FROM ({}) x)"
        asked += [whole.format(f"SELECT * FROM {name}") for name in names]
        # Small ones row by row: then it is known which differ.
        small = [name for name in names if self.model.execute(f"SELECT count(*) FROM {name}").fetchone()[0] < 1000]
        asked = [*asked[:2], *(f"SELECT x::VARCHAR FROM {name} x" for name in small), *asked[2:]]
        asked.append(whole.format(f"SELECT who, k, v FROM shared WHERE who = {self.who}"))
        for table in self.tables.values():
            # Before it is known what became of it, a table may not be there, or be there under another name.
            if table.name not in names and table.kind != "shared":
                continue
            for k in self.chance.sample(table.keys, min(4, len(table.keys))):
                condition = self.where(table, f"k = {k}")
                asked.append(
                    f"SELECT x::VARCHAR FROM (SELECT {', '.join(NAMES[table.kind])} FROM {table.name} WHERE {condition}) x"
                )
                if table.kind == "keyed":
                    asked.append(f"SELECT k, u, g, v FROM {table.name} WHERE u = 'u{k}'")
                    asked.append(f"SELECT count(*), sum(k)::BIGINT, min(u) FROM {table.name} WHERE g = {k % 23}")
        return asked

    def expected(self, questions: list[str]) -> list[list[str]]:
        return [sorted(map(str, self.model.execute(sql).fetchall())) for sql in questions]
