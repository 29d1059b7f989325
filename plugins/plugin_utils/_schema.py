# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Documents checked against a JSON Schema, as far as the schemas of this collection use it.

Nodes and controllers need no further Python library for that. A test holds this against the library jsonschema.
"""

from __future__ import annotations

import re
import typing as t

Schema = dict[str, t.Any]
Path = tuple[str | int, ...]
Problem = tuple[Path, str]

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_NAMES = {
    "object": "a mapping", "array": "a list", "string": "text", "integer": "a whole number", "number": "a number",
    "boolean": "true or false", "null": "nothing",
}  # fmt: skip


def problems(document: t.Any, schema: Schema) -> list[Problem]:
    """Return what is wrong with a document, each with the path of keys and indices to it; nothing if it is valid."""
    return list(_check(document, schema, schema, ()))


def _is(value: t.Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _valid(value: t.Any, schema: t.Any, root: Schema) -> bool:
    return next(_check(value, schema, root, ()), None) is None


def _same(one: t.Any, two: t.Any) -> bool:
    return one == two and isinstance(one, bool) == isinstance(two, bool)


def _check(value: t.Any, schema: t.Any, root: Schema, path: Path) -> t.Iterator[Problem]:
    if schema is True:
        return
    if schema is False:
        yield path, "not allowed here"
        return
    if "$ref" in schema:
        found: t.Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        yield from _check(value, found, root, path)
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        yield path, f"expected {' or '.join(_NAMES[kind] for kind in kinds)}"
        return
    if "const" in schema and not _same(value, schema["const"]):
        yield path, f"must be {schema['const']!r}"
    if "enum" in schema and not any(_same(value, known) for known in schema["enum"]):
        yield path, f"unknown value; available: {', '.join(map(str, schema['enum']))}"
    if isinstance(value, str):
        yield from _check_text(value, schema, path)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value < schema.get("minimum", value):
        yield path, f"must be at least {schema['minimum']}"
    if isinstance(value, list):
        yield from _check_list(value, schema, root, path)
    if isinstance(value, dict):
        yield from _check_mapping(value, schema, root, path)
    yield from _check_logic(value, schema, root, path)


def _check_text(value: str, schema: Schema, path: Path) -> t.Iterator[Problem]:
    if len(value) < schema.get("minLength", 0):
        yield (
            path,
            "must not be empty" if schema["minLength"] == 1 else f"shorter than {schema['minLength']} characters",
        )
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield path, f"does not have the form {schema['pattern']}"


def _check_list(value: list[t.Any], schema: Schema, root: Schema, path: Path) -> t.Iterator[Problem]:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield path, "must not be empty" if not value else f"has {len(value)} entries, which are too many or too few"
    if schema.get("uniqueItems") and any(item in value[:number] for number, item in enumerate(value)):
        yield path, "has an entry twice"
    for number, item in enumerate(value):
        yield from _check(item, schema.get("items", True), root, (*path, number))
    if "contains" in schema and not any(_valid(item, schema["contains"], root) for item in value):
        yield path, "lacks an entry"


def _check_mapping(value: dict[t.Any, t.Any], schema: Schema, root: Schema, path: Path) -> t.Iterator[Problem]:
    for name, needed in schema.get("dependentRequired", {}).items():
        if name in value and not set(needed) <= set(value):
            yield path, f"{name} needs {', '.join(needed)}"
    if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", len(value)):
        yield path, "must not be empty" if not value else f"has {len(value)} keys, which are too many or too few"
    known = schema.get("properties", {})
    for key, item in value.items():
        if not isinstance(key, str):
            yield path, f"key {key!r}: expected text; write it in quotes"
            continue
        if "propertyNames" in schema and not _valid(key, schema["propertyNames"], root):
            yield (*path, key), "not a valid name here"
        if key in known:
            yield from _check(item, known[key], root, (*path, key))
        elif schema.get("additionalProperties", True) is False:
            yield (*path, key), f"unknown key; available: {', '.join(known)}"
        else:
            yield from _check(item, schema.get("additionalProperties", True), root, (*path, key))
    for name in schema.get("required", []):
        if name not in value:
            yield path, f"{name} is missing"


def _check_logic(value: t.Any, schema: Schema, root: Schema, path: Path) -> t.Iterator[Problem]:
    for part in schema.get("allOf", []):
        yield from _check(value, part, root, path)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            fits = sum(_valid(value, part, root) for part in schema[word])
            if not fits or (word == "oneOf" and fits > 1):
                yield from _closest(value, schema[word], root, path)
    if "not" in schema and _valid(value, schema["not"], root):
        unwanted = schema["not"].get("required", [])
        yield path, f"{', '.join(unwanted)} is not allowed here" if unwanted else "has a form that is not allowed"
    if "if" in schema:
        branch = "then" if _valid(value, schema["if"], root) else "else"
        yield from _check(value, schema.get(branch, True), root, path)


def _closest(value: t.Any, parts: list[t.Any], root: Schema, path: Path) -> t.Iterator[Problem]:
    """Yield what is wrong by the alternative that fits best: the one with the fewest problems."""
    tried = [list(_check(value, part, root, path)) for part in parts]
    best = min(tried, key=len)
    yield from best or [(path, "fits several forms, of which it must have one")]
