#!/bin/sh
# e2e_tenants.sh BIN - two towns in one daemon, tenants beside each other: at the same intermediary,
# each with its own mailbox, keys, folders and history; they write to one another as if each were
# alone, and neither gets to what is the other's
set -eu
bin=$(cd "$1" && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/depesche-tenants.XXXXXX")
. "$(dirname "$0")/lib.sh"
daemons="towns intermediary"
stop_at_end
prepare

url=$(sed -n 's,^    url: ,,p' "$dir/town-a.yaml" | head -n 1)
# each of these is called with LETTER NAME OTHER-LETTER OTHER-NAME
tenant() {
    cat <<YAML
  - name: $2
    identity:
      signature: {certificate: pki/town-$1-signature.pem, key: pki/town-$1-signature.key}
      cipher: {certificate: pki/town-$1-cipher.pem, key: pki/town-$1-cipher.key}
YAML
}
intermediary() {
    cat <<YAML
  - name: zentrum-$1
    tenant: $2
    url: $url
    cipher_certificate: pki/intermediary-cipher.pem
    signature_certificate: pki/intermediary-signature.pem
    poll_seconds: 1
    receipt_poll_seconds: 1
YAML
}
partner() {
    cat <<YAML
  - name: $4
    intermediary: zentrum-$1
    cipher_certificate: pki/town-$3-cipher.pem
    signature_certificates: [pki/town-$3-signature.pem]
YAML
}
endpoint() {
    cat <<YAML
  - name: bauamt-$1
    tenant: $2
    folder: town-$1/bauamt
    users: ["$(echo "$1" | sed 's/a/64001/; s/b/64002/')"]
    receives: {default: true}
    routes: [{partner: $4, message_type: datei}]
YAML
}
both() {
    echo "$1:"
    $2 a "Stadt Ahausen" b "Stadt Beheim"
    $2 b "Stadt Beheim" a "Stadt Ahausen"
}
{
    echo "state: towns/state"
    echo "trust: {osci: [pki/ca.pem], tls: [pki/ca.pem]}"
    echo "api: {socket: towns/api.sock, mode: 0666}"
    echo "retry: {first_seconds: 1, max_seconds: 10}"
    both tenants tenant
    both intermediaries intermediary
    both partners partner
    both endpoints endpoint
} >"$dir/towns.yaml"
mkdir "$dir/towns"
cli() {
    "$bin/depesche" "$@" --config "$dir/towns.yaml" --lang en
}
"$bin/depesche" check-config "$dir/towns.yaml" >/dev/null || die "towns.yaml is not all right"

# who says nothing of whose something is, or uses what is another's, is told where
sed '/^  - name: bauamt-a/,/folder/{/tenant:/d;}' "$dir/towns.yaml" >"$dir/wrong.yaml"
! "$bin/depesche" check-config --lang en "$dir/wrong.yaml" >"$dir/wrong.txt" 2>&1 ||
    die "an endpoint of nobody is taken"
grep -q "endpoints: 'bauamt-a' names no tenant.*D-1226" "$dir/wrong.txt" || die "not said: nobody's"
sed 's/^    routes: \[{partner: Stadt Beheim/    routes: [{partner: Stadt Ahausen/' \
    "$dir/towns.yaml" >"$dir/wrong.yaml"
! "$bin/depesche" check-config --lang en "$dir/wrong.yaml" >"$dir/wrong.txt" 2>&1 ||
    die "another tenant's partner is taken"
grep -q "belongs to the tenant Stadt Beheim, not to Stadt Ahausen.*D-1227" "$dir/wrong.txt" ||
    die "not said: another's"

up intermediary towns

# both ways, at the same time
b_out=$dir/town-b/bauamt/out
a_in=$dir/town-a/bauamt/in
for n in 1 2 3; do
    echo "von A, $n" >"$dir/a$n.txt"
    echo "von B, $n" >"$dir/b$n.txt"
    drop "$dir/a$n.txt"
    cp "$dir/b$n.txt" "$b_out/.b$n.tmp"
    mv "$b_out/.b$n.tmp" "$b_out/b$n.txt"
done
arrived_at_a() {
    cmp -s "$1" "$a_in"/*/"$(basename "$1")"
}
for n in 1 2 3; do
    wait_for arrived "$dir/a$n.txt" || die "a$n.txt has not come to B"
    wait_for arrived_at_a "$dir/b$n.txt" || die "b$n.txt has not come to A"
done
[ "$(find "$a_in" -name 'a?.txt' | wc -l)" -eq 0 ] || die "A has got what is B's"
[ "$(find "$b_in" -name 'b?.txt' | wc -l)" -eq 0 ] || die "B has got what is A's"
all_delivered() {
    [ "$(grep -c event=message.delivered "$dir/towns.log")" -eq 6 ]
}
wait_for all_delivered || die "not all six have their receipts"

# by name A cannot reach B's partner, either
echo falsch >"$dir/falsch.txt"
printf 'recipient: Stadt Ahausen\n' >"$a_out/falsch.txt.meta.yaml"
drop "$dir/falsch.txt"
refused() {
    grep -qs D-1106 "$dir"/town-a/bauamt/refused/*falsch.txt*
}
wait_for refused || die "A has sent by the way of B"

# each has its history, and both stand in what tells how it is
cli audit verify >"$dir/audit.txt" || die "the histories are not whole"
for town in "Stadt Ahausen" "Stadt Beheim"; do
    grep -q "$town" "$dir/audit.txt" || die "no history of $town"
    cli status | grep -q "tenant.*$town" || die "status does not know $town"
    curl -s --unix-socket "$dir/towns/api.sock" http://x/metrics |
        grep -q "certificate_days_left{use=\"own_cipher\",name=\"$town\"" ||
        die "the metrics do not know $town"
done

# a program of A hears nothing of B: not who B is, nor what B's intermediary has said
chmod 711 "$dir" "$dir/towns"
if [ "$(id -u)" -eq 0 ]; then
    for path in status routes events messages why; do
        setpriv --reuid 64001 --regid 64001 --clear-groups \
            curl -s --unix-socket "$dir/towns/api.sock" "http://x/v1/$path?" >"$dir/seen.txt"
        ! grep -q 'zentrum-b\|bauamt-b' "$dir/seen.txt" || die "A hears of B by /v1/$path"
    done
    setpriv --reuid 64001 --regid 64001 --clear-groups \
        curl -s --unix-socket "$dir/towns/api.sock" http://x/v1/status | grep -q zentrum-a ||
        die "A does not hear of its own intermediary"
fi
# what concerns both stands in the gateway's own chain
cli backup "$dir/backup" >/dev/null || die "no backup"
cli audit verify >"$dir/audit.txt" || die "the histories are not whole after the backup"
grep -q "the gateway" "$dir/audit.txt" || die "the gateway has no chain of its own"
cli audit verify --tenant '' --json >"$dir/audit.json" || die "the gateway's chain is not whole"
[ "$(grep -c '"tenant"' "$dir/audit.json")" -eq 1 ] || die "more than the gateway's chain"
grep -q '"tenant": ""' "$dir/audit.json" || die "another chain than the gateway's"

! grep -q 'Z error event=' "$dir/towns.log" || die "the log has errors"
say "two towns in one daemon: 3 messages each way, each in its own folders"
