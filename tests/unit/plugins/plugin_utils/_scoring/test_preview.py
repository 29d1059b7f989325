# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import exemptions
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.preview import preview_lines
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.waivers import Waivers
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import BENCHMARK

NAMES = {"master": ["cp1"], "etcd": ["e1"], "node": ["w1", "w2"]}
TITLES = {control["id"]: control["title"] for control in BENCHMARK.controls}
LISTS = BENCHMARK.profiles["permissive"]


def told(profile: str = "permissive", skips: t.Any = None, *waivers: dict[str, t.Any]) -> list[str]:
    exempt = exemptions(BENCHMARK, profile, skips or {})
    excuses = Waivers(list(waivers), BENCHMARK, ["cp1", "e1", "w1", "w2"])
    return preview_lines(BENCHMARK, profile, exempt, excuses, NAMES)


def waiver(*controls: str, **more: t.Any) -> dict[str, t.Any]:
    given = {"source": "w", "controls": list(controls), "nodes": [], "groups": {}, "reason": "r", "owner": "o"}
    return {**given, "expires": "2026-12-31", "days_left": 39, **more}


def test_the_profiles_lists_are_named_with_their_reasons() -> None:
    head, *lines = told()
    assert head == (
        "RKE-CIS-1.4-Permissive, 97 controls: 63 to examine, 15 skipped by the profile, 0 skipped by the user, "
        "19 not applicable"
    )
    assert len(lines) == 15 + 19
    for control_id, reason in LISTS["skip"].items():
        assert f"{control_id} {TITLES[control_id]} - skipped by profile: {reason}" in lines
    for control_id, reason in LISTS["not_applicable"].items():
        assert f"{control_id} {TITLES[control_id]} - not applicable: {reason}" in lines
    order = [control["id"] for control in BENCHMARK.controls]
    ids = [line.split(" ", 1)[0] for line in lines]
    assert ids == sorted(ids, key=order.index)


def test_the_users_skips_are_named_with_their_source() -> None:
    skips = {key: {"by": "cis_scan_skip", "reason": why} for key, why in (("1.1.2", "x"), ("1.1.3", ""), ("1.1.9", ""))}
    head, *lines = told("hardened", skips)
    assert "76 to examine, 0 skipped by the profile, 2 skipped by the user, 19 not applicable" in head
    assert f"1.1.2 {TITLES['1.1.2']} - skipped by cis_scan_skip: x" in lines
    assert f"1.1.3 {TITLES['1.1.3']} - skipped by cis_scan_skip" in lines


def test_live_waivers_are_named_with_owner_and_end() -> None:
    head, *lines = told(
        "permissive",
        None,
        waiver("1.1.2", "1.1.9", "1.1.11"),  # not applicable, and skipped by the profile
        waiver("2.1.1", nodes=["w1"], owner="p"),
        waiver("2.1.1"),
        waiver("2.1.2", nodes=["cp1"]),  # it does not run there
        waiver("2.1.3", days_left=-1),
        waiver("1.5.1", groups={"g": ["e1"]}, expires="never", days_left=None),
    )
    assert head.endswith("63 to examine, 15 skipped by the profile, 0 skipped by the user, 19 not applicable; "
                         "failures of 3 may be waived")  # fmt: skip
    assert [line for line in lines if "waived" in line] == [
        f"1.1.2 {TITLES['1.1.2']} - failure waived by o until 2026-12-31: r",
        f"1.5.1 {TITLES['1.5.1']} - failure waived by o without expiry: r",
        f"2.1.1 {TITLES['2.1.1']} - failure waived by p until 2026-12-31: r",
        f"2.1.1 {TITLES['2.1.1']} - failure waived by o until 2026-12-31: r",
    ]
