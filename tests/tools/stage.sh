#!/usr/bin/env bash
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# stage.sh copy [DIR]: mirror the checkout's files into DIR, and say where that is.
#     DIR is .cache/ansible_collections/rke/cis: ansible-test accepts a collection only in such a path, and follows no
#     link out of it.
# stage.sh link: make .cache/dev/ansible_collections/rke/cis a link to the checkout. Enough to run the collection.
#
# Files that git knows or would add are copied; what .gitignore names is not.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/../.."

# The names of the checkout's files, each ending in a zero byte.
files() {
    if git rev-parse --git-dir >/dev/null 2>&1; then
        git ls-files -z --cached --others --exclude-standard --deduplicate
    else
        # An unpacked release has no git; nor has it files that git would ignore, except what was made since.
        find . -name '.?*' -prune -o -type f -printf '%P\0'
    fi |
        # git also names what it knows but what is gone.
        while IFS= read -r -d '' file; do
            if [ -f "$file" ] || [ -L "$file" ]; then printf '%s\0' "$file"; fi
        done
}

case ${1:-} in
link)
    mkdir -p .cache/dev/ansible_collections/rke
    ln -sfn ../../../.. .cache/dev/ansible_collections/rke/cis
    ;;
copy)
    to=${2:-.cache/ansible_collections/rke/cis}
    mkdir -p "$to"
    list=$(mktemp)
    trap 'rm -f "$list"' EXIT
    files | sort -z >"$list"
    # Remove what the checkout does not have any more (what ansible-test wrote may stay) ...
    (cd "$to" && find . \( -path ./tests/output -o -path ./.git \) -prune -o \( -type f -o -type l \) -printf '%P\0') |
        sort -z | comm -z -13 "$list" - | (cd "$to" && xargs -0r rm -f --)
    find "$to" -mindepth 1 -type d -empty -not -path "$to/.git/*" -delete
    # ... and copy the rest, modification times included, so that nothing that caches by them starts anew.
    tar --create --null --files-from="$list" | tar --extract --directory="$to"
    # ansible-test asks the nearest git what there is. That would be the checkout's, which ignores all of .cache.
    if [ ! -d "$to/.git" ] && command -v git >/dev/null; then git init --quiet "$to"; fi
    printf '%s\n' "$to"
    ;;
*)
    echo "usage: stage.sh copy [DIR] | link" >&2
    exit 2
    ;;
esac
