"""Connections to a database that a service has: `duckrow serve`.

What reads runs in this process, on the newest snapshot; what writes, and what reads within a transaction, runs at the service. Most
of it is loaded once a service is met.
"""

from __future__ import annotations


def address(path: str) -> str | None:
    """Where the service of the database at `path` says that it listens, as a libpq connection string; None: there is none."""
    try:
        with open(f"{path}.duckrow/service", encoding="utf-8", errors="surrogateescape") as announced:
            return announced.read().strip() or None
    except OSError:
        return None
