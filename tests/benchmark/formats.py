# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each format of a report of many nodes costs: make benchmark BENCHMARK=tests/benchmark/formats.py
ARGS="[--nodes 1000] [FORMAT...]".

The nodes are workers but for three each of etcd and controlplane; every tenth fails some controls, and every twentieth
could not be examined. Each format is rendered in a process of its own: seconds of CPU, how much more memory than before
the process had at most, and the size of what was written.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import pathlib
import resource
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / ".cache" / "dev"))

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._reports.render import OUTPUTS, Context, write_outputs
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import read_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._store import to_json, write_file
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import cluster, lost, node, set_flag

HEAD = "| Format | CPU, s | Memory, MB more | Written, MB |"


def write_cluster(count: int, path: str) -> None:
    """Write the report of a cluster with so many nodes."""
    documents = []
    for number in range(count):
        name, roles = (
            f"node-{number:04}.example.com",
            [("etcd", "controlplane")[number % 2] if number < 6 else "worker"],
        )
        document = lost(name, roles) if number % 20 == 9 else node(name, roles)
        if number % 10 == 8:
            set_flag(document, "kubelet", "--anonymous-auth=true", f"--read-only-port={number}")
        documents.append(document)
    scan = {"name": "20261128T000000Z-rke-cis-1.4-hardened"}
    write_file(path, to_json(build_report(load_benchmark("rke-cis-1.4"), "hardened", documents, cluster(), scan=scan)))


def peak() -> float:
    """Return the most memory that this process had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def render(name: str, path: str) -> None:
    report, before = read_report(path), peak()
    directory = os.path.join(os.path.dirname(path), name)
    os.mkdir(directory)
    cpu = time.process_time()
    output = {"formats": [name], "templates": [], "csv_layout": "standard", "include_not_scored": True}
    files, problems = write_outputs(report, Context([], None), directory, output)
    cpu = time.process_time() - cpu
    size = sum(
        os.path.getsize(os.path.join(at, one)) for at, _directories, names in os.walk(directory) for one in names
    )
    print(f"| `{name}` | {cpu:.2f} | {peak() - before:.0f} | {size / 1e6:.1f} |{''.join(problems)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("formats", nargs="*", default=[name for name, files in OUTPUTS.items() if files])
    args = parser.parse_args()
    fresh = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, "report.json")
        write_cluster(args.nodes, path)
        print(HEAD, flush=True)
        for name in args.formats:
            process = fresh.Process(target=render, args=(name, path))
            process.start()
            process.join()


if __name__ == "__main__":
    main()
