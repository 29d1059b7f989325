# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Like what it tests, this file runs on Python 3.6 (`make units`).

import random
import sys

import pytest
import yaml

from ansible_collections.rke.cis.plugins.module_utils._encryption import NotUnderstood, SimpleYaml, encryption_providers

# No real key; it must never be found in what comes out.
KEY = "bm90LWEtcmVhbC1rZXktYXQtYWxsLTMyLWJ5dGVzIQ=="

RKE = f"""\
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources:
  - secrets
  providers:
  - aescbc:
      keys:
      - name: key1
        secret: {KEY}
  - identity: {{}}
"""
ANSWER = [{"resources": ["secrets"], "providers": ["aescbc", "identity"]}]


@pytest.fixture(params=["with PyYAML", "without PyYAML"])
def providers(request, monkeypatch):
    if request.param == "without PyYAML":
        monkeypatch.setitem(sys.modules, "yaml", None)
    return encryption_providers


@pytest.fixture
def without_pyyaml(monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)


INDENTED = f"""\
---
# written by hand
kind: EncryptionConfiguration   # v1
apiVersion: "apiserver.config.k8s.io/v1"

resources:
    -   resources:
            - "secrets"
        providers:
            -   aescbc:
                    keys:
                        -   name: 'key 1'   # first
                            secret: "{KEY}"
            -   identity: {{}}
"""
FLOW = f"""\
kind: EncryptionConfiguration
apiVersion: apiserver.config.k8s.io/v1
resources: [{{resources: [secrets], providers: [{{aescbc: {{keys: [{{secret: "{KEY}"}}]}}}}, {{identity: {{}}}}]}}]
"""
MIXED = f"""\
resources:
  - providers:
      - aescbc: {{keys: [{{name: key1, secret: {KEY}}}]}}
      - identity: {{ }}
    resources: [ 'secrets' ]
"""
JSON = (
    '{"kind": "EncryptionConfiguration", "resources": [{"resources": ["secrets"], "providers": '
    f'[{{"aescbc": {{"keys": [{{"name": "a", "secret": "{KEY}"}}]}}}}, {{"identity": {{}}}}]}}]}}'
)
DASHES = f"""\
resources:
-
  resources:
  -
    secrets
  providers:
  -
    aescbc:
      keys: [{{name: a, secret: {KEY}}}]
  - identity:
      {{}}
"""


@pytest.mark.parametrize("text", [RKE, INDENTED, FLOW, MIXED, JSON, DASHES, RKE.replace("\n", "\r\n")])
def test_styles(providers, text):
    assert providers(text) == ANSWER


@pytest.mark.parametrize(
    "text, expected",
    [
        (
            "resources:\n- resources: [secrets]\n  providers:\n  - identity: {}\n  - aescbc:\n      keys: []\n",
            [{"resources": ["secrets"], "providers": ["identity", "aescbc"]}],
        ),
        (
            "resources:\n- resources: [secrets, configmaps]\n  providers:\n  - secretbox:\n      keys: []\n",
            [{"resources": ["secrets", "configmaps"], "providers": ["secretbox"]}],
        ),
        (
            "resources:\n- resources: [events]\n  providers:\n  - identity: {}\n"
            "- resources: [secrets]\n  providers:\n  - aescbc: {keys: []}\n",
            [{"resources": ["events"], "providers": ["identity"]}, {"resources": ["secrets"], "providers": ["aescbc"]}],
        ),
        (
            "resources:\n- resources: ['*.*', pods.apps]\n  providers: [{AESCBC: {}}]\n",
            [{"resources": ["*.*", "pods.apps"], "providers": ["AESCBC"]}],
        ),
        ("resources: []\n", []),
        ("resources:\n- resources: []\n  providers: []\n", [{"resources": [], "providers": []}]),
    ],
)
def test_order_and_names_are_kept(providers, text, expected):
    assert providers(text) == expected


BAD = {
    "nothing": "",
    "comment only": "# nothing\n",
    "text": "just words\n",
    "a number": "5\n",
    "null": "~\n",
    "a list": "- a\n- b\n",
    "no resources": "kind: EncryptionConfiguration\n",
    "resources null": "resources:\n",
    "resources text": "resources: secrets\n",
    "entry without providers": f"resources:\n- resources: [secrets]\n  x: {KEY}\n",
    "providers null": "resources:\n- resources: [secrets]\n  providers:\n",
    "provider empty": "resources:\n- resources: [secrets]\n  providers: [{}]\n",
    "provider null": "resources:\n- resources: [secrets]\n  providers:\n  -\n",
    "entry text": "resources:\n- secrets\n",
    "wrong indentation": RKE.replace("      keys:", "     keys:").replace("        secret", "      secret"),
    "tab": RKE.replace("      keys:", "\tkeys:"),
    "tab after key": RKE.replace("secret:", "secret:\t\t") + "\t- x\n",
    "open quote": RKE.replace(KEY, '"' + KEY),
    "open bracket": f"resources: [{{resources: [secrets], providers: [{{aescbc: {{keys: [{{secret: {KEY}}}]}}}}]\n",
    "key only": KEY + "\n",
    "key in front": KEY + "\n" + RKE,
    "key at the end": RKE + KEY + "\n",
    "key as an entry": f"resources:\n- {KEY}\n",
    "key as a number": f"resources: {KEY}\n",
    "key as an alias": f"resources: *{KEY}\n",
    "key as a tag": f"resources: !{KEY} x\n",
    "two documents": RKE + "---\n" + RKE.replace("aescbc", "identity"),
    "another document in front": "kind: x\n---\n" + RKE,
    "colon in the secret": RKE.replace(KEY, "a: " + KEY),
    "providers as names": "resources:\n- resources: [secrets]\n  providers: [aescbc]\n",
    "providers as lists": "resources:\n- resources: [secrets]\n  providers: [[aescbc]]\n",
    "two providers in one": RKE.replace("  - identity", "    identity"),
    "provider without settings": f"resources:\n- resources: [secrets]\n  providers:\n  - aescbc:\n    keys: [{KEY}]\n",
    "provider of nothing": "resources:\n- resources: [secrets]\n  providers:\n  - aescbc:\n  - identity: {}\n",
    "provider of text": f"resources:\n- resources: [secrets]\n  providers:\n  - aescbc: {KEY}\n",
    "nested too deep": "[" * 5000,
    "control characters": RKE.replace("key1", "k\x00\x1b[2J"),
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_what_is_no_such_document_is_refused_without_a_word_of_it(providers, name):
    with pytest.raises(ValueError) as caught:
        providers(BAD[name])
    message = str(caught.value)
    assert message
    assert "\n" not in message
    # not even a piece of the key
    assert not any(KEY[start : start + 5] in message for start in range(len(KEY) - 4))
    for error in (caught.value.__cause__, None if caught.value.__suppress_context__ else caught.value.__context__):
        assert error is None or KEY[:5] not in str(error)


@pytest.mark.parametrize("text", [RKE, INDENTED, FLOW, MIXED, JSON, DASHES])
def test_no_key_comes_out(providers, text):
    assert KEY[:5] not in str(providers(text))


@pytest.mark.parametrize("cut", range(0, len(RKE), 3))
def test_a_file_that_breaks_off_gives_no_key_away(providers, cut):
    try:
        shown = str(providers(RKE[:cut]))
    except ValueError as error:
        shown = str(error)
    assert KEY[:5] not in shown


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [1]\nb: *x\n",
        "a: !!str 1\n",
        "a: |\n  text\n",
        "a: >\n  text\n",
        "? a\n: b\n",
        "a:\n\tb: c\n",
        "a: b\n  c\n",
        "a: [1,\n  2]\n",
        "a: 'x\n  y'\n",
        "- a\n b\n",
        "a: b: c\n",
        "a: 1\na: 2\n",
        "{a: 1, a: 2}\n",
        "[a b c, {d]\n",
        "%YAML 1.1\n---\na: b\n",
        "a: b\n---\nc: d\n",
        "a: b\n...\n",
        'a: "x" y\n',
        "a: 'it''s'\n",
        'a: "\\x41"\n',
        "a: @b\n",
        "[a b]\n",
        "[a 'b']\n",
        "['a' 'b']\n",
        "{a: b c: d}\n",
        "[*a]\n",
        "[&a b]\n",
        "[!a b]\n",
        "[a,,b]\n",
        "[,]\n",
        "{a}\n",
        "{a: }\n",
        "[a: b]\n",
        "[a]]\n",
        "[a}\n",
        "[a] b\n",
        "a: it's # no comment\n",
        "a: b\x0bc: d\n",
        "---\n---\na: b\n",
        "...\n",
        "a: ? b\n? c: d\n",
        "\ufeffa: b\n",
        "a: `b`\n",
        "<<: {a: b}\n",
    ],
)
def test_the_small_parser_refuses_what_it_does_not_know(text):
    with pytest.raises(NotUnderstood, match="line [0-9]+.*install PyYAML"):
        SimpleYaml(text).load()


def test_quotes_within_quotes():
    assert SimpleYaml("'\"a': 'b\"'\n\"'c\": \"d'\"\n").load() == {'"a': 'b"', "'c": "d'"}


def test_without_pyyaml_the_message_names_the_line(without_pyyaml):
    with pytest.raises(NotUnderstood, match="line 2[ ;]"):
        encryption_providers("resources:\n- &a x\n")


def test_with_pyyaml_the_message_names_the_line():
    with pytest.raises(ValueError, match="line 3"):
        encryption_providers("resources:\n- a\n  b: [\n")


# ------------------------------------------------------------------------------ agreement with PyYAML

WORDS = ["secrets", "configmaps", "aescbc", "identity", "'quoted'", '"double"', "a-b", "a.b", "*.*", "k8s.io/v1", "x:y"]
QUOTED = {"*.*": "'*.*'"}


def scalar(random_):
    word = random_.choice(WORDS)
    return QUOTED.get(word, word)


def flow(random_, depth):
    kind = random_.randrange(3 if depth else 1)
    if kind == 1:
        return "[" + ", ".join(flow(random_, depth - 1) for _each in range(random_.randrange(3))) + "]"
    if kind == 2:
        keys = random_.sample(["a", "b", "'c'"], random_.randrange(3))
        return "{" + ", ".join(f"{key}: {flow(random_, depth - 1)}" for key in keys) + "}"
    return scalar(random_).replace("x:y", "x")


def block(random_, indent, depth):
    """Lines of a block value that stand `indent` in."""
    lead = " " * indent
    comment = random_.choice(["", "", "  # remark: [x", " #"])
    kind = random_.randrange(4 if depth else 1)
    if kind in (1, 2):
        lines = []
        for key in random_.sample(["resources", "providers", "'keys'", "name"], random_.randrange(1, 4)):
            if random_.random() < 0.5:
                lines.append(f"{lead}{key}: {flow(random_, 2)}{comment}")
            else:
                lines.append(f"{lead}{key}:{comment}")
                lines += block(random_, indent + random_.choice([1, 2, 4]), depth - 1)
        return lines
    if kind == 3:
        lines = []
        for _each in range(random_.randrange(1, 4)):
            inner = block(random_, indent + 2, depth - 1)
            lines += [f"{lead}- {inner[0].lstrip()}"] + inner[1:]
        return lines
    return [lead + flow(random_, 1) + comment]


def document(seed):
    random_ = random.Random(seed)
    lines = ["resources:"] + block(random_, random_.choice([0, 2]), 4)
    if seed % 3 == 0:  # spoiled: a line lost, doubled, moved in or out, or a character too many
        where = random_.randrange(len(lines))
        spoil = random_.randrange(5)
        if spoil == 0:
            del lines[where]
        elif spoil == 1:
            lines.insert(where, lines[where])
        elif spoil == 2:
            lines[where] = " " + lines[where]
        elif spoil == 3:
            lines[where] = lines[where][1:]
        else:
            at = random_.randrange(len(lines[where]) + 1)
            lines[where] = lines[where][:at] + random_.choice("[]{}:,'\"#-&* ") + lines[where][at:]
    return "\n".join(lines) + "\n"


def words(value):
    """Plain scalars are text to the small parser; what they mean to YAML does not matter for names."""
    if isinstance(value, dict):
        return {str(key): words(item) for key, item in value.items()}
    if isinstance(value, list):
        return [words(item) for item in value]
    return value if value is None else str(value)


def test_the_small_parser_agrees_with_pyyaml_or_refuses():
    read = 0
    for seed in range(1500):
        text = document(seed)
        try:
            simple = SimpleYaml(text).load()
        except NotUnderstood:
            continue
        try:
            full = yaml.safe_load(text)
        except yaml.YAMLError as error:
            full = error
        assert words(full) == words(simple), text
        read += 1
    # it would be easy to agree by refusing
    assert read > 600
