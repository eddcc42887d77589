"""The duckrow program. Its engine is the installed duckdb wheel."""

from __future__ import annotations

import os
import sys

import _duckdb

from duckrow import _core


def main() -> int:
    """What the console script calls."""
    if _duckdb.__file__:
        os.environ.setdefault("DUCKROW_ENGINE", _duckdb.__file__)
    return int(_core.main(sys.argv))


if __name__ == "__main__":
    sys.exit(main())
