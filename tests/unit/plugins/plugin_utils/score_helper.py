# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of verdicts share."""

from __future__ import annotations

import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import score_node
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import BENCHMARK, cluster

NOT_APPLICABLE = set(BENCHMARK.profiles["hardened"]["not_applicable"])
JUDGED = BENCHMARK.ids - NOT_APPLICABLE
CONTROLS = {control["id"]: control for control in BENCHMARK.controls}
API = {control_id for control_id in JUDGED if any("object" in test for test in CONTROLS[control_id]["tests"])}
FILES = {control_id for control_id in JUDGED if any("path" in test for test in CONTROLS[control_id]["tests"])}


def states(document: dict[str, t.Any], api: dict[str, t.Any] | None = None) -> dict[str, str]:
    found = score_node(BENCHMARK, document, cluster() if api is None else api, JUDGED)
    return {control_id: verdict.state for control_id, verdict in found.items()}


def of_component(name: str) -> set[str]:
    """The controls that look at this component's arguments."""
    return {i for i in JUDGED if CONTROLS[i].get("component") == name and i not in FILES | API}


HEAD = {key: cluster()[key] for key in ("schema", "server", "version")}
