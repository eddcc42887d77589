"""The PostgreSQL protocol by hand, for many sessions in one thread: one prepared INSERT, sent again and again."""

from __future__ import annotations

import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterable


def framed(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


SYNC = framed(b"S")


class Session:
    """Answers are counted, not read: a Z ends an exchange, an E says that it failed."""

    def __init__(self, path: str, user: str, database: str):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.rest = b""
        self.failed = False
        self.sent_at = 0.0
        self.done = 0
        self.errors = 0
        body = struct.pack("!i", 3 << 16) + f"user\0{user}\0database\0{database}\0\0".encode()
        self.exchange(struct.pack("!i", len(body) + 4) + body)

    def exchange(self, message: bytes) -> None:
        """Sends, and waits for the end of the answer."""
        self.socket.sendall(message)
        while not self.feed(self.socket.recv(65536)):
            pass
        if self.failed:
            raise RuntimeError("the server answered with an error")

    def feed(self, piece: bytes) -> int:
        """How many exchanges ended; `failed` is of the last."""
        if not piece:
            raise RuntimeError("the server hung up")
        data, at, ended = self.rest + piece, 0, 0
        while len(data) - at >= 5:
            size = struct.unpack_from("!i", data, at + 1)[0] + 1
            if len(data) - at < size:
                break
            if data[at] == 69:  # E
                self.failed = True
                self.errors += 1
            elif data[at] == 90:  # Z
                ended += 1
            at += size
        self.rest = data[at:]
        return ended

    def prepare(self, sql: str) -> None:
        self.exchange(framed(b"P", b"insert\0" + sql.encode() + b"\0\0\0") + SYNC)

    def query(self, sql: str) -> None:
        self.exchange(framed(b"Q", sql.encode() + b"\0"))


def execution(*values: object, sync: bool = True) -> bytes:
    """Bind and Execute of what was prepared."""
    body = b"\0insert\0" + struct.pack("!hh", 0, len(values))
    for value in values:
        text = str(value).encode()
        body += struct.pack("!i", len(text)) + text
    return framed(b"B", body + b"\0\0") + framed(b"E", b"\0\0\0\0\0") + (SYNC if sync else b"")


def closed_loop(sessions: Iterable[Session], message: Callable[[Session], bytes], seconds: float) -> list[float]:
    """Each sends its next when the one before is answered. Returns what each took, in milliseconds."""
    selector, taken = selectors.DefaultSelector(), []
    end = time.perf_counter() + seconds

    def send(session: Session) -> None:
        session.failed = False
        session.sent_at = time.perf_counter()
        session.socket.sendall(message(session))

    for session in sessions:
        selector.register(session.socket, selectors.EVENT_READ, session)
        send(session)
    while selector.get_map():
        for key, _ in selector.select():
            session = key.data
            if not session.feed(session.socket.recv(65536)):
                continue
            now = time.perf_counter()
            taken.append((now - session.sent_at) * 1000)
            session.done += not session.failed
            if now < end:
                send(session)
            else:
                selector.unregister(session.socket)
    return taken
