#!/bin/sh
# The real duckdb.h of each supported version, from its source package: build/headers/<version>/duckdb.h.
set -eu
cd "$(dirname "$0")/.."
. tools/common.sh
lock headers
for version in $ENGINES; do
    folder=build/headers/$version
    [ ! -f "$folder/duckdb.h" ] || continue
    say "fetching the header of DuckDB $version"
    scratch=$(mktemp -d)
    build/venv/tools/bin/pip download --quiet --no-deps --no-binary duckdb --dest "$scratch" "duckdb==$version"
    header=duckdb-$version/external/duckdb/src/include/duckdb.h
    tar -xzf "$scratch"/duckdb-*.tar.gz -C "$scratch" "$header"
    mkdir -p "$folder"
    mv "$scratch/$header" "$folder/"
    rm -r "$scratch"
done
