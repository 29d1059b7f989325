#!/usr/bin/env bash
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# get_apiserver.sh [WORKDIR]: a real kube-apiserver 1.20.2 for the test bed, put into its cache.
#
# Built from Debian's source package "kubernetes" with Debian's Go 1.19: the last generation that has PodSecurityPolicy,
# as the clusters have that RKE-CIS-1.4 and 1.5 are about. Installs nothing; some 8 CPU minutes and 3 GB in WORKDIR, which
# may be removed afterwards. Needs Debian 12, dpkg-dev, make, and the network.
set -euo pipefail
out=${RKE_CIS_CACHE:-$HOME/.cache/rke-cis}/kube-apiserver-1.20.2
if [ -x "$out" ]; then exit 0; fi
work=$(realpath -m "${1:-$(mktemp -d /var/tmp/kube-apiserver.XXXXXX)}")

mkdir -p "$work"/{sources.d,lists/partial,cache/archives/partial,debs,root,home}
cd "$work"
# the machine's own Debian sources, asked for source packages instead of binaries, with lists of our own
sed 's/^Types: deb$/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >sources.d/src.sources
apt=(-o "Dir::Etc::SourceList=/dev/null" -o "Dir::Etc::SourceParts=$work/sources.d")
apt+=(-o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache")
apt-get -q "${apt[@]}" update
source=(kubernetes-*/)
if [ ! -d "${source[0]}" ]; then
  apt-get -q "${apt[@]}" source --download-only kubernetes
  dpkg-source -x kubernetes_*.dsc
  source=(kubernetes-*/)
fi
# Go and rsync (its make asks for it) unpacked beside the source
(cd debs && apt-get -q download golang-1.19-go golang-1.19-src rsync libpopt0 libxxhash0)
for deb in debs/*.deb; do dpkg-deb -x "$deb" root; done
cat >home/rsync <<EOF
#!/bin/sh
LD_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu exec $work/root/usr/bin/rsync "\$@"
EOF
chmod 755 home/rsync

cd "${source[0]}"
export GOROOT=$work/root/usr/lib/go-1.19 GOPATH=$PWD/.go GOCACHE=$work/gocache GOPROXY=off GOFLAGS='' CGO_ENABLED=0
export HOME=$work/home PATH=$work/home:$GOROOT/bin:$PATH
export KUBE_GIT_VERSION=v1.20.2 KUBE_GIT_COMMIT=0000000 KUBE_GIT_TREE_STATE=archive KUBE_GIT_MAJOR=1 KUBE_GIT_MINOR=20
mkdir -p .go/src/k8s.io
ln -sfn ../../.. .go/src/k8s.io/kubernetes
make WHAT=cmd/kube-apiserver
install -D -m755 _output/bin/kube-apiserver "$out"
