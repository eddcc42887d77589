#!/bin/sh
# Formats everything in place.
set -eu
cd "$(dirname "$0")/.."
. tools/common.sh
tools/setup.sh python
tools/venv.sh tools
bin=build/venv/tools/bin
tools/sources.sh c h | xargs "$bin/clang-format" -i
tools/sources.sh py | xargs "$bin/ruff" check --quiet --fix-only
tools/sources.sh py | xargs "$bin/ruff" format --quiet
tools/setup.sh node
tools/fetch_node.sh
(cd node && node_modules/.bin/prettier --config .prettierrc.json --write --log-level warn . ../examples)
