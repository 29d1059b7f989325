# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The practice scan with every ansible-core that is supported: the same report, but for its name."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

import pytest
import scans

PROJECT = pathlib.Path(__file__).resolve().parents[2]
CORES = sorted(path.stem.rpartition("-")[2] for path in (PROJECT / "tests").glob("requirements-core-*.txt"))


def scan(bin_directory: pathlib.Path, work: pathlib.Path) -> tuple[subprocess.CompletedProcess[str], dict[str, bytes]]:
    command = [str(bin_directory / "ansible-playbook"), "-i", str(scans.PRACTICE / "inventory.yml")]
    command += [str(PROJECT / "playbooks/cis_scan.yml"), "-e", f"cis_report_dir={work}"]
    environment = dict(
        os.environ,
        PATH=f"{bin_directory}:/usr/local/bin:/usr/bin:/bin",
        ANSIBLE_CONFIG=str(PROJECT / "ansible.cfg"),
        ANSIBLE_NOCOLOR="1",
    )
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)
    reports = work.glob("practice/*/report.*")
    # a scan's name is its time, the rest is what there is to compare
    return done, {path.name: path.read_bytes().replace(path.parent.name.encode(), b"scan") for path in reports}


def programs(core: str) -> pathlib.Path:
    """Return where the programs of an ansible-core are."""
    made = subprocess.run(
        [PROJECT / "tests" / "tools" / "core.sh", core], stdout=subprocess.PIPE, text=True, check=False
    )
    if made.returncode == 77:
        pytest.skip(f"no Python on this machine runs ansible-core {core}")
    assert made.returncode == 0
    return pathlib.Path(made.stdout.strip()) / "bin"


STORE = """
- hosts: localhost
  gather_facts: false
  vars:
    inner: resolved
    cis_schedule_variables:
      url: !unsafe https://hook.example/{{ lookup('pipe', 'touch ran') }}
      both: ["{{ inner }}", !unsafe "{% raw %}", 5, true, null, 2026-11-01]
      secret: SECRET
  tasks:
    - rke.cis._store_schedule:
        dir: "{{ playbook_dir }}/stored"
        variables: {cis_scan_kind: scheduled}
"""
SHOW = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.copy:
        content: "{{ [url, both, secret, cis_scan_kind] | to_json }}"
        dest: "{{ playbook_dir }}/shown.json"
        mode: "0600"
"""


@pytest.mark.parametrize("core", CORES)
def test_variables_of_a_schedule_are_kept_as_they_are(core: str, tmp_path: pathlib.Path) -> None:
    bin_directory = programs(core)
    (tmp_path / "password").write_text("password")
    environment = dict(os.environ, ANSIBLE_CONFIG=str(PROJECT / "ansible.cfg"))
    environment["ANSIBLE_VAULT_PASSWORD_FILE"] = str(tmp_path / "password")

    def run(program: str, *arguments: str) -> str:
        command = [bin_directory / program, *arguments]
        return subprocess.check_output(command, cwd=tmp_path, env=environment, text=True)

    secret = run("ansible-vault", "encrypt_string", "s3cret").replace("\n  ", "\n        ")
    (tmp_path / "store.yml").write_text(STORE.replace("SECRET", secret))
    (tmp_path / "show.yml").write_text(SHOW)
    run("ansible-playbook", "store.yml")
    kept = (tmp_path / "stored" / "variables.yml").read_text()
    assert ("s3cret" in kept) == (core not in ("2.16", "2.17", "2.18"))
    run("ansible-playbook", "show.yml", "-e", "@stored/variables.yml")
    url, both, opened, kind = json.loads((tmp_path / "shown.json").read_text())
    assert url == "https://hook.example/{{ lookup('pipe', 'touch ran') }}"
    assert both == ["resolved", "{% raw %}", 5, True, None, "2026-11-01"]
    assert (opened, kind) == ("s3cret", "scheduled")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("core", CORES)
def test_practice_scan(core: str, tmp_path: pathlib.Path) -> None:
    other = programs(core)
    here = pathlib.Path(subprocess.check_output(["which", "ansible-playbook"], text=True).strip()).parent
    for name in ("here", "other"):
        (tmp_path / name).mkdir()
    mine, expected = scan(here, tmp_path / "here")
    done, reports = scan(other, tmp_path / "other")
    assert mine.returncode == 0, mine.stdout + mine.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(reports) == {"report.json", "report.csv", "report.html"}
    assert reports == expected
    # the callback works on this core too, and says the same
    assert "cluster practice (97 controls)" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
