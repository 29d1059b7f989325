# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.rke.cis.plugins.module_utils._kubernetes import ClusterReader
from ansible_collections.rke.cis.tests.unit.plugins.module_utils.api_helper import (
    FakeApi,
    make_certificate,
    write_kubeconfig,
)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    pytest.importorskip("cryptography")
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def api(certificate):
    server = FakeApi(*certificate)
    yield server
    server.stop()


@pytest.fixture
def reader(api, certificate, tmp_path):
    kubernetes = pytest.importorskip("kubernetes")
    return ClusterReader(kubernetes, write_kubeconfig(tmp_path / "kubeconfig", api.url, certificate[0]), None, 5)
