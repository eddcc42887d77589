"""Load on a service, and readers beside it: see states."""

from __future__ import annotations

import json
import threading
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psycopg

from support import wait_until
from support.processes import Process, Processes
from support.service import Service
from support.states import SETUP, Acknowledged, look, wrong_with

SIZES = {"single": 1, "pipeline": 20, "transaction": 3, "copy": 3000}
INSERT = "INSERT INTO t VALUES (%s, %s, %s, %s)"


def write_all_kinds(connection: psycopg.Connection, who: int, n: int) -> None:
    """Load.beside: besides rows in the WAL, blocks and changes of the schema."""
    if n % 5 == 1:
        connection.execute("INSERT INTO bulk SELECT 1, random() FROM range(20000)")
    if n % 5 == 3:
        connection.execute("CREATE OR REPLACE TABLE side AS SELECT * FROM counter")
    if n % 10 == 9:
        connection.execute("DELETE FROM bulk")


class Load:
    """Writers in threads of this process, each of a kind; readers in processes of their own."""

    def __init__(self, service: Service, folder: Path, kinds: list[str]):
        self.service = service
        self.kinds = kinds
        self.acknowledged = Acknowledged(folder / "acknowledged")
        self.stopping = threading.Event()
        self.stop_readers = folder / "stop"
        self.errors: Counter[str] = Counter()
        self.tried_again: Counter[str] = Counter()  # SQLSTATEs for which a unit was
        # What transactions do besides: of this connection, for writer `who`, unit n. What it raises is as if the unit had.
        self.beside: Callable[[psycopg.Connection, int, int], None] | None = None
        self.again = {"40001", "55P03"}  # after which errors a unit is tried again
        # What may happen to a session besides: it is closed, and another goes on. "": it is hung up on, or not let in.
        self.trouble: set[str] = set()
        self.troubles: Counter[str] = Counter()
        self.threads: list[threading.Thread] = []
        self.readers: list[Process] = []

    def set_up(self) -> None:
        self.service.run(SETUP)
        for who, kind in enumerate(self.kinds):
            if kind == "transaction":
                self.service.run(f"INSERT INTO counter VALUES ({who}, 0)")

    # ---- writers

    def start(self) -> None:
        self.stopping.clear()
        # Where the test fails nobody stops them.
        self.threads = [threading.Thread(target=self._write, args=(who, kind), daemon=True) for who, kind in enumerate(self.kinds)]
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """Asks the writers to end after the unit that they are at."""
        self.stopping.set()
        self.join()

    def join(self, timeout: float = 60) -> None:
        for thread in self.threads:
            thread.join(timeout)
            assert not thread.is_alive(), "a writer hangs"
        assert not self.errors, self.errors

    def wait(self, units: int = 1, timeout: float = 30) -> None:
        """Until each of the writers has had so many more acknowledged."""
        before = self.acknowledged.all()

        def all_get_on() -> bool:
            assert not self.errors, self.errors
            return all(self.acknowledged[who] >= before[who] + units for who in range(len(self.kinds)))

        wait_until(all_get_on, timeout, "all writers get on")

    def _write(self, who: int, kind: str) -> None:
        """Until it is told to stop; or, where nothing is known of trouble, until the service is killed."""
        while not self.stopping.is_set():
            connection = None
            try:
                connection = self.service.connect()
                self._units(connection, who, kind)
            except Exception as error:
                ended = isinstance(error, psycopg.OperationalError) and (connection is None or connection.broken)
                state = "" if ended else getattr(error, "sqlstate", None) or type(error).__name__
                if state in self.trouble:
                    self.troubles[state] += 1
                    self.stopping.wait(0.05)
                elif ended and not self.trouble:
                    return
                else:
                    where = [frame for frame in traceback.extract_tb(error.__traceback__) if "site-packages" not in frame.filename][
                        -1
                    ]
                    self.errors[f"{kind}: {type(error).__name__} {state}: {error} ({where.line})"] += 1
                    return
            finally:
                if connection is not None:
                    connection.close()

    def _units(self, connection: psycopg.Connection, who: int, kind: str) -> None:
        newest = connection.execute("SELECT max(n) FROM t WHERE who = %s", (who,)).fetchone()[0]
        n = 0 if newest is None else newest + 1
        while not self.stopping.is_set():
            if self._unit(connection, who, kind, n):
                n += 1
                self.acknowledged[who] = n

    def _unit(self, connection: psycopg.Connection, who: int, kind: str, n: int) -> bool:
        try:
            getattr(self, f"_{kind}")(connection, who, n)
        except psycopg.Error as error:
            if connection.broken or error.sqlstate not in self.again:
                raise
            self.tried_again[error.sqlstate] += 1
            return False
        return True

    def _single(self, connection: psycopg.Connection, who: int, n: int) -> None:
        connection.execute(INSERT, (who, n, 0, 1), prepare=True)

    def _pipeline(self, connection: psycopg.Connection, who: int, n: int) -> None:
        with connection.pipeline():
            for k in range(SIZES["pipeline"]):
                connection.execute(INSERT, (who, n, k, SIZES["pipeline"]), prepare=True)

    def _transaction(self, connection: psycopg.Connection, who: int, n: int) -> None:
        with connection.transaction():
            for k in range(SIZES["transaction"]):
                connection.execute(INSERT, (who, n, k, SIZES["transaction"]))
                connection.execute(INSERT.replace(" t ", " u "), (who, n, k, SIZES["transaction"]))
            connection.execute("UPDATE counter SET v = %s WHERE who = %s", (n + 1, who))
            if self.beside:
                self.beside(connection, who, n)

    def _copy(self, connection: psycopg.Connection, who: int, n: int) -> None:
        with connection.cursor() as cursor, cursor.copy("COPY t FROM STDIN") as copy:
            copy.write("".join(f"{who}\t{n}\t{k}\t{SIZES['copy']}\n" for k in range(SIZES["copy"])))

    # ---- what is there

    def check(self) -> None:
        """As the service says, outside a transaction and in one."""
        must_see = self.acknowledged.all()
        for autocommit in (True, False):
            with self.service.connect(autocommit=autocommit) as connection:
                said = wrong_with(look(lambda sql, asked=connection: asked.execute(sql).fetchall()), must_see)
                assert not said, said

    def start_readers(self, processes: Processes, pythons: list[Path]) -> None:
        """One for each of the Pythons."""
        program = Path(__file__).with_name("stock_reader.py")
        for python in pythons:
            reader = processes.start(python, program, self.service.read_path, self.acknowledged.path, self.stop_readers)
            reader.expect("ready")
            self.readers.append(reader)

    def end_readers(self) -> list[int]:
        """How often each has looked; an AssertionError where one has seen what it must not."""
        self.stop_readers.touch()
        found = [json.loads(reader.finish(60)[-1]) for reader in self.readers]
        assert all(not wrong for _, wrong in found), found
        return [checks for checks, _ in found]
