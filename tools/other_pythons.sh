#!/bin/sh
# other_pythons.sh [NAME]: prints the other supported Pythons of this machine by name (python3.x), or where NAME is.
set -eu
cd "$(dirname "$0")/.."
. tools/common.sh

main=$("$(find_python)" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
for name in python3.10 python3.11 python3.12 python3.13 python3.14; do
    [ "$name" != "$main" ] || continue
    for python in "$name" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"${name#python}".*/bin/"$name"; do
        "$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info.releaselevel != "final")' >/dev/null 2>&1 || continue
        if [ $# = 0 ]; then
            echo "$name"
        elif [ "$1" = "$name" ]; then
            "$python" -c 'import sys; print(sys.executable)'
        fi
        break
    done
done
