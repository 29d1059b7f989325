# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the API server answers, the report says it of the controls that ask it. Needs no test bed."""

from __future__ import annotations

import concurrent.futures
import json
import re
import typing as t

import pytest
import scans

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.tests.unit.plugins.module_utils.api_helper import (
    FakeApi,
    make_certificate,
    write_kubeconfig,
)

LIST = "/apis/policy/v1beta1/podsecuritypolicies"
HUGE = b" " * (limits.API_BYTES + 1)
EMPTY = (200, {"kind": "PodSecurityPolicyList", "metadata": {}, "items": []})

# What is wrong: the answer to the list, other settings of the server, the reason in the report.
FAULTS: dict[str, tuple[t.Any, dict[str, t.Any], str]] = {
    "slow": (EMPTY, {"delay": 30}, r"down: https://\S+ does not answer: no complete answer in 2 s"),
    "401": (
        EMPTY,
        {"token": "bad"},
        "denied: 401 .*the API server does not accept the kubeconfig's credentials; renew th.*",
    ),
    "403": (403, {}, "denied: 403 .*; grant the kubeconfig's user list on podsecuritypolicies .*"),
    "500": (500, {}, "failed: .*: 500 Internal Server Error"),
    "ca": (EMPTY, {"ca": "other"}, "down: .* does not answer: .*certificate verify failed.*"),
    "huge": ((200, HUGE), {}, f"failed: the answer to .* is too large: more than {limits.API_BYTES} bytes"),
    "nothing": (EMPTY, {"stop": True}, "down: .* does not answer: .*Connection refused.*"),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, scans.Outcome]:
    """A scan for each fault, all at once. Nobody listens on the only node, which takes no time."""
    directory = tmp_path_factory.mktemp("api")
    certificates = {name: make_certificate(directory / name) for name in ("right", "other")}
    node = {"ansible_host": "127.0.0.1", "ansible_port": 1}
    document = {
        "all": {"vars": node, "children": {role: {"hosts": {"cp1": None}} for role in ("controlplane", "etcd")}}
    }
    (directory / "hosts.json").write_text(json.dumps(document), encoding="utf-8")

    def outcome(name: str) -> scans.Outcome:
        answer, about, _reason = FAULTS[name]
        server = FakeApi(*certificates["right"])
        server.delay = about.get("delay", 0)
        server.answers["/version"] = server.answers["/version/"] = (200, {"gitVersion": "v1.20.15"})
        server.answers[LIST] = (answer, FakeApi.status(answer, "Because")) if isinstance(answer, int) else answer
        ca = certificates[about.get("ca", "right")][0]
        kubeconfig = write_kubeconfig(directory / f"{name}.yml", server.url, ca, about.get("token", "good"))
        if about.get("stop"):
            server.stop()
        variables = {"cis_scan_profile": scans.HARDENED, "cis_scan_kubeconfig": kubeconfig, "cis_scan_timeout": 2}
        done = scans.playbook(directory / name, scans.SCAN, directory / "hosts.json", variables)
        if not about.get("stop"):
            server.stop()
        return done

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return dict(zip(FAULTS, pool.map(outcome, FAULTS), strict=True))


@pytest.mark.parametrize("name", FAULTS)
def test_an_api_server_that_does_not_answer_well(outcomes: dict[str, scans.Outcome], name: str) -> None:
    outcome = outcomes[name]
    assert len(outcome.checks) == 97
    for control in scans.PSP_CONTROLS:
        reasons = {part["reason"] for part in outcome.checks[control]["evidence"]}
        assert all(re.fullmatch(FAULTS[name][2], reason) for reason in reasons), reasons
        assert outcome.checks[control]["state"] == "error"
    assert outcome.code == 2
