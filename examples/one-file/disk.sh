#!/bin/sh
# disk.sh FILE TIMES: writes once a second how full the disk is, in percent.
set -eu
file=$1
for _ in $(seq "$2"); do
    used=$(df -P "$file" | awk 'NR == 2 { print $5 + 0 }')
    duckrow sql --write "$file" "INSERT INTO readings VALUES (now() AT TIME ZONE 'UTC', 'disk.sh', 'used', $used)" >/dev/null
    sleep 1
done
