#!/bin/sh
# All tests, with all they need. DUCKROW_SOAK=1: at full length.
set -eu
cd "$(dirname "$0")/.."
. tools/common.sh
. tools/stage.sh
export DUCKROW_SOAK="${DUCKROW_SOAK:-}"
unset PYTHONDONTWRITEBYTECODE # each of the tests' processes would compile them all

limits=""
[ -z "$DUCKROW_SOAK" ] || limits="--timeout 7200"

tools/setup.sh build python node java postgres
others=$(tools/other_pythons.sh)
tools/venv.sh tools
tools/fetch_headers.sh
tools/fetch_engines.sh
tools/fetch_node.sh

# What the C tests don't need is fetched beside them.
environments() {
    # shellcheck disable=SC2086
    tools/venv.sh $ENGINES $others && tools/fetch_stock.sh
}
environments &
fetching=$!
trap 'kill "$fetching" 2>/dev/null || true' EXIT

# c_tests PRESET…: the tests of all at the same time, as many of them wait.
c_tests() {
    tools/build.sh "$@" || return 1
    running=""
    for preset in "$@"; do
        # shellcheck disable=SC2086
        ctest --preset "$preset" $limits >"build/logs/$preset.ctest.log" 2>&1 &
        running="$running $preset:$!"
    done
    failed=0
    for one in $running; do
        wait "${one#*:}" || failed=1
        cat "build/logs/${one%:*}.ctest.log"
    done
    return $failed
}

# pytest_in ENGINE OPTION…
pytest_in() {
    engine=$1
    shift
    # shellcheck disable=SC2086
    "build/venv/$engine/bin/python" -m pytest $limits "$@" tests
}

# Most tests wait for processes; those that measure time run by themselves.
together="-n 4 --dist worksteal -m not(alone)"

smoke() {
    for name in $others; do
        "build/venv/$name/bin/python" tests/support/smoke.py || return 1
    done
}

# node_tests: the TypeScript package's own, with each supported Node; with the last one on a sanitized addon.
node_tests() {
    rm -rf build/node/asan
    cp -a build/node/installed build/node/asan
    cp build/asan/node/duckrow.node build/node/asan/node_modules/duckrow/native/duckrow.node
    libraries=$(gcc -print-file-name=libasan.so):$(gcc -print-file-name=libubsan.so)
    for version in $NODES; do
        set -- env
        folder=build/node/installed
        if [ "$version" = "${NODES##* }" ]; then
            set -- env LD_PRELOAD="$libraries" ASAN_OPTIONS=detect_leaks=0:use_sigaltstack=0
            folder=build/node/asan
        fi
        "$@" "build/node/${version%%.*}/bin/node" --test --test-concurrency=3 "$folder"/test/*.test.mjs || return 1
    done
}

stage c c_tests dev asan tsan
wait "$fetching" || fail "the environments of the tests cannot be made"
# shellcheck disable=SC2086
stage wheel tools/wheel.sh $ENGINES $others
stage npm tools/npm.sh
stage node node_tests
# shellcheck disable=SC2086
stage pytest-2.0.0 pytest_in 2.0.0 $together
# shellcheck disable=SC2086
stage pytest-1.5.6 pytest_in 1.5.6 $together --other-engine
stage pytest-2.0.0-alone pytest_in 2.0.0 -m alone
stage pytest-1.5.6-alone pytest_in 1.5.6 -m alone --other-engine
stage smoke smoke
summary test
