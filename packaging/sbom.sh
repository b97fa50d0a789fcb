#!/bin/sh
# sbom.sh VERSION PROGRAM... - what the programs are made of and with, as CycloneDX 1.5 JSON on stdout
#
# Each library that the loader takes for one of the programs is a component: the Debian package it came
# from, with its version, where there is dpkg; else the library's own file, with the version in its name.
# Nothing in it depends on the day or the machine's name, so the same build gives the same bytes.
set -eu
LC_ALL=C
export LC_ALL
version=$1
shift

# libraries PROGRAM...: "soname path" of each, once
libraries() {
    for program in "$@"; do
        ldd "$program"
    done | awk '$2 == "=>" && $3 ~ /^\// { print $1, $3 }
                $1 ~ /^\// { n = split($1, part, "/"); print part[n], $1 }' | sort -u
}

# owner PATH: "package version architecture" by dpkg, which knows a file by one of its names
owner() {
    command -v dpkg-query >/dev/null || return 0
    for path in "$(readlink -f "$1")" "$1" "/usr$1"; do
        package=$(dpkg-query -S "$path" 2>/dev/null | sed -n '1s/: .*//p')
        if [ -n "$package" ]; then
            # shellcheck disable=SC2016 # dpkg's own fields
            dpkg-query -W -f '${Package} ${Version} ${Architecture}\n' "${package%%,*}"
            return 0
        fi
    done
}

# one line for each library: name version purl soname
components() {
    libraries "$@" | while read -r soname path; do
        # shellcheck disable=SC2046 # three words, or none
        set -- $(owner "$path")
        if [ $# = 3 ]; then
            echo "$1 $2 pkg:deb/debian/$1@$(echo "$2" | sed 's/:/%3A/; s/+/%2B/g')?arch=$3 $soname"
        else
            file=$(basename "$(readlink -f "$path")")
            echo "${soname%%.so*} ${file##*.so.} - $soname"
        fi
    done | sort
}

components "$@" | awk -v version="$version" '
    function text(s) { gsub(/[\\"]/, "\\\\&", s); return "\"" s "\"" }
    function finish() { if (name != "") printf "]\n    }" }
    BEGIN {
        printf "{\n  \"bomFormat\": \"CycloneDX\",\n  \"specVersion\": \"1.5\",\n  \"version\": 1,\n"
        printf "  \"metadata\": {\n    \"component\": {\"type\": \"application\", \"bom-ref\": "
        printf "%s, \"name\": \"depesche\", \"version\": %s}\n  },\n", \
            text("depesche@" version), text(version)
        printf "  \"components\": ["
    }
    $1 != name || $2 != release {
        finish()
        printf "%s\n    {\n      \"type\": \"library\", \"bom-ref\": %s,\n", \
            name == "" ? "" : ",", text($1 "@" $2)
        printf "      \"name\": %s, \"version\": %s,\n", text($1), text($2)
        if ($3 != "-")
            printf "      \"purl\": %s,\n", text($3)
        printf "      \"properties\": ["
        name = $1
        release = $2
        first = 1
    }
    {
        printf "%s\n        {\"name\": \"depesche:file\", \"value\": %s}", first ? "" : ",", text($4)
        first = 0
    }
    END {
        finish()
        printf "\n  ]\n}\n"
    }'
