#!/usr/bin/env bash
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# importer.sh: build the collection and run galaxy-importer over it, which decides whether Galaxy takes it.
set -euo pipefail
cd "$(dirname "$0")/../.."

venv=$PWD/.cache/venv-galaxy
tests/tools/venv.sh "$venv" tests/requirements-galaxy.txt "$PWD/.venv/bin/python"
tests/tools/awx.sh
# The importer lets ansible-lint see only the collection itself and what its Python brings along.
for packages in "$venv"/lib/python3*/site-packages; do
    ln -sfn "$PWD/.cache/awx/ansible_collections" "$packages/ansible_collections"
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
copy=$(tests/tools/stage.sh copy "$work/ansible_collections/rke/cis")
"$PWD/.venv/bin/ansible-galaxy" collection build "$copy" --output-path "$work" >/dev/null
cd "$work"
PATH=$venv/bin:/usr/bin:/bin "$venv/bin/python" -m galaxy_importer.main "$work"/rke-cis-*.tar.gz 2>&1 | tee log
! grep -E '^(ERROR|WARNING)' log
