# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""What a benchmark asks of the Kubernetes API: lists of objects, and Rancher's skip ConfigMap. Read-only."""

import logging
import os
import re
import typing as t
from urllib.parse import quote

from ansible.module_utils.common.text.converters import to_text

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.plugins.module_utils._docker import error_text, mask_url_passwords
from ansible_collections.rke.cis.plugins.module_utils._outside import (
    TooLarge,
    bounded,
    parse_json,
    read_limited,
    read_regular,
    within,
)

CLUSTER_SCHEMA = "rke.cis/cluster-evidence/1"

# In which Rancher keeps the tests to skip.
CONFIG_MAP = {"namespace": "security-scan", "name": "security-scan-cfg", "key": "config.json"}

_KEPT = ("spec",)
_VERSION = re.compile(r"v[0-9]{1,4}\.[0-9]{1,4}[0-9A-Za-z.+-]{0,64}")


class KubeconfigError(Exception):
    """The kubeconfig cannot be used: a wrong request, not a dead API."""


def _problem(kind: str, message: str) -> t.Dict[str, t.Any]:
    return {"error": {"kind": kind, "message": error_text(message, limits.API_MESSAGE_CHARS)}}


def _reason(kubeconfig: str, context: t.Optional[str], error: Exception) -> str:
    """Return why a kubeconfig cannot be used, by its place only: the library's messages may quote a token."""
    if not os.path.exists(kubeconfig):
        return "no such file; use the kubeconfig that rke up writes, such as kube_config_cluster.yml"
    if isinstance(error, OSError):
        return to_text(error.strerror or type(error).__name__)
    if isinstance(error, (TooLarge, _Encrypted)):
        return str(error)
    mark = getattr(error, "problem_mark", None)
    if mark:
        return "not valid YAML near line {0}".format(mark.line + 1)
    text = to_text(error)
    if context and "Expected object with name {0} in {1}/contexts".format(context, kubeconfig) in text:
        return "it has no context {0}".format(context)
    place = re.search(r"/(clusters|contexts|users)\b", text.replace(kubeconfig, "", 1))
    key = re.search(r"Expected key ([a-z-]{1,40}) in", text)
    found = ["expected the key " + key.group(1)] if key else []
    found += ["see " + place.group(1)] if place else []
    return "; ".join(["not a valid kubeconfig"] + found)


class _Encrypted(ValueError):
    pass


def _check(kubeconfig: str) -> None:
    """Raise what is wrong with a file that the library would read without any limit."""
    content = read_regular(kubeconfig, limits.KUBECONFIG_BYTES)
    if content.startswith(b"$ANSIBLE_VAULT"):
        raise _Encrypted("encrypted with ansible-vault; decrypt it")
    import yaml  # which the library needs, too

    parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for _event in bounded(yaml, yaml.parse(content, Loader=parser), limits.YAML_NODES, limits.YAML_DEPTH):
        pass


class ClusterReader:
    """Reads from one API server. `kubernetes` is the client library: its absence is the module's matter."""

    def __init__(self, kubernetes: t.Any, kubeconfig: str, context: t.Optional[str], timeout: float) -> None:
        configuration = kubernetes.client.Configuration()
        try:
            _check(kubeconfig)
            # a deadline, since a kubeconfig can name a program to run; what that returns is not written back
            within(
                timeout,
                lambda: kubernetes.config.load_kube_config(
                    config_file=kubeconfig, context=context, client_configuration=configuration, persist_config=False
                ),
            )
        except TimeoutError as error:
            raise KubeconfigError("kubeconfig {0}: {1}".format(kubeconfig, error)) from None
        except Exception as error:  # the library raises its own errors, YAML's, the system's and TypeErrors
            raise KubeconfigError(
                "kubeconfig {0}: {1}".format(kubeconfig, _reason(kubeconfig, context, error))
            ) from None
        # The library trusts the API server, so only its connections and credentials are used, not its requests.
        self._pool = kubernetes.client.ApiClient(configuration).rest_client.pool_manager
        credentials = configuration.auth_settings().get("BearerToken")
        self._headers = {"Accept": "application/json"}
        if credentials:
            self._headers["Authorization"] = credentials["value"]
        self._host = configuration.host.rstrip("/")
        self._timeout = timeout
        self.server = mask_url_passwords(configuration.host)

    def _ask(self, what: str, path: str) -> t.Dict[str, t.Any]:
        """Return the answer to a GET under `answer`, or why there is none."""

        def exchange() -> t.Tuple[int, str, bytes]:
            answer = self._pool.request(
                "GET",
                self._host + path,
                headers=self._headers,
                preload_content=False,
                redirect=False,
                retries=False,
                timeout=self._timeout + 1,  # ends the thread that within() has left
            )
            try:
                return answer.status, answer.reason or "", read_limited(answer, limits.API_BYTES)
            finally:
                answer.close()

        try:
            status, reason, body = within(self._timeout, exchange)
        except TooLarge as error:
            return _problem("failed", "the answer to {0} is {1}".format(what, error))
        except Exception as error:  # no connection, no TLS, no HTTP: the transport raises many kinds
            return _problem("down", "{0} does not answer: {1}".format(self.server, to_text(error)))
        if status in (401, 403):
            return _problem(
                "denied", "{0} {1}; grant the kubeconfig's user get and list on {2}".format(status, reason, what)
            )
        if status == 404:
            return _problem("missing", "the API server {0} has no {1}".format(self.server, what))
        if status != 200:
            return _problem("failed", "{0}: {1} {2}".format(what, status, reason))
        try:
            return {"answer": parse_json(body)}
        except (ValueError, RecursionError):
            return _problem("failed", "the answer to {0} is not valid JSON".format(what))

    def version(self) -> t.Dict[str, t.Any]:
        """Return the server's version."""
        found = self._ask("version", "/version")
        if "error" in found:
            return found
        version = found["answer"].get("gitVersion") if isinstance(found["answer"], dict) else None
        if not isinstance(version, str) or not _VERSION.fullmatch(version):
            return _problem("failed", "the answer to version holds no version of Kubernetes")
        return {"answer": version}

    def objects(self, path: str, until: t.Optional[str], version: str) -> t.Dict[str, t.Any]:
        """Return the name and spec of each object of a list such as /apis/policy/v1beta1/podsecuritypolicies."""
        found = self._ask(path, path)
        if "error" in found:
            if found["error"]["kind"] == "missing" and until:
                reason = "Kubernetes {0} has no {1}; they were removed in {2}"
                found["error"]["message"] = reason.format(version, path.rpartition("/")[2], until)
            return found
        try:
            items = found["answer"]["items"]
            kept = [
                dict([("metadata", {"name": item["metadata"]["name"]})] + [(key, item.get(key)) for key in _KEPT])
                for item in items
            ]
            if isinstance(items, list) and all(
                isinstance(item["metadata"]["name"], str) and isinstance(item["spec"], (dict, type(None)))
                for item in kept
            ):
                return {"items": sorted(kept, key=lambda item: item["metadata"]["name"])}
        except (KeyError, TypeError, AttributeError):
            pass
        return _problem("failed", "the answer to {0} holds no list of objects".format(path))

    def config_map(self, namespace: str, name: str, key: str) -> t.Dict[str, t.Any]:
        """Return the text under a ConfigMap's key; `text` is null where there is no such ConfigMap or key."""
        what = "ConfigMap {0}/{1}".format(namespace, name)
        found = self._ask(what, "/api/v1/namespaces/{0}/configmaps/{1}".format(quote(namespace), quote(name)))
        if "error" in found:
            return {"text": None} if found["error"]["kind"] == "missing" else found
        data = found["answer"].get("data") if isinstance(found["answer"], dict) else ()
        if not isinstance(data, (dict, type(None))) or not isinstance((data or {}).get(key), (str, type(None))):
            return _problem("failed", "the answer to {0} holds no ConfigMap".format(what))
        return {"text": (data or {}).get(key)}


def cluster_evidence(
    kubernetes: t.Any,
    kubeconfig: str,
    context: t.Optional[str],
    timeout: int,
    objects: t.Mapping[str, t.Mapping[str, str]],
    config_map: t.Optional[t.Mapping[str, str]] = None,
) -> t.Dict[str, t.Any]:
    """Return the evidence document of a cluster. A dead API is evidence; a bad kubeconfig raises KubeconfigError."""
    logging.disable(logging.CRITICAL)  # the library logs what an exec plugin says
    try:
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
    finally:
        # The library writes the kubeconfig's keys into files for TLS, which it removes when Python exits. A worker of
        # Ansible does not exit that way.
        kubernetes.config.kube_config._cleanup_temp_files()
        logging.disable(logging.NOTSET)
