#!/bin/sh
# e2e_ports.sh BUILD - two tests that look for ports at the same time get different ones
set -eu
here=$(cd "$(dirname "$0")" && pwd)
ports='e2e=$1; . "$e2e/lib.sh"; free_ports'

# chosen SEED [PID]: by a shell that has ended since, or for the process PID
chosen() {
    PORTS_SEED=$1 PORTS_OWNER=${2:-} sh -c "$ports" sh "$here"
}

seed=$$
first=$(chosen "$seed")
again=$(chosen "$seed")
[ "$first" = "$again" ] || {
    echo "who has ended still has ports: $first, then $again"
    exit 1
}
held=$(chosen "$seed" $$)
other=$(chosen "$seed")
[ "$held" != "$other" ] || {
    echo "$held is handed out twice"
    exit 1
}
for p in $held $other; do
    [ "$p" -ge 10000 ] && [ "$p" -lt 30000 ] || {
        echo "not a port: $p"
        exit 1
    }
done
# all at once, with one seed
all=$(
    for i in 1 2 3 4 5 6 7 8; do
        chosen "$seed" $$ &
    done
    wait
)
[ "$(printf '%s\n' $all $held | sort -u | wc -l)" -eq 9 ] || {
    echo "of $held and" $all "some are the same"
    exit 1
}
