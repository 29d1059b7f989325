# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""cis_scan_only: which controls of a benchmark a scan is about, by level, severity, NIST control and id."""

from __future__ import annotations

import fnmatch
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import Benchmark, Profile
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import LEVELS, SEVERITIES, severity
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.skips import no_control
from ansible_collections.rke.cis.plugins.plugin_utils._text import listed, quoted

OPTION = "cis_scan_only"

# What of level, severity, nist and ids was given. A control is chosen if all of it holds.
Choice = dict[str, t.Any]

_MOST = 20
_EXAMPLES = {"severity": '["high", "critical"]', "nist": '["AC-*"]', "ids": '["1.2.*"]'}


def matching_ids(benchmark: Benchmark, pattern: str) -> set[str]:
    """Return the ids that are this one, lie in this section such as 2.1, or match this glob."""
    return {name for name in benchmark.ids if fnmatch.fnmatchcase(name, pattern) or name.startswith(pattern + ".")}


def _serves(control: dict[str, t.Any], pattern: str) -> bool:
    """Return whether a control serves a control of NIST SP 800-53, or an enhancement of it such as AC-6(1)."""
    ids = control.get("nist", ())
    return any(fnmatch.fnmatchcase(name, pattern) for one in ids for name in (one, one.partition("(")[0]))


def _chosen(benchmark: Benchmark, choice: Choice) -> set[str]:
    """Return the ids of the controls for which all of a choice holds."""
    ids = {name for pattern in choice["ids"] for name in matching_ids(benchmark, pattern)} if "ids" in choice else None
    return {
        control["id"]
        for control in benchmark.all_controls
        if (ids is None or control["id"] in ids)
        and control["level"] <= choice.get("level", max(LEVELS))
        and severity(control) in choice.get("severity", SEVERITIES)
        and ("nist" not in choice or any(_serves(control, pattern) for pattern in choice["nist"]))
    }


def limited(profile: Profile, choice: Choice) -> Profile:
    """Return a profile of the chosen controls alone."""
    ids = _chosen(profile.benchmark, choice)
    if ids == profile.benchmark.ids:
        return profile
    return profile._replace(benchmark=profile.benchmark.limited_to(ids, choice))


def read_choice(value: t.Any, benchmarks: t.Sequence[Benchmark]) -> Choice:
    """Return what is chosen, in one form, nothing for all controls.

    Raises CisError for what is not valid, and for what none of the benchmarks has.
    """
    if not isinstance(value or {}, dict):
        raise CisError(f"{OPTION}: expected a dictionary with {', '.join(_READERS)}, got {quoted(value)}")
    given = {key: part for key, part in (value or {}).items() if part not in (None, "")}
    for key in given:
        if key not in _READERS:
            raise CisError(f"{OPTION}: unknown key {quoted(key)}; available: {', '.join(_READERS)}")
    choice = {key: read(key, given[key]) for key, read in _READERS.items() if key in given}
    for pattern in choice.get("ids", ()):
        if not any(matching_ids(one, pattern) for one in benchmarks):
            raise CisError(f"{OPTION}: ids: {no_control(benchmarks[0], pattern)}")
    controls = [control for one in benchmarks for control in one.all_controls]
    for pattern in choice.get("nist", ()):
        if not any(_serves(control, pattern) for control in controls):
            known = sorted({name for control in controls for name in control.get("nist", ())})
            raise CisError(
                f"{OPTION}: nist: no control serves {quoted(pattern)}; available: {listed(known, _MOST) or 'none'}"
            )
    if not any(_chosen(one, choice) for one in benchmarks):
        raise CisError(nothing_chosen(choice, benchmarks))
    return choice


def nothing_chosen(choice: Choice, benchmarks: t.Iterable[Benchmark]) -> str:
    """Return a message that a choice leaves nothing to scan."""
    ids = " or ".join(one.id for one in benchmarks)
    return f"{OPTION}: no control of {ids} has {described(choice)}; choose more"


def described(choice: Choice) -> str:
    """Return a choice in words."""
    return ", ".join(f"{key} {' or '.join(part) if isinstance(part, list) else part}" for key, part in choice.items())


def _level(key: str, value: t.Any) -> int:
    if isinstance(value, bool) or str(value) not in map(str, LEVELS):
        raise CisError(f"{OPTION}: {key} {quoted(value)} is not a level; available: {', '.join(map(str, LEVELS))}")
    return int(value)


def _texts(key: str, value: t.Any) -> list[str]:
    words = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(words, list) or not words or not all(isinstance(word, str) and word for word in words):
        wanted = f"expected a list of texts in quotes, such as {_EXAMPLES[key]}"
        raise CisError(f"{OPTION}: {key}: {wanted}, got {quoted(value)}")
    return sorted(set(words))


def _severities(key: str, value: t.Any) -> list[str]:
    words = [word.lower() for word in _texts(key, value)]
    for word in words:
        if word not in SEVERITIES:
            raise CisError(f"{OPTION}: unknown {key} {quoted(word)}; available: {', '.join(SEVERITIES)}")
    return [word for word in SEVERITIES if word in words]


def _nist(key: str, value: t.Any) -> list[str]:
    return sorted({word.upper() for word in _texts(key, value)})


_READERS: dict[str, t.Callable[[str, t.Any], t.Any]] = {
    "level": _level,
    "severity": _severities,
    "nist": _nist,
    "ids": _texts,
}
