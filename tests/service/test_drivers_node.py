"""node-postgres (`pg`, with pg-cursor and pg-copy-streams), as it is: what it does is in tests/support/node_client.js."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from support.program import ROOT
from support.service import Service

from .drivers import EDGES, FAILURES, make_table, texts

CLIENT = ROOT / "tests/support/node_client.js"


@pytest.fixture(scope="module")
def modules() -> Path:
    folder = ROOT / "build/stock/pg/node_modules"
    assert (folder / "pg").is_dir(), "tools/fetch_stock.sh brings node-postgres"
    return folder


def node(served: Service, modules: Path, scenario: str, table: str, given: object = None) -> None:
    environment = {**os.environ, "NODE_PATH": str(modules), "TZ": "UTC"}
    argv = ["node", str(CLIENT), scenario, str(served.own_folder), table, json.dumps(given)]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, env=environment)
    assert ended.returncode == 0, ended.stderr


def test_types(served: Service, modules: Path, table: str) -> None:
    kinds = {kind: sql for kind, (sql, _) in EDGES.items() if kind not in ("struct", "map")}
    node(served, modules, "types", table, kinds)
    for kind in kinds:
        name = f"{table}_{kind.replace('[]', '__')}"
        expected = EDGES[kind][1]
        assert texts(served, name) == [*expected, *expected, None], kind


@pytest.mark.parametrize("scenario", ["ddl", "parameters", "cancel", "cursor", "copy", "pool"])
def test_scenario(served: Service, modules: Path, table: str, scenario: str) -> None:
    node(served, modules, scenario, table)


def test_errors(served: Service, modules: Path, table: str) -> None:
    make_table(served, table)
    node(served, modules, "errors", table, FAILURES)


def test_transactions(served: Service, modules: Path, table: str) -> None:
    make_table(served, table)
    node(served, modules, "transactions", table)
