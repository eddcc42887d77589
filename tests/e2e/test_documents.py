"""The code in the documents: it runs as it stands, in TypeScript it also compiles, with a service and without."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckrow
import pytest
from support import Processes
from support.typescript import NODES, compile_strictly, install, node

from e2e.helpers import code_blocks, serving

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON_PAGES = ("README.md", "docs/python.md", "docs/staging.md", "docs/busy.md")
TYPESCRIPT_PAGES = ("README.md", "node/README.md", "docs/typescript.md")
COMMONJS_PAGE = "docs/typescript.md"
IMPORT = re.compile(r"^import \{ (.*) \} from '(.*)';\n", re.MULTILINE)

# What pages take for granted.
TABLES = {
    "data/core.duckdb": """
        CREATE TABLE runs (id INTEGER, status VARCHAR);
        CREATE TABLE users (user_id INTEGER, name VARCHAR);
        CREATE TABLE events (id INTEGER, began TIMESTAMP, what VARCHAR, status VARCHAR);
    """,
    "data/runs.duckdb": "CREATE TABLE runs (user_id INTEGER, status VARCHAR)",
}
PYTHON_START = """
    import sys, duckrow, pandas
    rows = [(10, "ok"), (11, "ok")]
    frame = pandas.DataFrame({"id": [20, 21], "status": ["ok", "failed"]})
    for number, code in enumerate(sys.argv[2:], start=1):
        exec(compile(code, f"{sys.argv[1]}, block {number}", "exec"))
"""
TYPESCRIPT_START = """
const db = await openDuckDb('data/core.duckdb');
const rows = [[10, 'ok'], [11, 'ok']];
"""


@pytest.fixture(scope="module", params=[False, True], ids=["embedded", "served"])
def folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Where the code runs; a service has its databases, or none has. pytest's own folders have names too long for a socket."""
    with tempfile.TemporaryDirectory(prefix="dr-") as name:
        made = Path(name)
        (made / "data").mkdir()
        for path, sql in TABLES.items():
            with duckrow.get_write_connection(made / path) as con:
                con.execute(sql)
        with serving(made, *TABLES) if request.param else contextlib.nullcontext():
            yield made


@pytest.mark.parametrize("page", PYTHON_PAGES)
def test_python(processes: Processes, folder: Path, page: str) -> None:
    blocks = code_blocks((ROOT / page).read_text(), "python")
    processes.python(PYTHON_START, page, *blocks, cwd=folder).finish()


def module_of(blocks: list[str]) -> str:
    """Blocks as one module: a block has its own names, and what is imported once is there for the rest of the page."""
    names: dict[str, set[str]] = {"duckrow": {"openDuckDb"}}
    for found in IMPORT.finditer("".join(blocks)):
        names.setdefault(found[2], set()).update(found[1].split(", "))
    imports = "".join(f"import {{ {', '.join(sorted(some))} }} from '{module}';\n" for module, some in names.items())
    return imports + TYPESCRIPT_START + "".join(f"{{\n{IMPORT.sub('', block)}}}\n" for block in blocks)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each page's TypeScript as a program."""
    here = tmp_path_factory.mktemp("compiled")
    install(here)
    sources = {page: here / f"{page.replace('/', '_').removesuffix('.md')}.mts" for page in TYPESCRIPT_PAGES}
    for page, source in sources.items():
        source.write_text(module_of(code_blocks((ROOT / page).read_text(), "ts")))
    compile_strictly(here, "--module", "node16", "--target", "es2022", "--types", "node", *sources.values())
    return {page: source.with_suffix(".mjs") for page, source in sources.items()}


@pytest.mark.parametrize("page", TYPESCRIPT_PAGES)
def test_typescript(processes: Processes, compiled: dict[str, Path], folder: Path, page: str) -> None:
    version = NODES[TYPESCRIPT_PAGES.index(page) % len(NODES)]
    process = processes.start(node(version), compiled[page], cwd=folder)
    process.finish()
    assert "Warning" not in process.errors, process.errors


@pytest.mark.parametrize("version", NODES)
def test_commonjs(processes: Processes, compiled: dict[str, Path], folder: Path, version: str) -> None:
    for number, block in enumerate(code_blocks((ROOT / COMMONJS_PAGE).read_text(), "js")):
        source = compiled[COMMONJS_PAGE].with_name(f"{number}.cjs")
        source.write_text(block)
        processes.start(node(version), source, cwd=folder).finish()
