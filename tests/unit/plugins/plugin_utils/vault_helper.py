# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files and values as ansible-vault encrypts them, and Ansible's loader with or without the password."""

from __future__ import annotations

import textwrap

from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret

NO_PASSWORD = "encrypted with ansible-vault; give the password with --vault-password-file"
WRONG_PASSWORD = "encrypted with ansible-vault, and the given password does not open it; give the right one"


def loader(password: str = "") -> DataLoader:
    made = DataLoader()
    if password:
        made.set_vault_secrets([("default", VaultSecret(password.encode()))])
    return made


def encrypt(text: str, password: str = "right") -> str:
    return VaultLib([("default", VaultSecret(password.encode()))]).encrypt(text.encode()).decode()


def encrypt_value(text: str) -> str:
    """Return a value as `ansible-vault encrypt_string` prints it, for a key that is not indented by much."""
    return "!vault |\n" + textwrap.indent(encrypt(text), " " * 12)
