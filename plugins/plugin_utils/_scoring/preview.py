# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""What a scan will not judge, shown before it runs."""

from __future__ import annotations

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import Benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.only import described
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.waivers import Waivers, waived_by
from ansible_collections.rke.cis.plugins.plugin_utils._text import counted


def preview_lines(
    benchmark: Benchmark, profile: str, exempt: dict[str, dict[str, str]], waivers: Waivers, names: dict[str, list[str]]
) -> list[str]:
    """Return a line of counts, then one for each control that is not examined or has a live waiver.

    `exempt` are the controls that are not examined, `names` the nodes of each node type.
    """
    counts = {"to examine": 0, "skipped by the profile": 0, "skipped by the user": 0, "not applicable": 0}
    waived = 0
    lines = []
    for control in benchmark.controls:
        why = exempt.get(control["id"])
        if not why:
            counts["to examine"] += 1
            ran_on = sorted(set().union(*(names[kind] for kind in control["node_type"])))
            found = [waiver for node in ran_on if (waiver := waivers.live(control["id"], node))]
            waived += bool(found)
            notes = [f"failure waived by {text}" for text in dict.fromkeys(map(waived_by, found))]
        elif why["state"] == "notApplicable":
            counts["not applicable"] += 1
            notes = [f"not applicable: {why['reason']}"]
        else:
            counts["skipped by the profile" if why["by"] == "profile" else "skipped by the user"] += 1
            notes = [f"skipped by {why['by']}" + (f": {why['reason']}" if why["reason"] else "")]
        lines += [f"{control['id']} {control['title']} - {text}" for text in notes]
    parts = ", ".join(f"{count} {what}" for what, count in counts.items())
    number = counted(len(benchmark.controls), "control")
    if benchmark.only:
        number += f" of {len(benchmark.all_controls)}, chosen by {described(benchmark.only)}"
    head = f"{benchmark.profile_name(profile)}, {number}: {parts}"
    return [head + (f"; failures of {waived} may be waived" if waived else ""), *lines]
