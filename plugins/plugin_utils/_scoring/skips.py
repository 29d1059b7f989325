# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""The controls that the user skips: in a variable, in a file, or in Rancher's ConfigMap."""

from __future__ import annotations

import difflib
import typing as t

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import Benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._store import json_of
from ansible_collections.rke.cis.plugins.plugin_utils._text import quoted
from ansible_collections.rke.cis.plugins.plugin_utils._yaml import read_nodes, value_of

_NAME, _KEY = "security-scan-cfg", "config.json"
CONFIG_MAP = f"ConfigMap security-scan/{_NAME}"

_EXAMPLE = '{"skip": {"rke-cis-1.4": ["1.1.2"]}}'

SKIP_SOURCES = ("merged", "variable", "file", "config_map")

# Id to `by` and `reason` of the controls to skip.
Skips = dict[str, dict[str, str]]

# The skips of each source: id to reason.
SkipSources = list[tuple[str, dict[str, str]]]

# The skips of one source, and warnings.
Found = tuple[dict[str, str], list[str]]

# What a source is called, and how to have its skips of a benchmark: it is read once, and may name several benchmarks.
Source = tuple[str, t.Callable[[str], Found]]


def _ids(value: t.Any, source: str, more: str = "") -> dict[str, str]:
    """Return id to reason, from a list of ids or a mapping of ids to reasons. `more` says what else is valid there."""
    expected = f"expected a list of control ids or a mapping of id to reason{more}"
    if value is None:
        return {}
    if isinstance(value, list):
        value = dict.fromkeys(value, "") if all(isinstance(item, str) for item in value) else value
    if isinstance(value, list):
        wrong = next(item for item in value if not isinstance(item, str))
        raise CisError(f'{source}: {quoted(wrong)} is not a control id; write ids as text in quotes, e.g. "1.1.2"')
    if not isinstance(value, dict):
        raise CisError(f"{source}: {expected}, got {quoted(value)}")
    for control_id, reason in value.items():
        if not isinstance(control_id, str):
            raise CisError(f'{source}: {control_id!r} is not a control id; write ids as text in quotes, e.g. "1.1.2"')
        if reason is not None and not isinstance(reason, str):
            name = quoted(control_id).strip("'")
            raise CisError(f"{source}: the reason for {name} must be a string, got {quoted(reason)}; {expected}")
    return {str(control_id): str(reason or "") for control_id, reason in value.items()}


def _key(mapping: dict[t.Any, t.Any], name: str) -> t.Any:
    """Return the key that is a name, or else the first that is the name in another letter case; None without any."""
    return name if name in mapping else next((key for key in mapping if str(key).lower() == name.lower()), None)


def _places(document: t.Any) -> list[dict[t.Any, t.Any]]:
    """Return a mapping and those one level down in it."""
    values = document.values() if isinstance(document, dict) else ()
    return [place for place in (document, *values) if isinstance(place, dict)]


def _form(document: t.Any) -> dict[t.Any, t.Any] | None:
    """Return the mapping with Rancher's key `skip`, which may be one level down, as in Rancher's documents."""
    return next((place for place in _places(document) if _key(place, "skip") is not None), None)


def _of_config_map(document: t.Any, source: str) -> t.Any:
    """Return what is in the ConfigMap, if the document is one, or a list of them, as kubectl prints it."""
    if not isinstance(document, dict):
        return document
    if isinstance(document.get("items"), list):
        named = [item for item in document["items"] if any(place.get("name") == _NAME for place in _places(item))]
        document = named[0] if named else {"kind": "ConfigMap"}
    text = next((place[_KEY] for place in _places(document) if isinstance(place.get(_KEY), str)), None)
    if text is None and document.get("kind") == "ConfigMap":
        raise CisError(f"{source}: no ConfigMap {_NAME} with text under {_KEY} found; expected {_EXAMPLE} there")
    return document if text is None else json_of(text, f"{source}: {_KEY}")


def skips_of_config(document: t.Any, benchmark_id: str, source: str) -> Found:
    """Return the skips in a document in Rancher's form, {"skip": {"rke-cis-1.4": ["1.1.2"]}}, and warnings.

    As in Rancher, the key `skip` may be in any letter case, and `current` applies to benchmarks that are not named.
    """
    if document in (None, {}, []):
        return {}, []
    if not isinstance(document, dict):
        raise CisError(f"{source}: expected {_EXAMPLE}, got {quoted(document)}")
    form = _form(document)
    if form is None:
        return {}, [f"{source}: has no key skip, so no control is skipped; expected {_EXAMPLE}"]
    benchmarks = form[_key(form, "skip")]
    if benchmarks in (None, {}, []):
        return {}, []
    if not isinstance(benchmarks, dict):
        raise CisError(
            f"{source}: skip: expected a mapping of benchmark names to lists of control ids, got {quoted(benchmarks)}; "
            f"write {_EXAMPLE}"
        )
    name = next((key for key in (_key(benchmarks, benchmark_id), _key(benchmarks, "current")) if key is not None), None)
    if name is None:
        names = quoted(", ".join(map(str, benchmarks)))
        return {}, [f"{source}: skip has no key {benchmark_id} or current, so no control is skipped; it has {names}"]
    return _ids(benchmarks[name], f"{source}: skip.{name}"), []


def skips_of_text(text: str, benchmark_id: str, source: str) -> Found:
    """Return the skips in JSON text in Rancher's form, and warnings. Raises CisError that names source and position."""
    return skips_of_config(json_of(text, source), benchmark_id, source)


def skips_of_variable(value: t.Any, source: str = "cis_scan_skip") -> dict[str, str]:
    """Return the skips in a variable. A string, as from -e or an AWX survey, is JSON or ids with commas or blanks."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):  # -e 'cis_scan_skip=["1.1.2"]' arrives as text
        value = json_of(value, source)
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    return _ids(value, source)


def read_skip_file(path: str, loader: t.Any = None) -> Source:
    """Return the skips in a JSON or YAML file: a list of ids, ids to reasons, or Rancher's form."""
    source = f"cis_scan_skip_file {path}"
    document = _of_config_map(value_of(read_nodes(path, source, loader), source), source)
    if _form(document) is not None:
        return source, lambda benchmark_id: skips_of_config(document, benchmark_id, source)
    ids = _ids(document, source, f", or {_EXAMPLE}")
    return source, lambda _benchmark_id: (ids, [])


def no_control(benchmark: Benchmark, control_id: str) -> str:
    """Return a message that a benchmark has no such control, with similar ids."""
    ids = [control["id"] for control in benchmark.all_controls]
    # without quotes, YAML reads 1.10 as the number 1.1
    near = [known for known in ids if known[:-1] == control_id] or difflib.get_close_matches(control_id, ids, 3, 0.75)
    hint = f" (did you mean {', '.join(near[:3])}?)" if near else ""
    return f"{benchmark.id} has no control {quoted(control_id)}{hint}"


def merge_skips(benchmark: Benchmark, sources: t.Iterable[tuple[str, dict[str, str]]]) -> tuple[Skips, list[str]]:
    """Return the skips of all sources, of which the first that names an id wins, and warnings."""
    merged: Skips = {}
    warnings = []
    unknown = 0
    for source, skips in sources:
        for control_id, reason in skips.items():
            if control_id in benchmark.ids:
                merged.setdefault(control_id, {"by": source, "reason": reason})
            else:
                unknown += 1
                if unknown <= limits.SKIP_WARNINGS:
                    warnings.append(f"{source}: {no_control(benchmark, control_id)}; ignored")
    if unknown > limits.SKIP_WARNINGS:
        warnings.append(f"skips: {unknown - limits.SKIP_WARNINGS} more unknown ids; ignored")
    return merged, warnings


def given_skips(source: str, skip: t.Any, skip_file: str | None, loader: t.Any = None) -> list[Source]:
    """Return the skips in the variable and the file, if the source includes them. Raises CisError if one is invalid."""
    if source == "file" and not skip_file:
        raise CisError("cis_scan_skip_source: file needs cis_scan_skip_file; set it to the path of the file")
    sources: list[Source] = []
    if source in ("variable", "merged"):
        ids = skips_of_variable(skip)
        sources.append(("cis_scan_skip", lambda _benchmark_id: (ids, [])))
    if source in ("file", "merged") and skip_file:
        sources.append(read_skip_file(skip_file, loader))
    return sources


def config_map_skips(source: str, cluster: dict[str, t.Any] | None, benchmark_id: str) -> tuple[SkipSources, list[str]]:
    """Return the skips in the ConfigMap, if the source includes it, and warnings.

    If it is the only source, it must have been read; otherwise failing to read it is a warning.
    """
    if source not in ("config_map", "merged"):
        return [], []
    shown = (cluster or {}).get("config_map", {})
    if shown.get("text") is not None:
        found, warnings = skips_of_text(shown["text"], benchmark_id, f"{CONFIG_MAP} key {_KEY}")
        return [(CONFIG_MAP, found)], warnings
    if source == "config_map" and "text" in shown:
        return [], [f"{CONFIG_MAP}: not found, or has no key {_KEY}; no control is skipped"]
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
    benchmark: Benchmark, given: t.Iterable[Source], cluster: dict[str, t.Any] | None, source: str = "merged"
) -> tuple[Skips, list[str]]:
    """Return the user's skips of a benchmark, merged in the order variable, file, ConfigMap, and warnings."""
    sources, warnings = [], []
    for name, of in given:
        found, told = of(benchmark.id)
        sources.append((name, found))
        warnings += told
    shown, unread = config_map_skips(source, cluster, benchmark.id)
    merged, unknown = merge_skips(benchmark, [*sources, *shown])
    return merged, warnings + unread + unknown
