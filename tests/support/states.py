"""A database whose every state can be checked, by whoever sees it. Standard library alone: stock readers use it too.

A writer makes units 0, 1, 2, … of so many rows each, and goes on after the newest that is there. So in any state that anybody may
see, a writer whose newest unit is n has exactly (n + 1) × size rows, whose numbers have a known sum; and n is at least what was
acknowledged before the look. What is acknowledged is in a file that processes share."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable
from pathlib import Path

WRITERS = 64

# t: all units. u, counter: the same again, of those units that are transactions. bulk: changed by whole statements, each of which
# keeps count and sum equal.
SETUP = """
    CREATE TABLE t (who INTEGER, n BIGINT, k INTEGER, size INTEGER);
    CREATE TABLE u (who INTEGER, n BIGINT, k INTEGER, size INTEGER, PRIMARY KEY (who, n, k));
    CREATE TABLE counter (who INTEGER, v BIGINT);
    CREATE TABLE bulk (x BIGINT, y DOUBLE);
"""

Rows = list[tuple]
Fetch = Callable[[str], Rows]


def look(fetch: Fetch) -> tuple[Rows, Rows, Rows, Rows]:
    units = "SELECT who, max(n), count(*), sum(n)::BIGINT, max(size) FROM {} GROUP BY who ORDER BY who"
    return (
        fetch(units.format("t")),
        fetch(units.format("u")),
        fetch("SELECT who, sum(v)::BIGINT FROM counter GROUP BY who ORDER BY who"),
        fetch("SELECT count(*), coalesce(sum(x), 0)::BIGINT FROM bulk"),
    )


def wrong_with(seen: tuple[Rows, Rows, Rows, Rows], acknowledged: list[int]) -> str:
    """ "" where it is as it must be."""
    units, keyed, counters, bulk = seen
    there = {who: n + 1 for who, n, *_ in units}
    for who, n in enumerate(acknowledged):
        if n > there.get(who, 0):
            return f"stale: writer {who} had {n} units acknowledged, and there are {there.get(who, 0)}"
    for who, n, count, total, size in units + keyed:
        if (count, total) != ((n + 1) * size, size * n * (n + 1) // 2):
            return f"inconsistent: writer {who}'s newest unit, of {size} rows, is {n}; it has {count} rows whose sum is {total}"
    if any(there.get(who, 0) != n + 1 for who, n, *_ in keyed):
        return f"inconsistent: t and u differ: {there} {keyed}"
    if any(there.get(who, 0) != v for who, v in counters):
        return f"inconsistent: t and counter differ: {there} {counters}"
    if bulk[0][0] != bulk[0][1]:
        return f"inconsistent: bulk has {bulk[0][0]} rows, whose sum is {bulk[0][1]}"
    return ""


class Acknowledged:
    """How many units of each writer are acknowledged, in a file."""

    def __init__(self, path: Path | str):
        self.path = Path(path)
        if not self.path.exists():
            self.path.write_bytes(bytes(8 * WRITERS))
        with self.path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 0)

    def __setitem__(self, who: int, units: int) -> None:
        struct.pack_into("=q", self._shared, 8 * who, units)

    def __getitem__(self, who: int) -> int:
        return int(struct.unpack_from("=q", self._shared, 8 * who)[0])

    def all(self) -> list[int]:
        return list(struct.unpack_from(f"={WRITERS}q", self._shared))
