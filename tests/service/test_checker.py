"""Readers beside the service: never stale, never inconsistent, never an error; not even where commits fail."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import errors
from support import Processes, scaled
from support.load import Load
from support.service import Service

Serve = Callable[..., Service]


def three(pythons: dict[str, Path]) -> list[Path]:
    old, new = pythons.values()
    return [old, new, new]


class Meddlers:
    """Further sessions, each in a thread that does one thing over and over."""

    def __init__(self, service: Service):
        self.service = service
        self.ending = threading.Event()
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.threads: list[threading.Thread] = []

    def start(self, name: str, work: Callable[[psycopg.Connection, random.Random], None], refused: tuple[str, ...] = ()) -> None:
        def run() -> None:
            chance = random.Random(name)
            with self.service.connect() as connection:
                while not self.ending.is_set():
                    try:
                        work(connection, chance)
                        self.done[name] += 1
                    except psycopg.Error as error:
                        if connection.broken or error.sqlstate not in refused:
                            self.wrong.append(f"{name}: {error.sqlstate} {error}")
                            return
                        self.refused[f"{name} {error.sqlstate}"] += 1
                        connection.rollback()

        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()

    def end(self) -> None:
        self.ending.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), "a session hangs"
        assert not self.wrong, self.wrong


# ---- what others do meanwhile -----------------------------------------------------------------------------------------------


def bulk_loads(connection: psycopg.Connection, chance: random.Random) -> None:
    connection.execute(f"INSERT INTO bulk SELECT 1, random() FROM range({chance.choice([10, 5000, 150000])})")
    time.sleep(chance.random() * 0.1)


def updates(connection: psycopg.Connection, chance: random.Random) -> None:
    connection.execute("UPDATE bulk SET y = y / 2 WHERE y BETWEEN 0.3 AND 0.31")
    time.sleep(chance.random() * 0.1)


def deletes(connection: psycopg.Connection, chance: random.Random) -> None:
    connection.execute("DELETE FROM bulk WHERE y < 0.3")
    time.sleep(chance.random() * 0.3)


def schemas(connection: psycopg.Connection, chance: random.Random) -> None:
    """One that readers look at, too."""
    connection.execute("CREATE OR REPLACE TABLE side AS SELECT who, max(n) AS n FROM t GROUP BY who")
    connection.execute("CREATE INDEX side_n ON side (n); DROP INDEX side_n")
    time.sleep(chance.random() * 0.2)
    connection.execute("ALTER TABLE counter ADD COLUMN more INTEGER DEFAULT 1")
    time.sleep(chance.random() * 0.2)
    connection.execute("ALTER TABLE counter DROP COLUMN more")


def checkpoints(connection: psycopg.Connection, chance: random.Random) -> None:
    connection.execute("CHECKPOINT")
    time.sleep(chance.random() * 0.5)


CONFLICTS = ("40001",)


@pytest.mark.timeout(scaled(600, 120))
def test_readers_see_what_was_acknowledged(
    serve: Serve, processes: Processes, engine_pythons: dict[str, Path], tmp_path: Path
) -> None:
    service = serve("--ddl-wait", "200ms")
    load = Load(service, tmp_path, ["single"] * 3 + ["pipeline"] * 2 + ["transaction"] * 2 + ["copy"])
    load.set_up()
    load.start_readers(processes, three(engine_pythons))
    meddlers = Meddlers(service)
    load.start()
    for work in (bulk_loads, updates, deletes, schemas, checkpoints):
        meddlers.start(work.__name__, work, CONFLICTS)
    time.sleep(scaled(120, 2))
    meddlers.end()
    load.stop()
    looked = load.end_readers()
    load.check()
    print(
        f"units {load.acknowledged.all()[:8]}, again {load.tried_again}, others {meddlers.done} {meddlers.refused}, looks {looked}"
    )
    assert min(load.acknowledged.all()[:8]) >= scaled(100, 1) and min(looked) >= scaled(100, 1)
    assert min(meddlers.done[work.__name__] for work in (bulk_loads, updates, deletes, schemas)) >= scaled(20, 1)


# ---- commits that fail --------------------------------------------------------------------------------------------------------


class Failing:
    """What makes transactions of a load fail at COMMIT, all of which must be undone: another session inserts the key that the
    transaction has inserted, or alters or drops the table that it has updated."""

    def __init__(self, service: Service):
        self.service = service
        self.other: dict[int, psycopg.Connection] = {}
        self.meant: Counter[str] = Counter()
        self.tried: set[tuple[int, int]] = set()
        self.keys: Counter[int] = Counter()  # of each writer's rival, acknowledged

    def beside(self, connection: psycopg.Connection, who: int, n: int) -> None:
        """Each unit's first attempt fails; the next does not."""
        if (who, n) in self.tried:
            return
        self.tried.add((who, n))
        other = self.other.get(who)
        if other is None:
            other = self.other[who] = self.service.connect()
        how = (self.clash, self.alter, self.clash, self.drop)[n % 4]
        self.meant[how.__name__] += 1
        # Much of it, so that what a failing COMMIT has written before is long.
        connection.execute("INSERT INTO bulk SELECT 1, random() FROM range(%s)", (n % 5 * 20000,))
        how(connection, other, who, n)

    def clash(self, connection: psycopg.Connection, other: psycopg.Connection, who: int, n: int) -> None:
        connection.execute("INSERT INTO keys VALUES (%s, %s)", (n * 10 + who, "mine"))
        other.execute("INSERT INTO keys VALUES (%s, %s)", (n * 10 + who, "the other's"))
        self.keys[who] += 1

    def alter(self, connection: psycopg.Connection, other: psycopg.Connection, who: int, n: int) -> None:
        connection.execute(f"UPDATE victim{who} SET v = v + 1")
        other.execute(f"ALTER TABLE victim{who} ADD COLUMN c{n} INTEGER")

    def drop(self, connection: psycopg.Connection, other: psycopg.Connection, who: int, n: int) -> None:
        connection.execute(f"UPDATE victim{who} SET v = v + 1")
        other.execute(f"DROP TABLE victim{who}; CREATE TABLE victim{who} (v INTEGER); INSERT INTO victim{who} VALUES (0)")


@pytest.mark.timeout(scaled(600, 120))
def test_commits_that_fail_leave_nothing(
    serve: Serve, processes: Processes, engine_pythons: dict[str, Path], tmp_path: Path
) -> None:
    # DDL waits long enough that it is the COMMIT that fails, or the DDL, and not a transaction that is cancelled.
    service = serve("--ddl-wait", "100ms")
    writers = 3
    load = Load(service, tmp_path, ["transaction"] * writers + ["single", "copy"])
    failing = Failing(service)
    load.set_up()
    service.run("CREATE TABLE keys (k BIGINT PRIMARY KEY, whose VARCHAR)")
    for who in range(writers):
        service.run(f"CREATE TABLE victim{who} (v INTEGER)", f"INSERT INTO victim{who} VALUES (0)")
    load.beside = failing.beside
    load.again = {"40001", "23505"}
    load.start_readers(processes, three(engine_pythons))
    meddlers = Meddlers(service)
    load.start()
    meddlers.start("bulk_loads", bulk_loads, CONFLICTS)
    meddlers.start("deletes", deletes, CONFLICTS)
    time.sleep(scaled(60, 2))
    # On a busy machine it takes a while until both have happened.
    deadline = time.monotonic() + scaled(0, 30)
    while min(load.tried_again["23505"], load.tried_again["40001"]) < 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    meddlers.end()
    load.stop()
    looked = load.end_readers()
    load.check()
    print(f"units {load.acknowledged.all()[:5]}, meant to fail {failing.meant}, did {load.tried_again}, looks {looked}")
    assert load.tried_again["23505"] >= scaled(20, 1) and load.tried_again["40001"] >= scaled(20, 1)
    assert failing.meant.total() <= load.tried_again.total() + writers, "each has failed"
    # The key that clashed is the other's, and what the failed one did is nowhere.
    assert service.rows("SELECT count(*), count(*) FILTER (whose <> 'the other''s') FROM keys") == [(failing.keys.total(), 0)]
    for who in range(writers):
        assert service.rows(f"SELECT v FROM victim{who}") == [(0,)]


def test_of_two_that_insert_a_key_one_commits(serve: Serve) -> None:
    """And the other is told at its COMMIT, however close they are."""
    service = serve()
    service.run("CREATE TABLE keys (k BIGINT PRIMARY KEY, whose INTEGER)")
    rounds, sessions = scaled(500, 15), 4
    ready = threading.Barrier(sessions)
    won: Counter[int] = Counter()
    wrong: list[str] = []

    def run(me: int) -> None:
        with service.connect(autocommit=False) as connection:
            for n in range(rounds):
                connection.execute("INSERT INTO keys SELECT %s * 10 + i, %s FROM range(3) r(i)", (n, me))
                ready.wait(30)
                try:
                    connection.commit()
                    won[n] += 1
                except (errors.UniqueViolation, errors.SerializationFailure):
                    pass
                except Exception as error:
                    wrong.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=run, args=(me,)) for me in range(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not wrong, wrong[:5]
    assert [won[n] for n in range(rounds)] == [1] * rounds
    assert service.rows("SELECT count(*), count(DISTINCT (k // 10, whose)) FROM keys") == [(3 * rounds, rounds)]
