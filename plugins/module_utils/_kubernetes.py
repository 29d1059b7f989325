# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""What a benchmark asks of the Kubernetes API: lists of objects, and Rancher's skip ConfigMap. Read-only."""

import os
import typing as t

from ansible.module_utils.common.text.converters import to_text

from ansible_collections.rke.cis.plugins.module_utils._docker import mask_url_passwords

CLUSTER_SCHEMA = "rke.cis/cluster-evidence/1"

# of an object only these are kept: no annotations, which may hold whole manifests
_KEPT = ("spec",)


class KubeconfigError(Exception):
    """The kubeconfig cannot be used: a wrong request, not a dead API."""


def _problem(kind: str, message: str) -> t.Dict[str, t.Any]:
    return {"error": {"kind": kind, "message": mask_url_passwords(" ".join(to_text(message).split()))[:300]}}


def _reason(kubeconfig: str, error: Exception) -> str:
    """Return why a kubeconfig cannot be used. The messages of YAML's parser may quote it, even a token."""
    if not os.path.exists(kubeconfig):
        return "no such file; use the kubeconfig that rke up writes, such as kube_config_cluster.yml"
    mark = getattr(error, "problem_mark", None)
    if mark:
        return "not valid YAML near line {0}".format(mark.line + 1)
    return " ".join(to_text(error).split())


class ClusterReader:
    """Reads from one API server. `kubernetes` is the client library: its absence is the module's matter."""

    def __init__(self, kubernetes: t.Any, kubeconfig: str, context: t.Optional[str], timeout: int) -> None:
        self._client = kubernetes.client
        configuration = kubernetes.client.Configuration()
        try:
            kubernetes.config.load_kube_config(
                config_file=kubeconfig, context=context, client_configuration=configuration
            )
        except Exception as error:  # the library raises its own errors, YAML's, the system's and TypeErrors
            raise KubeconfigError("kubeconfig {0}: {1}".format(kubeconfig, _reason(kubeconfig, error))) from None
        configuration.retries = False
        self._api = kubernetes.client.ApiClient(configuration)
        self._timeout = timeout
        self.server = mask_url_passwords(configuration.host)

    def _ask(self, what: str, call: t.Callable[[], t.Any]) -> t.Dict[str, t.Any]:
        """Return the answer under `answer`, or why there is none."""
        try:
            return {"answer": call()}
        except self._client.ApiException as error:
            if error.status in (401, 403):
                reason = "{0} {1}; grant the kubeconfig's user get and list on {2}"
                return _problem("denied", reason.format(error.status, error.reason, what))
            if error.status == 404:
                return _problem("missing", "the API server {0} has no {1}".format(self.server, what))
            if error.status:
                return _problem("failed", "{0}: {1} {2}".format(what, error.status, error.reason))
            return _problem("down", "{0} does not answer: {1}".format(self.server, error.reason))
        except Exception as error:  # no connection, no TLS, no JSON: the client's transport raises many kinds
            return _problem("down", "{0} does not answer: {1}".format(self.server, to_text(error)))

    def version(self) -> t.Dict[str, t.Any]:
        """Return the server's version."""
        version = self._client.VersionApi(self._api)
        return self._ask("version", lambda: version.get_code(_request_timeout=self._timeout).git_version)

    def objects(self, path: str, until: t.Optional[str], version: str) -> t.Dict[str, t.Any]:
        """Return the name and spec of each object of a list such as /apis/policy/v1beta1/podsecuritypolicies."""
        group, group_version, plural = path.split("/")[2:5]
        api = self._client.CustomObjectsApi(self._api)
        found = self._ask(
            path, lambda: api.list_cluster_custom_object(group, group_version, plural, _request_timeout=self._timeout)
        )
        if "error" in found:
            if found["error"]["kind"] == "missing" and until:
                reason = "Kubernetes {0} has no {1}; they were removed in {2}"
                found["error"]["message"] = reason.format(version, plural, until)
            return found
        nothing = _problem("failed", "the answer to {0} holds no list of objects".format(path))
        items = found["answer"].get("items") if isinstance(found["answer"], dict) else None
        if not isinstance(items, list):
            return nothing
        try:
            kept = [
                dict([("metadata", {"name": item["metadata"]["name"]})] + [(key, item.get(key)) for key in _KEPT])
                for item in items
            ]
            return {"items": sorted(kept, key=lambda item: item["metadata"]["name"])}
        except (KeyError, TypeError, AttributeError):
            return nothing

    def config_map(self, namespace: str, name: str, key: str) -> t.Dict[str, t.Any]:
        """Return the text under a ConfigMap's key; `text` is null where there is no such ConfigMap or key."""
        api = self._client.CoreV1Api(self._api)
        found = self._ask(
            "ConfigMap {0}/{1}".format(namespace, name),
            lambda: api.read_namespaced_config_map(name, namespace, _request_timeout=self._timeout).data,
        )
        if "error" in found:
            return {"text": None} if found["error"]["kind"] == "missing" else found
        return {"text": (found["answer"] or {}).get(key)}


def cluster_evidence(
    kubernetes: t.Any,
    kubeconfig: str,
    context: t.Optional[str],
    timeout: int,
    objects: t.Mapping[str, t.Mapping[str, str]],
    config_map: t.Optional[t.Mapping[str, str]] = None,
) -> t.Dict[str, t.Any]:
    """Return the evidence document of a cluster. A dead API is evidence; a bad kubeconfig raises KubeconfigError."""
    reader = ClusterReader(kubernetes, kubeconfig, context or None, timeout)
    version = reader.version().get("answer") or ""
    evidence = {
        "schema": CLUSTER_SCHEMA,
        "server": reader.server,
        "version": version,
        "objects": {
            name: reader.objects(wanted["path"], wanted.get("until"), version)
            for name, wanted in sorted(objects.items())
        },
    }
    if config_map is not None:
        evidence["config_map"] = reader.config_map(**config_map)
    return evidence
