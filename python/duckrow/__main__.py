"""python -m duckrow: the duckrow program."""

from __future__ import annotations

import sys

from _duckrow_program import main

if __name__ == "__main__":
    sys.exit(main())
