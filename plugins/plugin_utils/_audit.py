# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""How a reader sees for himself what a control looked at: commands to paste into a shell on the node. Pure.

They show what the scan saw, and nothing more: of an encryption configuration the names of its providers, of a
container's environment the variables that the control asks for.
"""

from __future__ import annotations

import shlex
import typing as t

from ansible_collections.rke.cis.plugins.module_utils._evidence import path_key
from ansible_collections.rke.cis.plugins.module_utils._flags import environment_name
from ansible_collections.rke.cis.plugins.plugin_utils._benchmark import Benchmark

_STAT = "stat -Lc '%04a %U:%G %n'"
_PROVIDERS = ("aescbc", "aesgcm", "secretbox", "kms", "identity")


def audit_commands(
    benchmark: Benchmark, control: dict[str, t.Any], documents: t.Iterable[dict[str, t.Any]]
) -> list[str]:
    """Return the commands for a control; paths are those that were found on the nodes of these evidence documents."""
    flags: dict[str, list[str]] = {}
    commands = []
    for test in control["tests"]:
        if "object" in test:
            commands.append(_object_command(benchmark, test))
        elif "path" in test:
            key = path_key(test["path"])
            found = (document.get("paths", {}).get(key, {}).get("path") for document in documents)
            paths = list(dict.fromkeys(path for path in found if path and isinstance(path, str)))
            if not paths and "path" in test["path"]:
                paths = [test["path"]["path"]]
            if "flag" in test["path"]:
                flags.setdefault(test["path"]["container"], []).append(test["path"]["flag"])
            commands += [_path_command(test, path) for path in paths]
        else:
            flags.setdefault(control["component"], []).append(test["flag"])
            if test["op"] == "differs_from":
                for component in test["value"]["components"]:
                    flags.setdefault(component, []).append(test["value"]["flag"])
    about = [
        command
        for component, names in flags.items()
        for command in _flag_commands(benchmark, component, list(dict.fromkeys(names)))
    ]
    return list(dict.fromkeys(about + commands))


def _flag_commands(benchmark: Benchmark, component: str, flags: list[str]) -> list[str]:
    names = "|".join(flag.lstrip("-") for flag in flags)
    dashes = "--?" if benchmark.components[component]["style"] == "go" else "--"
    one = names if len(flags) == 1 else f"({names})"
    commands = [f"docker top {component} -eo pid,args | tr ' ' '\\n' | grep -xE -e '{dashes}{one}(=.*)?'"]
    if benchmark.components[component].get("environment"):
        variables = "|".join(environment_name(flag) for flag in flags)
        commands.append(
            f"docker inspect -f '{{{{range .Config.Env}}}}{{{{println .}}}}{{{{end}}}}' {component}"
            f" | grep -E '^({variables})='"
        )
    return commands


def _path_command(test: dict[str, t.Any], path: str) -> str:
    quoted = shlex.quote(path)
    if test["op"] == "first_provider_is":
        return f"grep -owE '{'|'.join((test['resource'], *_PROVIDERS))}' {quoted}"
    if not test["path"].get("list"):
        return f"{_STAT} {quoted}"
    names = ""
    if "match" in test:
        names = f" -mindepth 1 ! -type d -name {shlex.quote(test['match'])}"
        if "except" in test:
            names += f" ! -name {shlex.quote(test['except'])}"
    return f"find -L {quoted} -maxdepth 1{names} -exec {_STAT} {{}} +"


def _object_command(benchmark: Benchmark, test: dict[str, t.Any]) -> str:
    plural = benchmark.objects[test["object"]]["path"].rpartition("/")[2]
    if "named" in test:
        return f"kubectl get {plural} {benchmark.parameters[test['named']]} -o jsonpath='{{.{test['field']}}}'"
    return f"kubectl get {plural} -o custom-columns=NAME:.metadata.name,{test['field']}:.{test['field']}"
