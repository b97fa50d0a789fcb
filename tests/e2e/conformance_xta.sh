# conformance_xta.sh - the XTA server that depesche-conformance looks at
#
# Sourced by conformance.sh after dir, bin and $dir/keys are there. Sets xta_port, xta_url,
# xta_unbooked, xta_max_mb, xta_official. Author and reader are accounts of the same server; the reader
# whom no message reaches is a partner whose mailbox the intermediary, "closed", does not have.

xta_port=$(free_ports)
xta_url=https://127.0.0.1:$xta_port/xta
xta_unbooked=urn:xoev-de:test:dienst/nicht_gebucht_1.wsdl
xta_max_mb=24
xta_official=$(dirname "$0")/../../../shared/spec/xta # where somebody has the official schemas

xta_directory() {
    cat <<'YAML'
parties:
  - party: ags:09163000
    services:
      - {uri: urn:xoev-de:test:dienst/probe_1.wsdl, endpoint: reader}
      - {uri: urn:xoev-de:test:dienst/nicht_gebucht_1.wsdl, endpoint: reader}
  - party: ags:09174000
    services:
      - {uri: urn:xoev-de:test:dienst/synchron_1.wsdl, mode: synchronous, endpoint: answering}
  - party: ags:09169000
    services:
      - {uri: urn:xoev-de:test:dienst/probe_1.wsdl, partner: nobody}
YAML
}

xta_endpoint() {
    echo "  - {name: $1, parties: [$(echo "$2" | sed "s/[^,]*/'ags:&'/g")]}"
}

# account NAME PARTIES [MORE]
xta_account() {
    echo "    - name: $1"
    echo "      certificates: [keys/$1-tls.pem]"
    echo "      parties: [$(echo "$2" | sed "s/[^,]*/'ags:&'/g")]"
    [ -z "${3:-}" ] || echo "      $3"
}

xta_yaml() {
    mkdir -p "$dir/xta/state"
    {
        identity xta
        echo "intermediaries:"
        intermediary_entry im intermediary "http://127.0.0.1:$((base + 3))/osci"
        cat <<YAML
    receipt_poll_seconds: 1
partners:
  - name: nobody
    intermediary: im
    cipher_certificate: keys/reader-cipher.pem
directory: directory.yaml
virus_scan:
  command: [$dir/scan.sh]
retry: {first_seconds: 1, max_seconds: 2}
endpoints:
YAML
        xta_endpoint author 09162000
        xta_endpoint reader 09163000
        xta_endpoint first 09164000
        xta_endpoint second 09165000
        xta_endpoint other 09166000
        xta_endpoint lenient 09167000
        xta_endpoint locked 09168000
        cat <<YAML
  - name: answering
    parties: ['ags:09174000']
    answers: {command: [$dir/reply.sh]}
YAML
        cat <<YAML
xta_server:
  instance: konformitaet
  listeners:
    - address: 127.0.0.1
      port: $xta_port
      tls: {certificate: keys/xta-server-tls.pem, key: keys/xta-server-tls.key}
      client_authorities: [keys/ca.pem]
  crls: keys/crls
  message_max_mb: $xta_max_mb
  accounts:
YAML
        xta_account author 09162000 "services: ['urn:xoev-de:test:dienst/probe_1.wsdl', 'urn:xoev-de:test:dienst/synchron_1.wsdl']"
        xta_account reader 09163000,09174000
        xta_account both 09164000,09165000
        xta_account other 09166000
        xta_account lenient 09167000 "mode: lenient"
        xta_account locked 09168000 "locked: true"
        xta_account expired 09166000
        xta_account revoked 09166000
    } >"$dir/xta.yaml"
    xta_directory >"$dir/directory.yaml"
}

# An intermediary that knows nobody but the XTA server's tenant.
closed_yaml() {
    mkdir -p "$dir/closed/state"
    cat >"$dir/closed.yaml" <<YAML
state: closed/state
trust: {osci: [keys/ca.pem], crls: keys/crls}
api: {socket: closed/api.sock}
osci_server:
  identity:
    signature: {certificate: keys/intermediary-signature.pem, key: keys/intermediary-signature.key}
    cipher: {certificate: keys/intermediary-cipher.pem, key: keys/intermediary-cipher.key}
  listeners:
    - {address: 127.0.0.1, port: $((base + 3))}
  mailboxes:
    - {name: xta, cipher_certificate: keys/xta-cipher.pem}
YAML
}

xta_hooks() {
    hook restart-xta <<'HOOK'
# ends the XTA server with the signal $1 and starts it again
stop xta "$1"
up xta
HOOK
    hook break <<'HOOK'
# from now on the server cannot do its work: its virus scanner is out of order
touch "$dir/broken"
HOOK
    hook mend <<'HOOK'
rm "$dir/broken"
HOOK
    hook reply <<'HOOK'
# what the reader of the synchronous service answers
printf 'Antwort\n' >"$DEPESCHE_ANSWER/antwort.txt"
HOOK
    hook scan <<'HOOK'
# a virus scanner that knows one virus
[ ! -e "$dir/broken" ] || exit 2
if grep -aq 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE'; then
    echo Eicar-Test-Signature
    exit 1
fi
HOOK
}

xta_prepare() {
    xta_yaml
    closed_yaml
    xta_hooks
}
