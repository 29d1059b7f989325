# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guides for scans, skips and waivers are followed, with the collection as it is published."""

from __future__ import annotations

import datetime
import json
import pathlib
import re
import shutil

import scans
import yaml
from documented import NODES, Page, Reader, reader
from scans import HARDENED
from test_check import answers
from testbed import Testbed

# An old node is one that waivers name by its group.
WITH_LEGACY = [("controlplane", "cp1"), ("etcd", "etcd1"), ("worker", "worker1"), ("worker", "worker2")]
WITH_LEGACY.append(("legacy", "worker2"))


def test_scan_guide(newcomer: Reader) -> None:
    page = Page("docs/docsite/rst/scan_guide.rst", newcomer)

    page.run("ansible-galaxy collection install")
    page.run("pip install jmespath")
    page.run("pip install cronsim")

    _of_groups(page, newcomer)
    _of_rke(page, newcomer)
    _of_scans(page, newcomer)
    _of_questions(page)
    assert page.left == []


def _of_groups(page: Page, who: Reader) -> None:
    nodes = {"controlplane": ["cp1"], "etcd": ["etcd1"], "worker": ["worker1", "worker2"]}
    page.save("[controlplane]", "inventory")
    groups = {"k8s_masters": "cp1", "etcd": "etcd1", "k8s_workers": "worker1", "k8s_gpu_workers": "worker2"}
    lines = (f"[{group}]\n{name} ansible_host={NODES[name]}\n" for group, name in groups.items())
    who.write("other-groups", "".join(lines))
    page.save("cis_scan_groups:", "groups.yml")
    assert who.run("ansible-playbook -i other-groups rke.cis.cis_scan -e @groups.yml").returncode == 0
    assert who.report()["nodes"] == {"master": nodes["controlplane"], "etcd": nodes["etcd"], "node": nodes["worker"]}


def _of_rke(page: Page, who: Reader) -> None:
    page.save("enable_plugins", "ansible.cfg")
    who.write_cluster_yml("cluster.yml", cluster_name="demo")
    graph = page.run("ansible-inventory -i cluster.yml --graph")
    assert all(name in graph for name in ("@controlplane:", "@etcd:", "@worker:", "@demo:", "|--worker2")), graph
    page.run("-i cluster.yml rke.cis.cis_scan")
    assert who.report()["cluster"] == "demo"

    nodes = yaml.safe_load((who.cwd / "cluster.yml").read_text(encoding="utf-8"))["nodes"]
    who.write("cluster.yml", yaml.safe_dump({"nodes": [node for node in nodes if "etcd" not in node["role"]]}))
    page.save('"1.4.11":', "external-etcd.yml")
    page.run("-e @external-etcd.yml")
    assert (who.report()["nodes"]["etcd"], who.report()["error"]) == ([], 0)
    assert who.checks()["1.5.6"]["reason"] == "etcd is external and audited separately"

    (who.cwd / "ansible.cfg").unlink()
    who.write_cluster_yml("prod/cluster.yml")
    other = {"address": "10.0.1.11", "user": "rke", "role": ["controlplane", "etcd", "worker"]}
    who.write("test/small.yml", json.dumps({"nodes": [other]}))
    page.save("plugin: rke.cis.rke_cluster", "clusters.yml")
    page.run("cis_scan_hosts=prod")
    assert (who.report()["cluster"], who.report()["node_errors"]) == ("prod", {})
    refused = who.run("ansible-playbook -i clusters.yml rke.cis.cis_scan")
    assert refused.returncode == 2 and "the hosts to scan belong to several clusters" in refused.stdout


def _of_scans(page: Page, who: Reader) -> None:
    page.save("callbacks_enabled", "ansible.cfg")
    page.save("jsonl_path", "ansible.cfg")
    assert "\ncluster prod (97 controls) " in page.run("-e cis_scan_cluster=prod")
    report = who.report()
    assert (report["cluster"], report["profile"], report["error"]) == ("prod", HARDENED, 0)
    events = [json.loads(line) for line in (who.cwd / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [events[0]["event"], events[-1]["event"]] == ["scan_started", "scan_finished"]

    failing = page.run("RKE_CIS_SUMMARY_JSONL").split()
    assert failing == [name for name, check in who.checks().items() if check["state"] in ("fail", "mixed")]
    assert "PLAY RECAP" in (who.cwd / "scan.log").read_text(encoding="utf-8")

    page.run("-e cis_scan_kubeconfig=kube_config_cluster.yml")
    assert who.report()["error"] == 0

    page.show("parts.yml")
    page.run("--limit controlplane:etcd")
    page.run("--limit worker")
    page.run("rke.cis.cis_merge")
    (merged,) = (who.cwd / "cis-reports" / "large").glob("*/report.json")
    assert len(json.loads(merged.read_text(encoding="utf-8"))["node_results"]) == len(NODES)
    page.save("pod_security_policy:", "parameters.yml")
    profile = "-e cis_scan_profile=RKE-CIS-1.3-Hardened -e cis_scan_kubeconfig=kube_config_cluster.yml"
    assert who.run(f"ansible-playbook -i inventory rke.cis.cis_scan -e @parameters.yml {profile}").returncode == 0
    assert "psp-restricted" in json.dumps(who.report()["results"])

    page.save("cis_scan_thresholds:", "gates.yml")
    score = f"ansible-playbook rke.cis.cis_score -e cis_scan_evidence_dir={who.scans()[-1]}/evidence -e @gates.yml"
    done = who.run(f"{score} -e cis_scan_profile=hardened")
    assert done.returncode == 2 and f"failed.total.max: {who.report()['fail']}, must be at most" in done.stdout

    page.save("cis_scan_result.failed_controls", "own.yml")
    own = who.run("ansible-playbook -i inventory own.yml")
    assert own.returncode == 0, own.stdout
    assert "2.1.1" in own.stdout.partition("TASK [Show what fails]")[2]


def _of_questions(page: Page) -> None:
    _status, answer = answers(page.run("id=2.1.1"))["worker1"]
    assert [check["state"] for check in answer["checks"]] == ["fail"]
    gated = answers(page.run("fail_on=fail,error", code=2))
    assert gated["worker1"][0] == "FAILED!" and gated["etcd1"][0] == "SUCCESS"


def test_skips_and_waivers(documented_cluster: Testbed, installed: pathlib.Path) -> None:
    with reader(documented_cluster, ANSIBLE_COLLECTIONS_PATH=str(installed)) as who:
        page = Page("docs/docsite/rst/skips_and_waivers.rst", who)
        places = [f"[{group}]\n{node} ansible_host={NODES[node]}\n" for group, node in WITH_LEGACY]
        who.write("inventory", "".join(places))
        shutil.copy(documented_cluster.kubeconfig, who.cwd / "kube_config_cluster.yml")

        page.save("cis_scan_skip:", "group_vars/all/skips.yml")
        who.write("group_vars/all/waivers.yml", "cis_scan_waivers_file: waivers.yml\n")
        waivers = page.take('"2.1.4"').text
        who.write("waivers.yml", re.sub(r"\d{4}-\d\d-\d\d", "9999-12-31", waivers))  # the page's day comes, and passes
        assert page.take("skipped by the user", "text").text.strip() in page.run("cis_scan_show_skips=only")

        page.save("cis_scan_only:", "only.yml")
        assert who.run("ansible-playbook -i inventory rke.cis.cis_scan -e @only.yml").returncode == 0
        only = who.report()["only"]
        assert only["choice"]["nist"] == ["AC-*"] and only["controls"] == who.report()["total"] < 20 < only["of"]

        with scans.skip_config_map(documented_cluster, page.take("rke-cis-1.4", "json").text.strip()):
            scan = "ansible-playbook -i inventory rke.cis.cis_scan -e cis_scan_kubeconfig=kube_config_cluster.yml"
            done = who.run(f"{scan} -e cis_scan_profile=RKE-CIS-1.4-Permissive")
        assert done.returncode == 0, done.stdout
        checks = who.checks()
        assert [checks[name]["state"] for name in ("1.1.2", "1.1.5", "2.1.4")] == ["skip"] * 3
        assert [checks[name]["by"] for name in ("1.1.2", "1.1.5", "2.1.4")] == [
            "cis_scan_skip",
            "ConfigMap security-scan/security-scan-cfg",
            "waiver",
        ]
        assert checks["2.1.4"]["waived_nodes"] == ["worker1"]

        today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
        who.write("answers.yml", re.sub(r"\d{4}-\d\d-\d\d", today, page.take("result: passed").text))
        given = "-e cis_scan_profile=RKE-CIS-1.3-Hardened -e cis_scan_cluster=prod"
        done = who.run(f"{scan} {given} -e cis_scan_attestations_file=answers.yml")
        assert done.returncode == 0, done.stdout
        checks = who.checks()
        assert {checks[f"1.6.{number}"]["state"] for number in range(1, 9)} == {"pass"}
        assert checks["1.6.1"]["evidence"][0]["attestation"]["by"] == "Anna"
        page.run("cis_report_command=attestations")
        left = yaml.safe_load((who.cwd / "attestations.yml").read_text(encoding="utf-8"))
        assert [one["controls"] for one in left] == [name for name, c in checks.items() if c["state"] == "manual"] != []
        assert page.left == []
