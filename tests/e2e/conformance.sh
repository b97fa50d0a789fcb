#!/bin/sh
# conformance.sh BUILD [OPTION...] - depesche-conformance against fresh processes of ours
#
# Makes keys, starts an intermediary, a gateway, a passive recipient and an XTA server on loopback,
# runs all roles, and clears up. The options go to depesche-conformance. With --json nothing else is
# on stdout.
# DEPESCHE_CONFORMANCE_SUITES says which of osci and xta (both), DEPESCHE_CONFORMANCE_DIR keeps
# everything there: keys, states, logs, evidence.
set -eu
bin=$(cd "$1" && pwd)
shift
. "$(dirname "$0")/lib.sh"

keep=${DEPESCHE_CONFORMANCE_DIR:-}
dir=${keep:-$(mktemp -d "${TMPDIR:-/tmp}/depesche-conformance.XXXXXX")}
mkdir -p "$dir"
suites=${DEPESCHE_CONFORMANCE_SUITES:-osci xta}
daemons="intermediary recipient client closed xta"
stop_at_end

base=$(free_ports) # the intermediary, the recipient played to it, one nobody listens on, one more
"$bin/depesche-conformance" --make-keys "$dir/keys"

intermediary_yaml() {
    mkdir -p "$dir/intermediary/state"
    cat >"$dir/intermediary.yaml" <<YAML
state: intermediary/state
trust: {osci: [keys/ca.pem, keys/ca-silent.pem], crls: keys/crls}
api: {socket: intermediary/api.sock}
osci_server:
  identity:
    signature: {certificate: keys/intermediary-signature.pem, key: keys/intermediary-signature.key}
    cipher: {certificate: keys/intermediary-cipher.pem, key: keys/intermediary-cipher.key}
  listeners:
    - {address: 127.0.0.1, port: $base}
  self_registering: true
  dialog_minutes: 1
  forward_seconds: 15
  receivers:
    - {url: "http://127.0.0.1:$((base + 1))/"}
    - {url: "http://127.0.0.1:$((base + 2))/"}
YAML
}

wants() {
    case " $suites " in
    *" $1 "*) return 0 ;;
    *) return 1 ;;
    esac
}

intermediary_yaml
. "$(dirname "$0")/conformance_roles.sh"
. "$(dirname "$0")/conformance_xta.sh"
daemons=

# status NAME FIELD: of the daemon's process, in kB
status_hook() {
    echo "sed -n 's/$2: *\([0-9]*\) kB/\1/p' /proc/\$(cat '$dir/$1.pid')/status"
}

if wants osci; then
    daemons="$daemons intermediary recipient client"
    roles_prepare
    set -- \
        --intermediary "http://127.0.0.1:$base/osci" \
        --hook "restart=$dir/restart.sh \"\$1\"" \
        --hook "memory=$(status_hook intermediary VmHWM)" \
        --set "receiver_port=$((base + 1))" --set "dead_port=$((base + 2))" \
        --set dialog_seconds=60 \
        --recipient "http://127.0.0.1:$recipient_port/osci" \
        --set "inbox=$dir/recipient/fach/in" --set elliptic=1 \
        --client "http://127.0.0.1:$client_port/osci" \
        --xta "v3.client=https://127.0.0.1:$xta3_port/xta" \
        --xta "v5.client=https://127.0.0.1:$xta5_port/xta" --set large=1 \
        --set "client_inbox=$dir/client/fach/in" --set implicit=1 --set poll_wait=180 \
        --hook "send=$dir/send.sh \"\$1\" \"\$2\"" --hook "state=$dir/state.sh \"\$1\"" \
        --hook "kill=$dir/kill.sh" --hook "start=$dir/start.sh" \
        "$@"
fi
if wants xta; then
    daemons="$daemons closed xta"
    xta_prepare
    for port in v3/management v3/send v3/msgbox v5/base v5/sender v5/recipient v5/reader; do
        set -- --xta "$(echo "$port" | tr / .)=$xta_url/$port" "$@"
    done
    set -- \
        --hook "restart-xta=$dir/restart-xta.sh \"\$1\"" \
        --hook "memory-xta=$(status_hook xta VmHWM)" \
        --hook "break=$dir/break.sh" --hook "mend=$dir/mend.sh" \
        --set sync=1 --set deliverer=reader \
        --set party.unreachable=ags:09169000 --set "service.unbooked=$xta_unbooked" \
        --set "xta_max_mb=$xta_max_mb" --set scanner=1 --set wait=180 \
        "$@"
    ! [ -d "$xta_official" ] || set -- --xta-schemas "$xta_official" "$@"
fi
# shellcheck disable=SC2086
up $daemons

result=0
"$bin/depesche-conformance" --keys "$dir/keys" --timeout 300 "$@" || result=$?
for d in $daemons; do
    running "$d" || die "$d has ended by itself"
done
exit $result
