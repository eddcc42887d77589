#!/bin/sh
# What must hold beside the tests: format, lint, types, compilers without a warning, nothing in git that does not belong there.
set -eu
cd "$(dirname "$0")/.."
. tools/common.sh
. tools/stage.sh
tools/setup.sh build python clang node
tools/venv.sh tools 2.0.0
tools/npm.sh
bin=build/venv/tools/bin

clang_format() {
    formatted=0
    for file in $(tools/sources.sh c h); do
        "$bin/clang-format" "$file" | cmp -s - "$file" || { echo "$file: not as \`make format\` leaves it" && formatted=1; }
    done
    return $formatted
}

ruff() {
    tools/sources.sh py | xargs "$bin/ruff" check && tools/sources.sh py | xargs "$bin/ruff" format --check
}

types() {
    "$bin/mypy" --config-file python/pyproject.toml --python-executable build/venv/2.0.0/bin/python python/duckrow
}

stage tree tools/check_tree.sh
stage clang-format clang_format
stage ruff ruff
stage mypy types
# The declarations of the package are what the tests are compiled against.
typescript() {
    (cd node && node_modules/.bin/prettier --config .prettierrc.json --check . ../examples && node_modules/.bin/tsc -p . --noEmit && node_modules/.bin/eslint .)
}

stage typescript typescript
stage gcc tools/build.sh gcc
stage clang tools/build.sh clang
summary check
