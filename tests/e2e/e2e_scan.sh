#!/bin/sh
# e2e_scan.sh BIN - the real clamd, with a signature of our own, at the doors of two towns
set -eu
bin=$(cd "$1" && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/depesche-scan.XXXXXX")
. "$(dirname "$0")/lib.sh"
daemons="$daemons clamd"
stop_at_end
PATH=$PATH:/usr/sbin # where Debian puts it, and not everybody looks
command -v clamd >/dev/null || die "clamd is not here; Debian's package is clamav-daemon"
prepare
a_refused=$(dirname "$a_out")/refused

# The EICAR test string, in pieces, so that no scanner of this repository stumbles over it.
eicar() {
    printf '%s%s%s' 'X5O!P%@AP[4\PZX54(P^)7' 'CC)7}$EICAR-STANDARD-ANTI' 'VIRUS-TEST-FILE!$H+H*'
}

# A database that knows nothing else: no network is needed.
mkdir "$dir/db"
printf 'Eicar-Of-Our-Own:0:*:%s\n' "$(eicar | od -An -v -tx1 | tr -d ' \n')" >"$dir/db/own.ndb"
cat >"$dir/clamd.conf" <<END
Foreground yes
LocalSocket $dir/clamd.ctl
DatabaseDirectory $dir/db
TemporaryDirectory $dir
StreamMaxLength 1M
END

clamd_answers() {
    running clamd || die "clamd has ended by itself"
    [ -S "$dir/clamd.ctl" ]
}
clamd_up() {
    rm -f "$dir/clamd.ctl"
    clamd --config-file="$dir/clamd.conf" </dev/null >>"$dir/clamd.log" 2>&1 &
    echo $! >"$dir/clamd.pid"
    wait_for clamd_answers || die "clamd does not become ready"
}
scans() {
    printf 'virus_scan: {clamd: %s}\n' "$dir/clamd.ctl" >>"$dir/$1.yaml"
}
# ask TOWN ARGUMENT...: the command, in English
ask() {
    town=$1
    shift
    "$bin/depesche" --config "$dir/$town.yaml" --lang en "$@"
}
# has TOWN STATE COUNT BOX
has() {
    [ "$(ask "$1" list "$4" --state "$2" --json | grep -c '"id"')" -eq "$3" ]
}

# ---- what comes in: only B scans ----

scans town-b
clamd_up
up intermediary town-b town-a
eicar >"$dir/eicar.txt"
eicar | gzip -n >"$dir/packed.gz"
printf 'nothing to see here\n' >"$dir/gut.txt"
drop "$dir/eicar.txt"
drop "$dir/gut.txt"
wait_for arrived "$dir/gut.txt" || die "the good file was not handed over"
wait_for has town-b quarantined 1 inbox || die "EICAR did not go to quarantine"
arrived "$dir/eicar.txt" && die "EICAR was handed over"
id=$(ask town-b list inbox --state quarantined --json | sed -n 's/.*"id": "\([^"]*\)".*/\1/p')
ask town-b show "$id" | grep -q 'Eicar-Of-Our-Own.*eicar.txt' ||
    die "the finding and its file are not named"
ask town-b quarantine release "$id" --reason 'known to be harmless' >/dev/null
wait_for arrived "$dir/eicar.txt" || die "what was released was not handed over"

# while clamd is away the intermediary keeps what B cannot look at
stop clamd
printf 'while it was away\n' >"$dir/weg.txt"
drop "$dir/weg.txt"
complains() {
    grep -q 'code=D-2004' "$dir/$1.log"
}
wait_for complains town-b || die "B does not say that its scanner is away"
arrived "$dir/weg.txt" && die "B took a file that nobody had looked at"
has town-b opened 0 inbox || die "B keeps a file that nobody has looked at"
clamd_up
wait_for arrived "$dir/weg.txt" || die "what had to wait did not arrive"

# ---- what goes out: A scans, too ----

stop town-a
scans town-a
up town-a
sent=$(ask town-a list outbox --json | grep -c '"id"')
head -c 2000000 /dev/zero >"$dir/gross.bin" # more than this clamd takes
for f in eicar.txt packed.gz gross.bin; do
    drop "$dir/$f" "noch-$f"
done
for f in eicar.txt packed.gz gross.bin; do
    refused_with_reason() {
        [ -e "$a_refused/noch-$f" ] && [ -s "$a_refused/noch-$f.error.txt" ]
    }
    wait_for refused_with_reason || die "$f was not refused"
done
for f in eicar.txt packed.gz; do
    grep -q "Eicar-Of-Our-Own.*noch-$f" "$a_refused/noch-$f.error.txt" ||
        die "the reason does not name the finding in $f"
done
grep -q 'Code D-2003' "$a_refused/noch-gross.bin.error.txt" || die "the large file: another reason"
endpoint=$(basename "$(dirname "$a_out")")
partner=$(sed -n '/^partners:/,$s/.*name: *//p' "$dir/town-a.yaml" | head -n 1 | tr -d '"')
ask town-a send --endpoint "$endpoint" --to "$partner" "$dir/eicar.txt" >"$dir/send.out" 2>&1 &&
    die "depesche send let EICAR through"
grep -q 'Eicar-Of-Our-Own.*(eicar.txt)' "$dir/send.out" || die "depesche send does not name it"

# while clamd is away nothing goes out, and nothing is lost
stop clamd
printf 'held back\n' >"$dir/warten.txt"
drop "$dir/warten.txt"
ask town-a send --endpoint "$endpoint" --to "$partner" "$dir/gut.txt" >"$dir/send.out" 2>&1 &&
    die "depesche send let an unscanned file through"
grep -q 'virus scanner' "$dir/send.out" || die "depesche send does not tell why"
wait_for complains town-a || die "A does not say that its scanner is away"
[ -e "$a_out/warten.txt" ] || die "A took a file that nobody had looked at"
[ "$(ask town-a list outbox --json | grep -c '"id"')" -eq "$sent" ] || die "something was accepted"
clamd_up
wait_for arrived "$dir/warten.txt" || die "what had to wait was not sent"
echo "scanned: findings refused 3, quarantined 1; nothing passed while clamd was away"
