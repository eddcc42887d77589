"""Which DuckDB is safe to share files with."""

from __future__ import annotations

import re


def check(version: str) -> None:
    """1.5.6 and later. From 1.4.4 to 1.5.5 a read-only open beside a WAL returns wrong rows through indexes."""
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    if not found or tuple(map(int, found.groups())) < (1, 5, 6):
        message = (
            f"duckrow needs DuckDB 1.5.6 or later, and found {version}, which returns wrong rows through indexes when it reads "
            "beside a WAL: pip install -U duckdb"
        )
        raise ImportError(message)
