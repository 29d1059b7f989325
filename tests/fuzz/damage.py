# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents and texts, damaged in a few places, as strategies of hypothesis."""

from __future__ import annotations

import copy
import json
import typing as t

import hypothesis
from hypothesis import strategies as st

CANARY = "CANARYsecret1"

# Values that have gone wrong somewhere before, or that some reader could take for code, a name or a number.
ODD: list[t.Any] = [
    None,
    True,
    False,
    0,
    -1,
    2**31,
    2**70,
    1.5,
    float("nan"),
    float("inf"),
    "",
    " ",
    "\n",
    "0",
    " 600\n",
    "6_0_0",
    "\u0661\u0662\u0663",
    "-delete",
    "--",
    "../../etc/shadow",
    "/etc/\x00",
    "=cmd()",
    "\uff1d1+1",
    ";=1",
    "\n@SUM(A1)",
    "<script>alert(1)</script>",
    "]]>",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "\x1b[31mred",
    "\u202eleft",
    "\ud800",
    "`" * 300,
    "![x](http://example.com/)",
    "v" + "1" * 5000,
    "9" * 5000 + "h",
    "x" * 70_000,
    [],
    {},
    [None],
    [[[[[]]]]],
    {"": ""},
    {"error": None},
    {"error": {"kind": [], "message": {}}},
    {"name": {"name": {}}},
]


def fuzz(examples: int) -> t.Callable[[t.Callable[..., None]], t.Callable[..., None]]:
    """So many examples, the same ones at each run; no time limit, since machines are busy."""
    return hypothesis.settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[hypothesis.Phase.generate],  # without shrinking, which would take minutes
        suppress_health_check=list(hypothesis.HealthCheck),
    )


def places(document: t.Any) -> list[tuple[t.Any, t.Any]]:
    """Return each container of a document with each of its keys."""
    if isinstance(document, dict):
        items: t.Iterable[tuple[t.Any, t.Any]] = document.items()
    elif isinstance(document, list):
        items = enumerate(document)
    else:
        return []
    return [place for key, value in items for place in [(document, key), *places(value)]]


@st.composite
def documents(draw: st.DrawFn, seeds: list[t.Any]) -> t.Any:
    """One of the documents with up to three values replaced, removed, or given another key."""
    document = copy.deepcopy(draw(st.sampled_from(seeds)))
    for _damage in range(draw(st.integers(1, 3))):
        found = places(document)
        if not found:
            break
        # not sampled_from, which would show all places of a failure
        where, key = found[draw(st.integers(0, len(found) - 1))]
        how = draw(st.sampled_from(["replace", "replace", "replace", "remove", "rename", "double"]))
        if how == "replace":
            where[key] = copy.deepcopy(draw(st.sampled_from(ODD)))
        elif how == "remove":
            del where[key]
        elif how == "double" and isinstance(where, list):
            where.append(copy.deepcopy(where[key]))
        elif isinstance(where, dict):
            where[str(draw(st.sampled_from(ODD)))[:80]] = where.pop(key)
    return document


def as_json(document: t.Any) -> bytes:
    return json.dumps(document).encode()


_PIECES = [
    b"\x00",
    b"\xff\xfe",
    b"\r",
    b"\t",
    b"\n---\n",
    b"&a ",
    b"*a",
    b"<<: *a\n",
    b"!unsafe ",
    b"!vault |\n",
    b": ",
    b"- ",
]
_PIECES += [
    b"[" * 2000,
    b"{{ 7 }}",
    b"'",
    b'"',
    b"|\n",
    b"? ",
    b"# ",
    b"99999999999999999999",
    b"\xef\xbb\xbf",
    b"null",
    b"~",
]


@st.composite
def texts(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """One of the texts with up to four slices removed, doubled, moved, or replaced."""
    text = draw(st.sampled_from(seeds))
    for _damage in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 1, 2, 5, 20, 200])))
        how = draw(st.sampled_from(["insert", "replace", "remove", "double", "indent"]))
        piece = draw(st.sampled_from(_PIECES))
        text = {
            "insert": text[:start] + piece + text[start:],
            "replace": text[:start] + piece + text[end:],
            "remove": text[:start] + text[end:],
            "double": text[:end] + text[start:],
            "indent": text[:start] + text[start:end].replace(b"\n", b"\n  ") + text[end:],
        }[how]
    return text
