#!/bin/sh
# e2e_demo.sh BIN - the main job as a user sees it
exec "$(dirname "$0")/demo.sh" "$1" --once
