# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""How much is taken of what comes from outside. What is beyond is an error that says so, and never cut."""

# On a node.
ANSWER_BYTES = 4 * 1024**2  # one answer of Docker
ANSWER_MEMORY = 256 * 1024**2  # what the program that asks Docker may use for it
ARGUMENT_CHARS = 16 * 1024  # an argument, a path, the value of a variable
ARGUMENTS = 1000  # of one process
PROCESSES = 500  # in one container
MOUNTS = 500  # of one container
VARIABLES = 1000  # in a container's environment
ENTRIES = 10000  # of one directory, or of all below it, or matches of one pattern
FILE_BYTES = 256 * 1024  # an EncryptionConfiguration has a few thousand, and PyYAML takes 500 times as much memory
EVIDENCE_BYTES = 4 * 1024**2  # a node's document
MESSAGE_CHARS = 500  # an error; the only text that is shortened

# On the controller.
RECORDED_BYTES = 10 * 1024**2  # the file of a node's document, or of the API's; it has line breaks and blanks
API_BYTES = 8 * 1024**2  # one answer of the Kubernetes API
API_MESSAGE_CHARS = 300  # an error of the Kubernetes API; shortened
API_SECONDS = 300  # all answers of the Kubernetes API together
PAGE_OBJECTS = 500  # in one answer; if that is too large, fewer are asked for
LIST_OBJECTS = 100_000  # in one list
FINDINGS = 1000  # kept of what a query finds in a list; all are counted
FOUND_CHARS = 64 * 1024  # names and details that are kept of what a query finds
DETAILS = 20  # kept of one object found; all are counted
DETAIL_CHARS = 300  # of one detail; shortened
KUBECONFIG_BYTES = 1024**2
USER_BYTES = 4 * 1024**2  # any other file that a user names: cluster.yml, skips, waivers, attestations, benchmark
YAML_NODES = 200_000  # in one file, with all aliases followed
YAML_DEPTH = 500
KEPT_BYTES = 16 * 1024**2  # a schedule, an index, a record of alerts
REPORT_BYTES = 128 * 1024**2  # a stored report, or what a part of a scan was asked for; of 1,000 nodes it has some MB
LOCK_BYTES = 4096  # the lock of a scheduled scan
RUN_CHARS = 300  # what a scheduled run came to; shortened
SERVICE_BYTES = 2000  # what a notifier's service says about an error; shortened
MAIL_BYTES = 64 * 1024  # all that a mail server says
ERROR_CHARS = 2000  # a line that says why something is refused; shortened
AUDIT_RULES = 500  # of an audit policy, and entries of each list in it
SKIP_WARNINGS = 10  # about unknown ids; the others are counted
