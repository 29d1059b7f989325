# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

pytest.importorskip("kubernetes")
pytest.importorskip("cryptography")

from ansible_collections.rke.cis.plugins.modules import cluster_evidence_info
from ansible_collections.rke.cis.tests.unit.plugins.module_utils.api_helper import (
    FakeApi,
    make_certificate,
    write_kubeconfig,
)
from ansible_collections.rke.cis.tests.unit.plugins.modules.module_helper import run_module

PSP = "/apis/policy/v1beta1/podsecuritypolicies"
MAP = "/api/v1/namespaces/security-scan/configmaps/security-scan-cfg"
OBJECTS = {"podsecuritypolicies": {"path": PSP, "until": "1.25"}}
VERSION = dict.fromkeys(
    ["major", "minor", "gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"],
    "v1.16.15",
)


@pytest.fixture
def api(tmp_path):
    server = FakeApi(*make_certificate(tmp_path))
    server.answers["/version/"] = server.answers["/version"] = (200, VERSION)
    server.kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", server.url, tmp_path / "tls.crt")
    yield server
    server.stop()


def test_all_that_is_asked_for(api):
    api.answers[PSP] = (200, {"items": [{"metadata": {"name": "a"}, "spec": {"privileged": False}}]})
    api.answers[MAP] = (200, {"data": {"config.json": '{"skip": {}}'}})
    result = run_module(cluster_evidence_info.main, kubeconfig=api.kubeconfig, objects=OBJECTS, config_map={})
    assert result["changed"] is False
    assert result["evidence"] == {
        "schema": "rke.cis/cluster-evidence/1",
        "server": api.url,
        "version": "v1.16.15",
        "objects": {"podsecuritypolicies": {"items": [{"metadata": {"name": "a"}, "spec": {"privileged": False}}]}},
        "config_map": {"text": '{"skip": {}}'},
    }
    assert {method for method, _path in api.asked} == {"GET"}


def test_another_config_map(api):
    api.answers["/api/v1/namespaces/n/configmaps/m"] = (200, {"data": {"k": "text"}})
    named = {"namespace": "n", "name": "m", "key": "k"}
    result = run_module(cluster_evidence_info.main, kubeconfig=api.kubeconfig, config_map=named)
    assert result["evidence"]["config_map"] == {"text": "text"}


def test_what_is_not_asked_for_is_not_read(api):
    result = run_module(cluster_evidence_info.main, kubeconfig=api.kubeconfig)
    assert "config_map" not in result["evidence"]
    assert result["evidence"]["objects"] == {}
    assert {path.rstrip("/") for _method, path in api.asked} == {"/version"}


def test_a_dead_api_is_evidence_and_no_failure(api):
    api.stop()
    result = run_module(
        cluster_evidence_info.main, kubeconfig=api.kubeconfig, objects=OBJECTS, config_map={}, timeout=1
    )
    assert "failed" not in result
    assert result["evidence"]["version"] == ""
    assert result["evidence"]["objects"]["podsecuritypolicies"]["error"]["kind"] == "down"
    assert result["evidence"]["config_map"]["error"]["kind"] == "down"


def test_a_refusal_is_evidence_and_no_failure(api):
    api.answers[PSP] = (403, api.status(403, "Forbidden"))
    evidence = run_module(cluster_evidence_info.main, kubeconfig=api.kubeconfig, objects=OBJECTS)["evidence"]
    assert evidence["objects"]["podsecuritypolicies"]["error"]["kind"] == "denied"


@pytest.mark.parametrize("content", [None, "", "a: [", "- a\n"])
def test_a_bad_kubeconfig_is_a_failure_in_one_line(tmp_path, content):
    path = tmp_path / "kubeconfig.yml"
    if content is not None:
        path.write_text(content)
    result = run_module(cluster_evidence_info.main, kubeconfig=str(path))
    assert result["failed"] is True
    assert str(path) in result["msg"]
    assert "\n" not in result["msg"]


def test_without_the_library_it_says_which_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(cluster_evidence_info, "KUBERNETES_ERROR", "Traceback ...")
    result = run_module(cluster_evidence_info.main, kubeconfig=str(tmp_path / "x"))
    assert result["failed"] is True
    assert "kubernetes" in result["msg"]
    assert "Python" in result["msg"]
