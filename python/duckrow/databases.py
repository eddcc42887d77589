"""Databases: which sessions this process has for which file, and who uses them.

The newest read session stays for a moment after its last connection, so that the next read pays for nothing that it can share. A
write session ends with its last connection.

Locks: a Keeper's `change` is held only for bookkeeping, never while waiting for another process or for a session.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

from duckrow import _core, idle, instances
from duckrow.errors import BusyError, NoSnapshotError, StaleError
from duckrow.mounts import Mount
from duckrow.sessions import Session

_READER_SECONDS = 0.5


class Keeper:
    """Counts the users of sessions, and ends sessions with their last one. This one keeps none for later: in-memory databases."""

    def __init__(self) -> None:
        self.change = threading.Condition()

    def join(self, session: Session) -> None:
        """One connection more, made by one that uses the session."""
        with self.change:
            session.users += 1

    def leave(self, session: Session, closing: Callable[[], None]) -> None:
        """One connection less; the last one ends the session, unless it is kept for the next reader. `closing` closes it."""
        with self.change:
            session.users -= 1
            last = not session.users and not self._keeps(session)
            if last:
                self._forget(session)
        if not last:
            closing()
            return
        try:
            session.end(closing)
        finally:
            self._ended(session)

    def separate(self, session: Session) -> None:
        """No other connection is to join this session."""

    def _keeps(self, session: Session) -> bool:
        return False

    def _forget(self, session: Session) -> None:
        pass

    def _ended(self, session: Session) -> None:
        pass


class Database(Keeper):
    """One database file, as this process uses it."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.core = _core.Database(path)
        self.writer: Session | None = None
        self.opening = False
        self.readers: dict[str, Session] = {}

    def _open(
        self, config: dict[str, Any], deadline: float, *, writes: bool, refreshes: bool = False, kind: str = "write"
    ) -> Session:
        mount = Mount(self.core, writes=writes, kind=kind)
        mount.take(deadline)
        try:
            instance = instances.take(config, self.core.path)
            try:
                mount.attach(instance)
            except BaseException:
                instances.give_back(instance)
                raise
        except BaseException:
            mount.drop()
            raise
        session = Session(self, instance, writes=writes, refreshes=refreshes)
        session.mounts.append(mount)
        session.users = 1
        session.watch()
        return session

    def join_writer(self, config: dict[str, Any], timeout: float, kind: str = "write") -> Session:
        """The process's write session, a new one if there is none. The caller is one of its users. kind: of its turn."""
        deadline = time.monotonic() + timeout
        with self.change:
            if not self.change.wait_for(lambda: not self.opening, max(0.0, deadline - time.monotonic())):
                message = f"{self.core.path} is busy: this process is still opening or closing it; gave up after {timeout:.1f} s"
                raise BusyError(message)
            if self.writer:
                self.writer.users += 1
                return self.writer
            self.opening = True
        session = None
        try:
            session = self._open(config, deadline, writes=True, kind=kind)
            return session
        finally:
            with self.change:
                self.writer = session
                self.opening = False
                self.change.notify_all()

    def join_reader(self, config: dict[str, Any], timeout: float) -> Session:
        """A read session that shows all that is committed now."""
        deadline = time.monotonic() + timeout
        key = repr(config)
        old = None
        with self.change:
            session = self.readers.get(key)
            if session and session.fresh():
                session.users += 1
                return session
            if session and not session.users:
                old = self.readers.pop(key)
        if old:
            old.end()
        session = self._open(config, deadline, writes=False)
        with self.change:
            old = self.readers.get(key)
            self.readers[key] = session
            if old and old.users:
                old = None
        if old:
            old.end()
        return session

    def open_reader(self, config: dict[str, Any], timeout: float, *, refreshes: bool, staged: bool = False) -> Session:
        """A read session for one connection and its cursors. staged: it shows staged files too."""
        deadline = time.monotonic() + timeout
        if not staged:
            return self._open(config, deadline, writes=False, refreshes=refreshes)
        from duckrow.staged import CONFIG, Staged  # few need it, and importing takes time

        session = self._open({**config, **CONFIG}, deadline, writes=False, refreshes=refreshes)
        try:
            session.show_staged(Staged(self.core), deadline)
        except BaseException:
            session.end()
            raise
        return session

    def has_snapshots(self) -> bool:
        """Is there a snapshot to read?"""
        try:
            self.core.pin(0).unpin()
        except (NoSnapshotError, StaleError, BusyError):
            return False
        return True

    def separate(self, session: Session) -> None:
        with self.change:
            self.readers = {k: s for k, s in self.readers.items() if s is not session}

    def _keeps(self, session: Session) -> bool:
        kept = session in self.readers.values() and session.instance.clean and all(m.snapshot for m in session.mounts)
        if kept:
            session.idle_since = time.monotonic()
            idle.watch(self, _READER_SECONDS)
        return kept

    def _forget(self, session: Session) -> None:
        if session is self.writer:
            self.writer = None
            self.opening = True
        self.separate(session)

    def _ended(self, session: Session) -> None:
        if session.writes:
            with self.change:
                self.opening = False
                self.change.notify_all()

    def tick(self) -> float | None:
        """The idle thread's look: ends read sessions that nobody has used for a while."""
        return _READER_SECONDS if self.end_idle(_READER_SECONDS) else None

    def end_idle(self, older_than: float) -> bool:
        """Is any left?"""
        now = time.monotonic()
        with self.change:
            ended = [s for s in self.readers.values() if not s.users and now - s.idle_since >= older_than]
            self.readers = {k: s for k, s in self.readers.items() if s not in ended}
            left = any(not s.users for s in self.readers.values())
        for session in ended:
            session.end()
        return left


_databases: dict[str, Database] = {}
_lock = threading.Lock()
_parents: list[object] = []


def database(path: str) -> Database:
    """The one Database object of this process for a path."""
    key = os.path.realpath(path)
    with _lock:
        found = _databases.get(key)
    if found is None:
        made = Database(path)
        with _lock:
            found = _databases.setdefault(key, made)
    return found


def end_all_idle() -> None:
    """Before the interpreter ends."""
    idle.end()
    for known in list(_databases.values()):
        known.end_idle(0.0)


def forget() -> None:
    """In a forked child: sessions are the parent's. Keep them from being destroyed, and start anew."""
    global _lock
    _parents.append(dict(_databases))
    _databases.clear()
    _lock = threading.Lock()
    idle.forget()
    instances.forget()
