#!/usr/bin/env bash
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# testbed.sh: the nodes of an RKE cluster on this machine, as a scanner over SSH sees them. README.md has the details.
#   testbed.sh up DIR SPEC.json   start; returns when every host answers and its containers run
#   testbed.sh run DIR CMD...     run CMD in the test bed's network (files, processes and PATH stay the caller's)
#   testbed.sh down DIR           end it and remove DIR; at any time, also after a crash, also twice
# Environment: TB_FOLLOW=1 ends and removes the test bed when the standard input of `up` ends, so that it cannot outlive
# its test runner. TB_PARALLEL hosts booted at once (6). TB_TIMEOUT seconds to boot (180). RKE_CIS_CACHE.
#
# Each host has network, mount, pid, uts and ipc namespaces of its own over an overlay of /, all of them under ONE outer
# pid, mount and network namespace: when its one process ends, the kernel ends every process, mount and network with it.
set -u
SELF=$(readlink -f "$0") HERE=$(dirname "$(readlink -f "$0")")
CACHE=${RKE_CIS_CACHE:-$HOME/.cache/rke-cis}

# Pid, in our namespace, of the outer namespace's first process. The command line is checked: pids come round again.
init_pid() {
  local p
  p=$(cat "$1/pid" 2>/dev/null) && tr '\0' ' ' 2>/dev/null <"/proc/$p/cmdline" | grep -qF "__outer $1 " || return 1
  tr -d ' ' 2>/dev/null <"/proc/$p/task/$p/children"
}

cgroup_of() { echo "rke-cis-$(cksum <<<"$1" | cut -d' ' -f1)"; }

up() {
  local dir spec end failed
  dir=$(realpath -m "$1") spec=$(realpath -m "$2")
  if [ -n "$(init_pid "$dir")" ]; then echo "already up: $dir" >&2; return 1; fi
  down "$dir"
  mkdir -p "$dir"/{share,h} && chmod 700 "$dir" || return 1
  "$HERE/mkimages.sh" "$CACHE/images" && cp "$CACHE"/images/*.tar "$dir/share/" || return 1
  if grep -q '"kube_apiserver": *true' "$spec"; then
    if [ -x "$CACHE/kube-apiserver-1.20.2" ]; then # a link where it can be: it has 110 MB
      ln "$CACHE/kube-apiserver-1.20.2" "$dir/share/kube-apiserver" 2>/dev/null ||
        cp "$CACHE/kube-apiserver-1.20.2" "$dir/share/kube-apiserver"
    else echo "no $CACHE/kube-apiserver-1.20.2: a sleeper stands in for kube-apiserver (see get_apiserver.sh)" >&2; fi
  fi
  /usr/bin/python3 "$HERE/prepare.py" "$dir" "$spec" || return 1

  exec 3<&0
  [ -n "${TB_FOLLOW:-}" ] || exec 3</dev/null
  setsid "$SELF" __hold "$dir" <&3 >"$dir/outer.log" 2>&1 &
  end=$((SECONDS + ${TB_TIMEOUT:-180}))
  until [ -e "$dir/ready" ]; do
    if [ -e "$dir/ended" ] || compgen -G "$dir/h/*.failed" >/dev/null || [ "$SECONDS" -gt "$end" ]; then
      tail -qn 5 "$dir/outer.log" >&2
      for failed in "$dir"/h/*.failed; do
        [ ! -e "$failed" ] || tail -n 5 "$dir/host-$(basename "$failed" .failed).log" >&2
      done
      if [ -n "${TB_FOLLOW:-}" ]; then down "$dir"; else echo "the test bed did not come up; all logs: $dir/*.log" >&2; fi
      return 1
    fi
    sleep 0.05
  done
}

# Outside the namespaces: starts them, and clears up after them when they ended without `down` (TB_FOLLOW).
hold() {
  unshare --pid --net --mount --uts --ipc --fork --kill-child=KILL --mount-proc --propagation private \
    "$SELF" __outer "$1" <&0 &
  echo $! >"$1/pid"
  wait
  if [ -e "$1/ready" ] && [ ! -e "$1/down" ]; then down "$1"; elif [ -d "$1" ]; then touch "$1/ended"; fi
}

# First process of the outer namespace: a bridge, and the hosts on it.
outer() {
  local dir=$1 name address docker started=0
  mount -t tmpfs tmpfs /run
  mkdir -p /run/netns
  hostname testbed
  printf '%s\n' 'link set lo up' 'link add br0 type bridge' 'addr add 10.99.0.1/16 dev br0' 'link set br0 up' | ip -batch -
  while read -r name address docker; do
    ip netns add "$name"
    printf '%s\n' "link add v$started type veth peer name eth0 netns $name" "link set v$started master br0 up" | ip -batch -
    printf '%s\n' 'link set lo up' "addr add $address/16 dev eth0" 'link set eth0 up' | ip -n "$name" -batch -
    nsenter --net="/run/netns/$name" \
      unshare --mount --uts --pid --ipc --fork --kill-child=KILL --mount-proc --propagation private \
      "$SELF" __host "$dir" "$name" "$address" "$docker" </dev/null >"$dir/host-$name.log" 2>&1 &
    started=$((started + 1))
    until [ $((started - $(booted "$dir"))) -lt "${TB_PARALLEL:-6}" ]; do sleep 0.05; done
  done <"$dir/hosts.txt"
  until [ "$(booted "$dir")" -ge "$started" ]; do sleep 0.05; done
  touch "$dir/ready"
  if [ -n "${TB_FOLLOW:-}" ]; then cat >/dev/null; exit 0; fi # the runner's end of the pipe closed
  sleep infinity & wait
}

booted() { find "$1/h" -maxdepth 1 -name '*.ready' | wc -l; }

# First process of a host.
host() {
  local dir=$1 name=$2 address=$3 docker=$4 own=$1/h/$2
  mkdir -p "$own"/{upper,work,root,docker}
  mount -t overlay overlay -o "lowerdir=/,upperdir=$own/upper,workdir=$own/work" "$own/root" && cd "$own/root" || exit 1
  mount -t proc proc proc
  mount -t sysfs sysfs sys
  mount --rbind /sys/fs/cgroup sys/fs/cgroup
  mount --rbind /dev dev
  mount -t tmpfs -o mode=755 tmpfs run
  mount -t tmpfs -o mode=1777 tmpfs tmp
  mount -t tmpfs -o mode=700 tmpfs root
  mkdir -p var/lib/docker opt/tb opt/.boot mnt/.old run/sshd
  mount --bind "$own/docker" var/lib/docker # overlay2 cannot lie on an overlay
  mount --bind "$dir/share" opt/tb
  mount --bind "$dir/h" opt/.boot
  # One docker CLI, the engine's own, whatever else the machine has; none at all where the spec says so.
  rm -f usr/local/bin/docker
  [ "$docker" != none ] || rm -f usr/bin/docker
  pivot_root . mnt/.old && cd / && umount -l /mnt/.old || exit 1
  rmdir /mnt/.old
  hostname "$name"
  echo "$name" >/etc/hostname
  printf '127.0.0.1 localhost\n%s %s\n' "$address" "$name" >/etc/hosts
  unset DOCKER_HOST
  export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
  /usr/sbin/sshd -f /opt/tb/sshd_config
  case $docker in
    up)
      dockerd --cgroup-parent "/$(cgroup_of "$dir")/$name" --storage-driver overlay2 \
        --iptables=false --ip-masq=false --bridge=none --log-level=warn &
      ;;
    hang) # an engine that accepts and never answers: whatever asks it, CLI or library, hangs
      /usr/bin/python3 -S -E -c 'import os, signal, socket
s = socket.socket(socket.AF_UNIX)
s.bind("/run/docker.sock")
os.chmod("/run/docker.sock", 0o666)
s.listen(512)
signal.pause()' &
      ;;
  esac
  if /usr/bin/python3 -S -E /opt/tb/mkhost.py "$name"; then touch "/opt/.boot/$name.ready"; else touch "/opt/.boot/$name.failed"; fi
  umount /opt/.boot
  rmdir /opt/.boot
  exec tini -s -- sleep infinity # reaps what sshd and dockerd leave
}

run() {
  local dir pid
  dir=$(realpath -m "$1")
  pid=$(init_pid "$dir")
  if [ -z "$pid" ]; then echo "not up: $dir" >&2; exit 1; fi
  shift
  export ANSIBLE_SSH_CONTROL_PATH_DIR=$dir/cp # so that down can end ssh's masters, which outlive ansible
  exec nsenter --net="/proc/$pid/ns/net" -- "$@"
}

down() {
  local dir pid socket group try
  dir=$(realpath -m "$1")
  [ -d "$dir" ] || [ -n "$(groups_of "$dir")" ] || return 0
  [ ! -d "$dir" ] || touch "$dir/down"
  for socket in "$dir"/cp/*; do
    [ ! -S "$socket" ] || ssh -O exit -o ControlPath="$socket" - 2>/dev/null
  done
  pid=$(init_pid "$dir")
  if [ -n "$pid" ]; then
    kill -KILL "$pid"
    for ((try = 0; try < 200; try++)); do [ -e "/proc/$pid" ] || break; sleep 0.05; done
  fi
  for ((try = 0; try < 40; try++)); do # a cgroup can go only when its last process is gone for good
    group=$(groups_of "$dir")
    [ -n "$group" ] || break
    # shellcheck disable=SC2086  # several, without blanks in them
    find $group -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.05
  done
  rm -rf "$dir"
}

groups_of() { compgen -G "/sys/fs/cgroup/*/$(cgroup_of "$1")"; compgen -G "/sys/fs/cgroup/$(cgroup_of "$1")"; }

case ${1:-}:$# in
  up:3) up "$2" "$3" ;;
  run:[3-9] | run:[1-9][0-9]*) shift; run "$@" ;;
  down:2) down "$2" ;;
  __hold:2) hold "$2" ;;
  __outer:2) outer "$2" ;;
  __host:5) host "$2" "$3" "$4" "$5" ;;
  *) sed -n '/^# testbed.sh/,/^set/{/^#/s/^# \?//p}' "$SELF"; exit 2 ;;
esac
