"""DuckDB as it is, for what duckrow leaves to it."""

from __future__ import annotations

import os
from collections.abc import Callable

import duckdb
from _duckrow_patch import stock

connect: Callable[..., duckdb.DuckDBPyConnection] = stock(duckdb)
"""duckdb.connect, of the time before anybody patched it."""


def is_snapshot(path: str) -> bool:
    """Is this a copy that duckrow has made, by its own name or through core.read.duckdb? DuckDB alone can read it. It has no turn,
    and what is kept beside a database must not be made beside it."""
    if "\0" in path:
        return False
    slots = os.path.dirname(os.path.dirname(os.path.realpath(os.path.expanduser(path))))
    return os.path.basename(slots) == "snapshot" and os.path.dirname(slots).endswith(".duckrow")
