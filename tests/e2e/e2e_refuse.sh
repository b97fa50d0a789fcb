#!/bin/sh
# e2e_refuse.sh BIN - what cannot be sent is refused with a reason, and does not hold up the rest
set -eu
bin=$(cd "$1" && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/depesche-refuse.XXXXXX")
. "$(dirname "$0")/lib.sh"
stop_at_end
prepare
refused=$(dirname "$a_out")/refused
up intermediary town-b town-a

# an empty file, an invoice that is no XML, and one for an authority nobody knows
: >"$dir/leer.dat"
printf 'no XML at all' >"$dir/kaputt.xml"
sed 's/09999012-BAUAMT-80/09999098-UNBEKANNT-01/' "$samples/rechnung.xml" >"$dir/irrläufer.xml"
for f in leer.dat kaputt.xml irrläufer.xml; do
    drop "$dir/$f"
done
ln -s /etc/passwd "$a_out/verweis.dat"
drop "$samples/rechnung.xml"

refused_with_reason() {
    [ -e "$refused/$1" ] && [ -s "$refused/$1.error.txt" ]
}
for f in leer.dat kaputt.xml irrläufer.xml; do
    wait_for refused_with_reason "$f" || die "$f was not refused with a reason"
    cmp -s "$dir/$f" "$refused/$f" || die "$f was changed while being refused"
    [ ! -e "$a_out/$f" ] || die "$f still lies in the drop folder"
done
grep -q '[äöüß]' "$refused/leer.dat.error.txt" || die "the reason is not told in German"
grep -q 'file' "$refused/leer.dat.error.txt" || die "the reason is not told in English"
wait_for arrived "$samples/rechnung.xml" || die "the good file was held up by the bad ones"
[ "$(in_files verification.json | wc -l)" -eq 1 ] ||
    die "something refused has arrived all the same"
grep -qrs 'root:' "$b_in" && die "a link was followed out of the drop folder"
echo "refused: 3, arrived: 1"
