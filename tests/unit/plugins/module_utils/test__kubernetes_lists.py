# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of objects: read in pages, queried, and kept in part."""

import json
import sys

import pytest

from ansible_collections.rke.cis.plugins.module_utils import _kubernetes, _objects
from ansible_collections.rke.cis.plugins.module_utils._kubernetes import Lists
from ansible_collections.rke.cis.tests.unit.plugins.module_utils.api_helper import FakeApi
from ansible_collections.rke.cis.tests.unit.plugins.module_utils.kubernetes_helper import PSP, error_of, objects, policy

pytest.importorskip("jmespath")


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


def test_a_server_writes_an_empty_list_of_metadata_as_null(api, reader):
    path = "/api/v1/namespaces/default/pods"
    api.answers[path] = (200, {"kind": "PartialObjectMetadataList", "metadata": {}, "items": None})
    lists = {"x": {"path": path, "namespaced": True, "fields": {}, "find": ["`true`"]}}
    assert Lists(reader, lists, "").documents["x"] == {"count": 0, "found": {"`true`": {"count": 0, "items": []}}}
