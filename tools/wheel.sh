#!/bin/sh
# wheel.sh NAME…: builds the Python package once (one wheel for all Pythons), and installs it into build/venv/NAME…. Does nothing
# where the sources have not changed.
set -eu
cd "$(dirname "$0")/.."
. tools/common.sh
lock wheel

sources=$(find include src cmake python LICENSE -type f ! -name '*.so' ! -name '*.pyc' -print0 | sort -z | xargs -0 sha256sum | sha256sum)
if [ "$sources" != "$(cat build/wheel/.made-of 2>/dev/null)" ]; then
    say "building the wheel"
    mkdir -p build/wheel build/logs
    rm -f build/wheel/.made-of build/wheel/*.whl
    build/venv/tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir build/wheel \
        --config-settings=build-dir="$PWD/build/wheel/cmake" --config-settings=cmake.define.DUCKROW_WERROR=ON \
        ./python >build/logs/wheel.log 2>&1 || {
        cat build/logs/wheel.log
        fail "the wheel does not build"
    }
    echo "$sources" >build/wheel/.made-of
fi

for name in "$@"; do
    folder=build/venv/$name
    [ "$sources" != "$(cat "$folder/.duckrow" 2>/dev/null)" ] || continue
    say "installing the wheel into $folder"
    "$folder/bin/pip" install --quiet --force-reinstall --no-deps build/wheel/*.whl
    echo "$sources" >"$folder/.duckrow"
done
