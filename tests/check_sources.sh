#!/bin/sh
# check_sources.sh TOOL ROOT BUILD - cppcheck or clang-format over all C sources; silent when content
set -eu
tool=$1 root=$2 build=$3
cd "$root"

folders=
for f in crypto certs osci xta gateway conformance tests; do
    [ ! -d "$f" ] || folders="$folders $f"
done

case $tool in
cppcheck)
    mkdir -p "$build/cppcheck"
    # Preprocessor variables of libraries we do not show it are no finding; nor is it one that it
    # looks at every configuration only up to its own limit.
    # shellcheck disable=SC2086 # a list of words
    exec cppcheck --quiet --std=c11 --language=c --library=posix -I . -j 2 \
        --enable=warning,performance,portability --inline-suppr \
        --suppressions-list=.cppcheck --cppcheck-build-dir="$build/cppcheck" \
        --error-exitcode=1 $folders
    ;;
clang-format)
    # shellcheck disable=SC2086
    find $folders -name '*.[ch]' -exec clang-format --dry-run --Werror {} +
    ;;
*)
    echo "check_sources.sh: no tool $tool" >&2
    exit 64
    ;;
esac
