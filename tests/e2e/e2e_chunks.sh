#!/bin/sh
# e2e_chunks.sh BIN [MB [CHUNK_KB]] - one large file in chunks from A to B, kill -9 of everybody
#
# The sender, the intermediary and the receiver are killed in the middle of either transfer and
# started again. The file must arrive once, the same, without beginning anew each time, and nobody's
# memory may depend on its size. For 2 GB by hand (the disk needs about ten times the size):
#
#   tests/e2e/e2e_chunks.sh build/release 2048 4096
set -eu
bin=$(cd "$1" && pwd)
megabytes=${2:-${CHUNKS_MB:-40}}
chunk_kb=${3:-${CHUNKS_KB:-256}}
memory_mb=${CHUNKS_MEMORY_MB:-96}
dir=$(mktemp -d "${TMPDIR:-/tmp}/depesche-chunks.XXXXXX")
. "$(dirname "$0")/lib.sh"
stop_at_end large_gone

patience=$((patience + megabytes))

# peak NAME: what its process has needed so far; the most of all its lives is kept
peak() {
    now=$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$(cat "$dir/$1.pid")/status" 2>/dev/null || :)
    most=$(cat "$dir/$1.peak" 2>/dev/null || echo 0)
    [ "${now:-0}" -le "$most" ] || echo "$now" >"$dir/$1.peak"
}

# how many chunks the log of NAME tells of, under that event
chunks() {
    sed -n "s/.*event=$2 .*chunk=\([0-9]*\) .*/\1/p" "$dir/$1.log" | tail -n 1 | grep . || echo 0
}

further() {
    [ "$(chunks "$1" "$2")" -ge "$3" ] || over "$1"
}

# the transfer that NAME takes part in has ended
over() {
    case $1 in
    town-a) grep -q 'event=message.submitted' "$dir/town-a.log" ;;
    *) grep -q 'event=message.received' "$dir/town-b.log" ;;
    esac
}

# kill_at PERCENT VICTIM TOWN EVENT: when TOWN's transfer is so far
kill_at() {
    wait_for further "$3" "$4" $(($1 * expected / 100)) ||
        die "$3 gets no further than $(chunks "$3" "$4") of $expected"
    over "$3" && when="too late" || when="at chunk $(chunks "$3" "$4")"
    peak "$2"
    stop "$2" KILL
    echo "killed $2 $when"
    [ "$when" = "too late" ] || kills=$((kills + 1))
    up "$2"
}

prepare
for town in town-a town-b; do
    sed -i "s/^    receipt_poll_seconds: 2/&\n    chunk_above_kb: 1024\n    chunk_kb: $chunk_kb/
        \$a limits: {message_max_mb: $((megabytes + 1024))}" "$dir/$town.yaml"
done
binary $((megabytes * 1048576)) "$dir/large.bin"
want=$(sha256sum <"$dir/large.bin")
expected=$((megabytes * 1024 / chunk_kb))
kills=0

up intermediary town-a # B comes later, so that each transfer can be seen by itself
mv "$dir/large.bin" "$a_out/.large.bin.tmp"
began=$(date +%s)
mv "$a_out/.large.bin.tmp" "$a_out/large.bin"
kill_at 15 town-a town-a message.chunks
kill_at 35 intermediary town-a message.chunks
kill_at 60 town-a town-a message.chunks
wait_for over town-a || die "A does not finish"
sent=$(date +%s)
"$bin/depesche" --config "$dir/town-a.yaml" events --json | grep -q 'chunk [0-9]* of [0-9]*' ||
    die "the history tells nothing of chunks"

up town-b
kill_at 15 town-b town-b mailbox.chunks
kill_at 35 intermediary town-b mailbox.chunks
kill_at 60 town-b town-b mailbox.chunks
received() {
    [ "$(in_files large.bin | wc -l)" -ge 1 ]
}
wait_for received || die "it has not arrived"
arrived=$(date +%s)
[ "$(sha256sum <"$(in_files large.bin)")" = "$want" ] || die "it has changed on its way"

for d in town-a town-b intermediary; do
    peak $d
done
stop_all KILL
up intermediary town-b town-a
sleep 5 # whatever would come a second time comes now
[ "$(in_files large.bin | wc -l)" -eq 1 ] || die "it has arrived $(in_files large.bin | wc -l) times"
for d in town-a town-b intermediary; do
    peak $d
done

for order in partialStoreDelivery partialFetchDelivery; do
    count=$(grep -c "order=$order code=0801" "$dir/intermediary.log" || :)
    [ "$count" -ge "$expected" ] || die "only $count of $order"
    [ "$count" -le $((expected + 30)) ] || die "$count of $order for $expected chunks: it began anew"
done
[ "$kills" -ge 1 ] || die "every kill came too late"
echo "$megabytes MB in $expected chunks, $kills kills in the middle," \
    "$((sent - began)) s out, $((arrived - sent)) s in, arrived once"
for d in town-a intermediary town-b; do
    most=$(cat "$dir/$d.peak")
    echo "peak memory of $d: $((most / 1024)) MB"
    [ "$most" -le $((memory_mb * 1024)) ] || die "$d has needed more than $memory_mb MB"
done
