# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of the documentation, and someone who follows them.

A test takes a page's examples one by one, by words that stand in them, and does what a reader does with them. What it
leaves fails it, and so do words that no example has any more. So each is executed, wherever on its page it moves.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import typing as t

import docutils.core
import docutils.nodes
import docutils.parsers.rst
import docutils.parsers.rst.directives
import docutils.parsers.rst.roles
import markdown_it
import yaml
from scans import ROOT, SYSTEM_PATH
from testbed import Testbed

# Where the pages' nodes are.
NODES = {"cp1": "10.0.0.11", "etcd1": "10.0.0.21", "worker1": "10.0.0.31", "worker2": "10.0.0.32"}
SSH_CONFIG = """\
Host *
    User root
    IdentityFile {}/id
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    LogLevel ERROR
"""

# The services that pages name. They are served by tests.
SERVICES = ("awx.example.com", "hooks.example.com", "smtp.example.com")

# What varies from run to run, and what stands for it when two outputs are compared.
VARIES = [
    (re.compile(r"\b\d{8}T\d{6}Z"), "<scan>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z| [+-]\d{4})"), "<time>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d\b"), "<day>"),
]


@dataclasses.dataclass(eq=False)
class Example:
    """A block of a page, or one command of a block `console` with the output that is shown below it."""

    page: str
    line: int
    language: str
    text: str
    output: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line} ({self.language}): {self.text.splitlines()[0]}"


# ------------------------------------------------------------------------------------------------ reading pages


class _Block(docutils.parsers.rst.Directive):
    """`code-block`, as Sphinx has it."""

    has_content = True
    optional_arguments = 1
    option_spec: t.ClassVar[dict[str, t.Any]] = dict.fromkeys(
        ("caption", "emphasize-lines", "name"), docutils.parsers.rst.directives.unchanged
    )

    def run(self) -> list[docutils.nodes.Node]:
        text = "\n".join(self.content)
        block = docutils.nodes.literal_block(text, text, language="".join(self.arguments))
        block.line = self.content_offset + 1
        return [block]


class _Unseen(docutils.parsers.rst.Directive):
    """A directive of Sphinx without examples in it."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: t.ClassVar[t.Any] = None

    def run(self) -> list[docutils.nodes.Node]:
        return []


def _role(*_arguments: t.Any) -> tuple[list[t.Any], list[t.Any]]:
    return [], []


def _rst(text: str) -> t.Iterator[tuple[int, str, str]]:
    """Yield line, language and text of each literal block. A directive that is not known here fails."""
    registered = docutils.parsers.rst.directives.register_directive
    for name in ("code-block", "code", "literalinclude"):
        registered(name, _Block)
    for name in ("toctree", "contents"):
        registered(name, _Unseen)
    # Roles are Sphinx's and antsibull's. They stand in texts, so none of them matters here.
    found, docutils.parsers.rst.roles.role = docutils.parsers.rst.roles.role, lambda *_arguments: (_role, [])
    try:
        document = docutils.core.publish_doctree(text, settings_overrides={"report_level": 5})
    finally:
        docutils.parsers.rst.roles.role = found
    for problem in document.findall(docutils.nodes.system_message):
        assert problem["level"] < 3, problem.astext()
    for block in document.findall(docutils.nodes.literal_block):
        yield block.line or 0, block.get("language", ""), block.astext() + "\n"


def _markdown(text: str) -> t.Iterator[tuple[int, str, str]]:
    for token in markdown_it.MarkdownIt("commonmark").parse(text):
        if token.type in ("fence", "code_block"):
            assert token.map
            yield token.map[0] + 1, token.info.strip(), token.content


def examples(page: pathlib.Path) -> list[Example]:
    name = str(page.relative_to(ROOT))
    text = page.read_text(encoding="utf-8")
    found = []
    for line, language, content in (_rst if page.suffix == ".rst" else _markdown)(text):
        block = Example(name, line, language, content)
        found += list(_commands(block)) if language == "console" else [block]
    return found


def _commands(block: Example) -> t.Iterator[Example]:
    command: Example | None = None
    goes_on = False
    for number, line in enumerate(block.text.splitlines()):
        if line.startswith("$ "):
            if command:
                yield command
            command = Example(block.page, block.line + number, "console", line[2:])
        else:
            assert command, f"{block}: output before the first command"
            if goes_on:
                command.text += "\n" + line
            else:
                command.output += line + "\n"
        goes_on = (line.startswith("$ ") or goes_on) and line.endswith("\\")
    if command:
        yield command


def pages() -> list[pathlib.Path]:
    """All that a reader may read in the tarball: pages for users and for those who change the collection."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "roles").glob("*/README.md")]
    found += [path for suffix in ("md", "rst") for path in (ROOT / "docs").rglob("*." + suffix)]
    return sorted(found)


def inline(start: str) -> set[str]:
    """Return what is marked as code in the texts of all pages, and begins so."""
    marked = re.compile(r"(?<!`)(`{1,2})(" + re.escape(start).replace(r"\ ", r"\s+") + r"[^`]+)\1(?!`)")
    texts = [page.read_text(encoding="utf-8") for page in pages()]
    return {" ".join(code.split()) for text in texts for _mark, code in marked.findall(text)}


# --------------------------------------------------------------------------------------------- following them


def masked(text: str) -> str:
    for pattern, stand_in in VARIES:
        text = pattern.sub(stand_in, text)
    return text


def check_shown(shown: str, printed: str) -> None:
    """Check that what a page shows was printed: exactly, but for times, and for what a line of dots leaves out."""
    parts = re.split(r"^\.\.\.$", masked(shown.strip()), flags=re.M)
    pattern = ".*".join(re.escape(part) for part in parts)
    assert re.fullmatch(pattern, masked(printed.strip()), re.S), f"shown:\n{shown}\nbut printed:\n{printed}"


class Page:
    """The examples of a page that are still to be executed."""

    def __init__(self, name: str, reader: Reader | None = None) -> None:
        self.left = examples(ROOT / name)
        self._reader = reader

    @property
    def reader(self) -> Reader:
        assert self._reader, "nobody follows this page"
        return self._reader

    def take(self, words: str, language: str = "") -> Example:
        """Return the first example that is left and has these words."""
        for example in self.left:
            if words in example.text and language in ("", example.language):
                self.left.remove(example)
                return example
        raise AssertionError(f"no example is left with {words!r}; there are:\n" + "\n".join(map(str, self.left)))

    def run(self, words: str, code: int = 0, **keywords: t.Any) -> str:
        """Run a command as it stands there, and return what it prints, which must be what the page shows."""
        command = self.take(words, "console")
        done = self.reader.run(command.text, **keywords)
        assert done.returncode == code, f"{command}\nexit status {done.returncode}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stdout + done.stderr, f"{command}\n{done.stdout}{done.stderr}"
        if command.output:
            check_shown(command.output, done.stdout)
        return done.stdout

    def save(self, words: str, path: str) -> str:
        """Write a block into a file of the reader's directory, below what is in it, and return it."""
        text = self.take(words).text
        file = self.reader.cwd / path
        self.reader.write(path, (file.read_text(encoding="utf-8") if file.exists() else "") + text)
        return text

    def show(self, words: str) -> None:
        """Write the file that a command `cat` shows, and run that."""
        (command,) = (example for example in self.left if example.text.startswith("cat ") and words in example.text)
        self.reader.write(command.text.split()[1], command.output)
        self.run(words)

    def leave(self, words: str, why: str) -> None:
        """Do not execute an example."""
        assert why
        self.take(words)


class Reader:
    """Who follows a page: root of a machine of their own in the network of a test bed, in an empty directory and home.

    The machine is this one, with other contents of some files: who is who, which names there are, what cron does.
    """

    def __init__(self, bed: Testbed, **env: str) -> None:
        self.bed = bed
        # not in pytest's directory: paths of ssh's sockets must be short
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="rkd", dir="/var/tmp"))
        self.home, self.cwd, own = self.base / "home", self.base / "work", self.base / "own"
        for path in (self.home, self.home / ".ssh", self.cwd, own, own / "spool", own / "srv"):
            path.mkdir()
        (own / "passwd").write_text(f"root:x:0:0:root:{self.home}:/bin/bash\n", encoding="utf-8")
        (own / "hosts").write_text(f"127.0.0.1 localhost {' '.join(SERVICES)}\n", encoding="utf-8")
        shutil.chown(own / "spool", group="crontab")
        (own / "spool").chmod(0o1730)
        at = "".join(f"Host {address}\n    HostName {bed.addresses[name]}\n" for name, address in NODES.items())
        (self.home / ".ssh" / "config").write_text(at + SSH_CONFIG.format(bed.dir), encoding="utf-8")
        places = {"passwd": "/etc/passwd", "hosts": "/etc/hosts", "spool": "/var/spool/cron/crontabs", "srv": "/srv"}
        self._mounts = "".join(f"mount --bind '{own}/{name}' {place} && " for name, place in places.items())
        self._exports = ""
        self.env = {
            "HOME": str(self.home),
            "PATH": os.path.dirname(sys.executable) + ":" + SYSTEM_PATH,
            "LANG": "C.UTF-8",
            "ANSIBLE_NOCOLOR": "1",
            # ssh's configuration says so as well; told to Ansible it needs no sudo on the hosts
            "ANSIBLE_REMOTE_USER": "root",
            # what pip is told to install must be there
            "PIP_NO_INDEX": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_ROOT_USER_ACTION": "ignore",
            **env,
        }

    def close(self) -> None:
        shutil.rmtree(self.base)

    def write(self, path: str, text: str) -> pathlib.Path:
        file = self.cwd / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def run(self, command: str, **keywords: t.Any) -> subprocess.CompletedProcess[str]:
        """Run a command line in a shell. What is exported counts for later ones, and so does where one goes."""
        if command.startswith("export "):
            self._exports += command + "\n"
        if command.startswith("cd "):
            self.cwd = (self.cwd / command.removeprefix("cd ")).resolve(strict=True)
        script = f'{self._mounts}cd "$0" && exec bash -c "$1"'
        inside = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
        keywords = {"cwd": self.cwd, "stdin": subprocess.DEVNULL, "timeout": 300, **keywords}
        return self.bed.run(
            [*inside, keywords["cwd"], self._exports + command],
            env=self.env,
            capture_output=True,
            start_new_session=True,  # no terminal
            **keywords,
        )

    def write_cluster_yml(self, path: str, **more: t.Any) -> None:
        """Write the file that RKE would have made the test bed of."""
        nodes = [{**node, "address": NODES[node["hostname_override"]]} for node in self.bed.rke_nodes()]
        self.write(path, yaml.safe_dump({"nodes": nodes, **more}, sort_keys=False))

    def scans(self) -> list[pathlib.Path]:
        """Directories of scans, the oldest first."""
        return sorted((self.cwd / "cis-reports").glob("*/*Z-*"), key=lambda path: path.name)

    def report(self) -> dict[str, t.Any]:
        """Return the newest report."""
        return json.loads((self.scans()[-1] / "report.json").read_text(encoding="utf-8"))

    def checks(self) -> dict[str, dict[str, t.Any]]:
        """Return control id to its check in the newest report."""
        return {check["id"]: check for group in self.report()["results"] for check in group["checks"]}


@contextlib.contextmanager
def reader(bed: Testbed, **env: str) -> t.Iterator[Reader]:
    made = Reader(bed, **env)
    try:
        yield made
    finally:
        made.close()
