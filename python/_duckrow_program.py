"""The duckrow program that pip installs: the same C program as the stand-alone one, with the installed duckdb as its engine.

Outside of the package, so that nothing is imported that the program doesn't need: it starts in a fifth of the time that importing
duckdb takes. What has to be loaded are two libraries, found by name and not imported.
"""

from __future__ import annotations

import importlib.util
import os
import sys


def _core_main() -> int:
    found = importlib.util.find_spec("duckrow")
    for folder in (found.submodule_search_locations or []) if found else []:
        path = os.path.join(folder, "_core.abi3.so")
        spec = importlib.util.spec_from_file_location("duckrow._core", path) if os.path.exists(path) else None
        if spec and spec.loader:
            core = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(core)
            return int(core.main(sys.argv))
    print("duckrow: the package is incomplete: pip install --force-reinstall duckrow", file=sys.stderr)
    return 70


def main() -> int:
    """What the console script calls."""
    engine = importlib.util.find_spec("_duckdb")
    if engine and engine.origin:
        os.environ.setdefault("DUCKROW_ENGINE", engine.origin)
    return _core_main()
