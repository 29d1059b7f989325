# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make ``ansible_collections.rke.cis`` importable when the tests are run by plain pytest."""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[1]


def _collections_path():
    """The directory that holds ansible_collections/rke/cis; a link to the checkout where it is not in such a path."""
    if ROOT.parts[-3:] == ("ansible_collections", "rke", "cis"):
        return ROOT.parents[2]
    path = ROOT / ".cache" / "dev"
    link = path / "ansible_collections" / "rke" / "cis"
    if not link.is_symlink():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(str(ROOT), str(link.parent)))
    return path


# ansible-test sets this variable, and brings its own way of importing collections.
if "ANSIBLE_CONTROLLER_MIN_PYTHON_VERSION" not in os.environ:
    path = _collections_path()
    # For the commands that tests start ...
    os.environ.setdefault("ANSIBLE_COLLECTIONS_PATH", str(path))
    # ... and for the tests themselves, by Ansible's own loader: with sys.path alone its plugin loader would not work.
    from ansible.plugins.loader import init_plugin_loader
    from ansible.utils.collection_loader import AnsibleCollectionConfig

    if AnsibleCollectionConfig.collection_finder is None:
        init_plugin_loader([str(path)])
