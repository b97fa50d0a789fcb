#!/bin/sh
# check_layers.sh ROOT | --self-test - who may include what (docs/architecture.md)
#
# Prints each line that breaks a rule and ends with 1. The rules:
#   - project headers are named by their path from the root, and arrows point down only;
#   - below gateway/ nobody knows the loop, sockets, files, the database, the clock or chance;
#     a mutex round a memory of one's own is neither;
#   - EVP and xmlsec are crypto/'s alone, but for conformance/, which must not share crypto/'s
#     mistakes; osci/ and xta/ see no OpenSSL header at all;
#   - osci/ and xta/ never meet; conformance/ is a stranger to gateway/;
#   - what AUTO frees is set where it is declared: an early return would free what is not there.
set -eu

io_headers='uv\.h|uv/|curl/|sqlite3\.h|sys/(socket|epoll|select|stat|file|mman|un)\.h|poll\.h'
io_headers="$io_headers|netinet/|arpa/|netdb\.h|fcntl\.h|dirent\.h"
io_headers="$io_headers|http_parser\.h|yaml\.h|cyaml/|systemd/|libsmartcols"
io_calls='time|gettimeofday|clock_gettime|clock|fopen|freopen|open|openat|opendir|socket|getrandom'
io_calls="$io_calls|rand|random|srand|getenv|system|popen"

# layer FOLDER ALLOWED...: ALLOWED are the folders whose headers may be included
layer() {
    folder=$1
    shift
    allowed=$(echo "$*" | tr ' ' '|')
    [ -d "$folder" ] || return 0
    case $folder in
    crypto) files=$(find crypto -maxdepth 1 -name '*.[ch]') ;;
    *) files=$(find "$folder" -name '*.[ch]') ;;
    esac
    [ -n "$files" ] || return 0
    # shellcheck disable=SC2086 # file names without blanks are part of the house style
    {
        [ "$folder" = tests ] || # which may include everything
            deny "$folder may include only: $*" "^ *# *include *\"" \
                "\"($allowed)/[a-z0-9_]+\.h\"" $files
        deny "AUTO without a first value" "^ *AUTO\([a-z0-9_]+\) [^=]*;" '' $files
        case $folder in
        gateway | conformance | tests) ;;
        *)
            deny "no I/O below gateway" "^ *# *include *<($io_headers)" '' $files
            # what is called through a struct is whoever made it
            deny "no I/O, clock or chance below gateway" "(^|[^a-z0-9_>.])($io_calls)\(" '' $files
            ;;
        esac
        case $folder in
        crypto | crypto/base | conformance | tests) ;; # conformance/ judges with eyes of its own
        osci | xta) deny "OpenSSL and xmlsec stay below" "^ *# *include *<(xmlsec/|openssl/)" '' $files ;;
        *) deny "EVP and xmlsec stay in crypto" "^ *# *include *<(xmlsec/|openssl/evp)" '' $files ;;
        esac
    }
}

# deny REASON PATTERN UNLESS FILE...: prints lines with PATTERN, except those with UNLESS
deny() {
    reason=$1 pattern=$2 unless=$3
    shift 3
    grep -nHE -- "$pattern" "$@" | grep -vE -- "${unless:-^$}" | sed "s|\$|   <- $reason|" || :
}

check() {
    cd "$1"
    layer crypto/base crypto/base
    layer crypto crypto/base crypto
    layer certs crypto/base crypto certs
    layer osci crypto/base crypto certs osci
    layer xta crypto/base crypto certs xta
    layer gateway crypto/base crypto certs osci xta gateway
    layer conformance crypto/base crypto certs osci xta conformance
    layer tests
}

# Each row is a file, a line that must not stand there, and is tried alone.
self_test() {
    tree=$(mktemp -d)
    trap 'rm -rf "$tree"' EXIT
    bad=0
    while IFS='|' read -r file line; do
        rm -rf "${tree:?}"/*
        mkdir -p "$tree/$(dirname "$file")"
        printf '#include <stddef.h>\n#include "%s/x.h"\n' "$(dirname "$file")" >"$tree/$file"
        if [ -n "$(check "$tree")" ]; then
            echo "found something in a clean $file"
            bad=1
        fi
        echo "$line" >>"$tree/$file"
        if [ -z "$(check "$tree")" ]; then
            echo "not found: $file: $line"
            bad=1
        fi
    done <<'ROWS'
crypto/base/a.c|#include "crypto/key.h"
crypto/a.c|    AUTO(buf_deinit) struct buf text;
tests/unit/a.c|    AUTO(buf_deinit) struct buf a, b;
crypto/a.c|#include "certs/path.h"
crypto/a.c|#include <sys/socket.h>
certs/a.c|#include "osci/dialog.h"
certs/a.c|#include <openssl/evp.h>
certs/a.c|    now = time(NULL);
osci/a.c|#include "xta/model.h"
osci/a.c|#include "gateway/log.h"
osci/a.c|#include "dialog.h"
osci/a.c|#include "../gateway/log.h"
osci/a.c|#include <uv.h>
osci/a.c|  #  include <sqlite3.h>
osci/a.h|#include <xmlsec/xmlsec.h>
osci/a.c|#include <openssl/x509.h>
osci/a.c|    f = fopen(name, "r");
osci/a.c|    getrandom(bytes, sizeof bytes, 0);
xta/a.c|#include "osci/dialog.h"
xta/a.c|#include <curl/curl.h>
gateway/a.c|#include <openssl/evp.h>
gateway/a.c|#include <xmlsec/xmldsig.h>
gateway/a.c|#include "conformance/report.h"
conformance/a.c|#include "gateway/store.h"
ROWS
    return $bad
}

case ${1:-} in
--self-test) self_test ;;
'' | -*)
    echo "usage: check_layers.sh ROOT | --self-test" >&2
    exit 64
    ;;
*)
    found=$(check "$1")
    [ -z "$found" ] || {
        printf '%s\n' "$found"
        exit 1
    }
    ;;
esac
