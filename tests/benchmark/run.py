# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scan costs: make benchmark, or python tests/benchmark/run.py [--hosts 3,10,300] [--runs 5] [--only NAME].
ANSIBLE_FORKS is 25 unless it is set.

Ratios are of runs that alternate on one machine; nothing here is a test. Rows of tables fit docs/performance.md.
  hosts       a whole scan beside a play that only pings the same hosts, alternating (ansible-playbook, no facts,
              same forks, pipelining and SSH settings, connections closed in between); with --against DIR beside a scan
              with the collection of another checkout, in which `make venv` has run, too
  controller  the same of 10, 30, 100, 300 and 1,000 hosts for which recorded evidence answers after 0.1 s (--delay),
              so that the CPU is the controller's alone, without ssh; and how time and memory grow
  shell       the scan beside a play with a task `docker inspect | grep` for each of 60 controls
  node        CPU seconds that a scan costs a node: sshd and what it starts, and Docker
  scoring     cis_score.yml over recorded evidence of 100, 1,000 and 10,000 nodes, with all default formats
  merge       cis_merge.yml over 10,000 recorded nodes in 100 parts
  html        report.html in Chromium: size, milliseconds to load, and from a key to the filtered picture
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "testbed"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

import scans
from testbed import SCRIPT, Testbed, unavailable

PROJECT = pathlib.Path(__file__).resolve().parents[2]
PLAYBOOKS = PROJECT / "playbooks"
EVIDENCE = PLAYBOOKS / "practice" / "evidence"
# How many real hosts the machine carries. Further names are those of the same hosts.
REAL = 100
PING = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.ping:
"""


class Cost(t.NamedTuple):
    """What a command cost, with all processes that it waited for: CPU seconds, and MB of the largest process."""

    seconds: float
    cpu: float
    largest: float


def cost(command: list[str], work: str, project: pathlib.Path = PROJECT) -> Cost:
    with open(os.path.join(work, "output"), "w+", encoding="utf-8") as output:
        start = time.monotonic()
        process = subprocess.Popen(command, env=settings(project), cwd=work, stdout=output, stderr=subprocess.STDOUT)
        _pid, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        if status:
            output.seek(0)
            raise SystemExit(output.read())
    return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def all_memory(command: list[str], work: str) -> float:
    """Return the most MB that a command and all that it starts have at once, shared pages counted once."""
    process = subprocess.Popen(command, env=settings(PROJECT), cwd=work, stdout=subprocess.DEVNULL)
    most = 0.0
    while process.poll() is None:
        pids, kilobytes = [process.pid], 0
        for pid in pids:  # grows meanwhile
            try:
                pids += map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
                rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
                kilobytes += int(rollup.partition("\nPss:")[2].split()[0])
            except (OSError, IndexError):
                continue
        most = max(most, kilobytes / 1024)
        time.sleep(0.2)
    return most


def roles(count: int) -> list[str]:
    """Three etcd nodes, at most three controlplane nodes and workers, as clusters are built; of few nodes each."""
    if count < 10:
        return list(itertools.islice(itertools.cycle(("controlplane", "etcd", "worker")), count))
    return ["etcd"] * 3 + ["controlplane"] * 3 + ["worker"] * (count - 6)


def cluster(count: int) -> dict:
    hosts = [{"name": f"h{n}", "roles": [role], "args": "default"} for n, role in enumerate(roles(count), 1)]
    return {"kube_apiserver": False, "hosts": hosts}


def inventory(bed: Testbed, count: int, work: str) -> str:
    """Return an inventory of so many names. Each has SSH connections of its own, also those of the same host."""
    addresses = list(bed.addresses.values())
    groups: dict[str, list[str]] = {"controlplane": [], "etcd": [], "worker": []}
    hosts = {}
    for number, role in enumerate(roles(count)):
        name = f"h{number + 1}"
        groups[role].append(name)
        hosts[name] = {
            "ansible_host": addresses[number % len(addresses)],
            "ansible_control_path": f"{bed.dir}/cp/{number}",
        }
    return str(scans.inventory(pathlib.Path(work, "hosts.json"), bed, groups, {}, hosts))


def settings(project: pathlib.Path) -> dict[str, str]:
    more = {
        "ANSIBLE_FORKS": os.environ.get("ANSIBLE_FORKS", "25"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_CALLBACKS_ENABLED": "rke.cis.cis_summary",
    }
    more["ANSIBLE_CONNECTION_PLUGINS"] = str(PROJECT / "tests" / "benchmark" / "connection_plugins")
    return {**os.environ, **more, "ANSIBLE_COLLECTIONS_PATH": str(project / ".cache" / "dev")}


def close_connections(bed: Testbed) -> None:
    for socket in pathlib.Path(bed.dir, "cp").glob("*"):
        subprocess.run(["ssh", "-O", "exit", "-o", f"ControlPath={socket}", "x"], capture_output=True, check=False)


def timed(bed: Testbed, work: str, *arguments: str, hosts: str = "", project: pathlib.Path = PROJECT) -> Cost:
    """Return the cost of one run over fresh connections."""
    close_connections(bed)
    command = [SCRIPT, "run", bed.dir, "ansible-playbook", "-i", hosts or bed.inventory, *arguments]
    return cost(command, work, project)


def spread(values: list[float]) -> str:
    return f"{min(values):.2f} {statistics.median(values):.2f} {max(values):.2f}"


def scan_arguments(work: str, project: pathlib.Path = PROJECT) -> list[str]:
    return [str(project / "playbooks" / "cis_scan.yml"), "-e", f"cis_report_dir={work}/reports"]


def written(work: str, name: str, text: str) -> str:
    path = os.path.join(work, name)
    pathlib.Path(path).write_text(text)
    return path


def evidence_bytes(work: str) -> int:
    """Return the mean size of a node's document."""
    sizes = [path.stat().st_size for path in pathlib.Path(work, "reports").glob("*/*/evidence/node-*.json")]
    return round(statistics.mean(sizes))


HEAD = "| Hosts | Ping, s | Scan, s | Ratio | Ping, CPU s | Scan, CPU s | Ratio | Largest, MB | All, MB | Evidence, B |"


def row(count: int, pings: list[Cost], scans: list[Cost], memory: float, work: str) -> str:
    """Return a row of the table: medians, and the medians of the ratios of runs that followed each other."""
    cells: list[str] = [f"{count:,}"]
    for key, digits in (("seconds", 1), ("cpu", 1)):
        pairs = [(getattr(ping, key), getattr(scan, key)) for ping, scan in zip(pings, scans, strict=True)]
        cells += [f"{statistics.median(values):.{digits}f}" for values in zip(*pairs, strict=True)]
        cells.append(f"{statistics.median(scan / ping for ping, scan in pairs):.2f}")
    cells += [
        f"{max(scan.largest for scan in scans):.0f}",
        f"{memory:.0f}" if memory else "",
        str(evidence_bytes(work)),
    ]
    return "| " + " | ".join(cells) + " |"


def measure_hosts(counts: list[int], runs: int, against: pathlib.Path | None) -> None:
    print("real hosts: a whole scan beside a ping play; CPU without that of ssh masters and of the hosts\n" + HEAD)
    for count in counts:
        with tempfile.TemporaryDirectory() as work, Testbed(cluster(min(count, REAL))) as bed:
            ping = written(work, "ping.yml", PING)
            timed(bed, work, ping)  # warms the page cache for both
            hosts = inventory(bed, count, work)
            pings, scanned, others = [], [], []
            for _run in range(runs):
                pings.append(timed(bed, work, ping, hosts=hosts))
                scanned.append(timed(bed, work, *scan_arguments(work), hosts=hosts))
                if against:
                    others.append(timed(bed, work, *scan_arguments(work, against), hosts=hosts, project=against))
            print(row(count, pings, scanned, 0, work), flush=True)
            if against:
                print(row(count, pings, others, 0, work), f"with {against}", flush=True)


def recorded_inventory(count: int, delay: float) -> dict[str, t.Any]:
    """Return an inventory of hosts for which the practice cluster's evidence answers."""
    common = {
        "ansible_connection": "recorded",
        "recorded_delay": delay,
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    groups: dict[str, t.Any] = {}
    for role, name in (("controlplane", "cp1"), ("etcd", "etcd1"), ("worker", "worker1")):
        groups[role] = {"hosts": {}, "vars": {"recorded_evidence": str(EVIDENCE / f"node-{name}.json")}}
    for number, role in enumerate(roles(count)):
        groups[role]["hosts"][f"node{number:04}"] = {}
    return {"all": {"vars": common, "children": groups}}


def measure_controller(counts: list[int], runs: int, delay: float) -> None:
    print(f"hosts that answer from recorded evidence after {delay} s: a whole scan beside a ping play\n{HEAD}")
    found: dict[int, tuple[float, float, float]] = {}
    for count in counts:
        with tempfile.TemporaryDirectory() as work:
            inventory = written(work, "hosts.json", json.dumps(recorded_inventory(count, delay)))
            play = ["ansible-playbook", "-i", inventory]
            ping, scan = [*play, written(work, "ping.yml", PING)], [*play, *scan_arguments(work)]
            memory = all_memory(scan, work)
            costs = [(cost(ping, work), cost(scan, work)) for _run in range(runs)]
            pings, scans = [one for one, _two in costs], [two for _one, two in costs]
            print(row(count, pings, scans, memory, work), flush=True)
            found[count] = statistics.median(one.seconds for one in scans), max(one.largest for one in scans), memory
    if {100, 1000} <= set(found):
        time_, largest, memory = (big / small for big, small in zip(found[1000], found[100], strict=True))
        print(
            f"1,000 hosts take {time_:.1f} times the time of 100, {largest:.1f} times the memory ({memory:.1f} of all)"
        )


def measure_shell(counts: list[int], runs: int) -> None:
    print(
        "one shell task for each of 60 controls beside a scan: seconds, and seconds of the controller's CPU (medians)"
    )
    tasks = [
        {
            "ansible.builtin.shell": f"docker inspect kubelet | grep -e --flag-of-control-{number}=",
            "changed_when": False,
            "failed_when": False,
        }
        for number in range(60)
    ]
    play = json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}])
    for count in counts:
        with tempfile.TemporaryDirectory() as work, Testbed(cluster(count)) as bed:
            many = written(work, "many.yml", play)
            shells = [timed(bed, work, many) for _run in range(runs)]
            scans = [timed(bed, work, *scan_arguments(work)) for _run in range(runs)]
            cells = [
                statistics.median(getattr(one, key) for one in of)
                for key in ("seconds", "cpu")
                for of in (shells, scans)
            ]
            times, cpu = cells[0] / cells[1], cells[2] / cells[3]
            shown = " | ".join(f"{cell:.1f}" for cell in cells[:2] + [times] + cells[2:] + [cpu])
            print(f"| {count} | {shown} |", flush=True)


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
        ping = written(work, "ping.yml", PING)
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
    shutil.copy(EVIDENCE / "cluster.json", directory)
    documents = [json.loads((EVIDENCE / f"node-{name}.json").read_text()) for name in ("cp1", "etcd1", "worker1")]
    for number in range(count):
        document = documents[number % 3]
        name = f"node{number:04}"
        text = json.dumps(dict(document, node=name)).replace(document["node"], name)
        pathlib.Path(directory, f"node-{name}.json").write_text(text)


SCORED_HEAD = "| What | Nodes | Seconds | CPU, s | Memory, MB |"
SCORED = ["-e", "cis_scan_profile=RKE-CIS-1.4-Hardened", "-e", json.dumps({"cis_scan_fail_on": []})]


def measure_scoring(runs: int) -> None:
    print("scoring recorded evidence, and all default formats (medians)\n" + SCORED_HEAD)
    medians = {}
    for count in (100, 1000, 10_000):
        with tempfile.TemporaryDirectory() as work:
            copies(count, os.path.join(work, "evidence"))
            command = ["ansible-playbook", str(PLAYBOOKS / "cis_score.yml"), *SCORED]
            command += ["-e", f"cis_scan_evidence_dir={work}/evidence", "-e", f"cis_report_dir={work}/reports"]
            costs = [cost(command, work) for _run in range(min(runs, 3))]
            medians[count] = statistics.median(one.seconds for one in costs)
            print(scored_row("score", count, costs), flush=True)
    start = time.monotonic()
    subprocess.run(["ansible-playbook", "--version"], capture_output=True, check=True)
    print(f"  (ansible-playbook alone: {time.monotonic() - start:.2f} s)")
    print(f"  9,000 nodes more cost {(medians[10_000] - medians[1000]) / 9000 * 1000:.2f} ms each")


def scored_row(what: str, count: int, costs: list[Cost]) -> str:
    seconds, cpu = (statistics.median(getattr(one, key) for one in costs) for key in ("seconds", "cpu"))
    return f"| {what} | {count:,} | {seconds:.1f} | {cpu:.1f} | {max(one.largest for one in costs):.0f} |"


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
    print("merging recorded nodes, and all default formats (medians)\n" + SCORED_HEAD)
    with tempfile.TemporaryDirectory() as work:
        named = parts(10_000, 100, pathlib.Path(work))
        asked = {"cis_scan_partials": named, "cis_scan_cluster": "practice", "cis_report_dir": f"{work}/reports"}
        command = ["ansible-playbook", str(PLAYBOOKS / "cis_merge.yml")]
        command += ["-e", json.dumps({**asked, "cis_scan_fail_on": []})]
        costs = [cost(command, work) for _run in range(min(runs, 3))]
        print(scored_row("merge 100 parts, and score", 10_000, costs))


FILTER = """async ([name, value]) => {
  const field = document.forms[0].elements[name], start = performance.now();
  field.value = value;
  field.dispatchEvent(new Event("input", {bubbles: true}));
  document.body.getBoundingClientRect();
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - start;
}"""


def measure_html(runs: int) -> None:
    from browser import Browser  # here, since it needs Playwright

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


# What is measured, and whether it needs the test bed.
MEASURES: dict[str, tuple[t.Callable[[argparse.Namespace], None], bool]] = {
    "controller": (
        lambda options: measure_controller(options.hosts or [10, 30, 100, 300, 1000], options.runs, options.delay),
        False,
    ),
    "scoring": (lambda options: measure_scoring(options.runs), False),
    "merge": (lambda options: measure_merge(options.runs), False),
    "html": (lambda options: measure_html(options.runs), False),
    "node": (lambda options: measure_node(options.runs), True),
    "hosts": (
        lambda options: measure_hosts(options.hosts or [3, 10, 30, 100, 300], options.runs, options.against),
        True,
    ),
    "shell": (lambda options: measure_shell(options.hosts or [3, 10], options.runs), True),
}


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--hosts", type=lambda text: [int(count) for count in text.split(",")])
    found.add_argument("--runs", type=int, default=5)
    found.add_argument("--delay", type=float, default=0.1)
    found.add_argument("--against", type=pathlib.Path)
    found.add_argument("--only", choices=MEASURES)
    return found


def main() -> None:
    options = parser().parse_args()
    for name, (measure, on_hosts) in MEASURES.items():
        if options.only not in (None, name):
            continue
        reason = unavailable() if on_hosts else None
        if reason:
            raise SystemExit(f"the parts that need hosts were left out: {reason}")
        measure(options)


if __name__ == "__main__":
    main()
