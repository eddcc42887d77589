"""What tests are given. They run with the DuckDB of their own interpreter, and start processes with any."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import SOAK, Processes

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
ENGINES = ("1.5.6", "2.0.0")
MIXES = {"1.5.6": ("1.5.6",), "2.0.0": ("2.0.0",), "mixed": ENGINES}

# Tests that use these choose the engines themselves: `make test` runs them once, all others with each engine.
CHOOSERS = {"engine_pythons", "stock"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--other-engine", action="store_true", help="leave out the tests that choose their engines themselves")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if SOAK and item.get_closest_marker("alone_in_soak"):
            item.add_marker("alone")
    if not SOAK:
        second = [item for item in items if item.get_closest_marker("one_engine") and f"[{ENGINES[0]}" in item.name]
        config.hook.pytest_deselected(items=second)
        items[:] = [item for item in items if item not in second]
    if config.getoption("--other-engine"):
        chosen = [item for item in items if CHOOSERS.intersection(getattr(item, "fixturenames", ()))]
        config.hook.pytest_deselected(items=chosen)
        items[:] = [item for item in items if item not in chosen]


def pytest_report_header() -> str:
    import duckdb

    return f"duckdb {duckdb.__version__}, {'full length' if SOAK else 'short (make soak runs the full length)'}"


def built(path: Path) -> Path:
    if not path.exists():
        pytest.fail(f"{path} is missing: `make test` makes it")
    return path


@pytest.fixture(scope="session")
def soak() -> bool:
    return SOAK


@pytest.fixture(scope="session")
def engine_pythons() -> dict[str, Path]:
    """A Python with duckrow for each supported DuckDB."""
    return {version: built(BUILD / "venv" / version / "bin" / "python") for version in ENGINES}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, engine_pythons: dict[str, Path]) -> str:
    """Each DuckDB in turn, by its version."""
    return request.param


@pytest.fixture
def engine_python(engine: str, engine_pythons: dict[str, Path]) -> Path:
    """Each DuckDB in turn, as a Python that has it."""
    return engine_pythons[engine]


@pytest.fixture(params=MIXES)
def engine_mix(request: pytest.FixtureRequest, engine_pythons: dict[str, Path]) -> Callable[[], Path]:
    """Pythons with 1.5.6, with 2.0.0, or with both in turns: each call gives the one for the next process."""
    pythons = itertools.cycle(engine_pythons[version] for version in MIXES[request.param])
    return lambda: next(pythons)


@pytest.fixture(scope="session")
def stock() -> Path:
    """The folder of the stock programs, see tools/fetch_stock.sh."""
    return built(BUILD / "stock")


@pytest.fixture
def processes() -> Iterator[Processes]:
    """Starts processes, which end with the test."""
    started = Processes(Path(sys.executable))
    yield started
    started.end()


@pytest.fixture
def tmp_db(tmp_path: Path) -> Path:
    """Where a database can be made; nothing is there yet."""
    return tmp_path / "core.duckdb"
