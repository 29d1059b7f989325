# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The self-assessment guide of a hardened cluster: complete, and what it says is what its commands print."""

from __future__ import annotations

import functools
import os
import re
import shutil
import typing as t

import pytest
import scans
from browser import Browser
from conftest import with_api
from testbed import Testbed

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import NODE_TYPES, load_benchmark
from ansible_collections.rke.cis.tests.unit.roles.guide_helper import Control, Guide, read_html, read_markdown

NODES = {"controlplane": "cp1", "etcd": "etcd1", "worker": "worker1"}
PROFILES = ["RKE-CIS-1.3-Hardened", "RKE-CIS-1.4-Hardened"]

# About the use of the cluster, which a person has to judge: without a command, or with those that list objects, which
# test_lists.py looks at. Besides these only what is not applicable has no command.
NO_COMMAND = {f"1.6.{number}" for number in range(1, 9)}


@pytest.fixture(scope="module", params=PROFILES)
def outcome(request: pytest.FixtureRequest, restricted_psp: None, hardened: Testbed, runs: t.Any) -> scans.Outcome:
    variables = {"cis_scan_profile": request.param, "cis_report_formats": ["self_assessment"]}
    return scans.playbook(
        runs("self-assessment"), scans.SCAN, hardened.inventory, with_api(hardened, **variables), bed=hardened
    )


@pytest.fixture(scope="module", params=["md", "html"])
def guide(request: pytest.FixtureRequest, outcome: scans.Outcome) -> Guide:
    text = (outcome.where / f"self_assessment.{request.param}").read_text(encoding="utf-8")
    return {"md": read_markdown, "html": read_html}[request.param](text)


def test_it_is_complete(api: None, outcome: scans.Outcome, guide: Guide) -> None:
    benchmark = load_benchmark(outcome.report["version"])
    assert [control.title for control in guide.controls] == [f"{c['id']} {c['title']}" for c in benchmark.controls]
    by_id = {control.id: control for control in guide.controls}
    for control in benchmark.controls:
        shown = by_id[control["id"]]
        if shown.result == "Not applicable" or control["id"] in NO_COMMAND:
            assert not shown.audit or shown.result == "Manual"
            continue
        assert shown.audit, control["id"]
        wanted = sorted(NODES[NODE_TYPES[kind]] for kind in control["node_type"])
        assert sorted(name for names, _source, _value in shown.returned for name in names) == wanted, control["id"]
        assert any(label == "Remediation" for label, _text in shown.fields) == (
            shown.result in ("Fail", "Warn", "Manual")
        )
    nodes = next(table for table in guide.tables if table[0][0] == "Node")
    assert [row[:2] for row in nodes[1:]] == [[name, role] for role, name in NODES.items()]
    assert not [control.id for control in guide.controls if control.result == "Error"]


# ------------------------------------------------------------------------------- what the commands return

Seen = dict[str, t.Any]


def flags(lines: list[str]) -> Seen:
    """Flag, or variable that stands for it, to value; None where the guide says that it is not set."""
    found: Seen = {}
    for line in lines:
        match = re.fullmatch(r"(?:--?|ETCD_)([^ =]+)(?:[= ](.*))?", line)
        assert match, line
        name = match[1].lower().replace("_", "-")
        found[name] = None if match[2] == "is not set" else match[2] or ""
    return found


def one_path(lines: list[str]) -> Seen:
    """Mode and owner. Where the guide says what offends, it says that alone."""
    (line,) = lines
    line = line.removeprefix("mode ").removeprefix("owner ")
    return {"mode" if word.isdigit() else "owner": word for word in line.split()[:2] if not word.startswith("/")}


def listing(lines: list[str]) -> Seen:
    """Path to mode and owner: `0644 root:root /a/b` in a shell, `/a: . 0755 root:root, b 0644 ...` in the guide."""
    found = {}
    for line in lines:
        if line.startswith("/"):
            directory, _colon, entries = line.partition(": ")
            for entry in entries.split(", "):
                name, mode, owner = entry.rsplit(" ", 2)
                found[os.path.normpath(os.path.join(directory, name))] = [mode, owner]
        else:
            mode, owner, path = line.split(" ", 2)
            found[path] = [mode, owner]
    return found


def summary(lines: list[str], what: int, itself: bool) -> Seen:
    """How many files of a directory, and each mode (what=0) or owner (what=1) once."""
    match = re.fullmatch(r"\S+ \S+, (\d+) entries: (.*)", lines[0])
    if match:
        return {"count": int(match[1]), "each": sorted(match[2].split(", "))}
    files = lines[1:] if itself else lines  # sorted by path, so the directory stands first
    return {"count": len(files), "each": sorted({line.split()[what] for line in files})}


def providers(lines: list[str]) -> Seen:
    """Names in an encryption configuration, and the first provider. A file may name the resources after them."""
    words = [word for line in lines if not line.startswith("--") for word in re.split("[=,]", line)]
    found = [word for word in words if word != "secrets"]
    return {"names": sorted(words), "first": found[0]}


def field(text: str) -> t.Any:
    return None if text in ("", "<none>") else text


def commands_say(control: Control, printed: str, returned: str) -> tuple[Seen, Seen]:
    """Return what the commands printed and what the guide says that was returned, both in one form."""
    lines, told, audit = printed.splitlines(), returned.split("\n"), control.audit
    if audit.startswith("kubectl ") and "jsonpath" in audit:
        path = re.search(r"{\.(.*?)}", audit)[1]
        name, _blank, value = returned.partition(" ")
        assert f" {name} " in audit
        value = None if value == f"{path} is not set" else value.removeprefix(path + "=")
        return {"value": field(printed.strip())}, {"value": value}
    if audit.startswith("kubectl "):
        rows = [line.split(None, 1) for line in lines[1:]]
        told_rows = [re.fullmatch(r"(\S+) \S+?(?: is not set|=(.*))", item) for item in returned.split(", ")]
        return {name: field(value.strip()) for name, value in rows}, {row[1]: row[2] for row in told_rows}
    if told == ["not set"]:  # the flag that names the file
        return flags(lines), {}
    if "grep -owE" in audit:
        return providers(lines), providers(told)
    paths = [line for line in audit.split("\n") if line.startswith(("stat ", "find "))]
    # a flag that names the file is asked for too
    lines = [line for line in lines if not line.startswith("-")] if paths else lines
    if not paths:
        said, shown = flags(told), flags(lines)
        return {**dict.fromkeys(said), **shown}, said
    if control.result == "Manual":
        return listing(lines), listing(told)
    if paths[0].startswith("find "):
        owners = " -mindepth 1 " not in paths[0]
        return summary(lines, int(owners), owners), summary(told, int(owners), owners)
    said, shown = one_path(told), one_path(lines)
    return {key: shown[key] for key in said}, said


@pytest.fixture(scope="module")
def paste(hardened: Testbed) -> t.Callable[[str, str], str]:
    """What commands print in a shell on a node, or with kubectl; each of them is run once."""

    @functools.cache
    def run(node: str, command: str) -> str:
        if command.startswith("kubectl "):
            done = hardened.run(["sh", "-c", command], env={**scans.environment(), "KUBECONFIG": hardened.kubeconfig})
        else:
            done = hardened.shell(node, command)
        assert not done.stderr, f"{node}: {command}\n{done.stderr}"
        return done.stdout

    return run


def test_commands_pasted_into_a_shell_return_what_it_says(
    api: None, paste: t.Callable[[str, str], str], outcome: scans.Outcome, guide: Guide
) -> None:
    assert shutil.which("kubectl"), "kubectl is missing (tests/tools/setup.sh installs it)"
    compared, differ = set(), {}
    for control in guide.controls:
        if not control.audit or control.id in NO_COMMAND:
            assert control.result in ("Not applicable", "Manual"), control.id
            continue
        for names, _source, value in control.returned:
            for name in names:
                printed = paste(name, control.audit)
                shown, said = commands_say(control, printed, value)
                if shown != said:
                    differ[control.id, name] = {"the shell": shown, "the guide": said, "printed": printed}
                compared.add(control.id)
    assert not differ
    assert len(compared) == {"rke-cis-1.3": 90, "rke-cis-1.4": 78}[outcome.report["version"]]


@pytest.mark.parametrize(
    "audit, printed, returned, same",
    [
        ("docker top x | grep a", "--a=1\n", "--a=1", True),
        ("docker top x | grep a", "--a=2\n", "--a=1", False),
        ("docker top x | grep a", "", "--a=1", False),
        ("docker top x | grep a", "--a=1\n", "--a is not set", False),
        ("docker top x | grep a", "--a=1\n--b=2\n", "--a=1", False),
        ("docker top x | grep a", "--a=1\n", "--a=1\n--b is not set", True),
        ("docker top x | grep a", "--a 1\nETCD_B_C=2\n", "--a=1\n--b-c=2", True),
        ("stat /a", "0600 root:root /a\n", "0600 root:root", True),
        ("stat /a", "0644 root:root /a\n", "0600 root:root", False),
        ("stat /a", "0600 etcd:etcd /a\n", "owner root:root", False),
        ("find /a -mindepth 1 -exec", "0600 root:root /a/b\n", "0755 root:root, 1 entries: 0600", True),
        ("find /a -mindepth 1 -exec", "0600 root:root /a/b\n", "0755 root:root, 2 entries: 0600", False),
        ("find /a -exec", "0755 root:root /a\n0600 u:g /a/b\n", "0755 root:root, 1 entries: root:root", False),
        ("kubectl get p x -o jsonpath='{.a.b}'", "true\n", "x a.b=true", True),
        ("kubectl get p x -o jsonpath='{.a.b}'", "\n", "x a.b is not set", True),
        ("kubectl get p x -o jsonpath='{.a.b}'", "\n", "x a.b=true", False),
        ("kubectl get p", "NAME a\nx    <none>\n", "x a is not set", True),
        ("kubectl get p", "NAME a\nx    true\n", "x a is not set", False),
        ("grep -owE 'secrets|kms' /f", "kms\nsecrets\n", "secrets=kms", True),
        ("grep -owE 'secrets|kms' /f", "identity\nkms\nsecrets\n", "secrets=kms,identity", False),
    ],
)
def test_the_comparison_sees_a_difference(audit: str, printed: str, returned: str, same: bool) -> None:
    control = Control("1.1 x", [("Result", "Pass (scored)")], [("Audit, somewhere", audit)])
    shown, said = commands_say(control, printed, returned)
    assert (shown == said) is same


# ------------------------------------------------------------------------------------------- in a browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_all_of_it(api: None, outcome: scans.Outcome, browser: Browser, scheme: str) -> None:
    path = outcome.where / "self_assessment.html"
    guide = read_html(path.read_text(encoding="utf-8"))
    opened = browser.open(path, width=800, color_scheme=scheme, java_script_enabled=scheme == "light")
    page = opened.page
    try:
        assert page.locator("h1, h2, h3").all_inner_texts() == [title for _level, title in guide.headings]
        assert opened.overflow == 0
        dark, text = "rgb(21, 25, 30)", page.locator("body")
        assert (text.evaluate("e => getComputedStyle(e).backgroundColor") == dark) is (scheme == "dark")
        page.locator("li a", has_text="Ensure that").first.click()
        assert page.locator("h3:target").is_visible()
        assert not opened.complaints and not opened.foreign
    finally:
        opened.close()


def test_it_prints_on_a4(api: None, outcome: scans.Outcome, browser: Browser) -> None:
    opened = browser.open(outcome.where / "self_assessment.html")
    try:
        pdf = opened.page.pdf(prefer_css_page_size=True)
        # the width that a sheet leaves, in pixels of CSS: nothing is cut off at the right
        opened.page.emulate_media(media="print")
        opened.page.set_viewport_size({"width": 680, "height": 1000})
        assert opened.overflow == 0
    finally:
        opened.close()
    pages = re.findall(rb"/MediaBox *\[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert {(round(float(width)), round(float(height))) for width, height in pages} == {(595, 842)}
    controls = outcome.report["total"]
    assert controls / 5 < len(pages) < controls / 2, "two to five controls on a page"
