"""idle.py SOCKET USER DATABASE CLIENTS: sessions that have each written and read a row, and then do nothing."""

import sys

from loop import ready
from wire import Session, execution

path, user, database = sys.argv[1:4]
sessions = []
for i in range(int(sys.argv[4])):
    session = Session(path, user, database)
    session.prepare("INSERT INTO inserts VALUES ($1, $2, $3)")
    session.exchange(execution(i, 0, "idle"))
    session.query("SELECT count(*) FROM inserts")
    sessions.append(session)
ready()
