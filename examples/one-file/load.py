"""load.py FILE TIMES: writes once a second how busy the processors are."""

from __future__ import annotations

import datetime
import os
import sys
import time

import duckrow


def main(file: str, times: int) -> None:
    for _ in range(times):
        taken = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        load = os.getloadavg()[0]  # what takes time comes before opening: nobody waits for it
        with duckrow.get_write_connection(file) as con:
            con.execute("INSERT INTO readings VALUES (?, 'load.py', 'load', ?)", [taken, load])
        time.sleep(1)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
