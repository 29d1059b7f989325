# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An EncryptionConfiguration means the same with and without PyYAML, or the reader without it cannot tell."""

from __future__ import annotations

import sys
from unittest import mock

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.rke.cis.plugins.module_utils._encryption import encryption_providers
from ansible_collections.rke.cis.plugins.module_utils._yaml_nodes import NotUnderstood

KEY = "bm90LWEtcmVhbC1rZXktYXQtYWxsLTMyLWJ5dGVzIQ=="

NAMES = st.sampled_from(["secrets", "secrets.", "*.", "*.*", "*", "widgets.example.net", KEY, "1", "yes", ""])
KEYS = st.fixed_dictionaries({}, optional={"name": st.just("key1"), "secret": st.sampled_from([KEY, "1", 1, None, ""])})
SETTINGS = st.one_of(
    st.none(),
    st.just({}),
    st.builds(lambda keys: {"keys": keys}, st.lists(KEYS, max_size=2)),
    st.just({"name": "plugin", "endpoint": "unix:///run/a.sock", "cachesize": 1000}),
)
PROVIDERS = st.dictionaries(
    st.sampled_from(["aescbc", "aesgcm", "identity", "kms", "secretbox", KEY]), SETTINGS, min_size=1, max_size=2
)
ENTRIES = st.fixed_dictionaries(
    {"resources": st.lists(NAMES, max_size=3), "providers": st.lists(PROVIDERS, max_size=2)}
)
DOCUMENTS = st.fixed_dictionaries(
    {"resources": st.lists(ENTRIES, max_size=2)},
    optional={
        "apiVersion": st.sampled_from(["v1", "apiserver.config.k8s.io/v1"]),
        "kind": st.sampled_from(["EncryptionConfig", "EncryptionConfiguration", "Pod"]),
    },
)
# Pieces of which files are made that nobody would write, most of them no YAML at all.
PIECES = st.sampled_from(
    [
        "resources:",
        "providers:",
        "- ",
        "  ",
        "\n",
        "\n  ",
        "\n- ",
        "secrets",
        "[",
        "]",
        "{",
        "}",
        ",",
        ": ",
        "#",
        "'",
        '"',
    ]
    + ["aescbc", "identity: {}", "keys:", "secret: ", "|", ">-", "&a ", "*a", "---", "...", "\t", "?", "!", KEY]
)


def read(text: str) -> object:
    try:
        return encryption_providers(text)
    except NotUnderstood:
        return NotUnderstood
    except ValueError:
        return ValueError


def both(text: str) -> tuple[object, object]:
    with mock.patch.dict(sys.modules, {"yaml": None}):
        simple = read(text)
    return read(text), simple


def agree(text: str) -> None:
    full, simple = both(text)
    assert KEY[:5] not in f"{full}{simple}"
    assert simple is NotUnderstood or full is NotUnderstood or simple == full


@given(DOCUMENTS, st.sampled_from([None, True, False]), st.sampled_from([2, 3, 6]), st.booleans())
@settings(max_examples=300, deadline=None, derandomize=True)
def test_of_documents(document: dict[str, object], flow: bool | None, indent: int, sort: bool) -> None:
    agree(yaml.safe_dump(document, default_flow_style=flow, indent=indent, sort_keys=sort))


@given(DOCUMENTS, st.data())
@settings(max_examples=300, deadline=None, derandomize=True)
def test_of_spoiled_documents(document: dict[str, object], data: st.DataObject) -> None:
    text = yaml.safe_dump(document)
    at = data.draw(st.integers(0, len(text)))
    agree(text[:at] + data.draw(PIECES) + text[at + data.draw(st.integers(0, 3)) :])


@given(st.lists(PIECES, max_size=25))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_of_anything(pieces: list[str]) -> None:
    agree("".join(pieces))
