# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Like what it tests, this file runs on Python 3.6 (`make unit-nodes`).

import os
import threading

import pytest

from ansible_collections.rke.cis.plugins.modules import file_permissions_info
from ansible_collections.rke.cis.tests.unit.plugins.modules.module_helper import run_module


def test_files_and_problems(tmp_path):
    for name, mode in (("b-key.pem", 0o600), ("a-key.pem", 0o640), ("c.pem", 0o4755)):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(mode)
    (tmp_path / "link").symlink_to("c.pem")
    base = str(tmp_path)
    paths = [base + "/missing", base + "/*key.pem", base + "/c.pem", base + "/link", base + "/*.crt", base]
    result = run_module(file_permissions_info.main, paths=paths)
    assert result["changed"] is False
    assert [(f["path"][len(base) :], f["mode"], f["type"]) for f in result["files"][:-1]] == [
        ("/a-key.pem", "0640", "file"),
        ("/b-key.pem", "0600", "file"),
        ("/c.pem", "4755", "file"),
        ("/link", "4755", "file"),
    ]
    assert result["files"][-1]["type"] == "directory"
    assert result["files"][3]["link"] == base + "/c.pem"
    assert [(p["path"][len(base) :], p["kind"]) for p in result["problems"]] == [
        ("/missing", "missing"),
        ("/*.crt", "missing"),
    ]
    assert set(result["files"][0]) == {"path", "type", "mode", "uid", "gid", "owner", "group"}


def test_prefix(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "x").write_text("")
    for prefix in (str(tmp_path), str(tmp_path) + "/"):
        result = run_module(file_permissions_info.main, paths=["/etc/x", "/etc/*"], prefix=prefix)
        assert [f["path"] for f in result["files"]] == [str(tmp_path) + "/etc/x"] * 2


def test_no_paths():
    result = run_module(file_permissions_info.main, paths=[])
    assert (result["files"], result["problems"]) == ([], [])


@pytest.mark.parametrize("path", ["etc/x", "./x", "*"])
def test_a_relative_path_is_refused(path):
    result = run_module(file_permissions_info.main, paths=["/etc", path])
    assert result["failed"] is True
    assert path in result["msg"]
    assert "absolute" in result["msg"]


def test_a_name_that_is_no_utf8_does_not_break_the_answer(tmp_path):
    try:
        with open(os.path.join(os.fsencode(str(tmp_path)), b"stra\xdfe.pem"), "w"):
            pass
    except OSError:
        pytest.skip("the file system of this directory takes UTF-8 only")
    result = run_module(file_permissions_info.main, paths=[str(tmp_path) + "/*.pem"])
    (shown,) = result["files"]
    assert shown["type"] == "file"
    shown["path"].encode("utf-8")


def test_no_file_is_opened(tmp_path):
    os.mkfifo(str(tmp_path / "fifo"))  # opening it would wait for ever
    (shown,) = run_module(file_permissions_info.main, paths=[str(tmp_path / "fifo")])["files"]
    assert shown["type"] == "fifo"


def test_a_mount_that_hangs_costs_what_is_left(tmp_path, monkeypatch):
    for name in "xyz":
        (tmp_path / name).write_text("")
    ended, examine, base = threading.Event(), file_permissions_info.examine, str(tmp_path)
    monkeypatch.setattr(
        file_permissions_info, "examine", lambda path: path == base + "/y" and ended.wait(60) or examine(path)
    )
    result = run_module(file_permissions_info.main, paths=[base + "/x", base + "/[yz]", base + "/z"], timeout=1)
    ended.set()
    assert [entry["path"] for entry in result["files"]] == [base + "/x"]
    message = "nothing was seen in 1 s, since " + base + "/y does not answer"
    assert result["problems"] == [
        {"path": base + path, "kind": "timeout", "message": message} for path in ("/[yz]", "/z")
    ]


def test_the_limit_is_at_least_a_second():
    assert "timeout: must be at least 1" in run_module(file_permissions_info.main, paths=[], timeout=0)["msg"]
