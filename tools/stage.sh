# shellcheck shell=sh
# Stages of a check, sourced by test.sh and check.sh: each is shown while it runs and logged; the first that fails ends everything.

closing_lines=""

# stage NAME COMMAND…. A function as COMMAND must return its own failures: `set -e` does not hold in there.
stage() {
    name=$1
    shift
    log=build/logs/$name.log
    mkdir -p build/logs
    say "$name"
    passed=$(mktemp)
    { ! "$@" 2>&1 || echo yes >"$passed"; } | tee "$log"
    [ -s "$passed" ] || fail "$name FAILED (log: $log)"
    rm "$passed"
    # The test runners' own last words.
    lines=$(grep -E '^[0-9]+% tests passed|^=+ .*(passed|failed).* =+$|[0-9]+ passed, [0-9]+ failed$|^[^ ]+ (tests|pass|fail) [0-9]+$' "$log" | sed "s/^/$name: /")
    [ -z "$lines" ] || closing_lines="$closing_lines$lines
"
}

# summary WORD: everything passed.
summary() {
    printf '\n%s' "$closing_lines"
    say "$1: all stages passed"
}
