# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""What is kept of objects of the Kubernetes API: an allow-list of typed fields, and what queries find in them. Pure.

A list may have many thousands of objects, so each is reduced while its page is read, and only what is found is kept.
"""

import typing as t

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits

Item = t.Dict[str, t.Any]
Reduce = t.Callable[[t.Any, str], t.Any]

_TYPES = {"boolean": bool, "integer": int, "string": str, "object": dict}


class Malformed(ValueError):
    """An object does not have the form that its kind has."""


class NoQueries(Exception):
    """The library for queries is not installed where the API is asked."""


def reducer(fields: t.Any) -> Reduce:
    """Return what reduces a value to these fields, and raises Malformed where one has another type.

    A field that is absent or null is left out, but a list is empty then, as Go reads it.
    """
    if isinstance(fields, str):
        kind = _TYPES[fields]

        def scalar(value: t.Any, path: str) -> t.Any:
            if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
                raise Malformed("{0} is not of the type {1}".format(path, fields))
            return value

        return scalar
    if isinstance(fields, list):
        each = reducer(fields[0])

        def many(value: t.Any, path: str) -> t.Any:
            if value is None:
                return []
            if not isinstance(value, list):
                raise Malformed("{0} is not a list".format(path))
            return [each(item, path + "[]") for item in value]

        return many
    parts = [(name, reducer(about), isinstance(about, list)) for name, about in fields.items()]

    def mapping(value: t.Any, path: str) -> t.Any:
        if not isinstance(value, dict):
            raise Malformed("{0} is not an object".format(path or "an item"))
        kept = {}
        for name, reduce, is_list in parts:
            found = value.get(name)
            if found is not None or is_list:
                kept[name] = reduce(found, path + "." + name if path else name)
        return kept

    return mapping


def identity(item: Item, namespaced: bool) -> str:
    """Return namespace/name, or the name of what is in no namespace. Raises Malformed if there is none."""
    metadata = item.get("metadata", {})
    names = [metadata.get(key) for key in (("namespace", "name") if namespaced else ("name",))]
    if not all(names):
        raise Malformed("an item has no {0}".format("namespace or no name" if namespaced else "name"))
    return "/".join(names)


def _matches(wanted: t.Sequence[str], given: t.Sequence[str]) -> bool:
    """Return whether a rule's list covers one of these; */x is x of any resource, on both sides."""
    for name in given:
        if name == "*" or name in wanted:
            return True
        for other in wanted:
            if (name.startswith("*/") and other.endswith(name[1:])) or (
                other.endswith("/*") and name.startswith(other[:-1])
            ):
                return True
    return False


def query(text: str) -> t.Callable[[t.Any], t.Any]:
    """Return what a JMESPath expression makes of an object. Raises NoQueries, or ValueError if it is not valid.

    It has two more functions. granting(rules, verbs, groups, resources): the rules of a role that allow one of these
    verbs, or any for *, on one of these resources. containers(spec): all containers of a pod, each with what its
    securityContext inherits from the pod's.
    """
    try:
        import jmespath
        from jmespath import functions
    except ImportError:
        raise NoQueries(
            "the Python library jmespath is not installed on the host that asks the API; install it"
        ) from None

    class Functions(functions.Functions):
        @functions.signature(*[{"types": ["array"]}] * 4)  # type: ignore[untyped-decorator]
        def _func_granting(
            self, rules: t.List[Item], verbs: t.List[str], groups: t.List[str], resources: t.List[str]
        ) -> t.List[Item]:
            return [
                rule
                for rule in rules
                if (rule["verbs"] if "*" in verbs else _matches(verbs, rule["verbs"]))
                and _matches(groups, rule["apiGroups"])
                and _matches(resources, rule["resources"])
            ]

        @functions.signature({"types": ["object"]})  # type: ignore[untyped-decorator]
        def _func_containers(self, spec: Item) -> t.List[Item]:
            return [
                dict(one, securityContext=dict(spec.get("securityContext", {}), **one.get("securityContext", {})))
                for kind in ("containers", "initContainers", "ephemeralContainers")
                for one in spec.get(kind, [])
            ]

    compiled, options = jmespath.compile(text), jmespath.Options(custom_functions=Functions())
    return lambda item: compiled.search(item, options=options)


def _words(value: t.Any, between: str = "/") -> str:
    if isinstance(value, list):
        return between.join(_words(part, ",") for part in value if part is not None)
    return value if isinstance(value, str) else str(value).lower()


def _shortened(text: str) -> str:
    most = limits.DETAIL_CHARS
    return text if len(text) <= most else text[: most - 3] + "..."


class Findings:
    """What one query finds in a list: what it is called, with details, and how many there are."""

    def __init__(self, text: str) -> None:
        self.search = query(text)
        self._names: t.Set[str] = set()
        self._kept: t.Dict[str, t.Dict[str, None]] = {}
        self._left = limits.FOUND_CHARS

    def add(self, name: str, found: t.Any) -> None:
        """Note an object with what the query makes of it."""
        self._names.add(name)
        values = [] if found is True else found if isinstance(found, list) else [found]
        texts = [_shortened(_words(value)) for value in values]
        if name not in self._kept:
            if len(self._kept) == limits.FINDINGS or self._left < 0:
                return
            self._kept[name] = {}
            self._left -= len(name) + sum(map(len, texts[: limits.DETAILS]))
        self._kept[name].update(dict.fromkeys(texts))

    def document(self) -> Item:
        """Return the number of objects found, and the first ones with the first details of each."""
        most = limits.DETAILS
        items = []
        for name, found in sorted(self._kept.items()):
            details = list(found)
            more = ["and {0} more".format(len(details) - most)] if len(details) > most else []
            items.append({"name": name, "details": details[:most] + more})
        return {"count": len(self._names), "items": items}


class ObjectList:
    """One list as a benchmark asks for it: takes its objects one by one, and keeps what is asked for.

    `keys` are queries by whose results other lists look up its objects; `sources` are the lists in which it does.
    """

    def __init__(
        self, about: t.Mapping[str, t.Any], keys: t.Iterable[str], sources: t.Mapping[str, "ObjectList"]
    ) -> None:
        fields = about.get("fields", {"spec": "object"})
        metadata = dict(fields.get("metadata", {}), name="string", namespace="string")
        self.metadata_only = set(fields) <= {"metadata"}
        self._reduce = reducer(dict(fields, metadata=metadata))
        self._namespaced = about.get("namespaced", False)
        self._called = query(about["called"]) if "called" in about else None
        self._whole = "fields" not in about  # of what is kept whole there are few
        self._items: t.List[Item] = []
        self.count = 0
        self._findings: t.Dict[str, Findings] = {}
        self._failed: t.Dict[str, Item] = {}
        self._indices: t.Dict[str, t.Tuple[t.Callable[[t.Any], t.Any], t.Dict[t.Any, t.List[Item]]]] = {
            key: (query(key), {}) for key in keys
        }
        self._joins = [
            (name, sources[source["of"]]._indices[source["key"]][1], query(source["by"]))
            for name, several in about.get("with", {}).items()
            for source in several
        ]
        for text in about.get("find", []):
            try:
                self._findings[text] = Findings(text)
            except ValueError as error:
                self._fail(text, error)

    def take(self, found: t.Any) -> None:
        """Look at one object. Raises Malformed."""
        item = self._reduce(found, "")
        name = identity(item, self._namespaced)
        self.count += 1
        if self._whole:
            self._items.append({"metadata": item["metadata"], "spec": item.get("spec")})
        try:
            for search, by_key in self._indices.values():
                key = search(item)
                if isinstance(key, str):
                    by_key.setdefault(key, []).append(item)
            joined = dict(item)
            for into, by_key, search in self._joins:
                key = search(item)
                joined[into] = joined.get(into, []) + (by_key.get(key, []) if isinstance(key, str) else [])
        except ValueError as error:
            raise Malformed(str(error)) from None
        for text, finding in list(self._findings.items()):
            try:
                found = finding.search(joined)
                if found is None or found is False or found in ("", [], {}):
                    continue
                called = self._called(item) if self._called else None
                finding.add(name[: name.rfind("/") + 1] + _words(called) if called else name, found)
            except ValueError as error:  # a function of the query got a value that it does not take
                self._fail(text, error)

    def _fail(self, text: str, error: Exception) -> None:
        self._findings.pop(text, None)
        message = "the query does not fit the objects: {0}".format(" ".join(str(error).split()))
        self._failed[text] = {"error": {"kind": "failed", "message": _shortened(message)}}

    def document(self) -> Item:
        """Return what is kept."""
        kept: Item = {"count": self.count} if self._findings or self._failed or not self._whole else {}
        if self._whole:
            kept["items"] = sorted(self._items, key=lambda item: item["metadata"]["name"])
        if "count" in kept:
            kept["found"] = {text: finding.document() for text, finding in self._findings.items()}
            kept["found"].update(self._failed)
        return kept
