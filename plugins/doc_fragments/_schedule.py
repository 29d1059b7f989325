# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.


class ModuleDocFragment:
    DOCUMENTATION = r"""
requirements:
  - cronsim (Python library) on the controller, 2.6 or later
options:
  user:
    description:
      - User of the controller whose schedules these are. Empty means the user who runs the playbook.
    type: str
    default: ""
  dir:
    description:
      - Directory of the schedules. C(~) is the home of O(user).
    type: str
    default: ~/.rke-cis/schedules
"""
