# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import base64
import json
import os
import pathlib
import socket
import sys

import pytest

kubernetes = pytest.importorskip("kubernetes")
pytest.importorskip("cryptography")

from ansible_collections.rke.cis.plugins.module_utils import _kubernetes, _objects  # noqa: E402
from ansible_collections.rke.cis.plugins.module_utils._kubernetes import (  # noqa: E402
    ClusterReader,
    KubeconfigError,
    Lists,
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


def objects(reader, path, until, version):
    about = {"path": path, "until": until} if until else {"path": path}
    return Lists(reader, {"x": about}, version).documents["x"]


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
    found = objects(reader, PSP, "1.25", "v1.16.15")
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


PODS = {
    "path": "/api/v1/pods",
    "namespaced": True,
    "fields": {"spec": {"hostPID": "boolean"}},
    "find": ["spec.hostPID"],
}
ACCOUNTS = {"path": "/api/v1/serviceaccounts", "namespaced": True, "fields": {"token": "boolean"}}
WITH_ACCOUNTS = {
    **PODS,
    "with": {"account": [{"of": "accounts", "key": "metadata.name", "by": "spec.account"}]},
    "fields": {"spec": {"account": "string"}},
    "find": ["account[].token"],
}


def pod(name, **spec):
    return {"metadata": {"name": name, "namespace": "n", "uid": "1"}, "spec": {"nodeName": "x", **spec}}


def paged(items, size, asked):
    """Return what answers in pages, as the API server does."""

    def answer(query, _headers):
        start, limit = int(query.get("continue", ["0"])[0] or 0), min(size, int(query["limit"][0]))
        asked.append((start, int(query["limit"][0])))
        end = start + limit
        metadata = {"continue": str(end), "resourceVersion": "5"} if end < len(items) else {"resourceVersion": "5"}
        return 200, {"metadata": metadata, "items": items[start:end]}

    return answer


def read(reader, **lists):
    return Lists(reader, lists, "v1.24.17").documents


def test_a_list_is_read_in_pages_to_its_end(api, reader):
    asked = []
    items = [pod(f"p{number:04}", hostPID=number % 2 == 0) for number in range(1100)]
    api.answers[PODS["path"]] = paged(items, 500, asked)
    document = read(reader, pods=PODS)["pods"]
    assert asked == [(0, 500), (500, 500), (1000, 500)]
    assert document["count"] == 1100
    assert document["found"]["spec.hostPID"]["count"] == 550
    assert document["found"]["spec.hostPID"]["items"][1] == {"name": "n/p0002", "details": []}


@pytest.mark.parametrize(
    "status, kind, words",
    [(410, "failed", "scan again"), (403, "denied", "list on pods"), (404, "failed", ""), (500, "failed", "500")],
)
@pytest.mark.parametrize("more", [{}, {"absent": "empty"}, {"or_path": "/api/v1/other"}])
def test_a_page_that_fails_is_an_error_of_the_whole_list(api, reader, status, kind, words, more):
    first = paged([pod("a"), pod("b")], 1, [])
    api.answers["/api/v1/other"] = (200, {"items": []})
    api.answers[PODS["path"]] = lambda query, headers: (
        (status, FakeApi.status(status, "Because")) if "continue" in query else first(query, headers)
    )
    answer = read(reader, pods={**PODS, **more})["pods"]
    assert error_of(answer) == kind
    assert words in answer["error"]["message"]


def test_a_page_that_is_too_large_is_asked_for_again_and_smaller(api, reader, monkeypatch):
    asked = []
    api.answers[PODS["path"]] = paged([pod(f"p{number}", x="y" * 100) for number in range(500)], 500, asked)
    monkeypatch.setattr(_kubernetes.limits, "API_BYTES", 30_000)
    assert read(reader, pods=PODS)["pods"]["count"] == 500
    assert asked[:3] == [(0, 500), (0, 100), (100, 100)]


@pytest.mark.parametrize(
    "item",
    [
        {"metadata": {"name": "a"}, "spec": {}},
        {"metadata": {"name": "", "namespace": "n"}, "spec": {}},
        {"metadata": {"name": "a", "namespace": 5}, "spec": {}},
        {"metadata": {"name": "a", "namespace": "n"}, "spec": {"hostPID": "true"}},
        {"metadata": {"name": "a", "namespace": "n"}, "spec": {"hostPID": 1}},
        {"metadata": {"name": "a", "namespace": "n"}, "spec": []},
        {"metadata": [], "spec": {}},
        {"spec": {}},
        None,
        "x",
    ],
)
def test_a_malformed_object_is_an_error_of_the_whole_list(api, reader, item):
    api.answers[PODS["path"]] = (200, {"items": [pod("a"), item]})
    assert error_of(read(reader, pods=PODS)["pods"]) == "failed"


@pytest.mark.parametrize(
    "answer",
    [
        {"metadata": {"continue": "x"}, "items": []},
        {"metadata": {"continue": 5}, "items": [pod("a")]},
        {"metadata": [1], "items": [pod("a")]},
    ],
)
def test_a_list_that_does_not_say_how_to_go_on_is_an_error(api, reader, answer):
    api.answers[PODS["path"]] = (200, answer)
    assert error_of(read(reader, pods=PODS)["pods"]) == "failed"


def test_a_list_without_end_is_an_error(api, reader, monkeypatch):
    monkeypatch.setattr(_kubernetes.limits, "LIST_OBJECTS", 3)
    api.answers[PODS["path"]] = (200, {"metadata": {"continue": "x"}, "items": [pod("a"), pod("b")]})
    answer = read(reader, pods=PODS)["pods"]
    assert error_of(answer) == "failed"
    assert "more than 3 objects" in answer["error"]["message"]


def test_what_is_left_of_the_time_is_for_all_lists(api, reader):
    api.answers[PODS["path"]] = (200, {"items": []})
    reader._end = 0
    answer = read(reader, pods=PODS)["pods"]
    assert error_of(answer) == "down"
    assert api.asked == []


def test_only_metadata_is_asked_for_where_nothing_else_is_kept(api, reader):
    seen = []

    def answer(_query, headers):
        seen.append(headers["Accept"])
        return 200, {"items": []}

    api.answers["/api/v1/configmaps"] = api.answers[PODS["path"]] = answer
    read(reader, maps={"path": "/api/v1/configmaps", "namespaced": True, "fields": {}}, pods=PODS)
    assert ["PartialObjectMetadataList" in accept for accept in seen] == [True, False]


@pytest.mark.parametrize(
    "path", ["/api/v1/secrets", "/api/v1/namespaces/n/secrets", "/version", "/api/v1/pods?x=y", ""]
)
def test_secrets_and_what_is_no_list_are_not_asked_for(api, reader, path):
    assert error_of(read(reader, x={"path": path, "fields": {}})["x"]) == "failed"
    assert api.asked == []


def test_an_empty_list_of_metadata_has_null_for_items(api, reader):
    """As Kubernetes 1.20 writes it."""
    about = {"path": "/api/v1/configmaps", "namespaced": True, "fields": {}}
    api.answers[about["path"]] = (200, {"kind": "PartialObjectMetadataList", "metadata": {}, "items": None})
    assert read(reader, maps=about)["maps"]["count"] == 0
    api.answers[about["path"]] = (200, {"kind": "PartialObjectMetadataList", "metadata": {}})
    assert error_of(read(reader, maps=about)["maps"]) == "failed"
    api.answers[about["path"]] = (200, {"kind": "Status", "items": None})
    assert error_of(read(reader, maps=about)["maps"]) == "failed"


def test_an_older_path_and_a_list_that_may_be_absent(api, reader):
    about = {**PODS, "or_path": "/apis/batch/v1beta1/pods"}
    assert error_of(read(reader, x=about)["x"]) == "missing"
    assert read(reader, x={**about, "absent": "empty"})["x"] == {
        "count": 0,
        "found": {"spec.hostPID": {"count": 0, "items": []}},
    }
    api.answers[about["or_path"]] = (200, {"items": [pod("a", hostPID=True)]})
    assert read(reader, x=about)["x"]["found"]["spec.hostPID"]["count"] == 1


def test_a_list_that_is_never_empty(api, reader):
    api.answers[PODS["path"]] = (200, {"items": []})
    assert read(reader, x=PODS)["x"]["count"] == 0
    assert error_of(read(reader, x={**PODS, "never_empty": True})["x"]) == "failed"


def test_objects_are_looked_up_in_another_list_which_is_read_first_and_once(api, reader):
    token = {"metadata": {"name": "s", "namespace": "n"}, "token": True}
    api.answers[PODS["path"]] = (200, {"items": [pod("a", account="s"), pod("b", account="t"), pod("c")]})
    api.answers[ACCOUNTS["path"]] = (200, {"items": [token]})
    found = read(reader, a=WITH_ACCOUNTS, accounts=ACCOUNTS, b=WITH_ACCOUNTS)
    assert found["a"] == found["b"]
    assert found["a"]["found"]["account[].token"] == {"count": 1, "items": [{"name": "n/a", "details": ["true"]}]}
    assert [path for _method, path in api.asked] == [ACCOUNTS["path"], PODS["path"]]


def test_a_list_that_may_not_be_read_takes_those_that_need_it_along_and_no_other(api, reader):
    api.answers[PODS["path"]] = (200, {"items": []})
    api.answers[ACCOUNTS["path"]] = (403, FakeApi.status(403, "Forbidden"))
    found = read(reader, accounts=ACCOUNTS, pods=PODS, joined=WITH_ACCOUNTS)
    assert found["joined"] == found["accounts"]
    assert "list on serviceaccounts" in found["joined"]["error"]["message"]
    assert found["pods"]["count"] == 0


def test_a_list_that_needs_itself_is_an_error(api, reader):
    api.answers[PODS["path"]] = (200, {"items": []})
    assert error_of(read(reader, accounts=WITH_ACCOUNTS)["accounts"]) == "failed"
    assert error_of(read(reader, pods=WITH_ACCOUNTS)["pods"]) == "failed"


def test_a_query_that_does_not_fit_costs_itself(api, reader):
    api.answers[PODS["path"]] = (200, {"items": [pod("a", hostPID=True)]})
    document = read(reader, pods={**PODS, "find": ["spec.hostPID", "length(spec.hostPID)", "["]})["pods"]
    assert document["found"]["spec.hostPID"]["count"] == 1
    assert error_of(document["found"]["length(spec.hostPID)"]) == "failed"
    assert error_of(document["found"]["["]) == "failed"


def test_of_many_findings_the_first_are_kept_and_all_are_counted(api, reader, monkeypatch):
    monkeypatch.setattr(_kubernetes.limits, "FINDINGS", 2)
    monkeypatch.setattr(_kubernetes.limits, "DETAILS", 1)
    api.answers[PODS["path"]] = (200, {"items": [pod(name, of=[name, "x", None]) for name in "abc"]})
    about = {**PODS, "fields": {"spec": {"of": ["string"]}}, "find": ["spec.of"]}
    api.answers[PODS["path"]] = (200, {"items": [pod(name, of=[name, "x" * 999]) for name in "abc"]})
    assert read(reader, pods=about)["pods"]["found"]["spec.of"] == {
        "count": 3,
        "items": [{"name": f"n/{name}", "details": [name, "and 1 more"]} for name in "ab"],
    }


def test_objects_of_one_owner_count_as_one(api, reader):
    items = [pod("a", hostPID=True), pod("b", hostPID=True), pod("c", hostPID=True)]
    for item in items[:2]:
        item["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "d", "controller": True}]
    api.answers[PODS["path"]] = (200, {"items": items})
    owner = [{"kind": "string", "name": "string", "controller": "boolean"}]
    fields = {**PODS["fields"], "metadata": {"ownerReferences": owner}}
    called = "metadata.ownerReferences[?controller].[kind, name] | [0]"
    found = read(reader, pods={**PODS, "fields": fields, "called": called})["pods"]["found"]["spec.hostPID"]
    assert [item["name"] for item in found["items"]] == ["n/DaemonSet/d", "n/c"]
    assert found["count"] == 2


RULE = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}


@pytest.mark.parametrize(
    "rule, asked, granted",
    [
        ({}, "['get', 'list'], [''], ['pods']", True),
        ({}, "['list'], [''], ['pods']", False),
        ({}, "['get'], ['apps'], ['pods']", False),
        ({}, "['get'], [''], ['pods/log']", False),
        ({"verbs": ["*"]}, "['list'], [''], ['pods']", True),
        ({"apiGroups": ["*"]}, "['get'], ['apps'], ['pods']", True),
        ({"resources": ["*"]}, "['get'], [''], ['nodes/proxy']", True),
        ({"resources": ["*/proxy"]}, "['get'], [''], ['nodes/proxy']", True),
        ({"resources": ["*/log"]}, "['get'], [''], ['nodes/proxy']", False),
        ({"resources": ["userextras/scopes"]}, "['get'], [''], ['userextras/*']", True),
        ({}, "['*'], [''], ['pods']", True),
        ({"verbs": []}, "['*'], [''], ['pods']", False),
        ({"resourceNames": ["one"]}, "['get'], [''], ['pods']", True),
        ({"verbs": ["GET"]}, "['get'], [''], ['pods']", False),
    ],
)
def test_what_a_rule_grants(rule, asked, granted):
    text = f"granting(rules, {asked})"
    assert bool(_objects.query(text)({"rules": [{**RULE, **rule}]})) is granted


def test_without_the_library_for_queries_the_lists_that_need_it_are_errors(api, reader, monkeypatch):
    monkeypatch.setitem(sys.modules, "jmespath", None)
    api.answers[PSP] = api.answers[PODS["path"]] = (200, {"items": []})
    found = read(reader, pods=PODS, policies={"path": PSP})
    assert found["policies"] == {"items": []}
    assert error_of(found["pods"]) == "failed"
    assert "jmespath is not installed" in found["pods"]["error"]["message"]


def test_what_a_later_kubernetes_does_not_have_is_told_with_versions(api, reader):
    answer = objects(reader, PSP, "1.25", "v1.27.1")
    assert error_of(answer) == "missing"
    message = answer["error"]["message"]
    assert "v1.27.1" in message
    assert "podsecuritypolicies" in message
    assert "removed in 1.25" in message


def test_what_no_kubernetes_loses_has_no_such_version(api, reader):
    answer = objects(reader, PSP, None, "v1.16.15")
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


def test_a_server_writes_an_empty_list_of_metadata_as_null(api, reader):
    path = "/api/v1/namespaces/default/pods"
    api.answers[path] = (200, {"kind": "PartialObjectMetadataList", "metadata": {}, "items": None})
    lists = {"x": {"path": path, "namespaced": True, "fields": {}, "find": ["`true`"]}}
    assert Lists(reader, lists, "").documents["x"] == {"count": 0, "found": {"`true`": {"count": 0, "items": []}}}
