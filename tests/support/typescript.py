"""TypeScript as users of the npm package have it: compiled with tsc --strict, run with each supported Node."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
NODES = ("20", "22")
MODULES = ROOT / "build/node/installed/node_modules"
TSC = ROOT / "node/node_modules/typescript/bin/tsc"
TYPES = ROOT / "node/node_modules/@types"


def node(version: str) -> Path:
    found = ROOT / "build/node" / version / "bin/node"
    assert found.exists() and MODULES.exists(), "the npm package is missing: `make test` makes it"
    return found


def install(folder: Path) -> None:
    """The folder has the packages, as after npm install."""
    node(NODES[0])
    (folder / "node_modules").symlink_to(MODULES)


def compile_strictly(folder: Path, *options: object) -> None:
    """tsc there, with its tsconfig.json, or with the files among the options."""
    argv = [node(NODES[0]), TSC, "--strict", "--skipLibCheck", "--noEmitOnError", "--typeRoots", TYPES, *options]
    ended = subprocess.run([str(word) for word in argv], cwd=folder, capture_output=True, text=True, timeout=100)
    assert ended.returncode == 0, ended.stdout + ended.stderr
