# shellcheck shell=sh
# What the scripts share. Sourced from the top of the checkout.

ENGINES="1.5.6 2.0.0" # the supported DuckDB lines, by the version that is tested
NODES="20.20.2 22.23.5" # the supported Node lines, likewise

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

say() {
    echo "duckrow: $*" >&2
}

fail() {
    say "$*"
    exit 1
}

# lock NAME: one at a time, until the script ends; others wait.
lock() {
    mkdir -p build
    exec 9>"build/.$1.lock"
    flock 9
}

# A Python that both engines have wheels for.
find_python() {
    for python in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            "$python" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    return 1
}
