#!/usr/bin/env bash
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# pythons.sh DIR [VENV]: print a PATH on which every pythonX.Y really is one.
# A Python manager's shims on PATH are found by ansible-test and by Ansible's interpreter discovery, but do not run
# unless the manager was told to use that version. So: the virtual environment's bin first, then the system's
# directories, then DIR, which is filled with links to the other Pythons of this machine, wherever they come from.
set -euo pipefail
shopt -s nullglob

dir=$1 venv=${2:-}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
for link in "$dir"/*; do
    [ -x "$link" ] || rm -f "$link"
done

candidates=()
IFS=: read -r -a path <<<"$PATH"
for place in "${path[@]}"; do
    if [ -n "$place" ] && [ "$place" != "$dir" ]; then candidates+=("$place"/python3.{?,??}); fi
done
if command -v pyenv >/dev/null; then
    candidates+=("$(pyenv root)"/versions/*/bin/python3.{?,??})
fi
if command -v uv >/dev/null; then
    candidates+=("$(uv python dir 2>/dev/null || true)"/*/bin/python3.{?,??})
fi

for python in "${candidates[@]}"; do
    name=${python##*/}
    if [ -e "/usr/local/bin/$name" ] || [ -e "/usr/bin/$name" ] || [ -e "$dir/$name" ]; then continue; fi
    # A shim that works says where the interpreter is; one that does not says nothing. A virtual environment is passed over.
    real=$("$python" -c 'import sys; sys.prefix == sys.base_prefix and print(sys.executable, "python%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    if [ "${real##* }" = "$name" ]; then ln -sfn "${real% *}" "$dir/$name"; fi
done

printf '%s/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:%s\n' "${venv:+$venv/bin:}" "$dir"
