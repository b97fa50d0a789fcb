#!/bin/sh
# e2e_xta_client.sh BIN [MESSAGES] - town A as XTA client of town B's server, with kill -9
#
# In both versions at once: A's messages go to B's own program, which has a drop folder, and to a
# box at B that is A's, from where A fetches them again. Either daemon is killed at random moments.
# In the end all lie byte-identical where they belong, each exactly once, and every message that
# was fetched is delivered by its transport report.
set -eu
bin=$(cd "$1" && pwd)
messages=${2:-60}
dir=$(mktemp -d "${TMPDIR:-/tmp}/depesche-xta.XXXXXX")
. "$(dirname "$0")/lib.sh"
daemons="town-a town-b"
stop_at_end

# Pseudo-random numbers from a seed that is told, so that a run can be looked at again.
seed=${SEED:-$(($(date +%s) % 100000))}
random() {
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    drawn=$((seed / 65536 % $1))
}

# server NAME VERSION PARTY: one of A's entries
server() {
    if [ "$2" = 3 ]; then
        urls="{management: '$url/xta/v3/management', send: '$url/xta/v3/send', msgbox: '$url/xta/v3/msgbox'}"
    else
        urls="{base: '$url/xta/v5/base', sender: '$url/xta/v5/sender', recipient: '$url/xta/v5/recipient'}"
    fi
    cat <<END
  - name: $1
    version: $2
    urls: $urls
    tls: {certificate: pki/town-a-signature.pem, key: pki/town-a-signature.key}
    parties: [{value: '$3'}]
    poll_seconds: 1
    receipt_poll_seconds: 1
END
}

# partner NAME SERVER READER
partner() {
    cat <<END
  - name: $1
    xta: $2
    reader: {value: '$3'}
    xta_message: {service: 'urn:xoev-de:test:dienst', scenario: XMELD_DATA, type: probe.0001}
END
}

settings() {
    base=$(free_ports)
    "$bin/depesche" init --demo "$dir" --ports "$base" >"$dir/init.log" 2>&1 || die "no demo"
    rm -rf "$dir/town-a" "$dir/town-b"
    mkdir -p "$dir/town-a/amt" "$dir/town-b/kasse" "$dir/sent"
    url="https://127.0.0.1:$base"
    {
        sed '/^intermediaries:/,$d' "$dir/town-a.yaml"
        echo "retry: {first_seconds: 1, max_seconds: 4}"
        echo "xta_servers:"
        server drei 3 ags:3
        server fuenf 5 ags:5
        echo "partners:"
        partner B3 drei ags:20
        partner B5 fuenf ags:20
        partner A3 drei ags:3
        partner A5 fuenf ags:5
        cat <<END
endpoints:
  - name: amt
    folder: town-a/amt
    receives: {default: true}
    routes:
      - {files: 'B3-*', partner: B3}
      - {files: 'B5-*', partner: B5}
      - {files: 'A3-*', partner: A3}
      - {files: 'A5-*', partner: A5}
END
    } >"$dir/a.new"
    {
        sed '/^intermediaries:/,$d' "$dir/town-b.yaml"
        cat <<END
endpoints:
  - {name: kasse, folder: town-b/kasse, parties: ['ags:20'], receives: {default: true}}
  - {name: gast, parties: ['ags:3', 'ags:5']}
xta_server:
  instance: beheim
  listeners:
    - {port: $base, tls: {certificate: pki/intermediary-tls.pem, key: pki/intermediary-tls.key},
       client_authorities: [pki/ca.pem]}
  accounts:
    - {name: ahausen, certificates: [pki/town-a-signature.pem], parties: ['ags:3', 'ags:5']}
END
    } >"$dir/b.new"
    mv "$dir/a.new" "$dir/town-a.yaml"
    mv "$dir/b.new" "$dir/town-b.yaml"
    a_out=$dir/town-a/amt/out
}

crash() {
    random 2
    [ "$drawn" -eq 0 ] && victim=town-a || victim=town-b
    running $victim || die "$victim has ended by itself"
    stop $victim KILL
    kills=$((kills + 1))
    random 8
    sleep "0.$drawn"
    start $victim
}

# received: the names of what has come, sorted
received() {
    find "$dir/town-a/amt/in" "$dir/town-b/kasse/in" -name '.*' -prune -o -name '[AB][35]-*' -print |
        sed 's|.*/||' | sort
}

all_received() {
    [ "$(received | wc -l)" -ge "$messages" ]
}

check_all() {
    received >"$dir/got"
    ls "$dir/sent" | sort >"$dir/want"
    cmp -s "$dir/want" "$dir/got" || {
        diff "$dir/want" "$dir/got" | head -n 20 >&2
        die "lost: $(comm -23 "$dir/want" "$dir/got" | wc -l), doubled: $(uniq -d "$dir/got" | wc -l)"
    }
    while read -r name; do
        cmp -s "$dir/sent/$name" "$dir"/town-[ab]/*/in/*/"$name" || die "$name has changed"
    done <"$dir/want"
}

# what A fetched itself is closed, and its report says so
delivered() {
    [ "$("$bin/depesche" --config "$dir/town-a.yaml" list outbox --state delivered --limit 1000 \
        --json 2>/dev/null | grep -o '"state": *"delivered"' | wc -l)" -ge $((messages / 2)) ]
}

echo "seed $seed"
settings
up town-b town-a
kills=0
i=0
while [ "$i" -lt "$messages" ]; do
    case $((i % 4)) in
    0) to=B3 ;;
    1) to=A3 ;;
    2) to=B5 ;;
    *) to=A5 ;;
    esac
    name=$(printf '%s-%04d.txt' $to "$i")
    printf 'Nachricht %s\r\n' "$i" >"$dir/sent/$name"
    [ $((i % 10)) -ne 9 ] || binary 400000 "$dir/sent/$name"
    drop "$dir/sent/$name"
    random 10
    [ "$drawn" -ne 0 ] || crash
    i=$((i + 1))
done
for _ in 1 2 3 4; do
    random 10
    sleep "0.$drawn"
    crash
done
wait_for all_received || {
    check_all
    die "only $(received | wc -l) of $messages have arrived"
}
wait_for delivered || die "not all that was fetched is delivered"
stop_all KILL
up town-b town-a
sleep 5 # whatever would come a second time comes now
check_all
echo "$messages messages in both versions, $kills kills, 0 lost, 0 doubled"
