# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import errno
import json
import os
import pathlib
import tempfile
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils import _store
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import (
    cluster_path,
    evidence_path,
    read_evidence,
    unseen_document,
)
from ansible_collections.rke.cis.plugins.plugin_utils._store import (
    make_directory,
    make_own_directory,
    read_json,
    to_json,
    write_file,
)
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import cluster, lost, node

# ---------------------------------------------------------------------------------------------- writing


def test_a_file_is_written_whole_for_owner_and_group(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "x.json"
    write_file(str(path), "a\r\n\u20ac")
    assert path.read_bytes() == "a\r\n\u20ac".encode()
    assert path.stat().st_mode & 0o7777 == 0o640
    write_file(str(path), "b", sync=False)
    assert path.read_text() == "b"
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize("step", ["fsync", "chmod", "replace"])
def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "x.json"
    path.write_text("old")

    def fail(*_args: t.Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_store.os, step, fail)
    with pytest.raises(OSError, match="No space left"):
        write_file(str(path), "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_text_that_cannot_be_encoded_leaves_the_old_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_file(str(path), "new \udcff")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_an_interrupted_write_leaves_the_old_file(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    path.write_text("old")

    def interrupt(*_args: t.Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_store.os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_file(str(path), "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: t.Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_store.os, "fsync", full)
    with pytest.raises(OSError) as caught:
        write_file(str(tmp_path / "x"), "new")
    assert caught.value.filename == str(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_no_directory(tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_file(str(tmp_path / "missing" / "x"), "new")


def test_directories_are_made_for_owner_and_group(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a" / "b"
    make_directory(str(path), "opt")
    assert path.is_dir()
    for made in (path, path.parent):
        assert made.stat().st_mode & 0o7777 == 0o750
    assert list(path.iterdir()) == []
    path.chmod(0o700)
    make_directory(str(path), "opt")
    assert path.stat().st_mode & 0o7777 == 0o700


def test_a_directory_that_cannot_be_made_is_named_with_its_option(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("nowhere")
    for path in (tmp_path / "file", tmp_path / "file" / "x", tmp_path / "link"):
        with pytest.raises(CisError) as caught:
            make_directory(str(path), "cis_report_dir")
        assert str(caught.value).startswith(f"cis_report_dir {path}: ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_may_not_be_written_to(tmp_path: pathlib.Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(CisError, match="Permission denied"):
        make_directory(str(tmp_path), "cis_report_dir")


# ------------------------------------------------------------------------------------------------ names


@pytest.mark.parametrize("name", ["n1", "10.0.0.1", "a/b", "../x", "/etc/passwd", "a b", "\u00fc", "%2F", ".", "a\nb"])
def test_a_nodes_name_is_one_file_in_the_directory(name: str) -> None:
    path = evidence_path("/d", name)
    assert os.path.dirname(os.path.normpath(path)) == "/d"
    assert os.path.basename(path).startswith("node-")
    assert path.endswith(".json")
    assert path.isascii()
    assert path != cluster_path("/d")


OTHER = 12_345


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("what", ["directory", "link to his", "his link to ours"])
def test_what_another_user_has_prepared_is_refused(tmp_path: pathlib.Path, what: str) -> None:
    path, ours, his = tmp_path / "prod", tmp_path / "ours", tmp_path / "his"
    ours.mkdir()
    his.mkdir()
    os.chown(his, OTHER, OTHER)
    if what == "directory":
        his.rename(path)
    else:
        path.symlink_to(his if what == "link to his" else ours)
    if what.startswith("his link"):
        os.lchown(path, OTHER, OTHER)
    with pytest.raises(CisError) as caught:
        make_own_directory(str(path), "cis_report_dir")
    assert str(caught.value) == (
        f"cis_report_dir {path}: {'belongs to' if what == 'directory' else 'a link of'} {OTHER}, who can change what "
        f"is kept there; change its owner with chown, or choose another directory"
    )
    assert os.listdir(path) == []


def test_ones_own_and_roots_are_accepted(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_own_directory(str(tmp_path / "new" / "prod"), "cis_report_dir")
    (tmp_path / "link").symlink_to("new/prod")
    make_own_directory(str(tmp_path / "link"), "cis_report_dir")
    if os.geteuid() == 0:
        monkeypatch.setattr(os, "geteuid", lambda: OTHER)
        make_own_directory(str(tmp_path / "link"), "cis_report_dir")


def test_a_file_system_that_gives_all_files_one_owner(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    real = tempfile.TemporaryFile

    def squashed(**keywords: t.Any) -> t.Any:
        file = real(**keywords)
        os.fchown(file.fileno(), OTHER, OTHER)
        return file

    os.chown(tmp_path, OTHER, OTHER)
    monkeypatch.setattr(_store.tempfile, "TemporaryFile", squashed)
    make_own_directory(str(tmp_path), "cis_report_dir")


def test_names_do_not_meet() -> None:
    names = ["a/b", "a%2Fb", "a_b", "a b", "a+b", "A/b"]
    assert len({evidence_path("/d", name) for name in names}) == len(names)


def test_a_document_of_a_node_that_was_not_seen() -> None:
    document = unseen_document("n1", ("worker",), "unreachable", "a\n b\t" + "c" * 9999)
    assert (document["node"], document["roles"]) == ("n1", ["worker"])
    assert document["error"]["kind"] == "unreachable"
    assert document["error"]["message"].startswith("a b c")
    assert len(document["error"]["message"]) <= 500


def test_json_is_stable_and_readable() -> None:
    text = to_json({"b": ["\u00fc"], "a": None})
    assert text == to_json({"b": ["\u00fc"], "a": None})
    assert "\u00fc" in text
    assert text.endswith("}\n")
    assert json.loads(text) == {"b": ["\u00fc"], "a": None}


def test_json_can_be_written_whatever_a_node_said(tmp_path: pathlib.Path) -> None:
    write_file(str(tmp_path / "x"), to_json({"a\ud800": ["\udcff", "\x00\x1b\u2028"]}))
    assert read_json(str(tmp_path / "x"), "file") == {"a?": ["?", "\x00\x1b\u2028"]}


# ---------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"nonsense", b'{"a": 1}}', b"[" * 100000])
def test_what_is_no_json_is_named(tmp_path: pathlib.Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(CisError) as caught:
        read_json(str(path), "report")
    assert str(caught.value).startswith(f"report {path}: ")
    assert "\n" not in str(caught.value)


def test_what_cannot_be_read_is_named(tmp_path: pathlib.Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(CisError) as caught:
            read_json(str(path), "report")
        assert str(caught.value).startswith(f"report {path}: cannot be read")


def put(directory: pathlib.Path, *documents: t.Any, api: t.Any = None) -> None:
    for number, document in enumerate(documents):
        (directory / f"node-{number}.json").write_text(json.dumps(document))
    if api is not None:
        (directory / "cluster.json").write_text(json.dumps(api))


def test_evidence_of_nodes_and_cluster(tmp_path: pathlib.Path) -> None:
    put(tmp_path, node("a"), lost("b"), api=cluster())
    (tmp_path / "notes.json").write_text("not mine")
    (tmp_path / "node-x.json.bak").write_text("not mine")
    (tmp_path / ".node-a.json.tmp").write_text("not mine")
    nodes, api = read_evidence(str(tmp_path))
    assert nodes == [node("a"), lost("b")]
    assert api == cluster()


def test_no_evidence(tmp_path: pathlib.Path) -> None:
    assert read_evidence(str(tmp_path)) == ([], None)
    put(tmp_path, node())
    assert read_evidence(str(tmp_path)) == ([node()], None)
    with pytest.raises(CisError, match="cis_scan_evidence_dir .*missing.*cannot be read"):
        read_evidence(str(tmp_path / "missing"))


def test_two_files_of_one_node_are_refused(tmp_path: pathlib.Path) -> None:
    put(tmp_path, node("same"), lost("same"), lost("other"))
    with pytest.raises(CisError, match="same") as caught:
        read_evidence(str(tmp_path))
    assert "other" not in str(caught.value)


def changed(**changes: t.Any) -> dict[str, t.Any]:
    document = copy.deepcopy(node())
    for key, value in changes.items():
        if value is ...:
            del document[key]
        else:
            document[key] = value
    return document


BAD_NODES = {
    "null": None,
    "list": [],
    "text": "x",
    "number": 5,
    "empty": {},
    "no schema": changed(schema=...),
    "other schema": changed(schema="rke.cis/evidence/2"),
    "schema list": changed(schema=[]),
    "no node": changed(node=...),
    "node empty": changed(node=""),
    "node number": changed(node=5),
    "node list": changed(node=["n"]),
    "no roles": changed(roles=...),
    "roles text": changed(roles="etcd"),
    "roles unknown": changed(roles=["master"]),
    "roles nested": changed(roles=[["etcd"]]),
    "roles objects": changed(roles=[{}]),
    "roles null": changed(roles=None),
    "no containers": changed(containers=...),
    "containers list": changed(containers=[]),
    "container text": changed(containers={"kubelet": "x"}),
    "container null": changed(containers={"kubelet": None}),
    "no paths": changed(paths=...),
    "paths null": changed(paths=None),
    "path list": changed(paths={"x": []}),
    "error text": changed(error="x"),
    "error null": changed(error=None),
    "error empty": changed(error={}),
    "error without message": changed(error={"kind": "x"}),
    "error without kind": changed(error={"message": "x"}),
    "error message list": changed(error={"kind": "x", "message": ["x"]}),
    "error kind object": changed(error={"kind": {}, "message": "x"}),
    "collected_at number": changed(collected_at=5),
    "collected_at list": changed(collected_at=[]),
    "clock_offset text": changed(clock_offset="5"),
    "clock_offset boolean": changed(clock_offset=True),
}


@pytest.mark.parametrize("name", BAD_NODES)
def test_malformed_evidence_costs_its_node_or_its_part(tmp_path: pathlib.Path, name: str) -> None:
    put(tmp_path, BAD_NODES[name])
    ((document,), _api) = read_evidence(str(tmp_path), {"0": ["etcd"]})
    errors = [
        entry["error"]
        for part in ("containers", "paths")
        for entry in document.get(part, {}).values()
        if "error" in entry
    ]
    if name.startswith(("container ", "path ")):
        assert [error["kind"] for error in errors] == ["invalid"]
    else:
        assert document["error"]["kind"] == "invalid"
        assert document["error"]["message"].startswith(f"evidence file {tmp_path}/node-0.json: ")
        assert (document["node"], document["roles"]) == ("0", ["etcd"])


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"a":' * 100_000, "NaN", '{"x": Infinity}', "1" * 5000])
def test_what_is_no_json_costs_its_node(tmp_path: pathlib.Path, text: str) -> None:
    (tmp_path / "node-n1.json").write_text(text)
    (tmp_path / "cluster.json").write_text(text)
    put(tmp_path, node("0"))
    ((good, bad), api) = read_evidence(str(tmp_path))
    assert good == node("0")
    assert (bad["node"], bad["roles"], bad["error"]["kind"]) == ("n1", ["controlplane", "etcd", "worker"], "invalid")
    assert api is not None
    assert api["error"]["kind"] == "invalid"


BAD_CLUSTERS: dict[str, t.Any] = {
    "list": [],
    "list of error": ["error"],
    "text": "error",
    "number": 5,
    "empty": {},
    "objects list": {"objects": []},
    "objects null": {"objects": None},
    "error text": {"error": "x"},
    "error null": {"error": None},
    "error empty": {"error": {}},
}


@pytest.mark.parametrize("name", BAD_CLUSTERS)
def test_malformed_cluster_evidence_costs_no_node(tmp_path: pathlib.Path, name: str) -> None:
    put(tmp_path, node(), api=BAD_CLUSTERS[name])
    nodes, api = read_evidence(str(tmp_path))
    assert nodes == [node()]
    assert api is not None
    assert api["error"]["kind"] == "invalid"
    assert api["error"]["message"].startswith(f"evidence file {tmp_path}/cluster.json: ")


@pytest.mark.parametrize("read", [_store.read_file, _store.read_json, _store.read_kept])
def test_what_is_no_file_of_some_size_is_refused_at_once(
    tmp_path: pathlib.Path, read: t.Callable[[str, str], t.Any]
) -> None:
    os.mkfifo(tmp_path / "fifo")
    with (tmp_path / "large").open("wb") as stream:
        stream.truncate(20 * 1024**3)
    for name, said in (
        ("fifo", "cannot be read: not a regular file"),
        ("/dev/zero", "cannot be read: not a regular file"),
        (".", "cannot be read: a directory"),
        ("large", "too large: more than "),
    ):
        with pytest.raises(CisError, match=f"^opt.*: {said}"):
            read(str(tmp_path / name), "opt")
