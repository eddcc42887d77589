"""What the tests of the program are given: the program with each engine, in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.program import PROGRAMS, Duckrow, of_engine


@pytest.fixture(params=list(PROGRAMS))
def duckrow(request: pytest.FixtureRequest, engine_pythons: dict[str, Path], tmp_path: Path) -> Duckrow:
    return of_engine(request.param, tmp_path)


@pytest.fixture
def filled(duckrow: Duckrow) -> Duckrow:
    duckrow.write("CREATE TABLE t (i INTEGER, s VARCHAR); INSERT INTO t VALUES (1, 'one'), (2, NULL)")
    return duckrow


@pytest.fixture
def one_engine(engine_pythons: dict[str, Path], tmp_path: Path) -> Duckrow:
    """For what no engine has a part in."""
    return of_engine("1.5.6", tmp_path)
