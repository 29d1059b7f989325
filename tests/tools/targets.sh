#!/usr/bin/env bash
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# targets.sh [TARGET...]: ansible-test integration on this machine, with the ansible-core and the packages of .venv.
set -euo pipefail
cd "$(dirname "$0")/../.."

shopt -s nullglob
targets=(tests/integration/targets/*/aliases)
if [ "${#targets[@]}" = 0 ]; then
    echo "targets: none yet"
    exit 0
fi
version=$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
exec tests/tools/ansible-test.sh venv integration --color no --python "$version" "$@"
