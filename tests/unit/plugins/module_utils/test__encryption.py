# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Like what it tests, this file runs on Python 3.6 (`make units`).

import random
import sys

import pytest

from ansible_collections.rke.cis.plugins.module_utils._encryption import encryption_providers
from ansible_collections.rke.cis.plugins.module_utils._yaml_nodes import NotUnderstood, SimpleYaml, TooMany, load

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
            "resources:\n- resources: [secrets]\n  providers:\n  - identity: {}\n  - aescbc: {keys: [{secret: b}]}\n",
            [{"resources": ["secrets"], "providers": ["identity", "aescbc"]}],
        ),
        (
            "resources:\n- resources: [secrets, configmaps]\n  providers:\n  - secretbox:\n      keys: [{secret: b}]\n",
            [{"resources": ["secrets", "configmaps"], "providers": ["secretbox"]}],
        ),
        (
            "resources:\n- resources: [events]\n  providers:\n  - identity: {}\n"
            "- resources: [secrets]\n  providers:\n  - aescbc: {keys: [{secret: b}]}\n",
            [{"resources": ["events"], "providers": ["identity"]}, {"resources": ["secrets"], "providers": ["aescbc"]}],
        ),
        (
            "resources:\n- resources: ['*.*', pods.apps, '*.', secrets.]\n"
            "  providers: [{kms: {name: a, endpoint: unix:///b, cachesize: 1000}}, {aesgcm: {keys: [{secret: b}]}}]\n",
            [{"resources": ["*.*", "pods.apps", "*.", "secrets."], "providers": ["kms", "aesgcm"]}],
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
        "a: !!str 1\n",
        "a: |\n  text\n",
        "a: >\n  text\n",
        "? a\n: b\n",
        "a:\n\tb: c\n",
        "a: b\n  c\n",
        "a: 'x\n  y'\n",
        "- a\n b\n",
        "a: b: c\n",
        "[a b c, {d]\n",
        "%YAML 1.1\n---\na: b\n",
        "a: b\n---\nc: d\n",
        'a: "x" y\n',
        "a: 'it''s'\n",
        'a: "\\x41"\n',
        "a: @b\n",
        "[a b]\n",
        "[a 'b']\n",
        "['a' 'b']\n",
        "{a: b c: d}\n",
        "[*a]\n",
        "[a?]\n",
        "a: b\n... c: d\n",
        "--- a: b\n",
        "---\t\na: b\n",
        "a: []\t\n",
        "a: []\t# b\n",
        "a: *b\nb: &b c\n",
        "a: &b &c d\n",
        "a: &b\n  c: d\n",
        "a: b\n...\nc: d\n",
        "a: [b,\n  'c # d\n  e', f]\n",
        "a: [b\n  c]\n",
        "a: [b,\n\tc]\n",
        "a: |\nb: c\n",
        "secret: |\n  a\n b: c\n",
        "secret: |\n   \n  a\n",
        "secret: |\n",
        "secret: |2\n   a\n",
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
    assert plain(SimpleYaml("'\"a': 'b\"'\n\"'c\": \"d'\"\n").load()) == [('"a', 'b"'), ("'c", "d'")]


def test_without_pyyaml_the_message_names_the_line(without_pyyaml):
    with pytest.raises(NotUnderstood, match="line 2[ ;]"):
        encryption_providers("resources:\n- ! x\n")


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


def plain(node):
    """A node as lists, pairs and words. What the small parser is not sure of may be of any type."""
    if node.kind == "map":
        return [(plain(key), plain(value)) for key, value in node.content]
    if node.kind == "list":
        return [plain(item) for item in node.content]
    return node.content or None


def outcome(call, text):
    try:
        return call(text)
    except NotUnderstood:
        return None
    except ValueError:
        return "malformed"


def simple(text, monkeypatch):
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "yaml", None)
        return outcome(encryption_providers, text)


def test_the_small_parser_agrees_with_pyyaml_or_refuses():
    read = 0
    for seed in range(1500):
        text = document(seed)
        node = outcome(lambda content: SimpleYaml(content).load(), text)
        if node is not None:
            assert plain(outcome(load, text)) == plain(node), text
            read += 1
    # it would be easy to agree by refusing
    assert read > 600


def provider(random_, depth):
    """A provider in flow or block style, its first line without indentation."""
    name = random_.choice(["aescbc", "aesgcm", "secretbox", "identity", "kms", "AESCBC", "'aescbc'"])
    secret = random_.choice([KEY, f'"{KEY}"', f"'{KEY}'", "12345", "~", "c==", "''", "yes", "1e3"])
    lead = " " * depth
    kind = random_.randrange(6)
    if kind == 0:
        return [f"{name}: {{}}"]
    if kind == 1:
        return [f"{name}: {{keys: [{{name: a, secret: {secret}}}]}}"]
    if kind == 2:
        return [f"{name}: {{keys:", f"{lead}  [ {{ name: a,  # one", f"{lead}      secret: {secret} }} ] }}"]
    if kind == 3:
        return [
            f"{name}:",
            f"{lead}    keys:",
            f"{lead}    - name: a",
            f"{lead}      secret: >-",
            f"{lead}        {KEY}",
        ]
    if kind == 4:
        return [f"{name}:", f"{lead}    name: plugin", f"{lead}    endpoint: unix:///run/a.sock"]
    return [f"{name}:", f"{lead}    keys:", f"{lead}    - name: a", f"{lead}      secret: {secret}  # {KEY}"]


def configuration(seed):
    """An EncryptionConfiguration, nearly right or a little spoiled."""
    random_ = random.Random(seed)
    lines = random_.choice([[], ["---"], ["# by hand", "---"]])[:]
    lines += ["kind: EncryptionConfiguration", "apiVersion: apiserver.config.k8s.io/v1"] * random_.randrange(3)
    lines.append("resources:")
    step = random_.choice([0, 2])
    for _entry in range(random_.randrange(1, 3)):
        names = random_.sample(["secrets", "'*.'", "'*.*'", "configmaps", "secrets.", "'a.b.c'", KEY, "1", "[x]"], 2)
        lead = " " * step
        if random_.random() < 0.5:
            lines.append(f"{lead}- resources: [{', '.join(names)}]")
        else:
            lines += [f"{lead}- resources:"] + [f"{lead}  - {name}" for name in names]
        lines.append(f"{lead}  providers:")
        for _provider in range(random_.randrange(1, 3)):
            first, *rest = provider(random_, step + 2)
            lines += [f"{lead}  - {first}"] + rest
    lines += random_.choice([[], ["..."], ["resources: []"]])
    if seed % 2:
        where = random_.randrange(len(lines))
        at = random_.randrange(len(lines[where]) + 1)
        lines[where] = random_.choice(
            [
                lines[where][1:],
                "  " + lines[where],
                lines[where][:at] + random_.choice("[]{}:,'\"#-&*|>?~ \t") + lines[where][at:],
                lines[where] + " " + random_.choice(["&a b", "# c", "|", KEY, "d: e"]),
                "",
            ]
        )
    return "\n".join(lines) + "\n"


def test_both_readings_of_a_configuration_are_equal_and_give_no_key_away(monkeypatch):
    agreed = 0
    for seed in range(1500):
        text = configuration(seed)
        full, small = outcome(encryption_providers, text), simple(text, monkeypatch)
        assert KEY[:5] not in str(full) + str(small)
        if small is not None and full is not None:
            assert small == full, text
            agreed += isinstance(full, list)
    assert agreed > 100


# ------------------------------------------------------------------------- what the API server makes of it


@pytest.mark.parametrize(
    "text",
    [
        # RKE writes these twice if cluster.yml has a custom_config
        RKE.replace(
            "resources:", "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:", 1
        ),
        "kind: Pod\n" + RKE,  # the last one counts
        RKE.replace("EncryptionConfiguration", "EncryptionConfig").replace("apiserver.config.k8s.io/v1", "v1"),
        RKE.replace("kind: EncryptionConfiguration\n", ""),
        "\n".join(f"{line} # remark ọ" for line in RKE.splitlines()),
        RKE + "...\n",
        RKE.replace(KEY, ">-\n          " + KEY),
        RKE.replace(KEY, "|\n\n          # no comment\n\n          a"),
        "{\n" + JSON[1:-1].replace(", ", ",\n") + "\n}\n",
        f"x: &k {{keys: [{{secret: {KEY}}}]}}\nresources:\n- resources: [secrets]\n"
        "  providers:\n  - aescbc: *k\n  - identity: {}\n",
        "resources: [{resources: [events], providers: []}]\n" + RKE.partition("\n")[2],
    ],
)
def test_what_the_api_server_takes(providers, text):
    assert providers(text) == ANSWER


NO_KEYS = ("{}", "", "{keys: []}", "[]", "{key: x}", "{keys: {secret: x}}", "{keys: [x]}", "{keys: [{}]}")


@pytest.mark.parametrize(
    "text",
    [
        RKE.replace("kind: EncryptionConfiguration", "kind: Pod"),
        RKE.replace("config.k8s.io/v1", "config.k8s.io/v2"),
        RKE.replace("kind: EncryptionConfiguration", "kind: [EncryptionConfiguration]"),
        RKE.replace("EncryptionConfiguration", "EncryptionConfig"),
        RKE.replace(KEY, '""'),
        RKE.replace(f"secret: {KEY}", "name: b"),
        "resources:\n- resources: [secrets]\n  providers: [{kms: {name: a}}, {identity: {}}]\n",
        "resources:\n- resources: [secrets]\n  providers: [{AESCBC: {keys: [{secret: b}]}}]\n",
        *(
            f"resources:\n- resources: [secrets]\n  providers:\n  - {name}: {settings}\n  - identity: {{}}\n"
            for settings in NO_KEYS
            for name in ("aescbc", "aesgcm", "secretbox", "kms")
        ),
    ],
)
def test_what_the_api_server_refuses(providers, text):
    with pytest.raises(ValueError, match="^(?!no simple YAML)"):
        providers(text)


LEAKS = {
    "providers one level too deep": RKE.replace("  providers:", "  - providers:").replace("\n  -", "\n    -"),
    "keys among the resources": RKE.replace(
        "  - secrets\n", f"  - secrets\n  - aescbc: {{keys: [{{secret: {KEY}}}]}}\n"
    ),
    "key as a resource": RKE.replace("- secrets", f"- {KEY}"),
    "key as a resource of letters and digits": RKE.replace("- secrets", "- bm90lw1hlxjlyww"),
    "resources are the key": RKE.replace("resources:\n  - secrets", f"resources: {KEY}"),
    "resources are text": RKE.replace("resources:\n  - secrets", f"resources: |\n    {KEY}"),
    "resources are a mapping": RKE.replace("- secrets", f"secret: {KEY}"),
    "provider is the key": RKE.replace("identity: {}", f"{KEY}: {{}}"),
    "provider is a list": RKE.replace("identity: {}", f"? [{KEY}]\n    : {{}}"),
    "provider beside the key": RKE.replace("identity: {}", f"identity: {{}}\n    ? {{a: {KEY}}}\n    : b"),
    "number": RKE.replace("- secrets", "- 90014"),
    "bytes": RKE.replace("- secrets", f"- !!binary {KEY}"),
    "time": RKE.replace("- secrets", "- 2026-01-01"),
    "true": RKE.replace("- secrets", "- true"),
    "own tag": RKE.replace("- secrets", f"- !{KEY[:8]} secrets"),
    "very long": RKE.replace("- secrets", "- " + "bmnlw" * 100),
    "kind is the key": RKE.replace("EncryptionConfiguration", KEY),
    "key of a merge": RKE.replace("identity: {}", f"<<: {{identity: {{a: {KEY}}}}}"),
    "alias of itself": RKE.replace("- secrets", "- &a [*a]"),
}


@pytest.mark.parametrize("name", sorted(LEAKS))
def test_what_is_in_the_wrong_place_stays_on_the_node(providers, name):
    assert LEAKS[name] != RKE
    with pytest.raises(ValueError) as caught:
        providers(LEAKS[name])
    message = str(caught.value).lower()
    assert len(message) < 200
    for word in (KEY, "bm90lw1hlxjlywwt", "bmnlwbmnlw", "90014", "2026-01-01"):
        assert not any(word.lower()[start : start + 5] in message for start in range(len(word) - 4))


def test_a_small_file_of_many_names_is_refused(providers):
    names = ", ".join(["secrets"] * 400)
    entry = f"{{resources: [{names}], providers: [{{identity: {{}}}}]}}"
    assert len(providers(f"resources: [{entry}, {entry}]\n")) == 2
    for text in (
        f"resources: [{entry}, {entry}, {entry}]\n",
        f"resources: [{{resources: [{names}, {names}, {names}], providers: []}}]\n",
        f"x: &x {entry}\nresources: [{', '.join(['*x'] * 900)}]\n",
    ):
        with pytest.raises(TooMany):
            providers(text)


def test_aliases_of_aliases_are_not_written_out(providers):
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    assert providers("\n".join(lines) + "\n" + RKE) == ANSWER
    with pytest.raises(ValueError):
        providers("\n".join(lines) + "\nresources: *a39\n")


SIZE = 200000


@pytest.mark.parametrize(
    "text",
    [
        "a" + " " * SIZE + "b",
        "a: [" + " " * SIZE + '"',
        "a: [" + "b," * SIZE,
        "a: {" + '"b":c,' * SIZE + "}",
        "a: [\n" + "b,\n" * SIZE,
        "a: " + "'" * SIZE,
        "a: " + '"\\' * SIZE,
        "- " * SIZE,
        "a:" * SIZE,
        "a :" * SIZE,
        "secret: |\n" + " a\n" * SIZE + "b",
        "a: " + "1" * SIZE + "g",
        "# " * SIZE,
        "a: &b " + "&b " * SIZE,
    ],
    ids=lambda text: text[:12],
)
def test_the_small_parser_takes_a_time_linear_in_the_text(without_pyyaml, text):
    """A quadratic one would take minutes."""
    assert not isinstance(outcome(encryption_providers, text), list)
