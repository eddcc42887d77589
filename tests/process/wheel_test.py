"""What the Python package brings along and what it takes from the system: libc alone."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

# libc and what used to be parts of it; the loader; the kernel's.
LIBC = re.compile(r"(libc|libm|libdl|librt|libpthread)\.so\.\d+|ld-linux.*|linux-vdso.*")


def run(*command: object) -> str:
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.fixture
def package(engine_python: Path) -> Path:
    code = "import sysconfig; print(sysconfig.get_path('platlib'))"
    return Path(run(engine_python, "-c", code).strip()).resolve() / "duckrow"


def needed(library: Path) -> list[str]:
    names = re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "--dynamic", "--wide", library))
    return [name for name in names if not LIBC.fullmatch(name)]


def test_what_users_import_needs_libc_alone(package: Path) -> None:
    assert needed(package / "_core.abi3.so") == []


def test_the_program_brings_its_libraries_along(package: Path, engine_python: Path) -> None:
    names = needed(package / "_program.abi3.so")
    if re.search(r"^  duckrow serve ", run(engine_python.parent / "duckrow", "--help"), re.MULTILINE):
        assert any(name.startswith("libuv-") for name in names), names
        assert any(name.startswith("libinih-") for name in names), names
    brought = {path.name: path.resolve() for path in (package.parent / "duckrow.libs").glob("*.so*")}
    assert sorted(names) == sorted(brought)
    for library in (package / "_program.abi3.so", *brought.values()):
        for name, found in re.findall(r"^\s*(\S+)(?: => (.*?))?(?: \(0x\w+\))?$", run("ldd", library), re.MULTILINE):
            assert LIBC.fullmatch(Path(name).name) or Path(found).resolve() == brought[name], (library, name, found)


def test_the_program_loads_nothing_of_the_systems(package: Path, engine_python: Path) -> None:
    """What is mapped while it runs, its DuckDB being left out."""
    code = """
import sys, _duckrow_program
sys.argv = ["duckrow", "path", "--help"]
_duckrow_program.main()
print(open("/proc/self/maps").read())
"""
    mapped = set(re.findall(r"\s(/\S+\.so\S*)$", run(engine_python, "-c", code), re.MULTILINE))
    assert str(package / "_program.abi3.so") in mapped
    assert str(package / "_core.abi3.so") not in mapped
    assert not [path for path in mapped if re.search(r"/lib(uv|inih)\b", path) and "/duckrow.libs/" not in path]
