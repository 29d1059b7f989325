# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of cluster.yml share."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._inventory.rke_cluster import read_cluster

SECRET = "CANARY-do-not-show"
ONE = "nodes: [{address: 10.0.0.1, user: rke, role: [worker]}]\n"


def hosts(path: str, **options: t.Any) -> dict[str, dict[str, t.Any]]:
    return read_cluster(path, **options)["hosts"]


def node(**more: t.Any) -> dict[str, t.Any]:
    return {"address": "10.0.0.1", "user": "rke", "role": ["worker"], **more}


STATE_NODE = {
    "address": "10.0.0.1",
    "port": "22",
    "internalAddress": "172.16.0.1",
    "role": ["worker"],
    "user": "rke",
    "hostnameOverride": "W1",
    "dockerSocket": "/run/rke.sock",
    "sshKey": SECRET,
    "sshKeyPath": "~/.ssh/rke",
    "sshCertPath": "/c",
    "labels": {"my_label": "x"},
}
STATE_CONFIG = {
    "nodes": [STATE_NODE],
    "clusterName": "local",
    "kubernetesVersion": "v1.20.15",
    "prefixPath": "/opt/rke",
    "bastionHost": {"address": "b", "user": "j", "sshKeyPath": "/b", "sshKey": ""},
    "privateRegistries": [{"password": SECRET}],
}
KEYS = {"certificatesBundle": {"kube-ca": {"keyPEM": SECRET}}, "encryptionConfig": SECRET}


def state(current: t.Any, desired: t.Any = None) -> str:
    whole = {"desiredState": {"rkeConfig": desired, **KEYS}, "currentState": {"rkeConfig": current, **KEYS}}
    return json.dumps(whole, indent=2)


# -------------------------------------------------------------------------------------------------------- bad files


def refused(caught: pytest.ExceptionInfo[CisError], path: str) -> str:
    """Return the message, which is one line that names the file and repeats no secret."""
    message = str(caught.value)
    assert message.startswith(path)
    assert "\n" not in message
    assert SECRET not in message
    assert len(message) < len(path) + 300
    return message
