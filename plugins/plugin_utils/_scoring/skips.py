# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""The controls that the user skips: in a variable, in a file, or in Rancher's ConfigMap."""

from __future__ import annotations

import difflib
import json
import typing as t

import yaml

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import Benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._store import read_text

CONFIG_MAP = "ConfigMap security-scan/security-scan-cfg"

SKIP_SOURCES = ("merged", "variable", "file", "config_map")

# Id to `by` and `reason` of the controls to skip.
Skips = dict[str, dict[str, str]]

# The skips of each source: id to reason.
SkipSources = list[tuple[str, dict[str, str]]]


def _ids(value: t.Any, source: str) -> dict[str, str]:
    """Return id to reason, from a list of ids or a mapping of ids to reasons."""
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
            raise CisError(f"{source}: the reason for {control_id} must be a string, got {reason!r}")
    return {str(control_id): str(reason or "") for control_id, reason in value.items()}


def skips_of_config(document: t.Any, benchmark_id: str, source: str) -> dict[str, str]:
    """Return the skips in a document in Rancher's form: {"skip": {"rke-cis-1.4": ["1.1.2"]}}.

    As in Rancher, the key `skip` may be in any letter case, and `current` applies to benchmarks that are not named.
    """
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise CisError(f'{source}: expected {{"skip": {{"{benchmark_id}": ["1.1.2"]}}}}, got {document!r}')
    benchmarks = next((value for key, value in document.items() if str(key).lower() == "skip"), None)
    if benchmarks is None:
        return {}
    if not isinstance(benchmarks, dict):
        raise CisError(
            f"{source}: skip: expected a mapping of benchmark names to lists of control ids, got {benchmarks!r}"
        )
    name = benchmark_id if benchmark_id in benchmarks else "current"
    return _ids(benchmarks.get(name), f"{source}: skip.{name}")


def skips_of_text(text: str, benchmark_id: str, source: str) -> dict[str, str]:
    """Return the skips in JSON text in Rancher's form. Raises CisError that names the source and the position."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CisError(f"{source}: not valid JSON: {error}") from error
    return skips_of_config(document, benchmark_id, source)


def skips_of_variable(value: t.Any, source: str = "cis_scan_skip") -> dict[str, str]:
    """Return the skips in a variable. A string, as from -e or an AWX survey, is JSON or ids with commas or blanks."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):  # -e 'cis_scan_skip=["1.1.2"]' arrives as text
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise CisError(f"{source}: not valid JSON: {error}") from error
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    return _ids(value, source)


def skips_of_file(path: str, benchmark_id: str) -> dict[str, str]:
    """Return the skips in a JSON or YAML file: in Rancher's form, a list of ids, or ids to reasons."""
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
    """Return a message that a benchmark has no such control, with similar ids."""
    ids = [control["id"] for control in benchmark.controls]
    # without quotes, YAML reads 1.10 as the number 1.1
    near = [known for known in ids if known[:-1] == control_id] or difflib.get_close_matches(control_id, ids, 3, 0.75)
    hint = f" (did you mean {', '.join(near)}?)" if near else ""
    return f"{benchmark.id} has no control {control_id!r}{hint}"


def merge_skips(benchmark: Benchmark, sources: t.Iterable[tuple[str, dict[str, str]]]) -> tuple[Skips, list[str]]:
    """Return the skips of all sources, of which the first that names an id wins, and warnings."""
    merged: Skips = {}
    warnings = []
    for source, skips in sources:
        for control_id, reason in skips.items():
            if control_id in benchmark.ids:
                merged.setdefault(control_id, {"by": source, "reason": reason})
            else:
                warnings.append(f"{source}: {no_control(benchmark, control_id)}; ignored")
    return merged, warnings


def given_skips(source: str, skip: t.Any, skip_file: str | None, benchmark: Benchmark) -> SkipSources:
    """Return the skips in the variable and the file, if the source includes them. Raises CisError if one is invalid."""
    if source == "file" and not skip_file:
        raise CisError("cis_scan_skip_source: file needs cis_scan_skip_file; set it to the path of the file")
    sources = []
    if source in ("variable", "merged"):
        sources.append(("cis_scan_skip", skips_of_variable(skip)))
    if source in ("file", "merged") and skip_file:
        sources.append((f"cis_scan_skip_file {skip_file}", skips_of_file(skip_file, benchmark.id)))
    return sources


def config_map_skips(
    source: str, cluster: dict[str, t.Any] | None, benchmark: Benchmark
) -> tuple[SkipSources, list[str]]:
    """Return the skips in the ConfigMap, if the source includes it, and warnings.

    If it is the only source, it must have been read; otherwise failing to read it is a warning.
    """
    if source not in ("config_map", "merged"):
        return [], []
    shown = (cluster or {}).get("config_map") or {}
    error = shown.get("error", {"message": ""}) if isinstance(shown, dict) else None
    if not isinstance(error, dict) or "message" not in error or not isinstance(shown.get("text"), str | None):
        raise CisError(f"{CONFIG_MAP}: malformed in the evidence; scan again")
    if shown.get("text") is not None:
        where = f"{CONFIG_MAP} key config.json"
        return [(CONFIG_MAP, skips_of_text(shown["text"], benchmark.id, where))], []
    if source == "config_map" and "text" in shown:
        return [], [f"{CONFIG_MAP}: not found, or has no key config.json; no control is skipped"]
    if source == "config_map":
        unasked = (cluster or {}).get("error") or {
            "message": "the Kubernetes API was not asked; set cis_scan_kubeconfig"
        }
        why = shown.get("error", unasked)["message"]
        raise CisError(f"cis_scan_skip_source: config_map needs {CONFIG_MAP}, which could not be read: {why}")
    if "error" in shown:
        return [], [f"{CONFIG_MAP}: could not be read, its skips are ignored: {shown['error']['message']}"]
    return [], []


def user_skips(
    benchmark: Benchmark, skip: t.Any, skip_file: str | None, cluster: dict[str, t.Any] | None, source: str = "merged"
) -> tuple[Skips, list[str]]:
    """Return the user's skips, merged in the order variable, file, ConfigMap, and warnings."""
    given = given_skips(source, skip, skip_file, benchmark)
    shown, warnings = config_map_skips(source, cluster, benchmark)
    merged, unknown = merge_skips(benchmark, [*given, *shown])
    return merged, warnings + unknown
