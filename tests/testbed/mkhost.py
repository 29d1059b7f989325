# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""mkhost.py NAME: lay RKE's users, files and containers on the host it runs on (standard library only).

It runs inside the host's own mount namespace, so /etc and /var are the host's overlay, never the machine's.
/opt/tb holds what prepare.py wrote. Names, modes and shapes are those of RKE v1.2.23 with v1.20.15-rancher2-1.
"""

import base64
import concurrent.futures
import http.client
import json
import os
import random
import shutil
import socket
import sys
import time

SHARE = "/opt/tb"
SOCKET = "/var/run/docker.sock"
ENTRYPOINT = "/opt/rke-tools/entrypoint.sh"
LABEL = "io.rancher.rke.container.name"
SSL = "/etc/kubernetes/ssl/"
ETCD_ID = 52034  # services.etcd.uid and gid of Rancher's hardening guides
# Shown nowhere but in Env and Args that a scanner must not repeat: a test greps its output for CANARY.
CANARY = "CANARY-do-not-show"
REGISTRY_SECRET = base64.b64encode(json.dumps({"auths": {"registry": {"password": CANARY}}}).encode()).decode()

with open(SHARE + "/cluster.json") as stream:
    CLUSTER = json.load(stream)
IMAGES = CLUSTER["images"]
HYPERKUBE = IMAGES.get("hyperkube", "rancher/hyperkube:v1.20.15-rancher2")
TOOLS = IMAGES.get("rke-tools", "rancher/rke-tools:v0.1.80")
ETCD = IMAGES.get("etcd", "rancher/mirrored-coreos-etcd:v3.4.15-rancher1")
HOST = next(host for host in CLUSTER["hosts"] if host["name"] == sys.argv[1])
NAME, ROLES, PREFIX = HOST["name"], HOST["roles"], HOST["prefix"]
HARDENED = HOST["args"] == "hardened"
ETCD_OWN_USER = HARDENED and "etcd" in ROLES


def with_role(role):
    """The cluster's hosts that have this role, this host first."""
    return sorted((h for h in CLUSTER["hosts"] if role in h["roles"]), key=lambda h: h["name"] != NAME)


def dashed(host):
    return host["address"].replace(".", "-")


def on_host(path):
    """Where RKE's prefix_path puts a file that its flags and the spec name without the prefix."""
    return PREFIX + path if path.startswith(("/etc/kubernetes", "/var/lib/etcd", "/var/log/kube-audit")) else path


# ---- users -----------------------------------------------------------------------------------------------------------


def users():
    accounts = [("rke", 2001, "/home/rke", "/bin/bash"), ("plain", 2002, "/home/plain", "/bin/bash")]
    if ETCD_OWN_USER:
        accounts.append(("etcd", ETCD_ID, "/nonexistent", "/usr/sbin/nologin"))
    ours = {account[0] for account in accounts} | {"etcd"}  # Debian's etcd package brings a user that no RKE node has
    members = {"docker": ["rke"]}

    def rewrite(path, entries):
        with open(path) as old:
            kept = [line for line in old.read().splitlines() if line.split(":")[0] not in ours]
        if path == "/etc/group":
            kept = [line.rpartition(":")[0] + ":" + ",".join(members.get(line.split(":")[0], [])) for line in kept]
        with open(path, "w") as new:
            new.write("\n".join(kept + entries) + "\n")

    rewrite("/etc/passwd", [f"{n}:x:{i}:{i}::{home}:{shell}" for n, i, home, shell in accounts])
    rewrite("/etc/group", [f"{n}:x:{i}:" for n, i, _home, _shell in accounts])
    # "*" and not "!": sshd without PAM takes the latter for a locked account, keys or not
    rewrite("/etc/shadow", [f"{n}:*:19000:0:99999:7:::" for n, _i, _home, _shell in accounts])
    for _name, number, home, _shell in accounts:
        if home.startswith("/home/"):
            os.makedirs(home, exist_ok=True)
            os.chown(home, number, number)


# ---- files -----------------------------------------------------------------------------------------------------------


def pem_names():
    """Certificates on this host, each of them a pair NAME.pem, NAME-key.pem (kube-ca's key only on controlplane)."""
    names = ["kube-node", "kube-proxy"]
    if "controlplane" in ROLES:
        names += ["kube-apiserver", "kube-apiserver-proxy-client", "kube-apiserver-requestheader-ca"]
        names += ["kube-controller-manager", "kube-scheduler", "kube-service-account-token"]
    if "etcd" in ROLES:
        names += ["kube-etcd-" + dashed(h) for h in with_role("etcd")]
    if HARDENED:  # services.kubelet.generate_serving_certificate: those of all nodes on every node
        names += ["kube-kubelet-" + dashed(h) for h in CLUSTER["hosts"]]
    return names


def kubeconfig_names():
    names = ["kube-node", "kube-proxy"]
    if "controlplane" in ROLES:
        names += ["kube-apiserver-proxy-client", "kube-apiserver-requestheader-ca"]
        names += ["kube-controller-manager", "kube-scheduler"]
    return names


KUBECONFIG = """apiVersion: v1
kind: Config
clusters:
- cluster:
    api-version: v1
    certificate-authority: /etc/kubernetes/ssl/kube-ca.pem
    server: "https://127.0.0.1:6443"
  name: "local"
contexts:
- context:
    cluster: "local"
    user: "{name}-local"
  name: "local"
current-context: "local"
users:
- name: "{name}-local"
  user:
    client-certificate: /etc/kubernetes/ssl/{name}.pem
    client-key: /etc/kubernetes/ssl/{name}-key.pem
"""
AUDIT_POLICY = """apiVersion: audit.k8s.io/v1
kind: Policy
metadata:
  creationTimestamp: null
omitStages:
- RequestReceived
rules:
- level: Metadata
"""
ADMISSION = """apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- configuration:
    apiVersion: eventratelimit.admission.k8s.io/v1alpha1
    kind: Configuration
    limits:
    - burst: 20000
      qps: 5000
      type: Server
  name: EventRateLimit
  path: ""
"""
ENCRYPTION = """apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- providers:
  - aescbc:
      keys:
      - name: key-cis
        secret: CANARY
  - identity: {}
  resources:
  - secrets
"""
NETWORK = """{
  "name": "k8s-pod-network",
  "cniVersion": "0.3.1",
  "plugins": [
    {
      "type": "calico",
      "datastore_type": "kubernetes",
      "ipam": {"type": "host-local", "subnet": "usePodCidr"},
      "policy": {"type": "k8s"},
      "kubernetes": {"kubeconfig": "/etc/cni/net.d/calico-kubeconfig"}
    },
    {"type": "portmap", "snat": true, "capabilities": {"portMappings": true}}
  ]
}
"""


def write(path, text, mode=0o600):
    with open(path, "w") as out:
        out.write(text)
    os.chmod(path, mode)


def files():
    ssl = on_host(SSL)
    shutil.rmtree("/var/lib/etcd", ignore_errors=True)  # Debian's
    os.makedirs(ssl)
    os.chmod(ssl, 0o755)
    pki = {"kube-ca": "kube-ca", "kube-apiserver-requestheader-ca": "requestheader-ca"}
    pairs = [(name, suffix) for name in ["kube-ca", *pem_names()] for suffix in (".pem", "-key.pem")]
    if "controlplane" not in ROLES:
        pairs.remove(("kube-ca", "-key.pem"))
    for name, suffix in pairs:
        shutil.copy(f"{SHARE}/pki/{pki.get(name, 'node')}{suffix}", ssl + name + suffix)
        os.chmod(ssl + name + suffix, 0o600)
        if ETCD_OWN_USER and name.startswith("kube-etcd-"):
            os.chown(ssl + name + suffix, ETCD_ID, ETCD_ID)
    for name in kubeconfig_names():
        write(ssl + f"kubecfg-{name}.yaml", KUBECONFIG.format(name=name))
    if "controlplane" in ROLES:
        os.makedirs(on_host("/var/log/kube-audit"))
        write(on_host("/etc/kubernetes/audit-policy.yaml"), AUDIT_POLICY)
        if HARDENED:
            write(on_host("/etc/kubernetes/admission.yaml"), ADMISSION)
            key = base64.b64encode(CANARY.ljust(32, ".").encode()).decode()  # AES wants 32 bytes
            write(ssl + "encryption.yaml", ENCRYPTION.replace("CANARY", key))
    if "etcd" in ROLES:
        os.makedirs(on_host("/var/lib/etcd"))
        os.chmod(on_host("/var/lib/etcd"), 0o700)
        if ETCD_OWN_USER:
            os.chown(on_host("/var/lib/etcd"), ETCD_ID, ETCD_ID)
            os.chmod(ssl + "kube-ca.pem", 0o644)
    network()


def network():
    """What the pods of canal, RKE's default network plugin, write on every node: never below the prefix."""
    os.makedirs("/etc/cni/net.d")
    write("/etc/cni/net.d/10-canal.conflist", NETWORK, 0o644)
    write("/etc/cni/net.d/calico-kubeconfig", KUBECONFIG.format(name="calico"))
    pods = "/var/lib/cni/networks/k8s-pod-network"
    os.makedirs(pods)
    number = CLUSTER["hosts"].index(HOST)
    for last in (2, 3):
        write(f"{pods}/10.42.{number}.{last}", "0" * 64 + "\r\neth0", 0o644)
    write(pods + "/last_reserved_ip.0", f"10.42.{number}.3", 0o644)
    write(pods + "/lock", "", 0o644)


def faults():
    """What the spec wants otherwise: last, since daemons that already run hold the files they need."""
    for path, mode in HOST.get("modes", {}).items():
        os.chmod(on_host(path), int(mode, 8))
    for path, owner in HOST.get("owners", {}).items():
        os.chown(on_host(path), *[int(number) for number in owner.split(":")])
    for path in HOST.get("missing_files", []):
        path = on_host(path)
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)


# ---- containers ------------------------------------------------------------------------------------------------------


def flags(component):
    with open(SHARE + "/args.json") as stream:
        result = json.load(stream)[HOST["args"]][component]
    facts = {
        "name": NAME,
        "address": HOST["address"],
        "id": dashed(HOST),
        "prefix": PREFIX,
        "etcd_servers": ",".join(f"https://{h['address']}:2379" for h in with_role("etcd")),
        "initial_cluster": ",".join(f"etcd-{h['name']}=https://{h['address']}:2380" for h in with_role("etcd")),
    }
    result = [flag.format(**facts) for flag in result]
    if component == "kubelet" and "controlplane" in ROLES and "worker" not in ROLES:
        result.append("--register-with-taints=node-role.kubernetes.io/controlplane=true:NoSchedule")
    # RKE's order is that of a Go map, that is, none: another one on each host, but the same at each start
    random.Random(NAME + component).shuffle(result)
    for name, value in HOST.get("set", {}).get(component, {}).items():
        result = [flag for flag in result if flag.partition("=")[0] != name]
        # null removes, a list repeats the flag, true is a bare --flag
        for one in [] if value is None else value if isinstance(value, list) else [value]:
            result.append(name if one is True else f"{name}={one}")
    return result


def plan():
    """Container name to the body of Docker's create call, as RKE's GetProcessConfig shapes it."""
    etc = on_host("/etc/kubernetes") + ":/etc/kubernetes:z"
    containers = {}

    def add(name, image, entrypoint=None, cmd=None, env=(), binds=(), label=True, **host_config):
        containers[name] = {
            "Image": image,
            "Entrypoint": entrypoint,
            "Cmd": cmd,
            "Env": [*env, *HOST.get("env", {}).get(name, [])],
            "Labels": {LABEL: name} if label else {},
            "HostConfig": {"NetworkMode": "host", "RestartPolicy": {"Name": "always"}, "Binds": binds, **host_config},
        }

    def add_component(name, *more, env=(), **host_config):
        entrypoint, cmd = [ENTRYPOINT, name, *flags(name)], None
        last = [flag for flag in entrypoint if flag.startswith("--use-service-account-credentials")]
        if last and name == "kube-controller-manager":  # RKE adds this one apart from the others
            entrypoint, cmd = [part for part in entrypoint if part not in last], last
        host_config["VolumesFrom"] = ["service-sidekick"]
        add(name, HYPERKUBE, entrypoint, cmd, env, [etc, *more], **host_config)

    if "controlplane" in ROLES:
        audit = [on_host("/var/log/kube-audit") + ":/var/log/kube-audit:z"]
        real = [SHARE + "/kube-apiserver:/usr/local/bin/kube-apiserver:ro"] if CLUSTER["apiserver_on"] == NAME else []
        add_component("kube-apiserver", *audit, *real)
        add_component("kube-controller-manager")
        add_component("kube-scheduler")
    else:
        hosts = "CP_HOSTS=" + ",".join(h["address"] for h in with_role("controlplane"))
        add("nginx-proxy", TOOLS, ["nginx-proxy"], [hosts], [hosts])
    # RKE's kubelet and kube-proxy are privileged as well, which needs a capability that the test bed may not have
    secrets = ["RKE_KUBELET_DOCKER_CONFIG=" + REGISTRY_SECRET, "RKE_KUBELET_DOCKER_FILE=/var/lib/kubelet/config.json"]
    more = ["/etc/cni:/etc/cni:rw,z", "/opt/cni:/opt/cni:rw,z", "/var/lib/cni:/var/lib/cni:z"]
    more += [f"{PREFIX}/var/lib/kubelet:{PREFIX}/var/lib/kubelet:z"]
    more += ["/usr:/host/usr:ro", "/etc:/host/etc:ro"]
    add_component("kubelet", *more, env=secrets, PidMode="host")
    add_component("kube-proxy", PidMode="host")
    if "etcd" in ROLES:
        pair = SSL + "kube-etcd-" + dashed(HOST)
        env = ["API=3", f"CACERT={SSL}kube-ca.pem", f"CERT={pair}.pem", f"KEY={pair}-key.pem"]
        env = ["ETCDCTL_" + item for item in [*env, "ENDPOINTS=https://127.0.0.1:2379"]]
        data = on_host("/var/lib/etcd") + ":/var/lib/rancher/etcd/:z"
        cmd = ["/usr/local/bin/etcd", *flags("etcd")]
        add("etcd", ETCD, None, cmd, [*env, "ETCD_UNSUPPORTED_ARCH=x86_64"], [data, etc])
        containers["etcd"]["User"] = f"{ETCD_ID}:{ETCD_ID}" if ETCD_OWN_USER else ""
        cmd = ["/opt/rke-tools/rke-etcd-backup", "etcd-backup", "save", "--cacert", SSL + "kube-ca.pem"]
        cmd += ["--cert", SSL + "kube-node.pem", "--key", SSL + "kube-node-key.pem", "--name", "etcd-rolling-snapshots"]
        cmd += [f"--endpoints={HOST['address']}:2379", "--retention=72h", "--creation=12h", "--s3-backup=true"]
        cmd += ["--s3-accessKey=" + CANARY, "--s3-secretKey=" + CANARY]
        snapshots = ["/opt/rke/etcd-snapshots/:/backup:z", etc]
        add("etcd-rolling-snapshots", TOOLS, None, cmd, (), snapshots, label=False)
    for name in HOST.get("missing", []):
        del containers[name]
    return containers


class Docker(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(SOCKET)


def docker(method, path, body=None):
    connection = Docker("docker")
    tar = isinstance(body, bytes)
    kind = {"Content-Type": "application/x-tar" if tar else "application/json"}
    connection.request(method, path, body if tar or body is None else json.dumps(body), kind)
    response = connection.getresponse()
    data = response.read()
    if response.status >= 400:
        raise SystemExit(f"{method} {path}: {response.status} {data[:300]}")
    return data


def run(item):
    name, body = item
    path = "/containers/" + json.loads(docker("POST", "/containers/create?name=" + name, body))["Id"]
    docker("POST", path + "/start")
    if name in HOST.get("stopped", []):
        docker("POST", path + "/stop?t=1")


def containers():
    for _attempt in range(600):
        try:
            docker("GET", "/_ping")
            break
        except OSError:
            time.sleep(0.05)
    images = [(HYPERKUBE, "hyperkube.tar")] + ([(ETCD, "etcd.tar")] if "etcd" in ROLES else [])
    for image, tar in images:
        with open(f"{SHARE}/{tar}", "rb") as stream:
            docker("POST", "/images/create?fromSrc=-&repo={}&tag={}".format(*image.split(":")), stream.read())
    docker("POST", "/images/{}/tag?repo={}&tag={}".format(HYPERKUBE, *TOOLS.split(":")))
    # created, never started: it only lends its volume to the others
    sidekick = {"Image": TOOLS, "Entrypoint": ["/bin/bash"], "Labels": {LABEL: "service-sidekick"}}
    sidekick.update({"Volumes": {"/opt/rke-tools": {}}, "HostConfig": {"NetworkMode": "none"}})
    docker("POST", "/containers/create?name=service-sidekick", sidekick)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        list(pool.map(run, plan().items()))


started = time.time()
users()
files()
if HOST["docker"] == "up":
    containers()
faults()
print(f"{NAME}: {time.time() - started:.2f} s", flush=True)
