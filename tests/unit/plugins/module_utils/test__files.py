# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Like what it tests, this file runs on Python 3.6 (`make units`).

import errno
import grp
import json
import os
import pwd
import socket

import pytest

from ansible_collections.rke.cis.plugins.module_utils import _files
from ansible_collections.rke.cis.plugins.module_utils._files import (
    examine,
    expand,
    list_directory,
    list_tree,
    os_problem,
    read,
)

ROOT = os.geteuid() == 0


def file(path, mode=0o644):
    path.write_text("")
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize(
    "mode", [0o0000, 0o0200, 0o0400, 0o0600, 0o0644, 0o0777, 0o4755, 0o2755, 0o1777, 0o6600, 0o7777]
)
def test_all_twelve_bits_of_a_mode(tmp_path, mode):
    shown = examine(file(tmp_path / "x", mode))
    assert shown["mode"] == f"{mode:04o}"
    assert len(shown["mode"]) == 4


def test_owner_and_group_as_names_and_numbers(tmp_path):
    shown = examine(file(tmp_path / "x"))
    assert (shown["uid"], shown["gid"]) == (os.stat(str(tmp_path / "x")).st_uid, os.stat(str(tmp_path / "x")).st_gid)
    assert shown["owner"] == pwd.getpwuid(shown["uid"]).pw_name
    assert shown["group"] == grp.getgrgid(shown["gid"]).gr_name


@pytest.mark.skipif(not ROOT, reason="only root may give files away")
def test_a_number_without_an_account_has_no_name(tmp_path):
    path = file(tmp_path / "x")
    os.chown(path, 3987654, 3987655)
    shown = examine(path)
    assert (shown["uid"], shown["gid"], shown["owner"], shown["group"]) == (3987654, 3987655, "", "")


def test_types(tmp_path):
    os.mkfifo(str(tmp_path / "fifo"))
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(str(tmp_path))  # the name of a socket is bounded
        try:
            server.bind("socket")
        finally:
            os.chdir(here)
    file(tmp_path / "file")
    (tmp_path / "directory").mkdir()
    for name in ("fifo", "socket", "file", "directory"):
        assert examine(str(tmp_path / name))["type"] == name
    assert examine("/dev/null")["type"] == "other"


def kind(shown):
    assert set(shown) == {"error"}
    assert set(shown["error"]) == {"kind", "message"}
    return shown["error"]["kind"]


def test_missing(tmp_path):
    shown = examine(str(tmp_path / "x"))
    assert kind(shown) == "missing"
    assert shown["error"]["message"] == "{}: No such file or directory".format(tmp_path / "x")


def test_below_a_file_is_missing(tmp_path):
    assert kind(examine(file(tmp_path / "x") + "/y")) == "missing"


@pytest.mark.parametrize(
    "number, expected",
    [
        (errno.EACCES, "denied"),
        (errno.EPERM, "denied"),
        (errno.ENOENT, "missing"),
        (errno.ENOTDIR, "missing"),
        (errno.ELOOP, "unreadable"),
        (errno.EIO, "unreadable"),
        (errno.ESTALE, "unreadable"),
        (errno.ENAMETOOLONG, "unreadable"),
    ],
)
def test_what_the_system_says(monkeypatch, number, expected):
    def refuse(path):
        raise OSError(number, os.strerror(number), path)

    monkeypatch.setattr(_files.os, "lstat", refuse)
    shown = examine("/etc/kubernetes/x")
    assert kind(shown) == expected
    assert shown["error"]["message"] == "/etc/kubernetes/x: " + os.strerror(number)


def test_an_error_without_a_number_is_no_missing_file():
    assert kind(os_problem(OSError("odd"), "/x")) == "unreadable"


@pytest.mark.skipif(not ROOT, reason="only root becomes somebody else")
def test_denied_for_real(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir()
    file(closed / "x", 0o600)
    closed.chmod(0o700)
    # the ways to the directory and to the code are open; what is in it is not
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            os.setgroups([])
            os.setgid(65534)
            os.chdir(str(closed))
            os.setuid(65534)
            answers = [examine(name) for name in ("x", "../closed/x", "missing")] + [list_directory(".")]
            try:
                read("x")
                answers.append("read")
            except OSError as error:
                answers.append(os_problem(error, "x"))
            os.write(writer, json.dumps(answers).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        answers = json.loads(stream.read().decode())
    os.waitpid(child, 0)
    assert [kind(answer) for answer in answers] == ["denied"] * 5
    assert answers[0]["error"]["message"] == "x: Permission denied"


def test_a_link_is_followed_and_told(tmp_path):
    target = file(tmp_path / "target", 0o600)
    (tmp_path / "link").symlink_to("target")
    shown = examine(str(tmp_path / "link"), str(tmp_path))
    assert (shown["type"], shown["mode"], shown["link"]) == ("file", "0600", target)
    assert "link" not in examine(target)


def test_a_link_to_nothing_is_missing(tmp_path):
    (tmp_path / "link").symlink_to("nothing")
    assert kind(examine(str(tmp_path / "link"), str(tmp_path))) == "missing"


def test_a_loop_of_links(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert kind(examine(str(tmp_path / "a"), str(tmp_path))) == "unreadable"
    assert kind(examine(str(tmp_path / "a"))) == "unreadable"


@pytest.mark.parametrize("target", ["../outside", "{0}/outside", "in/../../outside", "../rootless/x", "inner"])
def test_a_link_out_of_the_mount_is_not_followed(tmp_path, target):
    root = tmp_path / "root"
    root.mkdir()
    (root / "in").mkdir()
    (tmp_path / "rootless").mkdir()
    file(tmp_path / "rootless" / "x")
    file(tmp_path / "outside")
    (root / "inner").symlink_to("../outside")
    (root / "link").symlink_to(target.format(tmp_path))
    shown = examine(str(root / "link"), str(root))
    assert kind(shown) == "unreadable"
    assert "outside" in shown["error"]["message"]
    # without a mount there is no such border
    assert examine(str(root / "link"))["type"] == "file"


def test_a_directory_on_the_way_that_leads_out_of_the_mount(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "elsewhere").mkdir()
    file(tmp_path / "elsewhere" / "x")
    (root / "ssl").symlink_to("../elsewhere")
    assert kind(examine(str(root / "ssl" / "x"), str(root))) == "unreadable"
    assert examine(str(root / "ssl" / "x"))["type"] == "file"


def test_a_mount_that_is_a_link_itself(tmp_path):
    (tmp_path / "data").mkdir()
    file(tmp_path / "data" / "x", 0o600)
    (tmp_path / "data" / "y").symlink_to("x")
    (tmp_path / "mount").symlink_to("data")
    mount = str(tmp_path / "mount")
    assert examine(mount, mount)["type"] == "directory"
    assert examine(mount + "/x", mount)["mode"] == "0600"
    assert examine(mount + "/y", mount)["mode"] == "0600"


def test_the_whole_host_as_mount(tmp_path):
    file(tmp_path / "x", 0o600)
    (tmp_path / "link").symlink_to(str(tmp_path / "x"))
    assert examine(str(tmp_path / "link"), "/")["mode"] == "0600"


def test_the_direct_entries_of_a_directory(tmp_path):
    file(tmp_path / "b", 0o600)
    file(tmp_path / ".a", 0o644)
    (tmp_path / "sub").mkdir()
    file(tmp_path / "sub" / "deep")
    entries = list_directory(str(tmp_path))["entries"]
    assert [(entry["name"], entry["type"]) for entry in entries] == [
        (".a", "file"),
        ("b", "file"),
        ("sub", "directory"),
    ]
    assert [entry["mode"] for entry in entries[:2]] == ["0644", "0600"]


def test_an_entry_that_cannot_be_seen_stays_in_the_list(tmp_path):
    file(tmp_path / "a")
    (tmp_path / "b").symlink_to("/etc/passwd")
    (tmp_path / "c").symlink_to("nothing")
    entries = list_directory(str(tmp_path))["entries"]
    assert [entry["name"] for entry in entries] == ["a", "b", "c"]
    assert [entry["error"]["kind"] if "error" in entry else "" for entry in entries] == ["", "unreadable", "missing"]


def test_an_empty_directory_is_not_a_missing_one(tmp_path):
    assert list_directory(str(tmp_path)) == {"entries": []}
    assert kind(list_directory(str(tmp_path / "x"))) == "missing"
    assert kind(list_directory(file(tmp_path / "f"))) == "missing"


def test_names_that_are_no_utf8_give_text_that_can_be_written(tmp_path):
    try:
        with open(os.path.join(os.fsencode(str(tmp_path)), b"stra\xdfe-key.pem"), "w"):
            pass
    except OSError:
        pytest.skip("the file system of this directory takes UTF-8 only")
    (entry,) = list_directory(str(tmp_path))["entries"]
    assert entry["type"] == "file"
    assert entry["name"].startswith("stra")
    assert entry["name"].endswith("e-key.pem")
    entry["name"].encode("utf-8")
    path = os.fsdecode(os.path.join(os.fsencode(str(tmp_path)), b"\xdf"))
    examine(path)["error"]["message"].encode("utf-8")


def test_names_of_other_languages(tmp_path):
    file(tmp_path / "\u00e9\u20ac")
    assert [entry["name"] for entry in list_directory(str(tmp_path))["entries"]] == ["\u00e9\u20ac"]


@pytest.mark.parametrize(
    "pattern, expected",
    [
        ("*.pem", ["a.pem", "b.pem"]),
        ("*", ["a.pem", "b.pem", "c"]),
        ("[ab].pem", ["a.pem", "b.pem"]),
        ("?.pem", ["a.pem", "b.pem"]),
        ("x*", []),
        ("sub/*", []),
    ],
)
def test_patterns(tmp_path, pattern, expected):
    for name in ("b.pem", "a.pem", "c", ".hidden.pem"):
        file(tmp_path / name)
    base = str(tmp_path) + "/"
    paths, nothing = expand(base + pattern)
    assert paths == [base + name for name in expected]
    assert (kind(nothing) if nothing else "") == ("" if expected else "missing")


def test_a_plain_path_is_kept_existing_or_not():
    assert expand("/no/such/file") == (["/no/such/file"], None)


@pytest.mark.parametrize("pattern", ["/closed/*.pem", "/closed/*/x?", "/closed/a[b]/*"])
def test_a_pattern_over_a_directory_that_may_not_be_listed(monkeypatch, pattern):
    def refuse(path):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr(_files.os, "scandir", refuse)
    paths, nothing = expand(pattern)
    assert (paths, kind(nothing)) == ([], "denied")
    assert nothing["error"]["message"].startswith("/closed: ")


def test_what_is_beyond_the_limits_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(_files.limits, "ENTRIES", 3)
    for number in range(4):
        assert len(list_directory(str(tmp_path))["entries"]) == number
        assert len(expand(str(tmp_path / "*"))[0]) == number
        (tmp_path / str(number)).write_text("x" * number)
    assert list_directory(str(tmp_path))["error"]["kind"] == "too large"
    assert expand(str(tmp_path / "*"))[0] == []
    assert kind(expand(str(tmp_path / "*"))[1]) == "too large"


@pytest.mark.parametrize("path", ["/etc/\0", "/etc/\ud800"])
def test_what_no_path_can_be_is_unreadable(path):
    assert kind(examine(path)) == kind(examine(path, "/etc")) == "unreadable"
    examine(path)["error"]["message"].encode("utf-8")


def test_read_gives_bytes(tmp_path):
    (tmp_path / "x").write_bytes(b"\xff\x00a\r\n")
    assert read(str(tmp_path / "x")) == b"\xff\x00a\r\n"


def test_what_took_the_place_of_a_file_is_not_read(tmp_path):
    os.mkfifo(str(tmp_path / "fifo"))
    for path in (tmp_path / "fifo", tmp_path):
        with pytest.raises(OSError):
            read(str(path))


def test_read_is_limited(tmp_path):
    (tmp_path / "x").write_bytes(b"x" * 256 * 1024)
    assert len(read(str(tmp_path / "x"))) == 256 * 1024
    (tmp_path / "x").write_bytes(b"x" * (256 * 1024 + 1))
    with pytest.raises(ValueError, match="^too large"):
        read(str(tmp_path / "x"))


def test_all_that_lies_below_a_directory(tmp_path):
    file(tmp_path / "a", 0o600)
    (tmp_path / "b").mkdir(mode=0o750)
    file(tmp_path / "b" / ".c", 0o640)
    (tmp_path / "b" / "d").mkdir()
    file(tmp_path / "b" / "d" / "e", 0o604)
    (tmp_path / "f").mkdir()
    modes = {entry["name"]: entry["mode"] for entry in list_tree(str(tmp_path))["entries"]}
    assert {name: modes[name] for name in ("a", "b", "b/.c", "b/d/e")} == {
        "a": "0600",
        "b": "0750",
        "b/.c": "0640",
        "b/d/e": "0604",
    }
    assert sorted(modes) == ["a", "b", "b/.c", "b/d", "b/d/e", "f"]


def test_a_tree_that_is_empty_missing_or_no_directory(tmp_path):
    assert list_tree(str(tmp_path)) == {"entries": []}
    assert kind(list_tree(str(tmp_path / "x"))) == "missing"
    assert kind(list_tree(file(tmp_path / "f"))) == "missing"


def test_no_directory_is_entered_through_a_link(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    file(outside / "secret")
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    file(tree / "sub" / "x", 0o604)
    (tree / "away").symlink_to(str(outside))
    (tree / "loop").symlink_to(".")
    (tree / "inside").symlink_to("sub")
    (tree / "file").symlink_to("sub/x")
    (tree / "dead").symlink_to("nothing")
    (tmp_path / "mount").symlink_to("tree")
    for top in ("tree", "mount"):  # the directory itself may be a link
        entries = {entry["name"]: entry for entry in list_tree(str(tmp_path / top))["entries"]}
        assert sorted(entries) == ["away", "dead", "file", "inside", "loop", "sub", "sub/x"]
        assert (entries["away"]["error"]["kind"], entries["dead"]["error"]["kind"]) == ("unreadable", "missing")
        assert (entries["file"]["mode"], entries["inside"]["type"]) == ("0604", "directory")


def test_a_directory_of_a_tree_that_may_not_be_listed(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    file(tmp_path / "open")
    scandir = os.scandir

    def scan(path):
        if str(path).endswith("closed"):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), path)
        return scandir(path)

    monkeypatch.setattr(_files.os, "scandir", scan)
    entries = {entry["name"]: entry for entry in list_tree(str(tmp_path))["entries"]}
    assert (entries["closed"]["error"]["kind"], entries["closed"]["type"]) == ("denied", "directory")
    assert "error" not in entries["open"]


def test_what_vanishes_from_a_tree_is_left_out_and_what_may_not_be_seen_is_not(tmp_path, monkeypatch):
    for name in ("a", "gone", "hidden"):
        file(tmp_path / name)
    lstat = os.lstat

    def look(path, *args, **more):
        number = {"gone": errno.ENOENT, "hidden": errno.EACCES}.get(os.path.basename(str(path)))
        if number:
            raise OSError(number, os.strerror(number), path)
        return lstat(path, *args, **more)

    monkeypatch.setattr(_files.os, "lstat", look)
    entries = {entry["name"]: entry for entry in list_tree(str(tmp_path))["entries"]}
    assert sorted(entries) == ["a", "hidden"]
    assert entries["hidden"]["error"]["kind"] == "denied"


def test_a_tree_beyond_the_limit_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(_files.limits, "ENTRIES", 3)
    place = tmp_path
    for number in range(4):
        assert len(list_tree(str(tmp_path))["entries"]) == number
        place = place / "d"
        place.mkdir()
    assert kind(list_tree(str(tmp_path))) == "too large"


def test_names_in_a_tree_that_are_no_utf8(tmp_path):
    odd = os.path.join(os.fsencode(str(tmp_path)), b"stra\xdfe")
    try:
        os.mkdir(odd)
        with open(os.path.join(odd, b"\xdf"), "w"):
            pass
    except OSError:
        pytest.skip("the file system of this directory takes UTF-8 only")
    entries = list_tree(str(tmp_path))["entries"]
    assert [entry["type"] for entry in entries] == ["directory", "file"]
    "".join(entry["name"] for entry in entries).encode("utf-8")
