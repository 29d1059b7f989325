# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubeconfigs: which are refused, and that nothing secret of them is told or kept."""

import base64
import json
import os
import pathlib

import pytest

from ansible_collections.rke.cis.plugins.module_utils._kubernetes import (
    ClusterReader,
    KubeconfigError,
    cluster_evidence,
)
from ansible_collections.rke.cis.tests.unit.plugins.module_utils.api_helper import write_kubeconfig
from ansible_collections.rke.cis.tests.unit.plugins.module_utils.kubernetes_helper import (
    PSP,
    VERSION,
    error_of,
    objects,
)

kubernetes = pytest.importorskip("kubernetes")


def test_no_key_of_the_kubeconfig_stays_on_the_disk(api, certificate, tmp_path, monkeypatch):
    files = tmp_path / "temporary"
    files.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(files))
    path = pathlib.Path(write_kubeconfig(tmp_path / "k", api.url, certificate[0]))
    document = json.loads(path.read_text(encoding="utf-8"))
    cluster = document["clusters"][0]["cluster"]
    encoded = [base64.b64encode(part.read_bytes()).decode() for part in certificate]
    cluster["certificate-authority-data"] = encoded[0]
    del cluster["certificate-authority"]
    document["users"][0]["user"].update({"client-certificate-data": encoded[0], "client-key-data": encoded[1]})
    path.write_text(json.dumps(document), encoding="utf-8")
    api.answers["/version"] = (200, VERSION)
    for _time in range(2):  # the library remembers its files
        assert cluster_evidence(kubernetes, str(path), None, 5, {})["version"] == "v1.16.15"
        assert list(files.iterdir()) == []
    with pytest.raises(KubeconfigError):
        cluster_evidence(kubernetes, str(path), "none", 5, {})
    assert list(files.iterdir()) == []


def test_the_context_decides_who_asks(api, certificate, tmp_path):
    path = write_kubeconfig(tmp_path / "k", api.url, certificate[0], "bad", [("two", "good")])
    api.answers[PSP] = (200, {"items": []})
    assert error_of(objects(ClusterReader(kubernetes, path, None, 5), PSP, None, "")) == "denied"
    assert objects(ClusterReader(kubernetes, path, "two", 5), PSP, None, "") == {"items": []}


KUBECONFIGS = {
    "empty": "",
    "no YAML": "a: [b\n: c",
    "a list": "- a\n",
    "a number": "5\n",
    "no contexts": "apiVersion: v1\nkind: Config\n",
    "unknown current context": "current-context: x\ncontexts: []\nclusters: []\nusers: []\n",
    "unknown cluster": (
        "current-context: x\ncontexts: [{name: x, context: {cluster: y, user: z}}]\nclusters: []\nusers: []\n"
    ),
    "binary": b"\xff\xfe\x00\x01",
}


@pytest.mark.parametrize("name", sorted(KUBECONFIGS))
def test_a_broken_kubeconfig_is_named(tmp_path, name):
    path = tmp_path / "kubeconfig"
    content = KUBECONFIGS[name]
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(KubeconfigError) as caught:
        ClusterReader(kubernetes, str(path), None, 5)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("token", ["*hunter2", "!hunter2 x", "'hunter2", "{hunter2", "%hunter2", "@hunter2"])
def test_a_kubeconfig_that_is_no_yaml_is_not_quoted(tmp_path, token):
    path = tmp_path / "kubeconfig"
    path.write_text(f"users:\n- user:\n    token: {token}\n", encoding="utf-8")
    with pytest.raises(KubeconfigError) as raised:
        ClusterReader(kubernetes, str(path), None, 5)
    assert "not valid YAML near line 3" in str(raised.value) or "line 4" in str(raised.value)
    assert "hunter2" not in str(raised.value)


MERGES = "a0: &a0 {k: hunter2}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 30))


@pytest.mark.parametrize(
    "text, expected",
    [
        (MERGES, "not valid YAML near line 16"),
        ("x: " + "[" * 3000, "not valid YAML near line 1"),
        ("# hunter2\n" * 200_000, "too large: more than 1048576 bytes"),
        ("fifo", "not a regular file"),
        ("directory", "a directory"),
    ],
    ids=["aliases", "depth", "size", "fifo", "directory"],
)
def test_a_kubeconfig_beyond_the_limits_is_not_handed_to_the_library(tmp_path, monkeypatch, text, expected):
    path = tmp_path / "kubeconfig"
    if text == "fifo":
        os.mkfifo(path)
    elif text == "directory":
        path.mkdir()
    else:
        path.write_text(text, encoding="utf-8")
    monkeypatch.setattr(kubernetes.config, "load_kube_config", lambda **_args: pytest.fail("it was"))
    with pytest.raises(KubeconfigError) as raised:
        ClusterReader(kubernetes, str(path), None, 5)
    assert expected in str(raised.value)
    assert "hunter2" not in str(raised.value)


USER = '{"name": "u", "user": {"token": "hunter2"}}'
MISPLACED = {
    "a user that is text": ('"users": [{"name": "u", "user": "token: hunter2"}]', "not a valid kubeconfig"),
    "text for the users": ('"users": "hunter2"', "expected the key name"),
    "a user without a name": ('"users": ["hunter2"]', "see users"),
    "a cluster one level too high": (
        f'"clusters": [{{"name": "c", "token": "hunter2"}}], "users": [{USER}]',
        "expected the key cluster",
    ),
    "a key in the place of a file": (
        '"users": [{"name": "u", "user": {"client-key": "hunter2", "client-certificate": "hunter2"}}]',
        "not a valid kubeconfig",
    ),
    "a key that is not base64": (
        '"users": [{"name": "u", "user": {"client-key-data": "hunter2", "client-certificate-data": "hunter2"}}]',
        "not a valid kubeconfig",
    ),
}


@pytest.mark.parametrize("name", sorted(MISPLACED))
def test_of_a_secret_in_the_wrong_place_only_the_place_is_told(tmp_path, name):
    path = tmp_path / "kubeconfig"
    part, expected = MISPLACED[name]
    cluster = "" if "clusters" in part else ', "clusters": [{"name": "c", "cluster": {"server": "https://x"}}]'
    context = '"current-context": "one", "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u"}}]'
    path.write_text(f"{{{context}{cluster}, {part}}}", encoding="utf-8")
    with pytest.raises(KubeconfigError) as raised:
        ClusterReader(kubernetes, str(path), None, 5)
    assert expected in str(raised.value)
    assert "hunter2" not in str(raised.value)


def write_exec(path, url, certificate, *command):
    """Write a kubeconfig whose credentials come from a command; return its path."""
    document = json.loads(pathlib.Path(write_kubeconfig(path, url, certificate)).read_text(encoding="utf-8"))
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": command[0], "args": list(command[1:])}
    document["users"][0]["user"] = {"exec": plugin}
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


def test_an_exec_plugin_that_hangs_is_given_up(api, certificate, tmp_path):
    path = write_exec(tmp_path / "k", api.url, certificate[0], "sleep", "2")
    with pytest.raises(KubeconfigError, match="no complete answer in 0.2 s"):
        cluster_evidence(kubernetes, path, None, 0.2, {})


def test_what_an_exec_plugin_says_is_not_logged(api, certificate, tmp_path, caplog):
    path = write_exec(tmp_path / "k", api.url, certificate[0], "sh", "-c", "echo hunter2 >&2; exit 1")
    evidence = cluster_evidence(kubernetes, path, None, 5, {"p": {"path": PSP}})
    assert evidence["objects"]["p"]["error"]["kind"] == "denied"
    assert "hunter2" not in caplog.text + json.dumps(evidence)


def test_an_encrypted_kubeconfig_is_named(tmp_path):
    path = tmp_path / "kubeconfig"
    path.write_text("$ANSIBLE_VAULT;1.1;AES256\n6162\n")
    with pytest.raises(KubeconfigError, match="/kubeconfig: encrypted with ansible-vault; decrypt it"):
        ClusterReader(kubernetes, str(path), None, 1)


def test_a_missing_kubeconfig_is_named(tmp_path):
    with pytest.raises(KubeconfigError, match="/no-such-file: no such file; use"):
        ClusterReader(kubernetes, str(tmp_path / "no-such-file"), None, 5)


def test_an_unknown_context_is_named(api, certificate, tmp_path):
    path = write_kubeconfig(tmp_path / "k", api.url, certificate[0])
    with pytest.raises(KubeconfigError, match="three"):
        ClusterReader(kubernetes, path, "three", 5)
