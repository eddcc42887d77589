"""What is staged beside a database, as anybody can see it, and as anybody can stage."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import duckdb


def folder(path: Path, table: str = "t") -> Path:
    """Of a table of that database; it is made."""
    made = Path(f"{path}.duckrow") / "staging" / table
    made.mkdir(parents=True, exist_ok=True)
    return made


def by_hand(path: Path, sql: str) -> Path:
    """Those rows at that path in a table's folder, as the rule says, by any program."""
    temporary = path.parent.parent / ".tmp" / uuid.uuid4().hex
    temporary.parent.mkdir(exist_ok=True)
    duckdb.sql(sql).write_parquet(str(temporary))
    return temporary.rename(path)


def staged(path: Path, table: str = "t") -> list[tuple[Any, ...]]:
    """As anybody can read it."""
    folder = Path(f"{path}.duckrow") / "staging" / table
    if not list(folder.glob("*.parquet")):
        return []
    return duckdb.sql(f"SELECT * FROM read_parquet('{folder}/*.parquet', union_by_name=true) ORDER BY ALL").fetchall()


def leftovers(path: Path) -> list[Path]:
    return list((Path(f"{path}.duckrow") / "staging" / ".tmp").glob("*"))
