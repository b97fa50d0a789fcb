#!/bin/sh
# e2e_conformance_xta.sh BUILD - the assertions about XTA
exec "$(dirname "$0")/e2e_conformance.sh" "$1" xta
