# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Flag values, parsed as the components' Go libraries parse them. parse raises ValueError for an invalid one.

Each parser takes time in proportion to the text: a node can send what it likes.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

_LONGEST = 100  # characters of a number, duration or address
_INTEGER = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_INTEGER_GO_1_13 = re.compile(
    r"[+-]?(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0(?:_?[0-7])*|[1-9](?:_?[0-9])*)"
)
_RANGES = {"int": (-(2**63), 2**63 - 1), "int32": (-(2**31), 2**31 - 1), "uint": (0, 2**64 - 1)}
_DURATION_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]+)")
_MAX = 2**63 - 1  # nanoseconds
_UNITS = {
    "ns": 1,
    "us": 10**3,
    "\u00b5s": 10**3,
    "\u03bcs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
# what Go trims; Python trims more
_BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_CSV = re.compile(r'\n*((?:"(?:[^"]|"")*"|[^",\n]*)(?:,(?:"(?:[^"]|"")*"|[^",\n]*))*)(?:\n.*)?', re.DOTALL)
_CSV_FIELD = re.compile(r'(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))')


def parse(kind: str, text: str, go_1_13: bool = True) -> t.Any:
    """Return a value of a flag of this type. Numbers have more forms from Go 1.13 on."""
    if kind in ("duration", "ip", *_RANGES) and len(text) > _LONGEST:
        raise ValueError(f"a value of {len(text)} characters is not valid")
    return parse_int(text, kind, go_1_13) if kind in _RANGES else _PARSERS[kind](text)


def parse_bool(text: str) -> bool:
    """strconv.ParseBool."""
    if text in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if text in ("0", "f", "F", "false", "FALSE", "False"):
        return False
    raise ValueError(f"{text!r} is not a valid boolean")


def parse_int(text: str, kind: str = "int", go_1_13: bool = True) -> int:
    """strconv.ParseInt or ParseUint with base 0: a leading 0 is octal, 0x hexadecimal, from Go 1.13 also 0o and 0b."""
    if not (_INTEGER_GO_1_13 if go_1_13 else _INTEGER).fullmatch(text) or (kind == "uint" and text[0] in "+-"):
        raise ValueError(f"{text!r} is not a whole number")
    digits = text.lstrip("+-").replace("_", "").lower()
    number = int(digits, 0 if digits[0] != "0" or digits[1:2] in ("x", "b", "o") else 8)
    number = -number if text[0] == "-" else number
    least, most = _RANGES[kind]
    if not least <= number <= most:
        raise ValueError(f"{text!r} is not a whole number between {least} and {most}")
    return number


def parse_duration(text: str) -> float:
    """time.ParseDuration, in seconds. Less than a nanosecond is nothing."""
    invalid = ValueError(f"{text!r} is not a valid duration such as 30m or 1h30m")
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0.0
    total = position = 0
    while position < len(rest) or not rest:
        part = _DURATION_PART.match(rest, position)
        if not part or not (part[1] or part[2]) or part[3] not in _UNITS:
            raise invalid
        unit = _UNITS[part[3]]
        total += int(part[1] or "0") * unit + _fraction(part[2] or "", unit)
        position = part.end()
        if total > _MAX + (text[0] == "-"):
            raise ValueError(f"{text!r} is not a valid duration (longer than 292 years)")
    return (-total if text[0] == "-" else total) / 1e9


def _fraction(digits: str, unit: int) -> int:
    """Return what follows the point in nanoseconds. Digits that Go's integers cannot hold are skipped."""
    number, scale = 0, 1
    for digit in digits:
        if number * 10 + int(digit) > _MAX:
            break
        number, scale = number * 10 + int(digit), scale * 10
    return int(number * (unit / scale))


def parse_ip(text: str) -> str:
    """net.ParseIP after trimming, as pflag's IP value does."""
    address = ipaddress.ip_address(text.strip(_BLANKS))
    if getattr(address, "scope_id", None):
        raise ValueError(f"{text!r} is not a valid IP address")
    return str(getattr(address, "ipv4_mapped", None) or address)


def parse_list(text: str) -> list[str]:
    """pflag's string slice: the first line that is not empty, as CSV with Go's line endings."""
    if not text:
        return []
    record = _CSV.fullmatch(text.replace("\r\n", "\n").removesuffix("\r"))
    if not record or not record[1]:
        raise ValueError(f"{text!r} is not a valid comma-separated list")
    return [quoted.replace('""', '"') if quoted else plain for quoted, plain in _CSV_FIELD.findall(record[1])]


def parse_gates(text: str) -> list[tuple[str, str]]:
    """Feature gates: comma-separated Name=bool pairs. The values stay text: only one gate is judged."""
    return [
        (name.strip(), value.strip())
        for name, _equals, value in (pair.partition("=") for pair in text.split(",") if pair)
    ]


_PARSERS: dict[str, t.Callable[[str], t.Any]] = {
    "bool": parse_bool,
    "duration": parse_duration,
    "ip": parse_ip,
    "list": parse_list,
    "gates": parse_gates,
    "strings": lambda text: [text],
    "string": str,
}
