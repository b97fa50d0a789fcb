#!/bin/sh
# check_globals.sh LIBRARY... - no writable globals: prints each variable that could change, ends 1
set -eu
[ $# -gt 0 ] || {
    echo "usage: check_globals.sh LIBRARY..." >&2
    exit 64
}
found=$(objdump -t "$@" | awk '
    / O (\.data|\.bss|\.tdata|\.tbss|COMMON)/ && !/ \.data\.rel\.ro/ { print $NF }')
[ -z "$found" ] || {
    printf 'writable: %s\n' $found
    exit 1
}
