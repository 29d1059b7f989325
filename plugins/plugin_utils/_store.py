# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Reading and writing the files of a scan on the controller: evidence documents and reports."""

from __future__ import annotations

import errno
import json
import os
import stat
import tempfile
import typing as t

from ansible.errors import AnsibleError
from ansible.parsing.vault import is_encrypted

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError

DIRECTORY_MODE = 0o750
FILE_MODE = 0o640
MOST_KEPT = 16 * 2**20  # bytes of a file that scans keep for themselves


def make_directory(path: str, option: str) -> None:
    """Make a directory (and its parents) that can be written to. Raises CisError that names the option."""
    try:
        missing = []
        here = os.path.abspath(path)
        while not os.path.exists(here):
            missing.append(here)
            here = os.path.dirname(here)
        for name in reversed(missing):
            os.mkdir(name)
            os.chmod(name, DIRECTORY_MODE)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise CisError(f"{option} {path}: cannot be written to: {error.strerror}; choose another directory") from error


def write_file(path: str, text: str, sync: bool = True) -> None:
    """Write a whole file or none: readers see the old one until the new one is complete (and on disk, with `sync`)."""
    directory, name = os.path.split(os.path.abspath(path))
    handle, temporary = tempfile.mkstemp(dir=directory, prefix=f".{name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            if sync:
                os.fsync(stream.fileno())
        os.chmod(temporary, FILE_MODE)
        os.replace(temporary, path)
    except BaseException as error:
        os.unlink(temporary)
        if isinstance(error, OSError):
            error.filename = path  # a full disk names none, and the others the temporary file
        raise


def write_report(path: str, text: str) -> None:
    """Write a report. Raises CisError that names it, what is wrong and the way out."""
    try:
        write_file(path, text)
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
    try:
        with open(os.path.expanduser(path), "rb") as stream:
            data = stream.read()
    except OSError as error:
        raise CisError(f"{what}: cannot be read: {error.strerror}") from error
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


def _refuse(constant: str) -> t.NoReturn:
    raise ValueError(f"{constant} is not a number of JSON")


def open_kept(path: str) -> t.BinaryIO:
    """Open a file that scans keep for themselves. Whatever others may have put in its place, a link, a FIFO or a
    device, is neither followed nor waited for, but an OSError.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return os.fdopen(handle, "rb")


def read_kept(path: str, what: str, most: int = MOST_KEPT) -> t.Any:
    """Return the document in a JSON file that scans keep for themselves. Raises CisError that names the file."""
    try:
        with open_kept(path) as stream:
            data = stream.read(most + 1)
    except OSError as error:
        why = "not a regular file" if error.errno in (errno.ELOOP, errno.ENXIO) else error.strerror
        raise CisError(f"{what} {path}: cannot be read: {why}") from error
    if len(data) > most:
        raise CisError(f"{what} {path}: too large: more than {most} bytes")
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise CisError(f"{what} {path}: not valid JSON: {error}") from error


def read_json(path: str, what: str) -> t.Any:
    """Return the document in a JSON file. Raises CisError that names the file and the place."""
    try:
        with open(path, encoding="utf-8") as stream:
            return json.load(stream, parse_constant=_refuse)
    except OSError as error:
        raise CisError(f"{what} {path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise CisError(f"{what} {path}: not valid JSON: {error}") from error
