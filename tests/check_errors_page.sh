#!/bin/sh
# check_errors_page.sh PROGRAM PAGE: the page is what explain_page writes, and each reason has a row.
set -eu
program=$1 page=$2
root=$(dirname "$0")/..
"$program" | diff -u "$page" - || {
    echo "write it anew: $program >docs/errors.md" >&2
    exit 1
}
bad=0
for name in $(sed -n 's/^    \(GW_R_[A-Z0-9_]*\) = [0-9].*/\1/p' "$root/gateway/explain.h"); do
    grep -q "{$name," "$root"/gateway/explain_*.c || {
        echo "$name has no row" >&2
        bad=1
    }
done
exit $bad
