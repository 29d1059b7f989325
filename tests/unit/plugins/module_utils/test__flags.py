# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Like what it tests, this file runs on Python 3.6 (`make units`).

import pytest

from ansible_collections.rke.cis.plugins.module_utils import _flags
from ansible_collections.rke.cis.plugins.module_utils._flags import component_args, environment_name

TYPES = {"--bool": "bool", "--other": "bool", "--text": "string", "--number": "int", "--two-words": "bool"}

BOTH = ["pflag", "pflag_strict"]
ALL = ["pflag", "pflag_strict", "go"]


def parse_flags(args, style, types, **more):
    """Return the values of each flag, without the names that they were given under."""
    found = _flags.parse_flags(args, style, types, **more)
    return {flag: [value for _name, value in occurrences] for flag, occurrences in found.items()}


@pytest.mark.parametrize(
    "argv, component, expected",
    [
        (["kubelet", "--a"], "kubelet", ["--a"]),
        (["/usr/local/bin/etcd", "--a", "b"], "etcd", ["--a", "b"]),
        (["/opt/rke-tools/entrypoint.sh", "kubelet", "--a"], "kubelet", ["--a"]),
        (["hyperkube", "kube-apiserver", "--a"], "kube-apiserver", ["--a"]),
        (["/hyperkube", "kube-apiserver"], "kube-apiserver", []),
        (["entrypoint.sh", "/usr/local/bin/kube-proxy", "--a"], "kube-proxy", ["--a"]),
        (["kubelet", "kubelet"], "kubelet", ["kubelet"]),
        (["hyperkube", "apiserver", "--a"], "kube-apiserver", ["--a"]),
        (["/hyperkube", "controller-manager", "--a"], "kube-controller-manager", ["--a"]),
        (["hyperkube", "scheduler"], "kube-scheduler", []),
        (["hyperkube", "proxy"], "kube-proxy", []),
        (["hyperkube", "kubelet", "--a"], "kubelet", ["--a"]),
        # only hyperkube has these names
        (["apiserver", "--a"], "kube-apiserver", None),
        (["entrypoint.sh", "proxy"], "kube-proxy", None),
        (["hyperkube", "apiserver"], "kube-scheduler", None),
        (["hyperkube", "--a", "apiserver"], "kube-apiserver", None),
        (["hyperkube", "etcd-proxy"], "etcd", None),
        # other programs, also those that only name the component
        ([], "kubelet", None),
        ([""], "kubelet", None),
        (["/pause"], "kubelet", None),
        (["hyperkube"], "kubelet", None),
        (["hyperkube", "kubelet"], "kube-proxy", None),
        (["bash", "kubelet", "--a"], "kubelet", None),
        (["kubelet-wrapper", "--a"], "kubelet", None),
        (["my-kubelet"], "kubelet", None),
        (["/etc/kubelet/run", "--a"], "kubelet", None),
        (["entrypoint.sh", "bash", "kubelet"], "kubelet", None),
        (["entrypoint.sh", "hyperkube", "kubelet"], "kubelet", None),
        (["grep", "--", "kubelet"], "kubelet", None),
    ],
)
def test_component_args(argv, component, expected):
    assert component_args(argv, component) == expected


@pytest.mark.parametrize("style", ALL)
@pytest.mark.parametrize(
    "args, expected",
    [
        ([], {}),
        (["--text=a"], {"--text": ["a"]}),
        (["--text", "a"], {"--text": ["a"]}),
        (["--text="], {"--text": [""]}),
        (["--text", ""], {"--text": [""]}),
        (["--text=a=b"], {"--text": ["a=b"]}),
        (["--text=a", "--text=b"], {"--text": ["a", "b"]}),
        (["--number", "-1"], {"--number": ["-1"]}),
        # a flag that takes a value takes the next word, even one that looks like a flag
        (["--text", "--bool=false"], {"--text": ["--bool=false"]}),
        (["--text"], {"--text": [None]}),
        (["--bool"], {"--bool": ["true"]}),
        (["--bool=false"], {"--bool": ["false"]}),
        (["--bool="], {"--bool": [""]}),
        (["--bool", "--other"], {"--bool": ["true"], "--other": ["true"]}),
        (["--bool", "--other=0", "--bool=false"], {"--bool": ["true", "false"], "--other": ["0"]}),
        # what follows -- is no flag
        (["--bool", "--", "--other"], {"--bool": ["true"]}),
        (["--", "--other=x"], {}),
        # an occurrence within a value is no occurrence
        (["--text=--bool"], {"--text": ["--bool"]}),
        (["--unknown=--bool=true"], {"--unknown": ["--bool=true"]}),
        # a longer name is another flag, and upper case is no lower case
        (["--boolean=true", "--Bool=true"], {"--boolean": ["true"], "--Bool": ["true"]}),
        # after a flag whose type is not known, a flag must not be missed
        (["--unknown", "--bool=false"], {"--unknown": [""], "--bool": ["false"]}),
        (["--unknown", "value", "--bool=false"], {"--unknown": [""], "--bool": ["false"]}),
    ],
)
def test_forms_that_all_share(args, expected, style):
    assert parse_flags(args, style, TYPES) == expected


@pytest.mark.parametrize("style", BOTH)
@pytest.mark.parametrize(
    "word, expected",
    [
        ("--two_words=false", {"--two-words": ["false"]}),
        ("--two-words=false", {"--two-words": ["false"]}),
        ("--two_words", {"--two-words": ["true"]}),
        ("--text=a_b", {"--text": ["a_b"]}),
        ("--_=x", {"---": ["x"]}),
    ],
)
def test_kubernetes_takes_underscores_for_dashes(word, expected, style):
    assert parse_flags([word], style, TYPES) == expected


def test_go_does_not_take_underscores_for_dashes():
    assert parse_flags(["--two_words=true"], "go", TYPES) == {"--two_words": ["true"]}


@pytest.mark.parametrize("style", BOTH)
def test_older_kubernetes_does_not_take_underscores_for_dashes(style):
    args = ["--two_words=false", "--two-words"]
    assert parse_flags(args, style, TYPES, underscores=False) == {"--two_words": ["false"], "--two-words": ["true"]}


@pytest.mark.parametrize("style", ALL)
def test_two_names_of_one_variable_keep_their_order(style):
    args = ["--text=a", "--old", "b", "--text=c"]
    found = _flags.parse_flags(args, style, dict(TYPES, **{"--old": "string"}), {"--old": "--text"})
    assert found == {"--text": [("--text", "a"), ("--old", "b"), ("--text", "c")], "--old": [("--old", "b")]}


@pytest.mark.parametrize("style", BOTH)
@pytest.mark.parametrize(
    "args, expected",
    [
        (["-v", "--bool", "--other"], {"--other": ["true"]}),
        (["-v=2", "--bool"], {"--bool": ["true"]}),
        (["-v2", "--bool"], {"--bool": ["true"]}),
    ],
)
def test_the_letter_v_takes_a_value(args, expected, style):
    assert parse_flags(args, style, TYPES) == expected


@pytest.mark.parametrize("word", ["-", "", "false"])
def test_a_word_after_a_boolean_is_left_over(word):
    assert parse_flags(["--bool", word], "pflag_strict", TYPES) == {"--bool": [None]}
    assert parse_flags(["--bool", word], "pflag", TYPES) == {"--bool": ["true"]}


@pytest.mark.parametrize("style", BOTH)
def test_both_spellings_are_one_flag_and_the_order_is_kept(style):
    args = ["--two_words=true", "--two-words=false", "--two_words"]
    assert parse_flags(args, style, TYPES) == {"--two-words": ["true", "false", "true"]}


@pytest.mark.parametrize("style", BOTH)
@pytest.mark.parametrize("args", [["-v", "2", "--bool"], ["-v=2", "--bool"], ["-bool=false", "--bool"]])
def test_kubernetes_knows_no_long_flag_with_one_dash(args, style):
    assert parse_flags(args, style, TYPES) == {"--bool": ["true"]}


@pytest.mark.parametrize(
    "args, expected",
    [
        (["-bool"], {"--bool": ["true"]}),
        (["-bool=false"], {"--bool": ["false"]}),
        (["-text", "a", "--text=b"], {"--text": ["a", "b"]}),
    ],
)
def test_go_takes_one_dash_for_two(args, expected):
    assert parse_flags(args, "go", TYPES) == expected


@pytest.mark.parametrize(
    "style, expected",
    [
        # the API server leaves the word aside
        ("pflag", {"--bool": ["true"], "--text": ["a"]}),
        # the kubelet refuses it
        ("pflag_strict", {"--bool": [None], "--text": ["a"]}),
    ],
)
def test_a_boolean_takes_no_separate_value(style, expected):
    assert parse_flags(["--bool", "false", "--text=a"], style, TYPES) == expected


@pytest.mark.parametrize(
    "args, expected",
    [
        (["--bool", "false", "--text=a"], {"--bool": [None], "": ["false"]}),
        (["stray", "--bool"], {"": ["stray"]}),
        (["--text=a", "-", "--bool"], {"--text": ["a"], "": ["-"]}),
        (["--text=a", "", "--bool"], {"--text": ["a"], "": [""]}),
        (["--unknown", "a", "b", "--bool"], {"--unknown": [""], "": ["b"]}),
        (["---bool=false", "--bool"], {"": ["---bool=false"]}),
        (["-=x", "--bool"], {"": ["-=x"]}),
    ],
)
def test_go_stops_at_the_first_word_that_is_left_over(args, expected):
    assert parse_flags(args, "go", TYPES) == expected


@pytest.mark.parametrize("style", BOTH)
def test_kubernetes_reads_on_after_a_stray_word(style):
    assert parse_flags(["stray", "--text=a", "-", "--other"], style, TYPES) == {"--text": ["a"], "--other": ["true"]}


@pytest.mark.parametrize("style", BOTH)
@pytest.mark.parametrize("word", ["---bool=false", "---bool", "--=false"])
def test_a_third_dash_makes_no_flag(word, style):
    assert parse_flags([word, "--text=a"], style, TYPES) == {"--text": ["a"]}


@pytest.mark.parametrize("style", ALL)
def test_the_arguments_are_left_as_they_are(style):
    args = ["--text", "a", "--bool"]
    parse_flags(args, style, TYPES)
    assert args == ["--text", "a", "--bool"]


@pytest.mark.parametrize(
    "flag, variable", [("--cert-file", "ETCD_CERT_FILE"), ("--auto-tls", "ETCD_AUTO_TLS"), ("--name", "ETCD_NAME")]
)
def test_environment_name(flag, variable):
    assert environment_name(flag) == variable
