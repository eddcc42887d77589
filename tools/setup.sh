#!/bin/sh
# setup.sh NEED…: installs the Debian packages that are missing for build, python, postgres, bench, clang, fuzz, node, java. Quick when nothing is.
set -eu
cd "$(dirname "$0")/.."
. tools/common.sh

missing=""
# want PACKAGE… -- COMMAND…: the packages are missing when the command fails.
want() {
    packages=""
    while [ "$1" != "--" ]; do
        packages="$packages $1"
        shift
    done
    shift
    "$@" >/dev/null 2>&1 || missing="$missing$packages"
}

have() {
    command -v "$1"
}

have_cmocka() {
    printf '#include <stdarg.h>\n#include <stddef.h>\n#include <setjmp.h>\n#include <stdint.h>\n#include <cmocka.h>\n' | gcc -E -
}

have_fuzzer() {
    program=$(mktemp)
    echo 'int LLVMFuzzerTestOneInput(const char *b, long n) { return b && n ? 0 : 0; }' |
        clang -fsanitize=fuzzer,address,undefined -x c - -o "$program"
    works=$?
    rm -f "$program"
    return $works
}

have_python() {
    python=$(find_python) && "$python" -c '
import ensurepip, os, sysconfig, venv
assert os.path.exists(sysconfig.get_path("include") + "/Python.h")'
}

for need in "$@"; do
    case $need in
    build)
        want gcc libc6-dev -- have gcc
        want cmake -- have cmake
        want ninja-build -- have ninja
        want libcmocka-dev -- have_cmocka
        want git -- have git
        want pkg-config -- have pkg-config
        want libuv1-dev -- pkg-config --exists libuv
        want libinih-dev -- pkg-config --exists inih
        ;;
    python) want python3 python3-venv python3-dev -- have_python ;;
    postgres) want postgresql-client -- have psql ;;
    bench) want postgresql-15 -- test -x /usr/lib/postgresql/15/bin/pgbench -a -x /usr/lib/postgresql/15/bin/postgres ;;
    clang) want clang -- have clang ;;
    fuzz)
        want clang -- have clang
        want libclang-rt-dev -- have_fuzzer
        ;;
    node)
        want nodejs -- have node
        want npm -- have npm
        ;;
    java)
        want default-jdk-headless -- have javac
        want maven -- have mvn
        ;;
    *) fail "setup.sh: unknown need: $need" ;;
    esac
done
[ -n "$missing" ] || exit 0

lock setup
command -v apt-get >/dev/null || fail "please install:$missing"
[ "$(id -u)" = 0 ] || fail "please run as root: apt-get install$missing"
say "installing$missing"
mkdir -p build/logs
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
{ apt-get update && apt-get install -y --no-install-recommends ca-certificates $missing; } >build/logs/setup.log 2>&1 || {
    cat build/logs/setup.log
    fail "cannot install$missing"
}
