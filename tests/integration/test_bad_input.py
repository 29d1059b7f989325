# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input: one clear line, an exit status that is not 0, and no node touched. Needs no test bed."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import typing as t

import pytest
import scans

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import profile_names

GROUPS = {"controlplane": ["cp1"], "etcd": ["etcd1"], "worker": ["worker1"]}


def hosts(path: pathlib.Path, groups: dict[str, list[str]] | None = None, **variables: t.Any) -> pathlib.Path:
    """Write an inventory of nodes that do not exist: whoever asks them finds out."""
    children = {group: {"hosts": dict.fromkeys(names)} for group, names in (groups or GROUPS).items()}
    document = {"all": {"vars": {"ansible_host": "192.0.2.1", **variables}, "children": children}}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


@pytest.fixture
def refusal(tmp_path: pathlib.Path, ssh_trap: t.Any) -> t.Callable[..., str]:
    """Run a scan that must be refused before a node is touched, and return the one line that says why."""

    def run(groups: dict[str, list[str]] | None = None, **variables: t.Any) -> str:
        inventory = hosts(tmp_path / "hosts.json", groups)
        outcome = scans.playbook(tmp_path / "run", scans.SCAN, inventory, variables, env=ssh_trap.env)
        assert ssh_trap.calls == 0
        assert not list((tmp_path / "run").rglob("node-*.json")), "evidence of nodes that nobody asked"
        assert not list((tmp_path / "run").rglob("report.*"))
        return outcome.failure()

    return run


@pytest.mark.parametrize(
    "variables,words",
    [
        (
            {"cis_scan_profile": "rke-cis-1.9-hardened"},
            f"unknown profile 'rke-cis-1.9-hardened' in cis_scan_profile; available: {', '.join(profile_names())}",
        ),
        ({"cis_scan_profile": "RKE-CIS-1.4"}, "unknown profile 'RKE-CIS-1.4' in cis_scan_profile; available: "),
        ({"cis_scan_skip": [1.1]}, "cis_scan_skip: 1.1 is not a control id; write ids as text in quotes"),
        ({"cis_scan_skip": 7}, "cis_scan_skip: expected a list of control ids or a mapping of id to reason, got 7"),
        ({"cis_scan_skip": {"1.1.2": ["a"]}}, "cis_scan_skip: the reason for 1.1.2 must be a string, got ['a']"),
        ({"cis_scan_skip_file": "gone.json"}, "cis_scan_skip_file gone.json: cannot be read: No such file"),
        ({"cis_scan_kubeconfig": "gone.yml"}, "/gone.yml: no such file; use the kubeconfig that rke up writes"),
        (
            {"cis_scan_groups": {"master": "cp"}},
            "cis_scan_groups: unknown RKE role master; valid roles: controlplane, etcd,",
        ),
        (
            {"cis_scan_groups": {"controlplane": "a", "etcd": "b", "worker": ["c", "d"]}},
            "no host to scan is in any of the groups a, b, c, d; add nodes to them, or set cis_scan_groups to your",
        ),
        ({"cis_scan_cluster": "../up"}, "cis_scan_cluster '../up': must be a name without / and without a leading dot"),
        ({"cis_scan_node_tests_on": "some"}, "value of cis_scan_node_tests_on must be one of: workers, all, got: some"),
        ({"cis_scan_fail_on": ["errors"]}, "errors"),
        (
            {"cis_scan_thresholds": {"failed": {"total": {"max": -1}}}},
            "cis_scan_thresholds: failed.total.max: expected a whole number, 0 or more, got -1",
        ),
        (
            {"cis_report_formats": ["csv", "xml"]},
            "cis_report_formats xml: unknown; available: csv, defectdojo, html, json, junit, ",
        ),
        (
            {"cis_report_formats": "csv, xml,pdf"},
            "cis_report_formats xml, pdf: unknown; available: csv, defectdojo, html, json, ",
        ),
        ({"cis_report_templates": "gone.txt.j2"}, "cis_report_templates gone.txt.j2: no such file on the controller"),
        (
            {"cis_notify_notifiers": {"ops": {"type": "sms"}}},
            "cis_notify_notifiers ops: expected a dictionary with a type; available: slack, email, pagerduty, ",
        ),
        (
            {"cis_notify_rules": [{"name": "r", "on": "never", "notifiers": ["ops"]}]},
            "cis_notify_rules 1 (r): value of on must be one of: completed, failures, warnings, error, changed, "
            "waiver_expiring",
        ),
        (
            {"cis_notify_rules": [{"name": "r", "on": "error", "notifiers": ["ops"]}]},
            "cis_notify_rules 1 (r): notifier 'ops' is not in cis_notify_notifiers; available: none",
        ),
        ({"cis_report_include_not_scored": "perhaps"}, "argument 'cis_report_include_not_scored' is of type str"),
        (
            {"cis_notify_notifiers": {"ops": {"type": "slack", "url": "http://x"}}, "cis_notify_retries": "three"},
            "cis_notify_retries: expected int, got 'three'",
        ),
        ({"cis_report_csv_layout": "excel"}, "value of cis_report_csv_layout must be one of: standard, rancher, got:"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_variable(refusal: t.Callable[..., str], variables: dict[str, t.Any], words: str) -> None:
    assert words in refusal(**variables)


@pytest.mark.parametrize(
    "name,text,words",
    [
        ("empty.json", "", "not valid JSON: Expecting value: line 1 column 1"),
        ("cut.json", '{"skip": {"rke-cis-1.4": ["1.1.2"', "not valid JSON: "),
        ("words.json", "1.1.2, 1.1.3", "not valid JSON: "),
        ("number.json", "7", ", got 7"),
        ("text.json", '"1.1.2"', ", got '1.1.2'"),
        ("skip-text.json", '{"skip": "1.1.2"}', "skip: expected a mapping of benchmark names to lists of control ids"),
        (
            "skip-list.json",
            '{"skip": ["1.1.2"]}',
            "skip: expected a mapping of benchmark names to lists of control ids",
        ),
        ("ids-text.json", '{"skip": {"rke-cis-1.4": "1.1.2"}}', "skip.rke-cis-1.4: expected a list of control ids"),
        ("ids-number.json", '{"skip": {"rke-cis-1.4": [1.1]}}', "skip.rke-cis-1.4: 1.1 is not a control id"),
        ("ids-null.json", '{"skip": {"rke-cis-1.4": [null]}}', "skip.rke-cis-1.4: None is not a control id"),
        ("ids-nested.json", '{"skip": {"current": [["1.1.2"]]}}', "skip.current: ['1.1.2'] is not a control id"),
        ("bad.yml", "skip: [1.1.2", "not valid YAML: "),
        ("number.yml", "- 1.1\n", "1.1 is not a control id"),
        ("binary.yml", "\x00", "not valid YAML: "),
    ],
)
def test_skip_file(refusal: t.Callable[..., str], tmp_path: pathlib.Path, name: str, text: str, words: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    line = refusal(cis_scan_skip_file=str(path))
    assert re.match(rf"cis_scan_skip_file {path}( line 1)?: ", line)
    assert words in line


def test_no_host_in_a_role_group(refusal: t.Callable[..., str]) -> None:
    assert refusal({"web": ["cp1"]}) == (
        "no host to scan is in any of the groups controlplane, etcd, worker; "
        "add nodes to them, or set cis_scan_groups to your groups"
    )


def test_variables_of_a_host_that_cannot_be_read(refusal: t.Callable[..., str], tmp_path: pathlib.Path) -> None:
    """Ansible itself would stop at them. The rest can be scanned without that host."""
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "host_vars" / "worker1.yml").write_text("$ANSIBLE_VAULT;1.1;AES256\n6162\n", encoding="utf-8")
    words = "; run with --ask-vault-pass or --vault-id, or scan without this host: --limit 'all:!worker1'"
    assert re.fullmatch(f"variables of worker1: .*no vault secrets found{words}", refusal())
    variables = {"cis_scan_replay_dir": str(scans.PRACTICE / "evidence"), "cis_scan_fail_on": []}
    inventory = hosts(tmp_path / "hosts.json")
    outcome = scans.playbook(tmp_path / "rest", scans.SCAN, inventory, variables, "--limit", "all:!worker1")
    assert outcome.code == 0
    assert list(outcome.report["not_scanned"]) == ["worker1"]
    assert "1.1.2" in outcome.ids("pass")


def test_empty_inventory(tmp_path: pathlib.Path) -> None:
    (tmp_path / "hosts").write_text("", encoding="utf-8")
    outcome = scans.playbook(tmp_path / "run", scans.SCAN, tmp_path / "hosts")
    assert outcome.failure() == (
        "the inventory has no hosts; name one with -i, with the nodes in the groups controlplane, etcd and worker, "
        "or a cluster.yml, with the inventory plugin rke.cis.rke_cluster enabled"
    )


def test_report_directory_is_a_file(refusal: t.Callable[..., str], tmp_path: pathlib.Path) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    line = refusal(cis_report_dir=str(tmp_path / "taken"))
    assert line.startswith(f"cis_report_dir {tmp_path}/taken/local: cannot be written to: Not a directory")


def test_evidence_directory_is_a_file(refusal: t.Callable[..., str], tmp_path: pathlib.Path) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    assert "cis_scan_evidence_dir" in refusal(cis_scan_evidence_dir=str(tmp_path / "taken" / "evidence"))


def test_report_directory_may_not_be_written(tmp_path: pathlib.Path) -> None:
    """Root may write everywhere, unless that right is taken away."""
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    if drop and (
        not shutil.which("setpriv") or subprocess.run([*drop, "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("needs setpriv, and the right to give up rights")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    book = shutil.which("ansible-playbook", path=scans.environment()["PATH"])
    command = [*drop, book, "-i", hosts(tmp_path / "hosts.json"), scans.SCAN, "-e", f"cis_report_dir={closed}"]
    done = subprocess.run(
        [str(part) for part in command],
        cwd=tmp_path,
        env=scans.environment(),
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    outcome = scans.Outcome(done, tmp_path)
    assert outcome.failure().startswith(f"cis_report_dir {closed}/local: cannot be written to: Permission denied")


# ------------------------------------------------------------------------- said, and the scan goes on


def test_unknown_id_is_a_warning(tmp_path: pathlib.Path, ssh_trap: t.Any) -> None:
    """The nodes do not answer here, which is the only thing that the exit status may depend on."""
    path = tmp_path / "skips.yml"
    path.write_text('"9.9.9": why\n"1.1.37": split\n"1.1.2": accepted\n', encoding="utf-8")
    variables = {"cis_scan_skip_file": str(path), "cis_scan_skip": ["8.8.8"], "cis_scan_fail_on": []}
    inventory = hosts(tmp_path / "hosts.json", {"worker": ["worker1"]}, ansible_host="127.0.0.1", ansible_port=1)
    outcome = scans.playbook(tmp_path / "run", scans.SCAN, inventory, variables, env=ssh_trap.env)
    said = re.sub(r"\s+", " ", outcome.out)
    assert "cis_scan_skip: rke-cis-1.4 has no control '8.8.8'; ignored" in said
    assert f"cis_scan_skip_file {path}: rke-cis-1.4 has no control '9.9.9'" in said
    assert "has no control '1.1.37' (did you mean 1.1.37a, 1.1.37b?)" in said
    check = outcome.checks["1.1.2"]
    assert (check["state"], check["by"], check["reason"]) == ("skip", f"cis_scan_skip_file {path}", "accepted")
    # an empty role group is said once, and its controls will be errorss
    assert said.count("no node has the role etcd (inventory group etcd); its controls will be errors") == 1
    assert outcome.checks["1.5.1"]["reason"] == "no node has the role etcd"
    assert outcome.code == 0 or "unreachable" in outcome.out


def test_windows_node_is_not_touched(tmp_path: pathlib.Path) -> None:
    groups = {"worker": ["win1", "win2"]}
    inventory = hosts(tmp_path / "hosts.json", groups, ansible_connection="winrm", ansible_shell_type="powershell")
    outcome = scans.playbook(tmp_path / "run", scans.SCAN, inventory)
    assert set(outcome.report["node_errors"]) == {"win1", "win2"}
    reason = outcome.checks["2.1.2"]["evidence"][0]["reason"]
    assert reason.startswith("Windows: ")
    assert reason.endswith("remove it from the role groups")
    assert "nothing was seen of win1, win2" in outcome.failure()
