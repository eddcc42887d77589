#!/bin/sh
# What the TypeScript package is built and tested with: its modules in node/node_modules, and each supported Node in
# build/node/<major>/bin/node, whatever Node the machine has.
set -eu
cd "$(dirname "$0")/.."
. tools/common.sh
lock node

made_of=$(sha256sum <node/package.json)
if [ "$made_of" != "$(cat node/node_modules/.made-of 2>/dev/null)" ]; then
    say "fetching the modules of node/package.json"
    npm install --silent --no-audit --no-fund --no-package-lock --prefix node
    echo "$made_of" >node/node_modules/.made-of
fi

case $(uname -m) in
x86_64) platform=linux-x64 ;;
aarch64) platform=linux-arm64 ;;
*) fail "there is no Node for $(uname -m)" ;;
esac
for version in $NODES; do
    folder=build/node/${version%%.*}
    [ "$version" != "$(cat "$folder/.version" 2>/dev/null)" ] || continue
    say "fetching Node $version"
    scratch=$(mktemp -d)
    npm pack --silent --pack-destination "$scratch" "node-$platform@$version" >/dev/null
    tar -xzf "$scratch"/*.tgz -C "$scratch" package/bin/node
    mkdir -p "$folder/bin"
    mv "$scratch/package/bin/node" "$folder/bin/node"
    chmod +x "$folder/bin/node"
    rm -r "$scratch"
    echo "$version" >"$folder/.version"
done
