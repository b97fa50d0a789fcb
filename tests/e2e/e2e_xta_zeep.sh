#!/bin/sh
# e2e_xta_zeep.sh BIN [SCENARIO...] - the XTA server and zeep, which nobody here has written
#
# One daemon, and Fachverfahren with client certificates: author, reader, and some who may not get
# in. MEGABYTES (8): the attachment of "large"; MESSAGES (40): those of "readers". SHARED: a folder
# with the official WSDLs; without it the server's own are used.
set -eu
bin=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- operations faults large readers
megabytes=${MEGABYTES:-8}
messages=${MESSAGES:-40}
here=$(cd "$(dirname "$0")" && pwd)
shared=${SHARED:-$here/../../../shared}
dir=$(mktemp -d "${TMPDIR:-/tmp}/depesche-xta.XXXXXX")
. "$here/lib.sh"
daemons=server
stop_at_end

# certificate NAME [DAYS]: of a client, NAME.pem and NAME.key
certificate() {
    openssl req -newkey rsa:2048 -nodes -keyout "$dir/$1.key" -out "$dir/$1.csr" -subj "/O=Test/CN=$1" \
        2>>"$dir/openssl.log"
    printf 'keyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n' >"$dir/$1.ext"
    openssl x509 -req -in "$dir/$1.csr" -CA "$dir/pki/ca.pem" -CAkey "$dir/pki/ca.key" -CAcreateserial \
        -sha256 -days "${2:-30}" -extfile "$dir/$1.ext" -out "$dir/$1.pem" 2>>"$dir/openssl.log"
}

pki() {
    prepare
    for who in author reader locked stranger; do
        certificate $who
    done
    certificate expired -1
}

# Answers with what it was asked; the silent one takes longer than anybody waits.
programs() {
    cat >"$dir/answer.sh" <<'EOF'
#!/bin/sh
cp "$DEPESCHE_REQUEST"/* "$DEPESCHE_ANSWER"/
rm -f "$DEPESCHE_ANSWER"/message.json "$DEPESCHE_ANSWER"/verification.json
EOF
    printf '#!/bin/sh\nsleep 600\n' >"$dir/silent.sh"
    # a scanner that knows one virus
    printf '#!/bin/sh\nif grep -aq EICAR-STANDARD; then echo Eicar-Test; exit 1; fi\n' >"$dir/scan.sh"
    chmod +x "$dir"/*.sh
}

settings() {
    port=$(free_ports)
    cat >"$dir/directory.yaml" <<EOF
parties:
  - party: ags:09163000
    name: Gemeinde Grossweiher
    services:
      - {uri: "urn:xoev-de:test:dienst/probe_1.wsdl", mode: asynchronous, endpoint: reader}
      - {uri: "urn:xoev-de:test:dienst/synchron_1.wsdl", mode: synchronous, endpoint: reader}
      - {uri: "urn:xoev-de:test:dienst/fremd_1.wsdl", endpoint: reader}
  - party: ags:09164000
    services:
      - {uri: "urn:xoev-de:test:dienst/synchron_1.wsdl", mode: synchronous, endpoint: silent}
EOF
    cat >"$dir/server.yaml" <<EOF
state: state
directory: directory.yaml
tenant:
  name: Test
  identity:
    signature: {certificate: pki/town-a-signature.pem, key: pki/town-a-signature.key}
    cipher: {certificate: pki/town-a-cipher.pem, key: pki/town-a-cipher.key}
trust: {osci: [pki/ca.pem], tls: [pki/ca.pem]}
api: {socket: api.sock}
virus_scan: {command: [$dir/scan.sh], max_mb: 1024}
endpoints:
  - {name: author, parties: ["ags:09162000"]}
  - name: reader
    parties: ["ags:09163000"]
    answers: {command: [$dir/answer.sh], deadline_seconds: 60}
  - name: silent
    parties: ["ags:09164000"]
    answers: {command: [$dir/silent.sh], deadline_seconds: 3}
xta_server:
  instance: test01
  message_max_mb: $((megabytes + 4))
  sync_seconds: 5
  listeners:
    - port: $port
      tls: {certificate: pki/town-a-tls.pem, key: pki/town-a-tls.key}
      client_authorities: [pki/ca.pem]
  accounts:
    - name: author
      certificates: [author.pem]
      parties: ["ags:09162000"]
      services: ["urn:xoev-de:test:dienst/probe_1.wsdl", "urn:xoev-de:test:dienst/synchron_1.wsdl"]
    - {name: reader, certificates: [reader.pem], parties: ["ags:09163000"]}
    - {name: locked, certificates: [locked.pem], parties: ["ags:09162000"], locked: true}
    - {name: expired, certificates: [expired.pem], parties: ["ags:09162000"]}
EOF
    cat >"$dir/zeep.json" <<EOF
{"base": "https://127.0.0.1:$port", "ca": "$dir/pki/ca.pem", "shared": "$shared", "pid": "$dir/server.pid",
 "megabytes": $megabytes, "messages": $messages, "peak_mb": ${PEAK_MB:-96},
 "parties": {"author": "ags:09162000", "reader": "ags:09163000", "silent": "ags:09164000"},
 "services": {"async": "urn:xoev-de:test:dienst/probe_1.wsdl", "sync": "urn:xoev-de:test:dienst/synchron_1.wsdl",
              "not_booked": "urn:xoev-de:test:dienst/fremd_1.wsdl"},
 "pairs": {"author": ["$dir/author.pem", "$dir/author.key"], "reader": ["$dir/reader.pem", "$dir/reader.key"],
           "locked": ["$dir/locked.pem", "$dir/locked.key"], "stranger": ["$dir/stranger.pem", "$dir/stranger.key"],
           "expired": ["$dir/expired.pem", "$dir/expired.key"]}}
EOF
    "$bin/depesche" --config "$dir/server.yaml" check-config || die "server.yaml"
}

pki
programs
settings
up server
PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$here/xta_zeep.py" "$dir/zeep.json" "$@" || die "zeep is not content"
running server || die "the server has ended by itself"
