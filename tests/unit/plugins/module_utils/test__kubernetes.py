# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import base64
import json
import os
import pathlib
import socket

import pytest

kubernetes = pytest.importorskip("kubernetes")
pytest.importorskip("cryptography")

from ansible_collections.rke.cis.plugins.module_utils import _kubernetes  # noqa: E402
from ansible_collections.rke.cis.plugins.module_utils._kubernetes import (  # noqa: E402
    ClusterReader,
    KubeconfigError,
    cluster_evidence,
)
from ansible_collections.rke.cis.tests.unit.plugins.module_utils.api_helper import (  # noqa: E402
    FakeApi,
    make_certificate,
    write_kubeconfig,
)

PSP = "/apis/policy/v1beta1/podsecuritypolicies"
MAP = "/api/v1/namespaces/security-scan/configmaps/security-scan-cfg"
VERSION = {
    "major": "1",
    "minor": "16",
    "gitVersion": "v1.16.15",
    "gitCommit": "x",
    "gitTreeState": "clean",
    "buildDate": "2020-09-02T11:31:21Z",
    "goVersion": "go1.13.15",
    "compiler": "gc",
    "platform": "linux/amd64",
}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def api(certificate):
    server = FakeApi(*certificate)
    yield server
    server.stop()


@pytest.fixture
def reader(api, certificate, tmp_path):
    return ClusterReader(kubernetes, write_kubeconfig(tmp_path / "kubeconfig", api.url, certificate[0]), None, 5)


def error_of(answer):
    assert set(answer) == {"error"}
    assert set(answer["error"]) == {"kind", "message"}
    message = answer["error"]["message"]
    assert message
    assert "\n" not in message
    assert len(message) <= 300
    return answer["error"]["kind"]


def policy(name, **spec):
    return {"metadata": {"name": name, "annotations": {"x": "hunter2"}, "uid": "1"}, "spec": spec, "status": {"a": 1}}


def test_objects_are_kept_by_name_and_spec(api, reader):
    items = [policy("b", privileged=False), policy("a", hostPID=True)]
    api.answers[PSP] = (200, {"kind": "PodSecurityPolicyList", "items": items})
    found = reader.objects(PSP, "1.25", "v1.16.15")
    assert found == {
        "items": [
            {"metadata": {"name": "a"}, "spec": {"hostPID": True}},
            {"metadata": {"name": "b"}, "spec": {"privileged": False}},
        ]
    }
    assert "hunter2" not in json.dumps(found)


def test_a_password_in_the_address_of_the_server_is_masked(certificate, tmp_path):
    path = write_kubeconfig(tmp_path / "kubeconfig", "https://me:hunter2@127.0.0.1:1", certificate[0])
    reader = ClusterReader(kubernetes, path, None, 5)
    answer = reader.objects(PSP, None, "")
    assert error_of(answer) == "down"
    assert reader.server == "https://********@127.0.0.1:1"
    assert reader.server in answer["error"]["message"]
    assert "hunter2" not in json.dumps(answer)


def test_no_objects_are_not_an_error(api, reader):
    api.answers[PSP] = (200, {"items": []})
    assert reader.objects(PSP, "1.25", "v1.16.15") == {"items": []}


@pytest.mark.parametrize(
    "status, kind",
    [(401, "denied"), (403, "denied"), (404, "missing"), (429, "failed"), (500, "failed"), (503, "failed")],
)
def test_refusals(api, reader, status, kind):
    api.answers[PSP] = (status, api.status(status, "Because"))
    answer = reader.objects(PSP, "1.25", "v1.16.15")
    assert error_of(answer) == kind
    if kind == "denied":
        assert "grant" in answer["error"]["message"]
        assert PSP in answer["error"]["message"]
    if kind == "failed":
        assert str(status) in answer["error"]["message"]
    # each question is asked once: no retries behind our back
    assert api.asked == [("GET", PSP)]


def test_what_a_later_kubernetes_does_not_have_is_told_with_versions(api, reader):
    answer = reader.objects(PSP, "1.25", "v1.27.1")
    assert error_of(answer) == "missing"
    message = answer["error"]["message"]
    assert "v1.27.1" in message
    assert "podsecuritypolicies" in message
    assert "removed in 1.25" in message


def test_what_no_kubernetes_loses_has_no_such_version(api, reader):
    answer = reader.objects(PSP, None, "v1.16.15")
    assert error_of(answer) == "missing"
    assert "removed" not in answer["error"]["message"]
    assert api.url in answer["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "PodSecurityPolicyList"},
        {"items": None},
        {"items": "x"},
        {"items": ""},
        {"items": {}},
        {"items": {"a": 1}},
        {"items": {"metadata": {"name": "a"}}},
        {"items": [{"metadata": {"name": "a"}, "spec": "x"}]},
        {"items": [{"metadata": {"name": "a"}, "spec": []}]},
        [],
        [1],
        "null",
        "5",
        '"text"',
        "<html>proxy</html>",
        "",
        {"items": [1]},
        {"items": [None]},
        {"items": [{}]},
        {"items": [{"metadata": None}]},
        {"items": [{"metadata": {"name": None}}, {"metadata": {"name": "a"}}]},
    ],
)
def test_an_answer_that_is_no_list_of_objects_is_no_answer(api, reader, body):
    api.answers[PSP] = (200, body)
    assert error_of(reader.objects(PSP, "1.25", "v1.16.15")) in ("failed", "down")


def test_nobody_listens(certificate, tmp_path):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{server.getsockname()[1]}"
    reader = ClusterReader(kubernetes, write_kubeconfig(tmp_path / "k", url, certificate[0]), None, 5)
    for answer in (reader.version(), reader.objects(PSP, "1.25", ""), reader.config_map("a", "b", "c")):
        assert error_of(answer) == "down"
        assert answer["error"]["message"].startswith(url)


def test_a_server_that_hangs_is_given_up(api, reader):
    api.delay = 3
    reader._timeout = 0.2
    assert error_of(reader.objects(PSP, "1.25", "")) == "down"
    assert error_of(reader.version()) == "down"


def test_a_server_that_drips_is_given_up(api, reader):
    """Each byte comes in time, the answer as a whole does not."""
    api.drip = 0.05
    api.answers[PSP] = (200, {"items": []})
    reader._timeout = 0.3
    answer = reader.objects(PSP, "1.25", "")
    assert error_of(answer) == "down"
    assert "no complete answer in 0.3 s" in answer["error"]["message"]


@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_without_end_is_too_large(api, reader, status, monkeypatch):
    monkeypatch.setattr(_kubernetes.limits, "API_BYTES", 1000)
    api.answers[PSP] = (status, "x" * 1001)
    answer = reader.objects(PSP, "1.25", "")
    assert error_of(answer) == "failed"
    assert "too large: more than 1000 bytes" in answer["error"]["message"]


@pytest.mark.parametrize("body", ["[" * 100_000, '{"items": NaN}', '{"items": [Infinity]}', b"\xff\xfe"])
def test_an_answer_that_is_not_json(api, reader, body):
    api.answers[PSP] = (200, body)
    answer = reader.objects(PSP, "1.25", "")
    assert error_of(answer) == "failed"
    assert "not valid JSON" in answer["error"]["message"]


def test_the_words_of_the_server_cannot_control_the_terminal(api, reader):
    api.reason = "\x1b[31mred"
    api.answers[PSP] = (500, "{}")
    assert "500 ?[31mred" in reader.objects(PSP, "1.25", "")["error"]["message"]


@pytest.mark.parametrize(
    "version", ["v" + "1" * 5000, "v1", "1.16", "v1.16 <b>", 5, None, ["v1.16"], "v1.16" + "x" * 99]
)
def test_a_version_that_is_none(api, reader, version):
    api.answers["/version"] = (200, {**VERSION, "gitVersion": version})
    assert error_of(reader.version()) == "failed"


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


def test_a_server_that_the_kubeconfig_does_not_trust(api, tmp_path):
    other = make_certificate(tmp_path / "other")[0]
    reader = ClusterReader(kubernetes, write_kubeconfig(tmp_path / "k", api.url, other), None, 5)
    assert error_of(reader.objects(PSP, "1.25", "")) == "down"
    assert api.asked == []


def test_version(api, reader):
    api.answers["/version/"] = api.answers["/version"] = (200, VERSION)
    assert reader.version() == {"answer": "v1.16.15"}
    assert reader.server == api.url


@pytest.mark.parametrize("status", [401, 403, 500])
def test_version_refused(api, reader, status):
    api.answers["/version/"] = api.answers["/version"] = (status, api.status(status, "Because"))
    assert error_of(reader.version()) in ("denied", "failed")


def config_map(**data):
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "security-scan-cfg"}, "data": data}


@pytest.mark.parametrize(
    "body, expected",
    [
        ((200, config_map(**{"config.json": "{}", "x": "y"})), {"text": "{}"}),
        ((200, config_map(**{"config.json": ""})), {"text": ""}),
        ((200, config_map(x="y")), {"text": None}),
        ((200, {"kind": "ConfigMap", "metadata": {}}), {"text": None}),
        ((404, FakeApi.status(404, "NotFound")), {"text": None}),
    ],
)
def test_config_map(api, reader, body, expected):
    api.answers[MAP] = body
    assert reader.config_map("security-scan", "security-scan-cfg", "config.json") == expected
    assert api.asked == [("GET", MAP)]


@pytest.mark.parametrize("status, kind", [(401, "denied"), (403, "denied"), (500, "failed")])
def test_a_config_map_that_may_not_be_read_is_not_an_absent_one(api, reader, status, kind):
    api.answers[MAP] = (status, api.status(status, "Because"))
    answer = reader.config_map("security-scan", "security-scan-cfg", "config.json")
    assert error_of(answer) == kind
    if kind == "denied":
        assert "security-scan/security-scan-cfg" in answer["error"]["message"]


def test_the_context_decides_who_asks(api, certificate, tmp_path):
    path = write_kubeconfig(tmp_path / "k", api.url, certificate[0], "bad", [("two", "good")])
    api.answers[PSP] = (200, {"items": []})
    assert error_of(ClusterReader(kubernetes, path, None, 5).objects(PSP, None, "")) == "denied"
    assert ClusterReader(kubernetes, path, "two", 5).objects(PSP, None, "") == {"items": []}


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
