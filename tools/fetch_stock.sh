#!/bin/sh
# The stock programs that tests run beside duckrow, in build/stock: cli/duckdb, node/node_modules/@duckdb/node-api, jdbc/*.jar,
# and a client of the service that Debian has not: pg/node_modules/pg.
set -eu
cd "$(dirname "$0")/.."
. tools/common.sh
lock stock
mkdir -p build/stock

if [ ! -x build/stock/cli/duckdb ]; then
    say "fetching the duckdb CLI 1.5.6"
    build/venv/tools/bin/pip install --quiet --no-deps --target build/stock/cli.package duckdb-cli==1.5.6
    mkdir -p build/stock/cli
    mv build/stock/cli.package/duckdb_cli/duckdb build/stock/cli/
    chmod +x build/stock/cli/duckdb
    rm -r build/stock/cli.package
fi

if [ ! -f build/stock/node/.complete ]; then
    say "fetching Node's DuckDB 1.5.6"
    mkdir -p build/stock/node
    npm install --silent --no-audit --no-fund --prefix build/stock/node @duckdb/node-api@1.5.6-r.1
    touch build/stock/node/.complete
fi

if [ ! -f build/stock/pg/.complete ]; then
    say "fetching node-postgres 8.23.1"
    mkdir -p build/stock/pg
    npm install --silent --no-audit --no-fund --prefix build/stock/pg pg@8.23.1 pg-cursor@2.22.1 pg-copy-streams@7.0.0
    touch build/stock/pg/.complete
fi

for version in 1.5.6.0 2.0.0.0; do
    [ ! -f "build/stock/jdbc/duckdb_jdbc-$version.jar" ] || continue
    say "fetching Java's DuckDB $version"
    mvn --quiet --batch-mode -Dstyle.color=never dependency:copy -Dartifact="org.duckdb:duckdb_jdbc:$version" -DoutputDirectory="$PWD/build/stock/jdbc"
done
