#!/usr/bin/env bash
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# mkimages.sh OUTDIR: the test bed's two images as plain tars, so that no registry is needed.
#   hyperkube.tar  busybox, RKE's entrypoint.sh, and sleepers under the names of the daemons
#   etcd.tar       the machine's real etcd with its libraries
# Does nothing when OUTDIR is up to date.
set -euo pipefail
out=$1 here=$(dirname "$(readlink -f "$0")")

fresh() { [ -e "$2" ] && [ "$2" -nt "$here/mkimages.sh" ] && [ "$2" -nt "$1" ]; }
if fresh "$here/sleeper.c" "$out/hyperkube.tar" && fresh /usr/bin/etcd "$out/etcd.tar"; then exit 0; fi

mkdir -p "$out"
work=$(mktemp -d "$out/tmp.XXXXXX")
trap 'rm -rf "$work"' EXIT

h=$work/hyperkube
mkdir -p "$h"/{bin,usr/bin,usr/local/bin,opt/rke-tools,etc,tmp,proc,sys,dev,var,run}
cp /bin/busybox "$h/bin/busybox"
for applet in sh ls cat ps stat grep sleep env id test; do ln "$h/bin/busybox" "$h/bin/$applet"; done
gcc -Os -static -nostdlib -fno-stack-protector -Wl,-z,noseparate-code -Wl,--build-id=none -s -o "$work/sleeper" "$here/sleeper.c"
for daemon in kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy; do
  ln "$work/sleeper" "$h/usr/local/bin/$daemon"
done
ln "$work/sleeper" "$h/usr/bin/nginx-proxy"
ln "$work/sleeper" "$h/opt/rke-tools/rke-etcd-backup"
# shellcheck disable=SC2016  # to be expanded in the container
printf '#!/bin/sh\nexec "$@"\n' >"$h/opt/rke-tools/entrypoint.sh"
chmod 755 "$h/opt/rke-tools/entrypoint.sh"
echo 'root:x:0:0:root:/:/bin/sh' >"$h/etc/passwd"

e=$work/etcd
mkdir -p "$e"/{usr/local/bin,etc,tmp,proc,sys,dev}
cp "$h/etc/passwd" "$e/etc/"
cp /usr/bin/etcd "$e/usr/local/bin/"
ldd /usr/bin/etcd | { grep -o '/lib[^ ]*' || true; } | while read -r library; do
  install -D "$library" "$e$library"
done

for image in hyperkube etcd; do
  tar -C "$work/$image" --numeric-owner --owner=0 --group=0 -cf "$work/$image.tar" .
  mv "$work/$image.tar" "$out/$image.tar" # at once, never half a tar for a test bed that starts beside us
done
