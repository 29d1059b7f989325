# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Documents checked against a JSON Schema, as far as the schemas of this collection use it.

A schema is compiled once, to a function: each document of a large cluster passes here. No further Python library is
needed. A test holds this against the library jsonschema.
"""

from __future__ import annotations

import json
import math
import os
import re
import typing as t

Schema = dict[str, t.Any]
Path = tuple[str | int, ...]
Problem = tuple[Path, str]
# Returns what is wrong with a document, each with the path of keys and indices to it; nothing if it is valid.
Check = t.Callable[[t.Any], t.Sequence[Problem]]

# How deep data may be nested where a schema contains itself.
_MAX_DEPTH = 30

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


def schema_beside(file: str, name: str) -> Schema:
    """Return the schema of this name that lies beside a Python file."""
    with open(os.path.join(os.path.dirname(file), f"{name}.schema.json"), encoding="utf-8") as stream:
        return t.cast(Schema, json.load(stream))


def compiled(schema: Schema) -> Check:
    """Return the check of a schema."""
    return _Compiler(schema).check(schema)


def _is(value: t.Any, kind: str) -> bool:
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return False
    return not isinstance(value, float) or math.isfinite(value)  # JSON has no NaN


def _same(one: t.Any, two: t.Any) -> bool:
    return one == two and isinstance(one, bool) == isinstance(two, bool)


def _below(step: str | int, found: t.Sequence[Problem]) -> list[Problem]:
    return [((step, *path), what) for path, what in found]


def _size(value: t.Sized, least: float, most: float, parts: str) -> list[Problem]:
    if least <= len(value) <= most:
        return []
    return [((), f"has {len(value)} {parts}, which are too many or too few" if value else "must not be empty")]


def _repeats(items: list[t.Any]) -> bool:
    try:
        return len(set(items)) < len(items)
    except TypeError:
        return any(item in items[:number] for number, item in enumerate(items))


def _refuse(what: str) -> Check:
    return lambda _value: [((), what)]


def _all(rules: list[Check]) -> Check:
    def run(value: t.Any) -> t.Sequence[Problem]:
        found: t.Sequence[Problem] = ()
        for rule in rules:
            wrong = rule(value)
            if wrong:
                found = [*found, *wrong]
        return found

    return run


class _Compiler:
    """Makes functions of the parts of one schema."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._named: dict[str, Check] = {}
        self._depth = 0

    def check(self, schema: t.Any) -> Check:
        """Return the check of a part."""
        if schema is True:
            return lambda _value: ()
        if schema is False:
            return _refuse("not allowed here")
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        expected = f"expected {' or '.join(_NAMES[kind] for kind in kinds)}"
        text = _text(schema, [((), expected)] if kinds == ["string"] else ())
        makers = (self._reference, _values, _number, self._list, self._mapping)
        rules = [check for check in (text, *(make(schema) for make in makers), *self._logic(schema)) if check]
        checked = rules[0] if len(rules) == 1 else _all(rules)
        surely = {kind for name in kinds for kind in _TYPES[name]} - {float}  # which may be infinite

        def run(value: t.Any) -> t.Sequence[Problem]:
            if type(value) not in surely and not any(_is(value, kind) for kind in kinds):
                return [((), expected)]
            return checked(value)

        return checked if not kinds or (kinds == ["string"] and rules == [text]) else run  # most of a document is text

    def _reference(self, schema: Schema) -> Check | None:
        name = schema.get("$ref")
        if name is None:
            return None
        if name not in self._named:
            found: t.Any = self._root
            for step in name.removeprefix("#/").split("/"):
                found = found[step]
            self._named[name] = self._itself(name)  # for what refers to it from inside
            self._named[name] = self.check(found)
        return self._named[name]

    def _itself(self, name: str) -> Check:
        def run(value: t.Any) -> t.Sequence[Problem]:
            if self._depth == _MAX_DEPTH:
                return [((), "nested too deeply")]
            self._depth += 1
            try:
                return self._named[name](value)
            finally:
                self._depth -= 1

        return run

    def _list(self, schema: Schema) -> Check | None:
        if schema.keys().isdisjoint(("minItems", "maxItems", "uniqueItems", "items", "contains")):
            return None
        least, most, unique = schema.get("minItems", 0), schema.get("maxItems", math.inf), schema.get("uniqueItems")
        each = self.check(schema.get("items", True))
        wanted = self.check(schema["contains"]) if "contains" in schema else None

        def run(value: t.Any) -> t.Sequence[Problem]:
            if not isinstance(value, list):
                return ()
            found = _size(value, least, most, "entries")
            if found:
                return found
            if unique and _repeats(value):
                found.append(((), "has an entry twice"))
            for number, item in enumerate(value):
                wrong = each(item)
                if wrong:
                    found += _below(number, wrong)
            if wanted and all(wanted(item) for item in value):
                found.append(((), "lacks an entry"))
            return found

        return run

    def _mapping(self, schema: Schema) -> Check | None:
        words = "dependentRequired minProperties maxProperties properties additionalProperties propertyNames required"
        if schema.keys().isdisjoint(words.split()):
            return None
        least, most = schema.get("minProperties", 0), schema.get("maxProperties", math.inf)
        known = {key: self.check(part) for key, part in schema.get("properties", {}).items()}
        unknown = self.check(schema["additionalProperties"]) if "additionalProperties" in schema else None
        if schema.get("additionalProperties") is False:
            unknown = _refuse(f"unknown key; available: {', '.join(known)}")
        named = self.check(schema["propertyNames"]) if "propertyNames" in schema else None
        needed, together = set(schema.get("required", ())), schema.get("dependentRequired", {})

        def run(value: t.Any) -> t.Sequence[Problem]:
            if not isinstance(value, dict):
                return ()
            found = _size(value, least, most, "keys")
            if found:
                return found
            for name, wanted in together.items():
                if name in value and not value.keys() >= set(wanted):
                    found.append(((), f"{name} needs {', '.join(wanted)}"))
            for key, item in value.items():
                if not isinstance(key, str):
                    found.append(((), f"key {key!r}: expected text; write it in quotes"))
                    continue
                if named and named(key):
                    found.append(((key,), "not a valid name here"))
                check = known.get(key, unknown)
                wrong = check(item) if check else ()
                if wrong:
                    found += _below(key, wrong)
            if not value.keys() >= needed:
                found += [((), f"{name} is missing") for name in schema["required"] if name not in value]
            return found

        return run

    def _logic(self, schema: Schema) -> t.Iterator[Check]:
        for part in schema.get("allOf", []):
            yield self.check(part)
        for word in ("anyOf", "oneOf"):
            if word in schema:
                yield _alternatives([self.check(part) for part in schema[word]], only=word == "oneOf")
        if "not" in schema:
            unwanted = schema["not"].get("required", [])
            what = f"{', '.join(unwanted)} is not allowed here" if unwanted else "has a form that is not allowed"
            refused = self.check(schema["not"])
            yield lambda value: () if refused(value) else [((), what)]
        if "if" in schema:
            test = self.check(schema["if"])
            good, bad = self.check(schema.get("then", True)), self.check(schema.get("else", True))
            yield lambda value: bad(value) if test(value) else good(value)


def _values(schema: Schema) -> Check | None:
    """Return the check of `const` and `enum`."""
    if "const" in schema:
        const = schema["const"]
        return lambda value: () if _same(value, const) else [((), f"must be {const!r}")]
    if "enum" in schema:
        known = schema["enum"]
        what = f"unknown value; available: {', '.join(map(str, known))}"
        return lambda value: () if any(_same(value, one) for one in known) else [((), what)]
    return None


def _text(schema: Schema, otherwise: t.Sequence[Problem]) -> Check | None:
    """Return the check of a text, which returns `otherwise` for what is none."""
    if schema.keys().isdisjoint(("minLength", "maxLength", "pattern")):
        return None
    least, most, form = schema.get("minLength", 0), schema.get("maxLength", math.inf), schema.get("pattern", "")
    # as in JavaScript, $ is the very end of the text and \d a digit of ASCII
    matches = re.compile(re.sub(r"\$(?=$|[|)])", r"\\Z", form), re.ASCII).search

    def run(value: t.Any) -> t.Sequence[Problem]:
        if not isinstance(value, str):
            return otherwise
        size = len(value)
        if least <= size <= most:
            return () if not form or matches(value) else [((), f"does not have the form {form}")]
        if size > most:
            return [((), f"longer than {most} characters")]
        return [((), "must not be empty" if least == 1 else f"shorter than {least} characters")]

    return run


def _number(schema: Schema) -> Check | None:
    if schema.keys().isdisjoint(("minimum", "maximum")):
        return None
    least, most = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)

    def run(value: t.Any) -> t.Sequence[Problem]:
        if not _is(value, "number") or least <= value <= most:
            return ()
        return [((), f"must be at least {least}" if value < least else f"must be at most {most}")]

    return run


def _alternatives(parts: list[Check], only: bool) -> Check:
    """Return a check that one alternative fits (`only`: just one), or else what is wrong by the one that fits best."""

    def run(value: t.Any) -> t.Sequence[Problem]:
        tried = []
        for part in parts:
            tried.append(part(value))
            if not only and not tried[-1]:
                return ()
        if sum(not found for found in tried) == 1:
            return ()
        return min(tried, key=len) or [((), "fits several forms, of which it must have one")]

    return run
