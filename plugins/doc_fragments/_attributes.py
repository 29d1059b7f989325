# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.


class ModuleDocFragment:
    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Works in C(check_mode), with its whole result.
    support: full
  diff_mode:
    description: Shows in diff mode what has changed.
    support: N/A
    details:
      - Nothing is changed on a node.
  idempotent:
    description: Called twice with the same arguments, it changes nothing the second time.
    support: full
"""

    CONTROLLER = r"""
attributes:
  action:
    description: Runs on the controller, as an action plugin.
    support: full
"""
