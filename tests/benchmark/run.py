# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scan costs: make benchmark, or python tests/benchmark/run.py [--hosts 3,10,30] [--runs 5] [--only NAME].

All figures are ratios or CPU seconds taken in one run on one machine; nothing here is a test.
  hosts    a whole scan beside a play that only pings the same hosts, alternating (ansible-playbook, no facts,
           same forks, pipelining and SSH settings, connections closed in between); with --against DIR beside a scan
           with the collection of another checkout, in which `make venv` has run, too
  node     CPU seconds that a scan costs a node: sshd and what it starts, and Docker
  scoring  cis_score.yml over recorded evidence of 100 and 1,000 nodes: seconds, peak memory, growth
  merge    cis_merge.yml over 10,000 recorded nodes in 100 parts: seconds, CPU seconds, peak memory
  html     report.html of the same in Chromium: size, milliseconds to load, and from a key to the filtered picture
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "testbed"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from browser import Browser
from testbed import Testbed, unavailable

PROJECT = pathlib.Path(__file__).resolve().parents[2]
PLAYBOOKS = PROJECT / "playbooks"
PING = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.ping:
"""


def cluster(count: int) -> dict:
    """Three etcd nodes, at most three controlplane nodes and workers, as clusters are built."""
    hosts = []
    for number in range(1, count + 1):
        role = "etcd" if number <= 3 and count >= 10 else "controlplane" if number <= 6 and count >= 10 else "worker"
        if count < 10:
            role = ("controlplane", "etcd", "worker")[(number - 1) % 3]
        hosts.append({"name": f"h{number}", "roles": [role], "args": "default"})
    return {"kube_apiserver": False, "hosts": hosts}


def settings(project: pathlib.Path) -> dict[str, str]:
    more = {"ANSIBLE_FORKS": "25", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_CALLBACKS_ENABLED": "rke.cis.cis_summary"}
    return {**os.environ, **more, "ANSIBLE_COLLECTIONS_PATH": str(project / ".cache" / "dev")}


def close_connections(bed: Testbed) -> None:
    for socket in pathlib.Path(bed.dir, "cp").glob("*"):
        subprocess.run(["ssh", "-O", "exit", "-o", f"ControlPath={socket}", "x"], capture_output=True, check=False)


def timed(bed: Testbed, work: str, playbook: str, *extra: str, project: pathlib.Path = PROJECT) -> float:
    """Return the seconds of one run over fresh connections."""
    close_connections(bed)
    start = time.monotonic()
    done = bed.run(["ansible-playbook", "-i", bed.inventory, playbook, *extra], env=settings(project), cwd=work)
    seconds = time.monotonic() - start
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return seconds


def spread(values: list[float]) -> str:
    return f"{min(values):.2f} {statistics.median(values):.2f} {max(values):.2f}"


def scan_arguments(work: str, project: pathlib.Path = PROJECT) -> list[str]:
    return [str(project / "playbooks" / "cis_scan.yml"), "-e", f"cis_report_dir={work}/reports"]


def measure_hosts(counts: list[int], runs: int, against: pathlib.Path | None) -> None:
    print("a whole scan beside a ping play, seconds (minimum median maximum)")
    for count in counts:
        with tempfile.TemporaryDirectory() as work, Testbed(cluster(count)) as bed:
            ping = os.path.join(work, "ping.yml")
            pathlib.Path(ping).write_text(PING)
            timed(bed, work, ping)  # warms the page cache for both
            projects = {"scan": PROJECT, **({"the other scan": against} if against else {})}
            pings: list[float] = []
            scans: dict[str, list[float]] = {name: [] for name in projects}
            for _run in range(runs):
                pings.append(timed(bed, work, ping))
                for name, project in projects.items():
                    scans[name].append(timed(bed, work, *scan_arguments(work, project), project=project))
            print(f"  {count:>3} hosts: ping {spread(pings)}", flush=True)
            for name, times in scans.items():
                ratio = statistics.median(scan / one for scan, one in zip(times, pings, strict=True))
                print(f"      {name} {spread(times)}, ratio {ratio:.2f}", flush=True)


CPU = r"""
import glob, os
names = {"sshd", "dockerd", "containerd"}
ticks = 0
for path in glob.glob("/proc/[0-9]*/stat"):
    try:
        text = open(path).read()
    except OSError:
        continue
    if text[text.index("(") + 1 : text.rindex(")")] in names:
        ticks += sum(int(word) for word in text[text.rindex(")") + 2 :].split()[11:15])
print(ticks / os.sysconf("SC_CLK_TCK"))
"""


def node_cpu(bed: Testbed, host: str) -> float:
    """Return the CPU seconds that the host's sshd (with all that ran below it) and Docker have used so far."""
    done = bed.shell(host, f"python3 -c '{CPU}'")
    return float(done.stdout)


def measure_node(runs: int) -> None:
    spec = {"kube_apiserver": False, "hosts": [{"name": "h1", "roles": ["controlplane", "etcd", "worker"]}]}
    with tempfile.TemporaryDirectory() as work, Testbed(spec) as bed:
        ping = os.path.join(work, "ping.yml")
        pathlib.Path(ping).write_text(PING)
        used: dict[str, list[float]] = {"nothing": [], "ping": [], "scan": []}
        for _run in range(runs):
            for name, arguments in (("nothing", None), ("ping", [ping]), ("scan", scan_arguments(work))):
                before = node_cpu(bed, "h1")
                if arguments:
                    timed(bed, work, *arguments)
                    close_connections(bed)
                time.sleep(0.5)  # for sshd to collect its children
                used[name].append(node_cpu(bed, "h1") - before)
        base = statistics.median(used["nothing"])
        print("CPU seconds on an all-in-one node, the measuring itself taken off (median)")
        for name in ("ping", "scan"):
            print(f"  {name}: {statistics.median(used[name]) - base:.2f}", flush=True)


def copies(count: int, directory: str) -> None:
    """Write the practice cluster's evidence as that of many nodes."""
    os.makedirs(directory)
    practice = PLAYBOOKS / "practice" / "evidence"
    shutil.copy(practice / "cluster.json", directory)
    documents = [json.loads((practice / f"node-{name}.json").read_text()) for name in ("cp1", "etcd1", "worker1")]
    for number in range(count):
        document = documents[number % 3]
        name = f"node{number:04}"
        text = json.dumps(dict(document, node=name)).replace(document["node"], name)
        pathlib.Path(directory, f"node-{name}.json").write_text(text)


def measure_scoring(runs: int) -> None:
    print("scoring and reporting recorded evidence: seconds (minimum median maximum), peak memory")
    medians = {}
    for count in (100, 1000):
        with tempfile.TemporaryDirectory() as work:
            copies(count, os.path.join(work, "evidence"))
            command = [
                "ansible-playbook",
                str(PLAYBOOKS / "cis_score.yml"),
                "-e",
                f"cis_scan_evidence_dir={work}/evidence",
            ]
            command += [
                "-e",
                f"cis_report_dir={work}/reports",
                "-e",
                "cis_scan_profile=RKE-CIS-1.4-Hardened",
                "-e",
                "cis_scan_fail_on=",
            ]
            seconds = []
            for _run in range(runs):
                start = time.monotonic()
                done = subprocess.run(
                    command, env=settings(PROJECT), cwd=work, capture_output=True, text=True, check=False
                )
                seconds.append(time.monotonic() - start)
                if done.returncode:
                    raise SystemExit(done.stdout + done.stderr)
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            medians[count] = statistics.median(seconds)
            print(f"  {count:>5} nodes: {spread(seconds)} s, {peak:.0f} MB", flush=True)
    start = time.monotonic()
    subprocess.run(["ansible-playbook", "--version"], capture_output=True, check=True)
    print(f"  (ansible-playbook alone: {time.monotonic() - start:.2f} s)")
    print(f"  900 nodes more cost {(medians[1000] - medians[100]) / 900 * 1000:.2f} ms each")


def parts(count: int, number: int, directory: pathlib.Path) -> list[str]:
    """Write recorded evidence of many nodes as the parts of one scan, dealt as AWX deals hosts; return their paths."""
    copies(count, str(directory / "all"))
    command = ["ansible-playbook", "-i", str(PLAYBOOKS / "practice" / "inventory.yml"), str(PLAYBOOKS / "cis_scan.yml")]
    command += ["-e", "cis_scan_partial=true", "-e", "cis_scan_profile=RKE-CIS-1.4-Hardened"]
    subprocess.run(command, env=settings(PROJECT), cwd=directory, capture_output=True, check=True)
    (recorded,) = directory.glob("cis-reports/*/*/partial.json")
    asked = json.loads(recorded.read_text())
    names = sorted(path.name for path in (directory / "all").glob("node-*.json"))
    found = []
    for part in range(number):
        place = directory / "parts" / f"part{part:03}"
        (place / "evidence").mkdir(parents=True)
        shutil.copy(directory / "all" / "cluster.json", place / "evidence")
        asked["nodes"] = {}
        for name in names[part::number]:
            moved = (directory / "all" / name).rename(place / "evidence" / name)
            document = json.loads(moved.read_text())
            asked["nodes"][document["node"]] = document["roles"]
        (place / "partial.json").write_text(json.dumps(asked))
        found.append(str(place))
    return found


def measure_merge(runs: int) -> None:
    print("merging 10,000 recorded nodes in 100 parts, and all default formats: seconds (minimum median maximum)")
    with tempfile.TemporaryDirectory() as work:
        named = parts(10_000, 100, pathlib.Path(work))
        asked = {"cis_scan_partials": named, "cis_scan_cluster": "practice", "cis_report_dir": f"{work}/reports"}
        command = [
            "ansible-playbook",
            str(PLAYBOOKS / "cis_merge.yml"),
            "-e",
            json.dumps({**asked, "cis_scan_fail_on": []}),
        ]
        seconds = []
        for _run in range(runs):
            start = time.monotonic()
            process = subprocess.Popen(command, env=settings(PROJECT), cwd=work, stdout=subprocess.DEVNULL)
            _pid, status, used = os.wait4(process.pid, 0)  # of its children, too
            seconds.append(time.monotonic() - start)
            if status:
                raise SystemExit(f"cis_merge.yml ended with {status}")
        cpu = used.ru_utime + used.ru_stime
        print(f"  {spread(seconds)} s, the last one {cpu:.1f} s of CPU, {used.ru_maxrss / 1024:.0f} MB")


FILTER = """async ([name, value]) => {
  const field = document.forms[0].elements[name], start = performance.now();
  field.value = value;
  field.dispatchEvent(new Event("input", {bubbles: true}));
  document.body.getBoundingClientRect();
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - start;
}"""


def measure_html(runs: int) -> None:
    print("report.html in Chromium: milliseconds (minimum median maximum)")
    medians = {}
    for count in (10, 1000):
        with tempfile.TemporaryDirectory() as work, Browser() as browser:
            copies(count, os.path.join(work, "evidence"))
            command = ["ansible-playbook", str(PLAYBOOKS / "cis_score.yml"), "-e", "cis_report_formats=html"]
            command += ["-e", f"cis_scan_evidence_dir={work}/evidence", "-e", f"cis_report_dir={work}/reports"]
            done = subprocess.run(command, env=settings(PROJECT), cwd=work, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(done.stdout + done.stderr)
            (report,) = pathlib.Path(work, "reports").glob("*/*/report.html")
            loads, filters = [], []
            for _run in range(runs):
                page = browser.open(report).page
                loads.append(page.evaluate("performance.getEntriesByType('navigation')[0].duration"))
                typed = [("text", "anonymous"), ("node", "node"), ("node", "node0004"), ("text", "")]
                filters.append(max(page.evaluate(FILTER, list(each)) for each in typed))
                page.close()
            medians[count] = statistics.median(filters)
            size = report.stat().st_size / 2**20
            print(
                f"  {count:>5} nodes: {size:.1f} MiB, load {spread(loads)}, slowest filter {spread(filters)}",
                flush=True,
            )
    print(f"  filtering 1,000 nodes takes {medians[1000] / medians[10]:.1f} times as long as filtering 10")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", default="3,10,30")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--against", type=pathlib.Path)
    parser.add_argument("--only", choices=["hosts", "node", "scoring", "merge", "html"])
    options = parser.parse_args()
    if options.only in (None, "scoring"):
        measure_scoring(options.runs)
    if options.only in (None, "merge"):
        measure_merge(min(options.runs, 3))
    if options.only in (None, "html"):
        measure_html(options.runs)
    reason = unavailable()
    if reason:
        raise SystemExit(f"the parts that need hosts were left out: {reason}")
    if options.only in (None, "node"):
        measure_node(options.runs)
    if options.only in (None, "hosts"):
        measure_hosts([int(count) for count in options.hosts.split(",")], options.runs, options.against)


if __name__ == "__main__":
    main()
