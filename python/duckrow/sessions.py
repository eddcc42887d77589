"""Sessions: an engine, the databases mounted in it, and the connections that use them.

A write session has the turn; connections of one process share it, as stock DuckDB lets them. A read session has a pinned snapshot.

A turn is held only while it is of use. A session without a running statement, an open transaction or a half-read result parks:
detaches what it holds by a turn, publishes, gives the turns up. The next statement mounts it again. So a session is

    OPEN       everything is mounted
    CHANGING   one thread, without the gate's lock, is changing what is mounted; everybody else waits
    CLOSING    detached, but something of this process still has the file open; the turn is kept until it is closed
    PARKED     no turn is held

Statements go through the gate: `enter` before and `leave` after. A session in constant use gives its turn up too, once a second,
when others wait for it: new statements are held up for a moment, so that those that run can end; for longer, a second at most, the
next time, when a moment was not enough.

Locks: a Keeper's `change`, then a session's `gate`; neither is held while waiting for another process.
"""

from __future__ import annotations

import enum
import threading
import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

import duckdb

from duckrow import idle, instances, subclasses
from duckrow.errors import BusyError, Error, IdleTransactionWarning, UsageError
from duckrow.mounts import AsOf, Mount
from duckrow.states import IDLE_RELEASE, WARN_SECONDS, Result, State, end_statements

if TYPE_CHECKING:
    from duckrow.databases import Keeper
    from duckrow.staged import Staged

_TICK_SECONDS = 0.05
_DRAIN_SECONDS = 0.1
_MOST_DRAIN_SECONDS = 1.0
_SETTLE_SECONDS = 0.005
_ADVICE = "keep transactions short, and do other work outside of them"

_Phase = enum.Enum("_Phase", ["OPEN", "CHANGING", "CLOSING", "PARKED"])


class Session:
    """What connections of one process share. `refreshes`: it shows the newest commit at each statement."""

    def __init__(self, keeper: Keeper, instance: instances.Engine, *, writes: bool, refreshes: bool = False) -> None:
        self.keeper = keeper
        self.instance = instance
        self.writes = writes
        self.refreshes = refreshes
        self.mounts: list[Mount] = []
        self.staged: Staged | None = None
        self.states: set[State] = set()
        self.users = 0
        self.idle_since = 0.0
        self.idle_release = IDLE_RELEASE
        self._gate = threading.Condition()
        self._phase = _Phase.OPEN
        self._changer = 0
        self._running = 0
        self._used_at = time.monotonic()
        self._held_since = self._used_at
        self._drain_until = 0.0
        self._drain_seconds = _DRAIN_SECONDS
        self._lost: Error | None = None

    # ---- what is mounted ----

    def _held(self) -> list[Mount]:
        return [m for m in self.mounts if m.turn is not None]

    def _has_open_files(self) -> bool:
        return any(m.is_open() for m in self.mounts)

    def watch(self) -> None:
        """Lets the idle thread look after turns."""
        if self._held():
            self._held_since = self._used_at = time.monotonic()
            idle.watch(self, _TICK_SECONDS)

    def name_of(self, mount: Mount) -> str:
        """The catalog's."""
        return mount.name or self.instance.name

    def exchange(self, gone: list[Mount], more: list[Mount]) -> None:
        """SQL has detached some and attached others."""
        self.mounts = [m for m in self.mounts if m not in gone] + more
        for mount in gone:
            self.give_up(mount)
        for mount in more:
            mount.attached(self.instance)
        if more:
            self.watch()

    def give_up(self, mount: Mount) -> None:
        """One that is no longer attached: publishes it, once nothing of this process has it open."""
        leaving = _Leaving(mount)
        if leaving.tick() is not None:
            idle.watch(leaving, _SETTLE_SECONDS)

    def guard(self) -> None:
        """Before a statement and after it: makes sure that the files are still locked."""
        for mount in self.mounts:
            mount.guard()

    def fresh(self) -> bool:
        """Does it show all that is committed?"""
        if self._phase is not _Phase.OPEN or not all(m.fresh() for m in self.mounts):
            return False
        return self.staged is None or self.staged.fresh()

    def as_of(self) -> AsOf | None:
        """Of the database it was opened for."""
        return self.mounts[0].as_of() if self.mounts else None

    def is_shared(self, family: object) -> bool:
        """Do connections use it that are not of this one's making?"""
        return any(s.family is not family for s in list(self.states))

    # ---- the gate ----

    @property
    def moves(self) -> bool:
        """May it be detached or refreshed between two statements?"""
        return self.writes or self.refreshes or self.staged is not None or bool(self._held())

    def enter(self, state: State, *, mounted: bool = True) -> None:
        """Before a statement: it may use what is mounted until `leave`. Without `mounted`: what is there stays as it is."""
        deadline = 0.0
        with self._gate:
            while True:
                if not mounted and self._phase is not _Phase.CHANGING:
                    self._running += 1
                    return
                if self._phase is _Phase.OPEN and (state.transaction or time.monotonic() >= self._drain_until):
                    if not self._wants_refresh(state):
                        self._running += 1
                        return
                    break
                if self._phase in (_Phase.PARKED, _Phase.CLOSING):
                    break
                deadline = deadline or time.monotonic() + state.timeout
                if not self._gate.wait(self._patience(deadline)) and time.monotonic() >= deadline:
                    message = f"this process is still opening or closing the database; gave up after {state.timeout:.1f} s"
                    raise BusyError(message)
            before = self._begin_change()
        self._open(before, deadline or time.monotonic() + state.timeout, entering=True)

    def _patience(self, deadline: float) -> float:
        now = time.monotonic()
        left = deadline - now
        return max(0.0, min(left, self._drain_until - now) if self._drain_until > now else left)

    def _wants_refresh(self, state: State) -> bool:
        free = self.refreshes and not state.transaction and not self._running
        return free and not self._is_busy(state) and not self.fresh()

    def _is_busy(self, besides: State | None = None) -> bool:
        """Does a connection, another than this one, have something open that needs the file?"""
        return any(s.busy for s in list(self.states) if s is not besides)

    def _phase_after_failure(self) -> _Phase:
        if self._has_open_files():
            return _Phase.CLOSING
        return _Phase.OPEN if all(m.mounted for m in self.mounts) else _Phase.PARKED

    def _begin_change(self) -> _Phase:
        before, self._phase, self._changer = self._phase, _Phase.CHANGING, threading.get_ident()
        return before

    def is_changed_here(self) -> bool:
        """Is this very thread changing what is mounted? The garbage collector may end a connection anywhere."""
        return self._phase is _Phase.CHANGING and self._changer == threading.get_ident()

    def _change_to(self, phase: _Phase, *, entering: bool = False) -> None:
        with self._gate:
            self._phase = phase
            self._running += entering
            self._gate.notify_all()

    def raise_lost(self) -> None:
        """Once: a file was removed or replaced while its turn was held, and what had been written with it."""
        lost, self._lost = self._lost, None
        if lost:
            raise lost

    def _open(self, before: _Phase, deadline: float, *, entering: bool) -> None:
        """Mounts what is missing or no longer the newest; ends the change that `_begin_change` began."""
        ready = False
        try:
            self.raise_lost()
            if before is _Phase.CLOSING:
                self._settle(deadline)
            if self.staged is not None:
                self.staged.look()
            if before is _Phase.OPEN:
                self._remount(deadline)
            else:
                self._mount_again(deadline)
            self._take_staged(deadline)
            ready = True
        finally:
            self._change_to(_Phase.OPEN if ready else self._phase_after_failure(), entering=entering and ready)

    def leave(self, state: State) -> None:
        """After a statement."""
        now = time.monotonic()
        state.used_at = now
        with self._gate:
            self._running -= 1
            self._used_at = now
            if not self._running:
                self._gate.notify_all()

    def use(self, state: State) -> None:
        """What every call that may use the files begins with; `done` ends it, unless this raises."""
        if self.moves:
            state.began = subclasses.caller()
        self.enter(state)
        try:
            self.guard()
        except BaseException:
            self.leave(state)
            raise

    def done(self, state: State) -> None:
        """After `use`: a call may have closed a file, and with it dropped its lock."""
        try:
            self.guard()
        finally:
            self.leave(state)

    # ---- parking ----

    def _mount_again(self, deadline: float) -> None:
        missing = [m for m in self.mounts if not m.mounted]
        opened: list[Mount] = []
        try:
            # In one order everywhere: two processes that need the same two do not wait for each other.
            for mount in sorted(missing, key=lambda m: m.core.path):
                mount.open(self.instance, deadline)
                opened.append(mount)
        except BaseException:
            for mount in opened:
                mount.detach(self.instance)
                mount.finish()
            raise
        self._mounted()

    def _mounted(self) -> None:
        self.instance.attached_again()
        self.watch()

    def _detach_held(self) -> bool:
        """Detaches what is held by a turn; are all its files closed?"""
        held = self._held()
        for mount in held:
            mount.prepare(self.instance)
        for mount in held:
            mount.detach(self.instance)
        return not self._has_open_files()

    def _finish_held(self) -> None:
        for mount in self._held():
            mount.finish()
            lost = mount.take_lost()
            if lost:
                self._lost = lost

    def left_by(self, state: State) -> None:
        """A connection has closed, and others stay. Its own cursors alone are no reason to keep what it wrote from others."""
        with self._gate:
            alone = self.writes and self.idle_release and not self.is_shared(state.family)
            if alone and self._phase is _Phase.OPEN and not self._running and self._is_idle() and not self._park():
                idle.watch(self, _SETTLE_SECONDS)

    def _park(self) -> bool:
        """Gives the turns up. Called with the gate's lock held, and gives it up meanwhile."""
        self._begin_change()
        self._gate.release()
        phase = _Phase.CLOSING
        try:
            if self._detach_held():
                self._finish_held()
                phase = _Phase.PARKED
        finally:
            self._gate.acquire()
            self._phase = phase
            self._drain_until = 0.0
            self._drain_seconds = _DRAIN_SECONDS
            self._gate.notify_all()
        return phase is _Phase.PARKED

    def _settle(self, deadline: float) -> None:
        """In this process something unnoticed still has the file open: end it."""
        for state in list(self.states):
            con = state.reference()
            if con is not None and not state.closed:
                end_statements(con)
        while self._has_open_files():
            if time.monotonic() >= deadline:
                message = "a half-read result of this process keeps the database open: close it"
                raise BusyError(message)
            time.sleep(_SETTLE_SECONDS)
        self._finish_held()

    def rest(self) -> bool:
        """Of a read session: lets go of its snapshots until the next statement, so that their slots can be used again. False:
        something has them open."""
        with self._gate:
            if self._phase is not _Phase.OPEN or self.writes or self._held():
                return True
            if self._running or not self._is_idle():
                return False
            self._begin_change()
        try:
            for mount in self.mounts:
                mount.detach(self.instance)
                mount.drop()
        finally:
            self._change_to(_Phase.PARKED)
        return True

    # ---- refreshing ----

    def refresh(self, state: State) -> bool:
        """Shows what is committed now; was there anything new?"""
        if state.transaction:
            message = "a snapshot cannot be refreshed inside a transaction: COMMIT or ROLLBACK first"
            raise duckdb.TransactionException(message)
        if self.fresh():
            return False
        if self.is_shared(state.family):
            message = "another connection of this process reads the same snapshot: open this one with refresh='manual'"
            raise UsageError(message)
        self.keeper.separate(self)
        deadline = time.monotonic() + state.timeout
        with self._gate:
            ready = self._gate.wait_for(lambda: self._phase is not _Phase.CHANGING and not self._running, state.timeout)
            if not ready or self._is_busy(state):
                message = "a snapshot cannot be refreshed while a cursor of its connection reads it"
                raise duckdb.TransactionException(message)
            before = self._begin_change()
        self._open(before, deadline, entering=False)
        return True

    def _remount(self, deadline: float) -> None:
        """Mounts snapshots that are no longer the newest again."""
        for state in list(self.states):
            con = state.reference()
            if con is not None and state.result is not Result.NONE:
                end_statements(con)
                state.result = Result.NONE
        for mount in self.mounts:
            if not mount.fresh():
                mount.renew(self.instance, deadline)
            elif self.staged is not None and self.staged.shows and mount is self.mounts[0]:
                mount.attach_again(self.instance)
        self._mounted()

    # ---- staged files ----

    def show_staged(self, staged: Staged, deadline: float) -> None:
        """From now on."""
        self.staged = staged
        with self._gate:
            self._gate.wait_for(lambda: self._phase is not _Phase.CHANGING)
            before = self._begin_change()
        self._open(before, deadline, entering=False)

    def _take_staged(self, deadline: float) -> None:
        """Those that go with what is mounted. If that fails nothing stays mounted: what is shown goes with another snapshot."""
        if self.staged is None:
            return
        assert isinstance(self.instance, instances.Instance)
        try:
            while not self.staged.take(self.instance):
                if time.monotonic() >= deadline:
                    message = f"files staged for {self.mounts[0].core.path} go faster than they can be opened: try again"
                    raise BusyError(message)
                self.staged.look()
                self._remount(deadline)
            for state in list(self.states):
                con = state.reference()
                if con is not None and not state.closed:
                    self.staged.show(con, self.instance.name)
        except BaseException:
            for mount in self.mounts:
                if mount.mounted:
                    mount.detach(self.instance)
                    mount.finish()
            raise
        self.staged.settle()

    # ---- idle ----

    def tick(self) -> float | None:
        """The idle thread's look: seconds until the next, None for no more."""
        with self._gate:
            if self._phase is _Phase.CLOSING:
                return self._finish_closing()
            if self._phase is _Phase.CHANGING:
                return _TICK_SECONDS
            if self._phase is _Phase.PARKED or not self._held():
                return None
            if self._running:
                self._let_others_in()
                return _TICK_SECONDS
            now = time.monotonic()
            unused = now - self._used_at
            wanted = unused >= _TICK_SECONDS and self._wanted()
            due = wanted or unused >= self.idle_release
            if self.idle_release and due and self._is_idle():
                return None if self._park() else _SETTLE_SECONDS
            self._let_others_in()
            self._mind_open_transactions()
            return _TICK_SECONDS

    def _wanted(self) -> bool:
        return any(m.turn.wanted() for m in self.mounts if m.turn is not None)

    def _is_idle(self) -> bool:
        """No transaction, no half-read result that is worth waiting for. With the gate's lock, and nothing running."""
        for state in list(self.states):
            state.put_aside()
        return not self._is_busy()

    def _is_quiet(self) -> bool:
        return not self._running and not any(s.transaction for s in list(self.states))

    def _let_others_in(self) -> None:
        """A session in constant use: holds new statements up for a moment, so that the turn can be given up."""
        now = time.monotonic()
        if self.idle_release and now - self._held_since >= self.idle_release and self._wanted():
            if self._running or self._is_busy():
                self._held_since = now
                self._drain_until = now + self._drain_seconds
                self._gate.wait_for(self._is_quiet, self._drain_seconds)
                self._drain_seconds = min(2 * self._drain_seconds, _MOST_DRAIN_SECONDS)
            if not self._running and self._phase is _Phase.OPEN and self._is_idle():
                self._park()

    def _mind_open_transactions(self) -> None:
        """Rule 3: a transaction is not kept open while doing other work."""
        for state in list(self.states):
            limit, unused = state.idle_in_transaction_timeout, state.idle_for()
            if self._running or not state.busy or self._phase is not _Phase.OPEN:
                continue
            if limit and unused >= limit:
                how = "rolled back" if state.transaction else "closed"
                state.end(f"{how} after sitting idle for {limit:g} s (idle_in_transaction_timeout): {_ADVICE}")
            elif unused >= WARN_SECONDS and not state.warned:
                state.warned = True
                what = "transaction" if state.transaction else "half-read result"
                text = f"an open {what} keeps {self.mounts[0].core.path} from all other writers: {_ADVICE}"
                warnings.warn_explicit(text, IdleTransactionWarning, *state.began)

    def _finish_closing(self) -> float | None:
        if self._has_open_files():
            return 0.02
        self._finish_held()
        self._phase = _Phase.PARKED
        self._gate.notify_all()
        if not self.users:
            instances.give_back(self.instance)
        return None

    # ---- the end ----

    def end(self, closing: Callable[[], None] = lambda: None) -> None:
        """Gives all up. `closing` closes the last connection."""
        with self._gate:
            self._gate.wait_for(lambda: self._phase is not _Phase.CHANGING)
            before = self._begin_change()
        phase = _Phase.CLOSING
        try:
            if before is _Phase.OPEN:
                for mount in self._held():
                    mount.prepare(self.instance)
            closing()
            if before is not _Phase.CLOSING:
                for mount in self.mounts:
                    if mount.mounted:
                        mount.detach(self.instance)
            for mount in self.mounts:
                if mount.turn is None:
                    mount.drop()
            if not self._has_open_files():
                self._finish_held()
                phase = _Phase.PARKED
        finally:
            self._change_to(phase)
            if self.staged is not None:
                self.staged.close()
        if phase is _Phase.PARKED:
            instances.give_back(self.instance)
        else:
            idle.watch(self, _SETTLE_SECONDS)
        self.raise_lost()


class Later:
    """Something that the idle thread is to do."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work

    def tick(self) -> None:
        """The idle thread's look."""
        self._work()


class _Leaving:
    """A mount that SQL has detached."""

    def __init__(self, mount: Mount) -> None:
        self.mount = mount

    def tick(self) -> float | None:
        """The idle thread's look."""
        if self.mount.is_open():
            return _TICK_SECONDS
        self.mount.leave()
        return None
