# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the Kubernetes API share."""

from ansible_collections.rke.cis.plugins.module_utils._kubernetes import Lists

PSP = "/apis/policy/v1beta1/podsecuritypolicies"
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
