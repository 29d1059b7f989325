#!/usr/bin/env bash
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# sanity.sh: ansible-test sanity with every ansible-core that the Pythons of this machine allow.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

failed=0

run() {
    local title=$1 rc=0
    shift
    printf '\n== sanity: %s\n' "$title"
    "$@" || rc=$?
    if [ "$rc" = 77 ]; then
        echo "skipped: no Python on this machine runs it"
        rc=0
    fi
    [ "$rc" = 0 ] || failed=1
}

test=tests/tools/ansible-test.sh
# Of 2.16 only what depends on the Python: on style and documentation the newer cores have the say, and pylint, which
# takes a minute, needs to run with one of them only.
run "ansible-core of .venv, all tests but pylint, every Python" "$test" venv sanity --venv --color no --skip-test pylint
run "ansible-core 2.16, compile and import, nodes with Python 3.6 and later" \
    "$test" 2.16 sanity --venv --color no --test compile --test import
run "ansible-core 2.21, all tests on the controller's Python" \
    "$test" 2.21 sanity --venv --color no --python default

exit "$failed"
