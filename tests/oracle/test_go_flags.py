# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argument lists mean to us what they mean to Go's flag and pflag, and to the real kube-apiserver and etcd."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import typing as t

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ansible_collections.rke.cis.plugins.module_utils._flags import parse_flags
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.values import parse

PFLAG = "github.com/spf13/pflag"
GOPATH = pathlib.Path("/usr/share/gocode")
TYPES = {
    "bool": "bool",
    "int": "int",
    "int32": "int32",
    "uint": "uint",
    "wait": "duration",
    "ip": "ip",
    "list": "list",
    "many": "strings",
    "text": "string",
}
GO_TYPES = {"bool": "bool", "uint": "uint", "wait": "duration", "text": "string"}


class Go:
    """The program flags.go, which answers one question on each line."""

    def __init__(self, program: pathlib.Path) -> None:
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, style: str, types: dict[str, str], args: list[str]) -> dict[str, t.Any]:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({"Style": style, "Types": types, "Args": args}).encode() + b"\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=10)


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Go]:
    if not shutil.which("go") or not (GOPATH / "src" / PFLAG).is_dir():
        pytest.skip("Go or its pflag is not installed; install golang-go and golang-github-spf13-pflag-dev")
    work = tmp_path_factory.mktemp("go")
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(GOPATH), "GOCACHE": str(work / "cache")}
    source = pathlib.Path(__file__).with_name("flags.go")
    subprocess.run(["go", "build", "-o", work / "flags", source], env=environment, check=True, timeout=300)
    program = Go(work / "flags")
    yield program
    program.close()


NUMBERS = st.one_of(
    st.from_regex(r"[+-]?(0[xXoObB]?)?[0-9a-f_]{0,20}", fullmatch=True),
    st.sampled_from([2**31, 2**63, 2**64]).flatmap(lambda n: st.integers(-n - 1, n + 1)).map(str),
)
DURATIONS = st.lists(
    st.from_regex(r"[0-9]{0,20}(\.[0-9]{0,22})?(ns|us|\u00b5s|ms|s|m|h|d|)", fullmatch=True), max_size=3
).flatmap(lambda parts: st.sampled_from(["", "-", "+"]).map(lambda sign: sign + "".join(parts)))
ADDRESSES = st.one_of(
    st.ip_addresses().map(str),
    st.ip_addresses(v=4).map(lambda address: f" ::ffff:{address}\t"),
    st.from_regex(r"[0-9:.% ]{0,12}", fullmatch=True),
)
LISTS = st.text(alphabet='ab ,"\n\r', max_size=8)
WORDS = st.sampled_from(
    ["", "-", "--", "false", "true", "x", "t", "F", "-v", "-v=1", "--text", "--bool=false", "/a", "=", "---x"]
)
VALUES = st.one_of(NUMBERS, DURATIONS, ADDRESSES, LISTS, WORDS)


def arguments(types: dict[str, str], dashes: list[str]) -> st.SearchStrategy[list[str]]:
    name = st.tuples(st.sampled_from(dashes), st.sampled_from(sorted(types))).map("".join)
    one = st.one_of(
        st.tuples(name, VALUES).map(lambda pair: ["=".join(pair)]),
        st.tuples(name, VALUES).map(list),
        name.map(lambda flag: [flag]),
        WORDS.map(lambda word: [word]),
    )
    return st.lists(one, max_size=4).map(lambda parts: [word for part in parts for word in part])


def ours(style: str, types: dict[str, str], args: list[str]) -> dict[str, t.Any] | None:
    """Return the value of each flag that is given, as Go has it, or None where the component refuses one of them."""
    found = parse_flags(args, style, {f"--{name}": kind for name, kind in types.items()}, underscores=False)
    found.pop("", None)
    values = {}
    for flag, occurrences in found.items():
        kind = types.get(flag[2:])
        try:
            if kind is None or any(value is None for _name, value in occurrences):
                return None
            parsed = [parse(kind, t.cast(str, value)) for _name, value in occurrences]
        except ValueError:
            return None
        if kind in ("list", "strings"):
            values[flag[2:]] = [member for value in parsed for member in value]
        elif kind == "duration":
            values[flag[2:]] = round(parsed[-1] * 1e9)
        else:
            values[flag[2:]] = parsed[-1]
    return values


def agree(expected: dict[str, t.Any], found: dict[str, t.Any] | None, args: list[str]) -> None:
    if expected["Values"].get("ip") == "<nil>":
        return  # only newer versions of pflag take an empty address
    if expected["Refused"]:
        return  # the words that are no flags are refused too, which a control does not ask
    assert found is not None, args
    for name, value in expected["Values"].items():
        if name == "wait":  # a float of seconds
            assert found.pop(name) == pytest.approx(value, rel=1e-12, abs=0.4), args
        else:
            assert found.pop(name) == (value or [] if isinstance(found.get(name), list) else value), args
    assert not found, args


ONCE = settings(
    max_examples=600, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)


@ONCE
@given(args=arguments(TYPES, ["--"]))
@example(["--text", "--bool=false"])
@example(["-v", "--bool"])
@example(["--bool", "false", "--text=a"])
def test_argument_lists_of_pflag(go: Go, args: list[str]) -> None:
    agree(go.ask("pflag", TYPES, args), ours("pflag", TYPES, args), args)


@ONCE
@given(args=arguments(GO_TYPES, ["-", "--"]))
@example(["--bool", "false", "--text=a"])
def test_argument_lists_of_go(go: Go, args: list[str]) -> None:
    expected = go.ask("go", GO_TYPES, args)
    if not expected["Rest"]:
        agree(expected, ours("go", GO_TYPES, args), args)


@ONCE
@given(kind=st.sampled_from(sorted(TYPES)), value=VALUES)
def test_values(go: Go, kind: str, value: str) -> None:
    """One flag with one value: it is refused exactly where Go refuses it."""
    args = [f"--{kind}={value}"]
    expected, found = go.ask("pflag", TYPES, args), ours("pflag", TYPES, args)
    assert (found is None) == (expected["Refused"] or expected["Values"].get("ip") == "<nil>"), args
    agree(expected, found, args)


def refusal(command: list[t.Any], **environment: str) -> str:
    """Return what a component says when it starts, or nothing if it still runs after a while."""
    try:
        run = subprocess.run(
            command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=2, check=False
        )
    except subprocess.TimeoutExpired:
        return ""
    return run.stdout + run.stderr


@pytest.mark.parametrize(
    "args, message",
    [
        (["--insecure_port=0"], "unknown flag: --insecure_port"),
        (["--profiling", "false"], "does not take any arguments"),
        (["--profiling=no", "--profiling=false"], "invalid argument"),
        (["--audit-log-maxage=9223372036854775808"], "invalid argument"),
        (["--bind-address="], "invalid argument"),
        (["--cloud-config"], "flag needs an argument"),
        (["--cloud-config", "--profiling=no", "--profiling=maybe"], '"maybe"'),
    ],
)
def test_what_the_real_api_server_refuses(args: list[str], message: str) -> None:
    cache = pathlib.Path(os.environ.get("RKE_CIS_CACHE", pathlib.Path.home() / ".cache" / "rke-cis"))
    program = cache / "kube-apiserver-1.20.2"
    if not program.exists():
        pytest.skip(f"{program} is missing; run make setup")
    assert message in refusal([program, *args])
    types = {
        **dict.fromkeys(["--audit-log-maxage", "--insecure-port"], "int"),
        "--profiling": "bool",
        "--bind-address": "ip",
        "--cloud-config": "string",
    }
    found = parse_flags(args, "pflag_strict", types, underscores=False)
    refused = [flag for flag in found if flag not in types or _invalid(types[flag], found[flag])]
    assert refused


def _invalid(kind: str, occurrences: list[tuple[str, str | None]]) -> bool:
    try:
        return any(value is None or parse(kind, value) is None for _name, value in occurrences)
    except ValueError:
        return True


@pytest.mark.parametrize(
    "args, environment, message",
    [
        (["--auto-tls=true"], {"ETCD_AUTO_TLS": "true"}, "conflicting environment variable"),
        (["--auto-tls", "false"], {}, "not a valid flag"),
        (['"--auto-tls=false"'], {}, "not a valid flag"),
        (["--auto_tls=false"], {}, "not defined"),
        (["--auto-tls=no", "--auto-tls=false"], {}, "invalid boolean"),
    ],
)
def test_what_the_real_etcd_refuses(
    args: list[str], environment: dict[str, str], message: str, tmp_path: pathlib.Path
) -> None:
    program = shutil.which("etcd")
    if not program:
        pytest.skip("etcd is not installed; install etcd-server")
    assert message in refusal([program, f"--data-dir={tmp_path}", *args], **environment)
