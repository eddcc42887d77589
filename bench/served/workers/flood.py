"""flood.py SOCKET USER DATABASE COUNT TOGETHER SECONDS: so many inserts pipelined as fast as the server takes them, with a Sync
after each TOGETHER; no further ones after so many seconds, and no more than 2,000 Syncs unanswered."""

import selectors
import sys
import time

from loop import ready, tell
from wire import SYNC, Session, execution

path, user, database = sys.argv[1:4]
count, together, seconds = int(sys.argv[4]), int(sys.argv[5]), float(sys.argv[6])
session = Session(path, user, database)
session.prepare("INSERT INTO inserts VALUES ($1, $2, $3)")
one = execution(-1, 7, "flood", sync=False)
ready()
start = time.perf_counter()
selector = selectors.DefaultSelector()
selector.register(session.socket, selectors.EVENT_READ)
session.socket.setblocking(False)
made = exchanges = done = 0  # rows; Syncs; answers to them
waiting = memoryview(b"")


def more() -> bytes:
    """The next rows up to a Sync, or a thousand of them."""
    global made, exchanges
    step = min(1000, together - made % together, count - made)
    made += step
    ends = made % together == 0 or made == count
    exchanges += ends
    return one * step + (SYNC if ends else b"")


def is_over() -> bool:
    return made == count or (made % together == 0 and time.perf_counter() - start > seconds)


def may_send() -> bool:
    return not is_over() and exchanges - done < 2000


while not is_over() or waiting or done < exchanges:
    if not waiting and may_send():
        pieces = more()
        while len(pieces) < 1 << 16 and may_send():
            pieces += more()
        waiting = memoryview(pieces)
    selector.modify(session.socket, selectors.EVENT_READ | (selectors.EVENT_WRITE if waiting else 0))
    for _, events in selector.select(0.1):
        if events & selectors.EVENT_READ:
            done += session.feed(session.socket.recv(1 << 18))
        if events & selectors.EVENT_WRITE:
            waiting = waiting[session.socket.send(waiting) :]
tell(count=made, errors=session.errors, seconds=time.perf_counter() - start)
