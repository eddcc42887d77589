"""The service's figures against peers measured in the same run: `make bench`.

usage: service.py [NAME…] [--seconds N] [--engine VERSION] [--json FILE]

Peer and ours take turns, and medians are told: the machine is small and noisy. What is required is what the project promises; an
aim is hoped for. Without names everything is measured:

{items}

--seconds N: length of each single measurement; longer is steadier. A whole run takes about 170 times as long for each engine.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from served import bulk, clashes, inserts, neighbours, opening, publishing, scans, staging, standing, typescript
from served.engines import ROOT, VERSIONS, Engine, Missing
from served.figures import Figures, progress

ITEMS: dict[str, Callable[[Figures, Engine, float], None]] = {
    "inserts": inserts.measure,
    "bulk": bulk.measure,
    "publishing": publishing.measure,
    "opening": opening.measure,
    "scans": scans.measure,
    "clashes": clashes.measure,
    "neighbours": neighbours.measure,
    "standing": standing.measure,
    "staging": staging.measure,
    "typescript": typescript.measure,
}


def described() -> str:
    return "\n".join(f"  {name:<12} {(sys.modules[item.__module__].__doc__ or '').splitlines()[0]}" for name, item in ITEMS.items())


def main() -> int:
    # Ended from outside it ends what it started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    description = (__doc__ or "").replace("{items}", described())
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, usage="service.py …"
    )
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *ITEMS])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--engine", action="append", choices=VERSIONS, help="default: each")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench-service.json")
    options = parser.parse_args()
    results = []
    for version in options.engine or VERSIONS:
        figures = Figures(version)
        progress(figures.head(f"DuckDB {version}"))
        for name in options.names or ITEMS:
            progress(f" {name}")
            try:
                ITEMS[name](figures, Engine(version), options.seconds)
            except Missing as missing:
                figures.leave_out(f"{name}: {missing}")
        results.append(figures)
    print("\n" + "\n\n".join(figures.table() for figures in results))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps([figures.told() for figures in results], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
