# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Like what it serves, this file runs on Python 3.6 (`make units`).

"""A container, and the socket of no Docker Engine."""

SOCKET = "unix:///nonexistent/docker.sock"
ID = "0123456789abcdef" * 4
KUBELET = {
    "Id": ID,
    "Name": "/kubelet",
    "State": {"Status": "running", "Pid": 10},
    "Config": {},
    "Path": "kubelet",
    "Args": [],
}
