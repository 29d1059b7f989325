# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What the user wants skipped: from a variable, a file, or Rancher's ConfigMap."""

from __future__ import annotations

import difflib
import json
import typing as t

import yaml

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import Benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._store import read_text

Skips = dict[str, dict[str, str]]


def _ids(value: t.Any, source: str) -> dict[str, str]:
    """Return id to reason of a list of ids or of a mapping of ids to reasons."""
    if value is None:
        return {}
    if isinstance(value, list):
        value = dict.fromkeys(value, "") if all(isinstance(item, str) for item in value) else value
    if isinstance(value, list):
        wrong = next(item for item in value if not isinstance(item, str))
        raise CisError(f'{source}: {wrong!r} is not a control id; write ids as text in quotes, e.g. "1.1.2"')
    if not isinstance(value, dict):
        raise CisError(f"{source}: expected a list of control ids or a mapping of id to reason, got {value!r}")
    for control_id, reason in value.items():
        if not isinstance(control_id, str):
            raise CisError(f'{source}: {control_id!r} is not a control id; write ids as text in quotes, e.g. "1.1.2"')
        if reason is not None and not isinstance(reason, str):
            raise CisError(f"{source}: the reason of {control_id} must be text, not {reason!r}")
    return {str(control_id): str(reason or "") for control_id, reason in value.items()}


def skips_of_config(document: t.Any, benchmark_id: str, source: str) -> dict[str, str]:
    """Return the skips in a document of Rancher's form: {"skip": {"rke-cis-1.4": ["1.1.2"]}}.

    As in Rancher the key `skip` is read in any letter case, and `current` serves a benchmark that is not named.
    """
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise CisError(f'{source}: expected {{"skip": {{"{benchmark_id}": ["1.1.2"]}}}}, got {document!r}')
    benchmarks = next((value for key, value in document.items() if str(key).lower() == "skip"), None)
    if benchmarks is None:
        return {}
    if not isinstance(benchmarks, dict):
        raise CisError(f'{source}: "skip" must map benchmark names to lists of control ids, not be {benchmarks!r}')
    wanted = benchmark_id if benchmark_id in benchmarks else "current"
    return _ids(benchmarks.get(wanted), f"{source}: skip.{wanted}")


def skips_of_text(text: str, benchmark_id: str, source: str) -> dict[str, str]:
    """Return the skips in JSON text of Rancher's form. Raises CisError that names the source and the place."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CisError(f"{source}: not valid JSON: {error}") from error
    return skips_of_config(document, benchmark_id, source)


def skips_of_variable(value: t.Any, source: str = "cis_scan_skip") -> dict[str, str]:
    """Return the skips in a variable. A text (an AWX survey's answer) is JSON, or ids with commas or blanks between."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):  # -e 'cis_scan_skip=["1.1.2"]' arrives as text
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise CisError(f"{source}: not valid JSON: {error}") from error
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    return _ids(value, source)


def skips_of_file(path: str, benchmark_id: str) -> dict[str, str]:
    """Return the skips in a file: JSON or YAML, of Rancher's form, a list of ids, or id to reason."""
    source = f"cis_scan_skip_file {path}"
    text = read_text(path, source)
    try:
        document = json.loads(text) if path.endswith(".json") else yaml.safe_load(text)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        kind = "JSON" if path.endswith(".json") else "YAML"
        raise CisError(f"{source}: not valid {kind}: {' '.join(str(error).split())}") from error
    if isinstance(document, dict) and any(str(key).lower() == "skip" for key in document):
        return skips_of_config(document, benchmark_id, source)
    return _ids(document, source)


def no_control(benchmark: Benchmark, control_id: str) -> str:
    """Say that a benchmark has no such control, and which ones may be meant."""
    ids = [control["id"] for control in benchmark.controls]
    # 1.10, not in quotes, is the number 1.1 to YAML
    near = [known for known in ids if known[:-1] == control_id] or difflib.get_close_matches(control_id, ids, 3, 0.75)
    hint = f" (did you mean {', '.join(near)}?)" if near else ""
    return f"{benchmark.id} has no control {control_id!r}{hint}"


def merge_skips(benchmark: Benchmark, sources: t.Iterable[tuple[str, dict[str, str]]]) -> tuple[Skips, list[str]]:
    """Return id to source and reason of (source, skips) pairs, the first source of an id winning, and warnings."""
    merged: Skips = {}
    warnings = []
    for source, skips in sources:
        for control_id, reason in skips.items():
            if control_id in benchmark.ids:
                merged.setdefault(control_id, {"by": source, "reason": reason})
            else:
                warnings.append(f"{source}: {no_control(benchmark, control_id)}; nothing is skipped by it")
    return merged, warnings
