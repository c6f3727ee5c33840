#!/usr/bin/env bash
# The default tests in two passes: those that may run side by side, two at a time, and those that
# must run alone (`tests/conftest.py` says which). Usage: tools/tests.sh COMMAND, as in
# `tools/tests.sh python -m pytest`; further options of pytest may follow.
set -uo pipefail

"$@" -m "not museum and not alone" -n 2 --dist loadfile --no-loadscope-reorder
together=$?
[ "$together" -le 1 ] || exit "$together" # not failing tests, but an interrupt or an error
"$@" -m "alone and not museum" && exit "$together"
