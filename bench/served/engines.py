"""The programs and Pythons of each DuckDB, as `make bench` builds them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
VERSIONS = ("1.5.6", "2.0.0")


class Missing(Exception):
    """What a measurement needs isn't there; says what would bring it."""


def built(pattern: str) -> Path:
    found = sorted(ROOT.glob(pattern))
    if not found:
        raise Missing(f"{pattern} is missing: `make bench` makes it")
    return found[0]


@dataclass
class Engine:
    version: str

    @property
    def program(self) -> Path:
        """The stand-alone program for 1.5.6; for 2.0.0, whose library only the wheel has, what pip installs."""
        return built("build/release/duckrow" if self.version == "1.5.6" else f"build/venv/{self.version}/bin/duckrow")

    @property
    def library(self) -> Path:
        lib = "build/engine/1.5.6/libduckdb.so"
        return built(lib if self.version == "1.5.6" else f"build/venv/{self.version}/lib/python3*/site-packages/_duckdb*.so")

    @property
    def python(self) -> Path:
        """One with the stock DuckDB of the same version, and duckrow."""
        return built(f"build/venv/{self.version}/bin/python")

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "DUCKROW_ENGINE": str(self.library)}
