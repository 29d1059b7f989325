# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs.sh puts at the end of the Sphinx configuration that antsibull-docs makes.

Our pages refer to a few places of Ansible's own documentation. They are looked up in its inventory if that can be
fetched. If it cannot, these references and no others stay text.
"""

import pathlib
import re
import typing as t
import urllib.request

ANSIBLE = "https://docs.ansible.com/projects/ansible/devel/"
FOREIGN = {
    "ref": re.compile(
        r"action_plugins|ansible_configuration_settings|callback_plugins|common_return_values"
        r"|ansible_collections\.ansible\.builtin\..+"
    ),
    "envvar": re.compile(r"ANSIBLE_.+"),
}

unseen: set[str] = set()


def inventory() -> str | None:
    """The file with the names of Ansible's documentation."""
    try:
        with urllib.request.urlopen(ANSIBLE + "objects.inv", timeout=10) as answer:
            names = answer.read()
    except OSError:
        return None
    file = pathlib.Path(__file__).with_name("ansible.inv")
    file.write_bytes(names)
    return str(file)


def excuse(_app: t.Any, _env: t.Any, node: t.Any, text: t.Any) -> t.Any:
    pattern = FOREIGN.get(node["reftype"])
    if pattern and pattern.fullmatch(node["reftarget"]):
        unseen.add(node["reftarget"])
        return text
    return None


def tell(_app: t.Any, _exception: Exception | None) -> None:
    print(f"docs: {ANSIBLE} does not answer; not looked up there: {', '.join(sorted(unseen))}")


_inventory = inventory()
intersphinx_mapping = {"ansible": (ANSIBLE, _inventory)} if _inventory else {}


def setup(app: t.Any) -> None:
    if not _inventory:
        app.connect("missing-reference", excuse)
        app.connect("build-finished", tell)
