"""Programs that call duckdb.connect take turns as they are: patch(), or DUCKROW_PATCH=1 in the environment (see _duckrow_patch)."""

from __future__ import annotations

from _duckrow_patch import patch_modules, unpatch_modules

from duckrow.connection import check_seconds
from duckrow.states import DEFAULT_TIMEOUT


def patch(*, timeout: float | None = None) -> None:
    """From now on `duckdb.connect` on a file is `duckrow.connect`, everywhere in this process.

    `:memory:` and all that is no file goes to DuckDB as before, as do the functions of the duckdb module that work on its default
    connection. Connections that are open already stay as they are, and so does a `connect` that somebody has imported by name:
    patch first, or set DUCKROW_PATCH=1. timeout: seconds that each waits for its turn at most; DUCKROW_TIMEOUT, or 10, without it.
    Calling it again only sets the timeout.
    """
    patch_modules(None if timeout is None else check_seconds("timeout", timeout, DEFAULT_TIMEOUT))


def unpatch() -> None:
    """`duckdb.connect` is DuckDB's own again. Connections that are open stay what they are."""
    unpatch_modules()
