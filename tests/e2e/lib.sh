# lib.sh - three daemons on loopback, for the demo, the end-to-end tests and the benchmark
#
# Source it after setting bin (folder with depesched and depesche) and dir (state, made here).
# Everything it starts it also ends, however the script ends.

samples=$(cd "$(dirname "$0")/../../docs/samples" && pwd)
daemons="intermediary town-b town-a"

say() {
    printf '%s\n' "$*"
}

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    for d in $daemons; do
        [ ! -s "$dir/$d.log" ] || {
            echo "--- the last lines of $d's log"
            tail -n 15 "$dir/$d.log"
        } >&2
    done
    exit 1
}

# Four ports in a row that nobody listens on; below those the kernel hands out by itself.
free_ports() {
    n=$(($(date +%N | sed 's/^0*//; s/^$/1/') + $$))
    while :; do
        n=$(((n * 1103515245 + 12345) % 2147483648))
        base=$((10000 + n % 5000 * 4))
        taken=
        for p in 0 1 2 3; do
            hex=$(printf ':%04X ' $((base + p)))
            grep -qs "$hex" /proc/net/tcp /proc/net/tcp6 && taken=1
        done
        [ -n "$taken" ] || break
    done
    echo "$base"
}

# start NAME: one daemon in the background, its log in $dir/NAME.log
start() {
    : >>"$dir/$1.log"
    starts=$(started "$1")
    "$bin/depesched" --config "$dir/$1.yaml" </dev/null >>"$dir/$1.log" 2>&1 &
    echo $! >"$dir/$1.pid"
}

# stop NAME [SIGNAL]: and waits until it is gone
stop() {
    [ -s "$dir/$1.pid" ] || return 0
    pid=$(cat "$dir/$1.pid")
    rm -f "$dir/$1.pid"
    kill "-${2:-TERM}" "$pid" 2>/dev/null || return 0
    wait "$pid" 2>/dev/null || :
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.1 # not a child of this very shell
    done
}

stop_all() {
    for d in town-a town-b intermediary; do
        stop "$d" "${1:-TERM}"
    done
}

# stop_at_end [COMMAND]: however the script ends, its daemons do; what lies in $dir stays after a
# failure, less what COMMAND takes away
stop_at_end() {
    at_failure=${1:-:}
    trap ended EXIT
    trap 'exit 1' INT TERM
}

ended() {
    status=$?
    trap - EXIT
    stop_all KILL
    if [ $status -eq 0 ]; then
        rm -rf "$dir"
    else
        $at_failure
        echo "$(basename "$0" .sh): the traces are in $dir" >&2
    fi
    exit $status
}

running() {
    kill -0 "$(cat "$dir/$1.pid")" 2>/dev/null
}

# how often NAME has said that it is ready
started() {
    grep -c 'event=daemon.started' "$dir/$1.log" || :
}

ready() {
    running "$1" || die "$1 has ended by itself"
    [ "$(started "$1")" -gt "${starts:-0}" ]
}

# up NAME...: started, and ready when this returns
up() {
    for d in "$@"; do
        start "$d"
        wait_for 30 ready "$d" || die "$d does not become ready"
    done
}

# wait_for SECONDS COMMAND...: tries until it succeeds
wait_for() {
    until=$(($(date +%s) + $1))
    shift
    while ! "$@"; do
        [ "$(date +%s)" -lt "$until" ] || return 1
        sleep 0.1
    done
}

# prepare: PKI, three configurations, folders; sets a_out and b_in
prepare() {
    mkdir -p "$dir"
    "$bin/depesche" init --demo "$dir" --ports "$(free_ports)" >"$dir/init.log" 2>&1 || {
        cat "$dir/init.log" >&2
        die "depesche init --demo has failed"
    }
    a_out=$(find "$dir/town-a" -type d -name out | head -n 1)
    b_in=$(find "$dir/town-b" -type d -name in | head -n 1)
    [ -d "$a_out" ] && [ -d "$b_in" ] || die "init made no drop folders"
}

# drop FILE [NAME]: into A's drop folder, complete at once by a rename
drop() {
    name=${2:-$(basename "$1")}
    cp "$1" "$a_out/.$name.tmp"
    mv "$a_out/.$name.tmp" "$a_out/$name"
}

# in_files PATTERN: those that lie complete at B; what is still being built begins with a dot
in_files() {
    for message in "$b_in"/*/; do
        find "$message" -name "$1" 2>/dev/null || :
    done
}

# arrived FILE [NAME]: lies byte-identical in a message at B
arrived() {
    for f in "$b_in"/*/"${2:-$(basename "$1")}"; do
        [ -f "$f" ] && cmp -s "$1" "$f" && return 0
    done
    return 1
}

# binary BYTES FILE: the same bytes each time, with every value among them
binary() {
    seq 1 9999999 | gzip -n -1 >"$dir/binary.part"
    while :; do
        cat "$dir/binary.part" || return
    done 2>/dev/null | head -c "$1" >"$2"
    rm -f "$dir/binary.part"
}
