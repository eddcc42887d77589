"""What is staged beside a database, as anybody can see it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb


def staged(path: Path, table: str = "t") -> list[tuple[Any, ...]]:
    """As anybody can read it."""
    folder = Path(f"{path}.duckrow") / "staging" / table
    if not list(folder.glob("*.parquet")):
        return []
    return duckdb.sql(f"SELECT * FROM read_parquet('{folder}/*.parquet', union_by_name=true) ORDER BY ALL").fetchall()


def leftovers(path: Path) -> list[Path]:
    return list((Path(f"{path}.duckrow") / "staging" / ".tmp").glob("*"))
