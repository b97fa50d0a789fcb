#!/bin/sh
# bench.sh BIN [--json] - cost per message, throughput and peak memory
#
# Figures:
#   osci.floor.*    the bare OpenSSL operations a message demands (tests/bench/floor.h)
#   osci.build.*    building, osci.parse.* reading a storeDelivery; floor_ratio is time / floor
#   drop_to_drop.*  through three processes, from A's drop folder to B's; share: of what the same
#                   private-key operations alone would allow on all cores
#   peak_rss_mb.*   most memory of each process while a 1 GB file goes the same way
#   queue.*         what 19 destinations keep of their throughput while a 20th is in trouble; how
#                   much later 1,000 messages of one are away, or fetched, when some are poison
#   drop.*          one file after the other: until it is taken in, until it lies in B's folder
#   api.send.*      messages of 10 KB through the API into the durable outbox
#   store.million.* a store with STORE_MESSAGES messages beside one with 1,000
#   xta.send.*      sendMessage of 10 KB over TLS connections that stay open, and its parts
#
# PARTS in the environment: only these, of "throughput latency memory api xta store queue".
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
xta_messages=${XTA_MESSAGES:-1600}
api_messages=${API_MESSAGES:-6400}
latency_messages=${LATENCY_MESSAGES:-100}
parts=${PARTS:-throughput latency memory api xta store queue}
store_messages=${STORE_MESSAGES:-200000}

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

# counted_up NAME...: as up, and what they do with disk and keys is counted
counted_up() {
    for d in "$@"; do
        COUNT_SYNC="$dir/$d.syncs" COUNT_PRIVATE="$dir/$d.private" \
            LD_PRELOAD="$bin/tests/bench/libcount_sync.so $bin/tests/bench/libcount_private.so" up "$d"
    done
}

# told NAME WHAT SIGNAL: what was counted until now
told() {
    rm -f "$dir/$1.$2"
    kill "-$3" "$(cat "$dir/$1.pid")"
    wait_for test -s "$dir/$1.$2" || die "nobody counts $2 of $1"
    cat "$dir/$1.$2"
}

# signatures, decryptions, fsyncs and milliseconds of processor time of all three until now
counts() {
    for d in intermediary town-b town-a; do
        echo "$(told $d private USR2) $(told $d syncs USR1)" \
            "$(awk '{ print $14 + $15 }' "/proc/$(cat "$dir/$d.pid")/stat")"
    done | awk -v hz="$(getconf CLK_TCK)" '{ s += $1; d += $2; f += $3; t += $4 }
        END { print s, d, f, t * 1000 / hz }'
}

# bare: pairs of a signature and a decryption a second, and the processor time of one
bare() {
    "$bin/tests/bench/bench_private" "$dir/pki/town-a-signature.key" 1 1 5 >"$dir/bare.json"
    echo "$(value per_second "$dir/bare.json") $(value cpu_ms "$dir/bare.json")"
}

throughput() {
    mkdir "$dir/payloads"
    i=0
    while [ "$i" -lt "$messages" ]; do
        head -c 10240 /dev/urandom >"$dir/payloads/bench-$i.bin"
        i=$((i + 1))
    done
    counted_up intermediary town-b town-a
    before=$(counts)
    bare_before=$(bare)
    begin=$(date +%s%N)
    mv "$dir/payloads"/bench-* "$a_out/"
    wait_for all_in || die "only $(in_count) of $messages messages have arrived"
    end=$(date +%s%N)
    after=$(counts)
    stop_all
    floor_us=$(awk -F '[:,]' '/floor.(build|parse).rsa2048/ { sum += $4 } END { print sum }' \
        "$dir/osci.json")
    awk -v n="$messages" -v ns=$((end - begin)) -v floor="$floor_us" 'BEGIN {
        s = ns / 1e9
        printf "%.1f %.1f\n", n / s, s * 1e6 / n / floor }' >"$dir/rate"
    read -r rate ratio <"$dir/rate"
    figure drop_to_drop.messages_per_second "$rate" "1/s" "$ratio"
    echo "$before $after $messages" | awk '{ n = $9
        printf "%.2f %.2f %.2f %.2f\n", ($5 - $1) / n, ($6 - $2) / n, ($7 - $3) / n, ($8 - $4) / n
    }' >"$dir/each"
    read -r signatures decryptions fsyncs cpu <"$dir/each"
    figure drop_to_drop.signatures_per_message "$signatures" ""
    figure drop_to_drop.decryptions_per_message "$decryptions" ""
    figure drop_to_drop.fsyncs_per_message "$fsyncs" ""
    figure drop_to_drop.cpu_ms_per_message "$cpu" "ms of processor time, all three"
    echo "$bare_before $(bare) $signatures $decryptions $rate $cpu" | awk '{
        bare = ($1 + $3) / ($5 + $6)
        printf "%.1f %.1f %.1f\n", bare, $7 / bare * 100, ($2 + $4) / 2 * ($5 + $6) / 2 / $8 * 100
    }' >"$dir/share"
    read -r bare share cpu_share <"$dir/share"
    figure drop_to_drop.floor "$bare" "1/s, its private-key operations alone, on all cores"
    figure drop_to_drop.share "$share" "% of that floor; load $(cut -d ' ' -f 1 /proc/loadavg)"
    figure drop_to_drop.cpu_share "$cpu_share" "% of the processor time are private-key operations"
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

# One file after the other, so that none waits for another.
latency() {
    up intermediary town-b town-a
    "$bin/tests/bench/bench_api" drop "$a_out" "$b_in" "$latency_messages" >"$dir/latency.json"
    stop_all
    for name in taken_p50_ms taken_p99_ms pickup_p50_ms pickup_p99_ms; do
        figure "drop.$name" "$(value $name "$dir/latency.json")" ms
    done
}

# One daemon whose intermediary takes no connection: what it accepts stays in the outbox.
api_settings() {
    cat >"$dir/api.yaml" <<EOF
state: api
tenant:
  name: Bench
  identity:
    signature: {certificate: pki/town-a-signature.pem, key: pki/town-a-signature.key}
    cipher: {certificate: pki/town-a-cipher.pem, key: pki/town-a-cipher.key}
trust: {osci: [pki/ca.pem], tls: [pki/ca.pem]}
api: {socket: api.sock}
intermediaries:
  - {name: away, url: "http://127.0.0.1:1/osci", cipher_certificate: pki/intermediary-cipher.pem}
partners:
  - {name: reader, intermediary: away, cipher_certificate: pki/town-b-cipher.pem}
endpoints:
  - {name: author}
EOF
}

api_drive() {
    "$bin/tests/bench/bench_api" drive "$dir/api.sock" author reader "$1" "$2"
}

# syncs: fsync and fdatasync of the daemon until now
syncs() {
    rm -f "$dir/syncs"
    kill -USR1 "$(cat "$dir/api.pid")"
    wait_for test -s "$dir/syncs" || die "nobody counts fsync"
    cat "$dir/syncs"
}

# api_figures CONNECTIONS MESSAGES SUFFIX
api_figures() {
    before=$(syncs)
    api_drive "$1" "$2" >"$dir/api-$1.json"
    after=$(syncs)
    figure "api.send.messages_per_second$3" "$(value per_second "$dir/api-$1.json")" \
        "1/s, $1 connections"
    figure "api.send.p50_ms$3" "$(value p50_ms "$dir/api-$1.json")" ms
    figure "api.send.p99_ms$3" "$(value p99_ms "$dir/api-$1.json")" ms
    figure "api.send.fsyncs_per_message$3" \
        "$(awk -v n=$((after - before)) -v m="$(value messages "$dir/api-$1.json")" 'BEGIN { printf "%.2f", n / m }')" ""
}

api() {
    daemons="$daemons api" # so that it is stopped at the end, too
    api_settings
    COUNT_SYNC="$dir/syncs" LD_PRELOAD="$bin/tests/bench/libcount_sync.so" up api
    api_drive 4 200 >/dev/null # caches are warm, and the lanes know that nobody is there
    api_figures 64 "$api_messages" ""
    api_figures 1 $((api_messages / 16)) _one
    stop api
}

# One daemon whose own endpoints are author and reader: nothing goes further than the answer.
xta_settings() {
    xta_port=$(free_ports)
    cat >"$dir/xta.yaml" <<EOF
state: xta
tenant:
  name: Bench
  identity:
    signature: {certificate: pki/town-a-signature.pem, key: pki/town-a-signature.key}
    cipher: {certificate: pki/town-a-cipher.pem, key: pki/town-a-cipher.key}
trust: {osci: [pki/ca.pem], tls: [pki/ca.pem]}
api: {socket: xta.sock}
endpoints:
  - {name: author, parties: ["ags:09162000"]}
  - {name: reader, parties: ["ags:09163000"]}
xta_server:
  instance: bench
  listeners:
    - port: $xta_port
      tls: {certificate: pki/town-a-tls.pem, key: pki/town-a-tls.key}
      client_authorities: [pki/ca.pem]
  accounts:
    - {name: author, certificates: [pki/town-a-meldeamt.pem], parties: ["ags:09162000"]}
EOF
}

# xta_drive CONNECTIONS: one object of bench_xta
xta_drive() {
    "$bin/tests/bench/bench_xta" drive "https://127.0.0.1:$xta_port/xta/v3/send" "$dir/pki/ca.pem" \
        "$dir/pki/town-a-meldeamt.pem" "$dir/pki/town-a-meldeamt.key" ags:09162000 ags:09163000 \
        urn:depesche:demo:rueckmeldung "$1" "$xta_messages"
}

# value NAME FILE: of one member of an object
value() {
    sed -n "s/.*\"$1\": \([0-9.]*\).*/\1/p" "$2"
}

# private_uses: signatures and decryptions of the daemon until now
private_uses() {
    rm -f "$dir/private"
    kill -USR2 "$(cat "$dir/xta.pid")"
    wait_for test -s "$dir/private" || die "nobody counts private keys"
    awk '{ print $1 + $2 }' "$dir/private"
}

xta() {
    daemons="$daemons xta" # so that it is stopped at the end, too
    xta_settings
    COUNT_PRIVATE="$dir/private" LD_PRELOAD="$bin/tests/bench/libcount_private.so" up xta
    before=$(private_uses)
    xta_drive 1 >"$dir/one.json"
    xta_drive 16 >"$dir/many.json"
    after=$(private_uses)
    handshakes=$(($(value handshakes "$dir/one.json") + $(value handshakes "$dir/many.json")))
    stop xta
    "$bin/tests/bench/bench_xta" parts "$dir/pki/town-a-tls.pem" "$dir/pki/town-a-tls.key" \
        "$dir/parts" >"$dir/parts.json"
    figure xta.send.messages_per_second "$(value per_second "$dir/many.json")" "1/s, 16 connections"
    figure xta.send.messages_per_second_one "$(value per_second "$dir/one.json")" "1/s, 1 connection"
    median=$(value median_us "$dir/one.json")
    figure xta.send.median_us "$median" "us, 1 connection"
    for part in tls xml store; do
        figure "xta.send.share.$part" \
            "$(awk -v p="$(value ${part}_us "$dir/parts.json")" -v m="$median" 'BEGIN { printf "%.1f", p / m * 100 }')" \
            "% of the median"
    done
    figure xta.send.private_key_uses "$((after - before))" "in $handshakes handshakes and $((2 * xta_messages)) messages"
}

store() {
    "$bin/tests/bench/bench_store" "$dir" "$store_messages"
}

# The test's own figures, with more messages. A figure out of its bound is a figure, too.
queue() {
    QUEUE_MESSAGES=${QUEUE_MESSAGES:-53} QUEUE_PAIRS=${QUEUE_PAIRS:-7} \
        "$bin/tests/test_queue" >"$dir/queue.log" 2>&1 || true
    [ "$(grep -c '^figure ' "$dir/queue.log")" = 5 ] || die "$(tail -n 20 "$dir/queue.log")"
    sed -n 's/^figure //p' "$dir/queue.log" | while read -r name value pairs; do
        case $name in
        *.kept) figure "$name" "$value" "% of the throughput, median $pairs" ;;
        *) figure "$name" "$value" "ms, of $((19 * ${QUEUE_MESSAGES:-53})) messages, median $pairs" ;;
        esac
    done
}

{
    "$bin/tests/bench/bench_osci" "$here/../vectors/osci12/keys" | tee "$dir/osci.json"
    prepare
    for part in $parts; do
        $part
    done
    : >"$dir/complete"
} | present
[ -e "$dir/complete" ] # a pipe hides how its first part ended
