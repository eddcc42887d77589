"""The PostgreSQL protocol by hand, for what no driver does: bad frames, half-read answers, unusual orders of messages."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Message:
    type: str
    body: bytes

    @property
    def fields(self) -> dict[str, str]:
        """Of ErrorResponse and NoticeResponse."""
        parts = self.body.decode().split("\0")
        return {part[0]: part[1:] for part in parts if part}

    @property
    def sqlstate(self) -> str:
        return self.fields["C"]

    @property
    def tag(self) -> str:
        """Of CommandComplete."""
        return self.body[:-1].decode()

    @property
    def row(self) -> list[bytes | None]:
        at, values = 2, []
        for _ in range(struct.unpack_from("!h", self.body)[0]):
            size = struct.unpack_from("!i", self.body, at)[0]
            values.append(None if size < 0 else self.body[at + 4 : at + 4 + size])
            at += 4 + max(size, 0)
        return values


def framed(type: str, body: bytes = b"") -> bytes:
    return type.encode() + struct.pack("!i", len(body) + 4) + body


def text(value: str) -> bytes:
    return value.encode() + b"\0"


def query(sql: str) -> bytes:
    return framed("Q", text(sql))


def parse(sql: str, name: str = "", oids: tuple[int, ...] = ()) -> bytes:
    return framed("P", text(name) + text(sql) + struct.pack(f"!h{len(oids)}I", len(oids), *oids))


def bind(*values: bytes | None, portal: str = "", name: str = "") -> bytes:
    """Parameters and results as text."""
    body = text(portal) + text(name) + struct.pack("!hh", 0, len(values))
    for value in values:
        body += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
    return framed("B", body + struct.pack("!h", 0))


def execute(rows: int = 0, portal: str = "") -> bytes:
    return framed("E", text(portal) + struct.pack("!i", rows))


def describe(kind: str = "P", name: str = "") -> bytes:
    return framed("D", kind.encode() + text(name))


FLUSH, SYNC, TERMINATE = framed("H"), framed("S"), framed("X")


class Wire:
    """A session. Every wait has a limit."""

    def __init__(self, path: Path, start: bool = True, timeout: float = 20.0):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout)
        self._socket.connect(str(path))
        self._bytes = b""
        if start:
            self.start()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, **parameters: str) -> list[Message]:
        body = struct.pack("!i", 3 << 16)
        for name, value in {"user": "tester", **parameters}.items():
            body += text(name) + text(value)
        self.send(struct.pack("!i", len(body) + 5) + body + b"\0")
        return self.until("Z")

    def send(self, *messages: bytes) -> None:
        self._socket.sendall(b"".join(messages))

    def _more(self) -> bool:
        piece = self._socket.recv(65536)
        self._bytes += piece
        return bool(piece)

    def receive(self) -> Message | None:
        """The next message; None at the end."""
        while len(self._bytes) < 5 or len(self._bytes) < 1 + struct.unpack_from("!i", self._bytes, 1)[0]:
            if not self._more():
                return None
        end = 1 + struct.unpack_from("!i", self._bytes, 1)[0]
        message = Message(chr(self._bytes[0]), self._bytes[5:end])
        self._bytes = self._bytes[end:]
        return message

    def until(self, type: str) -> list[Message]:
        """All messages up to one of that type, or to the end of the session."""
        messages = []
        while True:
            message = self.receive()
            if message is None:
                return messages
            messages.append(message)
            if message.type == type:
                return messages

    def rest(self) -> list[Message]:
        """All up to the end of the session."""
        return self.until("")

    def ask(self, sql: str) -> list[Message]:
        """A simple query, and all of its answer."""
        self.send(query(sql))
        return self.until("Z")

    def close(self) -> None:
        self._socket.close()


def types(messages: list[Message]) -> str:
    return "".join(message.type for message in messages)


def one(messages: list[Message], type: str) -> Message:
    found = [message for message in messages if message.type == type]
    assert len(found) == 1, messages
    return found[0]
