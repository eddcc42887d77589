"""A slot equals its source: after each checkpoint, every block in use is the same, byte for byte, in the database and the slot."""

from __future__ import annotations

import pytest

WORKLOAD = r'''
import os, random, struct, sys
import duckdb
from duckrow import _core

path, storage, rounds, trust = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "trust"
BLOCK, HEADERS, META = 262144, 12288, (262144 - 8) // 64 // 8 * 8
random.seed(7)


def read(name):
    with open(name, "rb") as file:
        return file.read()


def used(data):
    """The blocks in use, from the newer header's free list."""
    header = max((struct.unpack_from("<6Q", data, at) for at in (4096, 8192)), key=lambda h: h[1])
    following, count, rest = header[3], header[4], b""

    def take(size):
        nonlocal following, rest
        while len(rest) < size:
            at = HEADERS + (following & (1 << 56) - 1) * BLOCK + 8 + (following >> 56) * META
            following, rest = struct.unpack_from("<Q", data, at)[0], rest + data[at + 8 : at + META]
        value, rest = int.from_bytes(rest[:size], "little"), rest[size:]
        return value

    free = set() if following == 2**64 - 1 else {take(8) for _ in range(take(8))}
    return [block for block in range(count) if block not in free]


def block(data, number):
    return data[HEADERS + number * BLOCK : HEADERS + (number + 1) * BLOCK]


def statement():
    k = random.randint(0, 90000)
    return random.choice([
        f"insert into n select i, repeat('s' || i, 3) from range({random.choice([1, 1000, 150000])}) g(i)",
        f"delete from n where a % {random.randint(2, 9)} = 1",
        f"update n set b = 'q' where a between {k} and {k + 20000}",
        f"create or replace table c{k % 3} as select i, hash(i) h from range({random.choice([5, 300000])}) g(i)",
        f"drop table if exists c{k % 3}",
        "truncate n",
        f"alter table n add column if not exists e{k % 3} int default 1",
        f"alter table n drop column if exists e{k % 3}",
    ] + [f"update t set v = x.v from (select {k} id, (select v from t where id = {k + 9}) v union all "
         f"select {k + 9}, (select v from t where id = {k})) x where t.id = x.id"] * 8)


def work(sql):
    con = duckdb.connect(path, config={"storage_compatibility_version": storage} if storage else {})
    con.execute("set checkpoint_threshold='10GB'")
    for one in sql:
        try:
            con.execute(one)
        except duckdb.Error:
            pass
    con.execute("checkpoint")
    con.close()


work(["create table t as select i::int id, hash(i) v from range(100000) g(i)", "create table n(a bigint, b varchar)"])
database = _core.Database(path, max_slots=8, rest_ms=0)
pins, differences, trusted, compared = [], 0, b"", 0
for number in range(rounds):
    # Closing DuckDB drops this process's POSIX locks, so the engine works outside of the turn.
    work([statement() for _ in range(random.randint(1, 3))])
    if random.random() < 0.1:
        continue  # a checkpoint that duckrow doesn't know of
    turn = database.take(False, "write", 10000)
    turn.begin()
    turn.end()
    turn.release()
    pin = database.pin(1000)
    source, copy = read(path), read(pin.path)
    if trust:
        kept = bytearray(source)
        for i in range(min(len(source), len(trusted)) // BLOCK):
            if trusted[HEADERS + i * BLOCK :][:8] == source[HEADERS + i * BLOCK :][:8]:
                kept[HEADERS + i * BLOCK : HEADERS + (i + 1) * BLOCK] = block(trusted, i)
        trusted = copy = bytes(kept[: len(source)])
    assert source[:HEADERS] == copy[:HEADERS]
    numbers = used(source)
    compared += len(numbers)
    differences += sum(block(source, i) != block(copy, i) for i in numbers)
    pins.append(pin)
    while len(pins) > random.choice([0, 0, 1, 4]):
        pins.pop(0).unpin()
print(differences, compared)
'''

STORAGES = [("1.5.6", ""), ("1.5.6", "v1.4.0"), ("2.0.0", "v1.0.0"), ("2.0.0", "v1.4.0"), ("2.0.0", "")]


def run(processes, python, path, storage, rounds, mode):
    process = processes.python(WORKLOAD, path, storage, rounds, mode, python=python)
    differences, compared = map(int, process.finish(timeout=600)[-1].split())
    assert compared > rounds
    return differences


@pytest.mark.parametrize(("version", "storage"), STORAGES)
@pytest.mark.timeout(900)
def test_slot_equals_its_source(engine_pythons, processes, tmp_db, soak, version, storage):
    assert run(processes, engine_pythons[version], tmp_db, storage, 1000 if soak else 40, "compare") == 0


@pytest.mark.parametrize("version", ["1.5.6", "2.0.0"])
def test_a_copier_that_trusts_checksums_fails(engine_pythons, processes, tmp_db, version):
    assert run(processes, engine_pythons[version], tmp_db, "v1.4.0", 30, "trust") > 0
