#!/bin/sh
# bench.sh BIN [--json] - cost per message, throughput and peak memory
#
# Figures:
#   osci.floor.*    the bare OpenSSL operations a message demands (tests/bench/floor.h)
#   osci.build.*    building, osci.parse.* reading a storeDelivery; floor_ratio is time / floor
#   drop_to_drop.*  through three processes, from A's drop folder to B's
#   peak_rss_mb.*   most memory of each process while a 1 GB file goes the same way
set -eu
bin=$(cd "$1" && pwd)
form=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/depesche-bench.XXXXXX")
. "$here/../e2e/lib.sh"
stop_at_end large_gone
patience=1800
messages=${MESSAGES:-200}
large_bytes=${LARGE_BYTES:-1073741824}

# Lines of JSON as they come, or aligned columns for people.
present() {
    if [ "$form" = --json ]; then
        cat
    else
        sed 's/[{}"]//g; s/name: //; s/, [a-z_]*: /\t/g' |
            awk -F '\t' '{ printf "%-36s %12s %-12s %s\n", $1, $2, $3,
                           $4 == "null" ? "" : $4 " x floor" }'
    fi
}

figure() {
    printf '{"name": "%s", "value": %s, "unit": "%s", "floor_ratio": %s}\n' "$1" "$2" "$3" \
        "${4:-null}"
}

in_count() {
    in_files 'bench-*' | wc -l
}

all_in() {
    [ "$(in_count)" -ge "$messages" ]
}

throughput() {
    mkdir "$dir/payloads"
    i=0
    while [ "$i" -lt "$messages" ]; do
        head -c 10240 /dev/urandom >"$dir/payloads/bench-$i.bin"
        i=$((i + 1))
    done
    up intermediary town-b town-a
    begin=$(date +%s%N)
    mv "$dir/payloads"/bench-* "$a_out/"
    wait_for all_in || die "only $(in_count) of $messages messages have arrived"
    end=$(date +%s%N)
    stop_all
    floor_us=$(awk -F '[:,]' '/floor.(build|parse).rsa2048/ { sum += $4 } END { print sum }' \
        "$dir/osci.json")
    awk -v n="$messages" -v ns=$((end - begin)) -v floor="$floor_us" 'BEGIN {
        s = ns / 1e9
        printf "%.1f %.1f\n", n / s, s * 1e6 / n / floor }' >"$dir/rate"
    read -r rate ratio <"$dir/rate"
    figure drop_to_drop.messages_per_second "$rate" "1/s" "$ratio"
}

large_arrived() {
    for d in $daemons; do
        running "$d" || die "$d has ended by itself"
    done
    set -- "$b_in"/*/large.bin
    [ -f "$1" ]
}

memory() {
    binary "$large_bytes" "$dir/large.bin"
    sum=$(sha256sum <"$dir/large.bin")
    up intermediary town-b town-a # fresh processes: only this message counts
    begin=$(date +%s%N)
    mv "$dir/large.bin" "$a_out/large.bin"
    wait_for large_arrived || die "the large file has not arrived"
    end=$(date +%s%N)
    for d in town-a town-b intermediary; do
        kb=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$(cat "$dir/$d.pid")/status")
        figure "peak_rss_mb.$(echo $d | tr - _)" "$(awk -v k="$kb" 'BEGIN { printf "%.1f", k / 1024 }')" MB
    done
    figure drop_to_drop.large_seconds \
        "$(awk -v ns=$((end - begin)) 'BEGIN { printf "%.1f", ns / 1e9 }')" s
    [ "$(sha256sum <"$(echo "$b_in"/*/large.bin)")" = "$sum" ] || die "the large file has changed"
    stop_all
}

{
    "$bin/tests/bench/bench_osci" "$here/../vectors/osci12/keys" | tee "$dir/osci.json"
    prepare
    throughput
    memory
    : >"$dir/complete"
} | present
[ -e "$dir/complete" ] # a pipe hides how its first part ended
