# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""One node's evidence document: everything that a plan asks for, gathered in one go. Knows nothing of controls."""

import json
import os
import time
import typing as t

from ansible.module_utils.common.text.converters import to_text

from ansible_collections.rke.cis.plugins.module_utils import _files
from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.plugins.module_utils._containers import container_evidence
from ansible_collections.rke.cis.plugins.module_utils._docker import DockerError, inspect_containers, socket_address
from ansible_collections.rke.cis.plugins.module_utils._files import not_in_time, os_problem, problem, readable
from ansible_collections.rke.cis.plugins.module_utils._flags import component_args, environment_name, parse_flags
from ansible_collections.rke.cis.plugins.module_utils._outside import TooLarge, each_within

SCHEMA = "rke.cis/evidence/1"
# A node has no galaxy.yml to read, so a unit test compares this with its version.
COLLECTOR = "rke.cis 1.0.0"

DOCKER_OPTIONS: t.Dict[str, t.Any] = {
    "docker_host": {"type": "str", "default": "unix:///var/run/docker.sock"},
    "timeout": {"type": "int", "default": 20},
}


def path_key(request: t.Mapping[str, t.Any]) -> str:
    """Return the name under which the evidence keeps what was asked for."""
    if request.get("host"):
        return "host:" + str(request["host"])
    return "{0}:{1}".format(request["container"], request.get("flag") or request["path"])


def flag_values(container: t.Mapping[str, t.Any], request: t.Mapping[str, t.Any]) -> t.List[str]:
    """Return the last value of a path flag of each process of a container's component, empty where it is not given."""
    flag = request["flag"]
    types = dict.fromkeys([flag] + list(request.get("counts_as") or ()), "string")
    found = []
    for argv in container.get("processes") or [container.get("args") or []]:
        args = component_args(argv, request["container"])
        if args is not None:
            values = parse_flags(args, request["style"], types, request.get("counts_as")).get(flag)
            value = values[-1][1] if values else (container.get("env") or {}).get(environment_name(flag))
            found.append(value or "")
    return found


def normal_path(path: str) -> str:
    """Return the one spelling of a path; a relative one begins at the root, where components in containers run."""
    return "/" + os.path.normpath(path).lstrip("/")


def host_path(path: str, mounts: t.Sequence[t.Mapping[str, str]]) -> t.Optional[t.Tuple[str, str]]:
    """Return where a container's path lies on the host and the mounted host directory, or None if it is not mounted."""
    path = normal_path(path)
    best: t.Optional[t.Tuple[str, str]] = None
    for mount in mounts:
        target = normal_path(mount["destination"])
        if (path + "/").startswith(target.rstrip("/") + "/") and (best is None or len(target) > len(best[0])):
            best = (target, normal_path(mount["source"]))
    if best is None:
        return None
    rest = os.path.relpath(path, best[0])
    return (best[1] if rest == "." else os.path.join(best[1], rest)), best[1]


class Collector:
    """Gathers one node's evidence. `module` serves to run the docker CLI, `files` to look at the disk."""

    files: t.Any = _files

    def __init__(self, module: t.Any, docker_host: str, timeout: int, prefix_path: str = "") -> None:
        self._module = module
        self._docker_host = socket_address(docker_host)
        self._timeout = timeout
        self._prefix = prefix_path
        self._containers: t.Dict[str, t.Dict[str, t.Any]] = {}
        self._looks_at = ""
        self._size = 0

    def collect(self, plan: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
        """Return the evidence that the plan asks for. What could not be seen stands in it with its reason."""
        docker_state = self._collect_containers(plan.get("containers") or {})
        paths = self._collect_paths(plan.get("paths") or [])
        return {
            "schema": SCHEMA,
            "collector": COLLECTOR,
            "collected_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "docker": docker_state,
            "containers": self._containers,
            "paths": paths,
        }

    def _kept(self, part: t.Dict[str, t.Any]) -> t.Dict[str, t.Any]:
        """Return a part of the document, or in its place that the document would become too large."""
        self._size += len(json.dumps(part))
        if self._size > limits.EVIDENCE_BYTES:
            return problem("too large", "more than {0} bytes of evidence".format(limits.EVIDENCE_BYTES))
        return part

    def _collect_containers(self, wanted: t.Mapping[str, t.Mapping[str, t.Any]]) -> t.Dict[str, t.Any]:
        try:
            docker, found = inspect_containers(self._module, self._docker_host, self._timeout, sorted(wanted))
        except DockerError as error:
            shown = error.as_evidence(self._docker_host)
            self._containers = {name: {"error": shown} for name in wanted}
            return {"host": self._docker_host, "error": shown}
        for name in sorted(wanted):
            try:
                if name not in found:
                    shown = problem("missing", "there is no container named " + name)
                else:
                    shown = container_evidence(found[name], name, docker, wanted[name])
            except DockerError as error:
                shown = {"error": error.as_evidence()}
            self._containers[name] = self._kept(shown)
        return {"host": self._docker_host, "source": docker.source}

    def _collect_paths(self, requests: t.Sequence[t.Mapping[str, t.Any]]) -> t.Dict[str, t.Any]:
        """Look at each path, as long as there is time. A mount can hang for ever, and whoever looks at it with it."""

        def look(request: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
            return self._kept(self._path(request))

        seen = each_within(self._timeout, requests, look)
        unseen = [not_in_time(self._timeout, self._looks_at)] * (len(requests) - len(seen))
        return dict(zip(map(path_key, requests), seen + unseen))

    def _locate(self, path: str, container: str) -> t.Optional[t.Tuple[str, str]]:
        """Return the host path and the mounted directory that it was found by, or None if nobody can tell.

        By the component's own mounts; where it has no container by its neighbours', or by the prefix path that was
        given. Never by the path itself: RKE's files may lie under a prefix, and what is not mounted is in the image.
        """
        own = self._containers.get(container, {})
        if "mounts" in own:
            return host_path(path, own["mounts"])
        if "error" not in own or own["error"]["kind"] == "missing":
            for name in sorted(self._containers):
                found = host_path(path, self._containers[name].get("mounts") or [])
                if found:
                    return found
        return (normal_path(self._prefix + path), self._prefix) if self._prefix else None

    def _path(self, request: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
        if request.get("host"):
            return self._seen(request["host"], request["host"], request)
        container = request["container"]
        if not request.get("flag"):
            return self._examined(request["path"], request)
        shown = self._containers.get(container, {})
        if "error" in shown:
            return {"error": dict(shown["error"], kind="container " + shown["error"]["kind"])}
        values = flag_values(shown, request) or [""]
        paths = dict.fromkeys(value or request.get("path") or "" for value in values)
        each = [self._examined(path, request) for path in paths]
        return each[0] if len(each) == 1 else {"each": each}

    def _examined(self, path: str, request: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
        container = request["container"]
        if not path:
            return problem("not_set", "{0} is not given to {1}".format(request["flag"], container))
        if not path.startswith("/"):
            return problem("not_absolute", "{0} is {1}, no absolute path".format(request["flag"], path))
        located = self._locate(path, container)
        if located is None and "mounts" in self._containers.get(container, {}):
            return problem("not_mounted", "{0} mounts nothing from the node that holds {1}".format(container, path))
        if located is None:
            return problem("not_located", "no mount of {0} tells where {1} lies on the node".format(container, path))
        return self._seen(*located, request)

    def _seen(self, on_host: str, root: str, request: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
        """Return what lies at a path of the node, of which links are followed as far as they stay under root."""
        self._looks_at = readable(on_host)
        found = self.files.examine(on_host, root)
        found["path"] = "/" + readable(os.path.normpath(on_host)).lstrip("/")
        if "error" in found:
            return found
        if request.get("list"):
            found.update(self.files.list_directory(on_host, root))
        if request.get("tree"):
            found.update(self.files.list_tree(on_host))
        if request.get("read") and found["type"] == "file":
            found.update(self._content(on_host, request["read"]))
        return found

    def _content(self, path: str, what: str) -> t.Dict[str, t.Any]:
        """Return a part of a file: names and known words, never its text."""
        # imported only here: on a node every import is compiled anew, and most nodes have no such file
        from ansible_collections.rke.cis.plugins.module_utils._audit_policy import audit_policy
        from ansible_collections.rke.cis.plugins.module_utils._encryption import encryption_providers
        from ansible_collections.rke.cis.plugins.module_utils._yaml_nodes import NotUnderstood, TooMany

        try:
            text = self.files.read(path).decode("utf-8-sig")
            if what == "audit_policy":
                return {"audit_policy": audit_policy(text)}
            return {"encryption": encryption_providers(text)}
        except OSError as error:
            return os_problem(error, path)
        except (TooLarge, TooMany) as error:
            return problem("too large", "{0}: {1}".format(path, to_text(error)))
        except NotUnderstood as error:
            return problem("unreadable", "{0}: {1}".format(path, to_text(error)))
        except ValueError as error:
            message = "no UTF-8 text" if isinstance(error, UnicodeDecodeError) else to_text(error)
            return problem("malformed", "{0}: {1}".format(path, message))
