#!/bin/sh
# build.sh PRESET…: configures and builds; says nothing when all goes well. TARGETS: those alone.
set -eu
cd "$(dirname "$0")/.."
. tools/common.sh
mkdir -p build/logs
for preset in "$@"; do
    lock "$preset"
    log=build/logs/$preset.build.log
    { cmake --preset "$preset" && cmake --build --preset "$preset" ${TARGETS:+--target $TARGETS}; } >"$log" 2>&1 || {
        cat "$log"
        fail "the $preset build failed"
    }
done
