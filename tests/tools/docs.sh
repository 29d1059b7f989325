#!/usr/bin/env bash
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# docs.sh: build the documentation site into .cache/docs/build/html, with each warning an error, and follow the links of
# its pages and of the Markdown files. Among ourselves all of them have to lead somewhere. Elsewhere those have to that
# a server answers; a server that does not answer is said to be unseen.
set -euo pipefail
cd "$(dirname "$0")/../.."

PATH=$(tests/tools/pythons.sh .cache/pythons "$PWD/.venv")
export PATH ANSIBLE_CONFIG=$PWD/ansible.cfg ANSIBLE_COLLECTIONS_PATH=$PWD/.cache/dev

site=$PWD/.cache/docs
html=$site/build/html

# Always from nothing, since a page that was removed would go on being a place that links lead to.
rm -rf "$site"
# antsibull-docs wants a directory in which nobody else can write.
mkdir -p "$site" && chmod 755 "$site"
antsibull-docs sphinx-init --use-current --squash-hierarchy --fail-on-error --dest-dir "$site" \
    --project rke.cis --title rke.cis --copyright 'rke.cis contributors' rke.cis >/dev/null
cat tests/tools/docs_conf.py >>"$site/conf.py"
log=$site/build.log
if ! "$site/build.sh" >"$log" 2>&1; then
    grep -vE '\[ *[0-9]+%\]|\.\.\. done$' "$log" >&2
    exit 1
fi
grep '^docs: ' "$log" || true

repository=https://github.com/rke-cis/rke.cis
markdown=()
for file in *.md .github/*.md docs/*.md roles/*/README.md tests/testbed/README.md; do
    if [ -f "$file" ]; then markdown+=("$file"); fi
done
follow() {
    # What our own repository has is looked for here, not there.
    lychee --no-progress --include-fragments --root-dir "$html" --index-files index.html,. \
        --remap "$repository/(?:blob|tree|edit)/main/([^?#]*)[^#]* file://$PWD/\$1" "$@" \
        "$html/**/*.html" "${markdown[@]}"
}
follow --offline

# Lists of questions and the like exist where the repository does.
follow --scheme https --scheme http --exclude "^$repository(/issues.*)?$" --timeout 10 --max-retries 0 \
    --format json >"$site/elsewhere.json" 2>"$site/elsewhere.log" || true
python tests/tools/docs_elsewhere.py "$site/elsewhere.json"

echo "docs: $html/index.html"
