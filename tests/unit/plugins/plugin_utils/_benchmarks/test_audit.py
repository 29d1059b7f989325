# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.audit import audit_commands
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import benchmark_files
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import node

GUIDE, FOUR = load_benchmark("rke-cis-1.3"), load_benchmark("rke-cis-1.4")
ENCRYPTION = "encryption[-_]provider[-_]config"
APISERVER = {"container": "kube-apiserver", "flag": "--encryption-provider-config", "read": "encryption_providers"}


def commands(
    *tests: dict[str, t.Any], component: str = "", documents: t.Any = (), benchmark: t.Any = FOUR
) -> list[str]:
    return audit_commands(benchmark, {"component": component, "tests": list(tests)}, documents)


def flag(name: str, op: str = "not_set") -> dict[str, t.Any]:
    return {"flag": name, "op": op}


def path(name: str, op: str = "mode_within", **more: t.Any) -> dict[str, t.Any]:
    return {"path": {"container": "kubelet", "path": name, **more}, "op": op}


def found(*paths: t.Any, key: str = "kubelet:/a") -> list[dict[str, t.Any]]:
    """Return evidence of nodes on which the path lies here; None where it was not found."""
    return [{"paths": {key: {"path": one} if one else {"error": {"kind": "not_located"}}}} for one in paths]


TOP = r"docker top {} -wweo pid,args | sed 's/ -/\n-/g' | grep -xE -e '{}([= ].*)?'"
ENVIRONMENT = r"docker inspect -f '{{{{range .Config.Env}}}}{{{{println .}}}}{{{{end}}}}' etcd | grep -E '^({})='"
STAT = "stat -Lc '%04a %U:%G %n' "


@pytest.mark.parametrize(
    "made, wanted",
    [
        (commands(flag("--anonymous-auth"), component="kubelet"), [TOP.format("kubelet", "--anonymous[-_]auth")]),
        (
            commands(flag("--config"), flag("--v"), flag("--config", "equals"), component="kubelet"),
            [TOP.format("kubelet", "--(config|v)")],
        ),
        (
            commands(flag("--key-file"), flag("--cert-file"), component="etcd"),
            [TOP.format("etcd", "--?(key-file|cert-file)"), ENVIRONMENT.format("ETCD_KEY_FILE|ETCD_CERT_FILE")],
        ),
        (commands(path("/a")), [STAT + "/a"]),
        (commands(path("/a"), path("/a", "owner_is")), [STAT + "/a"]),
        (commands(path("/a"), documents=found("/opt/rke/a")), [STAT + "/opt/rke/a"]),
        (commands(path("/a"), documents=found("/opt/rke/a", None, "/a", "/a")), [STAT + "/opt/rke/a", STAT + "/a"]),
        (commands(path("/a"), documents=[*found(None), {"error": {}}]), [STAT + "/a"]),
        (
            # a path for each of two processes
            commands(path("/a"), documents=[{"paths": {"kubelet:/a": {"each": [{"path": "/b"}, {"path": "/c"}]}}}]),
            [STAT + "/b", STAT + "/c"],
        ),
        (
            commands({"path": {"container": "etcd", "flag": "--data-dir", "path": "/d"}, "op": "owner_is"}),
            [TOP.format("etcd", "--?data-dir"), ENVIRONMENT.format("ETCD_DATA_DIR"), STAT + "/d"],
        ),
        (
            commands({"path": APISERVER, "op": "first_provider_is", "resource": "secrets"}),
            [TOP.format("kube-apiserver", f"--({ENCRYPTION}|experimental[-_]{ENCRYPTION})")],  # no file is known of
        ),
        (
            commands(path("/a", "entries_owner_is", list=True)),
            [f"find -L /a -maxdepth 1 -exec {STAT}{{}} + | sort -k 3"],
        ),
        (
            commands({**path("/a", "entries_mode_within", list=True), "match": "*.pem", "except": "*key.pem"}),
            [
                "find -L /a -maxdepth 1 -mindepth 1 ! -type d -name '*.pem' ! -name '*key.pem' -exec "
                f"{STAT}{{}} + | sort -k 3"
            ],
        ),
        (
            commands({"object": "podsecuritypolicies", "field": "spec.hostPID"}),
            ["kubectl get podsecuritypolicies -o custom-columns=NAME:.metadata.name,spec.hostPID:.spec.hostPID"],
        ),
        (
            commands(
                {"object": "podsecuritypolicies", "field": "spec.hostPID", "named": "pod_security_policy"},
                benchmark=GUIDE.with_parameters({"pod_security_policy": "mine"}),
            ),
            ["kubectl get podsecuritypolicies mine -o jsonpath='{.spec.hostPID}{\"\\n\"}'"],
        ),
        (commands(), []),
    ],
)
def test_commands(made: list[str], wanted: list[str]) -> None:
    assert made == wanted


@pytest.mark.parametrize("roles, asked", [(["etcd"], ["etcd", "kubelet"]), (["controlplane", "etcd"], None)])
def test_a_flag_is_compared_with_components_that_run_there(roles: list[str], asked: list[str] | None) -> None:
    (control,) = [control for control in GUIDE.controls if control["id"] == "1.5.7"]
    made = " ".join(audit_commands(GUIDE, control, [node("n1", roles)]))
    assert re.findall("docker top ([a-z-]+)", made) == (asked or ["etcd", "kube-apiserver", "kubelet"])


@pytest.mark.parametrize("benchmark", [load_benchmark(name) for name in benchmark_files()], ids=benchmark_files())
def test_the_shell_understands_all_commands(benchmark: t.Any) -> None:
    made = []
    for control in benchmark.controls:
        commands = audit_commands(benchmark, control, [])
        assert commands or not control["tests"], control["id"]
        made += commands
    subprocess.run(["sh", "-n"], input="\n".join(made), text=True, check=True)


# ------------------------------------------------------------------------------------------- in a real shell


@pytest.fixture
def shell(tmp_path: pathlib.Path) -> t.Callable[..., list[str]]:
    """Runs commands where `docker` shows a command line and an environment."""

    def run(made: list[str], command_line: str = "", environment: str = "") -> list[str]:
        (tmp_path / "top").write_text(f"PID   COMMAND\n7     {command_line}\n", encoding="utf-8")
        (tmp_path / "environment").write_text(environment, encoding="utf-8")
        docker = tmp_path / "docker"
        docker.write_text(f'#!/bin/sh\n[ "$1" = top ] && cat {tmp_path}/top || cat {tmp_path}/environment\n')
        docker.chmod(0o755)
        variables = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        text = "\n".join(made)
        done = subprocess.run(
            ["sh", "-c", text], env=variables, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        return done.stdout.splitlines()

    return run


@pytest.mark.parametrize(
    "component, name, command_line, shown",
    [
        ("kubelet", "--anonymous-auth", "kubelet --v=2 --anonymous-auth=false --x=y", ["--anonymous-auth=false"]),
        ("kubelet", "--anonymous-auth", "kubelet --anonymous_auth=false", ["--anonymous_auth=false"]),
        ("kubelet", "--anonymous-auth", "kubelet --anonymous-auth false --v=2", ["--anonymous-auth false"]),
        ("kubelet", "--anonymous-auth", "kubelet --anonymous-auth --v=2", ["--anonymous-auth"]),
        ("kubelet", "--anonymous-auth", "kubelet --anonymous-auth= --v=2", ["--anonymous-auth="]),
        ("kubelet", "--v", "kubelet --v=1 --v=2", ["--v=1", "--v=2"]),
        ("kubelet", "--v", "kubelet --vmodule=1 --w=--v=3 -v=4 --x-v=5", []),
        ("kubelet", "--config", "kubelet --config=/a b c --v=2", ["--config=/a b c"]),
        ("etcd", "--client-cert-auth", "etcd -client-cert-auth --x=1", ["-client-cert-auth"]),
        ("etcd", "--client-cert-auth", "etcd --client-cert-auth=true", ["--client-cert-auth=true"]),
        ("etcd", "--client-cert-auth", "etcd --peer-client-cert-auth=true --client_cert_auth=true", []),
    ],
)
def test_flags_are_read_as_the_component_reads_them(
    shell: t.Callable[..., list[str]], component: str, name: str, command_line: str, shown: list[str]
) -> None:
    assert shell(commands(flag(name), component=component), command_line) == shown


def test_of_the_environment_only_what_is_asked_for_is_shown(shell: t.Callable[..., list[str]]) -> None:
    environment = (
        "ETCDCTL_KEY=CANARY\nETCD_CERT_FILE=/a\nETCD_CERT_FILE_X=CANARY\nX_ETCD_CERT_FILE=CANARY\nPASSWORD=CANARY\n"
    )
    made = commands(flag("--cert-file"), component="etcd")
    assert shell(made, "etcd --name=x", environment) == ["ETCD_CERT_FILE=/a"]


@pytest.mark.parametrize("name", ["a b", "a'b", 'a"b', "$(touch run)", "`touch run`", "a;touch run", "-a", "a\nb", "*"])
def test_a_path_is_a_path_and_nothing_else(
    shell: t.Callable[..., list[str]], tmp_path: pathlib.Path, name: str
) -> None:
    file = tmp_path / "d" / name
    file.parent.mkdir()
    file.write_text("CANARY")
    file.chmod(0o604)
    expected = f"{file.stat().st_mode & 0o7777:04o} {file.owner()}:{file.group()} {file}".splitlines()
    assert shell(commands(path("/a"), documents=found(str(file)))) == expected
    listed = shell(commands(path("/a", "entries_mode_within", list=True), documents=found(str(file.parent))))
    assert set(expected) <= set(listed)
    assert not (tmp_path / "run").exists()


def test_an_encryption_key_is_never_shown(shell: t.Callable[..., list[str]], tmp_path: pathlib.Path) -> None:
    file = tmp_path / "encryption.yaml"
    file.write_text(
        "resources:\n- resources: [secrets, '*.*']\n  providers:\n  - aescbc:\n      keys:\n"
        "      - {name: key1, secret: CANARYaescbcCANARY=}\n  - identity: {}\n"
    )
    documents = found(str(file), key="kube-apiserver:--encryption-provider-config")
    made = commands({"path": APISERVER, "op": "first_provider_is", "resource": "secrets"}, documents=documents)
    assert shell(made) == ["secrets", "*.*", "aescbc", "identity"]


def test_a_listing_is_sorted_and_follows_links(shell: t.Callable[..., list[str]], tmp_path: pathlib.Path) -> None:
    directory = tmp_path / "d"
    (directory / "sub").mkdir(parents=True)
    for name in ("b.pem", "a.pem", "a-key.pem", ".c.pem"):
        (directory / name).write_text("")
        (directory / name).chmod(0o640)
    (directory / "e.pem").symlink_to("a.pem")
    test = {**path("/a", "entries_mode_within", list=True), "match": "*.pem", "except": "*key.pem"}
    shown = [line.split() for line in shell(commands(test, documents=found(str(directory))))]
    assert sorted(os.path.basename(line[2]) for line in shown) == [".c.pem", "a.pem", "b.pem", "e.pem"]
    assert {line[0] for line in shown} == {"0640"}
    paths = [line[2] for line in shown if not os.path.basename(line[2]).startswith(".")]
    assert paths == sorted(paths)


def test_a_tree_is_listed_without_entering_links(shell: t.Callable[..., list[str]], tmp_path: pathlib.Path) -> None:
    tree, away = tmp_path / "d", tmp_path / "away"
    (tree / "sub").mkdir(parents=True)
    away.mkdir()
    for file in (tree / "a", tree / "sub" / "b", tree / "sub" / "lock", away / "c"):
        file.write_text("")
    (tree / "link").symlink_to(away)
    test = {"path": {"host": str(tree), "tree": True}, "op": "entries_mode_within", "match": "*", "except": "lock"}
    assert [line.rpartition("/")[2] for line in shell(commands(test))] == ["a", "link", "b"]
    test = {"path": {"host": str(tree), "tree": True}, "op": "entries_owner_is"}
    names = [line.split()[2] for line in shell(commands(test))]
    assert [name[len(str(tmp_path)) :] for name in names] == [
        "/d",
        "/d/a",
        "/d/link",
        "/d/sub",
        "/d/sub/b",
        "/d/sub/lock",
    ]
    assert shell(commands({**test, "path": {"host": "/no/such", "tree": True}})) == []


def test_each_of_several_tests_has_its_command() -> None:
    tests = {"any_of": [flag("--anonymous-auth"), path("/a")]}
    assert commands(tests, component="kubelet") == [TOP.format("kubelet", "--anonymous[-_]auth"), STAT + "/a"]
