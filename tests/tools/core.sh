#!/usr/bin/env bash
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# core.sh 2.NN: make .cache/venv-core-2.NN of tests/requirements-core-2.NN.txt, and print where it is.
# Exits 77 when no Python that this ansible-core runs on is there.
set -euo pipefail
cd "$(dirname "$0")/../.."

core=$1
case $core in
2.16 | 2.17 | 2.18) pythons='3.12 3.11 3.10' ;;
*) pythons='3.13 3.12 3.14' ;;
esac

PATH=$(tests/tools/pythons.sh .cache/pythons)
for version in $pythons; do
    if python=$(command -v "python$version"); then
        tests/tools/venv.sh "$PWD/.cache/venv-core-$core" "tests/requirements-core-$core.txt" "$python"
        printf '%s\n' "$PWD/.cache/venv-core-$core"
        exit 0
    fi
done
exit 77
