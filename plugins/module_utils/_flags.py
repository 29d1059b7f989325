# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Command lines, read as the component itself reads them (Python 3.6 and later: runs on nodes too).

The Kubernetes components use github.com/spf13/pflag, some with `_` and `-` alike; etcd uses Go's package flag.
Neither is a text search: a flag's name is compared whole, an occurrence inside another value is no occurrence.
"""

import os
import re
import typing as t

# What may stand before the component's name on its command line.
_LAUNCHERS = ("entrypoint.sh", "hyperkube")
# The names that hyperkube takes for a component beside the component's own.
_ALIASES = {
    "kube-apiserver": "apiserver",
    "kube-controller-manager": "controller-manager",
    "kube-proxy": "proxy",
    "kube-scheduler": "scheduler",
}


def component_args(argv: t.Sequence[str], component: str) -> t.Optional[t.List[str]]:
    """Return what follows the component's name on its command line, or None if that is another program's."""
    launcher = os.path.basename(argv[0]) if argv else ""
    words = list(argv[1:] if launcher in _LAUNCHERS else argv)
    names = (component, _ALIASES.get(component) if launcher == "hyperkube" else None)
    return words[1:] if words and os.path.basename(words[0]) in names else None


def parse_flags(
    args: t.Sequence[str],
    style: str,
    types: t.Mapping[str, str],
    counts_as: t.Optional[t.Mapping[str, str]] = None,
    underscores: bool = True,
) -> t.Dict[str, t.List[t.Tuple[str, t.Optional[str]]]]:
    """Return each given flag (`--name`) with its occurrences in the order given: the name that is used, and the value.

    `style` is `pflag`, `pflag_strict` (the component refuses to start when a word is left over) or `go`; `types` tells
    a flag's type, so that `--flag value` and a bare boolean can be told apart. An occurrence of a flag that `counts_as`
    another is one of the other, too. A value of None means that the component refuses how the flag is given: without
    its value, or a boolean with a word after it that is left over. The key "" holds the word at which Go's flag package
    stopped: it refuses that word and has not read what follows.
    """
    found: t.Dict[str, t.List[t.Tuple[str, t.Optional[str]]]] = {}
    beginning = re.compile("--?[^-=]" if style == "go" else "--[^-=]")  # both packages refuse a third dash
    position = 0
    while position < len(args):
        word = args[position]
        position += 1
        if word == "--":
            break
        if not beginning.match(word):
            if style == "go":
                found[""] = [("", word)]
                break
            position += word == "-v"  # the only letter that takes a value
            continue
        name, equals, given = word.lstrip("-").partition("=")
        name = "--" + (name.replace("_", "-") if underscores and style != "go" else name)
        value: t.Optional[str] = given
        no_flag = position < len(args) and (args[position] == "-" or not args[position].startswith("-"))
        if equals:
            pass
        elif types.get(name) == "bool":
            value = None if no_flag and style != "pflag" else "true"
        elif name in types:
            value = args[position] if position < len(args) else None
            position += 1
        elif style == "go" and no_flag:
            # Of unknown type: the next word may be its value, but a flag must not be missed.
            position += 1  # a component that runs has not stopped there
        for counted in (name, (counts_as or {}).get(name)):
            if counted:
                found.setdefault(counted, []).append((name, value))
    return found


def environment_name(flag: str) -> str:
    """Return the variable that etcd reads where the flag is not given, e.g. ETCD_CERT_FILE for --cert-file."""
    return "ETCD_" + flag[2:].upper().replace("-", "_")
