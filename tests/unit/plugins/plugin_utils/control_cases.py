# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What passes and what fails each check of the library, and each control that judges otherwise than its check."""

from __future__ import annotations

import typing as t

from ansible_collections.rke.cis.plugins.module_utils._evidence import path_key
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import Benchmark, load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import (
    benchmark_files,
    check_names,
    each_test,
    library_check,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import check_cluster, check_evidence
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import failure_of, score_node
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import cluster, node

Case = t.TypeVar("Case")

# Of flags: arguments that pass, that fail and that the component refuses, and what an absent flag comes to.
FlagCase = tuple[str, str, str, str]
PLUGINS = "--enable-admission-plugins=NamespaceLifecycle,"
SUITE = "--tls-cipher-suites=TLS_RSA_WITH_AES_256_GCM_SHA384"
_CIPHER_CASES = (
    f"{SUITE},TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    SUITE + ",TLS_RSA_WITH_RC4_128_SHA",
    SUITE + ",",
    "fail",
)
FLAGS: dict[str, FlagCase] = {
    "kube-apiserver/basic-auth-file": ("--profiling=false", "--basic-auth-file=/a", "--basic-auth-file", "pass"),
    "kube-apiserver/insecure-allow-any-token": (
        "--profiling=false",
        "--insecure-allow-any-token=false",
        "--insecure-allow-any-token=maybe",
        "pass",
    ),
    "kube-apiserver/kubelet-https": ("--kubelet-https", "--kubelet-https=false", "--kubelet-https=yes", "pass"),
    "kube-apiserver/insecure-bind-address": (
        "--profiling=false",
        "--insecure-bind-address=127.0.0.1",
        "--insecure-bind-address=",
        "pass",
    ),
    "kube-apiserver/insecure-port": ("--insecure-port=0", "--insecure-port=8080", "--insecure-port=none", "fail"),
    "kube-apiserver/secure-port": ("--secure-port=6443", "--secure-port=0", "--secure-port=65536", "pass"),
    "kube-apiserver/profiling": ("--profiling=false", "--profiling=false --profiling", "--profiling=off", "fail"),
    "kube-apiserver/repair-malformed-updates": (
        "--repair-malformed-updates=false",
        "--repair-malformed-updates",
        "--repair-malformed-updates=",
        "fail",
    ),
    "kube-apiserver/plugin-AlwaysAdmit": (
        PLUGINS + "AlwaysAdmitNot",
        PLUGINS + "AlwaysAdmit",
        PLUGINS + '"AlwaysAdmit',
        "pass",
    ),
    "kube-apiserver/plugin-AlwaysPullImages": (
        PLUGINS + "AlwaysPullImages",
        PLUGINS + "AlwaysPull",
        PLUGINS + '"AlwaysPullImages',
        "fail",
    ),
    "kube-apiserver/plugin-NamespaceLifecycle": (
        "--disable-admission-plugins=LimitRanger",
        "--disable-admission-plugins=LimitRanger,NamespaceLifecycle",
        '--disable-admission-plugins="NamespaceLifecycle',
        "pass",
    ),
    "kube-apiserver/audit-log-path": ("--audit-log-path=/var/log/a", "--audit-log-path=", "--audit-log-path", "fail"),
    "kube-apiserver/audit-log-maxage": (
        "--audit-log-maxage=30",
        "--audit-log-maxage=29",
        "--audit-log-maxage=30d",
        "fail",
    ),
    "kube-apiserver/audit-log-maxbackup": (
        "--audit-log-maxbackup=0xa",
        "--audit-log-maxbackup=010",
        "--audit-log-maxbackup=1e2",
        "fail",
    ),
    "kube-apiserver/audit-log-maxsize": (
        "--audit-log-maxsize=100",
        "--audit-log-maxsize=0",
        "--audit-log-maxsize=100MB",
        "fail",
    ),
    "kube-apiserver/authorization-mode-no-AlwaysAllow": (
        "--authorization-mode=Node,RBAC",
        "--authorization-mode=RBAC,AlwaysAllow",
        "--authorization-mode=",
        "fail",
    ),
    "kube-apiserver/token-auth-file": ("--profiling=false", "--token-auth-file=/a", "--token-auth-file", "pass"),
    "kube-apiserver/kubelet-certificate-authority": (
        "--kubelet-certificate-authority=/a",
        "--kubelet-certificate-authority=a",
        "--kubelet-certificate-authority",
        "fail",
    ),
    "kube-apiserver/kubelet-client-cert": (
        "--kubelet-client-certificate=/a --kubelet-client-key=/b",
        "--kubelet-client-certificate=/a",
        "--kubelet-client-certificate=/a --kubelet-client-key=",
        "fail",
    ),
    "kube-apiserver/service-account-lookup": (
        "--service-account-lookup=T",
        "--service-account-lookup=0",
        "--service-account-lookup=TrUe",
        "pass",
    ),
    "kube-apiserver/plugin-PodSecurityPolicy": (
        PLUGINS + "PodSecurityPolicy",
        PLUGINS + "PodSecurityPolicy --disable-admission-plugins=PodSecurityPolicy",
        PLUGINS + "PodSecurityPolicy;",
        "fail",
    ),
    "kube-apiserver/service-account-key-file": (
        "--service-account-key-file=/a --service-account-key-file=/b",
        "--service-account-key-file=/a --service-account-key-file=b",
        "--service-account-key-file",
        "fail",
    ),
    "kube-apiserver/etcd-client-cert": (
        "--etcd-certfile=/a --etcd-keyfile=/b",
        "--etcd-keyfile=/b",
        "--etcd-certfile=/a --etcd-keyfile=b",
        "fail",
    ),
    "kube-apiserver/plugin-ServiceAccount-listed": (
        PLUGINS + "ServiceAccount",
        "--disable-admission-plugins=ServiceAccount",
        PLUGINS + "ServiceAccountX",
        "pass",
    ),
    "kube-apiserver/tls-cert": (
        "--tls-cert-file=/a --tls-private-key-file=/b",
        "--tls-cert-file=/a",
        "--tls-cert-file --tls-private-key-file=/b",
        "fail",
    ),
    "kube-apiserver/client-ca-file": ("--client-ca-file=/a", "--client-ca-file='/a'", "--client-ca-file", "fail"),
    "kube-apiserver/etcd-cafile": ("--etcd-cafile=/a", "--etcd-cafile=a", "--etcd-cafile", "fail"),
    "kube-apiserver/authorization-mode-Node": (
        "--authorization-mode=Node,RBAC",
        "--authorization-mode=NodeX,RBAC",
        '--authorization-mode="Node',
        "fail",
    ),
    "kube-apiserver/plugin-NodeRestriction": (
        PLUGINS + "NodeRestriction",
        PLUGINS + "NodeRestrictio",
        PLUGINS + 'NodeRestriction"',
        "fail",
    ),
    "kube-apiserver/encryption-provider-config": (
        "--encryption-provider-config=/a",
        "--encryption-provider-config=a",
        "--encryption-provider-config",
        "fail",
    ),
    "kube-apiserver/plugin-EventRateLimit": (PLUGINS + "EventRateLimit", PLUGINS, PLUGINS + "eventratelimit", "fail"),
    "kube-apiserver/AdvancedAuditing": (
        "--feature-gates=A=true",
        "--feature-gates=AdvancedAuditing=F",
        "--feature-gates=AdvancedAuditing=no",
        "pass",
    ),
    "audit/policy-set": ("--audit-policy-file=/a", "--audit-policy-file=a", "--audit-policy-file", "fail"),
    "kube-apiserver/request-timeout": (
        "--request-timeout=1m30s",
        "--request-timeout=0s",
        "--request-timeout=60",
        "pass",
    ),
    "kube-apiserver/authorization-mode-RBAC": (
        "--authorization-mode=RBAC",
        "--authorization-mode=Node",
        "--authorization-mode=Node, RBAC",
        "fail",
    ),
    "kube-scheduler/profiling": ("--profiling=false", "--profiling=true", "--profiling=", "fail"),
    "kube-scheduler/address": ("--address=127.0.0.1", "--address=0.0.0.0", "--address=localhost", "fail"),
    "kube-controller-manager/terminated-pod-gc-threshold": (
        "--terminated-pod-gc-threshold=10",
        "--terminated-pod-gc-threshold=0",
        "--terminated-pod-gc-threshold=x",
        "fail",
    ),
    "kube-controller-manager/profiling": ("--profiling=f", "--profiling", "--profiling=nein", "fail"),
    "kube-controller-manager/use-service-account-credentials": (
        "--use-service-account-credentials",
        "--use-service-account-credentials=0",
        "--use-service-account-credentials=no",
        "fail",
    ),
    "kube-controller-manager/service-account-private-key-file": (
        "--service-account-private-key-file=/a",
        "--service-account-private-key-file=",
        "--service-account-private-key-file",
        "fail",
    ),
    "kube-controller-manager/root-ca-file": ("--root-ca-file=/a", "--root-ca-file=ca.pem", "--root-ca-file", "fail"),
    "kube-controller-manager/RotateKubeletServerCertificate": (
        "--feature-gates=A=false,RotateKubeletServerCertificate=true",
        "--feature-gates=RotateKubeletServerCertificate=false",
        "--feature-gates=RotateKubeletServerCertificate",
        "fail",
    ),
    "kube-controller-manager/address": ("--address=127.0.0.1", "--address=::", "--address=127.0.0.1.1", "fail"),
    "etcd/cert": ("--cert-file=/a --key-file=/b", "--cert-file=/a", "--cert-file=/a x --key-file=/b", "fail"),
    "etcd/client-cert-auth": ("--client-cert-auth", "--client-cert-auth=false", "--client-cert-auth=yes", "fail"),
    "etcd/auto-tls": ("--auto-tls=false", "--auto-tls", "--auto-tls=", "pass"),
    "etcd/peer-cert": (
        "-peer-cert-file=/a -peer-key-file=/b",
        "--peer-cert-file=/a --peer-key-file=b",
        "--peer-cert-file",
        "fail",
    ),
    "etcd/peer-client-cert-auth": (
        "--peer-client-cert-auth=1",
        "--peer-client-cert-auth=F",
        "--peer-client-cert-auth true",
        "fail",
    ),
    "etcd/peer-auto-tls": ("--peer-auto-tls=false", "--peer-auto-tls=true", "--peer-auto-tls false", "pass"),
    "kubelet/anonymous-auth": ("--anonymous-auth=false", "--anonymous-auth=true", "--anonymous-auth false", "fail"),
    "kubelet/authorization-mode-no-AlwaysAllow": (
        "--authorization-mode=Webhook",
        "--authorization-mode=AlwaysAllow",
        "--authorization-mode=webhook",
        "fail",
    ),
    "kubelet/client-ca-file": ("--client-ca-file=/a", "--client-ca-file=", "--client-ca-file", "fail"),
    "kubelet/read-only-port": ("--read-only-port=0", "--read-only-port=10255", "--read-only-port=0.0", "fail"),
    "kubelet/streaming-connection-idle-timeout": (
        "--streaming-connection-idle-timeout=30m",
        "--streaming-connection-idle-timeout=0h0m",
        "--streaming-connection-idle-timeout=30",
        "pass",
    ),
    "kubelet/protect-kernel-defaults": (
        "--protect-kernel-defaults",
        "--protect-kernel-defaults=false",
        "--protect-kernel-defaults true",
        "fail",
    ),
    "kubelet/make-iptables-util-chains": (
        "--make-iptables-util-chains=true",
        "--make-iptables-util-chains=false",
        "--make-iptables-util-chains=x",
        "pass",
    ),
    "kubelet/hostname-override": ("--read-only-port=0", "--hostname-override=a", "--hostname-override=", "pass"),
    "kubelet/event-qps-0": ("--event-qps=0", "--event-qps=5", "--event-qps=", "fail"),
    "kubelet/tls-cert": (
        "--tls-cert-file=/a --tls-private-key-file=/b",
        "--tls-private-key-file=/b",
        "--tls-cert-file=/a --tls-private-key-file",
        "fail",
    ),
    "kubelet/cadvisor-port": ("--cadvisor-port=0", "--cadvisor-port=4194", "--cadvisor-port=x", "pass"),
    "kubelet/rotate-certificates": (
        "--rotate-certificates",
        "--rotate-certificates=false",
        "--rotate-certificates=x",
        "pass",
    ),
    "kubelet/RotateKubeletServerCertificate": (
        "--feature-gates=RotateKubeletServerCertificate=True",
        "--feature-gates=RotateKubeletServerCertificateX=true",
        "--feature-gates=RotateKubeletServerCertificate=",
        "fail",
    ),
    "kube-apiserver/anonymous-auth": ("--anonymous-auth=false", "--anonymous-auth", "--anonymous-auth=no", "fail"),
    "kube-apiserver/plugin-DenyEscalatingExec": (
        PLUGINS + "DenyEscalatingExec",
        PLUGINS + "DenyExecOnPrivileged",
        PLUGINS + '"DenyEscalatingExec',
        "fail",
    ),
    "kube-apiserver/tls-cipher-suites": _CIPHER_CASES,
    "kube-apiserver/experimental-encryption-provider-config": (
        "--experimental-encryption-provider-config=/a",
        "--experimental-encryption-provider-config=a",
        "--experimental-encryption-provider-config",
        "fail",
    ),
    "etcd/unique-ca": (
        "--trusted-ca-file=/etc/kubernetes/ssl/etcd-ca.pem",
        "--trusted-ca-file=/etc/kubernetes//ssl/kube-ca.pem",
        "--trusted-ca-file=",
        "fail",
    ),
    "kubelet/allow-privileged": ("--allow-privileged=false", "--allow-privileged", "--allow-privileged=no", "fail"),
    "kubelet/tls-cipher-suites": _CIPHER_CASES,
    "kube-apiserver/plugin-ServiceAccount": (
        PLUGINS + "A",
        "--disable-admission-plugins=A,ServiceAccount",
        "--admission-control=NamespaceLifecycle",
        "pass",
    ),
    "kube-apiserver/plugin-SecurityContextDeny-or-PSP": (
        PLUGINS + "SecurityContextDeny",
        PLUGINS + "SecurityContextDenyX,PodSecurityPolicies",
        PLUGINS + '"PodSecurityPolicy',
        "fail",
    ),
    "kube-apiserver/plugin-DenyServiceExternalIPs-off": (
        PLUGINS + "DenyServiceExternalIPsX",
        PLUGINS + "A,DenyServiceExternalIPs",
        "--enable-admission-plugins",
        "pass",
    ),
    "kube-apiserver/plugin-DenyServiceExternalIPs-on": (
        PLUGINS + "DenyServiceExternalIPs",
        PLUGINS + "DenyServiceExternalIPs --disable-admission-plugins=DenyServiceExternalIPs",
        PLUGINS + 'DenyServiceExternalIPs"',
        "fail",
    ),
    "kube-apiserver/tls-cipher-suites-13": (
        SUITE + ",TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,TLS_AES_128_GCM_SHA256",
        SUITE + ",TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        SUITE + ", TLS_AES_128_GCM_SHA256",
        "fail",
    ),
    "kube-scheduler/bind-address": ("--bind-address=127.0.0.1", "--bind-address=0.0.0.0", "--bind-address=lo", "fail"),
    "kube-controller-manager/bind-address": ("--bind-address=::1", "--bind-address=::", "--bind-address=", "fail"),
    "kubelet/event-qps": ("--event-qps=50", "--event-qps=-1", "--event-qps=5.0", "pass"),
    "kubelet/pod-max-pids": ("--pod-max-pids=4096", "--pod-max-pids=-1", "--pod-max-pids=many", "fail"),
}
# Those of controls with tests of their own, by benchmark and id.
OWN_FLAGS: dict[tuple[str, str], FlagCase] = {
    ("rke-cis-1.3", "1.1.5"): (
        "--insecure-bind-address=127.0.0.1",
        "--insecure-bind-address=0.0.0.0",
        "--insecure-bind-address=localhost",
        "pass",
    ),
    ("rke-cis-1.3", "1.1.14"): (
        PLUGINS + "A",
        "--disable-admission-plugins=NamespaceLifecycle",
        PLUGINS[:-1] + "X",
        "pass",
    ),
    ("rke-cis-1.3", "1.1.16"): ("--audit-log-maxage=5", "--audit-log-maxage=0", "--audit-log-maxage=5d", "fail"),
    ("rke-cis-1.3", "1.1.17"): (
        "--audit-log-maxbackup=1",
        "--audit-log-maxbackup=-1",
        "--audit-log-maxbackup=",
        "fail",
    ),
    ("rke-cis-1.3", "1.1.18"): (
        "--audit-log-maxsize=0x1",
        "--audit-log-maxsize=00",
        "--audit-log-maxsize=100MB",
        "fail",
    ),
    ("rke-cis-1.3", "1.1.36"): (
        PLUGINS + "EventRateLimit --admission-control-config-file=/a",
        PLUGINS + "EventRateLimit",
        PLUGINS + "EventRateLimit --admission-control-config-file",
        "fail",
    ),
    ("rke-cis-1.3", "1.1.37"): (
        "--audit-policy-file=/a --feature-gates=AdvancedAuditing=1",
        "--audit-policy-file=/a --feature-gates=AdvancedAuditing=false",
        "--audit-policy-file=/a --feature-gates=AdvancedAuditing=no",
        "fail",
    ),
    ("rke-cis-1.3", "2.1.11"): (
        "--tls-cert-file=/a --tls-private-key-file=/b",
        "--tls-cert-file=a --tls-private-key-file=/b",
        "--tls-cert-file=/a --tls-private-key-file=",
        "pass",
    ),
    **dict.fromkeys(
        (("rke-cis-1.3", "2.1.6"), ("rke-cis-1.4", "2.1.5")),
        (
            "--streaming-connection-idle-timeout=30m",
            "--streaming-connection-idle-timeout=0h0m",
            "--streaming-connection-idle-timeout=30",
            "fail",
        ),
    ),
    **dict.fromkeys(
        (("rke-cis-1.3", "2.1.13"), ("rke-cis-1.4", "2.1.12")),
        ("--rotate-certificates", "--rotate-certificates=false", "--rotate-certificates=x", "fail"),
    ),
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


def tree(*files: dict[str, t.Any]) -> dict[str, t.Any]:
    return pki(**{f"net/{number}": entry for number, entry in enumerate(files)})


# Of paths: evidence that passes and evidence that fails.
PathCase = tuple[dict[str, t.Any], dict[str, t.Any]]
ETCD_DIR = file("0700", ETCD, "directory")
OWNED = (file(), file(owner={"uid": 1001, "gid": 0, "owner": "xroot", "group": "root"}))
PATHS: dict[str, PathCase] = {
    "encryption/first-provider-aescbc": (providers("aescbc", "identity"), providers("identity", "aescbc")),
    "encryption/first-provider-strong": (providers("kms", "identity"), providers("aesgcm", "secretbox")),
    "files/etcd-data-dir-mode-700": (ETCD_DIR, file("2700", ETCD, "directory")),
    "files/etcd-data-dir-owner": (ETCD_DIR, file("0700", ROOT, "directory")),
    "files/cni-mode-644": (tree(file("0644")), tree(file("0600"), file("0664"))),
    "files/cni-mode-600": (tree(file("0600")), tree(file("0400"), file("0640"))),
    "files/cni-owner": (tree(file("0400")), tree(file("0600", ETCD))),
    "pki/owner": (
        pki(kube_ca=file("0600"), kube_etcd_a=file("0600", ETCD)),
        pki(kube_ca=file("0600", ETCD), kube_etcd_a=file("0600", ETCD)),
    ),
    "pki/cert-mode-644": (pki(kube_ca=file("0444"), kube_ca_key=file("0666")), pki(kube_ca=file("1644"))),
    "pki/cert-mode-600": (pki(kube_ca=file("0400"), kube_ca_key=file("0666")), pki(kube_ca=file("0604"))),
    "pki/key-mode-600": (pki(kube_ca=file("0666"), kube_ca_key=file("0400")), pki(kube_ca_key=file("0640"))),
    **{
        name: {"644": (file("0644"), file("0664")), "600": (file("0400"), file("1600"))}.get(name[-3:], OWNED)
        for name in check_names()
        if name.startswith("files/") and not name.startswith(("files/etcd-data-dir", "files/cni"))
    },
}
# Those where nothing is to be judged if nothing is there.
MAY_BE_MISSING = {
    "files/cni-mode-644", "files/cni-mode-600", "files/cni-owner", "files/if-proxy-kubeconfig-mode-644",
    "files/proxy-kubeconfig-mode-600", "files/if-proxy-kubeconfig-owner", "files/kubelet-config-mode-600",
    "files/if-kubelet-config-owner",
}  # fmt: skip
OWN_PATHS: dict[tuple[str, str], PathCase] = {
    ("rke-cis-1.3", "1.1.35"): (providers("aescbc"), providers("secretbox")),
    ("rke-cis-1.3", "2.2.1"): (file("0644"), file("0664")),
    ("rke-cis-1.3", "2.2.2"): OWNED,
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


# What the policy restricted has beside the rest: one that passes, some that fail.
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
# Of objects of the API: lists of policies that pass, and lists that fail.
ObjectCase = tuple[list[Items], list[Items]]
_NAMED: dict[str, ObjectCase] = {
    control_id: (
        [policies(), policies(**good)],
        # a good policy of another name is not the one that is meant
        [[{"metadata": {"name": "restricted-psp"}, "spec": RESTRICTED}], *(policies(**spec) for spec in bad)],
    )
    for control_id, (good, *bad) in _RESTRICTED_CASES.items()
}
OBJECTS: dict[str, ObjectCase] = {
    **{
        name: ([[bad, good]], [[bad]])
        for name, good, bad in (
            ("psp/hostPID", policy(), policy(hostPID=True)),
            ("psp/hostIPC", policy(hostIPC=False), policy(hostIPC=True)),
            ("psp/hostNetwork", policy(hostNetwork=None), policy(hostNetwork=True)),
            ("psp/allowPrivilegeEscalation", policy(), {"metadata": {"name": "open"}, "spec": {}}),
        )
    },
    "psp/privileged": _NAMED["1.7.1"],
    "psp/root": _NAMED["1.7.6"],
    "psp/NET_RAW": _NAMED["1.7.7"],
}
OWN_OBJECTS: dict[tuple[str, str], ObjectCase] = {
    ("rke-cis-1.3", control_id): _NAMED[control_id] for control_id in ("1.7.2", "1.7.3", "1.7.4", "1.7.5")
}


def cases(
    by_check: dict[str, Case], by_control: dict[tuple[str, str], Case]
) -> t.Iterator[tuple[tuple[str, str], str, Case]]:
    """Return benchmark and id, the check and its case of each control of each benchmark that has one."""
    for benchmark_id in benchmark_files():
        for control in load_benchmark(benchmark_id).controls:
            where = benchmark_id, control["id"]
            same = control["tests"] == (library_check(control["check"]) or {})["tests"]
            case = by_check.get(control["check"]) if same else by_control.get(where)
            if case:
                yield where, control["check"], case


CA = "--client-ca-file=/etc/kubernetes/ssl/kube-ca.pem"  # of a kubelet


def container(component: str, *args: str) -> dict[str, t.Any]:
    nothing: dict[str, t.Any] = {"image": "", "user": "", "mounts": [], "env": {}, "process_text": []}
    return {"state": "running", "args": [component, *args], "processes": [[component, *args]], **nothing}


def verdict(where: tuple[str, str], arguments: str = "", entry: t.Any = None, items: t.Any = None) -> str:
    """Return the state of one control on a node that has just this, and a kubelet where it is compared with."""
    benchmark, control_id = load_benchmark(where[0]), where[1]
    (control,) = (control for control in benchmark.controls if control["id"] == control_id)
    evidence: dict[str, t.Any] = {**node(), "containers": {"kubelet": container("kubelet", CA)}, "paths": {}}
    if "component" in control:
        words = arguments.replace(", ", ",\0").split()
        args = [word.replace("\0", " ") for word in words]
        evidence["containers"][control["component"]] = container(control["component"], *args)
    for test in each_test(control):
        if "path" in test and entry is not None:
            evidence["paths"][path_key(test["path"])] = entry
            if "flag" in test["path"]:
                evidence["containers"].setdefault(test["path"]["container"], container(test["path"]["container"]))
    shown = None
    if items is not None:
        shown = check_cluster({**cluster(), "objects": {"podsecuritypolicies": {"items": items}}}, "x")
    state = score_node(benchmark, check_evidence(evidence, "x"), shown, {control_id})[control_id].state
    # cases are of checks, which do not know whether a benchmark scores them
    return "fail" if state == failure_of(control) else state


def whole(benchmark: Benchmark) -> dict[str, t.Any]:
    """Return the evidence of a node of which every control passes."""
    arguments: dict[str, list[str]] = {}
    paths: dict[str, t.Any] = {}
    flag_cases, path_cases = ({where: case for where, _check, case in cases(*tables)} for tables in _TABLES)
    for control in benchmark.controls:
        where = benchmark.id, control["id"]
        if where in flag_cases:
            arguments.setdefault(control["component"], []).extend(flag_cases[where][0].split())
        for test in each_test(control):
            if "path" in test:
                seen = path_cases[where][0] if where in path_cases else tree(file())
                paths[path_key(test["path"])] = seen
    if "kubelet:/etc/kubernetes/ssl" in paths:
        key, certificate = file("0400"), file("0400")
        paths["kubelet:/etc/kubernetes/ssl"] = pki(kube_ca=certificate, kube_ca_key=key, kube_etcd_a=file("0600", ETCD))
    for name, words in arguments.items():
        arguments[name] = list(dict.fromkeys(words))
    evidence = {
        **node(),
        "containers": {name: container(name, *words) for name, words in arguments.items()},
        "paths": paths,
    }
    return check_evidence(evidence, "x")


_TABLES = (FLAGS, OWN_FLAGS), (PATHS, OWN_PATHS)
