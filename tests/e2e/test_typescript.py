"""TypeScript beside Python: the users' rules, the checker, many writers, turns whose owner is gone. The TypeScript programs are
in node/test/programs."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import duckrow
import pytest
from support import Process, Processes, scaled, wait_until

from e2e import test_kill, test_snapshot_checker, test_users_rules, test_writers
from e2e.helpers import ask, each_sees, start

BUILD = Path(__file__).resolve().parent.parent.parent / "build" / "node"
NODES = ("20", "22")

pytestmark = pytest.mark.usefixtures("engine_pythons")  # `make test` runs these once


@pytest.fixture(params=NODES)
def node(request: pytest.FixtureRequest) -> Path:
    """Each supported Node in turn."""
    return BUILD / request.param / "bin" / "node"


@pytest.fixture
def run(processes: Processes, node: Path) -> Callable[..., Process]:
    """Starts a TypeScript program of node/test/programs."""

    def started(name: str, *arguments: object) -> Process:
        program = BUILD / "installed" / "test" / "programs" / f"{name}.mjs"
        assert program.exists(), "`make test` compiles it"
        return processes.start(node, program, *map(str, arguments))

    return started


@pytest.fixture
def rows(run: Callable[..., Process]) -> Callable[..., list[Any]]:
    """What one statement gives TypeScript."""
    return lambda path, sql, how="read": json.loads(run("ask", path, sql, how).finish()[-1])


@pytest.fixture
def table(tmp_db: Path) -> Path:
    """One row in t."""
    with duckrow.get_write_connection(tmp_db) as con:
        con.execute("CREATE TABLE t AS SELECT 1::INT i")
    return tmp_db


# ---- the users' four rules, from TypeScript and crossed ----


def test_concurrent_reads_work(
    processes: Processes, engine_pythons: dict[str, Path], run: Callable[..., Process], table: Path
) -> None:
    readers = [run("read_twice", table) for _ in range(2)]
    readers += [start(processes, python, test_users_rules.READ, table) for python in engine_pythons.values()]
    each_sees(readers, "1")


def test_a_single_writer_works(
    processes: Processes, engine_pythons: dict[str, Path], rows: Callable[..., list[Any]], tmp_db: Path
) -> None:
    rows(tmp_db, "CREATE TABLE t AS SELECT 1::INT i", "write")
    rows(tmp_db, "INSERT INTO t VALUES (2)", "write")
    assert rows(tmp_db, "SELECT i FROM core.main.t ORDER BY i") == [[1], [2]]
    for python in engine_pythons.values():
        assert ask(processes, python, tmp_db, "SELECT i FROM t ORDER BY i") == [[1], [2]]
        assert ask(processes, python, tmp_db, "SELECT i FROM t ORDER BY i", "stock") == [[1], [2]]


@pytest.mark.parametrize("holding", ["python", "typescript"])
def test_two_writers_fail_gracefully_with_a_timeout(
    processes: Processes,
    engine_pythons: dict[str, Path],
    run: Callable[..., Process],
    rows: Callable[..., list[Any]],
    table: Path,
    holding: str,
) -> None:
    python = engine_pythons["2.0.0"]
    holder = start(processes, python, test_users_rules.HOLD, table) if holding == "python" else run("hold", table)
    holder.expect("holds")
    found = json.loads(run("busy", table).finish()[0])
    assert found["code"] == "DUCKROW_BUSY" and found["tookMs"] >= 999  # of which it has made an engine, too
    assert 0 < found["waitedMs"] <= found["tookMs"] + 1
    assert (found["holder"]["pid"], found["holder"]["kind"], found["waiting"]) == (holder.pid, "write", 1)
    assert str(holder.pid) in found["message"] and "\n" not in found["message"]
    with pytest.raises(duckrow.BusyError) as busy:
        duckrow.get_write_connection(table, timeout=0.2)
    assert busy.value.holder is not None and busy.value.holder.pid == holder.pid
    holder.tell()
    holder.expect("committed")
    rows(table, "INSERT INTO t VALUES (3)", "write")
    assert rows(table, "SELECT count(*) FROM t") == [[3]]


@pytest.mark.parametrize("writing", ["python", "typescript"])
def test_a_reader_and_a_writer_overlap(
    processes: Processes,
    engine_pythons: dict[str, Path],
    run: Callable[..., Process],
    rows: Callable[..., list[Any]],
    table: Path,
    writing: str,
) -> None:
    python = engine_pythons["2.0.0"]
    readers = [run("read_twice", table), start(processes, python, test_users_rules.READ, table)]
    for reader in readers:
        reader.expect("1")
    holder = run("hold", table) if writing == "typescript" else start(processes, python, test_users_rules.HOLD, table)
    holder.expect("holds")
    # Readers that open while the transaction is open, and those that opened before.
    assert rows(table, "SELECT count(*) FROM t") == [[1]] == ask(processes, python, table, "SELECT count(*) FROM t")
    holder.tell()
    holder.expect("committed")
    assert rows(table, "SELECT count(*) FROM t") == [[2]] == ask(processes, python, table, "SELECT count(*) FROM t")
    for reader in readers:
        reader.tell()
        assert reader.finish() == ["1"]


# ---- many at once ----


@pytest.mark.timeout(scaled(300, 120))
@pytest.mark.parametrize("writing", ["python", "typescript", "both"])
def test_readers_see_one_fresh_state(
    processes: Processes, engine_pythons: dict[str, Path], run: Callable[..., Process], tmp_db: Path, writing: str
) -> None:
    """Python writers with TypeScript readers, the other way round, and all of them."""
    seconds = scaled(60, 2)
    with duckrow.get_write_connection(tmp_db) as con:
        con.execute("CREATE TABLE t AS SELECT 0::BIGINT n")
        con.execute("CREATE TABLE counter AS SELECT 0::BIGINT v")
        con.execute("CREATE TABLE bulk (x BIGINT, y DOUBLE)")
    (tmp_db.parent / f"{tmp_db.name}.ack").mkdir()
    pythons = list(engine_pythons.values())
    writers, readers = [], []
    if writing != "typescript":
        writers += [start(processes, python, test_snapshot_checker.WRITER, tmp_db, seconds) for python in pythons]
    if writing != "python":
        writers += [run("checker_writer", tmp_db, seconds) for _ in range(2)]
        readers += [start(processes, python, test_snapshot_checker.READER, tmp_db, seconds) for python in pythons]
    if writing != "typescript":
        readers += [run("checker_reader", tmp_db, seconds) for _ in range(2)]
    found = [json.loads(reader.finish(seconds + 60)[-1]) for reader in readers]
    commits = [int(writer.finish(60)[-1]) for writer in writers]
    print(commits, found)
    assert all(checks > 0 for checks, *_ in found) and all(commits)
    assert [(stale, inconsistent, len(errors)) for _, stale, inconsistent, errors in found] == [(0, 0, 0)] * len(readers), found


# Prints when each cycle has ended.
CYCLES = test_writers.CYCLES.rstrip() + "\n        print(time.time())\n"


def most_by_least(times: list[list[float]]) -> float:
    """How many cycles each writer had while all of them were at it: the most by the least."""
    end = min(each[-1] for each in times)
    begin = max(each[0] for each in times)
    counts = [sum(begin <= at <= end for at in each) for each in times]
    return max(counts) / max(1, min(counts))


@pytest.mark.alone_in_soak
@pytest.mark.timeout(scaled(900, 120))
def test_writers_of_both_lose_nothing_and_are_fair(
    processes: Processes, engine_pythons: dict[str, Path], run: Callable[..., Process], tmp_db: Path
) -> None:
    cycles = scaled(300, 20)
    with duckrow.get_write_connection(tmp_db) as con:
        con.execute("CREATE TABLE t (who INT, i INT)")
    writers = [run("cycles", tmp_db, who, cycles) for who in range(2)]
    pythons = cycle(engine_pythons.values())
    writers += [start(processes, next(pythons), CYCLES, tmp_db, who, cycles, "duckrow") for who in (2, 3)]
    for writer in writers:
        writer.expect("ready")
    for writer in writers:
        writer.tell()
    times = [[float(line) for line in writer.finish(600)] for writer in writers]
    with duckrow.get_readonly_connection(tmp_db) as con:
        found = con.execute("SELECT count(*), count(DISTINCT (who, i)) FROM t").fetchone()
    assert found == (4 * cycles, 4 * cycles)
    fair = most_by_least(times)
    print(f"most/least {fair:.2f}")
    assert fair <= scaled(1.3, 2.0)  # of few cycles one more counts much


# ---- a turn whose owner is gone ----


@pytest.mark.timeout(scaled(1800, 120))
def test_nothing_acknowledged_is_lost(
    processes: Processes, engine_pythons: dict[str, Path], run: Callable[..., Process], tmp_db: Path
) -> None:
    """The turn is free at once, and nothing is lost."""
    with duckrow.get_write_connection(tmp_db) as con:
        con.execute("CREATE TABLE t (i BIGINT)")
        con.execute("CREATE TABLE bulk (i BIGINT)")
    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    acknowledged: set[int] = set()
    waits = []
    for number in range(scaled(100, 4)):
        victim = run("victim", tmp_db, number * 1_000_000)
        follower = start(processes, engine_pythons["2.0.0"], test_kill.NEXT, tmp_db)
        follower.expect("ready")
        acknowledged.add(int(victim.line()))
        time.sleep(chance.random() * 0.06)
        victim.kill()
        follower.tell()
        waits.append(float(follower.line()))
        follower.finish()
        acknowledged.update(int(line) for line in test_kill.drained(victim))
        with duckrow.get_readonly_connection(tmp_db) as con:
            found = {row[0] for row in con.execute("SELECT i FROM t").fetchall()}
            assert con.execute("SELECT count(*) % 20000 FROM bulk").fetchone() == (0,)
        assert acknowledged <= found, f"round {number}: lost {sorted(acknowledged - found)}"
    print(f"longest wait {max(waits):.3f} s")
    assert max(waits) <= 0.1


@pytest.mark.parametrize("how", ["collected", "worker", "waiting-worker"])
def test_an_owner_that_is_gone_gives_the_turn_back(run: Callable[..., Process], table: Path, how: str) -> None:
    waits = how == "waiting-worker"
    if waits:
        holder = run("hold", table)
        holder.expect("holds")
    owner = run("lost", table, how)
    owner.expect("waits" if waits else "holds")
    if waits:
        assert duckrow.status(table).waiting == 1
    else:
        with pytest.raises(duckrow.BusyError):
            duckrow.get_write_connection(table, timeout=0.1)
    owner.tell()
    owner.expect("ended")
    if waits:
        assert duckrow.status(table).waiting == 0
        holder.tell()
        holder.expect("committed")
    with duckrow.get_write_connection(table, timeout=5) as con:
        con.execute("INSERT INTO t VALUES (9)")
    owner.tell()
    owner.finish()


def test_exit_in_a_wait(run: Callable[..., Process], table: Path) -> None:
    holder = run("hold", table)
    holder.expect("holds")
    waiter = run("lost", table, "exit")
    waiter.expect("waits")
    wait_until(lambda: duckrow.status(table).waiting == 1)
    waiter.tell()
    assert waiter.wait() == 7
    wait_until(lambda: duckrow.status(table).waiting == 0)
    holder.tell()
    holder.expect("committed")


@pytest.mark.alone
def test_a_pending_open_leaves_the_event_loop_free(run: Callable[..., Process], table: Path) -> None:
    """More of them than libuv has threads, too. The machine is noisy: one run of three must do."""
    late = []
    while len(late) < 3 and not any(each < 15 for each in late):
        holder = run("hold", table)
        holder.expect("holds")
        timer = run("timer", table, 8, scaled(10, 2))
        late.append(float(timer.line(60)))
        holder.tell()
        timer.finish()
    print("p99 of a timer of 10 ms:", late)
    assert late[-1] < 15
