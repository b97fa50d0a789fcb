#!/bin/sh
# client.sh - the same as client.py with curl
#
#   client.sh SOCKET send ENDPOINT RECIPIENT FILE   sends a file and waits for its receipt
#   client.sh SOCKET take ENDPOINT FOLDER           fetches what has come and acknowledges it
set -eu
socket=$1 verb=$2 endpoint=$3
shift 3

ask() {
    curl --silent --show-error --fail-with-body --unix-socket "$socket" "$@"
}

# member NAME: of the JSON that comes in, the first of that name
member() {
    sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1
}

# ids NAME: all members of that name that are ids
ids() {
    grep -o "\"$1\":\"[0-9a-f-]\{36\}\"" | cut -d '"' -f 4 || :
}

case $verb in
send)
    # with the same key the request may be repeated after a broken line: it stays one message
    id=$(ask --header "Idempotency-Key: $(cat /proc/sys/kernel/random/uuid)" \
        --form "meta={\"endpoint\":\"$endpoint\",\"recipient\":\"$1\"};type=application/json" \
        --form "file=@\"$2\"" http://depesche/v1/messages | member id)
    echo "$id accepted"
    while :; do
        state=$(ask "http://depesche/v1/messages/$id" | member state)
        case $state in
        delivered) echo "$id $state" && exit 0 ;;
        failed | expired | cancelled) echo "$id $state" && exit 1 ;;
        esac
        sleep 1
    done
    ;;
take)
    for id in $(ask --get --data-urlencode "endpoint=$endpoint" --data box=inbox \
        --data state=opened,handed_over http://depesche/v1/messages | ids id); do
        mkdir -p "$1/$id"
        for n in $(ask "http://depesche/v1/messages/$id" | tr '{' '\n' |
            sed -n '/"kind":"payload"/s/.*"n":\([0-9]*\).*/\1/p'); do
            ask --output "$1/$id/$n" "http://depesche/v1/messages/$id/files/$n"
        done
        ask --request POST --output /dev/null "http://depesche/v1/messages/$id/ack"
        echo "$id"
    done
    ;;
esac
