#!/bin/sh
# e2e_requests.sh BIN [MESSAGES] - forwarded and mediated through our intermediary, with kill -9
#
# Town B is a passive recipient whose program answers each request. Town A forwards *.txt and sends
# *.ask as requests. Everything must arrive at B once, and each request that B's program has
# answered must be answered once, whoever is killed meanwhile.
set -eu
bin=$(cd "$1" && pwd)
messages=${2:-40}
dir=$(mktemp -d "${TMPDIR:-/tmp}/depesche-requests.XXXXXX")
. "$(dirname "$0")/lib.sh"
stop_at_end

# One line for each time it was run; the answer is the request, letters turned round.
program() {
    cat >"$dir/answer.sh" <<'EOF'
#!/bin/sh
set -eu
for f in "$DEPESCHE_REQUEST"/*.ask; do
    basename "$f" >>"$1/runs"
    rev "$f" >"$DEPESCHE_ANSWER/$(basename "$f" .ask).answer"
done
EOF
    chmod +x "$dir/answer.sh"
}

# The demo's towns, but what goes to B is brought to it.
configure() {
    to=$(($(sed -n 's|.*url: https://127.0.0.1:\([0-9]*\)/.*|\1|p' "$dir/town-a.yaml") + 2))
    cat >>"$dir/intermediary.yaml" <<EOF
  receivers:
    - {url: "https://127.0.0.1:$to/", authorities: [pki/ca.pem]}
  forward_seconds: 90
EOF
    sed -i "s|^\(  *\)addresses: .*|&\n\1delivery: forward\n\1receiver_url: https://127.0.0.1:$to/osci|
        s|^    routes:|&\n      - {files: \"*.ask\", partner: Stadt Beheim, message_type: frage, delivery: mediate}|" \
        "$dir/town-a.yaml"
    sed -i "s|^    folder: .*|&\n    answers: {command: [$dir/answer.sh, $dir], deadline_seconds: 60}|" \
        "$dir/town-b.yaml"
    cat >>"$dir/town-b.yaml" <<EOF
osci_recipient:
  listeners:
    - address: 127.0.0.1
      port: $to
      tls: {certificate: pki/intermediary-tls.pem, key: pki/intermediary-tls.key}
EOF
    "$bin/depesche" --config "$dir/town-a.yaml" check-config >/dev/null || die "town-a.yaml"
    "$bin/depesche" --config "$dir/town-b.yaml" check-config >/dev/null || die "town-b.yaml"
}

ask() {
    printf 'question %s\n' "$1" >"$dir/sent/$1.ask"
    drop "$dir/sent/$1.ask"
}

tell() {
    printf 'telling %s\n' "$1" >"$dir/sent/$1.txt"
    drop "$dir/sent/$1.txt"
}

answers() {
    find "$dir/town-a" -path "*/in/*" -name '*.answer' | sed 's|.*/||' | sort
}

# answered NAME: the reply lies in A's drop folder, and it belongs to the question
answered() {
    answer=$(find "$dir/town-a" -path "*/in/*" -name "$1.answer")
    [ -n "$answer" ] && [ "$(cat "$answer")" = "$(rev "$dir/sent/$1.ask")" ]
}

told() {
    [ "$(in_files '*.txt' | wc -l)" -ge "$1" ]
}

# Worked on, or handed over as a file because its program was interrupted by a kill.
asked() {
    [ "$({
        cat "$dir/runs"
        in_files '*.ask' | sed 's|.*/||'
    } | sort -u | wc -l)" -ge "$1" ]
}

# state NAME: of the message in A's outbox that came from this file
state() {
    "$bin/depesche" --config "$dir/town-a.yaml" --json list outbox | tr '\n' ' ' |
        sed 's/"id"/\n"id"/g' | grep "\"source_name\": *\"$1\"" |
        sed 's/.*"state": *"\([a-z_]*\)".*/\1/'
}

delivered() {
    [ "$(state "$1")" = delivered ]
}

none_doubled() {
    doubled=$(in_files '*.txt' | sed 's|.*/||' | sort | uniq -d)
    [ -z "$doubled" ] || die "came twice: $doubled"
    doubled=$(sort "$dir/runs" | uniq -d)
    [ -z "$doubled" ] || die "worked on twice: $doubled"
    doubled=$(answers | uniq -d)
    [ -z "$doubled" ] || die "answered twice: $doubled"
}

prepare
program
configure
mkdir "$dir/sent"
up intermediary town-b town-a

ask quiet
tell quiet
wait_for answered quiet || die "the question was not answered"
wait_for told 1 || die "what was told did not arrive"
wait_for delivered quiet.ask || die "the request is $(state quiet.ask)"
wait_for delivered quiet.txt || die "the message is $(state quiet.txt)"
echo "in peace: one answered, one told"

i=1
kills=0
while [ "$i" -le "$messages" ]; do
    ask "ask-$i"
    tell "tell-$i"
    if [ $((i % 4)) -eq 0 ]; then
        case $((i / 4 % 3)) in
        0) victim=town-a ;;
        1) victim=town-b ;;
        *) victim=intermediary ;;
        esac
        sleep "0.$((i * 7 % 10))"
        running $victim || die "$victim has ended by itself"
        stop $victim KILL
        start $victim
        kills=$((kills + 1))
    fi
    i=$((i + 1))
done
wait_for told $((messages + 1)) || die "only $(in_files '*.txt' | wc -l) were told"
wait_for asked $((messages + 1)) || die "only $(wc -l <"$dir/runs") were asked"
sleep 5 # whatever would come a second time comes now
none_doubled
echo "$messages of each, $kills kills: all told and asked once, $(answers | wc -l) answered"
