#!/usr/bin/env bash
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# venv.sh DIR REQUIREMENTS [PYTHON]: a virtual environment in DIR with REQUIREMENTS installed, from their lock in
# tests/locks, which lock.sh writes: versions and hashes of all packages.
# Does nothing when DIR already holds exactly these requirements on a Python that still works.
# PYTHON defaults to python3, or to the newest python3.X on PATH when python3 is older than ansible-core allows.
set -euo pipefail

dir=$1 requirements=$2 python=${3:-}
lock=tests/locks/${requirements//\//-}

say() { printf 'venv: %s\n' "$*" >&2; }

# Gates that run at the same time share environments.
if command -v flock >/dev/null; then
    mkdir -p .cache
    exec 9>.cache/venv.lock
    flock 9
fi

usable() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; }

if [ -z "$python" ]; then
    for python in python3 python3.13 python3.12 python3.11 python3.10 ''; do
        if [ -n "$python" ] && usable "$python"; then break; fi
    done
fi
if [ -z "$python" ] || ! usable "$python"; then
    say "Python 3.10 or newer is needed; ${python:-python3} is $("${python:-python3}" --version 2>&1 || true)."
    say "Install one and name it: make PYTHON=/path/to/python3.11 ..."
    exit 1
fi

# One stamp per requirements file: a venv made by `make scan` is completed, not replaced, by `make test`.
stamp=$dir/.$(printf '%s' "$requirements" | tr '/' '-').stamp
wanted() {
    printf 'python %s\n' "$("$dir/bin/python" -c 'import sys; print(sys.version)' 2>/dev/null | head -n 1)"
    cat "$lock"
}
if [ -f "$stamp" ] && "$dir/bin/python" -c '' 2>/dev/null && [ "$(wanted)" = "$(cat "$stamp")" ]; then
    exit 0
fi

if ! "$dir/bin/python" -m pip --version >/dev/null 2>&1; then
    rm -rf "$dir"
    if ! why=$("$python" -m venv "$dir" 2>&1); then
        rm -rf "$dir"
        # Only said: what this makes stays in this directory.
        say "$python cannot make a virtual environment: $(printf '%s' "$why" | head -n 1)"
        say "Debian, Ubuntu: apt-get install python3-venv (as root), then run the same command again."
        exit 1
    fi
fi

say "installing $requirements into $dir"
"$dir/bin/python" -m pip install -qq --disable-pip-version-check --no-input --require-hashes -r "$lock"
wanted >"$stamp"
