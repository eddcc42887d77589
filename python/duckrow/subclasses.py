"""Classes of ours derived from DuckDB's own, for objects that DuckDB made: nothing about them changes but what is hooked.

duckdb 2.0's classes (nanobind) take a class made in Python. 1.5's (pybind11) are not garbage collected, and a class made in Python
always is, so there the class comes from C. Neither adds a field.
"""

from __future__ import annotations

import sys
from typing import Any

from duckrow import _core

_GARBAGE_COLLECTED = 1 << 14  # Py_TPFLAGS_HAVE_GC


def derive(base: type, name: str) -> Any:
    """A class without fields of its own."""
    if base.__flags__ & _GARBAGE_COLLECTED:
        return type(base)(name, (base,), {"__slots__": (), "__module__": "duckrow"})
    return _core.subclass(f"duckrow.{name}", base)


def retype(native: object, derived: type) -> None:
    """Gives an object that DuckDB made the class derived from its own."""
    if derived.__flags__ & _GARBAGE_COLLECTED:
        native.__class__ = derived
    else:
        _core.retype(native, derived)


def caller() -> tuple[str, int]:
    """File and line of the code that called duckrow: hooks in C have no frames."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__package__") == "duckrow":
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno
