# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two scans of the practice cluster, between which something has changed, are compared. Needs no test bed."""

from __future__ import annotations

import json
import pathlib
import shutil
import typing as t

import jsonschema
import pytest
import scans
from scans import COMPARE, HARDENED, PRACTICE, ROOT, SCAN


def scan(directory: pathlib.Path, evidence: pathlib.Path, new: str = "", **variables: t.Any) -> str:
    """Scan the practice cluster with this evidence and return what was printed at the end. `new` is what fails it."""
    variables = {"cis_scan_replay_dir": str(evidence), "cis_scan_fail_on": ["new"], **variables}
    outcome = scans.playbook(directory, SCAN, PRACTICE / "inventory.yml", variables)
    assert (outcome.failure().partition("\n")[2] if outcome.code else "") == new, outcome.out
    return outcome.summary


def compare(directory: pathlib.Path, **variables: t.Any) -> scans.Outcome:
    return scans.playbook(directory, COMPARE, "localhost,", {"cis_scan_cluster": "practice", **variables})


def shown(outcome: scans.Outcome) -> list[str]:
    """Return the comparison as it stands on the terminal."""
    lines = outcome.out.splitlines()
    start = lines.index("Changes of cluster practice")
    end = next(number for number, line in enumerate(lines) if line.startswith(("ok: ", "changed: ")))
    assert all(len(line) <= 80 for line in lines[start:end])
    return lines[start:end]


def change(path: pathlib.Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def two_scans(tmp_path_factory: pytest.TempPathFactory) -> tuple[pathlib.Path, list[str]]:
    """A directory with two scans, and what each printed.

    In the second one a flag of kube-apiserver is worse, one of a kubelet is mended and another one written in another
    way, and the etcd node does not answer.
    """
    directory = tmp_path_factory.mktemp("compare")
    evidence = directory / "evidence"
    shutil.copytree(PRACTICE / "evidence", evidence)
    printed = [scan(directory, evidence)]
    change(evidence / "node-cp1.json", "--insecure-port=0", "--insecure-port=8080")
    change(evidence / "node-worker1.json", "--read-only-port=10255", "--read-only-port=0")
    change(evidence / "node-worker1.json", "--anonymous-auth=true", "--anonymous-auth=yes")
    error = {"kind": "unreachable", "message": "no route to host"}
    lost = {"schema": "rke.cis/evidence/1", "node": "etcd1", "roles": ["etcd"], "error": error}
    (evidence / "node-etcd1.json").write_text(json.dumps(lost), encoding="utf-8")
    unseen = "1.4.11, 1.4.19, 1.4.20, 1.4.21, 1.5.1, 1.5.2, 1.5.3, 1.5.4, 1.5.5 and 1 more"
    printed.append(scan(directory, evidence, f"new: 11, must be at most 0 (1.1.6, {unseen})"))
    return directory, printed


def test_the_scan_itself_tells_it_in_short(two_scans: tuple[pathlib.Path, list[str]]) -> None:
    _directory, (first, second) = two_scans
    assert "Since" not in first
    told = " ".join(second[second.index("Since") : second.index("Reports")].split())
    assert told.partition(": ")[2] == (
        "1 newly failing (1.1.6 on cp1), 1 fixed (2.1.4 on worker1), 1 with changed values, 10 otherwise changed"
    )


def test_the_last_two(two_scans: tuple[pathlib.Path, list[str]]) -> None:
    lines = shown(compare(two_scans[0]))
    assert lines[6:] == [
        "Newly failing",
        "1.1.6   Ensure that the --insecure-port argument is set to 0",
        "    on       cp1",
        "",
        "Fixed",
        "2.1.4   Ensure that the --read-only-port argument is set to 0",
        "    on       worker1",
        "",
        "Changed values",
        "2.1.1   Ensure that the --anonymous-auth argument is set to false",
        "    before   --anonymous-auth=true",
        "    after    --anonymous-auth=yes",
        "    on       worker1",
        "",
        "Other changes",
        "pass to error",
        "    on       etcd1",
        "    ids      1.4.11, 1.4.19, 1.4.20, 1.4.21, 1.5.1, 1.5.2, 1.5.3, 1.5.4, 1.5.5,",
        "             1.5.6",
    ]


def test_files(two_scans: tuple[pathlib.Path, list[str]], tmp_path: pathlib.Path) -> None:
    directory, _printed = two_scans
    lines = shown(compare(directory, cis_compare_dest=str(tmp_path / "changes.txt")))
    assert (tmp_path / "changes.txt").read_text(encoding="utf-8").splitlines() == lines
    compare(directory, cis_compare_dest=str(tmp_path / "changes.json"), cis_compare_format="json")
    comparison = json.loads((tmp_path / "changes.json").read_text(encoding="utf-8"))
    schema = json.loads((ROOT / "docs" / "comparison.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(comparison)
    assert comparison["fixed"][0]["nodes"] == ["worker1"]
    compare(directory, cis_compare_dest=str(tmp_path / "changes.md"), cis_compare_format="markdown")
    text = (tmp_path / "changes.md").read_text(encoding="utf-8")
    assert "\n## Fixed\n\n- **2.1.4** Ensure that the --read-only-port argument is set to 0, on `worker1`\n" in text


def test_two_by_name_the_other_way_round(two_scans: tuple[pathlib.Path, list[str]]) -> None:
    first, second = sorted(path.name for path in (two_scans[0] / "cis-reports" / "practice").glob("*Z-*"))
    lines = shown(compare(two_scans[0], cis_compare_older=second, cis_compare_newer=first))
    assert lines[lines.index("Newly failing") + 1].startswith("2.1.4 ")
    assert lines[lines.index("Fixed") + 1].startswith("1.1.6 ")
    assert "error to pass" in lines


def test_the_profiles_of_a_benchmark(two_scans: tuple[pathlib.Path, list[str]], tmp_path: pathlib.Path) -> None:
    first = min((two_scans[0] / "cis-reports" / "practice").glob("*Z-*"))
    scan(tmp_path, PRACTICE / "evidence", cis_scan_profile=HARDENED)
    lines = shown(compare(tmp_path, cis_compare_older=str(first)))
    assert lines[1].startswith("    from     RKE-CIS-1.4-Permissive, ")
    assert lines[3].startswith("    to       RKE-CIS-1.4-Hardened, ")
    assert lines[lines.index("Newly failing") + 1].startswith("1.1.11 ")  # what Permissive skips


def test_wrong_requests_are_one_line(two_scans: tuple[pathlib.Path, list[str]], tmp_path: pathlib.Path) -> None:
    directory, _printed = two_scans
    first = min((directory / "cis-reports" / "practice").glob("*Z-*"))
    words = "no such scan, or it has no report.json; the last ones in cis-reports/practice: "
    assert f"yesterday: {words}{first.name}, " in compare(directory, cis_compare_older="yesterday").failure()
    assert "cis-reports/gone: no scans found; " in compare(directory, cis_scan_cluster="gone").failure()
    only = compare(directory, cis_compare_newer=first.name).failure()
    assert "no earlier scan of cluster practice with RKE-CIS-1.4-Permissive found beside it; " in only
    scan(tmp_path / "run", PRACTICE / "evidence", cis_scan_profile="RKE-CIS-1.3-Permissive")
    refused = compare(tmp_path / "run", cis_compare_older=str(first)).failure()
    assert refused.startswith("cannot compare scans of different benchmarks: ")
    broken = tmp_path / "broken.json"
    broken.write_text((first / "report.json").read_text(encoding="utf-8")[:-500], encoding="utf-8")
    assert f"report {broken}: not valid JSON: " in compare(directory, cis_compare_older=str(broken)).failure()
