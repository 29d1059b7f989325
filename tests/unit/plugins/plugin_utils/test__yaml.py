# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import re
import typing as t

import pytest
import yaml

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._yaml import (
    compose,
    find,
    line_of,
    plain_file,
    read_nodes,
    value_of,
)
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.vault_helper import (
    NO_PASSWORD,
    WRONG_PASSWORD,
    encrypt,
    encrypt_value,
    loader,
)

PARSERS = [yaml.SafeLoader] + ([yaml.CSafeLoader] if hasattr(yaml, "CSafeLoader") else [])

TEXT = """\
# a comment
name: prod
nodes:
  - address: 10.0.0.1
    version: 1.10
  - address: 10.0.0.2
password: !other |
  geheim
"""

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)
CHAIN = "a0: &a0 []\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 600))
MERGES = "a0: &a0 {k: v}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 30))


@pytest.fixture(params=PARSERS, ids=lambda parser: parser.__name__)
def read(request: pytest.FixtureRequest) -> t.Callable[[str], yaml.Node | None]:
    return lambda text: compose(text, lambda line: f"opt f.yml line {line}", loader=request.param)


def error_of(read: t.Callable[[str], t.Any], text: str) -> str:
    with pytest.raises(CisError) as caught:
        read(text)
    message = str(caught.value)
    assert re.fullmatch(r"opt f\.yml line \d+: not valid YAML: .+", message)
    return message


def test_value_and_lines(read: t.Callable[[str], yaml.Node | None]) -> None:
    root = read(TEXT)
    nodes = [{"address": "10.0.0.1", "version": 1.1}, {"address": "10.0.0.2"}]
    assert value_of(root, "here") == {"name": "prod", "nodes": nodes, "password": None}
    assert line_of(root) == 2
    assert line_of(find(root, ("nodes", 0, "version"))) == 5
    assert line_of(find(root, ("nodes", 1, "missing", "deeper"))) == 6
    assert (value_of(read(""), "here"), line_of(read(""))) == (None, 1)


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\nb: *geheim\n",
        "a: 1\nb: !geheim!geheim x\n",
        'a: 1\nb: "\\geheim"\n',
        "a: 1\nb: geheim: geheim\n",
        "a: 1\nb: 'geheim\n",
        "a: 1\nb: [geheim, {geheim\n",
        "a: 1\nb: @geheim\n",
        "a: 1\nb: geheim\x07\n",
        "a: 1\n\tgeheim: 1\n",
        "  a: 1\nb: geheim\n",
        "{a: 1}}\n",
    ],
)
def test_error_quotes_no_value(read: t.Callable[[str], yaml.Node | None], text: str) -> None:
    message = error_of(read, text)
    assert "geheim" not in message and "'g'" not in message


def test_error_keeps_the_punctuation_that_is_missing(read: t.Callable[[str], yaml.Node | None]) -> None:
    assert "could not find expected ':'" in error_of(read, "a: 1\nb\nc: 2\n")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[" * 5000, "nested too deeply"),
        ("{a: " * 501, "nested too deeply"),
        (LAUGHS, "too large with all aliases followed"),
        (MERGES, "too large with all aliases followed"),
        ("x: 1\na: &a\n  b: *a\n", "too large with all aliases followed"),
        ("&a [*a]", "too large with all aliases followed"),
        ("[" + "[]," * 200_000 + "]", "too large with all aliases followed"),
        (CHAIN, "nested too deeply"),
        ("? " * 3000, "nested too deeply"),
        ("- " * 3000, "nested too deeply"),
    ],
)
def test_depth_and_size_are_bounded(read: t.Callable[[str], yaml.Node | None], text: str, why: str) -> None:
    assert why in error_of(read, text)


def test_anchors_and_merge_keys_within_the_limits(read: t.Callable[[str], yaml.Node | None]) -> None:
    text = "base: &b {user: rke, port: 22}\nnodes: [{<<: *b, port: 2222}, *b]\n"
    document = value_of(read(text), "here")
    assert document["nodes"] == [{"user": "rke", "port": 2222}, {"user": "rke", "port": 22}]


def test_what_is_too_large_is_told_by_its_line(read: t.Callable[[str], yaml.Node | None]) -> None:
    assert " line 6: " in error_of(read, LAUGHS)
    assert " line 16: " in error_of(read, MERGES)


def test_brackets_in_a_text_are_not_depth(read: t.Callable[[str], yaml.Node | None]) -> None:
    assert value_of(read(f"a: '{'[' * 2000}'\n"), "here") == {"a": "[" * 2000}


@pytest.mark.parametrize(
    "more", ["---\n", "--- geheim\n", "...\n---\nb: [\n", "---\nb: 2\n---\nc: 3\n", "...\n", "---\n\tb"]
)
def test_the_first_document_counts(read: t.Callable[[str], yaml.Node | None], more: str) -> None:
    for text in ("a: 1\n", "# a comment\n---\na: 1\n", "%YAML 1.1\n--- {a: 1}\n"):
        assert value_of(read(text + more), "here") == {"a": 1}


@pytest.mark.parametrize("text", ["---\n# geheim\n---\n- geheim\n", "--- ''\n---\n", "---\n---\n---\na: 1\n"])
def test_an_empty_document_before_others_is_refused(read: t.Callable[[str], yaml.Node | None], text: str) -> None:
    with pytest.raises(
        CisError, match=r"^opt f\.yml line [123]: the first document is empty, and only the first counts;"
    ):
        read(text)


def write(tmp_path: pathlib.Path, name: str, text: str) -> str:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return str(tmp_path / name)


@pytest.mark.parametrize(
    "text", [encrypt("{token: abc, since: 2026-01-01}"), f"since: 2026-01-01\ntoken: {encrypt_value('abc')}"]
)
def test_a_copy_of_an_encrypted_file_does_not_stay(tmp_path: pathlib.Path, text: str) -> None:
    path = write(tmp_path, "f.yml", text)
    with plain_file(path, "opt f.yml", loader("right")) as copy:
        assert pathlib.Path(copy).stat().st_mode & 0o777 == 0o600
        assert yaml.safe_load(pathlib.Path(copy).read_text())["token"] == "abc"
    assert not os.path.exists(copy)
    with (
        pytest.raises(CisError, match=f"no such key in {path}") as caught,
        plain_file(path, "", loader("right")) as copy,
    ):
        raise CisError(f"no such key in {copy}")
    assert not os.path.exists(copy)
    for password, said in (("", NO_PASSWORD), ("wrong", WRONG_PASSWORD)):
        with pytest.raises(CisError) as caught, plain_file(path, "opt f.yml", loader(password)):
            pass
        assert str(caught.value) == f"opt f.yml{'' if text.startswith('$') else ' line 2'}: {said}"


@pytest.mark.parametrize("text", ["a: 1\n", "[", None])
def test_a_plain_file_is_itself(tmp_path: pathlib.Path, text: str | None) -> None:
    path = write(tmp_path, "f.yml", text) if text else str(tmp_path / "gone.yml")
    with plain_file(path, "opt f.yml", loader()) as same:
        assert same == path


def test_what_is_encrypted_without_a_loader(tmp_path: pathlib.Path) -> None:
    with pytest.raises(CisError, match="^opt f.yml: encrypted with ansible-vault; decrypt it$"):
        read_nodes(write(tmp_path, "f.yml", encrypt("a: 1")), "opt f.yml")


@pytest.mark.parametrize("value", ["!vault [a]", "!vault {a: b}", "!vault x", "!vault-encrypted x"])
def test_what_only_looks_encrypted(tmp_path: pathlib.Path, value: str) -> None:
    root = read_nodes(write(tmp_path, "f.yml", f"a: {value}"), "opt f.yml", loader("right"))
    with pytest.raises(
        CisError, match="^opt f.yml line 1: (expected a text after !vault|encrypted with ansible-vault, )"
    ):
        value_of(root, "opt f.yml")


def test_json_is_known_by_its_name(tmp_path: pathlib.Path) -> None:
    root = read_nodes(write(tmp_path, "f.json", '\ufeff{\n\t"a": [1,\n\t\t"x"]}'), "unused")
    assert (value_of(root, "here"), line_of(find(root, ("a", 1)))) == ({"a": [1, "x"]}, 3)
