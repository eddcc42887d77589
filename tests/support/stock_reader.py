"""Run by a Python of either engine: a stock DuckDB that opens the path for everybody, over and over, and checks what it sees.

stock_reader.py PATH ACKNOWLEDGED STOP: until the file STOP is there; then says how often it has looked, and what was wrong."""

from __future__ import annotations

import collections
import json
import os
import random
import sys
import time

import duckdb
from states import Acknowledged, look, wrong_with

# Seconds between two looks, at most: the short runs share their machine.
PAUSE = 0.0 if os.environ.get("DUCKROW_SOAK", "") not in ("", "0") else 0.03


def check(path: str, acknowledged: Acknowledged) -> str:
    must_see = acknowledged.all()
    step = "opening"
    try:
        with duckdb.connect(path, read_only=True) as con:
            step = "reading"
            seen = look(lambda sql: con.execute(sql).fetchall())
            said = wrong_with(seen, must_see)
            if not said and random.random() < 0.2:
                step = "reading again"
                time.sleep(random.random() * 0.2)
                if look(lambda sql: con.execute(sql).fetchall()) != seen:
                    said = "inconsistent: a snapshot has changed"
            return said
    except Exception as error:
        return f"error while {step}: {str(error)[:500]}"


def main(path: str, acknowledged_path: str, stop: str) -> None:
    acknowledged = Acknowledged(acknowledged_path)
    checks, wrong = 0, collections.Counter()
    print("ready", flush=True)
    while not os.path.exists(stop):
        said = check(path, acknowledged)
        wrong.update([said] if said else [])
        checks += 1
        time.sleep(random.random() * PAUSE)
    print(json.dumps([checks, wrong]))


main(*sys.argv[1:])
