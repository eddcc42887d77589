"""seldom.py SOCKET USER DATABASE CLIENTS SECONDS: clients insert one row a second each, at different moments. It ends early at a
line on standard input."""

import selectors
import sys
import time

from loop import ready, tell
from wire import Session, execution

path, user, database = sys.argv[1:4]
clients, seconds = int(sys.argv[4]), float(sys.argv[5])
sessions = [Session(path, user, database) for _ in range(clients)]
for session in sessions:
    session.prepare("INSERT INTO inserts VALUES ($1, $2, $3)")
    session.exchange(execution(0, 0, "seldom"))
ready()
start, taken, number = time.perf_counter(), [], 0
selector = selectors.DefaultSelector()
selector.register(sys.stdin, selectors.EVENT_READ)
while number < clients * seconds:
    pause = start + number / clients - time.perf_counter()
    if selector.select(max(0, pause)):
        break
    session = sessions[number % clients]
    began = time.perf_counter()
    session.exchange(execution(number, 0, "seldom"))
    taken.append((time.perf_counter() - began) * 1000)
    number += 1
tell(milliseconds=taken)
