"""A disk that is full."""

from __future__ import annotations

import errno
from pathlib import Path


def fill(folder: Path, leave: int) -> Path:
    """Leaves about that many bytes free, though others write meanwhile."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError as full:
            assert full.errno == errno.ENOSPC
        file.truncate(max(0, file.tell() - leave))
    return filler
