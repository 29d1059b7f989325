# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Reading and writing the files of a scan on the controller: evidence documents and reports."""

from __future__ import annotations

import errno
import json
import os
import pwd
import tempfile
import typing as t

from ansible.errors import AnsibleError
from ansible.parsing.vault import is_encrypted

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.plugins.module_utils._outside import TooLarge, open_regular, parse_json, read_limited
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError

DIRECTORY_MODE = 0o750
FILE_MODE = 0o640


def make_directory(path: str, option: str) -> int:
    """Make a directory (and its parents) that can be written to, and return the owner that our files have there.

    Raises CisError that names the option.
    """
    try:
        missing = []
        here = os.path.abspath(path)
        while not os.path.exists(here):
            missing.append(here)
            here = os.path.dirname(here)
        for name in reversed(missing):
            os.mkdir(name)
            os.chmod(name, DIRECTORY_MODE)
        with tempfile.TemporaryFile(dir=path) as probe:
            return os.fstat(probe.fileno()).st_uid
    except OSError as error:
        raise CisError(f"{option} {path}: cannot be written to: {error.strerror}; choose another directory") from error


def make_own_directory(path: str, option: str) -> None:
    """Make a directory as make_directory does. Raises CisError if it, or a link in its place, is another user's.

    A file system may give all files one owner, as NFS can: who owns our files there is we.
    """
    ours = {0, os.geteuid(), make_directory(path, option)}
    owners = [seen.st_uid for seen in (os.lstat(path), os.stat(path)) if seen.st_uid not in ours]
    if owners:
        what = "a link of" if os.path.islink(path) else "belongs to"
        raise CisError(
            f"{option} {path}: {what} {user_name(owners[0])}, who can change what is kept there; change its owner with "
            f"chown, or choose another directory"
        )


def user_name(uid: int) -> str:
    """Return the name of a user, or the number where the system knows no name, as in some containers."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def write_file(path: str, text: str, sync: bool = True, mode: int = FILE_MODE) -> None:
    """Write a whole file or none: readers see the old one until the new one is complete (and on disk, with `sync`)."""
    directory, name = os.path.split(os.path.abspath(path))
    handle, temporary = tempfile.mkstemp(dir=directory, prefix=f".{name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            if sync:
                os.fsync(stream.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException as error:
        os.unlink(temporary)
        if isinstance(error, OSError):
            error.filename = path  # a full disk names none, and the others the temporary file
        raise


def write_report(path: str, text: str, sync: bool = True) -> None:
    """Write a report. Raises CisError that names it, what is wrong and the way out."""
    try:
        write_file(path, text, sync)
    except OSError as error:
        raise CisError(
            f"report {path}: cannot be written: {error.strerror}; the evidence is kept: free or "
            f"repair the disk, or set another cis_report_dir, and score it with rke.cis.cis_score"
        ) from error


def to_json(document: t.Any) -> str:
    """Return a document as the one JSON text that it has: the same evidence gives the same bytes.

    Half a character, which a node may send and UTF-8 does not know, becomes a question mark.
    """
    return json.dumps(document, indent=1, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8") + "\n"


def read_file(path: str, what: str, loader: t.Any = None) -> bytes:
    """Return a user's file, decrypted if Ansible's loader has the password. Raises CisError that begins with `what`."""
    data = _bytes(open_regular, os.path.expanduser(path), what, limits.USER_BYTES)
    try:
        return decrypted(data, loader) if is_encrypted(data) else data
    except CisError as error:
        raise CisError(f"{what}: {error}") from error


def decrypted(data: bytes | str, loader: t.Any) -> bytes:
    """Return what ansible-vault encrypted, a file or a value in one."""
    if not loader:
        raise CisError("encrypted with ansible-vault; decrypt it")
    if not loader._vault.secrets:
        raise CisError("encrypted with ansible-vault; give the password with --vault-password-file")
    try:
        return loader._vault.decrypt(data)
    except AnsibleError as error:
        raise CisError(
            "encrypted with ansible-vault, and the given password does not open it; give the right one"
        ) from error


def read_text(path: str, what: str, loader: t.Any = None) -> str:
    """Return the text of a user's file, as read_file does."""
    try:
        return read_file(path, what, loader).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CisError(f"{what}: cannot be read: {error}") from error


def open_kept(path: str) -> t.BinaryIO:
    """Open a file that scans keep for themselves. A link, which others may have put in its place, is an OSError."""
    return open_regular(path, os.O_NOFOLLOW)


def _bytes(opened: t.Callable[[str], t.BinaryIO], path: str, what: str, most: int) -> bytes:
    try:
        with opened(path) as stream:
            return read_limited(stream, most)
    except TooLarge as error:
        raise CisError(f"{what}: {error}") from error
    except OSError as error:
        why = "not a regular file" if error.errno in (errno.ELOOP, errno.ENXIO) else error.strerror
        raise CisError(f"{what}: cannot be read: {why}") from error


def read_bytes(path: str, what: str, most: int) -> bytes:
    """Return a file that scans keep for themselves. Raises CisError that names it."""
    return _bytes(open_kept, path, f"{what} {path}", most)


def json_of(data: bytes | str, what: str) -> t.Any:
    """Return the document in JSON text. Raises CisError that begins with `what`."""
    try:
        return parse_json(data)
    except (ValueError, RecursionError) as error:
        raise CisError(f"{what}: not valid JSON: {error}") from error


def read_kept(path: str, what: str, most: int = limits.KEPT_BYTES) -> t.Any:
    """Return the document in a JSON file that scans keep for themselves. Raises CisError that names the file."""
    return json_of(read_bytes(path, what, most), f"{what} {path}")


def read_json(path: str, what: str, most: int = limits.RECORDED_BYTES) -> t.Any:
    """Return the document in a JSON file. Raises CisError that names the file and the place."""
    return json_of(_bytes(open_regular, path, f"{what} {path}", most), f"{what} {path}")
