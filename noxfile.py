# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates as nox sessions, for those who expect nox: nox -l lists them. Each is the make target of its name."""

from __future__ import annotations

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["test"]

GATES = {
    "test": "quick lint, unit tests and a practice scan",
    "lint": "format, style, types, YAML, ansible-lint, changelog, documentation",
    "docs": "the documentation site and its links",
    "sanity": "ansible-test sanity",
    "unit": "unit tests",
    "unit-nodes": "unit tests of what runs on nodes, on all Pythons",
    "importer": "galaxy-importer",
    "targets": "ansible-test integration targets",
    "integration": "integration tests on real hosts",
}


def _session(gate: str) -> None:
    @nox.session(name=gate)
    def run(session: nox.Session) -> None:
        session.run("make", gate, *session.posargs, external=True)

    run.__doc__ = GATES[gate]


for _gate in GATES:
    _session(_gate)
