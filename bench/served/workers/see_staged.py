"""see_staged.py DB SECONDS STAGED: looks again and again through a new connection, and tells of each batch (who, number) when it
had seen it first."""

import sys
import time

import duckrow
from loop import ready, tell

path, seconds, staged = sys.argv[1], float(sys.argv[2]), sys.argv[3] == "1"
options = {"staged": True} if staged else {}
seen: dict[tuple[int, int], float] = {}


def look() -> None:
    with duckrow.get_readonly_connection(path, **options) as con:
        found = con.execute("SELECT DISTINCT who, batch FROM t").fetchall()
    now = time.time()
    for batch in found:
        seen.setdefault(batch, now)


look()
ready()
ends = time.monotonic() + seconds
while time.monotonic() < ends:
    look()
    time.sleep(0.02)
tell(seen=[[*batch, when] for batch, when in seen.items()])
