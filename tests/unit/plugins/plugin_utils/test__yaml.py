# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import pathlib
import re
import typing as t

import pytest
import yaml

from ansible_collections.rke.cis.plugins.plugin_utils import _yaml
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._yaml import parse_yaml, read_yaml

PARSERS = [yaml.SafeLoader] + ([yaml.CSafeLoader] if hasattr(yaml, "CSafeLoader") else [])

TEXT = """\
# a comment
name: prod
nodes:
  - address: 10.0.0.1
    version: 1.10
  - &second
    address: 10.0.0.2
    until: 2026-01-31
shared:
  <<: *second
  address: 10.0.0.3
wrong_date: 2026-13-45
1: one
"""

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)
MERGES = "a0: &a0 {k: v}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 30))


@pytest.fixture(autouse=True, params=PARSERS, ids=lambda parser: parser.__name__)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_yaml, "_PARSER", request.param)


def error_of(text: str, **options: t.Any) -> str:
    with pytest.raises(CisError) as caught:
        parse_yaml(text, "opt f.yml", **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_value_is_that_of_the_safe_schema() -> None:
    second = {"address": "10.0.0.2", "until": datetime.date(2026, 1, 31)}
    assert parse_yaml(TEXT, "f.yml").value == {
        "name": "prod",
        "nodes": [{"address": "10.0.0.1", "version": 1.1}, second],
        "shared": {**second, "address": "10.0.0.3"},
        "wrong_date": "2026-13-45",
        1: "one",
    }


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 2),
        (("name",), 2),
        (("nodes",), 3),
        (("nodes", 0), 4),
        (("nodes", 0, "version"), 5),
        (("nodes", 1, "until"), 8),
        (("shared",), 9),
        (("shared", "address"), 11),
        (("shared", "until"), 8),
        ((1,), 13),
        (("nodes", 0, "missing", "deeper"), 4),
        (("nodes", 2), 3),
        (("nodes", "address"), 3),
        (("missing",), 2),
    ],
)
def test_line(path: tuple[str | int, ...], line: int) -> None:
    located = parse_yaml(TEXT, "opt f.yml")
    assert located.line(path) == line
    assert located.where(path) == f"opt f.yml line {line}"


def test_text_and_tag_of_a_scalar() -> None:
    located = parse_yaml(TEXT, "f.yml")
    assert (located.text(("nodes", 0, "version")), located.tag(("nodes", 0, "version"))) == ("1.10", "!!float")
    assert (located.text(("name",)), located.tag(("name",))) == ("prod", "!!str")
    assert (located.text(("nodes",)), located.tag(("nodes",))) == (None, "!!seq")
    assert (located.text(("missing",)), located.tag(("missing",))) == (None, None)


@pytest.mark.parametrize("text", ["", "# only a comment\n"])
def test_empty_file(text: str) -> None:
    located = parse_yaml(text, "f.yml")
    assert (located.value, located.line(("a",)), located.tag(())) == (None, 1, None)


def test_last_of_two_keys_counts() -> None:
    located = parse_yaml("a: 1\na: 2\n", "f.yml")
    assert (located.value, located.line(("a",))) == ({"a": 2}, 2)


@pytest.mark.parametrize("text", ["x: 1\nl: [{a: 1,\n a: 2}]\n", "x: 1\nl:\n- a: 1\n  b: 2\n  a: 3\n"])
def test_duplicate_key_is_refused_where_asked(text: str) -> None:
    line = 3 if "[" in text else 5
    assert error_of(text, unique=True) == f"opt f.yml line {line}: a: duplicate key; remove one"
    # what is merged may be overridden
    assert parse_yaml("a: &a {k: 1}\nb: {<<: *a, k: 2}\n", "f.yml", unique=True).value["b"] == {"k": 2}


def test_unknown_tags() -> None:
    text = "a: 1\npassword: !vault |\n  geheim\nkey: !geheim {x: 1}\n"
    assert error_of(text) == "opt f.yml line 2: not valid YAML: unknown tag; correct the file"
    located = parse_yaml(text, "f.yml", tags=True)
    assert located.value == {"a": 1, "password": None, "key": None}
    assert (located.tag(("password",)), located.tag(("key",))) == ("!vault", "!geheim")
    assert "python" not in error_of("a: !!python/object/apply:os.system [true]")


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
        "a: 1\n? [geheim]\n: geheim\n",
        "a: 1\n<<: geheim\n",
        "a: 1\nb: geheim\x07\n",
        "a: 1\nb: !!binary geheim\n",
        "a: 1\n\tgeheim: 1\n",
        "%geheim\na: 1\n",
        "a: 1\n--- geheim\n",
    ],
)
def test_error_has_the_line_and_no_value(text: str) -> None:
    message = error_of(text)
    assert re.fullmatch(r"opt f\.yml line \d+: not valid YAML: .+; correct the file", message)
    assert "geheim" not in message and "'g'" not in message


def test_error_keeps_the_punctuation_that_is_missing() -> None:
    assert "could not find expected ':'" in error_of("a: 1\nb\nc: 2\n")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[" * 5000, "nested too deeply"),
        ("{a: " * 101, "nested too deeply"),
        (LAUGHS, "too large with all aliases followed"),
        (MERGES, "too large with all aliases followed"),
        ("x: 1\na: &a\n  b: *a\n", "too large with all aliases followed"),
        ("&a [*a]", "too large with all aliases followed"),
    ],
)
def test_depth_and_size_are_bounded(text: str, why: str) -> None:
    assert why in error_of(text)


@pytest.mark.parametrize("scalar", ["!!int x", "!!bool x", "!!timestamp x", '!!int ""', "0b_", "9" * 5000, "!!float x"])
def test_scalar_that_does_not_fit_its_tag_stays_text(scalar: str) -> None:
    value = parse_yaml(f"a: &a {scalar}\nb: *a\n", "f.yml").value
    assert value["a"] == value["b"] and isinstance(value["a"], (str, int))


def write(tmp_path: pathlib.Path, name: str, data: str | bytes) -> str:
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return str(path)


def test_json_is_read_by_the_same_door(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path, "f.json", b'\xef\xbb\xbf{\n\t"a":\t[1e5,\n\t\t"\\ud83d\\ude00\\/"]\n}')
    located = read_yaml(path, "opt")
    assert located.value == {"a": [1e5, "\U0001f600/"]}
    assert (located.line(("a",)), located.line(("a", 1))) == (2, 3)
    with pytest.raises(CisError, match=re.escape(f"opt {path} line 3: a: duplicate key; remove one")):
        read_yaml(write(tmp_path, "f.json", '{"a": 1,\n"b": 2,\n"a": 3}'), "opt", unique=True)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{"a": 1,\n}', "line 2: not valid JSON: "),
        ("a: 1\n", "line 1: not valid JSON: Expecting value; correct the file"),
        ("[" * 90000, "line 1: not valid JSON: nested too deeply"),
        ("[" * 200 + "]" * 200, "line 1: not valid JSON: nested too deeply"),
        ("[" + "9" * 5000 + "]", "line 1: not valid JSON: a value that cannot be read"),
        ('["geheim\n"]', "line 1: not valid JSON: Invalid control character at; correct the file"),
    ],
)
def test_invalid_json(tmp_path: pathlib.Path, text: str, where: str) -> None:
    path = write(tmp_path, "f.json", text)
    with pytest.raises(CisError, match=re.escape(f"opt {path} {where}")):
        read_yaml(path, "opt")


def test_file_that_cannot_be_read(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "gone.yml")
    with pytest.raises(CisError, match=f"^opt {re.escape(path)}: cannot be read: No such file or directory"):
        read_yaml(path, "opt")
    with pytest.raises(CisError, match=f"^{re.escape(path)}: "):
        read_yaml(path)
    with pytest.raises(CisError, match="cannot be read"):
        read_yaml(write(tmp_path, "latin.yml", b"a: \xe4\n"), "opt")


def test_byte_order_mark_is_no_text(tmp_path: pathlib.Path) -> None:
    assert read_yaml(write(tmp_path, "bom.yml", b"\xef\xbb\xbfa: 1\n")).value == {"a": 1}
