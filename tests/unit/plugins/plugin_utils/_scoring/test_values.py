# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._scoring.values import (
    parse,
    parse_bool,
    parse_duration,
    parse_gates,
    parse_int,
    parse_ip,
    parse_list,
)


@pytest.mark.parametrize("text", ["1", "t", "T", "true", "TRUE", "True"])
def test_true(text: str) -> None:
    assert parse_bool(text) is True


@pytest.mark.parametrize("text", ["0", "f", "F", "false", "FALSE", "False"])
def test_false(text: str) -> None:
    assert parse_bool(text) is False


@pytest.mark.parametrize("text", ["", " ", "tRue", "yes", "no", "on", "off", "2", "-1", "01", " true", "true ", "nil"])
def test_no_boolean(text: str) -> None:
    with pytest.raises(ValueError, match="boolean"):
        parse_bool(text)


@pytest.mark.parametrize(
    "text, number",
    [
        ("0", 0),
        ("30", 30),
        ("+30", 30),
        ("-30", -30),
        ("030", 24),
        ("-010", -8),
        ("00", 0),
        ("0x1E", 30),
        ("0X1e", 30),
        ("-0x1", -1),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
    ],
)
def test_whole_numbers(text: str, number: int) -> None:
    assert parse_int(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-",
        "+",
        "x",
        "1.0",
        "1e3",
        "08",
        "0x",
        "0xg",
        "30 ",
        " 30",
        "3 0",
        "--30",
        "30d",
        "٣",
        "½",
        "None",
        "30\n",
    ]
    # more than the component's integers hold
    + ["9223372036854775808", "-9223372036854775809", "0xffffffffffffffffff", "99999999999999999999999"],
)
def test_no_whole_number(text: str) -> None:
    with pytest.raises(ValueError, match="whole number"):
        parse_int(text)


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("0", 0),
        ("-0", 0),
        ("+0", 0),
        ("0s", 0),
        ("5m", 300),
        ("1h30m", 5400),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("5.s", 5),
        ("+5s", 5),
        ("-5s", -5),
        ("300ms", 0.3),
        ("1us", 1e-6),
        ("1\u00b5s", 1e-6),
        ("1\u03bcs", 1e-6),
        ("1ns", 1e-9),
        ("1h1m1s1ms", 3661.001),
        ("1s1h", 3601),
        ("2562047h", 2562047 * 3600),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "s",
        ".",
        ".s",
        "-",
        "5x",
        "5 m",
        " 5m",
        "5m ",
        "1h-5m",
        "1d",
        "5M",
        "1e3s",
        "1,5s",
        "00",
        "\u0665s",
        "5m\n",
    ]
    # beyond 292 years
    + ["2562048h", "-2562048h", "99999999999999999999h"],
)
def test_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    "text, address", [("127.0.0.1", "127.0.0.1"), (" 127.0.0.1 ", "127.0.0.1"), ("::1", "::1"), ("0:0::1", "::1")]
)
def test_addresses(text: str, address: str) -> None:
    assert parse_ip(text) == address


@pytest.mark.parametrize("text", ["", "127.0.0", "127.0.0.1:80", "localhost", "256.0.0.1", "127.0.0.1/8", "1", "[::1]"])
def test_no_address(text: str) -> None:
    with pytest.raises(ValueError):
        parse_ip(text)


@pytest.mark.parametrize(
    "text, members",
    [
        ("", []),
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        ("a,,b,", ["a", "", "b", ""]),
        (" a, b ", [" a", " b "]),
        ("a\nb", ["a"]),
        ("\n\na\nb", ["a"]),
        ("a\r", ["a"]),
        ("a,b\r\nc", ["a", "b"]),
        ("a\rb", ["a\rb"]),
        ('"a\nb",c', ["a\nb", "c"]),
        ('"a,b",c', ["a,b", "c"]),
        ('"a"', ["a"]),
        ('"a""b",c', ['a"b', "c"]),
        ('a,""', ["a", ""]),
        ('"",a', ["", "a"]),
    ],
)
def test_lists(text: str, members: list[str]) -> None:
    assert parse_list(text) == members


@pytest.mark.parametrize("text", ['"', 'a"b', '"a', '"a"b', 'a,"b', '"a" ,b', ' "a"', 'a,b"', "\n", "\r", '\n"a'])
def test_no_list(text: str) -> None:
    with pytest.raises(ValueError, match="list"):
        parse_list(text)


@pytest.mark.parametrize(
    "text, gates",
    [
        ("", []),
        ("A=true", [("A", "true")]),
        ("A=true,B=false", [("A", "true"), ("B", "false")]),
        ("A=true,A=false", [("A", "true"), ("A", "false")]),
        (" A = true ,,", [("A", "true")]),
        ("A", [("A", "")]),
        ("A=b=c", [("A", "b=c")]),
    ],
)
def test_gates(text: str, gates: list[tuple[str, str]]) -> None:
    assert parse_gates(text) == gates


@pytest.mark.parametrize(
    "text, number", [("0o36", 30), ("0O36", 30), ("0b11", 3), ("3_0", 30), ("0x_1e", 30), ("0_36", 30), ("-1_0", -10)]
)
def test_forms_of_go_1_13(text: str, number: int) -> None:
    assert parse("int", text) == number
    with pytest.raises(ValueError):
        parse("int", text, go_1_13=False)


@pytest.mark.parametrize("text", ["_30", "30_", "3__0", "0_x1e", "0x", "0o", "0b2", "0o8", "0_8"])
def test_no_form_of_any_go(text: str) -> None:
    with pytest.raises(ValueError):
        parse("int", text)


@pytest.mark.parametrize(
    "kind, least, most", [("int", -(2**63), 2**63 - 1), ("int32", -(2**31), 2**31 - 1), ("uint", 0, 2**64 - 1)]
)
def test_ranges(kind: str, least: int, most: int) -> None:
    assert (parse(kind, str(least)), parse(kind, str(most))) == (least, most)
    for text in (str(least - 1), str(most + 1)):
        with pytest.raises(ValueError):
            parse(kind, text)


@pytest.mark.parametrize("text", ["+1", "-0", "-1"])
def test_an_unsigned_number_has_no_sign(text: str) -> None:
    with pytest.raises(ValueError):
        parse("uint", text)


@pytest.mark.parametrize("text", ["0.5ns", "0.0000000001s", ".9ns", "-.5ns"])
def test_less_than_a_nanosecond_is_nothing(text: str) -> None:
    assert parse("duration", text) == 0


@pytest.mark.parametrize("text", ["9223372036854775808ns", "2562047h48m", "1h.s", "1h-1m", "1_0s"])
def test_durations_that_go_refuses(text: str) -> None:
    with pytest.raises(ValueError):
        parse("duration", text)


@pytest.mark.parametrize("text", ["::ffff:127.0.0.1", "::ffff:7f00:1", "\x85127.0.0.1\u3000"])
def test_other_forms_of_an_address(text: str) -> None:
    assert parse("ip", text) == "127.0.0.1"


@pytest.mark.parametrize("text", ["", "::1%lo", "127.1", "127.0.0.1/8", "\x1f127.0.0.1"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError):
        parse("ip", text)


@pytest.mark.parametrize(
    "kind", ["bool", "int", "int32", "uint", "duration", "ip", "list", "gates", "string", "strings"]
)
@pytest.mark.parametrize("part", ["1", "0", "1h", "1.", '"', '""', ",", "\n", "a=b,", "_0", ".", "1h1", '","'])
def test_time_grows_with_the_text_alone(kind: str, part: str) -> None:
    started = time.process_time()
    for text in (part * 50_000, "-" + part * 50_000, part * 50_000 + "x"):
        try:
            parse(kind, text)
        except ValueError:
            pass
    assert time.process_time() - started < 5
