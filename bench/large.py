"""What snapshots of a large database cost, and what happens when slots or space run out; each outcome is checked.

usage: large.py [--folder DIR] [--json FILE] [SIZE]     with a Python that has duckrow; SIZE is 10GB unless given

Makes a database of SIZE and one of a tenth of it, in a folder of its own under DIR, which is removed afterwards. Needs four times
SIZE there. The full disk is a file system in a file, which root alone can mount.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import duckrow
from duckrow import _core

COLUMNS = 15  # of 8 bytes that nothing compresses
ONE_ROWS = 31
READER = """
import sys, time, duckrow
start = time.perf_counter()
con = duckrow.get_readonly_connection(sys.argv[1], timeout=600)
print(f"{(time.perf_counter() - start) * 1000:.1f}", con.execute("SELECT count(*) FROM small").fetchall()[0][0], flush=True)
sys.stdin.read()
print(con.execute("SELECT count(*) FROM small").fetchall()[0][0], con.execute("SELECT count(*), sum(h0) FROM t").fetchall()[0])
con.close()
"""

figures: dict[str, Any] = {}


def tell(name: str, value: Any, text: str) -> None:
    figures[name] = value
    print(f"  {text}", flush=True)


def check(condition: bool, what: str) -> None:
    if not condition:
        sys.exit(f"WRONG: {what}")


def bytes_of(text: str) -> int:
    units = {"GB": 10**9, "MB": 10**6}
    number, unit = text[:-2], text[-2:].upper()
    try:
        return int(float(number) * units[unit])
    except (ValueError, KeyError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 10GB or 500MB") from None


def gigabytes(size: float) -> str:
    return f"{size / 1e9:.2f} GB"


class Publishing:
    """How long the core's part of each publish took."""

    def __init__(self) -> None:
        self.spent = 0.0
        self.last: dict[str, Any] = {}
        for name in ("begin", "end"):
            setattr(_core.Turn, name, self._timed(getattr(_core.Turn, name)))

    def _timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def timed(turn: _core.Turn, *arguments: Any) -> Any:
            start = time.perf_counter()
            try:
                result = method(turn, *arguments)
            finally:
                self.spent += time.perf_counter() - start
            if isinstance(result, dict):
                self.last = result
            return result

        return timed


publishing = Publishing()


def write(path: Path, sql: str) -> tuple[float, float, list[str]]:
    """Milliseconds of the whole, of publishing in it, and what was warned of."""
    publishing.spent = 0.0
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with duckrow.get_write_connection(path, timeout=600) as con:
            con.execute(sql)
    return (time.perf_counter() - start) * 1000, publishing.spent * 1000, [str(w.message) for w in caught]


def ask(path: Path, sql: str) -> Any:
    with duckrow.get_readonly_connection(path, timeout=600) as con:
        return con.execute(sql).fetchall()[0]


def stock(path: Path, sql: str) -> Any:
    with duckdb.connect(str(path.with_suffix(".read.duckdb")), read_only=True) as con:
        return con.execute(sql).fetchall()[0]


class Reader:
    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", READER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        milliseconds, rows = self.process.stdout.readline().split()  # type: ignore[union-attr]
        self.opened, self.rows = float(milliseconds), int(rows)

    def end(self, sums: tuple[int, int]) -> None:
        """What it sees is what it saw, all of it."""
        out, _ = self.process.communicate(timeout=600)
        check(out.strip() == f"{self.rows} {sums}", f"a pinned reader saw {out.strip()}, not {self.rows} {sums}")


def make(path: Path, size: int) -> None:
    rows = size // (8 * (COLUMNS + 1))
    start = time.perf_counter()
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{path}' AS made (STORAGE_VERSION 'v1.4.0')")
        con.execute(
            "SET force_compression = 'uncompressed'"
        )  # nothing could be compressed; looking for a way takes most of the time
        con.execute(f"CREATE TABLE made.t AS SELECT i, {hashes('i')} FROM range({rows}) r(i)")
        con.execute("CREATE TABLE made.small (i INTEGER)")
        con.execute("CHECKPOINT made")
    print(f"  {gigabytes(path.stat().st_size)} made in {time.perf_counter() - start:.0f} s", flush=True)


def first_snapshot(path: Path) -> None:
    start = time.perf_counter()
    check(ask(path, "SELECT count(*) FROM small") == (0,), "the first snapshot")
    spent = time.perf_counter() - start
    rate = path.stat().st_size / spent / 1e6
    tell("first_snapshot_s", spent, f"first snapshot: {spent:.1f} s, {rate:.0f} MB/s")
    state = duckrow.status(path)
    check(state.fresh and len(state.slots) == 1, "one fresh slot")


def one_row(path: Path) -> float:
    whole, published = [], []
    for i in range(ONE_ROWS):
        spent, of_it, warned = write(path, "INSERT INTO small VALUES (1)")
        check(not warned, str(warned))
        whole.append(spent)
        published.append(of_it)
        if i % 10 == 0:
            check(ask(path, "SELECT count(*) FROM small") == (i + 1,), "a reader is not fresh")
    median = statistics.median(published)
    tell(
        "one_row_ms",
        median,
        f"one-row publish: p50 {median:.2f} ms (longest {max(published):.0f} ms), of {statistics.median(whole):.1f} ms for open, "
        "insert, close, publish",
    )
    return median


def hashes(first: str) -> str:
    return ", ".join(f"hash({first} * {COLUMNS} + {c}) h{c}" for c in range(COLUMNS))


def bulk(path: Path) -> None:
    rows, total = ask(path, "SELECT count(*), sum(h0) FROM t")
    added = rows // 100
    update = "UPDATE t SET h0 = CASE WHEN h0 % 2 = 0 THEN h0 + 1 ELSE h0 - 1 END WHERE i % 100 = 0"
    insert = f"INSERT INTO t SELECT -1, {hashes('i')} FROM range({rows}, {rows + added}) r(i)"
    work = [("update", update), ("update", update), ("insert", insert)]
    for number, (name, sql) in enumerate(work, 1):
        spent, of_it, warned = write(path, sql)
        check(not warned, str(warned))
        last = publishing.last
        figures[f"bulk_{number}_{name}"] = {"whole_ms": spent, "publish_ms": of_it, **last}
        how = f"another slot, {last['copied']} of {last['compared']} blocks" if last["rotated"] else "appended"
        print(
            f"  1 % of the rows, {name}: {spent / 1000:.1f} s, of it publishing {of_it / 1000:.2f} s "
            f"({last['bytes'] / 1e6:.0f} MB, {how})",
            flush=True,
        )
        if number == 2:
            check(ask(path, "SELECT count(*), sum(h0) FROM t") == (rows, total), "two updates undo each other")
    check(ask(path, "SELECT count(*) FROM t") == (rows + added,), "what was added is there")
    sums = "SELECT count(*), sum(h0), sum(h1) FROM t"
    check(stock(path, sums) == ask(path, sums), "the read path shows the same")


def pinned(path: Path, max_slots: int) -> None:
    """Five readers, with a change of the schema after each."""
    sums = ask(path, "SELECT count(*), sum(h0) FROM t")
    rows = ask(path, "SELECT count(*) FROM small")[0]
    readers: list[Reader] = []
    put_off = 0
    said = ""
    for number in range(5):
        readers.append(Reader(path))
        check(readers[-1].rows == rows, f"reader {number} is fresh")
        if put_off:
            # It shares the file itself, so that writers wait for it.
            continue
        spent, of_it, warned = write(path, f"CREATE TABLE by_{time.time_ns()} AS SELECT 1; INSERT INTO small VALUES (2)")
        rows += 1
        put_off += bool(warned)
        said = warned[0] if warned else said
        slots = len(duckrow.status(path).slots)
        print(
            f"  reader {number + 1} opens in {readers[-1].opened:.0f} ms; schema change {spent:.0f} ms, publishing {of_it:.0f}: "
            f"{'NOT PUBLISHED' if warned else 'published'}, {slots} slots, {gigabytes(duckrow.status(path).bytes)}",
            flush=True,
        )
        check(slots <= max_slots, "no more than max_slots")
    check(bool(put_off) == (max_slots < 6), "publishing fails when all slots are read, and only then")
    if put_off:
        check(all(f"pid {r.process.pid} (" in said for r in readers[: max_slots - 1]), f"who pins is named: {said}")
        opened = [r.opened for r in readers[max_slots:]]
        print(f"  then: {said[:200]}…", flush=True)
        print(f"  readers {max_slots + 1} to 5 share the file: open in {max(opened):.0f} ms, fresh", flush=True)
    for reader in readers:
        reader.end(sums)
    spent, of_it, warned = write(path, "INSERT INTO small VALUES (3)")
    check(not warned and duckrow.status(path).fresh, f"it recovers: {warned}")
    check(ask(path, "SELECT count(*) FROM small") == stock(path, "SELECT count(*) FROM small") == (rows + 1,), "rows right")
    tell(f"recovered_ms_{max_slots}", of_it, f"readers gone: the next publish is right, in {of_it:.0f} ms")


def config(path: Path, *setting: str) -> None:
    argv = [sys.executable, "-m", "duckrow", "config", str(path), *setting]
    check(subprocess.run(argv, check=False).returncode == 0, "duckrow config")


def full_disk(small: Path, folder: Path) -> None:
    size = small.stat().st_size
    image, place = folder / "disk.img", folder / "disk"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(size * 4)
    made = subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], capture_output=True, check=False)
    if made.returncode or subprocess.run(["mount", "-o", "loop", image, place], capture_output=True, check=False).returncode:
        print("  left out: a file system in a file can't be mounted here")
        return
    try:
        _full_disk(small, place)
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)
        image.unlink()


def _full_disk(small: Path, place: Path) -> None:
    path = place / "core.duckdb"
    shutil.copyfile(small, path)
    check(ask(path, "SELECT count(*) FROM small") == (0,), "the snapshot on the small disk")
    sums = ask(path, "SELECT count(*), sum(h0) FROM t")

    def free() -> int:
        return os.statvfs(place).f_bavail * os.statvfs(place).f_frsize

    leave = min(100 * 10**6, small.stat().st_size // 2)
    filler = place / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free() - leave)
    times = []
    for _ in range(40):
        _, of_it, warned = write(path, "INSERT INTO small VALUES (1)")
        check(not warned, str(warned))
        times.append(of_it)
    check(ask(path, "SELECT count(*) FROM small") == (40,) and duckrow.status(path).fresh, "small commits go on")
    print(f"  {free() / 1e6:.0f} MB free: 40 one-row commits published, p50 {statistics.median(times):.2f} ms", flush=True)
    _, _, warned = write(path, "CREATE TABLE more AS SELECT 1 i; INSERT INTO small VALUES (2)")
    check(len(warned) == 1 and "no space for another copy" in warned[0], f"a copy without room: {warned}")
    check(free() > leave * 0.8, "the last of the space was used up")
    check(
        ask(path, "SELECT count(*) FROM small") == (41,) and ask(path, "SELECT i FROM more") == (1,), "readers share, and are fresh"
    )
    print(f"  a change of the schema: committed, {warned[0][:230]}…\n  readers are fresh; {free() / 1e6:.0f} MB free", flush=True)
    filler.unlink()
    _, of_it, warned = write(path, "INSERT INTO small VALUES (3)")
    check(not warned and duckrow.status(path).fresh, f"it recovers: {warned}")
    check(stock(path, "SELECT count(*) FROM small") == (42,) and ask(path, "SELECT count(*), sum(h0) FROM t") == sums, "rows right")
    print(f"  space freed: the next commit is published, in {of_it:.0f} ms", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", nargs="?", default="10GB", type=bytes_of, metavar="SIZE")
    parser.add_argument("--folder", type=Path, help="where to work; default: the temporary folder")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="duckrow-large-", dir=options.folder) as name:
        folder = Path(name)
        if shutil.disk_usage(folder).free < options.size * 4.5:
            sys.exit(f"large.py: {folder} has not the {gigabytes(options.size * 4.5)} that this takes: give --folder or a size")
        print(f"duckdb {duckdb.__version__}, {gigabytes(options.size)} and a tenth of it")
        small, large = folder / "small.duckdb", folder / "large.duckdb"
        print("the small one")
        make(small, options.size // 10)
        print("a disk filled to the last 100 MB, the small one")
        full_disk(small, folder)
        print("the small one")
        first_snapshot(small)
        reference = one_row(small)
        bulk(small)
        print("five readers, max_slots = 6, the small one")
        config(small, "max_slots", "6")
        pinned(small, 6)
        figures["small"] = dict(figures)
        print("the large one")
        make(large, options.size)
        first_snapshot(large)
        ratio = one_row(large) / reference
        tell("one_row_ratio", ratio, f"that is {ratio:.2f} times the small one's (target: 3 at most)")
        bulk(large)
        print("five readers, max_slots = 3, the large one")
        config(large, "max_slots", "3")
        pinned(large, 3)
        check(ratio <= 3, "a one-row publish follows the size of the database")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
