"""duckdb.connect, made to take turns without a change of the program that calls it.

Outside of the package, and of the standard library alone: duckrow.pth imports it when the interpreter starts, where DUCKROW_PATCH=1
is set, and neither duckdb nor duckrow is imported before the program does so. Then install() watches for the import of duckdb, and
patches it once its own code has run. duckrow itself comes with the first file that is opened.

`duckdb.connect` and `_duckdb.connect` are the only ways in which the duckdb package opens a file; both are replaced. The function
that replaces them keeps the original in its attribute `stock`, from where stock() gets it: duckrow goes on calling that.

An error before the program runs is one line on standard error, and the program runs on. What duckrow cannot do with this DuckDB is
said when a file is opened, never passed over: a program that was told to take turns must not open a file without one. An in-memory
database is DuckDB's own, but for ATTACH of files.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_NAMES = ("duckdb", "_duckdb")

_lock = threading.Lock()


def stock(module: ModuleType) -> Callable[..., Any]:
    """DuckDB's own connect, patched or not."""
    found = module.connect
    return getattr(found, "stock", found)  # type: ignore[no-any-return]


def _environment_timeout() -> float | None:
    text = os.environ.get("DUCKROW_TIMEOUT", "")
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        message = f"DUCKROW_TIMEOUT is a number of seconds, not {text!r}"
        raise ValueError(message) from None


def _replacement(original: Callable[..., Any], timeout: float | None) -> Callable[..., Any]:
    def connect(database: Any = ":memory:", read_only: bool = False, config: dict[str, Any] | None = None) -> Any:
        # Also what is no path: DuckDB says so in its own words.
        text = os.fspath(database) if isinstance(database, (str, os.PathLike)) else ""
        in_memory = text == ":memory:" and not read_only
        if not text or (text.startswith(":") and not in_memory):
            return original(database, read_only, {} if config is None else config)
        try:
            import duckrow
        except ImportError:
            if in_memory:
                return original(database, read_only, {} if config is None else config)
            raise

        limit = _environment_timeout() if timeout is None else timeout
        return duckrow.connect(database, read_only, config, timeout=limit)

    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(connect, name, getattr(original, name, None))
    connect.__qualname__ = connect.__name__
    connect.stock = original  # type: ignore[attr-defined]
    return connect


def patch_modules(timeout: float | None = None) -> None:
    """Patches what is imported of duckdb. Again: with the new timeout."""
    with _lock:
        for name in _NAMES:
            module = sys.modules.get(name)
            if module is not None and hasattr(module, "connect"):
                module.connect = _replacement(stock(module), timeout)  # type: ignore[attr-defined]


def unpatch_modules() -> None:
    """Gives duckdb its own connect back. What somebody has put in place of ours since stays."""
    with _lock:
        for name in _NAMES:
            module = sys.modules.get(name)
            if module is not None and hasattr(module, "connect"):
                module.connect = stock(module)  # type: ignore[attr-defined]


# ---- when duckdb is imported ----


def _warn(error: BaseException) -> None:
    line = " ".join(str(error).split()) or type(error).__name__
    print(f"duckrow: DUCKROW_PATCH: duckdb is not patched: {line}", file=sys.stderr)


class _Loader:
    """A module's own loader, after which duckdb is patched. Steps aside before the module's code can see it."""

    def __init__(self, own: Any) -> None:
        self._own = own

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._own.create_module(spec)  # type: ignore[no-any-return]

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._own
        if module.__spec__ is not None:
            module.__spec__.loader = self._own
        self._own.exec_module(module)
        try:
            patch_modules()
        except Exception as error:
            _warn(error)


class _Finder:
    """Finds duckdb as the other finders do."""

    def __init__(self) -> None:
        self._inside = threading.local()

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name not in _NAMES or getattr(self._inside, "now", False):
            return None
        self._inside.now = True
        try:
            for finder in sys.meta_path:
                find = getattr(finder, "find_spec", None)
                spec: ModuleSpec | None = find(name, path, target) if find and finder is not self else None
                if spec is not None:
                    if hasattr(spec.loader, "exec_module"):
                        spec.loader = _Loader(spec.loader)  # type: ignore[assignment]
                    return spec
            return None
        finally:
            self._inside.now = False


def install() -> None:
    """Called by duckrow.pth. Raises nothing."""
    try:
        if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
            sys.meta_path.insert(0, _Finder())
        patch_modules()
    except Exception as error:
        _warn(error)
