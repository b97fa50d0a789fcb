#!/bin/bash
# e2e_completion.bash BUILD: bash completes the words of depesche
set -eu

# offered WORDS... EXPECTED: the last of the words is being typed
offered() {
    expected=${*: -1}
    COMP_WORDS=(depesche "${@:1:$#-1}")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    COMPREPLY=()
    _depesche || : # compgen found nothing
    [ "${COMPREPLY[*]-}" = "$expected" ] || {
        echo "${COMP_WORDS[*]}: '${COMPREPLY[*]-}' is not '$expected'" >&2
        exit 1
    }
}

eval "$("$1/depesche" completion)"
offered receip receipts
offered --config my.yaml receip receipts
offered --config=my.yaml --json recei receipts
offered send --subj --subject
offered --lang de send --subj --subject
offered status --subj ""
offered status --soc --socket
offered nonsense x ""
