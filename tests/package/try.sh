#!/bin/sh
# try.sh DEB NEWER [CHROOT.tar] - the package in a fresh bookworm: install, upgrade, remove, purge
#
# Needs root, and debootstrap unless a tar of a minimal bookworm is given. Depends on Debian's
# packages being in reach, so it is no ctest test: ./run package --try calls it.
set -eu

deb=$1
newer=$2
tar=${3:-}
here=$(cd "$(dirname "$0")" && pwd)
root=$(mktemp -d "${TMPDIR:-/tmp}/depesche-package-XXXXXX")
checks=0

die() {
    echo "try.sh: $*" >&2
    exit 1
}

clean="env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive"
inside() {
    # shellcheck disable=SC2086
    chroot "$root" $clean "$@"
}

# holds TEXT COMMAND...: one line for each thing that must be so
holds() {
    text=$1
    shift
    "$@" >"$root/tmp/holds" 2>&1 || {
        cat "$root/tmp/holds" >&2
        die "not so: $text"
    }
    checks=$((checks + 1))
    echo "ok: $text"
}

is() {
    [ "$1" = "$2" ] || {
        echo "'$1' is not '$2'"
        return 1
    }
}

gone() {
    ! "$@"
}

ended() {
    status=$?
    trap - EXIT
    [ ! -s "$root/tmp/daemon.pid" ] || kill -9 "$(cat "$root/tmp/daemon.pid")" 2>/dev/null || :
    for m in dev/pts dev proc; do
        umount -l "$root/$m" 2>/dev/null || :
    done
    mountpoint -q "$root/proc" || rm -rf --one-file-system "$root"
    exit $status
}

# all that lies there, but for what dpkg and apt note down of every package
inventory() {
    (cd "$root" && find . -xdev \( -path ./proc -o -path ./dev -o -path ./sys -o -path ./tmp -o \
        -path ./var/cache -o -path ./var/log -o -path ./var/lib/dpkg -o -path ./var/lib/apt \) \
        -prune -o -print) | grep -vE '^./etc/(passwd|group|g?shadow|sub[ug]id)-?$|^./run/' | sort
}

# the daemon as the service would run it; ready when this returns
start() {
    # shellcheck disable=SC2086
    chroot "$root" $clean setpriv --reuid=depesche --regid=depesche --init-groups --no-new-privs \
        depesched --config /etc/depesche/depesche.yaml >"$root/tmp/daemon.log" 2>&1 &
    echo $! >"$root/tmp/daemon.pid"
    n=0
    until grep -q daemon.started "$root/tmp/daemon.log"; do
        n=$((n + 1))
        [ $n -lt 600 ] || {
            cat "$root/tmp/daemon.log" >&2
            die "the daemon does not start"
        }
        sleep 0.1
    done
}

stop() {
    kill "$(cat "$root/tmp/daemon.pid")"
    wait "$(cat "$root/tmp/daemon.pid")" || die "the daemon does not end well"
    rm "$root/tmp/daemon.pid"
}

# the messages that wait, by id
queue() {
    inside depesche --config /etc/depesche/depesche.yaml --json list outbox |
        sed -n 's/.*"id": "\([^"]*\)".*/\1/p' | sort
}

trap ended EXIT
trap 'exit 1' INT TERM
if [ -n "$tar" ]; then
    tar -C "$root" -xpf "$tar"
else
    debootstrap --variant=minbase bookworm "$root" >"$root.log" 2>&1 || {
        cat "$root.log" >&2
        die "debootstrap has failed"
    }
    rm -f "$root.log"
fi
chmod 755 "$root"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || :
cp "$deb" "$root/tmp/old.deb"
cp "$newer" "$root/tmp/new.deb"
inside apt-get update -q >"$root/tmp/apt.log" 2>&1 || die "no package lists"

# its dependencies first, so that what it brings itself can be told apart
depends=$(dpkg-deb -f "$deb" Depends | sed 's/([^)]*)//g; s/,/ /g')
# shellcheck disable=SC2086
inside apt-get install -q -y --no-install-recommends $depends >"$root/tmp/apt.log" 2>&1 ||
    die "the dependencies cannot be installed"
inventory >"$root/tmp/before"

holds "it installs" inside apt-get install -q -y --no-install-recommends /tmp/old.deb
holds "the service user is there" inside getent passwd depesche
holds "it cannot log in" is "$(inside getent passwd depesche | cut -d: -f7)" /usr/sbin/nologin
for folder in "/etc/depesche 750 root:depesche" "/var/lib/depesche 700 depesche:depesche" \
    "/var/spool/depesche 755 depesche:depesche"; do
    # shellcheck disable=SC2086
    set -- $folder
    holds "$1 belongs to $3, $2" is "$(inside stat -c '%a %U:%G' "$1")" "$2 $3"
done
holds "the unit is there" test -f "$root/usr/lib/systemd/system/depesche.service"
holds "it is enabled" test -L "$root/etc/systemd/system/multi-user.target.wants/depesche.service"
for page in man1/depesche.1 man1/depesche-conformance.1 man5/depesche.yaml.5 man8/depesched.8; do
    holds "the manual $page is there" test -s "$root/usr/share/man/$page"
done
holds "bash completes its words" test -s "$root/usr/share/bash-completion/completions/depesche"
holds "the command runs" inside depesche --version
holds "the daemon runs" inside depesched --version
holds "the program for stylesheets is there" test -x "$root/usr/libexec/depesche/depesche-transform"
holds "so is the one that holds keys" test -x "$root/usr/libexec/depesche/depesched-keys"
holds "and the stylesheet for JSON" test -s "$root/usr/share/depesche/xml-to-json.xsl"

# a town whose intermediary is away: what it accepts waits
ports=$(e2e=$here/../e2e && . "$e2e/lib.sh" && free_ports)
inside depesche init --demo /tmp/demo --ports "$ports" >/dev/null
cp -R "$root/tmp/demo/." "$root/etc/depesche/"
sed -e 's#^state:.*#state: /var/lib/depesche#' -e '/^    folder:/d' "$root/etc/depesche/town-a.yaml" \
    >"$root/etc/depesche/depesche.yaml"
inside chown -R depesche:depesche /etc/depesche
holds "the settings are all right" inside depesche check-config /etc/depesche/depesche.yaml
start
for n in 1 2 3; do
    inside depesche --config /etc/depesche/depesche.yaml --json send --endpoint bauamt \
        --to "Stadt Beheim" /etc/hostname >/dev/null || die "message $n is not taken"
done
queue >"$root/tmp/queue"
holds "three messages wait" is "$(wc -l <"$root/tmp/queue")" 3
stop

holds "it is upgraded" inside apt-get install -q -y --no-install-recommends /tmp/new.deb
holds "it is the newer one" is "$(inside dpkg-query -W -f '${Version}' depesche)" \
    "$(dpkg-deb -f "$newer" Version)"
start
holds "the same messages wait" is "$(queue)" "$(cat "$root/tmp/queue")"
stop

holds "it is removed" inside apt-get remove -q -y depesche
holds "its programs are gone" gone test -e "$root/usr/sbin/depesched"
holds "its settings stay" test -f "$root/etc/depesche/depesche.yaml"
holds "it is purged" inside apt-get purge -q -y depesche
inventory >"$root/tmp/after"
comm -13 "$root/tmp/before" "$root/tmp/after" | grep -v '^./var/lib/depesche\(/\|$\)' \
    >"$root/tmp/left" || :
holds "a purge leaves nothing but the state folder" is "$(cat "$root/tmp/left")" ""
holds "the state folder is there" test -f "$root/var/lib/depesche/index.db"
holds "only root can read it" is "$(inside stat -c '%a %U' /var/lib/depesche)" "700 root"
holds "the user is gone" gone inside getent passwd depesche
holds "it installs again" inside apt-get install -q -y --no-install-recommends /tmp/new.deb
holds "and has its state back" is "$(inside stat -c %U /var/lib/depesche/index.db)" depesche
echo "package: $checks checks passed"
