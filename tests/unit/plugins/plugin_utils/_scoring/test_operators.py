# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._errors import Unseen
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.operators import (
    FLAG_OPERATORS,
    PATH_OPERATORS,
    expectation,
    query_finds,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.values import parse

ROOT = {"uid": 0, "gid": 0, "owner": "root", "group": "root"}
ETCD = {"uid": 52034, "gid": 52034, "owner": "etcd", "group": "etcd"}


@pytest.mark.parametrize(
    "op, kind, values, wanted, held",
    [
        # the last one counts, and only it
        ("equals", "bool", ["true", "false"], False, True),
        ("equals", "bool", ["false", "true"], False, False),
        ("equals", "int", ["0x0"], 0, True),
        ("equals", "int", ["1"], 0, False),
        ("equals", "string", ["Webhook"], "Webhook", True),
        ("equals", "string", ["webhook"], "Webhook", False),
        ("equals", "ip", [" 127.0.0.1"], "127.0.0.1", True),
        ("equals", "string", [" 127.0.0.1"], "127.0.0.1", False),
        ("one_of", "string", ["Webhook"], ["AlwaysDeny", "Webhook"], True),
        ("one_of", "string", ["Webhook,AlwaysAllow"], ["AlwaysDeny", "Webhook"], False),
        ("one_of", "string", [""], ["Webhook"], False),
        ("at_least", "int", ["30"], 30, True),
        ("at_least", "int", ["29"], 30, False),
        ("at_least", "int", ["0"], 30, False),
        ("at_least", "int", ["-1"], 30, False),
        ("at_least", "int", ["030"], 30, False),
        ("at_least", "int", ["100", "1"], 30, False),
        ("between", "int", ["1"], [1, 65535], True),
        ("between", "int", ["65535"], [1, 65535], True),
        ("between", "int", ["0"], [1, 65535], False),
        ("between", "int", ["65536"], [1, 65535], False),
        ("longer_than", "duration", ["1ns"], 0, True),
        ("longer_than", "duration", ["0"], 0, False),
        ("longer_than", "duration", ["-5m"], 0, False),
        ("absolute_path", "string", ["/a"], None, True),
        ("absolute_path", "string", ["a", "/b"], None, True),
        ("absolute_path", "string", ["/a", "b"], None, False),
        ("absolute_path", "string", [""], None, False),
        ("absolute_path", "string", [" /a"], None, False),
        ("absolute_path", "string", ['"/a"'], None, False),
        # of a flag that may be given many times every one counts
        ("absolute_path", "strings", ["/a", "b"], None, False),
        ("absolute_path", "strings", ["/a", "/b"], None, True),
        # lists accumulate
        ("includes", "list", ["A,B"], "B", True),
        ("includes", "list", ["B", "A"], "B", True),
        ("includes", "list", ["AB,BB"], "B", False),
        ("includes", "list", ["b,BB"], "B", False),
        ("includes", "list", [""], "B", False),
        ("excludes", "list", ["A"], "B", True),
        ("excludes", "list", ["A", "B"], "B", False),
        ("excludes", "list", ["A,NotB"], "B", True),
        ("excludes", "list", ["A, C"], "B", True),
        # the component refuses it, and the name is there
        ("excludes", "list", ["A, B"], "B", False),
        ("excludes", "list", ["A", "'B'"], "B", False),
        ("excludes", "list", [""], "B", None),
        ("gate_is", "gates", ["A=true"], {"A": True}, True),
        ("gate_is", "gates", ["A=true", "A=false"], {"A": True}, False),
        ("gate_is", "gates", ["A=true", "B=x"], {"A": True}, True),
        ("gate_is", "gates", ["A=true,A=false"], {"A": True}, False),
        ("gate_is", "gates", ["B=true"], {"A": True}, None),
        ("gate_is", "gates", ["AA=true"], {"A": True}, None),
    ],
)
def test_flags(op: str, kind: str, values: list[str], wanted: t.Any, held: bool | None) -> None:
    assert FLAG_OPERATORS[op]([parse(kind, value) for value in values], wanted) is held


@pytest.mark.parametrize(
    "op, kind, values, wanted",
    [
        ("equals", "bool", [""], True),
        ("equals", "bool", ["true", "yes"], True),
        # an earlier value stops the component too
        ("equals", "bool", ["nonsense", "0"], False),
        ("at_least", "int", ["x", "30"], 30),
        ("gate_is", "gates", ["A=yes", "A=true"], {"A": True}),
        ("at_least", "int32", ["2147483648"], 30),
        # invalid names
        ("includes", "list", ["B,"], "B"),
        ("includes", "list", ["A,,B"], "B"),
        ("includes", "list", ["A, B"], "A"),
        ("includes", "list", ["'A,B'"], "A"),
        ("equals", "int", ["no"], 0),
        ("equals", "ip", ["localhost"], "127.0.0.1"),
        ("at_least", "int", ["30d"], 30),
        ("at_least", "int", [""], 30),
        ("at_least", "int", ["99999999999999999999"], 30),
        ("between", "int", ["x"], [1, 2]),
        ("longer_than", "duration", ["5"], 0),
        ("longer_than", "duration", ["9999999h"], 0),
        ("includes", "list", ['"A'], "A"),
        ("excludes", "list", ['"A'], "B"),
        ("gate_is", "gates", ["A"], {"A": True}),
        ("gate_is", "gates", ["A=yes"], {"A": True}),
        ("gate_is", "gates", ["A=yes,A=true"], {"A": True}),
        ("gate_is", "gates", ['"A=false"'], {"A": True}),
        ("gate_is", "gates", ["B=true,'A=true'"], {"A": True}),
    ],
)
def test_what_the_component_refuses_is_no_answer(op: str, kind: str, values: list[str], wanted: t.Any) -> None:
    with pytest.raises(ValueError):
        FLAG_OPERATORS[op]([parse(kind, value) for value in values], wanted)


def entry(mode: str = "0600", **more: t.Any) -> dict[str, t.Any]:
    return {"type": "file", "mode": mode, **ROOT, **more}


@pytest.mark.parametrize("mode", ["0644", "0600", "0400", "0444", "0000", "0200", "0004", "0640"])
def test_a_mode_that_is_as_tight_or_tighter(mode: str) -> None:
    assert PATH_OPERATORS["mode_within"](entry(mode), {"value": "0644"}) is None


@pytest.mark.parametrize(
    "mode", ["0645", "0664", "0744", "0666", "0777", "4644", "2644", "1644", "0100", "0001", "7000"]
)
def test_a_mode_that_grants_more(mode: str) -> None:
    offence = PATH_OPERATORS["mode_within"](entry(mode), {"value": "0644"})
    assert offence
    assert mode in offence


@pytest.mark.parametrize(
    "owner, uid, group, gid, wanted, held",
    [
        ("root", 0, "root", 0, "root:root", True),
        ("toor", 0, "wheel", 0, "root:root", True),
        ("", 0, "", 0, "root:root", True),
        ("root", 1000, "root", 0, "root:root", False),
        ("root", 0, "root", 1, "root:root", False),
        ("xroot", 1000, "root", 0, "root:root", False),
        ("rooty", 1000, "root", 0, "root:root", False),
        ("etcd", 52034, "etcd", 52034, "etcd:etcd", True),
        ("etcd", 52034, "root", 0, "etcd:etcd", False),
        ("etcdx", 52034, "etcd", 52034, "etcd:etcd", False),
        ("", 52034, "", 52034, "etcd:etcd", False),
        ("root", 0, "root", 0, "etcd:etcd", False),
    ],
)
def test_owners(owner: str, uid: int, group: str, gid: int, wanted: str, held: bool) -> None:
    shown = entry(owner=owner, uid=uid, group=group, gid=gid)
    offence = PATH_OPERATORS["owner_is"](shown, {"value": wanted})
    assert (offence is None) is held
    if offence:
        assert f"{owner or uid}:{group or gid}" in offence


def directory(*children: dict[str, t.Any], **more: t.Any) -> dict[str, t.Any]:
    return {**entry("0755"), "type": "directory", "entries": list(children), **more}


def child(name: str, mode: str = "0600", kind: str = "file", **more: t.Any) -> dict[str, t.Any]:
    return {**entry(mode), "type": kind, "name": name, **more}


KEYS = {"match": "*key.pem", "value": "0600"}
CERTS = {"match": "*.pem", "except": "*key.pem", "value": "0644"}
LOST = {"error": {"kind": "denied", "message": "x: Permission denied"}}


@pytest.mark.parametrize(
    "children, test, named",
    [
        ([child("a-key.pem"), child("a.pem", "0644")], KEYS, None),
        ([child("a-key.pem", "0640"), child("a.pem", "0644")], KEYS, "a-key.pem 0640"),
        ([child("a-key.pem"), child("b-key.pem", "0604")], KEYS, "b-key.pem 0604"),
        ([child("a.pem", "0664"), child("a-key.pem", "0666")], CERTS, "a.pem 0664"),
        ([child("a.pem", "0644"), child("a-key.pem", "0666")], CERTS, None),
        ([child(".hidden-key.pem", "0644")], KEYS, ".hidden-key.pem 0644"),
        # a directory is no certificate
        ([child("d-key.pem", "0755", "directory"), child("a-key.pem")], KEYS, None),
        ([child("a-key.pem.bak", "0644"), child("a-key.pem")], KEYS, None),
        # nothing to judge is no good setting
        ([], KEYS, "no file"),
        ([child("kubecfg.yaml")], KEYS, "no file"),
        ([child("d-key.pem", "0700", "directory")], KEYS, "no file"),
    ],
)
def test_modes_of_entries(children: list[dict[str, t.Any]], test: dict[str, t.Any], named: str | None) -> None:
    offence = PATH_OPERATORS["entries_mode_within"](directory(*children), test)
    assert (offence is None) is (named is None)
    if named:
        assert named in str(offence)


@pytest.mark.parametrize(
    "op, test, children, named",
    [
        ("entries_mode_within", KEYS, [child("a-key.pem"), {**LOST, "name": "b-key.pem"}], None),
        ("entries_mode_within", KEYS, [{**LOST, "name": "b-key.pem"}], None),
        ("entries_mode_within", KEYS, [child("a-key.pem", "0666"), {**LOST, "name": "b-key.pem"}], "a-key.pem"),
        ("entries_owner_is", {"value": "root:root"}, [child("a"), {**LOST, "name": "b"}], None),
        ("entries_owner_is", {"value": "root:root"}, [child("a", **ETCD), {**LOST, "name": "b"}], "a etcd:etcd"),
    ],
)
def test_an_entry_that_could_not_be_seen(
    op: str, test: dict[str, t.Any], children: list[dict[str, t.Any]], named: str | None
) -> None:
    if named:
        assert named in str(PATH_OPERATORS[op](directory(*children), test))
    else:
        with pytest.raises(Unseen, match="x: Permission denied"):
            PATH_OPERATORS[op](directory(*children), test)


OWNERS = {"value": "root:root", "or_match": "kube-etcd-*", "or_value": "etcd:etcd"}


@pytest.mark.parametrize(
    "shown, named",
    [
        (directory(child("a.pem")), None),
        (directory(child("a.pem"), child("kube-etcd-1.pem", **ETCD)), None),
        (directory(child("kube-etcd-1.pem")), None),
        (directory(child("a.pem", **ETCD)), "a.pem etcd:etcd"),
        (directory(child("xkube-etcd-1.pem", **ETCD)), "xkube-etcd-1.pem"),
        (directory(child("kube-etcd-1.pem", uid=1000, owner="me")), "kube-etcd-1.pem me:root"),
        (directory(child("a.pem"), uid=1000, owner="me"), ". me:root"),
        (directory(child(".a", uid=1000, owner="me")), ".a me:root"),
        (directory(child("sub", "0755", "directory", uid=1000, owner="")), "sub 1000:root"),
        (directory(), "empty"),
    ],
)
def test_owners_of_entries(shown: dict[str, t.Any], named: str | None) -> None:
    offence = PATH_OPERATORS["entries_owner_is"](shown, OWNERS)
    assert (offence is None) is (named is None)
    if named:
        assert named in str(offence)


def test_of_very_many_offenders_some_are_named() -> None:
    children = [child(f"{number:04}-key.pem", "0666") for number in range(2000)]
    offence = str(PATH_OPERATORS["entries_mode_within"](directory(*children), KEYS))
    assert "0000-key.pem" in offence
    assert len(offence) < 500
    assert "19" in offence


ENCRYPTION = {"resource": "secrets", "value": "aescbc"}


@pytest.mark.parametrize(
    "sections, held",
    [
        ([(["secrets"], ["aescbc", "identity"])], True),
        ([(["secrets"], ["identity", "aescbc"])], False),
        ([(["secrets"], ["AESCBC"])], False),
        ([(["secrets"], ["secretbox"])], False),
        ([(["secrets"], ["aesgcm"])], False),
        ([(["secrets"], [])], False),
        ([(["configmaps"], ["aescbc"])], False),
        ([(["configmaps"], ["identity"]), (["secrets"], ["aescbc"])], True),
        # the first that names it decides
        ([(["secrets"], ["identity"]), (["secrets"], ["aescbc"])], False),
        # its own entry before a wildcard, in whatever order
        ([(["*."], ["identity"]), (["secrets"], ["aescbc"])], True),
        ([(["secrets"], ["aescbc"]), (["*."], ["identity"])], True),
        ([(["*."], ["aescbc"]), (["secrets"], ["identity"])], False),
        ([(["secrets"], ["identity"]), (["*."], ["aescbc"])], False),
        ([(["*."], ["aescbc"]), (["secrets"], [])], False),
        ([(["*.*"], ["aescbc"]), (["secrets"], ["identity"])], False),
        ([(["*.*"], ["aescbc"]), (["*."], ["identity"])], False),
        ([(["*.*"], ["identity"]), (["*."], ["aescbc"])], True),
        ([(["configmaps", "*."], ["aescbc"])], True),
        ([(["secrets."], ["aescbc"])], True),
        ([(["secrets."], ["identity"]), (["secrets"], ["aescbc"])], False),
        ([(["secrets.apps"], ["aescbc"])], False),
        ([(["*.apps"], ["aescbc"])], False),
        ([], False),
    ],
)
def test_first_provider(sections: list[tuple[list[str], list[str]]], held: bool) -> None:
    shown = entry(encryption=[{"resources": names, "providers": providers} for names, providers in sections])
    assert (PATH_OPERATORS["first_provider_is"](shown, ENCRYPTION) is None) is held


@pytest.mark.parametrize(
    "names, held",
    [
        # version: 1.9, 1.26, 1.27, 2.0, unknown
        (["*.*"], [False, False, True, True, False]),
        (["*"], [True, True, False, False, False]),
        (["*."], [True, True, True, True, True]),
    ],
)
def test_wildcards_by_version(names: list[str], held: list[bool]) -> None:
    sections = [{"resources": names, "providers": ["aescbc"]}]
    for version, expected in zip([(1, 9), (1, 26), (1, 27), (2, 0), None], held, strict=True):
        shown = entry(encryption=sections, kubernetes=version)
        assert (PATH_OPERATORS["first_provider_is"](shown, ENCRYPTION) is None) is expected, version


def test_an_unknown_version_is_read_in_both_ways() -> None:
    sections = [{"resources": ["*"], "providers": ["identity"]}, {"resources": ["*."], "providers": ["aescbc"]}]
    assert PATH_OPERATORS["first_provider_is"](entry(encryption=sections), ENCRYPTION)


def test_wildcards_of_another_group() -> None:
    sections = [{"resources": ["*."], "providers": ["aescbc"]}, {"resources": ["*.apps"], "providers": ["secretbox"]}]
    test = {"resource": "deployments.apps", "value": "secretbox"}
    assert PATH_OPERATORS["first_provider_is"](entry(encryption=sections), test) is None


def test_query_finds_names() -> None:
    items = [
        {"metadata": {"name": "a"}, "spec": {"hostPID": True}},
        {"metadata": {"name": "b"}, "spec": {"hostPID": False}},
        {"metadata": {"name": "c"}, "spec": {}},
    ]
    assert query_finds(items, "items[?!(spec.hostPID)].metadata.name") == ["b", "c"]
    assert query_finds([], "items[?!(spec.hostPID)].metadata.name") == []


@pytest.mark.parametrize(
    "test, words",
    [
        ({"flag": "--a", "op": "equals", "value": True}, "--a=true"),
        ({"flag": "--a", "op": "equals", "value": 0, "unset": "pass"}, "--a=0 or is not set"),
        ({"flag": "--a", "op": "not_set"}, "--a is not set"),
        ({"flag": "--a", "op": "between", "value": [1, 2]}, "--a is between 1 and 2"),
        ({"flag": "--a", "op": "gate_is", "value": {"G": False}}, "--a sets G=false"),
        ({"path": {}, "op": "mode_within", "value": "0644"}, "mode 0644 or more restrictive"),
        ({"object": "x", "expect": "at least one"}, "at least one"),
        ({"object": "x", "named": "who", "expect": "one without y"}, "restricted is one without y"),
    ],
)
def test_what_is_wanted_in_words(test: dict[str, t.Any], words: str) -> None:
    assert expectation(test, {"who": "restricted"}) == words


PROVIDERS = {"encryption": [{"resources": ["secrets"], "providers": ["kms", "identity"]}], "kubernetes": (1, 27)}


@pytest.mark.parametrize(
    "op, value, held",
    [
        ("first_provider_is", "kms", True),
        ("first_provider_is", "km", False),
        ("first_provider_in", ["aescbc", "kms"], True),
        ("first_provider_in", ["aescbc", "identity"], False),
        ("first_provider_in", ["aescbc kms"], False),
    ],
)
def test_the_first_provider(op: str, value: t.Any, held: bool) -> None:
    assert (PATH_OPERATORS[op](PROVIDERS, {"op": op, "resource": "secrets", "value": value}) is None) == held
    nothing = {**PROVIDERS, "encryption": []}
    assert PATH_OPERATORS[op](nothing, {"op": op, "resource": "secrets", "value": value})


TREE = {"path": {"host": "/x", "tree": True}, "missing": "pass"}
MODES_BELOW = {**TREE, "op": "entries_mode_within", "match": "*.conf", "except": "lock.conf", "value": "0600"}
OWNERS_BELOW = {**TREE, "op": "entries_owner_is", "value": "root:root"}


def below(*children: dict[str, t.Any]) -> dict[str, t.Any]:
    return entry("0755", type="directory", entries=list(children))


@pytest.mark.parametrize(
    "children, held",
    [
        ([], True),
        ([entry(name="a/b.conf")], True),
        ([entry("0640", name="a/b.conf")], False),
        ([entry("0640", name="a/lock.conf")], True),
        ([entry("0640", name="a.conf/b")], True),
        ([entry("0755", name="a.conf", type="directory")], True),
    ],
)
def test_modes_in_a_tree_are_those_of_files_by_their_names(children: list[dict[str, t.Any]], held: bool) -> None:
    assert (PATH_OPERATORS["entries_mode_within"](below(*children), MODES_BELOW) is None) == held


UNSEEN = {"error": {"kind": "denied", "message": "no"}}


@pytest.mark.parametrize("test", [MODES_BELOW, OWNERS_BELOW])
@pytest.mark.parametrize(
    "child",
    [
        # of what is in it nothing is known, whatever its name
        entry("0755", name="a", type="directory", **UNSEEN),
        {"name": "a", **UNSEEN},
        {"name": "a/b.conf", **UNSEEN},
    ],
)
def test_what_was_not_seen_of_a_tree_is_no_pass(test: dict[str, t.Any], child: dict[str, t.Any]) -> None:
    with pytest.raises(Unseen):
        PATH_OPERATORS[test["op"]](below(child), test)


def test_nothing_there_passes_only_where_nothing_has_to_be_there() -> None:
    for test in (MODES_BELOW, OWNERS_BELOW):
        assert PATH_OPERATORS[test["op"]](below(), test) is None
        assert PATH_OPERATORS[test["op"]](below(), {**test, "missing": ""})
