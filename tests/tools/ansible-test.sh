#!/usr/bin/env bash
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ansible-test.sh CORE ARGUMENT...: run ansible-test of that ansible-core over a copy of the checkout.
# CORE is `venv` (the ansible-core of ./.venv), or 2.NN for an environment of its own (core.sh).
# Exits 77 when there is no Python for that.
set -euo pipefail
cd "$(dirname "$0")/../.."

core=$1
shift

if [ "$core" = venv ]; then venv=$PWD/.venv; else venv=$(tests/tools/core.sh "$core"); fi
PATH=$(tests/tools/pythons.sh .cache/pythons "$venv")
export PATH

# ansible-test --venv wants to fetch get-pip.py from a host of the Ansible project, which a site without free access to
# the internet does not reach. It takes a cached one instead, and Python itself brings a pip that will do; except that
# the pip of Python 3.6 takes packages that need a later Python, so that one replaces itself.
cache=$HOME/.ansible/test/cache
mkdir -p "$cache"
for version in 20.3.4 21.0.1 21.3.1 23.1.2 24.0 24.2 25.2; do
    file=$cache/get_pip_${version//./_}.py
    case $version in
    2[01].*)
        # ensurepip clears pip's settings from the environment.
        printf '%s\n' 'import ensurepip' 'import os' 'import subprocess' 'import sys' 'env = dict(os.environ)' \
            'ensurepip.bootstrap()' \
            "subprocess.check_call([sys.executable, '-m', 'pip', 'install', '-q', 'pip==$version'], env=env)"
        ;;
    *) printf '%s\n' 'import ensurepip' 'ensurepip.bootstrap()' ;;
    esac >"$file.$$"
    # One that ansible-test fetched itself is the better one.
    if [ -e "$file" ] && ! grep -q '^import ensurepip$' "$file"; then rm "$file.$$"; else mv "$file.$$" "$file"; fi
done

# A copy for each, since several may run at once.
copy=$(tests/tools/stage.sh copy ".cache/ansible-test-$core-$1/ansible_collections/rke/cis")
cd "$copy"
unset ANSIBLE_CONFIG ANSIBLE_COLLECTIONS_PATH VIRTUAL_ENV

# Whoever finds nothing to test has found nothing wrong, to ansible-test. Here that is an error.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Without what the many pips have to say when all goes well.
pip='^(WARNING: (Location|You are using pip)|You should consider upgrading|Looking in |Collecting |Processing |  Downloading '
pip+='|  Using cached |     [━ ]|Installing collected |Successfully installed |Requirement already )'
ansible-test "$@" 2>&1 | tee "$log" | { grep --line-buffered -Ev "$pip" || true; }
if grep -q 'All targets skipped' "$log"; then
    echo "ansible-test saw none of the files in $copy" >&2
    exit 1
fi
