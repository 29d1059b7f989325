#!/usr/bin/env bash
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# lock.sh: tests/locks/ anew, after a change of requirements: for each file of them all that pip installs, with hashes.
set -euo pipefail
cd "$(dirname "$0")/../.."

uv=.cache/venv-lock/bin/uv
[ -x "$uv" ] || { python3 -m venv .cache/venv-lock && .cache/venv-lock/bin/python -m pip install -qq uv==0.13.9; }
for file in requirements.txt tests/requirements*.txt; do
    lock=tests/locks/${file//\//-}
    case $file in # the oldest Python that the file is for
    *-core-2.18.txt | *-interop.txt) python=3.11 ;;
    *-core-2.2*.txt) python=3.12 ;;
    *) python=3.10 ;;
    esac
    "$uv" pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version "$python" \
        "$file" --output-file "$lock.new"
    { sed -n '1,3p' "$file"; printf '\n# Written by tests/tools/lock.sh.\n'; cat "$lock.new"; } >"$lock"
    rm "$lock.new"
    echo "$lock: $(grep -c == "$lock") packages"
done
