# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What passes and what fails each control of each benchmark."""

from __future__ import annotations

import typing as t

from ansible_collections.rke.cis.plugins.module_utils._evidence import path_key
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import check_cluster, check_evidence
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import score_node
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import cluster, node

# Flag controls: arguments that pass, that fail and that the component refuses, and what an absent flag comes to.
PLUGINS = "--enable-admission-plugins=NamespaceLifecycle,"
_FLAGS_1_4: dict[str, tuple[str, str, str, str]] = {
    "1.1.2": ("--profiling=false", "--basic-auth-file=/a", "--basic-auth-file", "pass"),
    "1.1.3": ("--profiling=false", "--insecure-allow-any-token=false", "--insecure-allow-any-token=maybe", "pass"),
    "1.1.4": ("--kubelet-https", "--kubelet-https=false", "--kubelet-https=yes", "pass"),
    "1.1.5": ("--profiling=false", "--insecure-bind-address=127.0.0.1", "--insecure-bind-address=", "pass"),
    "1.1.6": ("--insecure-port=0", "--insecure-port=8080", "--insecure-port=none", "fail"),
    "1.1.7": ("--secure-port=6443", "--secure-port=0", "--secure-port=65536", "pass"),
    "1.1.8": ("--profiling=false", "--profiling=false --profiling", "--profiling=off", "fail"),
    "1.1.9": ("--repair-malformed-updates=false", "--repair-malformed-updates", "--repair-malformed-updates=", "fail"),
    "1.1.10": (PLUGINS + "AlwaysAdmitNot", PLUGINS + "AlwaysAdmit", PLUGINS + '"AlwaysAdmit', "pass"),
    "1.1.11": (PLUGINS + "AlwaysPullImages", PLUGINS + "AlwaysPull", PLUGINS + '"AlwaysPullImages', "fail"),
    "1.1.14": (
        "--disable-admission-plugins=PodSecurityPolicy",
        "--disable-admission-plugins=PodSecurityPolicy,NamespaceLifecycle",
        '--disable-admission-plugins="NamespaceLifecycle',
        "pass",
    ),
    "1.1.15": ("--audit-log-path=/var/log/a", "--audit-log-path=", "--audit-log-path", "fail"),
    "1.1.16": ("--audit-log-maxage=30", "--audit-log-maxage=29", "--audit-log-maxage=30d", "fail"),
    "1.1.17": ("--audit-log-maxbackup=0xa", "--audit-log-maxbackup=010", "--audit-log-maxbackup=1e2", "fail"),
    "1.1.18": ("--audit-log-maxsize=100", "--audit-log-maxsize=0", "--audit-log-maxsize=100MB", "fail"),
    "1.1.19": (
        "--authorization-mode=Node,RBAC",
        "--authorization-mode=RBAC,AlwaysAllow",
        "--authorization-mode=",
        "fail",
    ),
    "1.1.20": ("--profiling=false", "--token-auth-file=/a", "--token-auth-file", "pass"),
    "1.1.21": (
        "--kubelet-certificate-authority=/a",
        "--kubelet-certificate-authority=a",
        "--kubelet-certificate-authority",
        "fail",
    ),
    "1.1.22": (
        "--kubelet-client-certificate=/a --kubelet-client-key=/b",
        "--kubelet-client-certificate=/a",
        "--kubelet-client-certificate=/a --kubelet-client-key=",
        "fail",
    ),
    "1.1.23": ("--service-account-lookup=T", "--service-account-lookup=0", "--service-account-lookup=TrUe", "pass"),
    "1.1.24": (
        PLUGINS + "PodSecurityPolicy",
        PLUGINS + "PodSecurityPolicy --disable-admission-plugins=PodSecurityPolicy",
        PLUGINS + "PodSecurityPolicy;",
        "fail",
    ),
    "1.1.25": (
        "--service-account-key-file=/a --service-account-key-file=/b",
        "--service-account-key-file=/a --service-account-key-file=b",
        "--service-account-key-file",
        "fail",
    ),
    "1.1.26": (
        "--etcd-certfile=/a --etcd-keyfile=/b",
        "--etcd-keyfile=/b",
        "--etcd-certfile=/a --etcd-keyfile=b",
        "fail",
    ),
    "1.1.27": (
        PLUGINS + "ServiceAccount",
        "--disable-admission-plugins=ServiceAccount",
        PLUGINS + "ServiceAccountX",
        "pass",
    ),
    "1.1.28": (
        "--tls-cert-file=/a --tls-private-key-file=/b",
        "--tls-cert-file=/a",
        "--tls-cert-file --tls-private-key-file=/b",
        "fail",
    ),
    "1.1.29": ("--client-ca-file=/a", "--client-ca-file='/a'", "--client-ca-file", "fail"),
    "1.1.30": ("--etcd-cafile=/a", "--etcd_cafile=/a", "--etcd-cafile", "fail"),
    "1.1.32": (
        "--authorization-mode=Node,RBAC",
        "--authorization-mode=NodeX,RBAC",
        '--authorization-mode="Node',
        "fail",
    ),
    "1.1.33": (PLUGINS + "NodeRestriction", PLUGINS + "NodeRestrictio", PLUGINS + 'NodeRestriction"', "fail"),
    "1.1.34": (
        "--encryption-provider-config=/a",
        "--encryption-provider-config=a",
        "--encryption-provider-config",
        "fail",
    ),
    "1.1.36": (PLUGINS + "EventRateLimit", PLUGINS, PLUGINS + "eventratelimit", "fail"),
    "1.1.37a": (
        "--feature-gates=A=true",
        "--feature-gates=AdvancedAuditing=F",
        "--feature-gates=AdvancedAuditing=no",
        "pass",
    ),
    "1.1.37b": ("--audit-policy-file=/a", "--audit-policy-file=a", "--audit-policy-file", "fail"),
    "1.1.38": ("--request-timeout=1m30s", "--request-timeout=0s", "--request-timeout=60", "pass"),
    "1.1.39": ("--authorization-mode=RBAC", "--authorization-mode=Node", "--authorization-mode=Node, RBAC", "fail"),
    "1.2.1": ("--profiling=false", "--profiling=true", "--profiling=", "fail"),
    "1.2.2": ("--address=127.0.0.1", "--address=0.0.0.0", "--address=localhost", "fail"),
    "1.3.1": (
        "--terminated-pod-gc-threshold=10",
        "--terminated-pod-gc-threshold=0",
        "--terminated-pod-gc-threshold=x",
        "fail",
    ),
    "1.3.2": ("--profiling=f", "--profiling", "--profiling=nein", "fail"),
    "1.3.3": (
        "--use-service-account-credentials",
        "--use-service-account-credentials=0",
        "--use-service-account-credentials=no",
        "fail",
    ),
    "1.3.4": (
        "--service-account-private-key-file=/a",
        "--service-account-private-key-file=",
        "--service-account-private-key-file",
        "fail",
    ),
    "1.3.5": ("--root-ca-file=/a", "--root-ca-file=ca.pem", "--root-ca-file", "fail"),
    "1.3.6": (
        "--feature-gates=A=false,RotateKubeletServerCertificate=true",
        "--feature-gates=RotateKubeletServerCertificate=false",
        "--feature-gates=RotateKubeletServerCertificate",
        "fail",
    ),
    "1.3.7": ("--address=127.0.0.1", "--address=::", "--address=127.0.0.1.1", "fail"),
    "1.5.1": ("--cert-file=/a --key-file=/b", "--cert-file=/a", "--cert-file=/a x --key-file=/b", "fail"),
    "1.5.2": ("--client-cert-auth", "--client-cert-auth=false", "--client-cert-auth=yes", "fail"),
    "1.5.3": ("--auto-tls=false", "--auto-tls", "--auto-tls=", "pass"),
    "1.5.4": (
        "-peer-cert-file=/a -peer-key-file=/b",
        "--peer-cert-file=/a --peer-key-file=b",
        "--peer-cert-file",
        "fail",
    ),
    "1.5.5": ("--peer-client-cert-auth=1", "--peer-client-cert-auth=F", "--peer-client-cert-auth true", "fail"),
    "1.5.6": ("--peer-auto-tls=false", "--peer-auto-tls=true", "--peer-auto-tls false", "pass"),
    "2.1.1": ("--anonymous-auth=false", "--anonymous-auth=true", "--anonymous-auth false", "fail"),
    "2.1.2": (
        "--authorization-mode=Webhook",
        "--authorization-mode=AlwaysAllow",
        "--authorization-mode=webhook",
        "fail",
    ),
    "2.1.3": ("--client-ca-file=/a", "--client-ca-file=", "--client-ca-file", "fail"),
    "2.1.4": ("--read-only-port=0", "--read-only-port=10255", "--read-only-port=0.0", "fail"),
    "2.1.5": (
        "--streaming-connection-idle-timeout=30m",
        "--streaming-connection-idle-timeout=0h0m",
        "--streaming-connection-idle-timeout=30",
        "fail",
    ),
    "2.1.6": ("--protect-kernel-defaults", "--protect-kernel-defaults=false", "--protect-kernel-defaults true", "fail"),
    "2.1.7": (
        "--make-iptables-util-chains=true",
        "--make-iptables-util-chains=false",
        "--make-iptables-util-chains=x",
        "pass",
    ),
    "2.1.8": ("--read-only-port=0", "--hostname-override=a", "--hostname-override=", "pass"),
    "2.1.9": ("--event-qps=0", "--event-qps=5", "--event-qps=", "fail"),
    "2.1.10": (
        "--tls-cert-file=/a --tls-private-key-file=/b",
        "--tls-private-key-file=/b",
        "--tls-cert-file=/a --tls-private-key-file",
        "fail",
    ),
    "2.1.11": ("--cadvisor-port=0", "--cadvisor-port=4194", "--cadvisor-port=x", "pass"),
    "2.1.12": ("--rotate-certificates", "--rotate-certificates=false", "--rotate-certificates=x", "fail"),
    "2.1.13": (
        "--feature-gates=RotateKubeletServerCertificate=True",
        "--feature-gates=RotateKubeletServerCertificateX=true",
        "--feature-gates=RotateKubeletServerCertificate=",
        "fail",
    ),
}

# Controls that rke-cis-1.4 has too, with the same tests under the same or another id: the same cases.
RENUMBERED = {
    "1.1.31": "1.1.30", "2.1.2": "2.1.1", "2.1.3": "2.1.2", "2.1.4": "2.1.3", "2.1.5": "2.1.4", "2.1.6": "2.1.5",
    "2.1.7": "2.1.6", "2.1.8": "2.1.7", "2.1.9": "2.1.8", "2.1.10": "2.1.9", "2.1.12": "2.1.11", "2.1.13": "2.1.12",
    "2.1.14": "2.1.13",
}  # fmt: skip
CA = "--client-ca-file=/etc/kubernetes/ssl/kube-ca.pem"
SUITE = "--tls-cipher-suites=TLS_RSA_WITH_AES_256_GCM_SHA384"
_CIPHER_CASES = (
    f"{SUITE},TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    SUITE + ",TLS_RSA_WITH_RC4_128_SHA",
    SUITE + ",",
    "fail",
)
# Those that differ: arguments that pass, that fail, that the component refuses, and what absence comes to.
_OWN: dict[str, tuple[str, str, str, str]] = {
    "1.1.1": ("--anonymous-auth=false", "--anonymous-auth", "--anonymous-auth=no", "fail"),
    "1.1.5": (
        "--insecure-bind-address=127.0.0.1",
        "--insecure-bind-address=0.0.0.0",
        "--insecure-bind-address=localhost",
        "pass",
    ),
    "1.1.12": (
        PLUGINS + "DenyEscalatingExec",
        PLUGINS + "DenyExecOnPrivileged",
        PLUGINS + '"DenyEscalatingExec',
        "fail",
    ),
    "1.1.14": (PLUGINS + "A", "--disable-admission-plugins=NamespaceLifecycle", PLUGINS[:-1] + "X", "pass"),
    "1.1.16": ("--audit-log-maxage=5", "--audit-log-maxage=0", "--audit-log-maxage=5d", "fail"),
    "1.1.17": ("--audit-log-maxbackup=1", "--audit-log-maxbackup=-1", "--audit-log-maxbackup=", "fail"),
    "1.1.18": ("--audit-log-maxsize=0x1", "--audit-log-maxsize=00", "--audit-log-maxsize=100MB", "fail"),
    "1.1.30": _CIPHER_CASES,
    "1.1.34": (
        "--experimental-encryption-provider-config=/a",
        "--experimental-encryption-provider-config=a",
        "--experimental-encryption-provider-config",
        "fail",
    ),
    "1.1.36": (
        PLUGINS + "EventRateLimit --admission-control-config-file=/a",
        PLUGINS + "EventRateLimit",
        PLUGINS + "EventRateLimit --admission-control-config-file",
        "fail",
    ),
    "1.1.37": (
        "--audit-policy-file=/a --feature-gates=AdvancedAuditing=1",
        "--audit-policy-file=/a --feature-gates=AdvancedAuditing=false",
        "--audit-policy-file=/a --feature-gates=AdvancedAuditing=no",
        "fail",
    ),
    "1.1.39": _CIPHER_CASES,
    "1.5.7": (
        "--trusted-ca-file=/etc/kubernetes/ssl/etcd-ca.pem",
        "--trusted-ca-file=/etc/kubernetes//ssl/kube-ca.pem",
        "--trusted-ca-file=",
        "fail",
    ),
    "2.1.1": ("--allow-privileged=false", "--allow-privileged", "--allow-privileged=no", "fail"),
    "2.1.11": (
        "--tls-cert-file=/a --tls-private-key-file=/b",
        "--tls-cert-file=a --tls-private-key-file=/b",
        "--tls-cert-file=/a --tls-private-key-file=",
        "pass",
    ),
    "2.1.15": _CIPHER_CASES,
}
_CONTROLS_1_3 = load_benchmark("rke-cis-1.3").controls
FLAGS: dict[str, dict[str, tuple[str, str, str, str]]] = {
    "rke-cis-1.4": _FLAGS_1_4,
    "rke-cis-1.3": {
        control["id"]: _OWN.get(control["id"]) or _FLAGS_1_4[RENUMBERED.get(control["id"], control["id"])]
        for control in _CONTROLS_1_3
        if "component" in control and not control.get("manual")
    },
}

ROOT = {"uid": 0, "gid": 0, "owner": "root", "group": "root"}
ETCD = {"uid": 52034, "gid": 52034, "owner": "etcd", "group": "etcd"}


def file(
    mode: str = "0600", owner: dict[str, t.Any] | None = None, kind: str = "file", **more: t.Any
) -> dict[str, t.Any]:
    return {"type": kind, "mode": mode, "path": "/x", **(owner or ROOT), **more}


def pki(**entries: dict[str, t.Any]) -> dict[str, t.Any]:
    listed = [{**entry, "name": name.replace("_", "-") + ".pem"} for name, entry in entries.items()]
    for entry in listed:
        del entry["path"]
    return file("0755", kind="directory", entries=listed)


def providers(*names: str, resource: str = "secrets") -> dict[str, t.Any]:
    return file(encryption=[{"resources": [resource], "providers": list(names)}])


# Path controls: evidence that passes and evidence that fails.
MODE_644 = (file("0644"), file("0664"))
OWNER_ROOT = (file(), file(owner={"uid": 1001, "gid": 0, "owner": "xroot", "group": "root"}))
_PATHS_1_4: dict[str, tuple[dict[str, t.Any], dict[str, t.Any]]] = {
    "1.1.35": (providers("aescbc", "identity"), providers("identity", "aescbc")),
    "1.4.11": (file("0700", ETCD, "directory"), file("2700", ETCD, "directory")),
    "1.4.12": (file("0700", ETCD, "directory"), file("0700", ROOT, "directory")),
    "1.4.19": (
        pki(kube_ca=file("0600"), kube_etcd_a=file("0600", ETCD)),
        pki(kube_ca=file("0600", ETCD), kube_etcd_a=file("0600", ETCD)),
    ),
    "1.4.20": (pki(kube_ca=file("0444"), kube_ca_key=file("0666")), pki(kube_ca=file("1644"))),
    "1.4.21": (pki(kube_ca=file("0666"), kube_ca_key=file("0400")), pki(kube_ca_key=file("0640"))),
    **dict.fromkeys(("1.4.1", "1.4.3", "1.4.5", "1.4.7", "1.4.13", "1.4.15", "1.4.17"), MODE_644),
    **dict.fromkeys(("2.2.1", "2.2.3", "2.2.5", "2.2.7", "2.2.10"), MODE_644),
    **dict.fromkeys(("1.4.2", "1.4.4", "1.4.6", "1.4.8", "1.4.14", "1.4.16", "1.4.18"), OWNER_ROOT),
    **dict.fromkeys(("2.2.2", "2.2.4", "2.2.6", "2.2.8", "2.2.9"), OWNER_ROOT),
}
PATHS: dict[str, dict[str, tuple[dict[str, t.Any], dict[str, t.Any]]]] = {
    "rke-cis-1.4": _PATHS_1_4,
    "rke-cis-1.3": {
        control["id"]: _PATHS_1_4[control["id"]]
        for control in _CONTROLS_1_3
        if control["id"] in _PATHS_1_4 and "path" in control["tests"][0]
    },
}

Items = list[dict[str, t.Any]]


def policy(name: str = "restricted", **spec: t.Any) -> dict[str, t.Any]:
    return {"metadata": {"name": name}, "spec": {"allowPrivilegeEscalation": False, **spec}}


RESTRICTED: dict[str, t.Any] = {
    "privileged": False,
    "allowPrivilegeEscalation": False,
    "runAsUser": {"rule": "MustRunAsNonRoot"},
    "requiredDropCapabilities": ["NET_RAW"],
}
EVERYTHING = {
    **dict.fromkeys(("privileged", "hostPID", "hostIPC", "hostNetwork", "allowPrivilegeEscalation"), True),
    "runAsUser": {"rule": "RunAsAny"},
}


def policies(**spec: t.Any) -> Items:
    """Return the policies of the guide's cluster, restricted with this in place of what it has."""
    named = {"restricted": {**RESTRICTED, **spec}, "default-psp": EVERYTHING}
    return [{"metadata": {"name": name}, "spec": of} for name, of in named.items()]


# What the policy restricted of RKE-CIS-1.3 has beside the rest: one that passes, some that fail.
_RESTRICTED_CASES: dict[str, tuple[dict[str, t.Any], ...]] = {
    "1.7.1": ({}, {"privileged": True}),
    "1.7.2": ({"hostPID": None}, {"hostPID": True}),
    "1.7.3": ({"hostIPC": False}, {"hostIPC": True}),
    "1.7.4": ({}, {"hostNetwork": True}),
    "1.7.5": ({}, {"allowPrivilegeEscalation": True}, {"allowPrivilegeEscalation": None}),
    "1.7.6": (
        {"runAsUser": {"rule": "MustRunAs", "ranges": [{"min": 1, "max": 65535}, {"min": 70000, "max": 70000}]}},
        {"runAsUser": {"rule": "RunAsAny"}},
        {"runAsUser": {"rule": "MustRunAs", "ranges": [{"min": 1000, "max": 2000}, {"min": 0, "max": 5}]}},
        {"runAsUser": {"rule": "MustRunAs", "ranges": [{"max": 5}]}},
        {"runAsUser": {"rule": "MustRunAs", "ranges": []}},
        {"runAsUser": {"rule": "MustRunAs"}},
        {"runAsUser": None},
    ),
    "1.7.7": (
        {"requiredDropCapabilities": ["SYS_ADMIN", "ALL"]},
        {"requiredDropCapabilities": ["SYS_ADMIN", "NET_RAWX"]},
        {"requiredDropCapabilities": []},
        {"requiredDropCapabilities": None},
    ),
}
# Controls that ask the API: lists of policies that pass, and lists that fail.
OBJECTS: dict[str, dict[str, tuple[list[Items], list[Items]]]] = {
    "rke-cis-1.4": {
        control_id: ([[bad, good]], [[bad]])
        for control_id, good, bad in (
            ("1.7.2", policy(), policy(hostPID=True)),
            ("1.7.3", policy(hostIPC=False), policy(hostIPC=True)),
            ("1.7.4", policy(hostNetwork=None), policy(hostNetwork=True)),
            ("1.7.5", policy(), {"metadata": {"name": "open"}, "spec": {}}),
        )
    },
    "rke-cis-1.3": {
        control_id: (
            [policies(), policies(**good)],
            # a good policy of another name is not the one that is meant
            [[{"metadata": {"name": "restricted-psp"}, "spec": RESTRICTED}], *(policies(**spec) for spec in bad)],
        )
        for control_id, (good, *bad) in _RESTRICTED_CASES.items()
    },
}


CA = "--client-ca-file=/etc/kubernetes/ssl/kube-ca.pem"  # of a kubelet


def container(component: str, *args: str) -> dict[str, t.Any]:
    nothing: dict[str, t.Any] = {"image": "", "user": "", "mounts": [], "env": {}, "processes": [], "process_text": []}
    return {"state": "running", "args": [component, *args], **nothing}


def verdict(where: tuple[str, str], arguments: str = "", entry: t.Any = None, items: t.Any = None) -> str:
    """Return the state of one control on a node that has just this, and a kubelet where it is compared with."""
    benchmark, control_id = load_benchmark(where[0]), where[1]
    (control,) = (control for control in benchmark.controls if control["id"] == control_id)
    evidence: dict[str, t.Any] = {**node(), "containers": {"kubelet": container("kubelet", CA)}, "paths": {}}
    if "component" in control:
        words = arguments.replace(", ", ",\0").split()
        args = [word.replace("\0", " ") for word in words]
        evidence["containers"][control["component"]] = container(control["component"], *args)
    for test in control["tests"]:
        if "path" in test and entry is not None:
            evidence["paths"][path_key(test["path"])] = entry
    shown = None
    if items is not None:
        shown = check_cluster({**cluster(), "objects": {"podsecuritypolicies": {"items": items}}}, "x")
    return score_node(benchmark, check_evidence(evidence, "x"), shown, {control_id})[control_id].state
