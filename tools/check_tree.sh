#!/bin/sh
# Nothing generated, fetched or third-party, and no path of somebody's machine, is in git.
set -eu
cd "$(dirname "$0")/.."
. tools/common.sh

files=$(git ls-files)
strays=$(echo "$files" | grep -E '(^|/)(build|node_modules|__pycache__|dist)/|\.(o|a|so|whl|jar|pyc|duckdb|wal|parquet|gz|zip)$|(^|/)duckdb\.h$' || true)
[ -z "$strays" ] || fail "generated or third-party files in git:" $strays

large=$(git ls-files -z | xargs -0 -I{} find {} -maxdepth 0 -type f -size +256k 2>/dev/null || true)
[ -z "$large" ] || fail "files in git over 256 KiB:" $large

paths=$(git grep -nIE '(^|[^[:alnum:]_.-])/(root|work|home/[a-z]+)/' -- . ':!tools/check_tree.sh' || true)
[ -z "$paths" ] || fail "paths of one machine:
$paths"
