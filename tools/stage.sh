# Stages of a check, sourced by test.sh and check.sh: each is shown while it runs and logged; the first that fails ends everything.

closing_lines=""

# stage NAME COMMAND…
stage() {
    name=$1
    shift
    log=build/logs/$name.log
    mkdir -p build/logs
    say "$name"
    { "$@" 2>&1 && echo 0 >"$log.status" || echo $? >"$log.status"; } | tee "$log"
    [ "$(cat "$log.status")" = 0 ] || fail "$name FAILED (log: $log)"
    closing_lines="$closing_lines$(printf '%-16s %s' "$name" "$(closing_line "$log")")
"
}

# The test runner's own last word.
closing_line() {
    grep -E '^[0-9]+% tests passed|^=+ .*(passed|failed).* =+$' "$1" | tail -n 1 || true
}

# summary WORD: everything passed.
summary() {
    printf '\n%s' "$closing_lines"
    say "$1: all stages passed"
}
