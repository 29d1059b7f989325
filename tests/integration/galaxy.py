# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as users get it: a tarball as it is published, and a stand-in for the Galaxy server that has it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import pathlib
import shutil
import subprocess
import tarfile
import typing as t

import scans
import servers
from scans import ROOT
from testbed import Testbed


def staged(to: pathlib.Path) -> pathlib.Path:
    """Copy the checkout's own files, and nothing that lies about in it."""
    subprocess.run([ROOT / "tests" / "tools" / "stage.sh", "copy", to], check=True, capture_output=True)
    shutil.rmtree(to / ".git")
    return to


def checkout(to: pathlib.Path) -> pathlib.Path:
    """Make a checkout with what `make venv` would fetch for it; tests/benchmark/newcomer.py lets it fetch."""
    staged(to)
    (to / ".venv").symlink_to(ROOT / ".venv")
    (to / ".cache").mkdir()
    (to / ".cache" / "awx").symlink_to(ROOT / ".cache" / "awx")
    return to


def worked_in(checkout: pathlib.Path) -> pathlib.Path:
    """Add to a checkout what work leaves in it: a file for each line of .gitignore."""
    for line in (checkout / ".gitignore").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name = line.strip("/").replace("*", "x").replace("[co]", "c")
            file = checkout / name / "left" if line.endswith("/") else checkout / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("left\n", encoding="utf-8")
    subprocess.run(["git", "init", "--quiet", checkout], check=True)
    return checkout


def build(source: pathlib.Path, to: pathlib.Path) -> pathlib.Path:
    """Make the tarball that would be published."""
    _ansible_galaxy("build", source, "--output-path", to)
    (tarball,) = to.iterdir()
    return tarball


def install(tarball: pathlib.Path, to: pathlib.Path) -> pathlib.Path:
    _ansible_galaxy("install", tarball, "--collections-path", to, "--offline")
    return to


def _ansible_galaxy(*arguments: t.Any) -> None:
    environment = scans.environment(ANSIBLE_COLLECTIONS_PATH="")
    done = subprocess.run(
        ["ansible-galaxy", "collection", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def awx(directory: pathlib.Path) -> pathlib.Path:
    """Make the tarball of awx.awx again, out of what tests/tools/awx.sh has fetched of it."""
    source = directory / "awx.awx"
    shutil.copytree(ROOT / ".cache" / "awx" / "ansible_collections" / "awx" / "awx", source)
    about = json.loads((source / "MANIFEST.json").read_text(encoding="utf-8"))["collection_info"]
    about = {key: value for key, value in about.items() if value is not None}
    (source / "galaxy.yml").write_text(json.dumps(about), encoding="utf-8")
    return build(source, directory / "built")


def members(tarball: pathlib.Path) -> set[str]:
    """Return the names of its files."""
    with tarfile.open(tarball) as opened:
        return {member.name for member in opened if not member.isdir()}


class Galaxy(servers.Service):
    """As much of Galaxy's API as the installation of a collection asks for. `asked` holds the paths."""

    def __init__(self, *tarballs: pathlib.Path) -> None:
        self.collections: dict[str, tuple[dict[str, t.Any], bytes]] = {}
        for path in tarballs:
            with tarfile.open(path) as opened:
                manifest = json.load(t.cast(t.IO[bytes], opened.extractfile("MANIFEST.json")))
            about = manifest["collection_info"]
            self.collections[f"{about['namespace']}/{about['name']}"] = (about, path.read_bytes())
        self.asked: list[str] = []
        self.serve(_Handler)
        self.url = f"http://127.0.0.1:{self.port}/"

    def answer(self, path: str) -> t.Any:
        """Return a document, or the bytes of a tarball, or None."""
        if path == "api":
            return {"available_versions": {"v3": "v3/"}}
        for name, (about, data) in self.collections.items():
            collection = f"api/v3/collections/{name}"
            version = f"{collection}/versions/{about['version']}"
            download = f"download/{name.replace('/', '-')}-{about['version']}.tar.gz"
            time = "2026-01-01T00:00:00Z"
            documents = {
                collection: {"created_at": time, "updated_at": time},
                collection + "/versions": {"links": {"next": None}, "data": [{"version": about["version"]}]},
                version: {
                    "version": about["version"],
                    "namespace": {"name": about["namespace"]},
                    "collection": {"name": about["name"]},
                    "href": f"/{version}/",
                    "download_url": self.url + download,
                    "artifact": {"sha256": hashlib.sha256(data).hexdigest()},
                    "metadata": {"dependencies": about["dependencies"]},
                    "signatures": [],
                },
                download: data,
            }
            if path in documents:
                return documents[path]
        return None


class _Handler(servers.Handler):
    def do_GET(self) -> None:
        path = self.path.partition("?")[0].strip("/")
        self.service.asked.append(path)
        answer = self.service.answer(path)
        if answer is None:
            self.send_error(404)
            return
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.answer(200, data, Content_Type="application/gzip" if data is answer else "application/json")


@contextlib.contextmanager
def galaxy(bed: Testbed, *tarballs: pathlib.Path) -> t.Iterator[str]:
    """A Galaxy server in a test bed's network: its address."""
    running = bed.inside(lambda: Galaxy(*tarballs))
    try:
        yield running.url
    finally:
        running.stop()
