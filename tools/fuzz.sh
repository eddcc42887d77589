#!/bin/sh
# fuzz.sh TARGET SECONDS [OPTION…]: builds a fuzz target (wire, copyrows, copy_statement) and runs it that long, with options of
# libFuzzer. It starts from tests/fuzz/corpus/TARGET; what it finds on the way is kept in build/fuzz-corpus/TARGET, and an input
# that fails in build/fuzz-failed. When one was mended, it belongs into the committed corpus.
set -eu
cd "$(dirname "$0")/.."
. tools/common.sh
[ $# -ge 2 ] || fail "usage: tools/fuzz.sh TARGET SECONDS"
target=$1 seconds=$2
shift 2
[ -f "tests/fuzz/${target}_fuzz.c" ] || fail "fuzz.sh: unknown target: $target"
tools/setup.sh build fuzz
tools/build.sh fuzz
found=build/fuzz-corpus/$target
mkdir -p "$found" build/fuzz-failed
exec "build/fuzz/tests/fuzz/fuzz-$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
    -artifact_prefix="build/fuzz-failed/$target-" "$@" "$found" "tests/fuzz/corpus/$target"
