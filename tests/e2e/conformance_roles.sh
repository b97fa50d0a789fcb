# conformance_roles.sh - the recipient and the client that depesche-conformance looks at, and hooks
#
# Sourced by conformance.sh after dir, bin and $dir/keys are there. Sets recipient_port, client_port.

seats=$(free_ports)
xta3_port=$((seats + 2)) # where it finds the XTA servers that are played to it
xta5_port=$((seats + 3))
recipient_port=$seats
client_port=$((seats + 1)) # where the client finds the intermediary that is played to it

# identity NAME: of a gateway
identity() {
    cat <<YAML
state: $1/state
api: {socket: $1/api.sock}
trust: {osci: [keys/ca.pem]}
tenant:
  name: $1
  identity:
    signature: {certificate: keys/$1-signature.pem, key: keys/$1-signature.key}
    cipher: {certificate: keys/$1-cipher.pem, key: keys/$1-cipher.key}
YAML
}

# intermediary_entry NAME KEYS URL: one that the gateway knows; more lines may follow
intermediary_entry() {
    cat <<YAML
  - name: $1
    url: $3
    cipher_certificate: keys/$2-cipher.pem
    signature_certificate: keys/$2-signature.pem
YAML
}

recipient_yaml() {
    hook answer <<'HOOK'
# a reply with an attachment
printf 'Antwort\n' >"$DEPESCHE_ANSWER/antwort.txt"
seq 1 60000 >"$DEPESCHE_ANSWER/anhang.txt"
HOOK
    mkdir -p "$dir/recipient/state" "$dir/recipient/fach"
    {
        identity recipient
        echo "intermediaries:"
        for party in intermediary elliptic misused; do
            intermediary_entry "$party" "$party" "http://127.0.0.1:9/osci"
            echo "    fetch: false"
        done
        cat <<YAML
endpoints:
  - name: fach
    folder: recipient/fach
    receives: {default: true}
    answers: {command: [$dir/answer.sh]}
osci_recipient:
  listeners:
    - {address: 127.0.0.1, port: $recipient_port, path: /osci}
YAML
    } >"$dir/recipient.yaml"
}

# xta_entry NAME VERSION PORT URLS: an XTA server that the client knows
xta_entry() {
    cat <<YAML
  - name: $1
    version: $2
    urls: {$(printf "%s: 'https://127.0.0.1:$3/xta', " $4)}
    tls: {certificate: keys/both-tls.pem, key: keys/both-tls.key}
    authorities: [keys/ca.pem]
    parties: [{value: 'ags:09164000', name: Client}]
    poll_seconds: 1
    receipt_poll_seconds: 5
    timeout_seconds: 20
    message_max_mb: 1
YAML
}

xta_partner() {
    cat <<YAML
  - name: reader by $1
    xta: $1
    reader: {value: 'ags:09163000'}
    xta_message: {service: 'urn:xoev-de:test:dienst/probe_1.wsdl', scenario: XMELD_DATA}
YAML
}

client_yaml() {
    mkdir -p "$dir/client/state" "$dir/client/fach"
    {
        identity client
        echo "intermediaries:"
        intermediary_entry im intermediary "http://127.0.0.1:$client_port/osci"
        echo "    poll_seconds: 1"
        echo "    receipt_poll_seconds: 1"
        echo "    timeout_seconds: 120"
        echo "    chunk_above_kb: 64"
        echo "    chunk_kb: 48"
        intermediary_entry implicit intermediary "http://127.0.0.1:$client_port/implicit"
        echo "    dialog: implicit"
        echo "    fetch: false"
        echo "    receipt_poll_seconds: 3600"
        echo "xta_servers:"
        xta_entry xta3 3 "$xta3_port" "management send msgbox"
        xta_entry xta5 5 "$xta5_port" "base sender recipient"
        echo "partners:"
        xta_partner xta3
        xta_partner xta5
        cat <<YAML
  - name: addressee
    intermediary: im
    cipher_certificate: keys/addressee-cipher.pem
    signature_certificates: [keys/addressee-signature.pem]
  - name: addressee without a dialog
    intermediary: implicit
    cipher_certificate: keys/addressee-cipher.pem
endpoints:
  - name: fach
    folder: client/fach
    receives: {default: true}
    routes:
      - {files: "implicit*", partner: addressee without a dialog}
      - {files: "xta3-*", partner: reader by xta3}
      - {files: "xta5-*", partner: reader by xta5}
      - {partner: addressee}
retry: {first_seconds: 1, max_seconds: 5} # the growing pauses are looked at
YAML
    } >"$dir/client.yaml"
}

# hook NAME: $dir/NAME.sh from standard input; it has all of lib.sh
hook() {
    {
        echo "#!/bin/sh"
        echo "set -eu"
        echo "dir='$dir' bin='$bin' e2e='$e2e'"
        echo '. "$e2e/lib.sh"'
        echo "daemons='$daemons'"
        cat
    } >"$dir/$1.sh"
    chmod +x "$dir/$1.sh"
}

client_hooks() {
    hook send <<'HOOK'
# the client sends a file of the name $1 with the Subject $2
out=$dir/client/fach/out
subject=$(printf '%s' "$2" | sed "s/'/''/g")
printf "subject: '%s'\n" "$subject" >"$out/.$1.meta.part"
mv "$out/.$1.meta.part" "$out/$1.meta.yaml"
printf 'Inhalt der Datei %s\n' "$1" >"$out/.$1.part"
case $1 in
gross*) seq 1 60000 >>"$out/.$1.part" ;; # large enough to be an attachment, and for chunks
xta?-riesig*) seq 1 300000 >>"$out/.$1.part" ;; # larger than what the XTA server takes
esac
mv "$out/.$1.part" "$out/$1"
HOOK
    hook state <<'HOOK'
# what the client says of the file $1: a word, its own word, a code
receipt=$(grep -lF "\"$1\"" "$dir"/client/fach/receipts/*.json 2>/dev/null | head -n 1)
[ -n "$receipt" ] || exit 0
own=$(sed -n 's/^  "state": "\(.*\)",*$/\1/p' "$receipt")
case $own in
accepted | sealed | deferred | unclear) word=waiting ;;
submitted | forwarded) word=sent ;;
delivered) word=delivered ;;
*) word=failed ;;
esac
echo "$word $own $(sed -n 's/^ *"code": "D-\([0-9]*\)",*$/\1/p' "$receipt")"
HOOK
    hook kill <<'HOOK'
# at once, without a word; over when it is gone, or the next one would find its state locked
stop client KILL
HOOK
    hook start <<'HOOK'
# over when it is ready
up client
HOOK
}

intermediary_hooks() {
    hook restart <<'HOOK'
# ends the intermediary with the signal $1 and starts it again
stop intermediary "$1"
up intermediary
HOOK
}

roles_prepare() {
    recipient_yaml
    client_yaml
    client_hooks
    intermediary_hooks
}
