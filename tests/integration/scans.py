# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running the playbooks as a user does, and reading what they leave behind."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import typing as t

from testbed import Testbed

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCAN = ROOT / "playbooks" / "cis_scan.yml"
SCORE = ROOT / "playbooks" / "cis_score.yml"
COMPARE = ROOT / "playbooks" / "cis_compare.yml"
PRACTICE = ROOT / "tests" / "integration" / "practice"
HARDENED, PERMISSIVE = "RKE-CIS-1.4-Hardened", "RKE-CIS-1.4-Permissive"
COUNTS = ("pass", "fail", "skip", "notApplicable", "error")
PSP_CONTROLS = ["1.7.2", "1.7.3", "1.7.4", "1.7.5"]
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a user whose only settings are the collection's own ansible.cfg."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON"))}
    return {
        **kept,
        "PATH": os.path.dirname(sys.executable) + ":" + SYSTEM_PATH,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
        "ANSIBLE_NOCOLOR": "1",
        **more,
    }


def extra(variables: dict[str, t.Any]) -> list[str]:
    """Return the arguments that hand variables with their types to ansible-playbook."""
    return ["-e", json.dumps(variables)] if variables else []


class Outcome:
    """What a playbook run printed and wrote. Whatever the test is about, its summary must fit a terminal."""

    def __init__(self, done: subprocess.CompletedProcess, directory: pathlib.Path) -> None:
        self.code = done.returncode
        self.out: str = done.stdout
        self.directory = directory
        _head, recap, self.summary = self.out.partition("PLAY RECAP")
        self.summary = self.summary.partition("\n\n")[2] if recap else ""
        assert "\x1b" not in self.out, "escape codes in spite of ANSIBLE_NOCOLOR"
        assert "Traceback" not in self.out, self.out
        table = self.summary.partition("\nReports\n")[0]  # after it come paths, which are as long as they are
        wide = [line for line in table.splitlines() if len(line) > 80]
        assert not wide, wide

    @property
    def where(self) -> pathlib.Path:
        """The directory of the scan."""
        found = sorted((self.directory / "cis-reports").glob("*/*Z-*"))
        assert len(found) == 1, f"{found}\n{self.out}"
        return found[0]

    @property
    def report(self) -> dict[str, t.Any]:
        return json.loads((self.where / "report.json").read_text(encoding="utf-8"))

    @property
    def counts(self) -> tuple[int, ...]:
        """Pass, fail, skip, not applicable, error."""
        return tuple(self.report[key] for key in COUNTS)

    @property
    def checks(self) -> dict[str, dict[str, t.Any]]:
        """Control id to its check."""
        return {check["id"]: check for group in self.report["results"] for check in group["checks"]}

    def ids(self, *states: str) -> set[str]:
        """Return the controls in one of these states."""
        return {name for name, check in self.checks.items() if check["state"] in states}

    def verdicts(self) -> dict[str, t.Any]:
        """Return all that was judged, without what differs between two looks at the same thing."""
        return {
            name: [check["state"], check.get("passed_nodes"), check.get("failed_nodes"), check.get("error_nodes")]
            for name, check in self.checks.items()
        }

    def evidence(self, node: str) -> dict[str, t.Any]:
        return json.loads((self.where / "evidence" / f"node-{node}.json").read_text(encoding="utf-8"))

    def table(self) -> list[list[str]]:
        with open(self.where / "report.csv", encoding="utf-8", newline="") as stream:
            return list(csv.reader(stream))

    def failure(self) -> str:
        """Return the message of the one task that failed, which must be one line, but for gates of a scan."""
        assert self.code != 0, self.out
        messages = re.findall(r'^fatal: .*?: FAILED! => .*?"msg": ("(?:[^"\\]|\\.)*")', self.out, re.M)
        assert len(set(messages)) == 1, f"{messages}\n{self.out}"
        message = json.loads(messages[0])
        assert re.fullmatch(r".*(\n[a-z._]+: .*, must be (at most|at least|exactly) .*)*", message), message
        return message


def playbook(
    directory: pathlib.Path,
    book: pathlib.Path,
    inventory: t.Any,
    variables: dict[str, t.Any] | None = None,
    *arguments: str,
    bed: Testbed | None = None,
    env: dict[str, str] | None = None,
    program: str = "ansible-playbook",
    **keywords: t.Any,
) -> Outcome:
    """Run a playbook in a directory of its own: in the test bed's network, if one is given.

    What the tests expect is that of one benchmark, whatever the hosts' version; test_clusters.py lets that choose.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if book in (SCAN, SCORE):
        variables = {"cis_scan_profile": PERMISSIVE, **(variables or {})}
    command = [program, "-i", str(inventory), str(book), *extra(variables or {}), *arguments]
    keywords = {
        "cwd": directory,
        "env": env or environment(),
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "stdin": subprocess.DEVNULL,
        "timeout": 120,
        **keywords,
    }
    if bed:
        done = bed.run(command, **keywords)
    else:
        done = subprocess.run(command, text=True, check=False, **keywords)
    return Outcome(done, directory)


def inventory(
    path: pathlib.Path,
    bed: Testbed,
    groups: dict[str, list[str]],
    variables: dict[str, t.Any] | None = None,
    hosts: dict[str, dict[str, t.Any]] | None = None,
) -> pathlib.Path:
    """Write an inventory of a test bed's hosts with other groups or variables than its own."""
    shared: dict[str, t.Any] = {}
    with open(bed.inventory, encoding="utf-8") as stream:
        for line in stream.read().partition("[all:vars]")[2].split("[", 1)[0].splitlines():
            name, equals, value = line.partition("=")
            if equals:
                shared[name] = value
    names = {name for members in groups.values() for name in members}
    document = {
        "all": {
            "vars": {**shared, **(variables or {})},
            "hosts": {
                name: {**({"ansible_host": bed.addresses[name]} if name in bed.addresses else {}), **more}
                for name, more in ((name, (hosts or {}).get(name, {})) for name in sorted(names))
            },
            "children": {group: {"hosts": dict.fromkeys(members)} for group, members in groups.items()},
        }
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return path


# ------------------------------------------------------------------ the real kube-apiserver, as its administrator


def _message(*fields: tuple[int, str | bytes | bool]) -> bytes:
    """Return a Protocol Buffers message of text, messages and booleans, all shorter than 128 bytes."""
    parts = []
    for number, value in fields:
        key = number << 3
        if isinstance(value, bool):
            parts.append(_varint(key) + bytes([value]))
        else:
            data = value.encode() if isinstance(value, str) else value
            parts.append(_varint(key | 2) + _varint(len(data)) + data)
    return b"".join(parts)


def _varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + _varint(number >> 7)


def _post(bed: Testbed, path: str, version: str, kind: str, *fields: tuple[int, str | bytes | bool]) -> None:
    """Create an object. In Protocol Buffers: built with today's Go, this kube-apiserver stumbles over JSON at times."""
    body = b"k8s\0" + _message((1, _message((1, version), (2, kind))), (2, _message(*fields)))
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        more = ["--data-binary", "@" + file.name, "-H", "Content-Type: application/vnd.kubernetes.protobuf"]
        _ask(bed, "POST", path, *more)


def _ask(bed: Testbed, method: str, path: str, *more: str) -> dict[str, t.Any]:
    pki = bed.dir + "/share/pki/"
    url = f"https://{next(iter(bed.addresses.values()))}:6443{path}"
    command = ["curl", "-sS", "-A", "tests", "--noproxy", "*", "--max-time", "20", "--cacert", pki + "kube-ca.pem"]
    command += ["--cert", pki + "admin.pem", "--key", pki + "admin-key.pem", "-H", "Accept: application/json"]
    done = bed.run([*command, "-X", method, *more, url])
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer.get("status") != "Failure" or answer["reason"] == "AlreadyExists", answer
    return answer


def create_restricted_psp(bed: Testbed) -> None:
    """Create the restricted PodSecurityPolicy of the hardening guides."""
    names = {"seLinux": (10, "RunAsAny"), "runAsUser": (11, "MustRunAsNonRoot")}
    names |= {"supplementalGroups": (12, "RunAsAny"), "fsGroup": (13, "RunAsAny")}
    rules = [(number, _message((1, rule))) for number, rule in names.values()]
    no_escalation = (16, False)
    policy = _message((3, "NET_RAW"), (5, "configMap"), (5, "secret"), *rules, no_escalation)
    path = "/apis/policy/v1beta1"
    meta = _message((1, "restricted"))
    _post(bed, path + "/podsecuritypolicies", "policy/v1beta1", "PodSecurityPolicy", (1, meta), (2, policy))


def create_service_account(bed: Testbed, namespace: str, name: str = "default") -> None:
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    _post(bed, path, "v1", "ServiceAccount", (1, _message((1, name))))


@contextlib.contextmanager
def skip_config_map(bed: Testbed, text: str) -> t.Iterator[None]:
    """Rancher's ConfigMap of tests to skip, for as long as this lasts."""
    namespaces = "/api/v1/namespaces"
    maps = namespaces + "/security-scan/configmaps"
    _post(bed, namespaces, "v1", "Namespace", (1, _message((1, "security-scan"))))
    entry = _message((1, "config.json"), (2, text))
    _post(bed, maps, "v1", "ConfigMap", (1, _message((1, "security-scan-cfg"))), (2, entry))
    try:
        yield
    finally:
        _ask(bed, "DELETE", maps + "/security-scan-cfg")
