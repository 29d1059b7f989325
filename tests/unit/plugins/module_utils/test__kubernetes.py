# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import socket

import pytest

from ansible_collections.rke.cis.plugins.module_utils import _kubernetes
from ansible_collections.rke.cis.plugins.module_utils._kubernetes import ClusterReader
from ansible_collections.rke.cis.tests.unit.plugins.module_utils.api_helper import (
    FakeApi,
    make_certificate,
    write_kubeconfig,
)
from ansible_collections.rke.cis.tests.unit.plugins.module_utils.kubernetes_helper import (
    PSP,
    VERSION,
    error_of,
    objects,
)

kubernetes = pytest.importorskip("kubernetes")

MAP = "/api/v1/namespaces/security-scan/configmaps/security-scan-cfg"


def test_a_password_in_the_address_of_the_server_is_masked(certificate, tmp_path):
    path = write_kubeconfig(tmp_path / "kubeconfig", "https://me:hunter2@127.0.0.1:1", certificate[0])
    reader = ClusterReader(kubernetes, path, None, 5)
    answer = objects(reader, PSP, None, "")
    assert error_of(answer) == "down"
    assert reader.server == "https://********@127.0.0.1:1"
    assert reader.server in answer["error"]["message"]
    assert "hunter2" not in json.dumps(answer)


def test_no_objects_are_not_an_error(api, reader):
    api.answers[PSP] = (200, {"items": []})
    assert objects(reader, PSP, "1.25", "v1.16.15") == {"items": []}


@pytest.mark.parametrize(
    "status, kind",
    [(401, "denied"), (403, "denied"), (404, "missing"), (429, "failed"), (500, "failed"), (503, "failed")],
)
def test_refusals(api, reader, status, kind):
    api.answers[PSP] = (status, api.status(status, "Because"))
    answer = objects(reader, PSP, "1.25", "v1.16.15")
    assert error_of(answer) == kind
    if status == 401:
        assert answer["error"]["message"].endswith("does not accept the kubeconfig's credentials; renew them")
    if status == 403:
        assert "grant" in answer["error"]["message"]
        assert "list on podsecuritypolicies (API group policy)" in answer["error"]["message"]
    if kind == "failed":
        assert str(status) in answer["error"]["message"]
    # each question is asked once: no retries behind our back
    assert api.asked == [("GET", PSP)]


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
    assert error_of(objects(reader, PSP, "1.25", "v1.16.15")) in ("failed", "down")


def test_nobody_listens(certificate, tmp_path):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{server.getsockname()[1]}"
    reader = ClusterReader(kubernetes, write_kubeconfig(tmp_path / "k", url, certificate[0]), None, 5)
    for answer in (reader.version(), objects(reader, PSP, "1.25", ""), reader.config_map("a", "b", "c")):
        assert error_of(answer) == "down"
        assert answer["error"]["message"].startswith(url)


def test_a_server_that_hangs_is_given_up(api, reader):
    api.delay = 3
    reader._timeout = 0.2
    assert error_of(objects(reader, PSP, "1.25", "")) == "down"
    assert error_of(reader.version()) == "down"


def test_a_server_that_drips_is_given_up(api, reader):
    """Each byte comes in time, the answer as a whole does not."""
    api.drip = 0.05
    api.answers[PSP] = (200, {"items": []})
    reader._timeout = 0.3
    answer = objects(reader, PSP, "1.25", "")
    assert error_of(answer) == "down"
    assert "no complete answer in 0.3 s" in answer["error"]["message"]


@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_without_end_is_too_large(api, reader, status, monkeypatch):
    monkeypatch.setattr(_kubernetes.limits, "API_BYTES", 1000)
    api.answers[PSP] = (status, "x" * 1001)
    answer = objects(reader, PSP, "1.25", "")
    assert error_of(answer) == "failed"
    assert "too large: more than 1000 bytes" in answer["error"]["message"]


@pytest.mark.parametrize("body", ["[" * 100_000, '{"items": NaN}', '{"items": [Infinity]}', b"\xff\xfe"])
def test_an_answer_that_is_not_json(api, reader, body):
    api.answers[PSP] = (200, body)
    answer = objects(reader, PSP, "1.25", "")
    assert error_of(answer) == "failed"
    assert "not valid JSON" in answer["error"]["message"]


def test_the_words_of_the_server_cannot_control_the_terminal(api, reader):
    api.reason = "\x1b[31mred"
    api.answers[PSP] = (500, "{}")
    assert "500 ?[31mred" in objects(reader, PSP, "1.25", "")["error"]["message"]


@pytest.mark.parametrize(
    "version", ["v" + "1" * 5000, "v1", "1.16", "v1.16 <b>", 5, None, ["v1.16"], "v1.16" + "x" * 99]
)
def test_a_version_that_is_none(api, reader, version):
    api.answers["/version"] = (200, {**VERSION, "gitVersion": version})
    assert error_of(reader.version()) == "failed"


def test_a_server_that_the_kubeconfig_does_not_trust(api, tmp_path):
    other = make_certificate(tmp_path / "other")[0]
    reader = ClusterReader(kubernetes, write_kubeconfig(tmp_path / "k", api.url, other), None, 5)
    assert error_of(objects(reader, PSP, "1.25", "")) == "down"
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
    if status == 403:
        assert "security-scan/security-scan-cfg" in answer["error"]["message"]
