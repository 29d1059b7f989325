# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example in the documentation runs, and every return value is documented, and is really returned."""

from __future__ import annotations

import json
import pathlib
import re
import shutil
import subprocess
import typing as t

import pytest
import scans
import yaml
from conftest import with_api
from scans import ROOT
from testbed import Testbed

from ansible_collections.rke.cis.plugins.plugin_utils._reports.plan import write_plan

# Of every task, not of the module.
COMMON = {"ansible_stats", "changed", "failed", "warnings", "deprecations", "exception", "skipped", "skip_reason"}


def names(kind: str, suffix: str) -> list[str]:
    return sorted(path.stem for path in (ROOT / "plugins" / kind).glob("*" + suffix))


MODULES = names("modules", ".py")
FILTERS = names("filter", ".yml")
INVENTORIES = names("inventory", ".py")

# Where an example runs. A plugin that is not here makes test_all_are_here fail.
ON_A_NODE = ["check", "container_args_info", "file_permissions_info", "node_evidence_info", "score"]
ON_THE_CONTROLLER = ["_plan_scan", "compare_reports", "evidence_plan"]
ON_THE_CONTROLLER += ["schedules_info", "manage_reports", "render_report", "score_evidence", "verify_report"]
WITH_THE_API = ["cluster_evidence_info"]
# Private steps of roles, which the tests of the roles run.
STEPS = ["_merge_scan", "_plan_schedule", "_send_alerts", "_store_schedule"]
AS_INVENTORY = ["rke_cluster"]

# Calls beyond the examples, for values that are only returned at times.
MORE: dict[str, list[dict[str, t.Any]]] = {
    "container_args_info": [{"names": ["kubelet", "kube-proxy", "none"]}],
    "file_permissions_info": [{"paths": ["/etc/kubernetes/ssl/*.pem", "/bin", "/none", "/none/*"], "prefix": ""}],
    "node_evidence_info": [{"planned": True}],
    "schedules_info": [{"dir": "{{ playbook_dir }}/schedules"}],
    "manage_reports": [{"command": "list", "cluster": "prod"}],
    "cluster_evidence_info": [{"kubeconfig": "kube_config_cluster.yml"}],
}


def documentation() -> dict[str, dict[str, t.Any]]:
    found = {}
    for kind, plugins in (("module", MODULES), ("filter", FILTERS), ("inventory", INVENTORIES)):
        command = ["ansible-doc", "--json", "-t", kind, *(f"rke.cis.{name}" for name in plugins)]
        done = subprocess.run(command, env=scans.environment(), check=True, capture_output=True, text=True)
        found.update({name.rpartition(".")[2]: doc for name, doc in json.loads(done.stdout).items()})
    return found


@pytest.fixture(scope="module")
def docs() -> dict[str, dict[str, t.Any]]:
    return documentation()


def run_examples(
    directory: pathlib.Path,
    docs: dict[str, dict[str, t.Any]],
    plugins: list[str],
    hosts: str,
    inventory: t.Any,
    bed: Testbed | None = None,
) -> dict[str, list[tuple[dict[str, t.Any], dict[str, t.Any]]]]:
    """Run the examples, in one play, and return for each plugin its tasks with what they returned."""
    tasks: list[dict[str, t.Any]] = []
    for plugin in plugins:
        shown = yaml.safe_load(docs[plugin]["examples"])
        more = [{f"rke.cis.{plugin}": args} for args in MORE.get(plugin, [])]
        for task in more:
            if plugin in WITH_THE_API:
                task["delegate_to"] = "localhost"
        for task in [*shown, *more]:
            tasks.append({"register": f"r{len(tasks)}", **task, "vars": {"example_of": plugin}})
    # the examples name several results `result`: each is kept under a name of its own at once
    kept = [
        step
        for number, task in enumerate(tasks)
        for step in (task, {"ansible.builtin.set_fact": {f"kept_{number}": "{{ " + task["register"] + " }}"}})
    ]
    registered = ", ".join(f"kept_{number}" for number in range(len(tasks)))
    write = {"content": "{{ [" + registered + "] | to_json }}", "dest": f"{directory}/results.json", "mode": "0600"}
    kept.append({"ansible.builtin.copy": write, "delegate_to": "localhost"})
    scan = {"_cis_scan_plan": {"evidence_dir": str(directory)}}
    play = {"hosts": hosts, "gather_facts": False, "vars": scan, "tasks": kept}
    book = directory / "examples.yml"
    book.write_text(yaml.safe_dump([play], sort_keys=False), encoding="utf-8")
    outcome = scans.playbook(directory, book, inventory, bed=bed)
    assert outcome.code == 0, outcome.out
    found: dict[str, list[tuple[dict[str, t.Any], dict[str, t.Any]]]] = {plugin: [] for plugin in plugins}
    results = json.loads((directory / "results.json").read_text(encoding="utf-8"))
    for task, result in zip(tasks, results, strict=True):
        found[task["vars"]["example_of"]].append((task, result))
    return found


TYPES: dict[str, tuple[type, ...]] = {
    "str": (str, type(None)),
    "list": (list,),
    "dict": (dict,),
    "int": (int,),
    "bool": (bool,),
    "raw": (object,),
}


def check_values(documented: dict[str, t.Any], value: dict[str, t.Any], where: str, seen: set[str]) -> None:
    """Check that each value is documented with its type, and that those that are always returned are here."""
    assert set(value) <= set(documented), f"{where}: not documented: {set(value) - set(documented)}"
    for name, about in documented.items():
        path = f"{where}.{name}"
        if name not in value:
            assert about["returned"] not in ("success", "always"), f"{path} is not returned"
            continue
        seen.add(path)
        assert isinstance(value[name], TYPES[about["type"]]), f"{path} is no {about['type']}: {value[name]!r}"
        for item in value[name] if about["type"] == "list" else [value[name]]:
            if "contains" in about:
                check_values(about["contains"], item, path, seen)
            elif about.get("elements"):
                assert isinstance(item, TYPES[about["elements"]]), f"{path}: {item!r} is no {about['elements']}"


def all_paths(documented: dict[str, t.Any], where: str) -> set[str]:
    return {f"{where}.{name}" for name in documented}.union(
        *(all_paths(about.get("contains", {}), f"{where}.{name}") for name, about in documented.items())
    )


def check_module(module: str, docs: dict[str, dict[str, t.Any]], results: list[t.Any]) -> None:
    seen: set[str] = set()
    documented = docs[module]["return"]
    called = [result for task, result in results if f"rke.cis.{module}" in task]
    assert called, "no example calls it"
    for result in called:
        check_values(documented, {key: value for key, value in result.items() if key not in COMMON}, module, seen)
    assert all_paths(documented, module) == seen


def test_all_are_here() -> None:
    assert sorted(ON_A_NODE + ON_THE_CONTROLLER + WITH_THE_API + STEPS) == sorted(MODULES + FILTERS)
    assert AS_INVENTORY == INVENTORIES


def test_on_a_node(hardened: Testbed, docs: dict[str, dict[str, t.Any]], tmp_path: pathlib.Path) -> None:
    where = {"scan_dir": str(tmp_path), "evidence_dir": str(tmp_path), "replay_dir": ""}
    where.update(deadline=2**40, node_timeout=60)
    plan = {"containers": {"none": {}}, "paths": []}
    write_plan({**where, "nodes": {"worker1": ["worker"]}}, {"worker": plan})
    results = run_examples(tmp_path, docs, ON_A_NODE, "worker1", hardened.inventory, bed=hardened)
    for module in ON_A_NODE[:4]:
        check_module(module, docs, results[module])
    assert results["check"][1][1]["result.lines"][0].startswith("PASS    4.2.1 ")
    assert results["container_args_info"][2][1]["missing"] == ["none"]
    (_gather, _result), (_show, shown) = results["score"]
    assert int(shown["msg"]) == 0  # failing controls of the hardened worker


def test_with_the_api(
    api: None, restricted_psp: None, hardened: Testbed, docs: dict[str, dict[str, t.Any]], tmp_path: pathlib.Path
) -> None:
    shutil.copy(with_api(hardened)["cis_scan_kubeconfig"], tmp_path / "kube_config_cluster.yml")
    results = run_examples(tmp_path, docs, WITH_THE_API, "worker1", hardened.inventory, bed=hardened)
    check_module("cluster_evidence_info", docs, results["cluster_evidence_info"])
    assert results["cluster_evidence_info"][1][1]["msg"] == ["restricted"]


def test_on_the_controller(docs: dict[str, dict[str, t.Any]], tmp_path: pathlib.Path) -> None:
    """Each with the files that its example names."""
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    error = {"kind": "unreachable", "message": "no route"}
    document = {"schema": "rke.cis/evidence/1", "node": "worker1", "roles": ["worker"], "error": error}
    (evidence / "node-worker1.json").write_text(json.dumps(document), encoding="utf-8")
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (tmp_path / "allowed_signers").write_text(f"security@example.com {key.with_suffix('.pub').read_text()}")
    variables = {"cis_scan_evidence_dir": str(evidence), "cis_scan_fail_on": [], "cis_report_sign_key": str(key)}
    outcome = scans.playbook(tmp_path / "before", scans.SCORE, "localhost,", variables)
    shutil.copytree(evidence, outcome.where / "evidence")
    shutil.copy(outcome.where / "report.json", tmp_path)
    for day in ("20261120", "20261121"):
        for cluster in ("local", "prod"):
            shutil.copytree(outcome.where, tmp_path / "cis-reports" / cluster / f"{day}T220000Z-rke-cis-1.4-permissive")
    (tmp_path / "states.txt.j2").write_text("{% for row in rows %}{{ row.id }} {{ row.state }}\n{% endfor %}")
    (tmp_path / "cluster.yml").write_text("scheduled_cluster_scan: {enabled: true}\n", encoding="utf-8")
    (tmp_path / "inventory.ini").touch()
    schedule = {"schema": "rke.cis/schedule/1", "cluster": "prod", "cron": "0 0 * * *", "method": "cron", "user": "me"}
    schedule.update(profile=scans.PERMISSIVE, report_dir=str(tmp_path), retention=24)
    (tmp_path / "schedules" / "prod").mkdir(parents=True)
    (tmp_path / "schedules" / "prod" / "schedule.json").write_text(json.dumps(schedule), encoding="utf-8")
    inventory = tmp_path / "hosts.ini"
    inventory.write_text("[worker]\nworker1 ansible_connection=local\n", encoding="utf-8")
    results = run_examples(tmp_path, docs, ON_THE_CONTROLLER, "worker1", inventory)
    for module in sorted(set(ON_THE_CONTROLLER).intersection(MODULES)):
        check_module(module, docs, results[module])
    assert len((tmp_path / "states.txt").read_text(encoding="utf-8").splitlines()) == 97
    assert "etcd" in results["evidence_plan"][0][1]["msg"]


def test_as_inventory(docs: dict[str, dict[str, t.Any]], tmp_path: pathlib.Path) -> None:
    """Each settings file without enabling anything, beside files of the names that the examples use."""
    node = {"address": "10.0.0.1", "user": "rke", "role": ["worker"], "labels": {"rack": "r1", "gpu": "yes"}}
    whole = {
        "kubernetes_version": "v1.20.15",
        "prefix_path": "/opt/rke",
        "ssh_key_path": "id",
        "bastion_host": {"address": "10.0.0.9", "user": "rke"},
        "nodes": [{**node, "docker_socket": "/run/docker.sock"}],
    }
    state = {"currentState": {"rkeConfig": {"nodes": [node]}}}
    files = {"cluster.yml": whole, "old/staging.rkestate": state}
    files |= dict.fromkeys(("clusters/prod/cluster.yml", "more-clusters/dev.yml"), {"nodes": [node]})
    for name, document in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(json.dumps(document), encoding="utf-8")

    def listed(source: str, plugins: str) -> dict[str, t.Any]:
        environment = scans.environment(ANSIBLE_INVENTORY_ENABLED=plugins)
        command = ["ansible-inventory", "-i", str(tmp_path / source), "--list"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return json.loads(done.stdout)

    text = docs["rke_cluster"]["examples"]
    (enabled,) = (line.partition("=")[2].strip() for line in text.splitlines() if "enable_plugins =" in line)
    plain = listed("cluster.yml", enabled)
    found = []
    for document in yaml.safe_load_all(text):
        (tmp_path / "settings.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
        found.append(listed("settings.yml", "auto"))
    one, many, grouped = found
    assert one == plain
    assert sorted(many["worker"]["hosts"]) == ["dev-10.0.0.1", "prod-10.0.0.1", "staging-10.0.0.1"]
    assert many["prod"]["hosts"] == ["prod-10.0.0.1"]
    assert grouped["rack_r1"]["hosts"] == grouped["gpu"]["hosts"] == ["10.0.0.1"]
    variables = grouped["_meta"]["hostvars"]["10.0.0.1"]
    assert variables.pop("cis_scan_kubeconfig") == f"{tmp_path}/kube_config_cluster.yml"
    # what is documented is set, and nothing else
    described = [line for line in docs["rke_cluster"]["doc"]["description"] if line.startswith("Variables of ")]
    assert set(re.findall(r"C\(((?:ansible|rke|cis)_\w+)\)", "".join(described))) == set(variables)


def test_filters_return_what_they_document(
    docs: dict[str, dict[str, t.Any]], scan_default: scans.Outcome, tmp_path: pathlib.Path
) -> None:
    """Their values are free in form: what the sample shows is there, in that type."""
    nodes = [scan_default.evidence(name) for name in ("cp1", "etcd1", "worker1")]
    values = {
        "evidence_plan": "'rke-cis-1.4' | rke.cis.evidence_plan(['worker'])",
        "score": "nodes | rke.cis.score('RKE-CIS-1.4-Permissive')",
    }
    content = "{{ {" + ", ".join(f"'{name}': {value}" for name, value in values.items()) + "} | to_json }}"
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars_files": ["nodes.json"],
        "tasks": [{"ansible.builtin.copy": {"content": content, "dest": f"{tmp_path}/values", "mode": "0600"}}],
    }
    (tmp_path / "nodes.json").write_text(json.dumps({"nodes": nodes}), encoding="utf-8")
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    outcome = scans.playbook(tmp_path, tmp_path / "play.yml", "localhost,")
    assert outcome.code == 0, outcome.out
    returned = json.loads((tmp_path / "values").read_text(encoding="utf-8"))
    for name, value in returned.items():
        sample = docs[name]["return"]["_value"]["sample"]
        assert {key: type(item) for key, item in sample.items()} == {key: type(value[key]) for key in sample}
    score = returned["score"]
    ignored = {"profile", "cluster", *scans.COUNTS, "score", "weighted_score"}
    ignored |= {"results", "node_results", "scan", "kubernetes", "warnings"}
    assert {key: value for key, value in score.items() if key not in ignored} == {
        key: value for key, value in scan_default.report.items() if key not in ignored
    }
    assert score["skip"] == 15
