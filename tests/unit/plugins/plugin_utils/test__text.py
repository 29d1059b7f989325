# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.utils.unsafe_proxy import AnsibleUnsafeText

from ansible_collections.rke.cis.plugins.plugin_utils._text import duration, legal_xml, make_unsafe


def test_every_text_is_marked_and_nothing_is_changed() -> None:
    data = {"a": ["{{ x }}", 1, None, True, 1.5, {"b": ("c",)}], "{{ key }}": ""}
    found = make_unsafe(data)
    assert found == {"a": ["{{ x }}", 1, None, True, 1.5, {"b": ["c"]}], "{{ key }}": ""}
    marked = type(AnsibleUnsafeText("x"))
    texts = [*found, found["a"][0], found["a"][5]["b"][0], *found["a"][5]]
    assert [type(text) for text in texts] == [marked] * 5
    assert found["a"][3] is True


def test_characters_of_xml() -> None:
    assert legal_xml("a\x00\x08\x0b\x1f\ud800\udfff\ufffe\uffffz") == "a????????z"
    assert legal_xml("\t\n\r <\x7f\x85\u2028\ue000\ufffd\U0001f600") == "\t\n\r <\x7f\x85\u2028\ue000\ufffd\U0001f600"


@pytest.mark.parametrize(
    "seconds, text",
    [(0.4, "0 s"), (119, "119 s"), (301, "5 min"), (7199, "120 min"), (86400, "24 h"), (172800, "2 days")],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text
