"""A random workload: the service, stock readers of both engines and a model of what was acknowledged are the same all the time."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import psycopg
import pytest
from support import Process, Processes, scaled
from support.service import Service
from support.workload import SHARED, Session

SESSIONS = 4


class Askers:
    """Stock readers, one of each engine; a session at a time asks them."""

    def __init__(self, processes: Processes, pythons: dict[str, Path], path: Path):
        program = Path(__file__).parent.parent / "support/stock_asker.py"
        self.path = path
        self.process: dict[str, Process] = {version: processes.start(python, program) for version, python in pythons.items()}
        self.lock = threading.Lock()
        for process in self.process.values():
            process.expect("ready")

    def ask(self, questions: list[str]) -> dict[str, list[list[str]]]:
        with self.lock:
            for process in self.process.values():
                process.tell(json.dumps([str(self.path), *questions]))
            return {f"stock {version}": json.loads(process.line(60)) for version, process in self.process.items()}


def service_says(session: Session, questions: list[str], within: bool) -> list[list[str]] | str:
    connection = session.connection
    while True:
        try:
            with connection.transaction() if within else nullcontext():
                return [sorted(map(str, connection.execute(sql).fetchall())) for sql in questions]
        except psycopg.errors.SerializationFailure:
            assert within  # another session's change of the schema didn't wait for it
        except psycopg.ProgrammingError as error:
            return f"{error.sqlstate} {error}"


def verify(session: Session, askers: Askers) -> str:
    """Of this session's rows: who says something else than the model, and of what; "": nobody does."""
    questions = session.questions()
    expected = session.expected(questions)
    said = askers.ask(questions)
    said["the service"] = service_says(session, questions, within=False)
    said["the service in a transaction"] = service_says(session, questions, within=True)
    for who, answers in said.items():
        if answers == expected:
            continue
        if isinstance(answers, str):
            return f"{who}: {answers}"
        question, found, right = next((q, a, e) for q, a, e in zip(questions, answers, expected) if a != e)
        more, less = Counter(found) - Counter(right), Counter(right) - Counter(found)
        again = askers.ask([question])
        return (
            f"{who} to {question}: {list(more)[:5]} instead of {list(less)[:5]}; asked again all say what is expected: "
            f"{all(answers[0] == right for answers in again.values())}; so does {[w for w, a in said.items() if a == expected]}; "
            f"before it {session.history[-25:]}"
        )
    return ""


def settle_doubts(session: Session, askers: Askers) -> str:
    """After a kill: what was under way has happened wholly, or not at all. Which it was; what is wrong."""
    session.connection = session.connect()
    try:
        steps, session.in_doubt = session.in_doubt, None
        before = verify(session, askers)
        if not before or steps is None:
            return before
        session.apply_all(steps)
        after = verify(session, askers)
        return f"neither without ({before}) nor with {[step.sql[:100] for step in steps]} ({after})" if after else ""
    finally:
        session.connection.close()


@pytest.mark.timeout(scaled(600, 120))
@pytest.mark.parametrize("seed", range(scaled(10, 2)))
def test_all_see_the_same(seed: int, serve: Callable[..., Service], processes: Processes, engine_pythons: dict[str, Path]) -> None:
    service = serve("--checkpoint-commits", "60")
    service.run(SHARED)
    askers = Askers(processes, engine_pythons, service.read_path)
    sessions = [Session(who, seed, service.connect) for who in range(SESSIONS)]
    checks: Counter[int] = Counter()
    wrong: list[str] = []
    until = time.monotonic() + scaled(60, 3)

    def check(session: Session) -> None:
        checks[session.who] += 1
        assert not (said := verify(session, askers)), said

    def left() -> float:
        return -1 if wrong else until - time.monotonic()

    def go(session: Session, killed: bool) -> None:
        try:
            session.go(left, check)
        except psycopg.OperationalError as error:
            if not (killed and session.connection.broken):
                wrong.append(f"session {session.who}: {error}")
        except BaseException as error:
            wrong.append(f"session {session.who}: {type(error).__name__}: {error}")

    def run(killed: bool) -> list[threading.Thread]:
        threads = [threading.Thread(target=go, args=(session, killed)) for session in sessions]
        for thread in threads:
            thread.start()
        return threads

    threads = run(killed=True)
    time.sleep(left() * (0.3 + 0.4 * (seed % 10) / 10))
    service.kill()
    for thread in threads:
        thread.join()
    assert not wrong, "\n".join(wrong)
    service.process.end()
    service.start()
    for session in sessions:
        assert not (said := settle_doubts(session, askers)), said
        session.learn()
    for thread in run(killed=False):
        thread.join()
    assert not wrong, "\n".join(wrong)
    for session in sessions:
        assert not (said := settle_doubts(session, askers)), said
    print(
        f"seed {seed}: {sum(session.acknowledged for session in sessions)} acknowledged, {sum(checks.values())} checks, refused "
        f"{sum((session.refused for session in sessions), Counter())}"
    )
