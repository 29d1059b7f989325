# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Type, mode and owner of paths. Missing, denied, unreadable and read are four different things."""

import errno
import glob
import grp
import itertools
import os
import pwd
import stat
import typing as t

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.plugins.module_utils._outside import read_regular

_TYPES = (
    (stat.S_ISREG, "file"),
    (stat.S_ISDIR, "directory"),
    (stat.S_ISLNK, "link"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISFIFO, "fifo"),
)
_KINDS = {errno.ENOENT: "missing", errno.ENOTDIR: "missing", errno.EACCES: "denied", errno.EPERM: "denied"}


def readable(name: str) -> str:
    """Return a name as text that can be written: of one that is no UTF-8, the odd bytes are replaced."""
    return name.encode("utf-8", "replace").decode("utf-8")


def problem(kind: str, message: str) -> t.Dict[str, t.Any]:
    """Return the form in which evidence says that something could not be seen."""
    return {"error": {"kind": kind, "message": readable(message)}}


def os_problem(error: OSError, path: str) -> t.Dict[str, t.Any]:
    """Return an operating system error as evidence: missing, denied or unreadable."""
    return problem(_KINDS.get(error.errno or 0, "unreadable"), "{0}: {1}".format(path, error.strerror))


def not_in_time(seconds: int, looks_at: str) -> t.Dict[str, t.Any]:
    """Return the form in which evidence says that there was no time for a path, and which one has taken it."""
    return problem("timeout", "nothing was seen in {0} s, since {1} does not answer".format(seconds, looks_at))


def too_large(path: str, what: str) -> t.Dict[str, t.Any]:
    """Return the form in which evidence says that there is more than is taken."""
    return problem("too large", "{0}: {1}".format(path, what))


def _name(lookup: t.Callable[[int], t.Any], number: int) -> str:
    try:
        return lookup(number)[0]
    except KeyError:
        return ""  # no account of that number on this host; the number itself is in the evidence


def examine(path: str, root: t.Optional[str] = None) -> t.Dict[str, t.Any]:
    """Return type, mode, owner and group of a path, following a symbolic link that stays under `root`.

    A link that leaves `root` (the directory that a container mounts) leads elsewhere inside the container than on
    the host, so it is not followed: what the component sees there was not examined.
    """
    try:
        status = os.lstat(path)
        link = os.path.realpath(path) if stat.S_ISLNK(status.st_mode) else None
        if root and path != root:
            # a directory on the way may be a link as well
            real, base = os.path.realpath(path), os.path.realpath(root)
            if not (real + "/").startswith(base.rstrip("/") + "/"):
                return problem("unreadable", "{0}: symbolic link to {1}, outside {2}".format(path, real, base))
        if link:
            status = os.stat(link)
    except OSError as error:
        return os_problem(error, path)
    except ValueError:
        return problem("unreadable", "{0}: not a valid path".format(path))
    entry = {
        "type": next((name for test, name in _TYPES if test(status.st_mode)), "other"),
        "mode": "{0:04o}".format(stat.S_IMODE(status.st_mode)),
        "uid": status.st_uid,
        "gid": status.st_gid,
        "owner": _name(pwd.getpwuid, status.st_uid),
        "group": _name(grp.getgrgid, status.st_gid),
    }
    if link:
        entry["link"] = readable(link)
    return entry


def _names(path: str) -> t.Tuple[t.List[str], t.Optional[t.Dict[str, t.Any]]]:
    """Return the names in a directory (hidden ones too), or none and why they could not be listed."""
    try:
        with os.scandir(path) as entries:
            names = sorted(entry.name for entry in itertools.islice(entries, limits.ENTRIES + 1))
    except OSError as error:
        return [], os_problem(error, path)
    wrong = _too_many(path, len(names))
    return [] if wrong else names, wrong


def _too_many(path: str, number: int) -> t.Optional[t.Dict[str, t.Any]]:
    return too_large(path, "more than {0} entries".format(limits.ENTRIES)) if number > limits.ENTRIES else None


def list_directory(path: str, root: t.Optional[str] = None) -> t.Dict[str, t.Any]:
    """Return the direct entries of a directory, or why they could not be listed.

    `root` is that of `examine`, and the directory itself where none is given.
    """
    names, wrong = _names(path)
    if wrong:
        return wrong
    return {"entries": [dict(examine(os.path.join(path, name), root or path), name=readable(name)) for name in names]}


def list_tree(path: str) -> t.Dict[str, t.Any]:
    """Return all entries below a directory by their paths in it, or why they could not be listed.

    No directory is entered through a link. What vanishes meanwhile is left out.
    """
    found: t.List[t.Dict[str, t.Any]] = []
    entered: t.Dict[str, t.Dict[str, t.Any]] = {}
    waiting = [path]
    while waiting:
        directory = waiting.pop()
        names, wrong = _names(directory)
        if wrong and directory == path:
            return wrong
        if wrong:  # said of the entry that the directory is itself
            entered[directory].update(wrong)
        for name in names:
            place = os.path.join(directory, name)
            entry = dict(examine(place, path), name=readable(os.path.relpath(place, path)))
            if "error" in entry and entry["error"]["kind"] == "missing" and not os.path.lexists(place):
                continue
            if entry.get("type") == "directory" and "link" not in entry:
                waiting.append(place)
                entered[place] = entry
            found.append(entry)
        wrong = _too_many(path, len(found))
        if wrong:
            return wrong
    return {"entries": found}


def read(path: str) -> bytes:
    """Return a regular file's content. Raises TooLarge if it is more than is read."""
    return read_regular(path, limits.FILE_BYTES)


def expand(pattern: str) -> t.Tuple[t.List[str], t.Optional[t.Dict[str, t.Any]]]:
    """Return the paths that a glob pattern matches, sorted, and why there is none; a plain path is returned as it is.

    A pattern over a directory that may not be listed matches nothing either, and that is not the same as no such file.
    """
    if not glob.has_magic(pattern):
        return [pattern], None
    paths = sorted(itertools.islice(glob.iglob(pattern), limits.ENTRIES + 1))
    if len(paths) > limits.ENTRIES:
        return [], too_large(pattern, "more than {0} matches".format(limits.ENTRIES))
    if paths:
        return paths, None
    directory = os.path.dirname(pattern)
    while glob.has_magic(directory):
        directory = os.path.dirname(directory)
    shown = list_directory(directory)
    return [], shown if "error" in shown else problem("missing", "no path matches " + pattern)
