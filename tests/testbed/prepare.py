# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""prepare.py DIR SPEC.json: everything about a test bed that is known before its hosts exist.

Writes into DIR: the keys, the cluster's certificates, both inventories, both kubeconfigs, and share/cluster.json,
which is the spec with addresses filled in, as mkhost.py reads it on every host. Standard library only.
"""

import base64
import json
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
CONTROLLER = "10.99.0.1"  # the bridge of the test bed, where Ansible and curl come from
ROLES = ("controlplane", "etcd", "worker")
HOST_KEYS = {"name", "roles", "args", "set", "env", "prefix", "modes", "owners", "missing_files"}
HOST_KEYS |= {"stopped", "missing", "docker"}


def address(index):
    """10.99.0.11, 10.99.0.12, ...: room for some thousands of hosts."""
    return f"10.99.{(index + 11) // 250}.{(index + 11) % 250}"


def normalise(spec, apiserver):
    """The spec with every default spelled out; a typing error in it ends here, not in a puzzling test result."""
    hosts = []
    for index, host in enumerate(spec["hosts"]):
        unknown = set(host) - HOST_KEYS | set(host["roles"]) - set(ROLES)
        if unknown or not host["roles"] or not re.fullmatch(r"[a-z][a-z0-9-]*", host["name"]):
            raise SystemExit(f"bad host {host['name']}: {sorted(unknown)}")
        if host.get("docker", "up") not in ("up", "down", "none", "hang"):
            raise SystemExit(f"bad docker state of host {host['name']}: {host['docker']}")
        hosts.append({"args": "default", "prefix": "", "docker": "up", **host, "address": address(index)})
    masters = [host["name"] for host in hosts if "controlplane" in host["roles"]]
    where = masters[0] if apiserver and masters else None
    return {"hosts": hosts, "apiserver_on": where, "images": spec.get("images", {})}


def certificate(pki, name, subject, key, usage=None, ca=None, names=""):
    """One key and certificate; without a CA it is itself one."""
    extensions = f"basicConstraints=critical,CA:{'FALSE' if ca else 'TRUE'}\n"
    extensions += f"extendedKeyUsage={usage}\n" if usage else ""
    extensions += f"subjectAltName={names}\n" if names else ""
    command = ["openssl", "req", "-x509", "-config", "/dev/stdin", "-extensions", "ext", "-days", "30", "-nodes"]
    command += ["-newkey", *key, "-subj", subject, "-keyout", f"{name}-key.pem", "-out", f"{name}.pem"]
    command += ["-CA", f"{ca}.pem", "-CAkey", f"{ca}-key.pem"] if ca else []
    config = "[req]\ndistinguished_name=dn\n[dn]\n[ext]\n" + extensions
    done = subprocess.run(command, cwd=pki, check=False, input=config, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)


def certificates(pki, addresses):
    # RSA for the servers, since RKE's cipher lists for etcd hold RSA suites only; quick curves for the rest
    rsa, ec = ["rsa:2048"], ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    names = ",".join("IP:" + a for a in ["127.0.0.1", "10.43.0.1", *addresses])
    certificate(pki, "kube-ca", "/CN=kube-ca", rsa)
    certificate(pki, "requestheader-ca", "/CN=kube-apiserver-requestheader-ca", ec)
    certificate(pki, "node", "/CN=kube-node", rsa, "serverAuth,clientAuth", "kube-ca", names)
    certificate(pki, "admin", "/O=system:masters/CN=kube-admin", ec, "clientAuth", "kube-ca")
    certificate(pki, "viewer", "/CN=viewer", ec, "clientAuth", "kube-ca")  # known, but without any right


def kubeconfig(pki, server, user):
    def data(name):
        return base64.b64encode((pki / name).read_bytes()).decode()

    cluster = {"server": f"https://{server}:6443", "certificate-authority-data": data("kube-ca.pem")}
    client = {"client-certificate-data": data(user + ".pem"), "client-key-data": data(user + "-key.pem")}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "local",
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": user}}],
        "clusters": [{"name": "local", "cluster": cluster}],
        "users": [{"name": user, "user": client}],
    }
    return json.dumps(document, indent=1) + "\n"  # JSON is YAML


def inventory(directory, hosts, user):
    # The address to bind exists in the test bed's network only, so that ssh from elsewhere fails at once, not after
    # a timeout; and it can never reach a stranger's 10.99.x.
    ssh = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o BindAddress=" + CONTROLLER
    lines = [f"{host['name']} ansible_host={host['address']}" for host in hosts]
    for role in ROLES:
        lines += ["", f"[{role}]"] + [host["name"] for host in hosts if role in host["roles"]]
    lines += ["", "[all:vars]", "ansible_user=" + user, "ansible_python_interpreter=/usr/bin/python3"]
    lines += [f"ansible_ssh_private_key_file={directory}/id", "ansible_ssh_common_args=" + ssh]
    return "\n".join(lines) + "\n"


def main(directory, spec_file):
    directory = pathlib.Path(directory)
    share = directory / "share"
    pki = share / "pki"
    pki.mkdir(parents=True, mode=0o700)
    cluster = normalise(json.loads(pathlib.Path(spec_file).read_text()), (share / "kube-apiserver").exists())
    hosts = cluster["hosts"]
    for key in (directory / "id", share / "hostkey"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    shutil.copy(directory / "id.pub", share / "id.pub")
    certificates(pki, [host["address"] for host in hosts])
    (share / "cluster.json").write_text(json.dumps(cluster, indent=1))
    for name in ("mkhost.py", "args.json", "sshd_config"):
        shutil.copy(HERE / name, share / name)
    (directory / "hosts.ini").write_text(inventory(directory, hosts, "root"))
    (directory / "hosts-rke.ini").write_text(inventory(directory, hosts, "rke"))
    # for testbed.sh, which has no JSON
    lines = [f"{host['name']} {host['address']} {host['docker']}\n" for host in hosts]
    (directory / "hosts.txt").write_text("".join(lines))
    masters = [host["address"] for host in hosts if "controlplane" in host["roles"]]
    if masters:
        (directory / "kube_config_cluster.yml").write_text(kubeconfig(pki, masters[0], "admin"))
        (directory / "kube_config_viewer.yml").write_text(kubeconfig(pki, masters[0], "viewer"))


main(*sys.argv[1:])
