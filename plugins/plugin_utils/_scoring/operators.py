# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""The test functions, one for each `op` of a check. Pure.

A flag operator takes the flag's values in order, parsed, and the expected value, and returns whether they satisfy it.
It raises ValueError if the component would reject the value, which is a failure too. A path operator takes the
path's evidence and the test, and returns what is wrong, or None. `shown` always holds: a person judges the value.
"""

from __future__ import annotations

import fnmatch
import functools
import json
import posixpath
import re
import typing as t

from ansible_collections.rke.cis.plugins.module_utils._evidence import normal_path
from ansible_collections.rke.cis.plugins.plugin_utils._errors import Unseen
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.values import parse_bool
from ansible_collections.rke.cis.plugins.plugin_utils._text import listed

# ------------------------------------------------------------------------------------------------- flags


def _members(values: list[list[str]]) -> list[str]:
    return [member for value in values for member in value]


def _bare(name: str) -> str:
    return name.strip(" \t\r\n\"'")


def equals(values: list[t.Any], expected: t.Any) -> bool:
    """The last occurrence counts."""
    return values[-1] == expected


def one_of(values: list[t.Any], expected: list[t.Any]) -> bool:
    return values[-1] in expected


def at_least(values: list[int], expected: int) -> bool:
    return values[-1] >= expected


def between(values: list[int], expected: list[int]) -> bool:
    return expected[0] <= values[-1] <= expected[1]


def longer_than(values: list[float], expected: int) -> bool:
    return values[-1] > expected


def absolute_path(values: list[t.Any], expected: t.Any) -> bool:
    """The file need not be examined: the component does not start without it. All of those that add up count."""
    paths = [path for value in values for path in value] if isinstance(values[-1], list) else values[-1:]
    return bool(paths) and all(path.startswith("/") for path in paths)


def includes(values: list[list[str]], expected: str) -> bool:
    """The component refuses a list with an invalid name: empty, or with blanks or quotes around it."""
    members = _members(values)
    for member in members:
        if not member or member != _bare(member):
            raise ValueError(f"{member!r} is not a valid name")
    return expected in members


def excludes(values: list[list[str]], expected: str) -> bool | None:
    """None for an empty list, which keeps the default like an absent flag. Blanks and quotes hide no name."""
    members = _members(values)
    return expected not in map(_bare, members) if members else None


def subset_of(values: list[list[str]], expected: list[str]) -> bool | None:
    """Whole names in any order. None for an empty list, which keeps the default like an absent flag."""
    members = _members(values)
    return set(members) <= set(expected) if members else None


def differs_from(values: list[str], expected: list[str]) -> bool:
    """A path other than these, however it is spelled. The scorer looks up the paths of the other components."""
    return normal_path(values[-1]) not in map(normal_path, expected)


def gate_is(values: list[list[tuple[str, str]]], expected: dict[str, bool]) -> bool | None:
    """None if the flag does not name the gate. Quotes do not hide its name."""
    ((name, state),) = expected.items()
    states = [parse_bool(state) for gates in values for gate, state in gates if _bare(gate) == name]
    return states[-1] == state if states else None


FLAG_OPERATORS: dict[str, t.Callable[[list[t.Any], t.Any], bool | None]] = {
    "equals": equals,
    "one_of": one_of,
    "at_least": at_least,
    "between": between,
    "longer_than": longer_than,
    "absolute_path": absolute_path,
    "includes": includes,
    "excludes": excludes,
    "subset_of": subset_of,
    "differs_from": differs_from,
    "gate_is": gate_is,
    "shown": lambda values, expected: True,
}

_FLAG_WORDS = {
    "equals": "{flag}={value}",
    "one_of": "{flag} is one of {value}",
    "at_least": "{flag} is {value} or more",
    "between": "{flag} is between {value}",
    "longer_than": "{flag} is longer than {value} s",
    "absolute_path": "{flag} names a file by its absolute path",
    "includes": "{flag} includes {value}",
    "excludes": "{flag} does not include {value}",
    "subset_of": "{flag} includes nothing but {value}",
    "differs_from": "{flag} names another file than {value}",
    "gate_is": "{flag} sets {value}",
    "not_set": "{flag} is not set",
    "shown": "{flag}",
}


def _text(value: t.Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict) and "components" in value:
        return f"{value['flag']} of {_text(value['components'])}"
    if isinstance(value, dict):
        return ",".join(f"{name}={_text(state)}" for name, state in value.items())
    if isinstance(value, list):
        return " and ".join(_text(item) for item in value)
    return str(value)


# ------------------------------------------------------------------------------------------------- paths


def _looser(entry: dict[str, t.Any], mode: str) -> bool:
    """Whether a mode sets any of its 12 bits that the expected mode does not."""
    return bool(int(entry["mode"], 8) & ~int(mode, 8))


def _owned(entry: dict[str, t.Any], owner: str) -> bool:
    """Names are compared whole; root is id 0, whatever its name."""
    for expected, name, number in zip(
        owner.split(":"), (entry["owner"], entry["group"]), (entry["uid"], entry["gid"]), strict=False
    ):
        if (number != 0) if expected == "root" else (name != expected):
            return False
    return True


def _owner(entry: dict[str, t.Any]) -> str:
    return f"{entry['owner'] or entry['uid']}:{entry['group'] or entry['gid']}"


def some(names: list[str]) -> str:
    """Return the first names, and how many more there are."""
    return listed(names, 5)


def _selected(entry: dict[str, t.Any], test: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """Return the files of a directory that match the test, including what could not be examined and may hold one."""
    tree = test.get("path", {}).get("tree")
    found = []
    for child in entry["entries"]:
        name = posixpath.basename(child["name"])
        matches = fnmatch.fnmatchcase(name, test["match"]) and not fnmatch.fnmatchcase(name, test.get("except", ""))
        if (tree and "error" in child) or (child.get("type") != "directory" and matches):
            found.append(child)
    return found


def _check_each(children: list[dict[str, t.Any]], problem: t.Callable[[dict[str, t.Any]], str | None]) -> str | None:
    """Return what is wrong with the entries. Raises Unseen if nothing is, but an entry could not be examined."""
    problems = [text for text in (problem(child) for child in children if "error" not in child) if text]
    unseen = [child["error"]["message"] for child in children if "error" in child]
    if unseen and not problems:
        raise Unseen(unseen[0])
    return some(problems) or None


def mode_within(entry: dict[str, t.Any], test: dict[str, t.Any]) -> str | None:
    return f"mode {entry['mode']}" if _looser(entry, test["value"]) else None


def owner_is(entry: dict[str, t.Any], test: dict[str, t.Any]) -> str | None:
    return None if _owned(entry, test["value"]) else f"owner {_owner(entry)}"


def entries_mode_within(entry: dict[str, t.Any], test: dict[str, t.Any]) -> str | None:
    children = _selected(entry, test)
    if not children and test.get("missing") != "pass":
        return f"no file matches {test['match']}"
    return _check_each(
        children, lambda child: f"{child['name']} {child['mode']}" if _looser(child, test["value"]) else None
    )


def entries_owner_is(entry: dict[str, t.Any], test: dict[str, t.Any]) -> str | None:
    """The directory and each direct entry; `or_value` is also allowed for names that match `or_match`."""

    def problem(child: dict[str, t.Any]) -> str | None:
        if _owned(child, test["value"]):
            return None
        if (
            "or_match" in test
            and fnmatch.fnmatchcase(child["name"], test["or_match"])
            and _owned(child, test["or_value"])
        ):
            return None
        return f"{child['name']} {_owner(child)}"

    if not entry["entries"] and test.get("missing") != "pass":
        return "the directory is empty"
    return _check_each([dict(entry, name=".")] + entry["entries"], problem)


def first_provider_in(entry: dict[str, t.Any], test: dict[str, t.Any]) -> str | None:
    """A resource is encrypted with the first provider of its own entry, else of one for all of its group or for all.

    `*.*` is for all from Kubernetes 1.27 on, and `*` for the core group before. Both readings must agree on an unknown
    version.
    """
    name, _dot, group = test["resource"].partition(".")
    version = entry.get("kubernetes")
    for everything in (False, True) if version is None else (version >= (1, 27),):
        wildcards = ({f"*.{group}"}, {"*.*"}) if everything else ({f"*.{group}", f"*.{group}".rstrip(".")},)
        matches = (
            section["providers"][:1]
            for names in ({test["resource"], f"{name}.{group}"}, *wildcards)
            for section in entry["encryption"]
            if names & set(section["resources"])
        )
        first: list[str] = next(matches, [])
        if not first or first[0] not in test["value"]:
            return (
                f"first provider for {test['resource']} is {first[0]}"
                if first
                else f"no provider for {test['resource']}"
            )
    return None


def first_provider_is(entry: dict[str, t.Any], test: dict[str, t.Any]) -> str | None:
    return first_provider_in(entry, {**test, "value": [test["value"]]})


# What a file's content is kept as in the evidence.
READ_AS = {"encryption_providers": "encryption", "audit_policy": "audit_policy"}
_NARROWING = ("verbs", "resources", "namespaces", "only")
_MOST_RULES = 30


def _rules(rules: list[dict[str, t.Any]]) -> str:
    """Return the rules of an audit policy in words. One that nothing narrows down is for everything."""
    shown = []
    for rule in rules:
        parts = [f"{key} {listed(rule[key], 20)}" for key in _NARROWING if key in rule] or ["everything"]
        parts += [f"not in {listed(rule['omitStages'], 4)}"] if "omitStages" in rule else []
        shown.append(f"{rule['level']} for {', '.join(parts)}")
    return listed(shown, _MOST_RULES, between="; ") or "no rules"


def _listing(entry: dict[str, t.Any]) -> str:
    """Return mode and owner of a path and of each of its entries."""
    shown = [f". {entry['mode']} {_owner(entry)}"]
    for child in sorted(entry.get("entries", []), key=lambda child: child["name"]):
        seen = f"not seen: {child['error']['message']}" if "error" in child else f"{child['mode']} {_owner(child)}"
        shown.append(f"{child['name']}{'/' if child.get('type') == 'directory' else ''} {seen}")
    return ", ".join(shown)


def describe(entry: dict[str, t.Any], test: dict[str, t.Any]) -> str:
    """Return what was seen of a path that is as expected: of many entries each mode or owner once."""
    if "audit_policy" in entry:
        return _rules(entry["audit_policy"])
    if test["op"] == "shown":
        return _listing(entry)
    if "encryption" in entry:
        return "; ".join(",".join(s["resources"]) + "=" + ",".join(s["providers"]) for s in entry["encryption"])
    text = f"{entry['mode']} {_owner(entry)}"
    if "entries" not in entry:
        return text
    modes = test["op"] == "entries_mode_within"
    children = _selected(entry, test) if modes else entry["entries"]
    seen = sorted({child["mode"] if modes else _owner(child) for child in children if "error" not in child})
    return f"{text}, {len(children)} entries: {', '.join(seen) or 'none'}"


PATH_OPERATORS: dict[str, t.Callable[[dict[str, t.Any], dict[str, t.Any]], str | None]] = {
    "mode_within": mode_within,
    "owner_is": owner_is,
    "entries_mode_within": entries_mode_within,
    "entries_owner_is": entries_owner_is,
    "first_provider_is": first_provider_is,
    "first_provider_in": first_provider_in,
    "shown": lambda entry, test: None,
}

_PATH_WORDS = {
    "mode_within": "mode {value} or more restrictive",
    "owner_is": "owner {value}",
    "entries_mode_within": "{match}: mode {value} or more restrictive",
    "entries_owner_is": "directory and entries: owner {value}",
    "first_provider_is": "first encryption provider for {resource} is {value}",
    "first_provider_in": "first encryption provider for {resource} is one of {value}",
    "shown": "mode and owner",
}


# ----------------------------------------------------------------------------------------------- objects

_SHOWN = 20  # objects that are named


@t.no_type_check
def query_finds(items: list[dict[str, t.Any]], query: str) -> list[str]:
    """Return the names of the objects that a JMESPath query over {"items": [...]} selects."""
    try:
        import jmespath
    except ImportError as error:
        raise Unseen("the Python library jmespath is not installed on the controller; install it") from error
    try:
        return jmespath.search(query, {"items": items})
    except jmespath.exceptions.JMESPathError as error:  # a function of it got a value that it does not take
        raise Unseen(f"the query does not fit the objects: {error}") from error


@functools.lru_cache(maxsize=64)
def _any_of(patterns: tuple[str, ...]) -> t.Callable[[str], t.Any]:
    """Return what matches one of these shell patterns. The same ones count on each node."""
    return re.compile("|".join(map(fnmatch.translate, patterns)) or r"(?!)").match


def none_match(found: dict[str, t.Any], exempt: list[str], total: str) -> tuple[bool, str]:
    """Return whether nothing is found but what is exempt, and what is, of so many objects.

    A pattern covers an object by its name, or one detail of it, as `name: detail`. Raises Unseen if what is exempt
    fills all that is kept of what was found.
    """
    known = _any_of(tuple(exempt))
    left = []
    for item in found["items"]:
        details = [detail for detail in item["details"] if not known(f"{item['name']}: {detail}")]
        if not known(item["name"]) and (details or not item["details"]):
            left.append(f"{item['name']} ({', '.join(details)})" if details else item["name"])
    kept = len(found["items"])
    count = max(found["count"], kept) - kept + len(left)
    if count and not left:
        raise Unseen(f"the evidence has {kept} of {found['count']}, all of them exempt; have fewer of them")
    without = f", without {kept - len(left)} that are exempt" if kept > len(left) else ""
    if not count:
        return True, f"none of {total}{without}"
    return False, f"{count} of {total}{without}: {listed(left, _SHOWN, count)}"


def field_of(item: dict[str, t.Any], field: str) -> str:
    """Return a field of an API object, such as spec.hostPID, as kubectl would show it."""
    value: t.Any = item
    for key in field.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return f"{field} is not set" if value is None else f"{field}={json.dumps(value, separators=(',', ':'))}"


def expectation(test: dict[str, t.Any], parameters: dict[str, t.Any]) -> str:
    """Return in words what a test expects."""
    if "flag" in test:
        words = _FLAG_WORDS[test["op"]].format(flag=test["flag"], value=_text(test.get("value")))
        if test.get("unset") == "pass":
            return f"{words} or is not set"
        since = [version for version, state in test.get("unset_from", {}).items() if state == "pass"]
        return words + (f" or is not set, from Kubernetes {since[0]} on" if since else "")
    if "path" in test:
        words = _PATH_WORDS[test["op"]].format(**{**test, "value": _text(test.get("value"))})
        words += f" ({test['or_match']}: or {test['or_value']})" if "or_match" in test else ""
        return words + (" or nothing is there" if test.get("missing") == "pass" else "")
    return f"{parameters[test['named']]} is {test['expect']}" if "named" in test else t.cast(str, test["expect"])
