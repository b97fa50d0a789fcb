#!/bin/sh
# check_unit.sh UNIT: what systemd finds open in the service, in tenths; and that it reads the unit
set -eu

command -v systemd-analyze >/dev/null || {
    echo "check_unit.sh: there is no systemd-analyze" >&2
    exit 1
}
systemd-analyze security --offline=true --no-pager --threshold=20 "$1"
! systemd-analyze verify --man=no "$1" 2>&1 | grep -v 'is not executable' | grep "$(basename "$1")"
