"""clashing.py SOCKET USER DATABASE CLIENTS CLASHING FIRST SECONDS: clients, in one thread, insert keys that are their own, from
FIRST on; the first CLASHING of them always a key that is there."""

import itertools
import sys

from loop import ready, tell
from wire import Session, closed_loop, execution

path, user, database = sys.argv[1:4]
clients, clashing, first, seconds = int(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6]), float(sys.argv[7])
sessions = [Session(path, user, database) for _ in range(clients)]
for session in sessions:
    session.prepare("INSERT INTO keyed VALUES ($1, $2)")
clashers, keys = set(sessions[:clashing]), itertools.count(first)
ready()
closed_loop(sessions, lambda session: execution(0 if session in clashers else next(keys), "hello"), seconds)
tell(
    done=sum(session.done for session in sessions),
    refused=sum(session.errors for session in sessions),
    strayed=sum(session.errors for session in sessions if session not in clashers),
    seconds=seconds,
)
