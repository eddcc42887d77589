"""Sessions: one attached database file each, and who uses it.

A write session has the turn from its first connection's opening to its last one's closing; connections of one process share it, as
stock DuckDB lets them. A read session has a pinned snapshot (or, where there can be none, a shared turn). The newest one stays for
a moment after its last connection, so that the next read pays for nothing that it can share.

Order of giving up a write session: end statements and transactions, ask whether to checkpoint, close the connections, detach,
publish, give up the turn. Locks: a Database's condition is held only for bookkeeping, never while waiting for another process.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import duckdb

from duckrow import _core, instances
from duckrow.errors import BusyError, Error, FileError, NoSnapshotError, PublishWarning, StaleError

_IDLE_SECONDS = 0.5
_GLANCE_SECONDS = 0.25

Native = duckdb.DuckDBPyConnection


def _milliseconds(deadline: float) -> int:
    return max(0, min(round((deadline - time.monotonic()) * 1000), 2**53))


def _warn(error: Exception) -> None:
    warnings.warn(f"committed, but not published: {error}", PublishWarning, stacklevel=4)


def _attach_to_write(turn: _core.Turn, instance: instances.Instance, database: _core.Database) -> None:
    """DuckDB 2.0 reads the headers before it locks the file: where they have moved in between, open it again."""
    for _ in range(10):
        instance.attach(database.path, read_only=False, create=not database.exists())
        turn.guard()
        if not turn.moved():
            return
        instance.detach()
    message = f"{database.path} is being changed by a program that does not lock it"
    raise duckdb.IOException(message)


def bring_level(turn: _core.Turn, database: _core.Database) -> dict[str, Any]:
    """Publishes what the file holds. The engine opens it only if a checkpoint is wanted."""
    if turn.begin()[0]:
        instance = instances.take({}, database.path)
        try:
            _attach_to_write(turn, instance, database)
            instance.checkpoint()
        finally:
            instance.detach()
            instances.give_back(instance)
    return turn.end()


class WriteSession:
    """The turn, and the file attached to an engine read-write."""

    def __init__(self, owner: Database, config: dict[str, Any], deadline: float) -> None:
        self.owner = owner
        self.users = 0
        self.turn = owner.core.take(False, "write", _milliseconds(deadline))
        try:
            self.instance = instances.take(config, owner.core.path)
            try:
                _attach_to_write(self.turn, self.instance, owner.core)
            except BaseException:
                self.instance.detach()
                instances.give_back(self.instance)
                raise
            if not self.turn.level:
                self._publish()
        except BaseException:
            self.turn.release()
            raise

    def _publish(self) -> None:
        try:
            if self.turn.begin()[0]:
                self.instance.checkpoint()
            self.turn.end()
        except NoSnapshotError:
            pass
        except (Error, duckdb.Error) as error:
            _warn(error)

    def guard(self) -> None:
        """Before a statement and after it: makes sure that the file is still locked."""
        self.turn.guard()

    def end(self, closing: Callable[[], None]) -> None:
        """Gives all up. `closing` closes the last connection."""
        failed: Exception | None = None
        try:
            if self.turn.begin()[0]:
                self.instance.checkpoint()
        except NoSnapshotError:
            pass
        except (Error, duckdb.Error) as error:
            failed = error
        closing()
        try:
            self.instance.detach()
        except duckdb.Error as error:
            failed = error
            self.instance.clean = False
        if self.turn.open_files():
            _linger(self)
        else:
            self._finish(failed)

    def _finish(self, failed: Exception | None = None) -> None:
        try:
            self.turn.end()
        except NoSnapshotError:
            pass
        except (Error, duckdb.Error) as error:
            _warn(failed or error)
        finally:
            self.turn.release()
            instances.give_back(self.instance)

    def finish_if_closed(self) -> bool:
        """A result that somebody still holds keeps the file open after DETACH, and the turn with it."""
        if self.turn.open_files():
            return False
        self._finish()
        return True


class ReadSession:
    """A pinned snapshot attached to an engine, or the file itself under a shared turn."""

    def __init__(self, owner: Database, config: dict[str, Any], deadline: float) -> None:
        self.owner = owner
        self.users = 0
        self.idle_since = 0.0
        self.snapshot: _core.Snapshot | None = None
        self.turn: _core.Turn | None = None
        self._pin(deadline)
        try:
            self.instance = instances.take(config, owner.core.path)
            try:
                path = self.snapshot.path if self.snapshot else owner.core.path
                self.instance.attach(path, read_only=True, create=False)
            except BaseException:
                self.instance.detach()
                instances.give_back(self.instance)
                raise
        except BaseException:
            self._unpin()
            raise

    def _pin(self, deadline: float) -> None:
        core = self.owner.core
        limit = min(deadline, time.monotonic() + _GLANCE_SECONDS)
        for _ in range(100):
            try:
                self.snapshot = core.pin(_milliseconds(deadline))
                return
            except NoSnapshotError:
                break
            except StaleError:
                pass
            # Whatever may keep us from making it anew, the file itself can be read.
            try:
                self._publish(limit)
            except BusyError:
                # A program without duckrow that only reads is in the way of an exclusive turn, but not of a shared one.
                with contextlib.suppress(BusyError):
                    self.turn = core.take(True, "read", 0)
                    return
                if limit == deadline:
                    raise
                limit = deadline
            except (Error, duckdb.Error):
                break
        self.turn = core.take(True, "read", _milliseconds(deadline))

    def _publish(self, deadline: float) -> None:
        turn = self.owner.core.take(False, "publish", _milliseconds(deadline))
        try:
            if not turn.level:
                bring_level(turn, self.owner.core)
        finally:
            turn.release()

    def _unpin(self) -> None:
        if self.snapshot:
            self.snapshot.unpin()
        if self.turn:
            self.turn.release()
        self.snapshot = self.turn = None

    def fresh(self) -> bool:
        """Does it show all that is committed? Under a shared turn nobody can commit."""
        return self.snapshot.check() if self.snapshot else self.turn is not None and self.users > 0

    def end(self, closing: Callable[[], None] = lambda: None) -> None:
        """Gives all up."""
        closing()
        try:
            self.instance.detach()
        except duckdb.Error:
            self.instance.clean = False
        self._unpin()
        instances.give_back(self.instance)

    def guard(self) -> None:
        """Nothing of ours can be dropped."""


Session = WriteSession | ReadSession


class Database:
    """One database file, as this process uses it."""

    def __init__(self, path: str) -> None:
        self.core = _core.Database(path)
        self.change = threading.Condition()
        self.writer: WriteSession | None = None
        self.opening = False
        self.readers: dict[str, ReadSession] = {}

    def join_writer(self, config: dict[str, Any], timeout: float) -> WriteSession:
        """The process's write session, a new one if there is none. The caller is one of its users."""
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
            session = WriteSession(self, config, deadline)
            session.users = 1
            return session
        finally:
            with self.change:
                self.writer = session
                self.opening = False
                self.change.notify_all()

    def join_reader(self, config: dict[str, Any], timeout: float) -> ReadSession:
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
        if not self.core.exists():
            message = f'Cannot open database "{self.core.path}" in read-only mode: database does not exist'
            raise FileError(message)
        session = ReadSession(self, config, deadline)
        session.users = 1
        with self.change:
            old = self.readers.get(key)
            self.readers[key] = session
            if old and old.users:
                old = None
        if old:
            old.end()
        return session

    def leave(self, session: Session, closing: Callable[[], None]) -> None:
        """One connection less; the last one ends a write session. `closing` closes that connection."""
        with self.change:
            session.users -= 1
            if session.users:
                last = False
            elif isinstance(session, ReadSession):
                last = session not in self.readers.values() or not session.instance.clean or session.snapshot is None
                if last:
                    self.readers = {k: s for k, s in self.readers.items() if s is not session}
                else:
                    session.idle_since = time.monotonic()
            else:
                last = True
                self.writer = None
                self.opening = True
        if not last:
            closing()
            if not session.users:
                _reap_later()
            return
        try:
            session.end(closing)
        finally:
            if isinstance(session, WriteSession):
                with self.change:
                    self.opening = False
                    self.change.notify_all()

    def end_idle(self, older_than: float) -> bool:
        """Ends read sessions that nobody has used for a while. Is any left?"""
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
_reaper: threading.Thread | None = None
_ending = threading.Event()
_lingering: list[WriteSession] = []
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


def _linger(session: WriteSession) -> None:
    with _lock:
        _lingering.append(session)
    _reap_later()


def _reap() -> None:
    global _reaper
    while True:
        _ending.wait(0.02 if _lingering else _IDLE_SECONDS)
        with _lock:
            known = list(_databases.values())
            sessions = list(_lingering)
        done = [s for s in sessions if s.finish_if_closed()]
        left = [d.end_idle(_IDLE_SECONDS) for d in known]
        with _lock:
            for session in done:
                _lingering.remove(session)
            idle = any(not s.users for d in _databases.values() for s in list(d.readers.values()))
            if _ending.is_set() or (not any(left) and not idle and not _lingering):
                _reaper = None
                return


def _reap_later() -> None:
    global _reaper
    if _reaper is not None or _ending.is_set():
        return
    with _lock:
        if _reaper is None:
            _reaper = threading.Thread(target=_reap, name="duckrow idle", daemon=True)
            with contextlib.suppress(RuntimeError):
                _reaper.start()


def end_all_idle() -> None:
    """Before the interpreter ends."""
    reaper = _reaper
    _ending.set()
    if reaper is not None and reaper.is_alive():
        reaper.join()
    for known in list(_databases.values()):
        known.end_idle(0.0)


def forget() -> None:
    """In a forked child: sessions are the parent's. Keep them from being destroyed, and start anew."""
    global _reaper, _lock, _ending
    _parents.extend([dict(_databases), list(_lingering)])
    _databases.clear()
    _lingering.clear()
    _reaper = None
    _ending = threading.Event()
    _lock = threading.Lock()
    instances.forget()
