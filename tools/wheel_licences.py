"""wheel_licences.py WHEEL FOLDER: puts the wheel into FOLDER with the licence of each library that auditwheel has put into it.

auditwheel lists the Debian packages that the libraries come from; a package's licence is in /usr/share/doc. That one is missing, or
a library that no package accounts for, is an error: a wheel without it must not be given to anybody."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from urllib.parse import unquote

from auditwheel.wheeltools import InWheelCtx


def packages(listed: Path) -> set[str]:
    """Names of Debian packages in a list of components."""
    links = [component["purl"] for component in json.loads(listed.read_text())["components"]]
    return {unquote(link.split("/")[-1].split("@")[0]) for link in links if link.startswith("pkg:deb/")}


def main() -> None:
    wheel, folder = Path(sys.argv[1]), Path(sys.argv[2])
    with InWheelCtx(wheel, folder / wheel.name) as inside:
        root = Path(inside.path)
        (info,) = root.glob("*.dist-info")
        libraries = list(root.glob("*.libs/*"))
        found = {name for listed in info.glob("sboms/auditwheel.cdx.json") for name in packages(listed)}
        if len(found) != len(libraries):
            sys.exit(f"wheel_licences.py: {len(libraries)} libraries of {len(found)} Debian packages: {sorted(found)}")
        lines = []
        for name in sorted(found):
            file = info / "licenses" / name / "copyright"
            file.parent.mkdir(parents=True)
            file.write_bytes(Path(f"/usr/share/doc/{name}/copyright").read_bytes())
            lines.append(f"License-File: {file.relative_to(info / 'licenses')}\n")
        metadata = info / "METADATA"
        head, own, rest = metadata.read_text().partition("License-File: NOTICE\n")
        if not own:
            sys.exit("wheel_licences.py: the wheel's own NOTICE is missing")
        metadata.write_text(head + own + "".join(lines) + rest)


if __name__ == "__main__":
    main()
