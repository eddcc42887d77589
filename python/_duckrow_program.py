"""The duckrow program that pip installs: the same C program as the stand-alone one, with the installed duckdb as its engine.

Outside of the package, so that nothing is imported that the program doesn't need: it starts in a fifth of the time that importing
duckdb takes. What has to be loaded are two libraries, DuckDB's and ours, found by name and not imported.
"""

from __future__ import annotations

import importlib.util
import os
import sys


def _program_main() -> int:
    found = importlib.util.find_spec("duckrow")
    for folder in (found.submodule_search_locations or []) if found else []:
        path = os.path.join(folder, "_program.abi3.so")
        spec = importlib.util.spec_from_file_location("duckrow._program", path) if os.path.exists(path) else None
        if spec and spec.loader:
            program = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(program)
            return int(program.main(sys.argv))
    print("duckrow: the package is incomplete: pip install --force-reinstall duckrow", file=sys.stderr)
    return 70


def main() -> int:
    """What the console script calls."""
    engine = importlib.util.find_spec("_duckdb")
    if engine and engine.origin:
        os.environ.setdefault("DUCKROW_ENGINE", engine.origin)
    return _program_main()
