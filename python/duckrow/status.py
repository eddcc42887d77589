"""Who has a database, who waits, what readers see."""

from __future__ import annotations

import datetime
import json
import os
from dataclasses import dataclass
from typing import Any

from duckrow import _core
from duckrow.errors import Process


@dataclass(frozen=True)
class Slot:
    """One copy that readers open."""

    generation: int
    current: bool
    complete: bool
    published: datetime.datetime | None
    bytes: int
    readers: list[Process]


@dataclass(frozen=True)
class Staged:
    """Staged files that are not yet ingested, and those in quarantine. `oldest`: the age of the oldest in seconds, or None."""

    files: int
    bytes: int
    oldest: int | None
    quarantined: int


@dataclass(frozen=True)
class Status:
    """What `duckrow status` shows. `age` is seconds since the current slot's last publish, None without one; `max_slots` and
    `snapshots` are settings, `duckrow config` changes them."""

    path: str
    read_path: str
    exists: bool
    held: bool
    shared: bool
    holder: Process | None
    waiting: int
    waiters: list[Process]
    fresh: bool
    generation: int | None
    age: float | None
    slots: list[Slot]
    strangers: list[Process]
    bytes: int
    max_slots: int
    snapshots: bool
    staging: Staged
    staged_tables: dict[str, Staged]


def _time(milliseconds: int) -> datetime.datetime | None:
    return datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.timezone.utc) if milliseconds else None


def _process(fields: dict[str, Any]) -> Process:
    return Process(fields["pid"], fields["command"], fields["kind"], _time(fields["since_at"]), fields["foreign_pid"])


def _slot(fields: dict[str, Any]) -> Slot:
    return Slot(
        fields["generation"],
        fields["current"],
        fields["complete"],
        _time(fields["published_at"]),
        fields["bytes"],
        [_process(p) for p in fields["readers"]],
    )


def _staged(fields: dict[str, Any]) -> Staged:
    return Staged(fields["files"], fields["bytes"], fields["oldest_seconds"], fields["quarantined"])


def status(path: str | os.PathLike[str]) -> Status:
    """A look from outside: takes no turn, waits for nothing, writes nothing."""
    found = json.loads(_core.Database(os.fspath(path)).status())
    return Status(
        path=found["path"],
        read_path=found["read_path"],
        exists=found["exists"],
        held=found["held"],
        shared=found["shared"],
        holder=_process(found["holder"]) if found["holder"] else None,
        waiting=found["waiting"],
        waiters=[_process(p) for p in found["waiters"]],
        fresh=found["fresh"],
        generation=found["generation"] if found["generation"] >= 0 else None,
        age=found["age_ms"] / 1000 if found["age_ms"] >= 0 else None,
        slots=[_slot(s) for s in found["slots"]],
        strangers=[_process(p) for p in found["strangers"]],
        bytes=found["bytes"],
        max_slots=found["max_slots"],
        snapshots=found["snapshots"],
        staging=_staged(found["staging"]),
        staged_tables={table: _staged(fields) for table, fields in found["staging"]["tables"].items()},
    )
