#!/usr/bin/env bash
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# lint.sh: every check that reads and does not run. All of them run, also after one has failed.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

PATH=$(tests/tools/pythons.sh .cache/pythons "$PWD/.venv")
export PATH ANSIBLE_CONFIG=$PWD/ansible.cfg ANSIBLE_COLLECTIONS_PATH=$PWD/.cache/dev:$PWD/.cache/awx

failed=()
check() {
    local start=$SECONDS
    printf -- '-- %s\n' "$*"
    "$@" || failed+=("$1 $2")
    printf -- '-- %s s\n' "$((SECONDS - start))"
}

check ruff format --check --diff .
check ruff check .
check mypy --config-file mypy.ini
check yamllint --strict .
check ansible-lint --offline --profile production
check antsibull-changelog lint
check reuse lint --lines
# It copies the collection, and knows nothing of .gitignore: let it see the copy that holds only our files.
copy=$(tests/tools/stage.sh copy) || exit
check antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=all --disallow-unknown-collection-refs "$copy"

if [ "${#failed[@]}" -gt 0 ]; then
    printf 'lint: failed: %s\n' "$(IFS=,; echo "${failed[*]}")" >&2
    exit 1
fi
