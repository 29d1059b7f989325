# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report in HTML, in a real Chromium."""

from __future__ import annotations

import io
import json
import pathlib
import re
import typing as t

import pypdf
import pytest
import scans
from browser import Browser, Opened
from checker import html_errors
from playwright.sync_api import expect

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._reports.render import environment
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import COUNTS, report_checks, score
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import cluster, lost, node, set_flag

BENCHMARK = load_benchmark("rke-cis-1.4")
PRACTICE = scans.PRACTICE / "inventory.yml"
LETTERS = {
    "pass": "p", "fail": "f", "warn": "w", "error": "e", "manual": "m", "skip": "s", "notApplicable": "n",
}  # fmt: skip

# Where a name, a value or a reason could break out: text, attribute, script, style, template, comment.
HOSTILE = [
    "<script>alert('node')</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(2)",
    "</script><script>alert(3)</script>",
    "</title></style><svg onload=alert(4)>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(5)",
    "--><b>&lt;&amp;",
    "\u202egnp.exe \u2028 \\u003c",
    "x" * 300,
]

Report = dict[str, t.Any]


def failing(name: str, roles: list[str], value: str = "true") -> dict[str, t.Any]:
    document = node(name, roles)
    set_flag(document, "kubelet", "--anonymous-auth=" + value)
    return document


def report_of(documents: list[dict[str, t.Any]], profile: str = "hardened", **more: t.Any) -> Report:
    scan = {"name": "20261121T220000Z-scan", "kind": "scheduled", "by": "ops"}
    return build_report(BENCHMARK, profile, documents, cluster(), **{"cluster": "prod", "scan": scan, **more})


def past(report: Report, *scores: tuple[int, int]) -> list[dict[str, t.Any]]:
    """Return a history of scans with these numbers of passed and failed controls, and the report's own as the last."""

    def entry(number: int, **counts: int) -> dict[str, t.Any]:
        about = {"name": f"scan{number}", "kind": "manual", "collected_at": f"2026-10-{number + 1:02}T02:00:00Z"}
        numbers = {**dict.fromkeys(COUNTS, 0), **counts}
        scores = {"score": score(numbers), "weighted_score": 42}
        return {**about, "profile": report["profile"], "total": 97, **scores, **numbers}

    found = [entry(number, **{"pass": good, "fail": bad}) for number, (good, bad) in enumerate(scores)]
    return [*found, {**entry(len(scores)), **{key: report[key] for key in ("score", "weighted_score", *COUNTS)}}]


def write(path: pathlib.Path, report: Report, **more: t.Any) -> pathlib.Path:
    template = environment().get_template("report.html.j2")
    path.write_text(template.render(report=report, rows=[], **{"history": [], "comparison": None, **more}), "utf-8")
    return path


def compared(value: str) -> dict[str, t.Any]:
    """Return a comparison with some of each kind, and a value that a node says."""
    about = {"id": "2.1.1", "title": "One"}
    return {
        "from": {"name": "scan1", "collected_at": "2026-11-20T00:00:00Z"},
        "to": {"name": "scan2", "collected_at": "2026-11-21T00:00:00Z"},
        "newly_failing": [{**about, "nodes": ["worker2", value]}],
        "fixed": [{**about, "nodes": [f"n{number}" for number in range(30)]}],
        "changed": [{**about, "nodes": ["worker3"], "before": value, "after": "--x=2"}],
        "nodes_added": ["worker3"],
        "nodes_gone": [],
        "not_compared": ["1.1.7"],
        "other": [{**about, "before": "skip", "after": "pass"}],
    }


@pytest.fixture(scope="module")
def report() -> Report:
    """Three workers that differ, one controlplane, one etcd node of which nothing was seen."""
    documents = [node("cp1", ["controlplane"]), lost("etcd1", ["etcd"]), node("worker1", ["worker"])]
    return report_of(
        [*documents, failing("worker2", ["worker"]), failing("worker3", ["worker"], "maybe")],
        skips={"1.1.2": {"by": "variable", "reason": "ticket 4711"}},
    )


@pytest.fixture(scope="module")
def file(report: Report, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return write(tmp_path_factory.mktemp("html") / "report.html", report)


@pytest.fixture
def opened(browser: Browser, file: pathlib.Path) -> t.Iterator[Opened]:
    page = browser.open(file)
    yield page
    assert (page.complaints, page.foreign) == ([], [])
    page.close()


def shown(opened: Opened) -> list[str]:
    """The ids of the controls that a reader sees."""
    rows = opened.page.locator("tr.control")
    return rows.evaluate_all("rows => rows.filter(row => row.checkVisibility()).map(row => row.dataset.id)")


def ids(report: Report, *states: str) -> list[str]:
    return [check["id"] for check in report_checks(report) if check["state"] in states]


def on(report: Report, *nodes: str) -> list[str]:
    """The ids of the controls that run on one of these nodes, judged or not."""
    kinds = {kind for kind, names in report["nodes"].items() if set(names) & set(nodes)}
    return [check["id"] for check in report_checks(report) if kinds & set(check["node_type"])]


def choose(opened: Opened, *states: str, node: str = "", text: str = "") -> str:
    """Fill the filter in by hand, and return what a screen reader is told."""
    page = opened.page
    page.get_by_role("button", name="Clear").click()
    for state in states:
        page.locator(f"input[value='{state}']").check()
    page.get_by_label("Node", exact=True).fill(node)
    page.get_by_label("Text", exact=True).fill(text)
    return page.get_by_role("status").inner_text()


# ----------------------------------------------------------------------------------------------- what is told


def test_a_scan_writes_it(tmp_path: pathlib.Path, browser: Browser) -> None:
    done = scans.playbook(tmp_path, scans.SCAN, PRACTICE, {"cis_report_formats": ["html"]})
    page = browser.open(done.where / "report.html")
    assert shown(page) == [check["id"] for check in report_checks(done.report)]
    assert page.page.locator("h1").inner_text() == "Cluster practice"
    counts = page.page.locator(".legend b").all_inner_texts()
    assert counts == [str(done.report[state]) for state in LETTERS]
    for warning in done.report["warnings"]:
        assert warning in page.page.locator(".warning").inner_text()
    assert (page.complaints, page.foreign) == ([], [])
    page.close()


@pytest.mark.parametrize(
    "counts, score, said",
    [
        ({"pass": 60, "fail": 3}, "95%", "60 of 63"),
        ({"pass": 999, "fail": 1}, "99%", "999 of 1000"),
        ({"pass": 5}, "100%", "5 of 5"),
        ({"fail": 1, "skip": 90}, "0%", "0 of 1"),
        ({"pass": 1, "warn": 3, "error": 1, "skip": 5, "manual": 7, "notApplicable": 9}, "50%", "1 of 2"),
        ({"skip": 9}, "-", "No control was judged"),
    ],
)
def test_the_score_is_the_share_of_passed_among_judged(
    counts: dict[str, int], score: str, said: str, report: Report, tmp_path: pathlib.Path, browser: Browser
) -> None:
    changed = {**report, **dict.fromkeys(COUNTS, 0), **counts, "total": sum(counts.values())}
    page = browser.open(write(tmp_path / "r.html", changed))
    assert page.page.locator(".score strong").inner_text() == score
    assert said in page.page.locator(".verdict").inner_text()
    arcs = page.page.locator(".arc").evaluate_all(
        "arcs => arcs.map(arc => parseFloat(arc.getAttribute('stroke-dasharray')))"
    )
    assert arcs == pytest.approx([counts[key] * 100 / changed["total"] for key in LETTERS if key in counts], abs=0.001)
    page.close()


def test_each_control_tells_all_that_was_seen_and_what_to_do(opened: Opened, report: Report) -> None:
    for check in report_checks(report):
        row = opened.page.locator(f'tr[data-id="{check["id"]}"]')
        text = row.evaluate("row => row.textContent.replace(/\\s+/g, ' ')")
        parts = check.get("evidence", [])
        said = [check["remediation"].replace("`", ""), *check.get("audit", []), check.get("reason", "")]
        said += [check.get("note", ""), check.get("by", "")]
        said += [part[key] for part in parts for key in ("expected", "actual", "source")]
        said += [name for part in parts for name in part["nodes"]]
        said += [part["reason"] for part in parts if part["state"] == "error"]
        for words in said:
            assert " ".join(words.replace("`", "").split()) in text, check["id"]


def test_without_scripts_all_is_there(browser: Browser, file: pathlib.Path, report: Report) -> None:
    page = browser.open(file, java_script_enabled=False)
    assert page.page.locator("tr.control").count() == report["total"]
    assert page.page.locator("tr.control:visible").count() == report["total"]
    assert not page.page.locator("form").is_visible()
    page.page.locator('tr[data-id="2.1.1"] summary').first.click()
    assert page.page.locator('tr[data-id="2.1.1"] .part').first.is_visible()
    page.close()


def test_nodes_and_what_was_not_seen_of_them(opened: Opened, report: Report) -> None:
    rows = opened.page.locator("table.nodes tbody tr")
    cells = [row.locator("th, td").all_inner_texts() for row in rows.all()]
    told = {
        name: [", ".join(of["roles"]), *(str(of[key]) for key in LETTERS)]
        for name, of in report["node_results"].items()
    }
    assert {row[0]: row[1:] for row in cells} == told
    fails = [int(row[3]) for row in cells]
    assert fails == sorted(fails, reverse=True)
    assert "etcd1" in opened.page.locator(".unseen").inner_text()
    assert "no route to host" in opened.page.locator(".unseen").inner_text()


def test_the_matrix_has_a_cell_for_each_control_and_node(opened: Opened, report: Report) -> None:
    head = opened.page.locator("table.matrix thead th").all_inner_texts()
    assert head == ["Control", *report["node_results"]]
    rows = opened.page.locator("table.matrix tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent.trim()))"
    )
    words = {"pass": "Pass", "fail": "Fail", "error": "Error", "skip": "Skipped", "notApplicable": "Not applicable"}
    for check, row in zip(report_checks(report), rows, strict=True):
        of = {name: words[part["state"]] for part in check.get("evidence", []) for name in part["nodes"]}
        if "by" in check:
            of = {name: words[check["state"]] for kind in check["node_type"] for name in report["nodes"][kind]}
        assert row[1:] == [of.get(name, "") for name in report["node_results"]], check["id"]


def waived(reason: str) -> Report:
    """Two workers on which 2.1.1 fails, which is waived on the first."""
    waiver = {"source": "waivers.yml:3", "controls": ["2.1.1"], "nodes": ["worker1"], "groups": {}}
    waiver |= {"reason": reason, "owner": "Olga", "expires": "2027-01-31", "days_left": 71}
    documents = [node("cp1", ["controlplane"]), failing("worker1", ["worker"]), failing("worker2", ["worker"])]
    return report_of(documents, waivers=[waiver])


def test_what_warns_is_told_apart_and_does_not_count(browser: Browser, tmp_path: pathlib.Path) -> None:
    weak = node("cp1", ["controlplane"])
    set_flag(weak, "kube-apiserver", "--tls-cipher-suites=TLS_RSA_WITH_RC4_128_SHA")
    report = build_report(load_benchmark("rke-cis-1.3"), "permissive", [weak, node("cp2", ["controlplane"])], cluster())
    page = browser.open(write(tmp_path / "r.html", report))
    row = page.page.locator('tr[data-id="1.1.30"]')
    assert (row.locator(".state .badge").inner_text(), row.locator(".on").inner_text()) == ("Warn", "1 of 2 warn")
    assert page.page.locator(".todo li", has_text="1.1.30").locator(".badge.warn").count() == 1
    choose(page, "warn")
    assert shown(page) == ["1.1.30", "1.1.39"]
    choose(page, "warn", node="cp2")
    assert shown(page) == []
    cells = page.page.locator("table.nodes tbody tr", has_text="cp1").locator("td.warn")
    assert cells.all_text_contents() == ["2"]
    judged = report["pass"] + report["fail"] + report["error"]
    assert f"of {judged} judged" in page.page.locator(".verdict").inner_text()
    assert (page.complaints, page.foreign, page.overflow) == ([], [], 0)
    page.close()


def test_a_waived_failure_counts_as_skipped_and_says_who_answers_for_it(
    browser: Browser, tmp_path: pathlib.Path
) -> None:
    page = browser.open(write(tmp_path / "r.html", waived("ticket " + HOSTILE[0])))
    row = page.page.locator('tr[data-id="2.1.1"]')
    row.locator("summary").first.click()
    assert row.locator(".on").inner_text() == "1 of 2 fail, 1 of 2 waived"
    part = row.locator(".part", has_text="worker1").inner_text()
    assert "Skipped" in part
    assert f"Result without the waiver: fail. By Olga until 2027-01-31: ticket {HOSTILE[0]}" in part
    listed = page.page.locator("section", has=page.page.locator("#waivers")).inner_text()
    assert all(said in listed for said in ("2.1.1", "worker1", HOSTILE[0], "Olga", "2027-01-31", "live"))
    choose(page, "skip", node="worker1")
    assert shown(page) == ["2.1.1"]
    choose(page, "fail", node="worker1")
    assert shown(page) == []
    assert page.page.locator("table.matrix tr", has_text="2.1.1").first.inner_text().split()[-2:] == ["Skipped", "Fail"]
    assert (page.complaints, page.foreign) == ([], [])
    page.close()


# ---------------------------------------------------------------------------------------------------- filters


def test_filter_by_state(opened: Opened, report: Report) -> None:
    assert choose(opened) == "All 97 controls"
    assert choose(opened, "fail") == f"{report['fail']} of 97 controls"
    assert shown(opened) == ids(report, "fail", "mixed")
    choose(opened, "error", "skip")
    assert shown(opened) == ids(report, "error", "skip") != []


def test_filter_by_severity_and_level(opened: Opened, report: Report) -> None:
    severe = [check["id"] for check in report_checks(report) if check["severity"] in ("high", "critical")]
    choose(opened, "high", "critical")
    assert shown(opened) == severe
    choose(opened, "high", "critical", "1", "fail")
    assert shown(opened) == [name for name in ids(report, "fail", "mixed") if name in severe] != []
    assert choose(opened, "2") == "0 of 97 controls"


def test_filter_by_node(opened: Opened, report: Report) -> None:
    assert choose(opened, node="etcd1") == f"{len(on(report, 'etcd1'))} of 97 controls on node etcd1"
    assert shown(opened) == on(report, "etcd1")
    assert choose(opened, node="WORKER").endswith("on the 3 nodes with WORKER in the name")
    assert shown(opened) == on(report, "worker1")
    assert choose(opened, node="nobody") == "0 of 97 controls: no node has nobody in its name"
    assert shown(opened) == []


def test_filter_by_state_and_node_asks_for_the_state_on_that_node(opened: Opened) -> None:
    choose(opened, "fail", node="worker1")
    assert shown(opened) == []
    choose(opened, "fail", node="worker2")
    assert shown(opened) == ["2.1.1"]
    row = opened.page.locator('tr[data-id="2.1.1"]')
    assert "Mixed" in row.inner_text()
    assert row.locator(".here").inner_text() == "here: fail"


def test_filter_by_text(opened: Opened) -> None:
    assert choose(opened, text="  ANONYMOUS-auth=maybe ") == "1 of 97 controls"
    assert shown(opened) == ["2.1.1"]
    choose(opened, text="ticket 4711")
    assert shown(opened) == ["1.1.2"]
    choose(opened, text="worker2")  # a name is no text: else all that ran on a node would be found
    assert shown(opened) == []


def test_filters_combine_and_clear(opened: Opened, report: Report) -> None:
    choose(opened, "pass", "fail", node="worker2", text="kubelet")
    found = shown(opened)
    assert "2.1.1" in found
    assert set(found) < set(on(report, "worker2"))
    headings = opened.page.locator("tr.group").evaluate_all("rows => rows.filter(row => row.checkVisibility()).length")
    assert headings == len({name.rpartition(".")[0] for name in found})
    opened.page.get_by_role("button", name="Clear").click()
    expect(opened.page.get_by_role("status")).to_have_text("All 97 controls")  # the form is reset after the click
    assert len(shown(opened)) == 97


def test_names_of_nodes_and_counts_lead_to_the_filter(opened: Opened, report: Report) -> None:
    opened.page.locator("a.node", has_text="worker2").click()
    assert shown(opened) == on(report, "worker2")
    opened.page.locator(".legend a", has_text="Fail").click()
    assert shown(opened) == ids(report, "fail", "mixed")


def test_a_link_to_a_control_opens_it_also_when_it_is_filtered_away(opened: Opened) -> None:
    choose(opened, "skip")
    opened.page.locator(".todo a", has_text="2.1.1").first.click()
    opened.page.locator('tr[data-id="2.1.1"] .part').first.wait_for()
    assert len(shown(opened)) == 97


# ----------------------------------------------------------------------------------------------- accessibility


def test_details_open_by_keyboard(opened: Opened) -> None:
    page = opened.page
    first = page.locator("tr.control summary").first
    page.locator("#unfold").focus()
    page.keyboard.press("Tab")
    assert first.evaluate("summary => summary === document.activeElement")
    assert first.evaluate("summary => getComputedStyle(summary).outlineStyle") == "solid"
    for expected in (True, False):
        page.keyboard.press("Enter")
        assert first.evaluate("summary => summary.parentElement.open") is expected


def test_open_all_opens_what_is_shown(opened: Opened) -> None:
    choose(opened, "error")
    opened.page.locator("#unfold").press("Enter")
    found = opened.page.locator("tr.control > .what > details[open]").count()
    assert found == len(shown(opened)) > 0
    opened.page.locator("#unfold").press("Enter")
    assert opened.page.locator("details[open]").count() == 0


def test_headings_tables_and_icons_speak(opened: Opened) -> None:
    page = opened.page
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("h1").count() == 1
    assert page.locator("th:not([scope])").count() == 0
    assert page.locator("svg:not([aria-hidden=true]):not([role=img][aria-label])").count() == 0
    names = page.locator("input, button").evaluate_all(
        "all => all.map(one => (one.labels?.[0] ?? one).textContent.trim())"
    )
    assert all(names)
    badges = page.locator(".badge").evaluate_all(
        "all => all.map(one => [one.textContent, one.querySelector('use').href.baseVal])"
    )
    shapes: dict[str, set[str]] = {}
    for word, shape in badges:
        shapes.setdefault(word, set()).add(shape)
    assert len(shapes) >= 5
    assert len({shape for (shape,) in map(tuple, shapes.values())}) == len(shapes), "a shape for each state"


CONTRASTS = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const rgba = (text) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = (rgb) => rgb.slice(0, 3).map((c) => c / 255)
    .map((c) => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const ground = (element) => { for (let e = element; e; e = e.parentElement) {
    const found = rgba(getComputedStyle(e).backgroundColor); if (found[3] === 255) return found; }
    return [255, 255, 255]; };
  return [...document.querySelectorAll("main *, header *, footer *")].filter((e) => e.checkVisibility()
      && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) && !e.closest("svg, datalist"))
    .map((e) => { const [a, b] = [light(rgba(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
      return [e.className + " " + e.tagName + " " + e.textContent.slice(0, 30), (a + .05) / (b + .05)]; });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_of_all_text_is_aa(scheme: str, browser: Browser, file: pathlib.Path, report: Report) -> None:
    states = ["pass", "fail", "mixed", "warn", "error", "manual", "skip", "notApplicable"]
    checks = [dict(check) for check in report["results"][0]["checks"]]
    for check, state in zip(checks, states, strict=False):
        check["state"] = state  # a badge of each kind
    changed = {**report, "results": [{**report["results"][0], "checks": checks}, *report["results"][1:]]}
    page = browser.open(write(file.with_name(scheme + ".html"), changed), color_scheme=scheme)
    page.page.locator("#unfold").click()
    found = page.page.evaluate(CONTRASTS)
    assert {name.split()[1] for name, _ratio in found if name.startswith("badge ")} == set(states)
    assert [(name, ratio) for name, ratio in found if ratio < 4.5] == []
    ground = page.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (min(map(int, re.findall(r"\d+", ground)[:3])) < 128) == (scheme == "dark")
    page.close()


@pytest.mark.parametrize("width", [1280, 800, 400])
def test_it_is_no_wider_than_its_window(width: int, browser: Browser, tmp_path: pathlib.Path, report: Report) -> None:
    long = [
        failing("worker" * 40, ["worker"], "v" * 500),
        *(node(f"worker{number}.{'a' * 60}") for number in range(12)),
    ]
    wide = report_of(long, cluster="c" * 200)
    page = browser.open(write(tmp_path / "r.html", wide, history=past(wide, (5, 6), (7, 4))), width=width)
    assert page.overflow == 0
    page.page.locator("#unfold").click()
    assert page.overflow == 0
    page.close()


# -------------------------------------------------------------------------------------------------- the print


def printed(opened: Opened) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(opened.page.pdf(prefer_css_page_size=True)))


def test_it_prints_to_a4_with_details_of_what_needs_someone(opened: Opened, report: Report) -> None:
    pdf = printed(opened)
    assert 4 <= len(pdf.pages) <= 16
    assert {(round(p.mediabox.width), round(p.mediabox.height)) for p in pdf.pages} == {(595, 842)}  # points of A4
    text = "".join("".join(page.extract_text() for page in pdf.pages).split())
    checks = {check["id"]: check for check in report_checks(report)}
    assert "".join(checks["2.1.1"]["remediation"].replace("`", "").split())[:60] in text
    assert "".join(checks["2.1.2"]["remediation"].replace("`", "").split())[:60] not in text
    assert "Openall" not in text


def test_it_prints_the_names_of_all_nodes(browser: Browser, tmp_path: pathlib.Path) -> None:
    names = [f"host{number}" for number in range(20, 40)]
    page = browser.open(write(tmp_path / "r.html", report_of([failing(name, ["worker"], "v") for name in names])))
    folded = page.page.locator(".what .names").first
    assert not folded.evaluate("names => names.open")
    text = "".join("".join(sheet.extract_text() for sheet in printed(page).pages).split())
    assert ",".join(names) in text
    page.close()


def test_what_is_filtered_away_is_not_printed_and_the_print_says_so(opened: Opened) -> None:
    choose(opened, "fail")
    text = "".join(page.extract_text() for page in printed(opened).pages)
    assert "1 of 97 controls" in text


def test_a_dark_screen_prints_on_white(browser: Browser, file: pathlib.Path) -> None:
    page = browser.open(file, color_scheme="dark")
    page.page.emulate_media(media="print", color_scheme="dark")
    assert page.page.evaluate("getComputedStyle(document.body).color") == "rgb(28, 39, 51)"
    page.close()


# ------------------------------------------------------------------------------------- past scans, and changes


def test_trend_of_scans_with_the_same_profile(browser: Browser, report: Report, tmp_path: pathlib.Path) -> None:
    path = write(tmp_path / "r.html", report, history=past(report, (1, 9), (1, 1)))
    page = browser.open(path)
    share = 100 * report["pass"] // (report["pass"] + report["fail"] + report["error"])
    assert [dot.split()[-1] for dot in page.page.locator(".dot title").all_text_contents()] == [
        "10%",
        "50%",
        f"{share}%",
    ]
    points = page.page.locator("polyline").get_attribute("points")
    assert points.split() == ["0.0,90", "350.0,50", f"700.0,{100 - share}"]
    rows = page.page.locator("table", has_text="this scan").locator("tbody tr").all_inner_texts()
    assert len(rows) == 3 and "this scan" in rows[0] and rows[-1].split("\t")[2:4] == ["10%", "42%"]
    page.close()


@pytest.mark.parametrize("count", [0, 1])
def test_without_past_scans_there_is_no_trend(count: int, report: Report, tmp_path: pathlib.Path) -> None:
    text = write(tmp_path / "r.html", report, history=past(report)[:count]).read_text("utf-8")
    assert "Past scans" not in text


def test_what_changed_since_the_last_scan(browser: Browser, report: Report, tmp_path: pathlib.Path) -> None:
    evil = HOSTILE[0]
    comparison = compared(evil)
    path = write(tmp_path / "r.html", report, comparison=comparison)
    page = browser.open(path)
    text = page.page.locator("section", has=page.page.locator("#since")).inner_text()
    for said in (
        "scan1",
        "Newly failing: 1",
        f"worker2, {evil}",
        "30 nodes",
        f"before {evil}, now --x=2",
        "Nodes added: 1",
    ):
        assert said in text
    assert "Nodes gone" not in text
    assert (page.complaints, page.foreign) == ([], [])
    page.close()
    nothing = {**comparison, **{key: [] for key in comparison if key not in ("from", "to")}}
    assert "Nothing changed." in write(path, report, comparison=nothing).read_text("utf-8")


# ------------------------------------------------------------------------------------------------ hostile nodes


def hostile() -> tuple[Report, list[dict[str, t.Any]]]:
    documents = [failing(text, ["worker"], text) for text in HOSTILE]
    documents += [lost("lost " + text, ["worker"], text) for text in HOSTILE]
    skips = {f"1.1.{number + 2}": {"by": text, "reason": text} for number, text in enumerate(HOSTILE[:7])}
    report = report_of(
        documents, cluster=HOSTILE[1], skips=skips, scan={"name": HOSTILE[3], "kind": "manual", "by": HOSTILE[4]}
    )
    report["warnings"] = HOSTILE
    history = [{**entry, "profile": HOSTILE[1], "collected_at": HOSTILE[0]} for entry in past(report, (1, 1))]
    return report, history


def test_names_and_values_neither_run_nor_break_out(browser: Browser, tmp_path: pathlib.Path) -> None:
    report, history = hostile()
    path = write(tmp_path / "r.html", report, history=history)
    page = browser.open(path)
    assert page.page.locator("script, style").count() == 3
    assert (
        page.page.locator("img, b:text-is('&lt;&amp;'), [onerror], [onload], [onmouseover], [href^=javascript]").count()
        == 0
    )
    assert set(page.page.locator("a.node").all_text_contents()) == set(report["node_results"])
    for text in HOSTILE:
        said = choose(page, "fail", node=text)
        if text.strip() == text:
            assert shown(page) == ["2.1.1"], text
            assert said.endswith(text)
    page.page.locator("#unfold").click()
    page.page.locator("a.node").evaluate_all("names => names.forEach(name => name.click())")
    assert (page.complaints, page.foreign) == ([], [])
    page.close()


def test_it_is_valid_html(report: Report, tmp_path: pathlib.Path) -> None:
    evil, history = hostile()
    answer = {"source": "a", "controls": ["1.6.1"], "nodes": [], "groups": {}, "result": "passed", "evidence": ""}
    answer |= {"explanation": HOSTILE[0], "by": HOSTILE[1], "date": "2026-11-01", "expires": "never"}
    answer |= {"days_left": None, "early": False}
    manual = build_report(load_benchmark("rke-cis-1.3"), "hardened", [node("cp1")], attestations=[answer])
    assert manual["manual"] and manual["warn"]
    nobody = report_of([])
    many = report_of([node(f"n{number}") for number in range(30)])
    paths = [
        write(tmp_path / "few.html", report, history=past(report, (5, 6)), comparison=compared("--x=1")),
        write(tmp_path / "many.html", many),
        write(tmp_path / "manual.html", manual),
        write(tmp_path / "nobody.html", nobody),
        write(tmp_path / "waived.html", waived(HOSTILE[1])),
        write(tmp_path / "hostile.html", evil, history=history, comparison=compared(HOSTILE[0])),
    ]
    assert html_errors(*paths) == []


def test_a_script_that_is_not_ours_does_not_run(browser: Browser, file: pathlib.Path, tmp_path: pathlib.Path) -> None:
    text = file.read_text("utf-8").replace("</main>", "<script>alert(1)</script><img src=x onerror=alert(2)></main>")
    path = tmp_path / "r.html"
    path.write_text(text, "utf-8")
    page = browser.open(path)
    assert page.complaints
    assert not [said for said in page.complaints if "dialog" in said]
    page.close()


# ------------------------------------------------------------------------------------------------- 1,000 nodes


@pytest.mark.parametrize("roles, most", [(["worker"], 2), (["controlplane", "etcd", "worker"], 4)])
def test_a_thousand_nodes_stay_usable(roles: list[str], most: int, browser: Browser, tmp_path: pathlib.Path) -> None:
    """All of them workers as in a real cluster, and the worst there can be: all controls on all nodes."""
    names = [f"node{number:03}.prod.example.com" for number in range(1000)]
    documents = [node(name, roles) for name in names]
    for document in documents[::10]:
        set_flag(document, "kubelet", "--anonymous-auth=true")
    path = write(tmp_path / "r.html", report_of(documents))
    assert path.stat().st_size < most * 2**20
    page = browser.open(path)

    page.page.locator("[name=node]").fill("node010.prod.example.com")
    page.page.locator("input[value=fail]").check()
    assert shown(page) == ["2.1.1"]
    assert page.overflow == 0
    assert page.page.locator("table.nodes tbody tr").count() == 1000
    assert page.page.locator("table.matrix").count() == 0
    row = page.page.locator('tr[data-id="2.1.1"]')
    row.locator("summary").first.click()
    assert row.locator("summary", has_text="100 nodes").count() == 1
    states = json.loads(page.page.locator("#data").inner_text())["states"]
    assert states["2.1.1"] == "fppppppppp" * 100
    assert (page.complaints, page.foreign) == ([], [])
    page.close()
