#!/bin/sh
# sources.sh ENDING…: prints our files that end so, those not yet committed too.
set -eu
cd "$(dirname "$0")/.."
for ending in "$@"; do
    git ls-files --cached --others --exclude-standard -- "*.$ending"
done | while read -r file; do
    [ ! -f "$file" ] || echo "$file"
done
