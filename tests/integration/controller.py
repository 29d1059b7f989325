# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for AWX: as much of its API as the modules of awx.awx use, and what it refuses of what they send.

It is no AWX. Nothing runs here; objects are kept, and checked as AWX checks them.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import re
import typing as t
import urllib.parse

import dateutil.rrule
import jinja2.exceptions
import jinja2.sandbox
import scans
import servers
import trustme

TOKEN = "CANARYawxtoken"
HIDDEN = "$encrypted$"
SETUP = scans.ROOT / "playbooks" / "awx_setup.yml"
MODULES = scans.ROOT / ".cache" / "awx"
_REQUIRED = object()

# Kind to its fields, each with its default.
_FIELDS: dict[str, dict[str, t.Any]] = {
    "organizations": {"name": _REQUIRED, "description": ""},
    "credentials": {"name": _REQUIRED, "organization": None},
    "execution_environments": {"name": _REQUIRED, "organization": None},
    "projects": {
        "name": _REQUIRED,
        "description": "",
        "organization": _REQUIRED,
        "scm_type": "",
        "scm_url": "",
        "scm_branch": "",
        "credential": None,
        "scm_update_on_launch": False,
    },
    "inventories": {
        "name": _REQUIRED,
        "description": "",
        "organization": _REQUIRED,
        "kind": "",
        "host_filter": None,
        "variables": "",
    },
    "inventory_sources": {
        "name": _REQUIRED,
        "inventory": _REQUIRED,
        "source": _REQUIRED,
        "source_project": None,
        "source_path": "",
        "execution_environment": None,
        "overwrite": False,
        "overwrite_vars": False,
        "update_on_launch": False,
    },
    "notification_templates": {
        "name": _REQUIRED,
        "organization": _REQUIRED,
        "notification_type": _REQUIRED,
        "notification_configuration": _REQUIRED,
        "messages": None,
    },
    "job_templates": {
        "name": _REQUIRED,
        "description": "",
        "project": _REQUIRED,
        "playbook": _REQUIRED,
        "inventory": _REQUIRED,
        "execution_environment": None,
        "become_enabled": False,
        "extra_vars": "",
        "survey_enabled": False,
        "job_slice_count": 1,
        "allow_simultaneous": False,
        "ask_variables_on_launch": False,
    },
    "workflow_job_templates": {
        "name": _REQUIRED,
        "description": "",
        "organization": _REQUIRED,
        "survey_enabled": False,
        "allow_simultaneous": False,
        "ask_variables_on_launch": False,
    },
    "workflow_job_template_nodes": {
        "identifier": _REQUIRED,
        "workflow_job_template": _REQUIRED,
        "unified_job_template": _REQUIRED,
    },
    "schedules": {
        "name": _REQUIRED,
        "unified_job_template": _REQUIRED,
        "rrule": _REQUIRED,
        "enabled": True,
        "extra_data": {},
    },
}
# Field to the kind of object whose id it is.
_REFERENCES = {
    "organization": "organizations",
    "project": "projects",
    "source_project": "projects",
    "inventory": "inventories",
    "credential": "credentials",
    "execution_environment": "execution_environments",
    "workflow_job_template": "workflow_job_templates",
    "unified_job_template": "unified_job_templates",
}
_LINKED = {("job_templates", False), ("workflow_job_template_nodes", True)}
_EVENTS = ("started", "success", "error")
_ASSOCIATIONS = {f"notification_templates_{event}": "notification_templates" for event in _EVENTS}
_ASSOCIATIONS["credentials"] = "credentials"
_ASSOCIATIONS["always_nodes"] = "workflow_job_template_nodes"
_TEMPLATES = ("job_templates", "workflow_job_templates")  # that have a survey
# What a notification type wants: field to its type and default. A password is not shown.
_NOTIFICATION_TYPES: dict[str, dict[str, tuple[t.Any, t.Any]]] = {
    "email": {
        "host": (str, _REQUIRED),
        "port": (int, _REQUIRED),
        "username": (str, _REQUIRED),
        "password": ("password", _REQUIRED),
        "use_tls": (bool, _REQUIRED),
        "use_ssl": (bool, _REQUIRED),
        "sender": (str, _REQUIRED),
        "recipients": (list, _REQUIRED),
        "timeout": (int, 30),
    },
    "webhook": {
        "url": (str, _REQUIRED),
        "http_method": (str, "POST"),
        "disable_ssl_verification": (bool, False),
        "username": (str, ""),
        "password": ("password", ""),
        "headers": (dict, {}),
    },
}
_MESSAGE_CONTEXT = {
    "job": {"id": 42, "name": "Stub", "status": "running", "artifacts": {}},
    "url": "https://awx/#/jobs/42",
}


class Refused(Exception):
    """A request that AWX answers with 400: field to what is wrong with it."""

    def __init__(self, **problems: t.Any) -> None:
        super().__init__(str(problems))
        self.problems = problems


class Controller(servers.Service):
    """What is in it: `tables` has kind to id to object. `writes` holds the requests that were to change something."""

    def __init__(
        self,
        prefix: str = "/api/",
        product: str = "AWX",
        token: str = TOKEN,
        port: int = 0,
        certificate: trustme.LeafCert | None = None,
    ) -> None:
        self.prefix = prefix + "v2/"
        self.token = token
        self.product = product
        self.tables: dict[str, dict[int, dict[str, t.Any]]] = {kind: {} for kind in _FIELDS}
        self.links: dict[tuple[str, int, str], list[int]] = {}
        self.surveys: dict[int, dict[str, t.Any]] = {}
        self.secrets: dict[int, dict[str, str]] = {}
        self.writes: list[tuple[str, str, t.Any]] = []
        self._last = 0
        for kind, name in (
            ("organizations", "Default"),
            ("execution_environments", "rke.cis"),
            ("credentials", "nodes"),
        ):
            self.create(kind, {"name": name})
        self.serve(_Handler, port, certificate)
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def templates(self) -> dict[int, dict[str, t.Any]]:
        """What a schedule or a workflow can run."""
        return self.tables["job_templates"] | self.tables["workflow_job_templates"]

    def one(self, kind: str) -> dict[str, t.Any]:
        """Return the only object of a kind."""
        (found,) = self.tables[kind].values()
        return found

    def linked(self, kind: str, number: int, link: str) -> list[str]:
        """Return the names of what is associated with an object."""
        return [self.tables[_ASSOCIATIONS[link]][other]["name"] for other in self.links.get((kind, number, link), [])]

    # ---------------------------------------------------------------------------------------------- requests

    def answer(self, method: str, path: str, query: dict[str, str], body: t.Any) -> tuple[int, t.Any]:
        """Return status and document."""
        if method != "GET":
            self.writes.append((method, path, body))
        kind, *rest = path.split("/")
        if kind == "unified_job_templates" and not rest:
            return 200, self._page(self.tables["projects"] | self.templates, query)
        if kind == "project_updates":
            return 200, {
                "id": int(rest[0]),
                "status": "successful",
                "failed": False,
                "finished": "2026-01-01T00:00:00Z",
            }
        if kind not in self.tables:
            return 404, {"detail": "Not found."}
        if not rest:
            if method == "POST":
                return 201, self.create(kind, body)
            return 200, self._page(self.tables[kind], query)
        found = self.tables[kind].get(int(rest[0]))
        if not found:
            return 404, {"detail": "Not found."}
        if len(rest) == 2:
            return self._related(method, kind, found, rest[1], body)
        if method == "PATCH":
            found.update(self._checked(kind, body, found))
        elif method == "DELETE":
            del self.tables[kind][found["id"]]
            return 204, None
        return 200, found

    def _page(self, table: dict[int, dict[str, t.Any]], query: dict[str, str]) -> dict[str, t.Any]:
        def wanted(item: dict[str, t.Any]) -> bool:
            either = {key[4:]: value for key, value in query.items() if key.startswith("or__")}
            each = {key: value for key, value in query.items() if not key.startswith("or__")}
            for key in (*either, *each):
                if key not in item:
                    raise Refused(detail=f"Invalid field name: {key}")
            return all(str(item[key]) == value for key, value in each.items()) and (
                not either or any(str(item[key]) == value for key, value in either.items())
            )

        found = [item for item in table.values() if wanted(item)]
        return {"count": len(found), "next": None, "previous": None, "results": found}

    def _related(
        self, method: str, kind: str, found: dict[str, t.Any], link: str, body: t.Any
    ) -> tuple[int, dict[str, t.Any] | None]:
        if link == "survey_spec" and kind in _TEMPLATES:
            if method == "POST":
                problem = _survey_problem(body)
                if problem:
                    return 400, {"error": problem}
                self.surveys[found["id"]] = body
                return 200, {}
            return 200, self.surveys.get(found["id"], {})
        if link not in _ASSOCIATIONS or (kind, link == "always_nodes") not in _LINKED:
            return 404, {"detail": "Not found."}
        table, ids = self.tables[_ASSOCIATIONS[link]], self.links.setdefault((kind, found["id"], link), [])
        if method == "POST":
            if body["id"] not in table:
                raise Refused(detail="no such object")
            (ids.remove if body.get("disassociate") else ids.append)(body["id"])
            return 204, None
        return 200, self._page({number: table[number] for number in ids}, {})

    # ----------------------------------------------------------------------------------------------- objects

    def create(self, kind: str, body: dict[str, t.Any]) -> dict[str, t.Any]:
        missing = [name for name, default in _FIELDS[kind].items() if default is _REQUIRED and name not in body]
        if missing:
            raise Refused(**{name: ["This field is required."] for name in missing})
        self._last += 1
        number = self._last
        url = f"{self.prefix}{kind}/{number}/"
        item: dict[str, t.Any] = {"id": number, "type": kind[:-1], "url": url, "summary_fields": {}}
        item["related"] = {"survey_spec": url + "survey_spec/"} if kind in _TEMPLATES else {}
        item.update(_FIELDS[kind])
        item.update(self._checked(kind, body, item))
        if kind == "projects":
            item.update(scm_revision="")
            item["summary_fields"] = {"current_update": {"id": number}}
        if kind == "job_templates":
            item["organization"] = self.tables["projects"][item["project"]]["organization"]
        self.tables[kind][number] = item
        return item

    def _objects(self, kind: str) -> dict[int, dict[str, t.Any]]:
        return self.templates if kind == "unified_job_templates" else self.tables[kind]

    def _checked(self, kind: str, body: dict[str, t.Any], before: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the fields as they are kept. What the serializer does not know, it leaves out, as AWX does."""
        fields = {name: value for name, value in body.items() if name in _FIELDS[kind]}
        for name, value in fields.items():
            default = _FIELDS[kind][name]
            if value is None and isinstance(default, str):
                fields[name] = default  # of the inventory's kind
            elif name in _REFERENCES and value is not None and value not in self._objects(_REFERENCES[name]):
                raise Refused(**{name: [f'Invalid pk "{value}" - object does not exist.']})
            elif isinstance(default, bool) and not isinstance(value, bool):
                raise Refused(**{name: ["Must be a valid boolean."]})
        after = {**before, **fields}
        scope = [name for name in ("organization", "inventory", "unified_job_template") if name in _FIELDS[kind]]
        called = "name" if "name" in _FIELDS[kind] else "identifier"
        scope = ["workflow_job_template"] if called == "identifier" else scope
        for other in self.tables[kind].values():
            if other["id"] != before["id"] and all(other[name] == after[name] for name in (called, *scope)):
                raise Refused(__all__=[f"{kind[:-1]} with this name already exists."])
        if kind == "notification_templates":
            self._check_notification(after, before)
            fields["notification_configuration"] = after["notification_configuration"]
        elif kind == "schedules":
            self._check_schedule(after)
        elif kind == "job_templates":
            if not after["playbook"].endswith((".yml", ".yaml")) or "/none" in after["playbook"]:
                raise Refused(playbook=["Playbook not found for project."])
            if fields.get("extra_vars"):
                json.loads(fields["extra_vars"])
        return fields

    def _check_notification(self, after: dict[str, t.Any], before: dict[str, t.Any]) -> None:
        known = _NOTIFICATION_TYPES.get(after["notification_type"])
        if known is None:
            raise Refused(notification_type=[f'"{after["notification_type"]}" is not a valid choice.'])
        config = dict(after["notification_configuration"])
        for name, (_type, default) in known.items():
            if default is not _REQUIRED:
                config.setdefault(name, default)
        missing = [name for name in known if name not in config]
        if missing:
            raise Refused(__all__=[f"Missing required fields for Notification Configuration: {missing}."])
        for name, (type_, _default) in known.items():
            wanted, given = str if type_ == "password" else type_, config[name]
            if not isinstance(given, wanted) or (wanted is int and isinstance(given, bool)):
                raise Refused(__all__=[f"Configuration field '{name}' incorrect type, expected {type_}."])
            if type_ == "password" and config[name]:
                if config[name] != HIDDEN:
                    self.secrets.setdefault(before["id"], {})[name] = config[name]
                config[name] = HIDDEN
        after["notification_configuration"] = config
        environment = jinja2.sandbox.ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined)
        for event, messages in (after["messages"] or {}).items():
            message = messages.get("message", "")
            try:
                environment.from_string(message).render(_MESSAGE_CONTEXT)
            except jinja2.exceptions.TemplateError as error:
                raise Refused(messages=[f"Unable to render message '{message}': {error}"]) from error
            if event not in _EVENTS or "\n" in message:
                raise Refused(messages=[f"Messages cannot contain newlines (found newline in {event} event)"])

    def _check_schedule(self, schedule: dict[str, t.Any]) -> None:
        problem = _rrule_problem(schedule["rrule"])
        if problem:
            raise Refused(rrule=[problem])
        template = self.templates[schedule["unified_job_template"]]
        survey = self.surveys.get(template["id"], {}).get("spec", []) if template["survey_enabled"] else []
        questions = {question["variable"]: question for question in survey}
        not_asked = sorted(set(schedule["extra_data"]) - set(questions))
        if not_asked and not template["ask_variables_on_launch"]:
            raise Refused(
                extra_data=[
                    f"Variables {', '.join(not_asked)} are not allowed on launch. Check the Prompt on Launch setting"
                ]
            )
        problems = [
            problem
            for question in survey
            if (problem := _answer_problem(question, schedule["extra_data"].get(question["variable"])))
        ]
        if problems:
            raise Refused(variables_needed_to_start=problems)


def _survey_problem(survey: dict[str, t.Any]) -> str:
    for name, type_ in (("name", str), ("description", str), ("spec", list)):
        if not isinstance(survey.get(name), type_):
            return f"Expected {type_.__name__} for field '{name}'"
    for question in survey["spec"]:
        for name, type_ in (("question_name", str), ("variable", str), ("required", bool), ("type", str)):
            if not isinstance(question.get(name), type_):
                return f"Expected {type_.__name__} for '{name}' in survey question {question.get('variable')}"
        if question["type"] in ("multiplechoice", "multiselect"):
            if not isinstance(question.get("choices"), list) or not all(question["choices"]):
                return "Multiple choice fields need choices"
            chosen = question.get("default", "").splitlines()
            if question["type"] == "multiplechoice" and len(chosen) > 1:
                return "Multiple Choice (Single Select) can only have one default value."
            if not set(chosen) <= set(question["choices"]):
                return "Default choice must be answered from the choices listed."
        elif not isinstance(question.get("default", ""), str):
            return f"Default value {question['default']} is not a text"
    return ""


def _answer_problem(question: dict[str, t.Any], answer: t.Any) -> str:
    name, type_ = question["variable"], question["type"]
    if answer is None:
        return f"'{name}' value missing" if question["required"] else ""
    if type_ == "text":
        if not isinstance(answer, str):
            return f"Value {answer!r} for '{name}' expected to be a string."
        return "" if question["min"] <= len(answer) <= question["max"] else f"'{name}' value is too small or too large"
    if type_ == "multiselect" and not isinstance(answer, list):
        return f"'{name}' value is expected to be a list."
    wrong = [item for item in (answer if type_ == "multiselect" else [answer]) if item not in question["choices"]]
    return f"Value {wrong} for '{name}' expected to be one of {question['choices']}." if wrong else ""


def _rrule_problem(text: str) -> str:
    starts = re.findall(r"DTSTART(?:;[^:]+)?:[0-9]+T[0-9]+Z?", text)
    if len(starts) != 1 or not text.startswith("DTSTART"):
        return "Valid DTSTART required in rrule. Value should start with: DTSTART:YYYYMMDDTHHMMSSZ"
    if re.search(r"DTSTART:[0-9]+T[0-9]+ ", text):
        return "DTSTART cannot be a naive datetime. Specify ;TZINFO= or YYYYMMDDTHHMMSSZZ."
    rules = re.findall(r"RULE:\S*", text)
    if not rules or "EXDATE" in text or "RDATE" in text:
        return "One or more rule required in rrule. Neither EXDATE nor RDATE is allowed."
    for rule in rules:
        if "INTERVAL" not in rule:
            return f"INTERVAL required in rrule: {rule}"
        if "SECONDLY" in rule or re.search("BYDAY=[0-9]", rule) or "COUNT" in rule:
            return f"Not supported: {rule}"
    try:
        parsed = dateutil.rrule.rrulestr(text, forceset=True)
        if parsed[0].tzinfo is None:
            return "A valid TZID must be provided (e.g., America/New_York)"
    except (ValueError, IndexError) as error:
        return f"rrule parsing failed validation: {error}"
    return ""


class _Handler(servers.Handler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        split = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != f"Bearer {self.service.token}":
            self._send(401, {"detail": "Authentication credentials were not provided."})
        elif not split.path.startswith(self.service.prefix):
            self._send(404, {"detail": "Not found."})
        else:
            path = split.path.removeprefix(self.service.prefix).strip("/")
            query = dict(urllib.parse.parse_qsl(split.query))
            try:
                self._send(*self.service.answer(self.command, path, query, json.loads(body or "null")))
            except Refused as refused:
                self._send(400, refused.problems)

    do_POST = do_PATCH = do_DELETE = do_GET

    def _send(self, status: int, document: t.Any) -> None:
        data = b"" if document is None else json.dumps(document).encode()
        self.answer(
            status,
            data,
            Content_Type="application/json",
            X_API_Product_Name=self.service.product,
            X_API_Product_Version="24.6.1",
        )


@contextlib.contextmanager
def controller(prefix: str = "/api/", product: str = "AWX") -> t.Iterator[Controller]:
    running = Controller(prefix, product)
    try:
        yield running
    finally:
        running.stop()


def given(awx: Controller) -> None:
    awx.create("projects", {"name": "given", "organization": 1})
    awx.create("inventories", {"name": "given", "organization": 1})


def set_up(
    directory: pathlib.Path, awx: Controller, variables: dict[str, t.Any], *arguments: str, **env: str
) -> scans.Outcome:
    assert (MODULES / "ansible_collections").exists(), "there is no awx.awx; tests/tools/awx.sh fetches it"
    environment = scans.environment()
    environment["ANSIBLE_COLLECTIONS_PATH"] += f":{MODULES}"
    environment.update({"CONTROLLER_HOST": awx.url, "CONTROLLER_OAUTH_TOKEN": TOKEN, **env})
    outcome = scans.playbook(directory, SETUP, "localhost,", variables, *arguments, env=environment)
    assert "CANARY" not in outcome.out
    return outcome
