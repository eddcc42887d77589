"""see_staged.py DB SECONDS STAGED: looks again and again through a new connection, and tells how old, in milliseconds, the rows were that
it saw for the first time: an upper limit of how long they took to be seen."""

import sys
import time

import duckrow
from loop import ready, tell

path, seconds, staged = sys.argv[1], float(sys.argv[2]), sys.argv[3] == "1"
options = {"staged": True} if staged else {}
seen: set[tuple[int, float]] = set()
ages: list[float] = []


def look() -> set[tuple[int, float]]:
    with duckrow.get_readonly_connection(path, **options) as con:
        return set(con.execute("SELECT DISTINCT who, moment FROM t").fetchall())


seen = look()
ready()
ends = time.monotonic() + seconds
while time.monotonic() < ends:
    began = time.time()
    new = look() - seen
    now = time.time()
    ages += [(now - at) * 1000 for _, at in new if at < began]
    seen |= new
    time.sleep(0.02)
tell(milliseconds=ages)
