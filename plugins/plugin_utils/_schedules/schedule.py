# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""A recurring scan: Rancher's block scheduled_cluster_scan, checked, and the variables that follow from it."""

from __future__ import annotations

import contextlib
import datetime
import os
import pwd
import re
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import candidates, profile_names
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.cron import next_runs, read_cron
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.skips import merge_skips, skips_of_variable
from ansible_collections.rke.cis.plugins.plugin_utils._yaml import pairs, read_nodes, value_of

BLOCK = "scheduled_cluster_scan"
_EXAMPLES = {"override_benchmark_version": "rke-cis-1.8", "profile": "permissive"}
# As in Rancher, the version of Kubernetes chooses the benchmark. It kept 3 reports, although its documents say 24.
DEFAULTS = {"override_benchmark_version": "", "profile": "permissive", "cron_schedule": "0 0 * * *"}
RETENTION = 24

_CAPITAL = re.compile(r"(?<=[a-z])[A-Z]")
_CLUSTER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_KEYS = {
    "": ("enabled", "scan_config", "schedule_config"),
    "scan_config": ("cis_scan_config",),
    "scan_config.cis_scan_config": (
        "override_benchmark_version",
        "profile",
        "override_skip",
        "debug_master",
        "debug_worker",
        "failures_only",
        "skip",
    ),
    "schedule_config": ("cron_schedule", "retention"),
}


def given_block(cluster_file: str | None, block: t.Any, role: str = "cis_schedule", loader: t.Any = None) -> t.Any:
    """Return the block that a role's variables give, itself or in a file. Raises CisError that names them."""
    if cluster_file and block:
        raise CisError(f"{role}_cluster_file and {role}_block are mutually exclusive; set only one of them")
    if not cluster_file and not block:
        raise CisError(f"{role}_cluster_file: not set; name a cluster.yml with the block {BLOCK}, or set {role}_block")
    return block_of_file(cluster_file, role, loader) if cluster_file else block


def block_of_file(path: str, role: str = "cis_schedule", loader: t.Any = None) -> t.Any:
    """Return the block in a cluster.yml, or in a cluster as Rancher's API or kubectl prints it.

    Errors show nothing else of the file, which may hold secrets.
    """
    source = f"{role}_cluster_file {path}"
    top = pairs(read_nodes(path, source, loader))
    spec = [pair for key, value in top if key.value == "spec" for pair in pairs(value)]
    found = next((value for key, value in top + spec if _snake_case(key.value) == BLOCK), None)
    if found is None:
        raise CisError(f"{source}: has no key {BLOCK} at its top level; add it, or set {role}_block")
    return value_of(found, source)


def _snake_case(value: t.Any) -> t.Any:
    """Return a name, or all keys of a mapping, as cluster.yml has them, of what Rancher's API writes."""
    if isinstance(value, dict):
        return {_snake_case(key): _snake_case(item) for key, item in value.items() if key != "type"}
    return _CAPITAL.sub(lambda match: f"_{match[0].lower()}", value) if isinstance(value, str) else value


def check_cluster_name(cluster: str, role: str = "cis_schedule") -> None:
    """Raise CisError if the name is not valid in names of files and units."""
    if not _CLUSTER.fullmatch(cluster):
        raise CisError(
            f"{role}_cluster {cluster!r}: invalid name; use letters, digits, '_', '.' and '-', first a letter or digit"
        )


class Schedule:
    """The content of a block. Raises CisError that names the wrong key."""

    def __init__(self, cluster: str, block: t.Any) -> None:
        top = _section(_snake_case(block), "")
        self.warnings: list[str] = []
        self.enabled = _boolean(top, "enabled", "")
        if not self.enabled:
            return
        scan = _section(
            _section(top.get("scan_config"), "scan_config").get("cis_scan_config"), "scan_config.cis_scan_config"
        )
        schedule = _section(top.get("schedule_config"), "schedule_config")
        self.variables: dict[str, t.Any] = {"cis_scan_cluster": cluster, "cis_scan_kind": "scheduled"}
        self._read_scan(scan, "scan_config.cis_scan_config")
        self.cron = read_cron(
            schedule.get("cron_schedule") or DEFAULTS["cron_schedule"], f"{BLOCK}.schedule_config.cron_schedule"
        )
        self.variables["cis_report_keep"] = {"scheduled": _retention(schedule.get("retention"))}
        first, second = next_runs(self.cron, 2)
        where = "scan_config.cis_scan_config"
        debugged = [key for key in ("debug_master", "debug_worker") if _boolean(scan, key, where, False)]
        if second - first < datetime.timedelta(hours=1) and not debugged:
            self.warnings.append(
                f"{BLOCK}.schedule_config.cron_schedule {self.cron!r}: scans are less than an hour apart, which "
                f"Rancher rejects"
            )

    def _read_scan(self, scan: dict[str, t.Any], where: str) -> None:
        words = {}
        for key in ("override_benchmark_version", "profile"):
            words[key] = scan.get(key) or DEFAULTS[key]
            if not isinstance(words[key], str):
                raise CisError(f"{BLOCK}.{where}.{key}: expected a text such as {_EXAMPLES[key]}, got {words[key]!r}")
        try:
            known = candidates("-".join(word for word in words.values() if word))
        except CisError as error:
            wrong = " and ".join(f"{key} {word!r}" for key, word in words.items() if word)
            raise CisError(
                f"{BLOCK}.{where}: {wrong} is not a known profile; available: {', '.join(profile_names())}"
            ) from error
        # Rancher's UI writes both, as false and null, and its scan reads neither.
        if _boolean(scan, "failures_only", where, False):
            self.warnings.append(f"{BLOCK}.{where}.failures_only: has no effect; a report has all controls")
        if scan.get("skip"):
            self.warnings.append(f"{BLOCK}.{where}.skip: has no effect, as in Rancher; use override_skip")
        self.profile = known[0].full_name if len(known) == 1 else known[0].name
        self.variables["cis_scan_profile"] = self.profile
        if scan.get("override_skip") is not None:
            source = f"{BLOCK}.{where}.override_skip"
            wanted = skips_of_variable(scan["override_skip"], source)
            skips = [control_id for control_id in wanted if any(control_id in one.benchmark.ids for one in known)]
            unknown = {control_id: "" for control_id in wanted if control_id not in skips}
            self.warnings += merge_skips(known[0].benchmark, [(source, unknown)])[1]
            # As in Rancher, it replaces that of the ConfigMap.
            self.variables.update(cis_scan_skip=skips, cis_scan_skip_source="variable")


def _section(value: t.Any, where: str) -> dict[str, t.Any]:
    """Return a mapping, whose keys must all be known. A missing one is empty, as in Rancher."""
    name = f"{BLOCK}.{where}".rstrip(".")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise CisError(f"{name}: expected a mapping with {', '.join(_KEYS[where])}, got {value!r}")
    for key in value:
        if key not in _KEYS[where]:
            right = next((f"; it belongs in {BLOCK}.{place}".rstrip(".") for place in _KEYS if key in _KEYS[place]), "")
            raise CisError(f"{name}.{key}: unknown key; available: {', '.join(_KEYS[where])}{right}")
    return value


def _boolean(section: dict[str, t.Any], key: str, where: str, default: bool | None = None) -> bool:
    value = default if section.get(key) is None else section[key]
    if not isinstance(value, bool):
        name = ".".join(part for part in (BLOCK, where, key) if part)
        raise CisError(
            f"{name}: expected true or false, got {value!r}"
            if key in section
            else f"{name}: missing; set it to true or false"
        )
    return value


def _retention(value: t.Any) -> int:
    """Return how many reports to keep. 0 means the default, as in Rancher."""
    name = f"{BLOCK}.schedule_config.retention"
    number = int(value) if isinstance(value, str) and value.isdecimal() else RETENTION if value is None else value
    # A variable's value is a subclass of int since ansible-core 2.19.
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise CisError(f"{name}: expected a number of reports to keep, got {value!r}")
    return number or RETENTION


# Whose schedules, and where.
PLACE: dict[str, dict[str, t.Any]] = {
    "user": {"type": "str", "default": ""},
    "dir": {"type": "str", "default": "~/.rke-cis/schedules"},
}


def place_of_user(user: str, directory: str) -> tuple[pwd.struct_passwd, str]:
    """Return the user that schedules run as and the directory of that user's schedules, in which ~ is the user's home.

    Without a name it is the user of this process, and only root may name another.
    """
    try:
        account = pwd.getpwnam(user) if user else pwd.getpwuid(os.geteuid())
    except KeyError as error:
        raise CisError(f"cis_schedule_user {user!r}: no such user on the controller") from error
    if os.geteuid() not in (0, account.pw_uid):
        raise CisError(
            f"cis_schedule_user {user}: only root can manage schedules of another user; run the playbook as root"
        )
    path = directory.replace("~", account.pw_dir, 1) if directory == "~" or directory.startswith("~/") else directory
    return account, os.path.abspath(path)


@contextlib.contextmanager
def acting_as(account: pwd.struct_passwd) -> t.Iterator[None]:
    """Have the rights of this user only, so that links lead no further than the user could go anyway."""
    if account.pw_uid == os.geteuid():
        yield
        return
    groups, group = os.getgroups(), os.getegid()
    try:
        os.initgroups(account.pw_name, account.pw_gid)
        os.setegid(account.pw_gid)
        os.seteuid(account.pw_uid)
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)
