#!/bin/sh
# wheel.sh NAME…: builds the Python package once (one wheel for all Pythons), and installs it into build/venv/NAME…. Does nothing
# where the sources have not changed.
#
# auditwheel puts the libraries that the program needs into the wheel (duckrow.libs), so that it runs where they are not installed,
# and names the oldest glibc that wheel and libraries run with in the wheel's tag. Their licences go with them.
set -eu
cd "$(dirname "$0")/.."
. tools/common.sh
lock wheel

sources=$(find include src cmake python LICENSE NOTICE tools/wheel.sh tools/wheel_licences.py tools/requirements.txt -type f ! -name '*.so' ! -name '*.pyc' -print0 | sort -z | xargs -0 sha256sum | sha256sum)
if [ "$sources" != "$(cat build/wheel/.made-of 2>/dev/null)" ]; then
    say "building the wheel"
    mkdir -p build/wheel build/logs
    rm -rf build/wheel/.made-of build/wheel/*.whl build/wheel/bare build/wheel/repaired
    bin=$PWD/build/venv/tools/bin
    {
        "$bin/pip" wheel --no-deps --no-build-isolation --wheel-dir build/wheel/bare \
            --config-settings=build-dir="$PWD/build/wheel/cmake" --config-settings=cmake.define.DUCKROW_WERROR=ON ./python &&
            PATH="$bin:$PATH" "$bin/auditwheel" repair --wheel-dir build/wheel/repaired build/wheel/bare/*.whl &&
            "$bin/python" tools/wheel_licences.py build/wheel/repaired/*.whl build/wheel
    } >build/logs/wheel.log 2>&1 || {
        cat build/logs/wheel.log
        fail "the wheel does not build"
    }
    echo "$sources" >build/wheel/.made-of
fi

for name in "$@"; do
    folder=build/venv/$name
    [ "$sources" != "$(cat "$folder/.duckrow" 2>/dev/null)" ] || continue
    say "installing the wheel into $folder"
    rm -f "$folder/.duckrow" # it may be a link that a copied environment shares
    "$folder/bin/pip" install --quiet --force-reinstall --no-deps build/wheel/*.whl
    echo "$sources" >"$folder/.duckrow"
done
