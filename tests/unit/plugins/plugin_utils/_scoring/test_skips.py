# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import pathlib
import re
import typing as t

import pytest
import yaml

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import check_cluster
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.skips import (
    Skips,
    given_skips,
    merge_skips,
    read_skip_file,
    skips_of_config,
    skips_of_text,
    skips_of_variable,
    user_skips,
)
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import cluster
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.vault_helper import (
    NO_PASSWORD,
    WRONG_PASSWORD,
    encrypt,
    encrypt_value,
    loader,
)

BENCHMARK = load_benchmark("rke-cis-1.4")
ID = BENCHMARK.id


MAP_TEXT = '{"skip": {"rke-cis-1.4": ["1.1.2", "1.1.3", "1.1.4"]}}'
MAP_SKIPS = {"1.1.2": "", "1.1.3": "", "1.1.4": ""}


def config_map(text: str, name: str = "security-scan-cfg") -> str:
    """Return what `kubectl get configmap -o yaml` prints."""
    metadata = {
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": '{"data":{"config.json":"@"}}'},
        "managedFields": [{"fieldsV1": {"f:data": {".": {}, "f:config.json": {}}}, "manager": "rancher"}],
        "name": name,
        "namespace": "security-scan",
    }
    return yaml.safe_dump(
        {"apiVersion": "v1", "data": {"config.json": text}, "kind": "ConfigMap", "metadata": metadata}
    )


def config_list(*names: str) -> str:
    items = [yaml.safe_load(config_map(MAP_TEXT, name)) for name in names]
    return yaml.safe_dump({"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}})


def refused(caught: pytest.ExceptionInfo[CisError], *texts: str) -> str:
    message = str(caught.value)
    assert message
    assert "\n" not in message
    assert len(message) < 600
    for text in texts:
        assert text in message
    return message


GOOD = [
    ({"skip": {ID: ["1.1.2", "1.1.3"]}}, {"1.1.2": "", "1.1.3": ""}),
    ({"skip": {ID: {"1.1.2": "because", "1.1.3": None}}}, {"1.1.2": "because", "1.1.3": ""}),
    ({"SKIP": {ID: ["1.1.2"]}}, {"1.1.2": ""}),
    ({"Skip": {ID: []}}, {}),
    ({"skip": {"current": ["1.1.2"]}}, {"1.1.2": ""}),
    ({"skip": {ID: [], "current": ["1.1.2"]}}, {}),
    ({"skip": {ID.upper(): ["1.1.2"], "Current": ["1.1.3"]}}, {"1.1.2": ""}),
    ({"skip": {"CURRENT": ["1.1.3"]}}, {"1.1.3": ""}),
    ({"skip": {ID.upper(): ["1.1.2"], ID: []}}, {}),
    ({"config.json": {"skip": {ID: ["1.1.2"]}}}, {"1.1.2": ""}),
    ({"version": 1, "any": {"Skip": {ID: ["1.1.2"]}}}, {"1.1.2": ""}),
    ({"skip": {"rke-cis-1.5": ["1.1.2"], "current": ["1.1.3"]}}, {"1.1.3": ""}),
    ({"skip": {ID: ["1.1.2"], "current": ["1.1.3"]}}, {"1.1.2": ""}),
    ({"skip": {ID: None, "current": ["1.1.3"]}}, {}),
    ({"skip": {ID: None}}, {}),
    ({"skip": {}}, {}),
    ({"skip": None}, {}),
    ({"skip": []}, {}),
    ({"config.json": {"skip": []}}, {}),
    ({}, {}),
    ([], {}),
    (None, {}),
]


@pytest.mark.parametrize("document, expected", GOOD)
def test_ranchers_form(document: t.Any, expected: dict[str, str]) -> None:
    assert skips_of_config(document, ID, "here") == (expected, [])
    assert skips_of_text(json.dumps(document), ID, "here") == (expected, [])


@pytest.mark.parametrize(
    "document, said",
    [
        ({"skip": {"rke-cis-1.5": ["1.1.2"]}}, "skip has no key rke-cis-1.4 or current, .*; it has 'rke-cis-1.5'"),
        ({"skip": {"RKE-CIS-1.4-Permissive": ["1.1.2"]}}, "it has 'RKE-CIS-1.4-Permissive'"),
        ({"skip": {"1.1.2": "because", "1.1.3": None}}, "it has '1.1.2, 1.1.3'"),
        ({"other": 1}, "has no key skip, so no control is skipped; expected {"),
        ({"skips": {ID: ["1.1.2"]}}, "has no key skip, so"),
        ({"a": {"b": {"skip": {ID: ["1.1.2"]}}}}, "has no key skip, so"),
    ],
)
def test_a_form_that_skips_nothing_is_a_warning(document: t.Any, said: str) -> None:
    skips, (warning,) = skips_of_text(json.dumps(document), ID, "here")
    assert skips == {}
    assert re.match(f"here: {said}", warning) or said in warning
    assert "no control is skipped" in warning and "\n" not in warning and len(warning) < 300


# what is wrong: the text, and what the message must say of it beside where it is from
BAD_TEXT = {
    "no JSON": ("@", ["line 1 column 1"]),
    "empty": ("", ["line 1 column 1"]),
    "broken off": ('{"skip": {\n"' + ID + '": ["1.1.2"', ["line 2"]),
    "single quotes": ("{'skip': {}}", ["line 1 column 2"]),
    "trailing comma": ('{"skip": {"' + ID + '": ["1.1.2",]}}', ["column"]),
    "two documents": ("{}{}", ["column 3"]),
    "a number": ("100", ["100"]),
    "a list": ('["1.1.2"]', ["1.1.2"]),
    "text": ('"1.1.2"', ["1.1.2"]),
    "skip is a list": ('{"skip": ["1.1.2"]}', ["skip"]),
    "ids are text": ('{"skip": {"' + ID + '": "1.1.2"}}', ["skip." + ID, "list"]),
    "ids are numbers": ('{"skip": {"' + ID + '": [1.1]}}', ["skip." + ID, "1.1", "quotes"]),
    "an id is null": ('{"skip": {"' + ID + '": ["1.1.2", null]}}', ["skip." + ID, "None"]),
    "an id is a list": ('{"skip": {"current": [["1.1.2"]]}}', ["skip.current"]),
    "a reason is no text": ('{"skip": {"' + ID + '": {"1.1.2": 5}}}', ["skip." + ID, "1.1.2", "reason"]),
    "ids are true": ('{"skip": {"' + ID + '": true}}', ["skip." + ID]),
    "very deep": ("[" * 100000, []),
}


@pytest.mark.parametrize("name", BAD_TEXT)
def test_bad_text_is_one_line_that_names_source_and_place(name: str) -> None:
    text, said = BAD_TEXT[name]
    with pytest.raises(CisError) as caught:
        skips_of_text(text, ID, "ConfigMap a/b key c")
    refused(caught, "ConfigMap a/b key c", *said)


# a file may also hold just the list
@pytest.mark.parametrize("name", [name for name in BAD_TEXT if name != "a list"])
def test_bad_json_in_a_file_is_one_line_that_names_it(tmp_path: pathlib.Path, name: str) -> None:
    text, said = BAD_TEXT[name]
    path = tmp_path / "skips.json"
    path.write_text(text)
    with pytest.raises(CisError) as caught:
        read_skip_file(str(path))[1](ID)
    refused(caught, "cis_scan_skip_file", str(path), *said)


@pytest.mark.parametrize(
    "value, expected",
    [
        (None, {}),
        ([], {}),
        ("", {}),
        (["1.1.2"], {"1.1.2": ""}),
        ({"1.1.2": "because"}, {"1.1.2": "because"}),
        ({"1.1.2": None}, {"1.1.2": ""}),
        # a survey's answer
        ("1.1.2", {"1.1.2": ""}),
        ("1.1.2,1.1.3", {"1.1.2": "", "1.1.3": ""}),
        (" 1.1.2 ,\n1.1.3\t1.1.4 ", {"1.1.2": "", "1.1.3": "", "1.1.4": ""}),
    ],
)
def test_variable(value: t.Any, expected: dict[str, str]) -> None:
    assert skips_of_variable(value) == expected


@pytest.mark.parametrize("value", [5, 1.1, True, [1.1], ["1.1.2", None], [["1.1.2"]], {1.1: "x"}, {"1.1.2": ["x"]}])
def test_a_bad_variable_is_one_line_that_names_it(value: t.Any) -> None:
    with pytest.raises(CisError) as caught:
        skips_of_variable(value)
    refused(caught, "cis_scan_skip")


@pytest.mark.parametrize(
    "name, text, expected",
    [
        ("a.json", '{"skip": {"rke-cis-1.4": ["1.1.2"]}}', {"1.1.2": ""}),
        ("a.json", "null", {}),
        ("a.json", '["1.1.2"]', {"1.1.2": ""}),
        ("a.json", '{"1.1.2": "because"}', {"1.1.2": "because"}),
        ("a.yml", "skip:\n  rke-cis-1.4: ['1.1.2']\n", {"1.1.2": ""}),
        ("a.yml", "- 1.1.2\n- 1.1.3\n", {"1.1.2": "", "1.1.3": ""}),
        ("a.yml", "1.1.2: because\n1.1.3:\n", {"1.1.2": "because", "1.1.3": ""}),
        ("a.yml", "# nothing\n", {}),
        ("a", '{"skip": {"current": ["1.1.2"]}}', {"1.1.2": ""}),
        ("a.yml", "1.1.2: \u00fcber\n", {"1.1.2": "\u00fcber"}),
        ("a.yml", "- 1.1.2\n---\n- 1.1.3\n", {"1.1.2": ""}),
        ("a.yml", "skip: []\n", {}),
        ("a.yml", "skip:\n", {}),
        ("a.json", '{"skip": []}', {}),
        ("a.json", '{"config.json": {"skip": {"rke-cis-1.4": ["1.1.2"]}}}', {"1.1.2": ""}),
        ("a.json", '{"any": {"skip": {"RKE-CIS-1.4": ["1.1.2"]}}}', {"1.1.2": ""}),
        ("a.yml", f"config.json: '{MAP_TEXT}'\n", MAP_SKIPS),
        ("a.yml", f"data:\n  config.json: |\n    {MAP_TEXT}\n", MAP_SKIPS),
        ("a.yml", config_map(MAP_TEXT), MAP_SKIPS),
        ("a.json", json.dumps(yaml.safe_load(config_map(MAP_TEXT))), MAP_SKIPS),
        ("a.yml", config_map('{"config.json": {"skip": {"current": ["1.1.2"]}}}'), {"1.1.2": ""}),
        ("a.yml", config_map('{"skip": []}'), {}),
        ("a.yml", config_map("{}"), {}),
        ("a.yml", config_map("null"), {}),
        ("a.yml", config_list("other", "security-scan-cfg"), MAP_SKIPS),
    ],
)
def test_files(tmp_path: pathlib.Path, name: str, text: str, expected: dict[str, str]) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_skip_file(str(tmp_path / name))[1](ID) == (expected, [])


@pytest.mark.parametrize(
    "text",
    [
        "a: [b",
        "- 1.1\n",
        "5\n",
        "just: {a: b}\n",
        "a: &x\n b: *y\n",
        "- [1.1.2]\n",
        "\x00",
        "- !!python/object:os.x {}\n",
        "a: {b: {skip: {current: [1.1.2]}}}\n",
        "skip: [1.1.2]\n",
        "skip: ''\n",
        "kind: ConfigMap\n",
        "kind: ConfigMap\ndata:\n",
        "kind: ConfigMap\ndata: {config.yaml: '{}'}\n",
        "kind: ConfigMap\ndata: [config.json]\n",
        "kind: ConfigMap\ndata: {config.json: {skip: {current: [1.1.2]}}}\n",
        config_map("@"),
        config_map("skip: {current: [1.1.2]}"),
        config_map('"1.1.2"'),
        config_list("other", "kube-root-ca.crt"),
        "kind: List\nitems: []\n",
        "kind: List\nitems: [a, 5, ]\n",
    ],
)
def test_a_bad_yaml_file_is_one_line_that_names_it(tmp_path: pathlib.Path, text: str) -> None:
    path = tmp_path / "skips.yml"
    path.write_text(text)
    with pytest.raises(CisError) as caught:
        read_skip_file(str(path))[1](ID)
    refused(caught, "cis_scan_skip_file", str(path))


def test_files_that_cannot_be_read(tmp_path: pathlib.Path) -> None:
    (tmp_path / "latin1.yml").write_bytes(b"1.1.2: stra\xdfe\n")
    for name, said in (("missing.json", "No such file"), ("latin1.yml", "utf-8"), (".", "directory")):
        with pytest.raises(CisError) as caught:
            read_skip_file(str(tmp_path / name))[1](ID)
        refused(caught, "cis_scan_skip_file", said)


@pytest.mark.parametrize("name", ["skips.yml", "skips.json"])
def test_an_encrypted_file(tmp_path: pathlib.Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(encrypt('{"skip": {"current": ["1.1.2"]}}'))
    assert read_skip_file(str(path), loader("right"))[1](ID) == ({"1.1.2": ""}, [])
    for password, said in (("", NO_PASSWORD), ("wrong", WRONG_PASSWORD)):
        with pytest.raises(CisError) as caught:
            read_skip_file(str(path), loader(password))[1](ID)
        assert str(caught.value) == f"cis_scan_skip_file {path}: {said}"


def test_an_encrypted_value(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "skips.yml"
    path.write_text(f"1.1.3: plain\n1.1.2: {encrypt_value('secret reason')}")
    assert read_skip_file(str(path), loader("right"))[1](ID)[0] == {"1.1.2": "secret reason", "1.1.3": "plain"}
    with pytest.raises(CisError) as caught:
        read_skip_file(str(path), loader())[1](ID)
    assert str(caught.value) == f"cis_scan_skip_file {path} line 2: {NO_PASSWORD}"


def test_the_first_source_of_an_id_wins() -> None:
    merged, warnings = merge_skips(
        BENCHMARK, [("a", {"1.1.2": "x"}), ("b", {"1.1.2": "y", "1.1.3": ""}), ("c", {"1.1.3": "z"})]
    )
    assert merged == {"1.1.2": {"by": "a", "reason": "x"}, "1.1.3": {"by": "b", "reason": ""}}
    assert warnings == []


def test_an_unknown_id_is_a_warning_that_names_its_source() -> None:
    merged, warnings = merge_skips(BENCHMARK, [("a", {"9.9.9": "", "1.1.2 ": "", "1.1.2": ""})])
    assert set(merged) == {"1.1.2"}
    assert len(warnings) == 2
    assert all(warning.startswith("a: ") and ID in warning for warning in warnings)
    assert "'9.9.9'" in warnings[0]


def test_a_near_id_is_suggested() -> None:
    _merged, (warning,) = merge_skips(BENCHMARK, [("a", {"1.1.37": ""})])
    assert "1.1.37a, 1.1.37b" in warning
    _merged, (warning,) = merge_skips(BENCHMARK, [("a", {"1.1.1": ""})])
    assert "(did you mean 1.1.10, 1.1.11, 1.1.14?)" in warning


# ------------------------------------------------------------------------------------------ several sources


def skips_of(
    skip: t.Any, skip_file: str | None, cluster: dict[str, t.Any] | None, source: str = "merged"
) -> tuple[Skips, list[str]]:
    return user_skips(BENCHMARK, given_skips(source, skip, skip_file), cluster, source)


def with_map(**shown: t.Any) -> dict[str, t.Any]:
    return {"objects": {}, "config_map": shown}


def test_variable_outdoes_file_outdoes_config_map(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "skips.yml"
    file.write_text("1.1.2: file\n1.1.3: file\n")
    skips, warnings = skips_of({"1.1.2": "variable"}, str(file), with_map(text=MAP_TEXT))
    assert {key: skip["reason"] for key, skip in skips.items()} == {"1.1.2": "variable", "1.1.3": "file", "1.1.4": ""}
    assert skips["1.1.2"]["by"] == "cis_scan_skip"
    assert str(file) in skips["1.1.3"]["by"]
    assert "security-scan-cfg" in skips["1.1.4"]["by"]
    assert warnings == []


EVERYWHERE = with_map(text='{"skip": {"current": ["1.1.4"]}}')


@pytest.mark.parametrize(
    "source, expected",
    [("merged", {"1.1.2", "1.1.3", "1.1.4"}), ("variable", {"1.1.2"}), ("file", {"1.1.3"}), ("config_map", {"1.1.4"})],
)
def test_the_source_that_is_chosen_counts_alone(tmp_path: pathlib.Path, source: str, expected: set[str]) -> None:
    file = tmp_path / "skips.yml"
    file.write_text("- 1.1.3\n")
    skips, warnings = skips_of(["1.1.2"], str(file), EVERYWHERE, source)
    assert (set(skips), warnings) == (expected, [])


def test_what_is_not_chosen_is_not_read() -> None:
    assert skips_of([1.1], "/no/such/file", EVERYWHERE, "config_map")[1] == []
    assert skips_of(None, "/no/such/file", with_map(text="@"), "variable") == ({}, [])


def test_a_file_that_is_chosen_must_be_named() -> None:
    for none in (None, ""):
        with pytest.raises(CisError, match="cis_scan_skip_source: file needs cis_scan_skip_file"):
            skips_of(["1.1.2"], none, EVERYWHERE, "file")
    with pytest.raises(CisError, match="cis_scan_skip_file /no/such/file: cannot be read"):
        skips_of(None, "/no/such/file", None, "file")


@pytest.mark.parametrize(
    "cluster, said",
    [
        (None, "cis_scan_kubeconfig"),
        ({"error": {"kind": "not asked", "message": "the API was not asked"}}, "the API was not asked"),
        ({"objects": {}}, "cis_scan_kubeconfig"),
        (with_map(error={"kind": "denied", "message": "403 Forbidden"}), "403 Forbidden"),
    ],
)
def test_a_config_map_that_is_chosen_must_have_been_read(cluster: t.Any, said: str) -> None:
    with pytest.raises(
        CisError, match="cis_scan_skip_source: config_map needs ConfigMap .*, which could not be read: "
    ) as caught:
        skips_of(["1.1.2"], None, cluster, "config_map")
    assert said in str(caught.value)


def test_a_config_map_that_is_chosen_and_does_not_exist_is_a_warning() -> None:
    skips, (warning,) = skips_of(["1.1.2"], None, with_map(text=None), "config_map")
    assert skips == {}
    assert "security-scan-cfg" in warning and "no control is skipped" in warning


@pytest.mark.parametrize(
    "cluster", [None, {"error": {"kind": "down", "message": "x"}}, {"objects": {}}, with_map(text=None)]
)
def test_without_a_config_map_nothing_is_skipped_by_it(cluster: t.Any) -> None:
    assert skips_of(None, None, cluster) == ({}, [])


def test_a_config_map_that_could_not_be_read_is_a_warning() -> None:
    cluster = with_map(error={"kind": "denied", "message": "403 Forbidden"})
    skips, (warning,) = skips_of(None, None, cluster)
    assert skips == {}
    assert "403 Forbidden" in warning
    assert "security-scan-cfg" in warning


def test_a_bad_config_map_is_refused_by_name() -> None:
    with pytest.raises(CisError, match="ConfigMap security-scan/security-scan-cfg.*config.json.*line 1"):
        skips_of(None, None, with_map(text="@"))


@pytest.mark.parametrize(
    "shown", ["text", 5, ["x"], {"text": 5}, {"text": ["x"]}, {"text": []}, {"error": "x"}, {"error": {}}]
)
def test_a_config_map_of_another_form_in_recorded_evidence(shown: t.Any) -> None:
    document = check_cluster({**cluster(), "config_map": shown}, "x")
    assert skips_of(None, None, document)[1] == [
        f"ConfigMap security-scan/security-scan-cfg: could not be read, its skips are ignored: "
        f"{document['config_map']['error']['message']}"
    ]
    with pytest.raises(CisError, match="ConfigMap security-scan/security-scan-cfg.* could not be read"):
        skips_of(None, None, document, "config_map")


def test_unknown_ids_are_warnings() -> None:
    skips, warnings = skips_of(["9.9"], None, None)
    assert skips == {}
    assert len(warnings) == 1


def test_warnings_about_unknown_ids_are_few() -> None:
    skips, warnings = skips_of([f"9.{number}" for number in range(20_000)] + ["1.1.2"], None, None)
    assert list(skips) == ["1.1.2"]
    assert len(warnings) == 11
    assert warnings[-1] == "skips: 19990 more unknown ids; ignored"


def test_a_warning_about_an_unknown_id_is_short() -> None:
    _skips, warnings = skips_of(["9." + "1" * 1_000_000], None, None)
    assert len(warnings) == 1 and len(warnings[0]) < 200
