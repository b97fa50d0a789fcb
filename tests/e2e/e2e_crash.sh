#!/bin/sh
# e2e_crash.sh BIN [ROUNDS [MESSAGES]] - kill -9 at random moments; all arrive, each exactly once
#
# Each round drops its messages one after the other while a random daemon is killed and started
# again every now and then. Then all must lie at B, byte for byte, and stay single when everything
# is restarted once more.
set -eu
bin=$(cd "$1" && pwd)
rounds=${2:-1}
messages=${3:-200}
dir=$(mktemp -d "${TMPDIR:-/tmp}/depesche-crash.XXXXXX")
. "$(dirname "$0")/lib.sh"
stop_at_end

# Pseudo-random numbers from a seed that is told, so that a run can be looked at again.
seed=${SEED:-$(($(date +%s) % 100000))}
random() {
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    drawn=$((seed / 65536 % $1))
}

crash() {
    random 3
    case $drawn in
    0) victim=town-a ;;
    1) victim=town-b ;;
    *) victim=intermediary ;;
    esac
    running $victim || die "$victim has ended by itself"
    stop $victim KILL
    kills=$((kills + 1))
    random 8
    sleep "0.$drawn"
    start $victim
}

received() {
    in_files 'crash-*.txt' | wc -l
}

all_received() {
    [ "$(received)" -ge $((round * messages)) ]
}

# every message of every round so far: there, once, and unchanged
check_all() {
    in_files 'crash-*.txt' | sed 's|.*/||' | sort >"$dir/got"
    find "$dir/sent" -name 'crash-*.txt' | sed 's|.*/||' | sort >"$dir/want"
    lost=$(comm -23 "$dir/want" "$dir/got" | wc -l)
    doubled=$(uniq -d "$dir/got" | wc -l)
    if ! cmp -s "$dir/want" "$dir/got"; then
        diff "$dir/want" "$dir/got" | head -n 20 >&2
        die "lost: $lost, doubled: $doubled"
    fi
    while read -r name; do
        cmp -s "$dir/sent/$name" "$b_in"/*/"$name" || die "$name has changed on its way"
    done <"$dir/want"
}

echo "seed $seed"
prepare
mkdir "$dir/sent"
up intermediary town-b town-a
round=1
while [ "$round" -le "$rounds" ]; do
    kills=0
    i=1
    while [ "$i" -le "$messages" ]; do
        name=$(printf 'crash-%02d-%04d.txt' "$round" "$i")
        printf 'round %s message %s\r\n' "$round" "$i" >"$dir/sent/$name"
        drop "$dir/sent/$name"
        random 12
        [ "$drawn" -ne 0 ] || crash
        i=$((i + 1))
    done
    # and while the rest is on its way
    for _ in 1 2 3 4 5 6; do
        random 10
        sleep "0.$drawn"
        crash
    done
    wait_for all_received || {
        check_all
        die "only $(received) of $((round * messages)) have arrived"
    }
    stop_all KILL
    up intermediary town-b town-a
    sleep 5 # whatever would come a second time comes now
    check_all
    echo "round $round: $messages messages, $kills kills, 0 lost, 0 doubled"
    round=$((round + 1))
done
