# lib.sh - three daemons on loopback, for the demo, the end-to-end tests and the benchmark
#
# Source it after setting bin (folder with depesched and depesche) and dir (state, made here).
# Everything it starts it also ends, however the script ends (stop_at_end). Who sources it from
# elsewhere sets e2e, this folder.

e2e=${e2e:-$(cd "$(dirname "$0")/../e2e" && pwd)}
samples=$(cd "$e2e/../../docs/samples" && pwd)
daemons="town-a town-b intermediary" # in the order in which they are stopped
keep=                                 # not empty: $dir stays
patience=600 # seconds that anything may take: sanitizers, two cores, other tests beside this one

say() {
    printf '%s\n' "$*"
}

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# what the daemons said last, for who sees nothing but what is printed
logs_tell() {
    for d in $daemons; do
        [ ! -s "$dir/$d.log" ] || {
            echo "--- the last lines of $d's log"
            tail -n 25 "$dir/$d.log" | cut -c 1-400
        } >&2
    done
}

# begun PID: when; what sets it apart from another one that has its number later
begun() {
    sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

# reserved FILE...: does one of them name a process that still runs?
reserved() {
    for r in "$@"; do
        { read -r pid since <"$r"; } 2>/dev/null || continue
        [ -z "$pid" ] || [ "$(begun "$pid")" != "$since" ] || return 0
    done
    return 1
}

# Eight ports in a row that nobody listens on, and that no other script of this machine gets before
# this one has ended (or the process PORTS_OWNER); below those the kernel hands out by itself.
free_ports() {
    n=${PORTS_SEED:-$(($(date +%N | sed 's/^0*//; s/^$/1/') + $$))}
    owner=${PORTS_OWNER:-$$}
    shelf=/tmp/depesche-ports
    mkdir -m 1777 "$shelf" 2>/dev/null || :
    (
        flock 9
        while :; do
            n=$(((n * 1103515245 + 12345) % 2147483648))
            base=$((10000 + n % 2500 * 8))
            taken=
            for p in 0 1 2 3 4 5 6 7; do
                hex=$(printf ':%04X ' $((base + p)))
                grep -qs "$hex" /proc/net/tcp /proc/net/tcp6 && taken=1
            done
            [ -n "$taken" ] || reserved "$shelf/$base".* || break
        done
        echo "$owner $(begun "$owner")" >"$shelf/$base.$(id -u)"
        echo "$base"
    ) 9<"$shelf"
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
    until gone "$pid"; do
        sleep 0.1 # not a child of this very shell
    done
}

# gone PID: it holds nothing any more, no lock and no port; that takes a while after a kill -9. A
# zombie that nobody asks after is gone, too
gone() {
    kill -0 "$1" 2>/dev/null || return 0
    awk '/^State:/ { state = $2 } /^Threads:/ { threads = $2 }
        END { exit !(state == "Z" && threads == 1) }' "/proc/$1/status" 2>/dev/null
}

stop_all() {
    for d in $daemons; do
        stop "$d" "${1:-TERM}"
    done
}

# stop_at_end [COMMAND]: however the script ends, its daemons do; what lies in $dir stays after a
# failure, less what COMMAND takes away; and their logs tell why
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
        [ -n "$keep" ] || rm -rf "$dir"
    else
        logs_tell
        $at_failure
        echo "$(basename "$0" .sh): the traces are in $dir" >&2
    fi
    exit $status
}

# for stop_at_end: what may fill a disk
large_gone() {
    rm -rf "$dir"/*/state/payload "$dir"/*/state/tmp "$dir"/*/*/out "$dir"/*/*/in "$dir"/large.bin
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
        wait_for ready "$d" || die "$d does not become ready"
    done
}

# wait_for COMMAND...: tries until it succeeds, for $patience seconds
wait_for() {
    until=$(($(date +%s) + patience))
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
