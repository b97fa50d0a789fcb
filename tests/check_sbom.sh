#!/bin/sh
# check_sbom.sh SBOM PROGRAM... - each library that a program needs is in its bill of materials, by name
# and version
#
# What is needed is read from the programs' own headers, not from what the loader says, from which the
# bill was made.
set -eu
sbom=$1
shift
bad=0
needed=$(objdump -p "$@" | awk '$1 == "NEEDED" { print $2 }' | sort -u)
[ -n "$needed" ]
for soname in $needed; do
    case $soname in ld-linux*) continue ;; esac
    grep -qF "{\"name\": \"depesche:file\", \"value\": \"$soname\"}" "$sbom" || {
        echo "not in $sbom: $soname"
        bad=1
    }
done
# what they need in turn is there, too
for name in libc libcrypto libxml2 libz; do
    grep -q "\"value\": \"$name\.so" "$sbom" || {
        echo "not in $sbom: $name"
        bad=1
    }
done
if grep -q '"version": ""' "$sbom"; then
    echo "without a version:"
    grep '"version": ""' "$sbom"
    bad=1
fi
# and somebody can read it
if command -v python3 >/dev/null; then
    python3 - "$sbom" <<'PYTHON' || bad=1
import json
import sys

bill = json.load(open(sys.argv[1]))
refs = [c['bom-ref'] for c in bill['components']]
assert (bill['bomFormat'], bill['specVersion']) == ('CycloneDX', '1.5'), bill
assert bill['metadata']['component']['name'] == 'depesche'
assert len(refs) == len(set(refs)) > 10, 'one component twice'
assert all(c['type'] == 'library' and c['version'] and c['properties'] for c in bill['components'])
PYTHON
fi
exit $bad
