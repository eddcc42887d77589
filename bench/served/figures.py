"""What was measured, what it should be, and the table that tells it."""

from __future__ import annotations

import math
import operator
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

RELATIONS: dict[str, Callable[[float, float], bool]] = {"<=": operator.le, ">=": operator.ge}


@dataclass
class Figure:
    name: str
    ours: float
    unit: str
    peer: float | None = None  # None: the figure is ours itself, not a ratio
    required: str = ""  # "<= 0.5" or ">= 3"; "": it is only reported
    aim: bool = False  # hoped for, not promised

    @property
    def value(self) -> float:
        if self.peer is None:
            return self.ours
        return self.ours / self.peer if self.peer else math.inf

    @property
    def verdict(self) -> str:
        if not self.required:
            return ""
        if self.peer == 0:
            return "the peer did nothing"
        relation, limit = self.required.split()
        if RELATIONS[relation](self.value, float(limit)):
            return "met"
        return "missed (an aim)" if self.aim else "MISSED"


def number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


@dataclass
class Figures:
    """Of one engine."""

    engine: str
    rows: list[Figure] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def add(self, name: str, ours: float, unit: str, **more: Any) -> None:
        self.rows.append(Figure(name, ours, unit, **more))
        progress(self.line(self.rows[-1]))

    def ratio(
        self, name: str, ours: Sequence[float], peer: Sequence[float], unit: str, required: str = "", aim: bool = False
    ) -> None:
        """Of medians."""
        self.add(name, statistics.median(ours), unit, peer=statistics.median(peer), required=required, aim=aim)

    def leave_out(self, what: str) -> None:
        self.left_out.append(what)
        progress(f"  left out: {what}")

    @staticmethod
    def head(title: str) -> str:
        return f"{title:<66} {'duckrow':>10} {'peer':>10} {'':<7} {'figure':>8}  {'required':<9}"

    @staticmethod
    def line(row: Figure) -> str:
        figure = number(row.value) if row.required or row.peer is not None else ""
        return (
            f"  {row.name:<64} {number(row.ours):>10} {number(row.peer):>10} {row.unit:<7} {figure:>8}  {row.required:<9} "
            f"{row.verdict}"
        ).rstrip()

    def table(self) -> str:
        lines = [self.head(f"DuckDB {self.engine}"), *map(self.line, self.rows)]
        return "\n".join(lines + [f"  left out: {what}" for what in self.left_out])

    def told(self) -> dict[str, Any]:
        rows = [{**asdict(row), "value": row.value, "verdict": row.verdict} for row in self.rows]
        return {"engine": self.engine, "figures": rows, "left_out": self.left_out}

    def missed(self) -> int:
        return sum(row.verdict == "MISSED" for row in self.rows)


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent don't exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * percent // 100).__trunc__() - 1))]
