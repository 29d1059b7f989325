# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""What a benchmark asks of the Kubernetes API: lists of objects, and Rancher's skip ConfigMap. Read-only."""

import logging
import os
import re
import time
import typing as t
from urllib.parse import quote

from ansible.module_utils.common.text.converters import to_text

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.plugins.module_utils._masking import error_text, mask_url_passwords
from ansible_collections.rke.cis.plugins.module_utils._objects import Malformed, NoQueries, ObjectList
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

_VERSION = re.compile(r"v[0-9]{1,4}\.[0-9]{1,4}[0-9A-Za-z.+-]{0,64}")
_LIST = re.compile(r"/(?:api|apis/(?P<group>[^/?]+))/[^/?]+/(?:namespaces/(?P<namespace>[^/?]+)/)?(?P<plural>[a-z]+)")
_RENEW = "the API server does not accept the kubeconfig's credentials; renew them"
# Nothing but the metadata is sent, by servers from Kubernetes 1.15 on.
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


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
        self._end = time.monotonic() + limits.API_SECONDS
        self.server = mask_url_passwords(configuration.host)

    def _ask(self, what: str, path: str, right: str = "", accept: str = "application/json") -> t.Dict[str, t.Any]:
        """Return the answer to a GET under `answer`, or why there is none. `right` is what allows it."""

        def exchange() -> t.Tuple[int, str, bytes]:
            answer = self._pool.request(
                "GET",
                self._host + path,
                headers=dict(self._headers, Accept=accept),
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
            left = self._end - time.monotonic()
            if left <= 0:
                raise TimeoutError("not all was answered in {0} s".format(limits.API_SECONDS))
            status, reason, body = within(min(self._timeout, left), exchange)
        except TooLarge as error:
            return dict(_problem("failed", "the answer to {0} is {1}".format(what, error)), too_large=True)
        except Exception as error:  # no connection, no TLS, no HTTP: the transport raises many kinds
            return _problem("down", "{0} does not answer: {1}".format(self.server, to_text(error)))
        if status == 401:
            return _problem("denied", "401 {0}; {1}".format(reason, _RENEW))
        if status == 403:
            return _problem("denied", "403 {0}; grant the kubeconfig's user {1}".format(reason, right or what))
        if status == 404:
            return _problem("missing", "the API server {0} has no {1}".format(self.server, what))
        if status == 410:
            return _problem("failed", "{0} changed while it was read; scan again".format(what))
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

    def read(self, path: str, lists: t.Sequence[ObjectList]) -> t.Optional[t.Dict[str, t.Any]]:
        """Hand the objects under a path to these lists. Return why not all of them could be read, if so."""
        place = _LIST.fullmatch(path)
        if not place or place["plural"] == "secrets":  # whose contents would come along
            return _problem("failed", "{0} is not a list that is read".format(path))
        right = "list on {0}".format(place["plural"])
        right += " (API group {0})".format(place["group"]) if place["group"] else ""
        right += " in the namespace {0}".format(place["namespace"]) if place["namespace"] else ""
        accept = _METADATA if all(one.metadata_only for one in lists) else "application/json"
        size, count, token = limits.PAGE_OBJECTS, 0, ""
        while True:
            page = "{0}?limit={1}".format(path, size) + ("&continue=" + quote(token, safe="") if token else "")
            found = self._ask(path, page, right, accept)
            if "too_large" in found and size > 1:
                size = max(1, size // 5)
                continue
            if "error" in found:
                kind = found["error"]["kind"]
                return {"error": dict(found["error"], kind="failed" if token and kind == "missing" else kind)}
            try:
                items = found["answer"]["items"]
                if items is None and str(found["answer"].get("kind")).endswith("List"):
                    items = []  # as a server writes an empty list of metadata
                token = (found["answer"].get("metadata") or {}).get("continue") or ""
                if not isinstance(items, list) or not isinstance(token, str) or (token and not items):
                    raise Malformed("no items")
                for item in items:
                    for one in lists:
                        one.take(item)
            except Malformed as error:
                return _problem("failed", "the answer to {0} holds no list of objects: {1}".format(path, error))
            except (KeyError, TypeError, AttributeError):
                return _problem("failed", "the answer to {0} holds no list of objects".format(path))
            count += len(items)
            if count > limits.LIST_OBJECTS:
                return _problem("failed", "{0} has more than {1} objects".format(path, limits.LIST_OBJECTS))
            if not token:
                return None

    def config_map(self, namespace: str, name: str, key: str) -> t.Dict[str, t.Any]:
        """Return the text under a ConfigMap's key; `text` is null where there is no such ConfigMap or key."""
        what = "ConfigMap {0}/{1}".format(namespace, name)
        path = "/api/v1/namespaces/{0}/configmaps/{1}".format(quote(namespace), quote(name))
        found = self._ask(what, path, "get on " + what)
        if "error" in found:
            return {"text": None} if found["error"]["kind"] == "missing" else found
        data = found["answer"].get("data") if isinstance(found["answer"], dict) else ()
        if not isinstance(data, (dict, type(None))) or not isinstance((data or {}).get(key), (str, type(None))):
            return _problem("failed", "the answer to {0} holds no ConfigMap".format(what))
        return {"text": (data or {}).get(key)}


class Lists:
    """Reads lists. Each path is read once for all that ask for it, after those that its objects are looked up in."""

    def __init__(self, reader: ClusterReader, objects: t.Mapping[str, t.Mapping[str, t.Any]], version: str) -> None:
        self._reader = reader
        self._objects = objects
        self._version = version
        self._lists: t.Dict[str, ObjectList] = {}
        self.documents: t.Dict[str, t.Dict[str, t.Any]] = {}  # name to what is kept of a list, or to an error
        self._begun: t.Set[str] = set()
        for name in sorted(objects):
            self._read(objects[name]["path"])

    def _sources(self, name: str) -> t.List[str]:
        return [source["of"] for several in self._objects[name].get("with", {}).values() for source in several]

    def _read(self, path: str) -> None:
        if path in self._begun:
            return
        self._begun.add(path)
        names = [name for name in sorted(self._objects) if self._objects[name]["path"] == path]
        for source in [source for name in names for source in self._sources(name)]:
            if source in self._objects:
                self._read(self._objects[source]["path"])
        for name in names:
            self._prepare(name)
        lists = [self._lists[name] for name in names if name not in self.documents]
        if not lists:
            return
        about = self._objects[names[0]]
        problem = self._reader.read(path, lists)
        if problem and problem["error"]["kind"] == "missing" and "or_path" in about:
            problem = self._reader.read(about["or_path"], lists)
        for name in names:
            if name not in self.documents:
                self.documents[name] = self._outcome(name, problem)

    def _prepare(self, name: str) -> None:
        """Make the list, or note why it cannot be read."""
        for source in self._sources(name):
            if source not in self.documents:
                self.documents[name] = _problem(
                    "failed", "{0} needs {1}, which is not read before".format(name, source)
                )
            elif "error" in self.documents[source]:
                self.documents[name] = self.documents[source]
        if name not in self.documents:
            try:
                self._lists[name] = ObjectList(self._objects[name], self._keys(name), self._lists)
            except (NoQueries, ValueError) as error:
                self.documents[name] = _problem("failed", str(error))

    def _keys(self, name: str) -> t.List[str]:
        """Return by what others look up the objects of a list."""
        return [
            source["key"]
            for about in self._objects.values()
            for several in about.get("with", {}).values()
            for source in several
            if source["of"] == name
        ]

    def _outcome(self, name: str, problem: t.Optional[t.Dict[str, t.Any]]) -> t.Dict[str, t.Any]:
        about = self._objects[name]
        plural = about["path"].rpartition("/")[2]
        missing = problem is not None and problem["error"]["kind"] == "missing"
        if missing and about.get("until"):
            reason = "Kubernetes {0} has no {1}; they were removed in {2}"
            return _problem("missing", reason.format(self._version, plural, about["until"]))
        if problem and not (missing and about.get("absent") == "empty"):
            return problem
        if about.get("never_empty") and not self._lists[name].count:
            return _problem("failed", "the API server returned no {0}, of which there are always some".format(plural))
        return self._lists[name].document()


def cluster_evidence(
    kubernetes: t.Any,
    kubeconfig: str,
    context: t.Optional[str],
    timeout: int,
    objects: t.Mapping[str, t.Mapping[str, t.Any]],
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
            "objects": Lists(reader, objects, version).documents,
        }
        if config_map is not None:
            evidence["config_map"] = reader.config_map(**config_map)
        return evidence
    finally:
        # The library writes the kubeconfig's keys into files for TLS, which it removes when Python exits. A worker of
        # Ansible does not exit that way.
        kubernetes.config.kube_config._cleanup_temp_files()
        logging.disable(logging.NOTSET)
