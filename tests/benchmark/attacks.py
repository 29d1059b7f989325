# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What attacks cost the controller: make benchmark BENCHMARK=tests/benchmark/attacks.py [ARGS=WORD].

Each is a whole run of ansible-playbook or ansible-inventory. MB is the peak of the largest process of the run, s the
time of the whole run; the first line is a run without an attack. With a word, only attacks with it in their name run.
Exits with 1 if one takes more than 300 MB, ends without the expected words, or shows a traceback.
"""

from __future__ import annotations

import concurrent.futures
import json
import multiprocessing
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / ".cache" / "dev"))

from ansible_collections.rke.cis.tests.unit.plugins.module_utils.api_helper import (
    FakeApi,
    make_certificate,
    write_kubeconfig,
)
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import node

PROJECT = pathlib.Path(__file__).resolve().parents[2]
MOST = 300  # MB
MB = 2**20
PSP = "/apis/policy/v1beta1/podsecuritypolicies"
MAP = "/api/v1/namespaces/security-scan/configmaps/security-scan-cfg"

MERGES = "a0: &a0 {k: v}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 30))
LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)


class Attacks:
    """Each public method sets one up and returns how it is run, and words that the user must see."""

    def __init__(self, directory: pathlib.Path, api: FakeApi, kubeconfig: str) -> None:
        self._dir, self._api, self._kubeconfig = directory, api, kubeconfig
        api.answers["/version"] = (200, {"gitVersion": "v1.16.15"})
        api.answers[PSP] = (200, {"items": []})

    def _write(self, name: str, text: str) -> str:
        (self._dir / name).write_text(text, encoding="utf-8")
        return str(self._dir / name)

    def _scan(self, *options: str, answer: str = "") -> list[str]:
        """Scan n1, which gives this answer to any module, and n2, which gives a good one."""
        said = {"n1": answer, "n2": json.dumps({"evidence": node("n2", ["worker"])})}
        lines = ["[controlplane]"]
        for name, text in said.items():
            python = self._dir / f"python-{name}"
            python.write_text(f"#!/bin/sh\ncat '{self._write(name, text or said['n2'])}'\n", encoding="utf-8")
            python.chmod(0o755)
            lines.append(f"{name} ansible_connection=local ansible_become=false ansible_python_interpreter={python}")
        inventory = self._write("inventory", "\n".join(lines) + "\n")
        variables = [part for option in ("cis_scan_profile=RKE-CIS-1.4-Hardened", *options) for part in ("-e", option)]
        return ["ansible-playbook", "-i", inventory, str(PROJECT / "playbooks" / "cis_scan.yml"), *variables]

    def none(self) -> tuple[list[str], str]:
        return self._scan(), "n2"

    def answer_of_a_node_36_mb(self) -> tuple[list[str], str]:
        document = node("n1", ["worker"])
        paths = {f"/x/{number}:--": {"error": {"kind": "missing", "message": "x" * 60}} for number in range(300_000)}
        document["paths"] = paths
        return self._scan(answer=json.dumps({"evidence": document})), "more than 10485760 bytes"

    def answer_of_a_node_5_mb_of_lists(self) -> tuple[list[str], str]:
        document = {**node("n1", ["worker"]), "paths": {"file:/x": {"entries": [[]] * (5 * MB // 3)}}}
        return self._scan(answer=json.dumps({"evidence": document}, separators=(",", ":"))), "more than 10485760 bytes"

    def answer_of_a_node_100_000_deep(self) -> tuple[list[str], str]:
        text = '{"evidence": {"x": %s}}' % ("[" * 100_000 + "]" * 100_000)
        return self._scan(answer=text), "nested too deeply"

    def cluster_yml_merge_bomb(self) -> tuple[list[str], str]:
        path = self._write("cluster.yml", f"nodes: []\n{MERGES}")
        return ["ansible-inventory", "-i", path, "--list"], "too large with all aliases followed"

    def cluster_yml_alias_bomb(self) -> tuple[list[str], str]:
        path = self._write("cluster.yml", f"nodes: []\n{LAUGHS}")
        return ["ansible-inventory", "-i", path, "--list"], "too large with all aliases followed"

    def cluster_yml_4_mb_of_lists(self) -> tuple[list[str], str]:
        path = self._write("cluster.yml", "nodes: []\nx: [" + "[]," * (4 * MB // 3 - 20) + "]\n")
        return ["ansible-inventory", "-i", path, "--list"], "too large with all aliases followed"

    def skips_file_nested_3_000_deep(self) -> tuple[list[str], str]:
        return self._scan("cis_scan_skip_file=" + self._write("skips.yml", "[" * 3000)), "nested too deeply"

    def skips_file_20_gb_sparse(self) -> tuple[list[str], str]:
        with (self._dir / "sparse.yml").open("wb") as stream:
            stream.truncate(20 * 1024 * MB)
        return self._scan(f"cis_scan_skip_file={self._dir}/sparse.yml"), "too large: more than 4194304 bytes"

    def waivers_file_a_fifo(self) -> tuple[list[str], str]:
        os.mkfifo(self._dir / "fifo")
        return self._scan(f"cis_scan_waivers_file={self._dir}/fifo"), "not a regular file"

    def waivers_file_dev_zero(self) -> tuple[list[str], str]:
        return self._scan("cis_scan_waivers_file=/dev/zero"), "not a regular file"

    def kubeconfig_bomb(self) -> tuple[list[str], str]:
        return self._scan("cis_scan_kubeconfig=" + self._write("bomb", MERGES)), "not valid YAML near line 16"

    def config_map_20_000_unknown_ids(self) -> tuple[list[str], str]:
        text = json.dumps({"skip": {"rke-cis-1.4": [f"9.{number}" for number in range(20_000)]}})
        self._api.answers[MAP] = (200, {"kind": "ConfigMap", "data": {"config.json": text}})
        return self._scan(f"cis_scan_kubeconfig={self._kubeconfig}"), "19990 more unknown ids"

    def answer_of_the_api_without_end(self) -> tuple[list[str], str]:
        self._api.answers[PSP] = (200, b"x" * (256 * MB))
        return self._scan(f"cis_scan_kubeconfig={self._kubeconfig}"), "too large: more than 8388608 bytes"

    def answer_of_the_api_8_mb_of_lists(self) -> tuple[list[str], str]:
        self._api.answers[PSP] = (200, '{"items": [' + "[]," * (8 * MB // 3 - 20) + "[]]}")
        return self._scan(f"cis_scan_kubeconfig={self._kubeconfig}"), "holds no list of objects"


def measured(command: list[str], directory: pathlib.Path) -> tuple[float, float, str]:
    """Return MB, seconds and output of a run."""
    settings = {
        "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / ".cache" / "dev"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_CALLBACKS_ENABLED": "rke.cis.cis_summary",
        "COLUMNS": "200",
    }
    more = {"ANSIBLE_INVENTORY_ENABLED": "rke.cis.rke_cluster,ini"}
    start = time.monotonic()
    with (directory / "output").open("w+b") as output:
        process = subprocess.Popen(
            command, cwd=directory, env={**os.environ, **settings, **more}, stdout=output, stderr=subprocess.STDOUT
        )
        _pid, _status, used = os.wait4(process.pid, 0)
        process.returncode = 0
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    return used.ru_maxrss / 1024, time.monotonic() - start, text


def seen(text: str, words: str) -> str:
    """Return the words with what is around them."""
    line = " ".join(text.split())
    at = max(0, line.find(words) - 60)
    return line[at : at + 140]


def main() -> int:
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    bad = 0
    # The peak of a new process begins with what its parent has, so this small one starts them.
    starter = concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("forkserver"))
    starter.submit(os.getpid).result()
    print(f"{'attack':34} {'MB':>5} {'s':>6}  what the user sees")
    for name in [name for name in vars(Attacks) if not name.startswith("_") and word in name]:
        with tempfile.TemporaryDirectory() as temporary:
            directory = pathlib.Path(temporary)
            certificate, key = make_certificate(directory / "tls")
            api = FakeApi(certificate, key)
            attacks = Attacks(directory, api, write_kubeconfig(directory / "kubeconfig", api.url, certificate))
            command, words = getattr(attacks, name)()
            size, seconds, text = starter.submit(measured, command, directory).result()
            api.stop()
        wrong = [
            what
            for what, is_so in (
                (f"more than {MOST} MB", size > MOST),
                (f"not seen: {words}", words not in " ".join(text.split())),
                ("traceback", "Traceback" in text),
            )
            if is_so
        ]
        bad += bool(wrong)
        told = "; ".join(wrong).upper() if wrong else seen(text, words)
        print(f"{name.replace('_', ' '):34} {size:5.0f} {seconds:6.1f}  {told}", flush=True)
        if wrong:
            print(text[-3000:])
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
