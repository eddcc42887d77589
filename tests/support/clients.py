"""Clients as processes of their own, so that what they do doesn't slow down whoever measures.

clients.py probe DSN SQL EVERY: executes SQL, with a number, every EVERY seconds until it is told to end; then the latencies.
clients.py flood SOCKET SQL COUNT HOW: that many, pipelined, with a Sync "once", so as one transaction, or after "each".
clients.py read SOCKET SQL: takes no more of the answer than its beginning until it is told to go on; then the number of rows."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).parent.parent))

from support.pgwire import SYNC, Wire, bind, execute, parse, query


def told(event: threading.Event) -> None:
    sys.stdin.readline()
    event.set()


def probe(dsn: str, sql: str, every: str) -> None:
    ending, latencies = threading.Event(), []
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql, (-1,), prepare=True)
        print("ready", flush=True)
        threading.Thread(target=told, args=(ending,), daemon=True).start()
        due = time.monotonic()
        while not ending.is_set():
            began = time.monotonic()
            connection.execute(sql, (len(latencies),), prepare=True)
            latencies.append(time.monotonic() - began)
            due = max(due + float(every), time.monotonic())
            ending.wait(due - time.monotonic())
    print(json.dumps(latencies))


def flood(socket: str, sql: str, count: str, how: str) -> None:
    """By hand: a driver would be what is slow."""
    with Wire(Path(socket), timeout=600) as wire:
        wire.send(parse(sql, "s"), SYNC)
        wire.until("Z")
        print("ready", flush=True)
        each = how == "each"
        ready, wrong = threading.Semaphore(0), []

        def take() -> None:
            for _ in range(int(count) if each else 1):
                wrong.extend(message.fields["M"] for message in wire.until("Z") if message.type == "E")
            ready.release()

        threading.Thread(target=take).start()
        piece = []
        for n in range(int(count)):
            piece += [bind(str(n).encode(), name="s"), execute()] + [SYNC] * each
            if len(piece) >= 3000:
                wire.send(*piece)
                piece = []
        wire.send(*piece, *[SYNC] * (not each))
        ready.acquire()
    print(json.dumps(wrong))


def read(socket: str, sql: str) -> None:
    with Wire(Path(socket), timeout=600) as wire:
        *before, last = sql.split(";")
        for statement in before:
            wire.ask(statement)
        wire.send(query(last))
        wire.until("T")
        print("reading", flush=True)
        sys.stdin.readline()
        rest = wire.until("Z")
        errors = [[message.sqlstate, message.fields["M"]] for message in rest if message.type == "E"]
        print(json.dumps([sum(message.type == "D" for message in rest), errors]))


{"probe": probe, "flood": flood, "read": read}[sys.argv[1]](*sys.argv[2:])
