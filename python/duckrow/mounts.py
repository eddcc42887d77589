"""Mounts: one database file attached to an engine.

To write it, under an exclusive turn; to read it, a pinned snapshot, or the file itself under a shared turn where there can be no
snapshot. A mount is used by one thread at a time: its session sees to that.

Order of giving up a turn: ask whether to checkpoint, detach, wait until the file is closed, publish, release.
"""

from __future__ import annotations

import contextlib
import datetime
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import duckdb

from duckrow import _core, instances
from duckrow.errors import BusyError, Error, FileError, NoSnapshotError, PublishWarning, StaleError, UnsupportedError

_GLANCE_SECONDS = 0.25


class AsOf(NamedTuple):
    """Which commit a read-only connection shows: `sequence` grows with each publish; `published` is when that was."""

    sequence: int
    published: datetime.datetime


def milliseconds_left(deadline: float) -> int:
    """Until a time.monotonic(), as the core takes it."""
    return max(0, min(round((deadline - time.monotonic()) * 1000), 2**53))


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


def _explain(path: str, message: str) -> Error | None:
    """One line that names the database, where DuckDB speaks of a copy of it or gives no way out."""
    if "newer version of DuckDB" in message or "with a storage version greater than" in message:
        return UnsupportedError(f"{path} is of a newer DuckDB, and {duckdb.__version__} cannot read it: pip install -U duckdb")
    if "encrypted database" in message and "without a key" in message:
        return UnsupportedError(
            f"{path} is encrypted: connect to :memory: or another database, then ATTACH '{path}' (ENCRYPTION_KEY '…')"
        )
    if "WAL does not match" in message:
        return FileError(
            f"{path} was replaced, but {path}.wal is that of the file before: put that file back, or move the WAL away if you can "
            "do without its commits"
        )
    return None


class Mount:
    """A database of a session. `name` is its catalog, "" that of the file which its engine was made for. `options` are those of an
    ATTACH statement. `kind`: what its turn is for; "hold" has a service make way."""

    def __init__(self, core: _core.Database, *, writes: bool, name: str = "", options: str = "", kind: str = "write") -> None:
        self.core = core
        self.kind = kind
        self.writes = writes
        self.name = name
        self.options = options
        self.turn: _core.Turn | None = None
        self.snapshot: _core.Snapshot | None = None
        self.known = False
        self.lost: Error | None = None  # the file was removed or replaced while it was held
        self.told = False  # and somebody has been told so
        self._failed: Exception | None = None

    # ---- the right to open ----

    def take(self, deadline: float) -> None:
        """The turn, or a snapshot."""
        self._failed = None
        if self.writes:
            self.turn = self.core.take(False, self.kind, milliseconds_left(deadline))
            if self.known and not self.core.exists():
                self.drop()
                message = f"{self.core.path} was removed while this connection did not hold it"
                raise FileError(message)
            return
        if not self.core.exists():
            message = f'Cannot open database "{self.core.path}" in read-only mode: database does not exist'
            raise FileError(message)
        self._pin(deadline)

    def _pin(self, deadline: float) -> None:
        limit = min(deadline, time.monotonic() + _GLANCE_SECONDS)
        for _ in range(100):
            try:
                self.snapshot = self.core.pin(milliseconds_left(deadline))
                return
            except NoSnapshotError:
                break
            except StaleError:
                pass
            # Whatever may keep us from making it anew, the file itself can be read.
            try:
                self._publish_for_all(limit)
            except BusyError:
                # A program without duckrow that only reads is in the way of an exclusive turn, but not of a shared one.
                with contextlib.suppress(BusyError):
                    self.turn = self.core.take(True, "read", 0)
                    return
                if limit == deadline:
                    raise
                limit = deadline
            except (Error, duckdb.Error):
                break
        self.turn = self.core.take(True, "read", milliseconds_left(deadline))

    def _publish_for_all(self, deadline: float) -> None:
        turn = self.core.take(False, "publish", milliseconds_left(deadline))
        try:
            if not turn.level:
                bring_level(turn, self.core)
        finally:
            turn.release()

    def drop(self) -> None:
        """Gives the turn or the snapshot up, as it is."""
        if self.snapshot:
            self.snapshot.unpin()
        if self.turn:
            self.turn.release()
        self.snapshot = self.turn = None

    @property
    def mounted(self) -> bool:
        """Is there a turn or a snapshot?"""
        return self.turn is not None or self.snapshot is not None

    @property
    def path(self) -> str:
        """What the engine opens."""
        return self.snapshot.path if self.snapshot else self.core.path

    # ---- the engine ----

    def open(self, instance: instances.Engine, deadline: float) -> None:
        """Takes the right, and attaches."""
        self.take(deadline)
        try:
            self.attach(instance)
        except BaseException:
            self.drop()
            raise

    def attach(self, instance: instances.Engine) -> None:
        """With the right taken."""
        try:
            self._attach(instance)
        except duckdb.Error as error:
            better = _explain(self.core.path, str(error))
            if better:
                raise better from error
            raise
        self.attached(instance)

    def _attach(self, instance: instances.Engine) -> None:
        if self.name or not isinstance(instance, instances.Instance):
            instance.attach_more(self.statement())
        else:
            try:
                if self.writes and self.turn:
                    _attach_to_write(self.turn, instance, self.core)
                else:
                    instance.attach(self.path, read_only=True, create=False)
            except BaseException:
                instance.detach()
                raise

    def attached(self, instance: instances.Engine) -> None:
        """Publishes what a program without duckrow, or a killed one, left in the file."""
        self.known = True
        turn = self.turn
        if not self.writes or not turn or turn.level:
            return

        def publish() -> None:
            if turn.begin()[0]:
                instance.checkpoint(self.name)
            turn.end()

        self._publish(publish)

    def _publish(self, publish: Callable[[], object]) -> None:
        """What fails is a warning: the commit stands, readers wait."""
        try:
            publish()
        except NoSnapshotError:
            pass
        except (Error, duckdb.Error) as error:
            warnings.warn(f"committed, but not published: {self._failed or error}", PublishWarning, stacklevel=5)

    def renew(self, instance: instances.Engine, deadline: float) -> None:
        """The newest snapshot in place of the one that is mounted. When none can be had, that one stays."""
        before, self.snapshot = self.snapshot, None
        try:
            self.take(deadline)
        except BaseException:
            self.snapshot = before
            raise
        self.detach(instance)
        if before:
            before.unpin()
        try:
            self.attach(instance)
        except BaseException:
            self.drop()
            raise

    def attach_again(self, instance: instances.Engine) -> None:
        """The same once more: statements that were prepared are bound anew."""
        self.detach(instance)
        try:
            self.attach(instance)
        except BaseException:
            self.drop()
            raise

    def statement(self, how: str = "ATTACH") -> str:
        """The ATTACH statement that the engine gets."""
        options = ["TYPE duckdb"]
        if not self.writes:
            options.append("READ_ONLY")
        elif not self.core.exists() and "storage_version" not in self.options.lower():
            options.append("STORAGE_VERSION 'v1.4.0'")
        if self.options:
            options.append(self.options)
        return f"{how} {instances.quote(self.path)} AS {instances.quote_name(self.name)} ({', '.join(options)})"

    def guard(self) -> None:
        """Before a statement and after it: makes sure that the file is still locked."""
        if self.turn and self.writes:
            try:
                self.turn.guard()
            except Error:
                self.told = True
                raise

    def fresh(self) -> bool:
        """Does it show all that is committed? Under a turn nobody else can commit."""
        return self.snapshot.check() if self.snapshot else self.turn is not None

    def as_of(self) -> AsOf | None:
        """None: not a snapshot."""
        if not self.snapshot:
            return None
        published = datetime.datetime.fromtimestamp(self.snapshot.published_at / 1000, datetime.timezone.utc)
        return AsOf(self.snapshot.sequence, published)

    # ---- the end ----

    def prepare(self, instance: instances.Engine) -> None:
        """Before detaching: the checkpoint, when the publisher wants one."""
        self._failed = None
        if not self.turn or not self.writes:
            return
        try:
            self.turn.guard()
        except Error as error:
            self.lost = error
            return
        try:
            if self.turn.begin()[0]:
                instance.checkpoint(self.name)
        except NoSnapshotError:
            pass
        except (Error, duckdb.Error) as error:
            self._failed = error

    def detach(self, instance: instances.Engine) -> None:
        """Has the engine close the file, or marks the engine as not to be used again."""
        try:
            if self.name or not isinstance(instance, instances.Instance):
                instance.detach_more(self.name)
            else:
                instance.detach()
        except duckdb.Error as error:
            self._failed = error
            instance.clean = False

    def is_open(self) -> bool:
        """A result or a transaction keeps the file open after DETACH, and the turn with it."""
        return self.turn is not None and self.turn.open_files() > 0

    def finish(self) -> None:
        """Once the file is closed: publishes, and gives up."""
        try:
            if self.turn and self.writes and not self.lost:
                self._publish(self.turn.end)
        finally:
            self.drop()

    def take_lost(self) -> Error | None:
        """Once: what is to be raised because the file is not the one that was written."""
        lost, self.lost = None if self.told else self.lost, None
        self.told = False
        return lost

    def leave(self) -> None:
        """Detached by SQL, without `prepare`: publishes, in an engine of its own if there is a checkpoint to make."""
        turn = self.turn
        try:
            if turn and self.writes:
                self._publish(lambda: bring_level(turn, self.core))
        finally:
            self.drop()
