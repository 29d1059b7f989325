# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Signed scans: an in-toto statement over all files of a scan, signed with SSH's signatures.

Statement: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md. Signature: PROTOCOL.sshsig of OpenSSH.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
import typing as t

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.plugins.module_utils._evidence import COLLECTOR
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import Benchmark, candidates
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import EVIDENCE, REPORT
from ansible_collections.rke.cis.plugins.plugin_utils._schema import Check, compiled, schema_beside
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import read_evidence
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.only import limited
from ansible_collections.rke.cis.plugins.plugin_utils._store import (
    json_of,
    open_kept,
    read_bytes,
    to_json,
    write_report,
)
from ansible_collections.rke.cis.plugins.plugin_utils._text import listed, printable, shortened

STATEMENT = "statement.json"
SIGNATURE = f"{STATEMENT}.sig"

_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE = "https://rke-cis.github.io/rke.cis/scan/v1"
_NAMESPACE = "rke.cis"
_SECONDS = 30


def benchmark_digest(benchmark: Benchmark) -> str:
    """Return the digest of all that a benchmark judges by: its own file, and what it uses of the library."""
    keys = ("id", "title", "kubernetes", "components", "objects", "profiles", "groups")
    data = {key: getattr(benchmark, key) for key in keys}
    return _sha256(json.dumps({**data, "controls": benchmark.all_controls}).encode())


def sign(scan_dir: str, evidence_dir: str, key: str, benchmark: Benchmark, inputs: dict[str, t.Any]) -> list[str]:
    """Sign the files of a scan and return the paths of statement and signature.

    `inputs` are the other arguments of build_report, so that the signed evidence can be scored again.
    """
    statement = {
        "_type": _TYPE,
        "subject": [
            {"name": name, "digest": {"sha256": _digest(path)}}
            for name, path in _files(scan_dir, evidence_dir).items()
            if not os.path.basename(name).startswith(".")
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "collection": COLLECTOR,
            "benchmark": {"id": benchmark.id, "sha256": benchmark_digest(benchmark)},
            "inputs": inputs,
        },
    }
    text = to_json(statement)
    signature = _ssh_keygen(f"cis_report_sign_key {key}", ["sign", "-f", os.path.expanduser(key)], text.encode())
    paths = [os.path.join(scan_dir, name) for name in (STATEMENT, SIGNATURE)]
    for path, content in zip(paths, (text, signature), strict=True):
        write_report(path, content)
    return paths


def verify(
    scan_dir: str, evidence_dir: str, signers: str, identity: str, benchmark_dirs: t.Sequence[str]
) -> dict[str, t.Any]:
    """Return who signed a scan, what is wrong with it, and whether its evidence was scored again, or why not.

    Raises CisError if it is not signed, or not by one of the allowed signers.
    """
    paths = [os.path.join(scan_dir, name) for name in (STATEMENT, SIGNATURE)]
    for path in paths:
        if not os.path.isfile(path):
            raise CisError(f"{path}: not found; the scan was not signed, or its signature is lost")
    text = read_bytes(paths[0], "statement", limits.REPORT_BYTES)  # once: what is verified is what is read
    signer = identity or _principal(paths[1], signers)
    _ssh_keygen(
        f"{paths[1]}: not a valid signature of {signer} under {paths[0]}",
        ["verify", "-f", signers, "-I", signer, "-s", paths[1]],
        text,
    )
    statement = json_of(text, f"statement {paths[0]}")
    for where, what in _form()(statement):
        said = shortened(printable(": ".join(filter(None, (".".join(map(str, where)), what)))), 300)
        raise CisError(f"statement {paths[0]}: not one of this collection: {said}")
    problems = _changed(statement, _files(scan_dir, evidence_dir))
    again = _scored_again(statement["predicate"], scan_dir, evidence_dir, benchmark_dirs, problems)
    return {"signer": signer, "problems": problems, "scored_again": again}


@functools.cache
def _form() -> Check:
    """Return the check of what is read of a statement. A signer is trusted, but may have signed anything."""
    known = schema_beside(__file__, "partial")  # has the same of what a report is made from
    parts = known["properties"]
    candidate = parts["candidates"]["additionalProperties"]["properties"]
    text = {"type": "string"}
    same = ("profile", "only", "cluster", "node_tests_on", "declared_version", "waivers", "attestations", "not_scanned")
    inputs = _object(
        {
            **{key: parts[key] for key in same},
            **{key: candidate[key] for key in ("parameters", "skips")},
            "chosen": {"type": "boolean"},
            "notes": {"type": "array", "items": text},
            "scan": _object({key: parts.get(key, text) for key in ("name", "kind", "by")}),
        }
    )
    digest = _object({"sha256": text})
    subject = _object({"name": text, "digest": digest})
    predicate = _object({"collection": text, "benchmark": digest, "inputs": {**inputs, "additionalProperties": False}})
    whole = {"predicateType": {"const": PREDICATE}, "subject": {"type": "array", "items": subject}}
    return compiled({**_object({**whole, "predicate": predicate}), "$defs": known["$defs"]})


def _object(properties: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"type": "object", "required": [*properties], "properties": properties}


def _changed(statement: dict[str, t.Any], files: dict[str, str]) -> list[str]:
    """Return which files are not as they were signed."""
    signed = {subject["name"]: subject["digest"]["sha256"] for subject in statement["subject"]}
    problems = [f"{name}: missing" for name in signed if name not in files]
    problems += [f"{name}: not signed" for name in files if name not in signed]
    problems += [f"{name}: changed" for name in signed if name in files and _digest(files[name]) != signed[name]]
    return problems


def _scored_again(
    predicate: dict[str, t.Any], scan_dir: str, evidence_dir: str, benchmark_dirs: t.Sequence[str], problems: list[str]
) -> str:
    """Score the signed evidence again, and return an empty text, or why not. What differs is added to `problems`."""
    if any(problem.startswith(f"{EVIDENCE}/") for problem in problems):
        return "it is not what was signed"
    if predicate["collection"] != COLLECTOR:
        return f"signed with {predicate['collection']}, this is {COLLECTOR}"
    inputs = dict(predicate["inputs"])
    try:
        (named,) = candidates(inputs.pop("profile"), inputs.pop("parameters"), benchmark_dirs)
        benchmark, profile = limited(named, inputs.pop("only"))
    except CisError as error:
        return str(error)
    if benchmark_digest(benchmark) != predicate["benchmark"]["sha256"]:
        problems.append(f"benchmark {benchmark.id}: not the one that the scan was scored with")
        return "another benchmark"
    nodes, cluster = read_evidence(evidence_dir)
    found = to_json(build_report(benchmark, profile, nodes, cluster, **inputs)).encode()
    if _sha256(found) != _digest(os.path.join(scan_dir, REPORT)):
        problems.append(f"{REPORT}: not what its evidence scores")
    return ""


def _files(scan_dir: str, evidence_dir: str) -> dict[str, str]:
    """Return the name in the statement of each file of a scan, and its path."""
    found = {}
    for top, prefix in ((scan_dir, ""), (evidence_dir, f"{EVIDENCE}/")):
        for root, directories, names in os.walk(top):
            if not prefix and root == top:
                directories[:] = [name for name in directories if name != EVIDENCE]
            for name in names + [name for name in directories if os.path.islink(os.path.join(root, name))]:
                path = os.path.join(root, name)
                found[prefix + os.path.relpath(path, top)] = path
    return {name: found[name] for name in sorted(found) if name not in (STATEMENT, SIGNATURE)}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _digest(path: str) -> str:
    """Return the digest of a file. A link has none: it is not part of a scan."""
    digest = hashlib.sha256()
    try:
        with open_kept(path) as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        return f"not readable: {error.strerror}"
    return digest.hexdigest()


def _principal(signature: str, signers: str) -> str:
    """Return the allowed signer who made a signature."""
    what = f"cis_report_allowed_signers {signers}: has no signer with the key of {signature}"
    return _ssh_keygen(what, ["find-principals", "-f", signers, "-s", signature]).splitlines()[0]


def _ssh_keygen(what: str, arguments: list[str], data: bytes = b"") -> str:
    """Run `ssh-keygen -Y` and return what it prints. Raises CisError that begins with `what`.

    Without a terminal, so that it asks nobody for a passphrase: the agent has the key.
    """
    program = shutil.which("ssh-keygen")
    if not program:
        raise CisError(f"{what}: ssh-keygen is not installed on the controller; install OpenSSH 8.9 or later")
    command, *options = arguments
    namespace = [] if command == "find-principals" else ["-n", _NAMESPACE]
    try:
        done = subprocess.run(
            [program, "-Y", command, *namespace, *options],
            input=data,
            capture_output=True,
            timeout=_SECONDS,
            start_new_session=True,
            env={**os.environ, "SSH_ASKPASS_REQUIRE": "never"},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CisError(f"{what}: ssh-keygen gave no answer in {_SECONDS} s; add the key to ssh-agent") from error
    if done.returncode:
        said = printable(shortened(listed(done.stderr.decode("utf-8", "replace").splitlines(), 3), 300))
        raise CisError(f"{what}: {said or f'ssh-keygen ended with {done.returncode}'}")
    return done.stdout.decode("utf-8", "replace")
