#!/usr/bin/env bash
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# units.sh: the unit tests of modules and module_utils on every Python of this machine that a node may have.
# The tests of controller code are pytest's; they run on the Python of .venv.
set -euo pipefail
cd "$(dirname "$0")/../.."

shopt -s nullglob globstar
tests=(tests/unit/plugins/modules/**/test_*.py tests/unit/plugins/module_utils/**/test_*.py)
if [ "${#tests[@]}" = 0 ]; then
    echo "units: no tests of modules yet"
    exit 0
fi

printf '\n== units: ansible-core of .venv\n'
tests/tools/ansible-test.sh venv units --venv --color no "${tests[@]}"

# The Pythons that only ansible-core 2.16 still manages.
for version in 3.6 3.7; do
    printf '\n== units: ansible-core 2.16, Python %s\n' "$version"
    rc=0
    if ! PATH=$(tests/tools/pythons.sh .cache/pythons) command -v "python$version" >/dev/null; then
        rc=77
    else
        tests/tools/ansible-test.sh 2.16 units --venv --color no --python "$version" "${tests[@]}" || rc=$?
    fi
    if [ "$rc" = 77 ]; then echo "skipped: no such Python, or none that runs ansible-core 2.16"; rc=0; fi
    [ "$rc" = 0 ] || exit "$rc"
done
