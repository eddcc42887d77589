#!/bin/sh
# Stand-alone DuckDB libraries for the program's tests: build/engine/<version>/libduckdb.so. The one of 1.5 comes with Node's DuckDB;
# for 2.0 there is only Java's, which exports the same C API.
set -eu
cd "$(dirname "$0")/.."
. tools/common.sh
lock engines

case $(uname -m) in
x86_64) npm=linux-x64 java=linux_amd64 ;;
aarch64) npm=linux-arm64 java=linux_arm64 ;;
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

if [ ! -f build/engine/2.0.0/libduckdb.so ]; then
    say "taking libduckdb.so 2.0.0 out of Java's DuckDB"
    scratch=$(mktemp -d)
    (cd "$scratch" && jar xf "$OLDPWD/build/stock/jdbc/duckdb_jdbc-2.0.0.0.jar" "libduckdb_java.so_$java")
    fetched 2.0.0 "$scratch/libduckdb_java.so_$java"
    rm -r "$scratch"
fi
