#!/bin/sh
# venv.sh NAME…: makes Python environments in build/venv, each again only when what it is made of has changed.
#   tools       what builds and checks (tools/requirements.txt)
#   <engine>    that version of duckdb, and what the tests need (tests/requirements*.txt)
#   quack       a peer of the benchmarks (bench/requirements-quack.txt)
#   python3.x   another Python of this machine with the oldest supported duckdb, for a smoke test
set -eu
cd "$(dirname "$0")/.."
. tools/common.sh
lock venv

# make NAME PYTHON REQUIREMENT…
make() {
    folder=build/venv/$1
    python=$2
    shift 2
    made_of=$({
        echo "$@"
        "$python" -VV
        for word in "$@"; do [ ! -f "$word" ] || cat "$word"; done
    } | sha256sum)
    [ "$made_of" != "$(cat "$folder/.made-of" 2>/dev/null)" ] || return 0
    say "making $folder"
    rm -rf "$folder"
    "$python" -m venv "$folder"
    "$folder/bin/pip" install --quiet --use-pep517 --no-compile "$@" # what is imported is compiled then
    echo "$made_of" >"$folder/.made-of"
}

for name in "$@"; do
    case $name in
    tools) make tools "$(find_python)" -r tools/requirements.txt ;;
    quack) make quack "$(find_python)" -r bench/requirements-quack.txt ;;
    python3.*) make "$name" "$(tools/other_pythons.sh "$name")" "duckdb==${ENGINES%% *}" ;;
    *) make "$name" "$(find_python)" "duckdb==$name" -r tests/requirements.txt -r tests/requirements-programs.txt ;;
    esac
done
