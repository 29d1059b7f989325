# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""How a reader sees for himself what a control looked at: commands to paste into a shell on the node. Pure.

They show what the scan saw, and nothing more: of an encryption configuration the names of its providers, of a
container's environment the variables that the control asks for.
"""

from __future__ import annotations

import re
import shlex
import typing as t

from ansible_collections.rke.cis.plugins.module_utils._evidence import path_key
from ansible_collections.rke.cis.plugins.module_utils._flags import environment_name
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import Benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import each_test, sources

_STAT = "stat -Lc '%04a %U:%G %n'"
# the last two are names of all resources
_ENCRYPTION_NAMES = ("aescbc", "aesgcm", "secretbox", "kms", "identity", r"\*\.", r"\*\.\*")


def audit_commands(
    benchmark: Benchmark, control: dict[str, t.Any], documents: t.Sequence[dict[str, t.Any]]
) -> list[str]:
    """Return the commands for a control; paths are those that were found on the nodes of these evidence documents."""
    flags: dict[str, list[str]] = {}
    commands = []
    for test in each_test(control):
        if "find" in test:
            listed = benchmark.objects[test["object"]]
            commands.append(_list_command(listed, test["find"]))
            commands += [_list_command(benchmark.objects[name], "") for name in sorted(sources(listed))]
        elif "object" in test:
            commands.append(_object_command(benchmark, test))
        elif "path" in test:
            if "flag" in test["path"]:
                flags.setdefault(test["path"]["container"], []).append(test["path"]["flag"])
            commands += [_path_command(test, path) for path in _paths(test["path"], documents)]
        else:
            flags.setdefault(control["component"], []).append(test["flag"])
            if test["op"] == "differs_from":
                for component in test["value"]["components"]:
                    # as the scorer does: only those that nodes of these roles have
                    if any(component in document.get("containers", {}) for document in documents):
                        flags.setdefault(component, []).append(test["value"]["flag"])
    about = [
        command
        for component, names in flags.items()
        for command in _flag_commands(benchmark, component, list(dict.fromkeys(names)))
    ]
    return list(dict.fromkeys(about + commands))


def _paths(request: dict[str, t.Any], documents: t.Sequence[dict[str, t.Any]]) -> list[str]:
    """Return where the path lies on the nodes, each place once, else where it lies on a node without a prefix."""
    found = [document.get("paths", {}).get(path_key(request), {}) for document in documents]
    each = [part.get("path") for entry in found for part in entry.get("each", [entry])]
    paths = list(dict.fromkeys(path for path in each if path))
    known = request.get("host") or request.get("path")
    return paths or ([known] if known else [])


def _flag_commands(benchmark: Benchmark, component: str, flags: list[str]) -> list[str]:
    about = benchmark.components[component]
    flags = flags + [name for name, other in about.get("counts_as", {}).items() if other in flags and name not in flags]
    go = about["style"] == "go"
    # pflag takes an underscore for a dash, Go's own package takes one dash for two
    names = "|".join(flag[2:] if go else re.sub("-", "[-_]", flag[2:]) for flag in flags)
    pattern = f"{'--?' if go else '--'}{names if len(flags) == 1 else f'({names})'}([= ].*)?"
    # a line for each flag, with a value that is a word of its own
    commands = [f"docker top {component} -wweo pid,args | sed 's/ -/\\n-/g' | grep -xE -e '{pattern}'"]
    if about.get("environment"):
        variables = "|".join(environment_name(flag) for flag in flags)
        commands.append(
            f"docker inspect -f '{{{{range .Config.Env}}}}{{{{println .}}}}{{{{end}}}}' {component}"
            f" | grep -E '^({variables})='"
        )
    return commands


def _path_command(test: dict[str, t.Any], path: str) -> str:
    quoted = shlex.quote(path)  # it is absolute, so no command takes it for an option
    if test["path"].get("read") == "audit_policy":
        return f"grep -nE '(level|verbs|group|resources|namespaces|omitStages):' {quoted}"
    if "read" in test["path"]:
        return f"grep -owE '{'|'.join((test['resource'], *_ENCRYPTION_NAMES))}' {quoted}"
    if not ("list" in test["path"] or "tree" in test["path"]):
        return f"{_STAT} {quoted}"
    names = ""
    if "match" in test:
        names = f" -mindepth 1 ! -type d -name {shlex.quote(test['match'])}"
        if "except" in test:
            names += f" ! -name {shlex.quote(test['except'])}"
    # of a tree only the directory itself may be a link
    which = f"-H {quoted}" if "tree" in test["path"] else f"-L {quoted} -maxdepth 1"
    return f"find {which}{names} -exec {_STAT} {{}} + | sort -k 3"


def _object_command(benchmark: Benchmark, test: dict[str, t.Any]) -> str:
    plural = benchmark.objects[test["object"]]["path"].rpartition("/")[2]
    if "named" in test:
        name = benchmark.parameters[test["named"]]
        return f"kubectl get {plural} {name} -o jsonpath='{{.{test['field']}}}{{\"\\n\"}}'"
    return f"kubectl get {plural} -o custom-columns=NAME:.metadata.name,{test['field']}:.{test['field']}"


def _list_command(about: dict[str, t.Any], query: str) -> str:
    """Return the command that shows the fields of a list's objects that a query names, or all that are kept."""
    columns = ["NAMESPACE:.metadata.namespace"] if about.get("namespaced") else []
    columns.append("NAME:.metadata.name")
    for path in _leaves(about["fields"]) if "fields" in about else (["spec"],):
        if all(name.rstrip("[*]") in query for name in path) or not query:
            steps = ".".join(name.replace(".", "\\.") for name in path)
            columns.append(f"{path[-1].partition('/')[2] or path[-1].rstrip('[*]')}:.{steps}")
    shown = shlex.quote(",".join(dict.fromkeys(columns)))
    namespace = re.search("/namespaces/([^/]+)/", about["path"])
    where = f" --namespace {namespace[1]}" if namespace else " --all-namespaces" if about.get("namespaced") else ""
    return f"kubectl get {about['path'].rpartition('/')[2]}{where} -o custom-columns={shown}"


def _leaves(fields: t.Any, path: tuple[str, ...] = ()) -> t.Iterator[list[str]]:
    """Return the paths to the single values among fields."""
    if isinstance(fields, dict):
        for name, about in fields.items():
            yield from _leaves(about, (*path, name))
    elif isinstance(fields, list):
        yield from _leaves(fields[0], (*path[:-1], f"{path[-1]}[*]"))
    else:
        yield list(path)
