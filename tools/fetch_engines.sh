#!/bin/sh
# Stand-alone DuckDB libraries for the program's tests: build/engine/<version>/libduckdb.so, out of Node's DuckDB.
set -eu
cd "$(dirname "$0")/.."
. tools/common.sh
lock engines

case $(uname -m) in
x86_64) npm=linux-x64 ;;
aarch64) npm=linux-arm64 ;;
*) fail "there is no DuckDB library for $(uname -m)" ;;
esac

# fetched VERSION FILE
fetched() {
    mkdir -p "build/engine/$1"
    mv "$2" "build/engine/$1/libduckdb.so"
}

if [ ! -f build/engine/1.5.6/libduckdb.so ]; then
    say "fetching libduckdb.so 1.5.6"
    scratch=$(mktemp -d)
    npm pack --silent --pack-destination "$scratch" "@duckdb/node-bindings-$npm@1.5.6-r.1" >/dev/null
    tar -xzf "$scratch"/*.tgz -C "$scratch" package/libduckdb.so
    fetched 1.5.6 "$scratch/package/libduckdb.so"
    rm -r "$scratch"
fi
# No registry has a whole 2.0.0: the library inside Java's DuckDB lacks part of the C API. The wheel's own serves through Python.
rm -rf build/engine/2.0.0
