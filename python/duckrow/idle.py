"""The idle thread: looks after sessions that nobody uses at the moment.

One daemon thread per process, there only while something is being watched. What is watched has a `tick`, which returns after how
many seconds it wants to be looked at again, or None for no more.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Protocol

_LINGER_SECONDS = 5.0
_AFTER_ERROR_SECONDS = 0.5


class Watched(Protocol):
    """Something that wants to be looked at from time to time."""

    def tick(self) -> float | None:
        """Seconds until the next look; None: no more."""


_lock = threading.Lock()
_wake = threading.Event()
_watched: dict[Watched, float] = {}
_thread: threading.Thread | None = None
_next_look = 0.0
_ending = False
_parents: list[object] = []


def watch(watched: Watched, seconds: float) -> None:
    """Looks after it, for the first time in so many seconds."""
    global _thread
    at = time.monotonic() + seconds
    with _lock:
        before = _watched.get(watched)
        if _ending or (before is not None and before <= at):
            return
        _watched[watched] = at
        if _thread is None:
            _thread = threading.Thread(target=_run, name="duckrow idle", daemon=True)
            try:
                _thread.start()
            except RuntimeError:  # the interpreter is ending
                _thread = None
        elif at < _next_look:
            _wake.set()


def _run() -> None:
    global _thread, _next_look
    while True:
        now = time.monotonic()
        with _lock:
            due = [w for w, at in _watched.items() if at <= now]
            for watched in due:
                del _watched[watched]
        for watched in due:
            again: float | None = _AFTER_ERROR_SECONDS
            with contextlib.suppress(Exception):  # the next look may go better; a turn must not be kept for it
                again = watched.tick()
            if again is not None:
                watch(watched, again)
        with _lock:
            now = time.monotonic()
            _next_look = min(_watched.values(), default=now + _LINGER_SECONDS)
            _wake.clear()
            if _ending:
                return
        woken = _wake.wait(max(0.0, _next_look - now))
        with _lock:
            if _ending or (not woken and not _watched):
                _thread = None
                return


def end() -> None:
    """Before the interpreter ends: stops the thread, and starts no other."""
    global _ending
    with _lock:
        _ending = True
        thread = _thread
    _wake.set()
    if thread is not None and thread.is_alive() and thread is not threading.current_thread():
        thread.join()


def forget() -> None:
    """In a forked child: the thread stayed with the parent."""
    global _lock, _wake, _thread, _watched, _ending
    _lock = threading.Lock()
    _wake = threading.Event()
    _parents.append(_watched)
    _watched = {}
    _thread = None
    _ending = False
