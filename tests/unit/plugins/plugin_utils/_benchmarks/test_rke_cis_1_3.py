# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RKE-CIS-1.3 against the self-assessment guide that it is made from, and where the guide's audits have holes."""

from __future__ import annotations

import copy
import json
import pathlib
import re
import typing as t

import jsonschema
import pytest

from ansible_collections.rke.cis.plugins.module_utils._evidence import SCHEMA, path_key
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import candidates, load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._reports.csv_rows import report_rows
from ansible_collections.rke.cis.plugins.plugin_utils._reports.summary import summary
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import COUNTS, report_checks
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import score_node
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.control_cases import (
    PLUGINS,
    SUITE,
    file,
    policies,
    providers,
    verdict,
)
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import cluster as api_evidence

ROOT = pathlib.Path(__file__).parents[5]
PAGE = (ROOT / "docs" / "docsite" / "rst" / "rke_cis_1_3.rst").read_text(encoding="utf-8")
BENCHMARK = load_benchmark("rke-cis-1.3")
CONTROLS = {control["id"]: control for control in BENCHMARK.controls}
ALL = ["controlplane", "etcd", "worker"]

# ------------------------------------------------------------------------------------------- the guide's cluster

SSL = "/etc/kubernetes/ssl"
CIPHERS = (
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,"
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305,TLS_RSA_WITH_AES_128_GCM_SHA256,TLS_RSA_WITH_AES_256_GCM_SHA384"
)
PLUGIN_LIST = (
    "NamespaceLifecycle,ServiceAccount,AlwaysPullImages,DenyEscalatingExec,NodeRestriction,EventRateLimit,"
    "PodSecurityPolicy"
)

# What the guide's audits return, put together to the command lines that return it. What returns null is not given.
COMMANDS = {
    "kube-apiserver": f"""
        --anonymous-auth=false --insecure-bind-address=127.0.0.1 --insecure-port=0 --secure-port=6443 --profiling=false
        --repair-malformed-updates=false
        --enable-admission-plugins={PLUGIN_LIST}
        --audit-log-path=/var/log/kube-audit/audit-log.json --audit-log-maxage=5 --audit-log-maxbackup=5
        --audit-log-maxsize=100 --authorization-mode=Node,RBAC
        --kubelet-client-certificate={SSL}/kube-apiserver.pem --kubelet-client-key={SSL}/kube-apiserver-key.pem
        --service-account-lookup=true --service-account-key-file={SSL}/kube-apiserver-key.pem
        --etcd-certfile={SSL}/kube-node.pem --etcd-keyfile={SSL}/kube-node-key.pem --etcd-cafile={SSL}/kube-ca.pem
        --tls-cert-file={SSL}/kube-apiserver.pem --tls-private-key-file={SSL}/kube-apiserver-key.pem
        --client-ca-file={SSL}/kube-ca.pem --tls-cipher-suites={CIPHERS}
        --experimental-encryption-provider-config=/etc/kubernetes/encryption.yaml
        --admission-control-config-file=/etc/kubernetes/admission.yaml --audit-policy-file=/etc/kubernetes/audit.yaml
    """,
    "kube-scheduler": "--profiling=false --address=127.0.0.1",
    "kube-controller-manager": f"""
        --terminated-pod-gc-threshold=1000 --profiling=false --use-service-account-credentials=true
        --service-account-private-key-file={SSL}/kube-apiserver-key.pem --root-ca-file={SSL}/kube-ca.pem
        --address=127.0.0.1
    """,
    "etcd": f"""
        --cert-file={SSL}/kube-etcd-172-31-22-135.pem --key-file={SSL}/kube-etcd-172-31-22-135-key.pem
        --client-cert-auth --peer-cert-file={SSL}/kube-etcd-172-31-22-135.pem
        --peer-key-file={SSL}/kube-etcd-172-31-22-135-key.pem --peer-client-cert-auth
        --trusted-ca-file={SSL}/kube-ca.pem --data-dir=/var/lib/rancher/etcd
    """,
    "kubelet": f"""
        --anonymous-auth=false --client-ca-file={SSL}/kube-ca.pem --read-only-port=0
        --streaming-connection-idle-timeout=1800s --protect-kernel-defaults=true --make-iptables-util-chains=true
        --kubeconfig={SSL}/kubecfg-kube-node.yaml --hostname-override=172.31.22.135 --event-qps=0 --cadvisor-port=0
        --tls-cipher-suites={CIPHERS}
    """,
    "kube-proxy": "",
}


def listed(**modes: str) -> dict[str, t.Any]:
    """Return a directory of root's with these files; _ in a name stands for a dot."""
    return file("0755", kind="directory", entries=[dict(file(m), name=n.replace("_", ".")) for n, m in modes.items()])


NETWORKS = ("10_42_0_2", "10_42_0_3", "10_42_0_4", "10_42_0_5", "last_reserved_ip_0")
LOOKED_AT = {
    "kube-apiserver:--experimental-encryption-provider-config": providers("aescbc", "identity"),
    "etcd:--data-dir": file("0755", kind="directory"),
    "kubelet:/var/lib/cni/networks/k8s-pod-network": listed(**dict.fromkeys(NETWORKS, "0644")),
    "kubelet:/etc/cni/net.d": listed(**{"10-calico_conflist": "0644", "calico-kubeconfig": "0600"}),
}


def container(args: list[str]) -> dict[str, t.Any]:
    more: dict[str, t.Any] = {"image": "", "user": "", "mounts": [], "env": {}, "process_text": []}
    return {"state": "running", "args": args, "processes": [args], **more}


def node(roles: list[str] | None = None, **more: str) -> dict[str, t.Any]:
    """Return the evidence of a node of the guide's cluster, with these words after a component's command line."""
    plan = BENCHMARK.plan(roles or ALL)
    return copy.deepcopy(
        {
            "schema": SCHEMA,
            "collector": "rke.cis 1.0.0",
            "collected_at": "2026-11-21T22:00:00Z",
            "node": "n1",
            "roles": roles or ALL,
            "docker": {"host": "unix:///var/run/docker.sock", "source": "docker CLI"},
            "containers": {
                name: container([name, *COMMANDS[name].split(), *more.get(name.replace("-", "_"), "").split()])
                for name in plan["containers"]
            },
            "paths": {path_key(path): LOOKED_AT.get(path_key(path), file("0644")) for path in plan["paths"]},
        }
    )


def cluster(**spec: t.Any) -> dict[str, t.Any]:
    document = api_evidence()
    document["objects"]["podsecuritypolicies"]["items"] = policies(**spec)
    return document


# ------------------------------------------------------------------------------------------- the guide's results

# its "Known Scored Control Failures"
FAIL = ["1.1.21", "1.3.6", "1.4.11", "1.4.12", "2.1.3", "2.1.9", "2.1.13", "2.1.14"]
FAIL_NOT_SCORED = ["1.5.7"]
NOT_APPLICABLE = [
    *(f"1.4.{number}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 13, 14)),
    *("2.1.1", "2.2.3", "2.2.4", "2.2.9", "2.2.10"),
]
DOCUMENT = ["1.1.13"]
NO_RESULT = [f"1.6.{number}" for number in range(1, 9)]
PASS_BY_HAND = ["1.4.9", "1.4.10"]  # "This is a manual check", with the result Pass

# Returned values that cannot be what the audit above them returned, and what the state has instead.
MISPRINTS = {
    "1.1.15": ("--audit-log-log=/var/log/kube-audit/audit-log.json", "--audit-log-path: the audit asks for that flag"),
    "1.1.30": ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", "TLS_RSA_WITH_AES_128_GCM_SHA256: what the audit captures"),
    "1.1.32": ("--authorization-mode=Node,RBA", "Node,RBAC, as 1.1.19 shows for the same flag"),
    "1.1.39": ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", "TLS_RSA_WITH_AES_128_GCM_SHA256, as in 1.1.30"),
    "1.5.5": ("--client-cert-auth", "--peer-client-cert-auth: the audit asks for that flag"),
    "2.1.15": ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", "TLS_RSA_WITH_AES_128_GCM_SHA256, as in 1.1.30"),
}


def states(document: dict[str, t.Any] | None = None, **spec: t.Any) -> dict[str, str]:
    verdicts = score_node(BENCHMARK, document or node(), cluster(**spec))
    return {control_id: verdict.state for control_id, verdict in verdicts.items()}


def test_the_guide_has_113_controls() -> None:
    counts: dict[str, int] = {}
    for control in BENCHMARK.controls:
        counts[control["id"].rpartition(".")[0]] = counts.get(control["id"].rpartition(".")[0], 0) + 1
    wanted = {"1.1": 39, "1.2": 2, "1.3": 7, "1.4": 18, "1.5": 7, "1.6": 8, "1.7": 7, "2.1": 15, "2.2": 10}
    assert counts == wanted
    assert sum(wanted.values()) == len(CONTROLS) == 113
    for group, count in wanted.items():
        assert {f"{group}.{number}" for number in range(1, count + 1)} <= set(CONTROLS)
    not_scored = {control["id"] for control in BENCHMARK.controls if not control["scored"]}
    assert not_scored == {
        "1.1.30", "1.1.39", "1.4.9", "1.4.10", "1.5.7", *NO_RESULT, "1.7.1", "1.7.6", "1.7.7", "2.1.15",
    }  # fmt: skip


def test_every_result_is_that_of_the_guide() -> None:
    wanted = dict.fromkeys(CONTROLS, "pass")
    wanted.update(dict.fromkeys(FAIL, "fail"))
    wanted.update(dict.fromkeys(FAIL_NOT_SCORED, "warn"))
    wanted.update(dict.fromkeys(DOCUMENT + NO_RESULT + PASS_BY_HAND, "manual"))
    found = states()
    for control_id in NOT_APPLICABLE:
        del wanted[control_id], found[control_id]
    assert found == wanted


@pytest.mark.parametrize("control_id", MISPRINTS)
def test_misprints_are_told_in_the_documentation(control_id: str) -> None:
    misprints = PAGE[PAGE.index("\nMisprints\n---") :]
    assert control_id in misprints
    assert MISPRINTS[control_id][0] in misprints


def test_a_misprint_taken_literally_would_be_a_failure() -> None:
    document = node()
    args = document["containers"]["kube-apiserver"]["args"]
    args[:] = [word.replace("--audit-log-path", "--audit-log-log") for word in args]
    assert states(document)["1.1.15"] == "fail"


def test_hardened_report() -> None:
    ((benchmark, profile),) = candidates("RKE-CIS-1.3-Hardened")
    assert benchmark.controls is BENCHMARK.controls
    report = build_report(benchmark, profile, [node()], cluster())
    schema = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(json.dumps(report)))
    checks = {check["id"]: check for check in report_checks(report)}
    assert [i for i, check in checks.items() if check["state"] == "fail"] == FAIL
    assert [i for i, check in checks.items() if check["state"] == "warn"] == FAIL_NOT_SCORED
    assert [i for i, check in checks.items() if check["state"] == "notApplicable"] == NOT_APPLICABLE
    assert [i for i, check in checks.items() if check["state"] == "manual"] == sorted(
        DOCUMENT + PASS_BY_HAND + NO_RESULT, key=lambda i: [int(part) for part in i.split(".")]
    )
    found = {key: report[key] for key in COUNTS}
    assert found == {"pass": 78, "fail": 8, "warn": 1, "skip": 0, "notApplicable": 15, "error": 0, "manual": 11}
    assert sum(found.values()) == report["total"] == 113
    assert {key: report["node_results"]["n1"][key] for key in COUNTS} == found


# What a cluster as RKE builds it gets: hardened of the guide without what a user has to ask for.
DEFAULT_LACKS = {
    "kube-apiserver": (
        "--audit-", "--experimental-encryption", "--admission-control-config", "--enable-admission-plugins"
    ),
    "kube-scheduler": ("--address",),
    "kube-controller-manager": ("--address",),
    "kubelet": ("--protect-kernel-defaults", "--hostname-override"),
}  # fmt: skip


def test_permissive_leaves_out_what_rke_does_not_do_by_default() -> None:
    document = node(
        kube_apiserver="--enable-admission-plugins=NamespaceLifecycle,LimitRanger,ServiceAccount,DefaultStorageClass,"
        "ResourceQuota,NodeRestriction",
        kube_scheduler="--address=0.0.0.0",
        kube_controller_manager="--address=0.0.0.0",
        kubelet="--hostname-override=n1",
    )
    for name, lacks in DEFAULT_LACKS.items():
        words = document["containers"][name]["args"]
        given = COMMANDS[name].split()
        words[:] = [word for word in words if word not in given or not word.startswith(lacks)]
    key = "kube-apiserver:--experimental-encryption-provider-config"
    document["paths"][key] = {"error": {"kind": "not_set", "message": "not given"}}
    nothing = cluster()
    nothing["objects"]["podsecuritypolicies"]["items"] = []
    skip = BENCHMARK.profiles["permissive"]["skip"]
    found = score_node(BENCHMARK, document, nothing)
    assert {i for i in skip if found[i].state not in ("fail", "warn")} == set()
    report = build_report(BENCHMARK, "permissive", [document], nothing)
    failed = [check["id"] for check in report_checks(report) if check["state"] == "fail"]
    # what can be had without harm stays judged: an audit log, a closed data directory, a kubelet that asks
    assert failed == ["1.1.15", "1.1.16", "1.1.17", "1.1.18", "1.1.37", "1.4.11", "2.1.3"]


def test_profiles() -> None:
    permissive, hardened = BENCHMARK.profiles["permissive"], BENCHMARK.profiles["hardened"]
    assert list(permissive["not_applicable"]) == list(hardened["not_applicable"]) == NOT_APPLICABLE
    assert hardened["skip"] == {}
    assert len(permissive["skip"]) == 23
    assert BENCHMARK.kubernetes == {"min": "1.11", "max": "1.12"}


# ------------------------------------------------------------------------------------------- holes in the audits

# The pattern of the guide's audit, an argument that it takes for good (or does not see, where null is good), and
# what satisfying the control's intent would need. Each is a failure here.
HOLES: list[tuple[str, str, str, bool]] = [
    ("1.1.2", "--basic-auth-file=.*", "--basic-auth-file /a", False),
    ("1.1.4", "--kubelet-https=false", "--kubelet-https=0", False),
    ("1.1.5", r"--insecure-bind-address=(?:(?!127\.0\.0\.1).)+", "--insecure-bind-address 0.0.0.0", False),
    ("1.1.6", "--insecure-port=0", "--insecure-port=0x1F90", True),
    ("1.1.8", "--profiling=false", "--profiling=false --profiling=true", True),
    ("1.1.10", "--enable-admission-plugins=.*(AlwaysAdmit).*", "--admission-control=AlwaysAdmit", False),
    ("1.1.11", "--enable-admission-plugins=.*(AlwaysPullImages).*", PLUGINS + "NotAlwaysPullImages", True),
    (
        "1.1.14",
        "--enable-admission-plugins=.*(NamespaceLifecycle).*",
        "--enable-admission-plugins=NamespaceLifecycle --disable-admission-plugins=NamespaceLifecycle",
        True,
    ),
    ("1.1.16", r"--audit-log-maxage=\d+", "--audit-log-maxage=0", True),
    ("1.1.19", "--authorization-mode=(Node|RBAC|,)+", "--authorization-mode=Node,AlwaysAllow", True),
    ("1.1.20", "--token-auth-file=.*", "--token-auth-file /a", False),
    ("1.1.25", "--service-account-key-file=.*", "--service-account-key-file=", True),
    ("1.1.29", "--client-ca-file=.*", "--client-ca-file=", True),
    ("1.1.30", "--tls-cipher-suites=.*(RC4).*", SUITE + ",TLS_RSA_WITH_3DES_EDE_CBC_SHA", False),
    ("1.1.30", "--tls-cipher-suites=.*(CBC).*", SUITE + ",TLS_RSA_WITH_RC4_128_SHA", False),
    ("1.1.32", "--authorization-mode=(Node|RBAC|,)+", "--authorization-mode=RBAC", True),
    (
        "1.1.37",
        "--feature-gates=.*(AdvancedAuditing=false).*",
        "--audit-policy-file=/a --feature-gates=AdvancedAuditing=0",
        False,
    ),
    ("1.1.38", "--request-timeout=.*", "--request-timeout=0s", True),
    ("1.2.2", r"--address=127\.0\.0\.1", "--address=127.0.0.100", True),
    ("1.3.1", r"--terminated-pod-gc-threshold=\d+", "--terminated-pod-gc-threshold=0", True),
    (
        "1.3.6",
        "--feature-gates=.*(RotateKubeletServerCertificate=true).*",
        "--feature-gates=NoRotateKubeletServerCertificate=true",
        True,
    ),
    ("1.3.7", r"--address=127\.0\.0\.1", "--address=127.0.0.1 --address=0.0.0.0", True),
    ("1.5.1", "--cert-file=.*", "--cert-file= --key-file=/b", True),
    ("1.5.2", "--client-cert-auth(=true)*", "--client-cert-auth=false", True),
    ("1.5.3", "--auto-tls(?:(?!=false).*)", "-auto-tls", False),
    ("1.5.5", "--peer-client-cert-auth(=true)*", "--peer-client-cert-auth=false", True),
    ("1.5.6", "--peer-auto-tls(?:(?!=false).*)", "-peer-auto-tls", False),
    (
        "1.5.7",
        "--trusted-ca-file=(?:(?!/etc/kubernetes/ssl/kube-ca.pem).*)",
        "--trusted-ca-file=/etc/kubernetes/./ssl/kube-ca.pem",
        True,
    ),
    ("2.1.3", "--authorization-mode=Webhook", "--authorization-mode=Webhook --authorization-mode=AlwaysAllow", True),
    ("2.1.5", "--read-only-port=0", "--read-only-port=024017", True),
    ("2.1.6", "--streaming-connection-idle-timeout=.*", "--streaming-connection-idle-timeout=0", True),
    ("2.1.9", "--hostname-override=.*", "--hostname-override n1", False),
    ("2.1.10", "--event-qps=0", "--event-qps=05", True),
    ("2.1.12", "--cadvisor-port=0", "--cadvisor-port=010142", True),
]


@pytest.mark.parametrize(("control_id", "pattern", "arguments", "found"), HOLES, ids=[f"{h[0]} {h[2]}" for h in HOLES])
def test_hole(control_id: str, pattern: str, arguments: str, found: bool) -> None:
    assert any(re.search(pattern, word) for word in arguments.split()) is found
    assert verdict(("rke-cis-1.3", control_id), arguments) == "fail"
    holes = PAGE[PAGE.index("\nHoles in the audits\n---") :]
    assert re.search(rf"(?<![\d.]){re.escape(control_id)}(?![\d])", holes)


def test_the_documentation_counts_as_we_do() -> None:
    report = build_report(BENCHMARK, "hardened", [node()], cluster())
    for group in report["results"]:
        found = [check["state"] for check in group["checks"]]
        counts = [len(found), *(found.count(state) for state in ("pass", "fail", "warn", "notApplicable", "manual"))]
        (row,) = re.findall(rf"(?m)^   \* - {re.escape(group['id'])} .+\n((?:     -(?: \d+)?\n){{6}})", PAGE)
        assert [int(cell.strip(" -") or 0) for cell in row.splitlines()] == counts


def test_the_gate_of_the_controller_manager_counts() -> None:
    gate = "--feature-gates=RotateKubeletServerCertificate=true"
    assert states(node(kube_apiserver=gate))["1.3.6"] == "fail"
    assert states(node(kube_controller_manager=gate))["1.3.6"] == "pass"


def test_the_first_provider_of_the_named_file_counts() -> None:
    document = node()
    key = "kube-apiserver:--experimental-encryption-provider-config"
    document["paths"][key] = providers("identity", "aescbc")  # grep -A 1 | grep finds neither order nor resource
    assert states(document)["1.1.35"] == "fail"
    document["paths"][key] = providers("aescbc", resource="configmaps")
    assert states(document)["1.1.35"] == "fail"


@pytest.mark.parametrize("control_id", ["1.1.30", "1.1.39", "2.1.15"])
def test_ciphers_are_shown_and_their_order_does_not_matter(control_id: str) -> None:
    turned = "--tls-cipher-suites=" + ",".join(reversed(CIPHERS.split(",")))
    assert verdict(("rke-cis-1.3", control_id), turned) == "pass"
    assert (
        verdict(("rke-cis-1.3", control_id), f"{SUITE} --tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")
        == "pass"
    )
    assert verdict(("rke-cis-1.3", control_id), "--tls-cipher-suites=") == "fail"
    assert verdict(("rke-cis-1.3", control_id), SUITE.lower()) == "fail"
    shown = score_node(BENCHMARK, node(), cluster())[control_id]
    assert CIPHERS in shown.actual
    assert "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" in shown.expected


def test_another_ca_for_etcd_is_compared_with_what_the_node_has() -> None:
    own = "--trusted-ca-file=/etc/kubernetes/ssl/etcd-ca.pem"
    assert states(node(etcd=own))["1.5.7"] == "pass"
    assert states(node(["etcd"], etcd=own))["1.5.7"] == "pass"
    assert states(node(["etcd"]))["1.5.7"] == "warn"
    both = node(etcd=own, kube_apiserver="--client-ca-file=/etc/kubernetes/ssl/etcd-ca.pem")
    shown = score_node(BENCHMARK, both, None, {"1.5.7"})["1.5.7"]
    assert shown.state == "warn"
    assert "--client-ca-file=/etc/kubernetes/ssl/etcd-ca.pem, /etc/kubernetes/ssl/kube-ca.pem" in shown.actual
    lone = node(["etcd"], etcd=own)
    lone["containers"]["kubelet"] = container(["kubelet"])
    shown = score_node(BENCHMARK, lone, None, {"1.5.7"})["1.5.7"]
    assert (shown.state, "nothing to compare with" in shown.reason) == ("error", True)
    lone["containers"]["kubelet"]["args"] = ["kubelet", "--config=/etc/kubelet.yaml"]
    assert states(lone)["1.5.7"] == "error"
    gone = node(etcd=own)
    gone["containers"]["kube-apiserver"] = {"error": {"kind": "missing", "message": "there is no container"}}
    assert states(gone)["1.5.7"] == "error"


def test_the_policy_is_shown_as_the_api_has_it() -> None:
    verdicts = score_node(BENCHMARK, node(), cluster(hostPID=True))
    assert verdicts["1.7.2"].actual == "restricted spec.hostPID=true"
    assert verdicts["1.7.3"].actual == "restricted spec.hostIPC is not set"
    assert verdicts["1.7.6"].actual == 'restricted spec.runAsUser={"rule":"MustRunAsNonRoot"}'
    assert verdicts["1.7.7"].actual == 'restricted spec.requiredDropCapabilities=["NET_RAW"]'
    assert verdicts["1.7.7"].expected == "restricted is a PodSecurityPolicy that drops NET_RAW or ALL"


def test_the_policy_may_have_another_name() -> None:
    strict = BENCHMARK.with_parameters({"pod_security_policy": "strict"})
    shown = score_node(strict, node(), cluster())["1.7.2"]
    assert (shown.state, shown.actual, shown.reason) == ("fail", "only restricted, default-psp", "no strict")
    api = cluster()
    api["objects"]["podsecuritypolicies"]["items"].append({"metadata": {"name": "strict"}, "spec": {}})
    shown = score_node(strict, node(), api)["1.7.2"]
    assert (shown.state, shown.actual) == ("pass", "strict spec.hostPID is not set")
    assert build_report(strict, "hardened", [node()], api)["parameters"] == {"pod_security_policy": "strict"}


# ------------------------------------------------------------------------------------------- manual controls


def test_listings_show_modes_and_owners() -> None:
    document = node()
    entries = document["paths"]["kubelet:/etc/cni/net.d"]["entries"]
    entries += [
        {"name": "locked", "error": {"kind": "denied", "message": "no entry"}},
        dict(file("0777", {"uid": 7, "gid": 0, "owner": "", "group": "root"}, "directory"), name="old"),
    ]
    for control_id in PASS_BY_HAND:
        shown = score_node(BENCHMARK, document, None, {control_id})[control_id]
        assert shown.state == "manual"
        assert shown.expected == CONTROLS[control_id]["evidence"]
        assert "10-calico.conflist 0644 root:root, calico-kubeconfig 0600 root:root" in shown.actual
        assert "locked not seen: no entry, old/ 0777 7:root" in shown.actual
        assert "10.42.0.2 0644 root:root" in shown.actual
        assert shown.reason == ""


@pytest.mark.parametrize(("kind", "state"), [("missing", "manual"), ("denied", "error"), ("not_located", "error")])
def test_a_directory_that_is_not_there_is_shown_and_one_that_was_not_seen_is_an_error(kind: str, state: str) -> None:
    document = node()
    document["paths"]["kubelet:/etc/cni/net.d"] = {"path": "/etc/cni/net.d", "error": {"kind": kind, "message": "why"}}
    shown = score_node(BENCHMARK, document, None, {"1.4.9"})["1.4.9"]
    assert shown.state == state
    assert ("/etc/cni/net.d: missing" in shown.actual) is (kind == "missing")
    assert ("why" in shown.reason) is (state == "error")
    # a missing directory does not hide another that was not seen
    document["paths"]["kubelet:/var/lib/cni/networks/k8s-pod-network"] = {"error": {"kind": "denied", "message": "no"}}
    assert states(document)["1.4.9"] == "error"


def test_manual_controls_never_pass_or_fail() -> None:
    lost = {"schema": SCHEMA, "node": "n2", "roles": ALL, "error": {"kind": "unreachable", "message": "no route"}}
    for document in (node(), node(kube_apiserver="--enable-admission-plugins"), lost):
        found = score_node(BENCHMARK, document, None)
        for control_id in (*NO_RESULT, *DOCUMENT, *PASS_BY_HAND):
            wanted = "error" if document is lost and control_id not in NO_RESULT else "manual"
            assert found[control_id].state == wanted, control_id
    plugin = node(kube_apiserver="--enable-admission-plugins=SecurityContextDeny")
    shown = score_node(BENCHMARK, plugin, None, {"1.1.13"})["1.1.13"]
    assert shown.actual.endswith("--enable-admission-plugins=SecurityContextDeny")
    plugin["containers"]["kube-apiserver"] = container(["kube-apiserver"])
    shown = score_node(BENCHMARK, plugin, None, {"1.1.13"})["1.1.13"]
    assert (shown.state, shown.actual) == ("manual", "--enable-admission-plugins is not set")


def test_a_node_that_was_not_seen_makes_a_listing_an_error() -> None:
    lost = {"schema": SCHEMA, "node": "n2", "roles": ALL, "error": {"kind": "unreachable", "message": "no route"}}
    report = build_report(BENCHMARK, "hardened", [node(), lost], cluster())
    checks = {check["id"]: check for check in report_checks(report)}
    assert (checks["1.4.9"]["state"], checks["1.4.9"]["error_nodes"]) == ("error", ["n2"])
    assert checks["1.6.1"]["state"] == "manual"
    assert [part["nodes"] for part in checks["1.6.1"]["evidence"]] == [["n1", "n2"]]
    worker = build_report(BENCHMARK, "hardened", [node(["worker"])], cluster())
    assert {check["state"] for check in report_checks(worker) if check["id"] in NO_RESULT} == {"error"}


def test_the_table_has_a_column_for_what_is_rare() -> None:
    report = build_report(BENCHMARK, "hardened", [dict(node(), node="n" * 80)], cluster())
    lines = [line for line, _state in summary(report)]
    assert max(map(len, lines)) <= 80
    header = next(line for line in lines if line.startswith("NODE"))
    assert header.split() == ["NODE", "PASS", "FAIL", "WARN", "SKIP", "N/A", "ERROR", "MANUAL"]
    total = next(line for line in lines if line.startswith("cluster"))
    assert total.split()[-7:] == ["78", "8", "1", "0", "15", "0", "11"]


def test_the_csv_says_what_a_person_has_to_look_at() -> None:
    report = build_report(BENCHMARK, "hardened", [node()], cluster())
    rows = {row["id"]: row for row in report_rows(report)}
    assert rows["1.1.13"]["state"] == "manual"
    assert rows["1.1.13"]["advice"] == "A person must judge it: " + CONTROLS["1.1.13"]["evidence"]
    assert rows["1.1.13"]["rancher_advice"] == CONTROLS["1.1.13"]["remediation"]


# ------------------------------------------------------------------------------------------- the form

BROKEN: dict[str, t.Callable[[dict[str, t.Any]], t.Any]] = {
    "a manual control without its evidence": lambda c: c["1.4.9"].pop("evidence"),
    "evidence of a control that is not manual": lambda c: c["1.1.1"].update(evidence="What an auditor needs to see."),
    "a manual control with a test that decides": lambda c: c["1.1.13"]["tests"][0].update(op="not_set"),
    "a control that is not manual and only shows": lambda c: c["1.1.1"].update(
        tests=[{"flag": "--anonymous-auth", "op": "shown"}]
    ),
    "a control that is not manual without a test": lambda c: c["1.6.1"].pop("manual") and c["1.6.1"].pop("evidence"),
    "manual: false": lambda c: c["1.6.1"].update(manual=False),
    "a value where something is shown": lambda c: c["1.1.13"]["tests"][0].update(value="x"),
    "a list of suites that is empty": lambda c: c["1.1.30"]["tests"][0].update(value=[]),
    "one suite as text": lambda c: c["1.1.30"]["tests"][0].update(value="TLS_RSA_WITH_AES_256_GCM_SHA384"),
    "another path that is text": lambda c: c["1.5.7"]["tests"][1].update(value="/etc/kubernetes/ssl/kube-ca.pem"),
    "a path test without its value": lambda c: c["2.2.1"]["tests"][0].pop("value"),
    "a list of entries for a file's mode": lambda c: c["2.2.1"]["tests"][0]["path"].update(list=True),
}


@pytest.mark.parametrize("why", BROKEN)
def test_broken_benchmark_is_refused(why: str) -> None:
    schema = json.loads((ROOT / "docs" / "benchmark.schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator({"$defs": schema["$defs"], **schema["$defs"]["control"]})
    controls = copy.deepcopy(CONTROLS)
    assert all(validator.is_valid(control) for control in controls.values())
    BROKEN[why](controls)
    assert not all(validator.is_valid(control) for control in controls.values())
