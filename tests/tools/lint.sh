#!/usr/bin/env bash
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# lint.sh [PROGRAM...]: every check that reads and does not run, or those of the programs that are named; `quick` names
# those that take seconds. All of them run, also after one has failed.
set -uo pipefail
shopt -s extglob
cd "$(dirname "$0")/../.." || exit

PATH=$(tests/tools/pythons.sh .cache/pythons "$PWD/.venv")
export PATH ANSIBLE_CONFIG=$PWD/ansible.cfg ANSIBLE_COLLECTIONS_PATH=$PWD/.cache/dev:$PWD/.cache/awx

wanted=("$@") known=() failed=()
if [ "${wanted[*]}" = quick ]; then wanted=(ruff mypy yamllint words); fi
check() {
    local start=$SECONDS
    known+=("$1")
    if [ "${#wanted[@]}" -gt 0 ] && [[ " ${wanted[*]} " != *" $1 "* ]]; then return; fi
    printf -- '-- %s\n' "$*"
    "$@" || failed+=("$1 ${2:-}")
    printf -- '-- %s s\n' "$((SECONDS - start))"
}

words() { python tests/tools/words.py; }

check ruff format --check --diff .
check ruff check .
check mypy --config-file mypy.ini
check yamllint --strict .
check words
check ansible-lint --offline --profile production
check antsibull-changelog lint
check reuse lint --lines
# For the forge only; an unpacked release has none of it.
if [ -d .github ]; then
    check check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
    check check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
    check check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
    check check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/!(config).yml
fi
# It copies the collection, and knows nothing of .gitignore: let it see the copy that holds only our files.
antsibull_docs() {
    local copy
    copy=$(tests/tools/stage.sh copy) || return
    antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=all \
        --disallow-unknown-collection-refs "$copy"
}
check antsibull_docs

for program in "${wanted[@]}"; do
    if [[ " ${known[*]} " != *" $program "* ]]; then failed+=("$program is no program of these checks"); fi
done
if [ "${#failed[@]}" -gt 0 ]; then
    printf 'lint: failed: %s\n' "$(IFS=,; echo "${failed[*]}")" >&2
    exit 1
fi
