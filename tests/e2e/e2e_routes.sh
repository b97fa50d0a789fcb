#!/bin/sh
# e2e_routes.sh BIN - the table of routes: out by metadata and content, in to another endpoint and
# onward; an alternative that takes over while a destination is down, and gives back; what test and
# rehearse say about all of it
set -eu
bin=$(cd "$1" && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/depesche-routes.XXXXXX")
. "$(dirname "$0")/lib.sh"
forwarder=
forwarder_stop() {
    [ -z "$forwarder" ] || kill "$forwarder" 2>/dev/null || :
}
stop_at_end
trap 'status=$?; forwarder_stop; (exit $status); ended' EXIT
prepare

# Beheim may be reached through a line that is dead as yet: the same intermediary, another port
port=$(sed -n 's,^    url: https://127.0.0.1:\([0-9]*\)/osci,\1,p' "$dir/town-a.yaml")
spare=$((port + 7))
sed -i -e "/^partners:/i\\
  - name: leitung\\
    url: https://127.0.0.1:$spare/osci\\
    cipher_certificate: pki/intermediary-cipher.pem\\
    signature_certificate: pki/intermediary-signature.pem\\
    poll_seconds: 1\\
    receipt_poll_seconds: 2\\
    fetch: false" -e '/^endpoints:/i\
  - name: Beheim über Leitung\
    intermediary: leitung\
    cipher_certificate: pki/town-b-cipher.pem\
    signature_certificates: [pki/town-b-signature.pem]' "$dir/town-a.yaml"
cat >>"$dir/town-a.yaml" <<'YAML'
routes:
  - name: Kfz
    from: bauamt
    when: {process_id: "KFZ-*"}
    to: [Beheim über Leitung, Stadt Beheim]
    after_seconds: 3
    message_type: kfz
  - name: Satz
    from: bauamt
    when:
      content:
        - line: 1
          matches: '^VORL[ÄA]UF'
    to: Stadt Beheim
    message_type: satz
  - name: Rechnung
    from: bauamt
    when:
      content:
        - xpath: local-name(/*)
          equals: Rechnung
    to: archiv
    transform: {stylesheet: form.xsl, suffix: .json}
  - name: Rest
    from: bauamt
    when: {file: "*.kaputt.xml"}
    to: target:archiv
    transform: {stylesheet: form.xsl}
YAML
# a target is a destination like any other, named without further ado
cat >>"$dir/town-a.yaml" <<YAML
targets:
  - name: archiv
    command: [/bin/sh, -c, 'cp -r . "$dir/archiv-\$DEPESCHE_ID"']
YAML
cp "$(dirname "$0")/../../share/xml-to-json.xsl" "$dir/form.xsl"
sed -i '/^endpoints:/a\
  - name: kasse\
    folder: town-b/kasse' "$dir/town-b.yaml"
cat >>"$dir/town-b.yaml" <<'YAML'
routes:
  - name: Satz an die Kasse
    from: Stadt Ahausen
    when:
      message_type: satz
      content:
        - lines: 2
          matches: 'BETRAG=[0-9]+'
    to: kasse
  - name: weiter
    from: peers
    when: {subject: "zurück*"}
    to: Stadt Ahausen
  - name: Bescheid
    from: Stadt Ahausen
    when: {subject: "Bescheid*"}
    to: kasse
    transform: {stylesheet: form.xsl, suffix: .json}
YAML
for town in town-a town-b; do
    "$bin/depesche" check-config "$dir/$town.yaml" >/dev/null || die "$town.yaml is not all right"
done

route() {
    "$bin/depesche" route --lang en "$@"
}

# where would it go? no daemon runs yet
printf 'VORL\304UF 1\r\nBETRAG=100\r\n' >"$dir/satz.dat"
route test "$dir/satz.dat" --config "$dir/town-a.yaml" --endpoint bauamt >"$dir/test.txt" ||
    die "route test has failed"
grep -q 'goes to Stadt Beheim, by route Satz' "$dir/test.txt" || die "not by the route Satz"
grep -Eq 'Kfz +does not hold +process id +KFZ-\* +\(nothing\)' "$dir/test.txt" ||
    die "nothing is said about the route Kfz"
route test "$dir/satz.dat" process_id=KFZ-1 --config "$dir/town-a.yaml" --endpoint bauamt --json |
    grep -q '"route": "Kfz"' || die "not by the route Kfz"

# another form of it: what would come of it, and a stylesheet that is none is never in force
printf '<Rechnung nr="7"><an>Bürger</an></Rechnung>' >"$dir/rechnung.xml"
route test "$dir/rechnung.xml" --config "$dir/town-a.yaml" --endpoint bauamt >"$dir/test.txt" ||
    die "route test has failed"
grep -q 'is transformed: rechnung.xml.json, 40 bytes' "$dir/test.txt" || {
    cat "$dir/test.txt" >&2
    die "not what the stylesheet makes"
}
echo '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:x/></xsl:stylesheet>' \
    >"$dir/wrong.xsl"
sed 's/form.xsl/wrong.xsl/' "$dir/town-a.yaml" >"$dir/town-a-wrong.yaml"
! "$bin/depesche" check-config --lang en "$dir/town-a-wrong.yaml" >"$dir/check.txt" 2>&1 ||
    die "a wrong stylesheet is all right"
grep -q 'D-1225' "$dir/check.txt" || die "check-config does not say what is wrong with wrong.xsl"

up intermediary town-b town-a

# by the first line, and in to the cash office
drop "$dir/satz.dat"
at_kasse() {
    cmp -s "$dir/satz.dat" "$dir"/town-b/kasse/in/*/satz.dat
}
wait_for at_kasse || die "the record has not come to the cash office"

# the first destination is down: the second takes over
said() {
    grep -c "event=route.$1" "$dir/town-a.log" || :
}
echo eins >"$dir/eins.txt"
printf 'process_id: KFZ-1\n' >"$a_out/eins.txt.meta.yaml"
drop "$dir/eins.txt"
wait_for arrived "$dir/eins.txt" || die "the alternative has not taken over"
[ "$(said alternative)" -eq 1 ] || die "not one line about the turn"
"$bin/depesche" routes --config "$dir/town-a.yaml" | grep -Fq 'Beheim über Leitung (!)' ||
    die "routes does not show what is down"

# the line is back: so is the first destination
python3 - "$spare" "$port" <<'PYTHON' &
import socket, sys, threading

def pump(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    near, _ = listener.accept()
    far = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
    for ends in ((near, far), (far, near)):
        threading.Thread(target=pump, args=ends, daemon=True).start()
PYTHON
forwarder=$!
back() {
    n=$((${n:-1} + 1))
    echo "$n" >"$dir/zwei-$n.txt"
    printf 'process_id: KFZ-2\n' >"$a_out/zwei-$n.txt.meta.yaml"
    drop "$dir/zwei-$n.txt"
    wait_for arrived "$dir/zwei-$n.txt" || die "zwei-$n.txt has not arrived"
    [ "$(said back)" -eq 1 ]
}
wait_for back || die "the first destination was never tried again"
echo drei >"$dir/drei.txt"
printf 'process_id: KFZ-3\n' >"$a_out/drei.txt.meta.yaml"
drop "$dir/drei.txt"
wait_for arrived "$dir/drei.txt" || die "drei.txt has not arrived"
"$bin/depesche" list outbox --config "$dir/town-a.yaml" --json | tr -d '\n' |
    grep -Eq '"recipient": "Beheim über Leitung"[^}]*"source_name": "drei.txt"' ||
    die "drei.txt did not go to the first destination"

# what comes in goes on, and is acknowledged when it is delivered
echo zurück >"$dir/zurück.txt"
printf 'subject: zurück an Absender\n' >"$a_out/zurück.txt.meta.yaml"
drop "$dir/zurück.txt"
a_in=$(dirname "$a_out")/in
came_back() {
    cmp -s "$dir/zurück.txt" "$a_in"/*/zurück.txt
}
wait_for came_back || die "it has not gone on"
acknowledged() {
    "$bin/depesche" list inbox --config "$dir/town-b.yaml" --json | tr -d '\n' |
        grep -Eq '"state": "acknowledged",[^}]*"subject": "zurück an Absender"'
}
rm -r "$a_in"/*
wait_for acknowledged || die "the inbound message was not acknowledged"

# a target, and a stylesheet on the way to it; both forms are there
drop "$dir/rechnung.xml"
in_archive() {
    grep -qs '^{"Rechnung":{"@nr":"7","an":"Bürger"}}$' "$dir"/archiv-*/rechnung.xml.json &&
        cmp -s "$dir/rechnung.xml" "$dir"/archiv-*/rechnung.xml
}
wait_for in_archive || die "the archive has not got both forms"
"$bin/depesche" routes --config "$dir/town-a.yaml" | grep -Eq 'Rechnung .*archiv +form.xsl' ||
    die "routes does not show the stylesheet"
# what cannot be transformed comes back, with the reason
printf '<Rechnung>' >"$dir/x.kaputt.xml"
drop "$dir/x.kaputt.xml"
refused() {
    grep -qs 'D-2220' "$(dirname "$a_out")"/refused/x.kaputt.xml.error.txt
}
wait_for refused || die "what cannot be transformed was not refused"
# and on the way in, to another endpoint than else
printf '<b>gewährt</b>' >"$dir/bescheid.xml"
printf 'recipient: Stadt Beheim\nsubject: Bescheid 1\n' >"$a_out/bescheid.xml.meta.yaml"
drop "$dir/bescheid.xml"
at_kasse_twice() {
    grep -qs '^{"b":"gewährt"}$' "$dir"/town-b/kasse/in/*/bescheid.xml.json &&
        cmp -s "$dir/bescheid.xml" "$dir"/town-b/kasse/in/*/bescheid.xml
}
wait_for at_kasse_twice || die "the cash office has not got both forms"
printf '<b>' >"$dir/halb-b.xml"
printf 'recipient: Stadt Beheim\nsubject: Bescheid 2\n' >"$a_out/halb-b.xml.meta.yaml"
drop "$dir/halb-b.xml"
held() {
    "$bin/depesche" list inbox --config "$dir/town-b.yaml" --json | tr -d '\n' |
        grep -Eq '"code": "D-2221"'
}
wait_for held || die "what cannot be transformed is not held"

# other settings: which messages would go elsewhere?
sed 's/to: \[Beheim über Leitung, Stadt Beheim\]/to: Stadt Beheim/; s/process_id: "KFZ-\*"/process_id: "KFZ-[0-9]"/' \
    "$dir/town-a.yaml" >"$dir/town-a-new.yaml"
sed -i '/^  - name: Satz$/,$d' "$dir/town-a-new.yaml"
sed -i 's/to: Stadt Beheim$/to: Beheim über Leitung/' "$dir/town-a-new.yaml"
sed -i 's/process_id: "KFZ-\[0-9\]"/process_id: "KFZ-?"/' "$dir/town-a-new.yaml"
route rehearse "$dir/town-a-new.yaml" --socket "$dir/town-a/api.sock" >"$dir/rehearse.txt" ||
    die "route rehearse has failed"
grep -Eq 'eins.txt +Stadt Beheim +Beheim über Leitung +Kfz +changed' "$dir/rehearse.txt" ||
    die "eins.txt would go elsewhere, and nobody says so"
! grep -q 'drei.txt' "$dir/rehearse.txt" || die "drei.txt would go where it went"
route rehearse "$dir/town-a.yaml" --socket "$dir/town-a/api.sock" --json >"$dir/same.json" ||
    die "route rehearse has failed"
grep -q '"changed": 0' "$dir/same.json" || die "the same settings change something"
echo "e2e_routes: all went where the table says"
