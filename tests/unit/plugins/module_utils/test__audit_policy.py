# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


import sys

import pytest

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.plugins.module_utils._audit_policy import audit_policy
from ansible_collections.rke.cis.plugins.module_utils._yaml_nodes import NotUnderstood, TooMany

POLICY = """
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages:
  - RequestReceived
rules:
  - level: None
    users: ["secret-user"]
    verbs: [watch]
    resources:
      - group: ""
        resources: [endpoints, services]
  - level: Metadata
    resources:
      - resources: [secrets, "pods/exec"]
      - group: authentication.k8s.io
        resources: [tokenreviews]
        resourceNames: [hidden]
    namespaces: [kube-system, ""]
  - level: Request
    resources: [{group: apps}]
  - level: Metadata
    omitStages: [ResponseStarted]
"""
RULES = [
    {
        "level": "None",
        "verbs": ["watch"],
        "resources": ["endpoints", "services"],
        "omitStages": ["RequestReceived"],
        "only": ["users"],
    },
    {
        "level": "Metadata",
        "namespaces": ["kube-system", ""],
        "resources": ["secrets", "pods/exec", "authentication.k8s.io/tokenreviews!"],
        "omitStages": ["RequestReceived"],
    },
    {"level": "Request", "resources": ["apps/*"], "omitStages": ["RequestReceived"]},
    {"level": "Metadata", "omitStages": ["RequestReceived", "ResponseStarted"]},
]


@pytest.fixture(params=["PyYAML", "without"], autouse=True)
def reader(request, monkeypatch):
    """With and without PyYAML, which a node need not have."""
    if request.param == "without":
        monkeypatch.setitem(sys.modules, "yaml", None)
    else:
        pytest.importorskip("yaml")


def test_levels_and_names_are_told_and_nothing_else():
    assert audit_policy(POLICY) == RULES
    assert "secret-user" not in str(audit_policy(POLICY))


def test_what_rke_writes():
    text = (
        "apiVersion: audit.k8s.io/v1\nkind: Policy\nmetadata:\n  creationTimestamp: null\nrules:\n- level: Metadata\n"
    )
    assert audit_policy(text) == [{"level": "Metadata"}]
    assert audit_policy("kind: Policy\nrules: []\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "kind: EncryptionConfiguration\nrules: []\n",
        "kind: Policy\nrules: {}\n",
        "kind: Policy\nrules: [level]\n",
        "kind: Policy\nrules: [{verbs: [get]}]\n",
        "kind: Policy\nrules: [{level: metadata}]\n",
        "kind: Policy\nrules: [{level: Metadata, verbs: get}]\n",
        "kind: Policy\nrules: [{level: Metadata, verbs: [s3cr3t word]}]\n",
        "kind: Policy\nrules: [{level: Metadata, resources: [secrets]}]\n",
        "kind: Policy\nrules: [{level: Metadata, resources: [{resources: [S3CR3T]}]}]\n",
        "kind: Policy\nrules: [{level: Metadata, resources: [{group: s3cr3t!}]}]\n",
        "kind: Policy\nrules: [{level: Metadata, namespaces: [S3CR3T]}]\n",
        "kind: Policy\nrules: [{level: Metadata, omitStages: [S3CR3T]}]\n",
        "kind: Policy\nrules: [" + "[" * 200 + "]" * 200 + "]\n",
        "kind: Policy\nrules: [{level: Metadata\n",
    ],
)
def test_what_is_no_policy_is_refused_by_its_place(text):
    with pytest.raises((ValueError, NotUnderstood)) as caught:
        audit_policy(text)
    assert "3cr3t" not in str(caught.value).lower()
    assert "\n" not in str(caught.value)


def test_many_rules_are_too_many():
    most = limits.AUDIT_RULES
    assert len(audit_policy("kind: Policy\nrules:\n" + "- level: Metadata\n" * most)) == most
    with pytest.raises(TooMany):
        audit_policy("kind: Policy\nrules:\n" + "- level: Metadata\n" * (most + 1))


def test_rules_of_many_names_by_aliases_are_too_many():
    verbs = "x-verbs: &v [" + ", ".join(["get"] * limits.AUDIT_RULES) + "]\n"
    rule = "- {level: Metadata, verbs: *v}\n"
    few = limits.ENTRIES // limits.AUDIT_RULES
    assert len(audit_policy(verbs + "kind: Policy\nrules:\n" + rule * few)) == few
    with pytest.raises(TooMany, match="more than 10000 names"):
        audit_policy(verbs + "kind: Policy\nrules:\n" + rule * (few + 1))
