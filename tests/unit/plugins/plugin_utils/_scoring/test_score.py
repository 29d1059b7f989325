# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.module_utils._masking import mask_secrets
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import Benchmark, load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import Verdict, score_node
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import (
    ALL,
    BENCHMARK,
    cluster,
    lost,
    node,
    set_flag,
)
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.score_helper import (
    CONTROLS,
    JUDGED,
    of_component,
    states,
)


def test_a_hardened_node_passes_everything() -> None:
    found = score_node(BENCHMARK, node(), cluster(), JUDGED)
    assert {i: v for i, v in found.items() if v.state != "pass"} == {}
    assert set(found) == JUDGED
    for verdict in found.values():
        assert verdict.expected
        assert verdict.actual
        assert verdict.source
        assert verdict.reason == ""


def test_what_is_not_a_pass_says_why() -> None:
    document = node()
    for shown in document["containers"].values():
        shown["processes"] = [argv[:1] for argv in shown["processes"]]
    for entry in document["paths"].values():
        entry["mode"] = "0777"
    found = score_node(BENCHMARK, document, {"objects": {"podsecuritypolicies": {"items": []}}}, JUDGED)
    failed = [verdict for verdict in found.values() if verdict.state == "fail"]
    assert len(failed) > 50
    assert all(verdict.reason and verdict.expected and verdict.source for verdict in failed)


def test_scoring_changes_nothing_and_is_repeatable() -> None:
    document, api = node(), cluster()
    before = json.dumps([document, api])
    first = score_node(BENCHMARK, document, api)
    assert json.dumps([document, api]) == before
    assert score_node(BENCHMARK, document, api) == first


def test_all_controls_or_those_asked_for() -> None:
    assert set(score_node(BENCHMARK, node(), None)) == BENCHMARK.ids
    assert set(score_node(BENCHMARK, node(), None, {"1.1.2"})) == {"1.1.2"}


# ------------------------------------------------------------------------- processes, variables, files


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_processes_both_must_be_good(order: int) -> None:
    document = node()
    good = document["containers"]["kube-apiserver"]["processes"][0]
    document["containers"]["kube-apiserver"]["processes"] = [good, [*good, "--profiling=true"]][::order]
    found = score_node(BENCHMARK, document, cluster(), JUDGED)
    assert {i for i, verdict in found.items() if verdict.state != "pass"} == {"1.1.8"}
    assert "--profiling=true" in found["1.1.8"].actual


def test_what_runs_counts_and_not_what_docker_started() -> None:
    document = node()
    document["containers"]["kube-apiserver"]["args"].append("--profiling=true")
    assert states(document)["1.1.8"] == "pass"
    document["containers"]["kube-apiserver"]["processes"] = []
    assert states(document)["1.1.8"] == "error"


def test_what_docker_started_is_no_proof_beside_other_processes_or_an_error() -> None:
    document = node()
    shown = document["containers"]["kubelet"]
    shown.update(processes=[], process_text=["kubelet --anonymous-auth=true"])
    assert states(document)["2.1.1"] == "error"
    shown.update(process_text=[], error={"kind": "contradiction", "message": "docker top shows other arguments"})
    found = score_node(BENCHMARK, document, cluster(), {"2.1.1", "2.2.5"})
    assert (found["2.1.1"].state, found["2.2.5"].state) == ("error", "pass")
    assert "docker top shows other arguments" in found["2.1.1"].reason


@pytest.mark.parametrize(
    "control, component, flag, state",
    [
        ("1.1.15", "kube-apiserver", "--audit-log-path", "error"),
        ("1.1.2", "kube-apiserver", "--basic-auth-file", "fail"),
        ("2.1.3", "kubelet", "--client-ca-file", "error"),
    ],
)
def test_a_masked_value_is_not_judged(control: str, component: str, flag: str, state: str) -> None:
    document = node()
    set_flag(document, component, f"{flag}=********")
    verdict = score_node(BENCHMARK, document, cluster(), {control})[control]
    assert verdict.state == state
    assert state == "fail" or "masked" in verdict.reason


def test_a_masked_value_differs_from_nothing() -> None:
    document = node()
    set_flag(document, "kube-apiserver", "--client-ca-file=********")
    assert of_etcds_ca(document) == "error"


@pytest.mark.parametrize(
    "etcds, others, state",
    [
        ("/a/etcd-ca.pem", "/a/ca.pem", "pass"),
        ("/a/ca.pem", "/a/ca.pem", "fail"),
        ("//a/ca.pem", "/a/ca.pem", "fail"),
        ("/a/ca.pem", "///a/./b/../ca.pem", "fail"),
    ],
)
def test_a_path_is_the_same_however_it_is_spelled(etcds: str, others: str, state: str) -> None:
    document = node()
    set_flag(document, "etcd", f"--trusted-ca-file={etcds}")
    set_flag(document, "kubelet", f"--client-ca-file={others}")
    assert of_etcds_ca(document) == state


def of_etcds_ca(document: dict[str, t.Any]) -> str:
    """Return the state of the control that compares a path of etcd with those of others."""
    return score_node(load_benchmark("rke-cis-1.6"), document, None, {"2.7"})["2.7"].state


@pytest.mark.parametrize("benchmark_id", ["rke-cis-1.3", "rke-cis-1.4"])
def test_no_verdict_changes_by_masking(benchmark_id: str) -> None:
    benchmark = load_benchmark(benchmark_id)
    wanted = benchmark.plan(ALL)["containers"]
    for values in ("x y", "hunter2", "https://h/x", ""):
        plain, masked = node(), node()
        for name, shown in plain["containers"].items():
            flags = benchmark.components[name]["flags"]
            set_flag(plain, name, *(f"{flag}={values}" for flag in flags))
            for key in ("args", "processes"):
                calls = [shown["args"]] if key == "args" else shown["processes"]
                calls = [mask_secrets(argv, {name, *wanted[name]["flags"]}) for argv in calls]
                masked["containers"][name][key] = calls[0] if key == "args" else calls
        ids = benchmark.ids.difference(*(set(about["not_applicable"]) for about in benchmark.profiles.values()))
        before, after = (score_node(benchmark, document, cluster(), ids) for document in (plain, masked))
        assert {i: v.state for i, v in before.items()} == {i: v.state for i, v in after.items()}


def test_processes_of_other_programs_in_the_container_do_not_count() -> None:
    document = node()
    document["containers"]["kube-apiserver"]["processes"] += [["sh", "--profiling=true"], []]
    assert states(document)["1.1.8"] == "pass"


ETCD_SETTINGS = {"1.4.11", "1.4.12", "1.5.1", "1.5.2", "1.5.3", "1.5.4", "1.5.5", "1.5.6"}


@pytest.mark.parametrize(
    "component, words, errors",
    [
        # the scheduler's file outdoes its flags
        ("kube-scheduler", ["--config=/x"], {"1.2.1", "1.2.2"}),
        ("kube-scheduler", ["--config", "/x"], {"1.2.1", "1.2.2"}),
        # etcd's file outdoes its flags, the one that names its data directory too
        ("etcd", ["--config-file=/x"], ETCD_SETTINGS),
        ("etcd", ["-config-file=/x"], ETCD_SETTINGS),
    ],
)
def test_a_file_of_settings_that_was_not_read(component: str, words: list[str], errors: set[str]) -> None:
    document = node()
    set_flag(document, component, *words)
    found = score_node(BENCHMARK, document, cluster(), JUDGED)
    assert {i for i, verdict in found.items() if verdict.state == "error"} == errors
    assert all("--config" in found[i].reason for i in errors)


def test_the_kubelets_flags_outdo_its_file() -> None:
    document = node()
    set_flag(document, "kubelet", "--config=/x")
    found = score_node(BENCHMARK, document, cluster(), JUDGED)
    assert found["2.1.1"].state == "pass"  # --anonymous-auth is given
    assert found["2.1.11"].state == "pass"  # --cadvisor-port is not, and the file cannot set it
    given = " ".join(document["containers"]["kubelet"]["args"])
    for control_id in of_component("kubelet") - {"2.1.11"}:
        flags = [test["flag"] for test in CONTROLS[control_id]["tests"]]
        assert (found[control_id].state == "pass") is all(flag + "=" in given for flag in flags), control_id


@pytest.mark.parametrize("words, states_", [([], ("pass", "pass")), (["--hostname-override=a"], ("fail", "pass"))])
def test_what_the_kubelets_file_cannot_set_is_decided_by_the_flag(words: list[str], states_: tuple[str, str]) -> None:
    document = node()
    without_flag(document, "kubelet", "--hostname-override")
    set_flag(document, "kubelet", "--config=/x", *words)
    found = score_node(BENCHMARK, document, None, {"2.1.8", "2.1.11"})
    assert (found["2.1.8"].state, found["2.1.11"].state) == states_
    set_flag(document, "kubelet", "--cadvisor-port=4194")
    assert score_node(BENCHMARK, document, None, {"2.1.11"})["2.1.11"].state == "fail"


@pytest.mark.parametrize("flag", ["--config", "--config-dir", "--dynamic-config-dir"])
def test_what_the_kubelet_may_take_from_elsewhere_is_not_decided(flag: str) -> None:
    document = node()
    without_flag(document, "kubelet", "--streaming-connection-idle-timeout")
    set_flag(document, "kubelet", f"{flag}=/x")
    verdict = score_node(BENCHMARK, document, None, {"2.1.5"})["2.1.5"]
    assert (verdict.state, flag in verdict.reason) == ("error", True)
    set_flag(document, "kubelet", "--streaming-connection-idle-timeout=30m")
    assert score_node(BENCHMARK, document, None, {"2.1.5"})["2.1.5"].state == "pass"


@pytest.mark.parametrize(
    "gates, state",
    [
        ("A=true", "error"),
        ("RotateKubeletServerCertificate=true", "pass"),
        ("RotateKubeletServerCertificate=false", "fail"),
    ],
)
def test_gates_add_up_with_those_of_the_kubelets_file(gates: str, state: str) -> None:
    document = node()
    without_flag(document, "kubelet", "--feature-gates")
    set_flag(document, "kubelet", "--config=/x", f"--feature-gates={gates}")
    assert score_node(BENCHMARK, document, None, {"2.1.13"})["2.1.13"].state == state


def without_flag(document: dict[str, t.Any], component: str, flag: str) -> None:
    shown = document["containers"][component]
    shown["args"] = [word for word in shown["args"] if word.partition("=")[0] != flag]
    shown["processes"] = [[w for w in argv if w.partition("=")[0] != flag] for argv in shown["processes"]]


@pytest.mark.parametrize(
    "value, state", [("true", "pass"), ("1", "pass"), ("false", "fail"), ("yes", "fail"), ("", "fail"), (None, "fail")]
)
def test_etcds_variables_count_where_no_flag_is_given(value: str | None, state: str) -> None:
    document = node()
    without_flag(document, "etcd", "--client-cert-auth")
    document["containers"]["etcd"]["env"] = {} if value is None else {"ETCD_CLIENT_CERT_AUTH": value}
    verdict = score_node(BENCHMARK, document, None, {"1.5.2"})["1.5.2"]
    assert verdict.state == state
    if value:
        assert value in verdict.actual


@pytest.mark.parametrize(
    "image, both",
    [
        ("rancher/coreos-etcd:v3.3.15-rancher1", "pass"),
        # these do not start
        ("rancher/coreos-etcd:v3.4.3-rancher1", "fail"),
        ("rancher/mirrored-coreos-etcd:v3.5.0", "fail"),
    ],
)
def test_a_flag_of_etcd_beside_its_variable(image: str, both: str) -> None:
    document = node()
    shown = document["containers"]["etcd"]
    shown["image"] = image
    shown["env"] = {"ETCD_CLIENT_CERT_AUTH": "false", "ETCD_AUTO_TLS": "true"}
    found = states(document)
    assert found["1.5.2"] == both
    assert found["1.5.3"] == "fail"


HYPERKUBE = "rancher/hyperkube:v{}-rancher1"
APISERVER = "kube-apiserver"


@pytest.mark.parametrize(
    "component, version, arguments, control, state",
    [
        # one variable under two names: the last one counts
        (APISERVER, "1.17.2", ["--insecure-port=0", "--port=8080"], "1.1.6", "fail"),
        (APISERVER, "1.17.2", ["--port=8080", "--insecure-port=0"], "1.1.6", "pass"),
        (APISERVER, "1.17.2", ["--address=0.0.0.0"], "1.1.5", "fail"),
        (APISERVER, "1.17.2", ["--experimental-encryption-provider-config=a"], "1.1.34", "fail"),
        # the old list of plugins is the whole list
        (APISERVER, "1.17.2", ["--admission-control=AlwaysAdmit"], "1.1.10", "fail"),
        (APISERVER, "1.17.2", ["--admission-control=ServiceAccount"], "1.1.14", "fail"),
        # a flag that no control asks for takes the next word
        (APISERVER, "1.17.2", ["--profiling=true", "--cloud-config", "--profiling=false"], "1.1.8", "fail"),
        (APISERVER, "1.17.2", ["--audit-webhook-mode", "--profiling=true"], "1.1.8", "pass"),
        ("kubelet", "1.17.2", ["--node-labels", "--anonymous-auth=true"], "2.1.1", "pass"),
        ("etcd", "3.4.3", ["--auto-tls", "--name", "--auto-tls=false"], "1.5.3", "fail"),
        # underscores and words that are no flags
        (APISERVER, "1.22.4", ["--insecure_port=8080"], "1.1.6", "pass"),
        (APISERVER, "1.23.4", ["--insecure_port=8080"], "1.1.6", "fail"),
        (APISERVER, "1.17.2", ["--service-account-lookup", "false"], "1.1.23", "pass"),
        (APISERVER, "1.18.2", ["--service-account-lookup", "false"], "1.1.23", "fail"),
        ("kubelet", "1.17.2", ["--anonymous_auth=true"], "2.1.1", "fail"),
        # numbers
        (APISERVER, "1.16.9", ["--audit-log-maxage=0o36"], "1.1.16", "fail"),
        (APISERVER, "1.17.2", ["--audit-log-maxage=0o36"], "1.1.16", "pass"),
        (APISERVER, "1.17.2", ["--audit-log-maxage=3_0"], "1.1.16", "pass"),
        (APISERVER, "1.17.2", ["--request-timeout=0.5ns"], "1.1.38", "fail"),
        ("kube-controller-manager", "1.17.2", ["--terminated-pod-gc-threshold=2147483648"], "1.3.1", "fail"),
        ("kube-controller-manager", "1.17.2", ["--address=::ffff:127.0.0.1"], "1.3.7", "pass"),
        # an earlier value that is refused
        (APISERVER, "1.17.2", ["--profiling=no", "--profiling=false"], "1.1.8", "fail"),
        # modes that do not exist
        (APISERVER, "1.17.2", ["--authorization-mode=AlwaysAllowed"], "1.1.19", "fail"),
        (APISERVER, "1.17.2", ["--authorization-mode=alwaysallow"], "1.1.19", "fail"),
    ],
)
def test_arguments_as_this_version_reads_them(
    component: str, version: str, arguments: list[str], control: str, state: str
) -> None:
    document = node()
    shown = document["containers"][component]
    shown["image"] = HYPERKUBE.format(version)
    shown["processes"] = [argv + arguments for argv in shown["processes"]]
    verdict = score_node(BENCHMARK, document, cluster(), {control})[control]
    assert verdict.state == state, verdict


@pytest.mark.parametrize(
    "image, state, said",
    [
        (HYPERKUBE.format("1.22.17"), "pass", ""),
        (HYPERKUBE.format("1.23.17"), "fail", "--basic-auth-file is set"),
        ("rancher/hyperkube@sha256:0123", "error", "the image of kube-apiserver names none; name it there"),
        ("", "error", "not all versions would pass"),
    ],
)
def test_what_not_all_versions_pass_does_not_pass_if_nobody_can_tell_the_version(
    image: str, state: str, said: str
) -> None:
    document = node()
    document["containers"]["kubelet"]["image"] = ""
    document["containers"][APISERVER]["image"] = image
    set_flag(document, APISERVER, "--basic_auth_file=/x")
    verdict = score_node(BENCHMARK, document, cluster(), {"1.1.2"})["1.1.2"]
    assert (verdict.state, said in verdict.reason) == (state, True), verdict


@pytest.mark.parametrize(
    "image, state",
    [
        (HYPERKUBE.format("1.19.16"), "fail"),
        (HYPERKUBE.format("1.20.4"), "pass"),
        (HYPERKUBE.format("1.24.2"), "pass"),
        # a version that nobody can tell is the benchmark's oldest one
        ("registry.example.org/hyperkube:prod", "fail"),
        ("", "fail"),
    ],
)
def test_what_an_absent_flag_means_depends_on_the_version(image: str, state: str) -> None:
    document = node()
    document["containers"]["kubelet"]["image"] = ""
    document["containers"][APISERVER]["image"] = image
    without_flag(document, APISERVER, "--insecure-port")
    without_flag(document, APISERVER, "--repair-malformed-updates")
    found = score_node(BENCHMARK, document, None, {"1.1.6", "1.1.9"})
    assert found["1.1.6"].state == state
    assert found["1.1.9"].state == "fail"  # gone since 1.14, but its title wants it set


def test_the_kubelets_image_tells_the_version_where_the_components_own_does_not() -> None:
    document = node()
    document["containers"]["kubelet"]["image"] = HYPERKUBE.format("1.24.2")
    document["containers"][APISERVER]["image"] = "registry.example.org/hyperkube@sha256:0123"
    without_flag(document, APISERVER, "--insecure-port")
    assert states(document)["1.1.6"] == "pass"


def test_a_path_that_the_node_read_otherwise_than_the_component() -> None:
    document = node()
    shown = document["containers"]["etcd"]
    shown["processes"] = [[*argv, "--name", "--data-dir=/tmp"] for argv in shown["processes"]]
    found = score_node(BENCHMARK, document, None, {"1.4.11"})["1.4.11"]
    assert found.state == "error"
    assert "--data-dir=<path>" in found.reason


def test_only_etcd_reads_variables() -> None:
    document = node()
    without_flag(document, "kube-apiserver", "--profiling")
    document["containers"]["kube-apiserver"]["env"] = {"ETCD_PROFILING": "false", "PROFILING": "false"}
    assert states(document)["1.1.8"] == "fail"


def test_a_file_that_a_variable_names_was_not_read_either() -> None:
    document = node()
    document["containers"]["etcd"]["env"] = {"ETCD_CONFIG_FILE": "/x"}
    assert {states(document)[i] for i in of_component("etcd")} == {"error"}


def test_etcd_that_stops_at_a_stray_word() -> None:
    document = node()
    shown = document["containers"]["etcd"]
    shown["processes"] = [[argv[0], "stray", *argv[1:]] for argv in shown["processes"]]
    found = score_node(BENCHMARK, document, None, of_component("etcd"))
    assert {verdict.state for verdict in found.values()} == {"fail"}
    assert all("stray" in verdict.reason for verdict in found.values())


def test_a_failure_outweighs_what_was_not_seen() -> None:
    document = node()
    control_id, control = next((i, c) for i, c in CONTROLS.items() if i in JUDGED and i == "2.1.10")
    assert len(control["tests"]) == 2
    without_flag(document, "kubelet", "--tls-cert-file")
    set_flag(document, "kubelet", "--config=/x", "--tls-private-key-file=")
    verdict = score_node(BENCHMARK, document, None, {control_id})[control_id]
    assert verdict.state == "fail"
    assert "--tls-private-key-file" in verdict.reason


def test_a_very_long_value_does_not_fill_the_reason() -> None:
    document = node()
    set_flag(document, "kube-apiserver", "--authorization-mode=" + "AlwaysAllow," * 10000)
    verdict = score_node(BENCHMARK, document, None, {"1.1.19"})["1.1.19"]
    assert verdict.state == "fail"
    assert len(verdict.reason) < 500


# ------------------------------------------------------------------------------------------ one of several tests

PLAIN = {"flag": "--profiling", "op": "equals", "value": False}
MISSING = {"path": {"host": "/x"}, "op": "mode_within", "value": "0600", "missing": "pass"}


def any_of(document: dict[str, t.Any], *tests: dict[str, t.Any]) -> Verdict:
    data = {**vars(BENCHMARK), "controls": [{**CONTROLS["1.1.8"], "id": "1.1.8", "tests": [{"any_of": list(tests)}]}]}
    return score_node(Benchmark(data), document, None)["1.1.8"]


def api_server(word: str, entry: dict[str, t.Any] | None) -> dict[str, t.Any]:
    document = node()
    set_flag(document, "kube-apiserver", word)
    if entry:
        document["paths"]["host:/x"] = entry
    return document


DENIED = {"error": {"kind": "denied", "message": "no"}}
NOTHING = {"error": {"kind": "missing", "message": "no"}}
LOOSE = {"type": "file", "mode": "0644", "uid": 0, "gid": 0, "owner": "root", "group": "root", "path": "/x"}


@pytest.mark.parametrize(
    "profiling, entry, state",
    [
        ("false", DENIED, "pass"),
        ("false", LOOSE, "pass"),
        ("true", NOTHING, "pass"),
        ("true", {**LOOSE, "mode": "0400"}, "pass"),
        ("true", LOOSE, "fail"),
        ("true", DENIED, "error"),
    ],
)
def test_one_of_several_tests_suffices_and_what_was_not_seen_may_be_it(
    profiling: str, entry: dict[str, t.Any], state: str
) -> None:
    document = api_server(f"--profiling={profiling}", entry)
    for tests in ((PLAIN, MISSING), (MISSING, PLAIN)):
        verdict = any_of(document, *tests)
        assert verdict.state == state
        assert sorted(verdict.expected.split(" or "))[0] == "--profiling=false"
        assert "--profiling" in verdict.actual  # what each of them saw
        assert bool(verdict.reason) == (state != "pass")


def test_one_of_several_tests_of_a_node_of_which_nothing_is_known() -> None:
    assert any_of(lost(), PLAIN, MISSING).state == "error"


@pytest.mark.parametrize(
    "entry, state",
    [
        (NOTHING, "pass"),
        ({**LOOSE, "mode": "0600"}, "pass"),
        (LOOSE, "fail"),
        (DENIED, "error"),
        ({"error": {"kind": "unreadable", "message": "x: symbolic link to /y, outside /x"}}, "error"),
        ({"error": {"kind": "timeout", "message": "no"}}, "error"),
        (None, "error"),
    ],
)
def test_only_what_is_truly_missing_is_missing(entry: dict[str, t.Any] | None, state: str) -> None:
    document = api_server("--profiling=true", entry)
    assert any_of(document, PLAIN, MISSING).state == state
