#!/usr/bin/env bash
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# awx.sh: the collection awx.awx in .cache/awx, for lint and tests of the role cis_awx.
# It comes out of the package `ansible` on PyPI, which is 54 MB: nothing else of it is unpacked, and it is not kept.
set -euo pipefail
cd "$(dirname "$0")/../.."

ansible=12.3.0
sha256=cd156f82fa87f7a899212b0efa9f7ca3a24d609212de9f78428a572eb01e5414
to=.cache/awx/$ansible
if [ ! -d "$to" ]; then
    echo "awx: taking awx.awx out of ansible $ansible" >&2
    mkdir -p .cache/awx
    work=$(mktemp -d .cache/awx/new.XXXXXX)
    trap 'rm -rf "$work"' EXIT
    .venv/bin/python -m pip download -qq --disable-pip-version-check --no-input --no-deps --only-binary :all: \
        --python-version 3.11 --dest "$work" --require-hashes -r <(echo "ansible==$ansible --hash=sha256:$sha256")
    .venv/bin/python - "$work"/ansible-*.whl "$work/out" <<'EOF'
import sys
import zipfile

with zipfile.ZipFile(sys.argv[1]) as wheel:
    wheel.extractall(sys.argv[2], [name for name in wheel.namelist() if name.startswith("ansible_collections/awx/awx/")])
EOF
    mv "$work/out" "$to"
fi
ln -sfn "$ansible/ansible_collections" .cache/awx/ansible_collections
