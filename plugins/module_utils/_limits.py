# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""How much of a node's state is taken. What is beyond is an error of the kind `too large`, and never cut."""

ANSWER_BYTES = 4 * 1024**2  # one answer of Docker
ANSWER_MEMORY = 256 * 1024**2  # what the program that asks Docker may use for it
ARGUMENT_CHARS = 16 * 1024  # an argument, a path, the value of a variable
ARGUMENTS = 1000  # of one process
PROCESSES = 500  # in one container
MOUNTS = 500  # of one container
VARIABLES = 1000  # in a container's environment
ENTRIES = 10000  # of one directory, or matches of one pattern
FILE_BYTES = 256 * 1024  # an EncryptionConfiguration has a few thousand, and PyYAML takes 500 times as much memory
EVIDENCE_BYTES = 4 * 1024**2  # a node's document
MESSAGE_CHARS = 500  # an error; the only text that is shortened
