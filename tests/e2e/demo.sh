#!/bin/sh
# demo.sh BIN [--once] - real files go from town A to town B, and the operator reads the receipts
#
# At the end a program in A sends by XTA 2 version 3, and one in B fetches by version 5.
# Without --once everything keeps running until Ctrl-C.
set -eu
bin=$(cd "$1" && pwd)
once=${2:-}
dir=$(mktemp -d "${TMPDIR:-/tmp}/depesche-demo.XXXXXX")
chmod 755 "$dir"
. "$(dirname "$0")/lib.sh"

end() {
    status=$?
    trap - EXIT INT TERM
    stop_all
    [ $status -eq 0 ] || logs_tell
    if [ "$once" = --once ] && [ $status -eq 0 ]; then
        rm -rf "$dir"
    else
        say "the daemons have ended; everything they wrote is in $dir"
    fi
    exit $status
}
trap end EXIT
trap 'say; exit 0' INT TERM

begin=$(date +%s)
say "making keys, certificates and three configurations in $dir"
prepare
large="Lageplan Größe 1.bin"
binary 10485760 "$dir/$large"

say "starting the intermediary, town B and town A"
up intermediary town-b town-a

say "dropping three files into A's folder $a_out"
for f in "$samples/rechnung.xml" "$samples"/*.DAT "$dir/$large"; do
    drop "$f"
done

say "waiting until they lie in B's folder $b_in"
for f in "$samples/rechnung.xml" "$samples"/*.DAT "$dir/$large"; do
    wait_for arrived "$f" || die "$(basename "$f") has not arrived"
    say "  arrived, byte for byte the same: $(basename "$f")"
done

# who signed what, and what came of checking it
verification() {
    sed -n '/"inspections"/q
        s/^ *"\(name\|encrypted\|subject\|signature\|certificate\|result\)": "\{0,1\}\([^"]*[^",]\)"\{0,1\},\{0,1\}$/  \1: \2/p' "$1"
}
say
say "what B has checked (verification.json beside each file):"
for found in "$b_in"/*/verification.json; do
    verification "$found"
    grep -q '"result": "good"' "$found" || die "B does not believe what it has received"
done

receipts_complete() {
    [ "$("$bin/depesche" --config "$dir/town-a.yaml" list outbox --state delivered --json |
        grep -o '"state": *"delivered"' | wc -l)" -ge 3 ]
}
wait_for receipts_complete || die "A has not received all receipts"
say
say "A's receipts:"
"$bin/depesche" --config "$dir/town-a.yaml" receipts

say
say "A's registry sends by XTA 2 version 3, B's fetches by version 5, OSCI lies in between:"
PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$(dirname "$0")/xta_demo.py" "$dir" ||
    die "the registries are not content"
"$bin/depesche" --config "$dir/town-a.yaml" receipts
say
say "done in $(($(date +%s) - begin)) s"

if [ "$once" != --once ]; then
    say
    say "Everything keeps running. Try, from another terminal:"
    say "  cp README.md $a_out/"
    say "  ls $b_in/"
    say "  $bin/depesche --config $dir/town-a.yaml receipts"
    say "Ctrl-C ends it."
    while :; do
        sleep 1
        for d in $daemons; do
            running "$d" || die "$d has ended by itself"
        done
    done
fi
