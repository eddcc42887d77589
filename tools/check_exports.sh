#!/bin/sh
# The shared library exports what the public header declares, no more and no less, and needs libc alone.
set -eu
library=$1
root=$(cd "$(dirname "$0")/.." && pwd)
declared=$(tr '\n' ' ' <"$root/include/duckrow.h" | grep -o 'DUCKROW_API [^;(]*(' | grep -o 'duckrow_[a-z_]*($' | tr -d '(' | sort)
exported=$(nm --dynamic --defined-only --format=posix "$library" | cut -d' ' -f1 | grep -v '^__' | sort)
needed=$(readelf --dynamic "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -v -e '^libc\.so' -e '^ld-linux' -e '^lib[a-z]*san\.so' || true)
if [ "$declared" != "$exported" ]; then
    echo "duckrow.h declares:" $declared
    echo "the library exports:" $exported
    exit 1
fi
if [ -n "$needed" ]; then
    echo "the library needs more than libc:" $needed
    exit 1
fi
echo "exports: $(echo "$exported" | wc -l) functions, as declared"
