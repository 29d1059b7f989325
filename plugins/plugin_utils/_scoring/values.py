# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Flag values, parsed as the components' Go libraries parse them. Each parser raises ValueError for an invalid one."""

from __future__ import annotations

import ipaddress
import re

_INTEGER = re.compile(r"[+-]?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_DURATION = re.compile(r"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h))+")
_DURATION_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)")
_LARGEST = 2**63 - 1  # of Go's integers, and of its durations in nanoseconds
_UNITS = {"ns": 1e-9, "us": 1e-6, "\u00b5s": 1e-6, "\u03bcs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_CSV = re.compile(r'\n*((?:"(?:[^"]|"")*"|[^",\n]*)(?:,(?:"(?:[^"]|"")*"|[^",\n]*))*)(?:\n.*)?', re.DOTALL)
_CSV_FIELD = re.compile(r'(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))')


def parse_bool(text: str) -> bool:
    """strconv.ParseBool."""
    if text in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if text in ("0", "f", "F", "false", "FALSE", "False"):
        return False
    raise ValueError(f"{text!r} is not a valid boolean")


def parse_int(text: str) -> int:
    """strconv.ParseInt with base 0: a leading 0 is octal, 0x hexadecimal."""
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"{text!r} is not a whole number")
    digits = text.lstrip("+-")
    base = 16 if digits[:2].lower() == "0x" else 8 if digits[0] == "0" else 10
    number = -int(digits, base) if text[0] == "-" else int(digits, base)
    if not -_LARGEST - 1 <= number <= _LARGEST:
        raise ValueError(f"{text!r} is not a whole number of 64 bits")
    return number


def parse_duration(text: str) -> float:
    """time.ParseDuration, in seconds."""
    if text in ("0", "+0", "-0"):
        return 0.0
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is not a valid duration such as 30m or 1h30m")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _DURATION_PART.findall(text))
    if seconds > _LARGEST / 1e9:
        raise ValueError(f"{text!r} is not a valid duration (longer than 292 years)")
    return -seconds if text[0] == "-" else seconds


def parse_ip(text: str) -> str:
    """net.ParseIP after trimming, as pflag's IP value does."""
    return str(ipaddress.ip_address(text.strip()))


def parse_list(text: str) -> list[str]:
    """pflag's string slice: the first line that is not empty, as CSV with Go's line endings."""
    if not text:
        return []
    record = _CSV.fullmatch(text.replace("\r\n", "\n").removesuffix("\r"))
    if not record or not record[1]:
        raise ValueError(f"{text!r} is not a valid comma-separated list")
    return [quoted.replace('""', '"') if quoted else plain for quoted, plain in _CSV_FIELD.findall(record[1])]


def parse_gates(text: str) -> dict[str, str]:
    """Feature gates: comma-separated Name=bool pairs. The values stay text: only one gate is judged."""
    return {
        name.strip(): value.strip()
        for name, _equals, value in (pair.partition("=") for pair in text.split(",") if pair)
    }
