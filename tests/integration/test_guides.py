# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The other guides are followed, with the collection as it is published. No page with examples is left out."""

from __future__ import annotations

import csv
import json
import pathlib
import re
import shutil
import typing as t

import galaxy
import jinja2
import pytest
import scans
import trustme
import yaml
from controller import Controller
from documented import NODES, SERVICES, Page, Reader, check_shown, examples, inline, pages, reader
from receivers import PASSWORD, TOKEN, Https, Smtp
from scans import ROOT
from testbed import Testbed

VAULT = "open sesame\n"
INVENTORY = "".join(
    f"[{group}]\n" + "".join(f"{name} ansible_host={NODES[name]}\n" for name in names)
    for group, names in (("controlplane", ["cp1"]), ("etcd", ["etcd1"]), ("worker", ["worker1", "worker2"]))
)


@pytest.fixture
def who(documented_cluster: Testbed, installed: pathlib.Path) -> t.Iterator[Reader]:
    """Who has installed the collection, and written the inventory of README.md."""
    with reader(documented_cluster, ANSIBLE_COLLECTIONS_PATH=str(installed)) as someone:
        someone.write("inventory", INVENTORY)
        shutil.copy(documented_cluster.kubeconfig, someone.cwd / "kube_config_cluster.yml")
        yield someone


def certificate(who: Reader) -> trustme.LeafCert:
    """Return that of the services that pages name, by a CA that the reader's machine trusts."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(who.base / "ca.pem"))
    who.env["SSL_CERT_FILE"] = str(who.base / "ca.pem")
    return ca.issue_cert(*SERVICES)


def vault(who: Reader, **secrets: str) -> None:
    """Write vault.yml, as `ansible-vault edit` does."""
    who.write("vault.yml", yaml.safe_dump(secrets))
    done = who.run("ansible-vault encrypt vault.yml --vault-password-file /dev/stdin", stdin=None, input=VAULT)
    assert done.returncode == 0, done.stderr


def test_no_page_is_left_out() -> None:
    tests = [path.read_text(encoding="utf-8") for path in pathlib.Path(__file__).parent.glob("test_*.py")]
    for page in pages():
        if examples(page):
            assert any("documented" in test and re.search(rf'["/]{page.name}"', test) for test in tests), page


def test_performance(who: Reader) -> None:
    """Its figures and commands: tests/practice/test_benchmark.py."""
    page = Page("docs/performance.md", who)
    page.save("forks = 50", "ansible.cfg")
    dumped = who.run("ansible-config dump --only-changed").stdout
    assert re.search(r"DEFAULT_FORKS.* = 50", dumped)
    scan = "ansible-playbook -i inventory rke.cis.cis_scan -e cis_scan_fail_on="
    assert who.run(scan).returncode == 0
    assert page.left == []


def test_options_that_texts_name(documented_cluster: Testbed, installed: pathlib.Path) -> None:
    """Each in a scan of the practice cluster."""
    gate, never = (f"-e '{{\"cis_scan_fail_on\": [{words}]}}'" for words in ('"error", "unreachable", "fail"', ""))
    formats, html = (
        "-e cis_report_formats=csv,html,self_assessment",
        """-e '{"cis_report_formats": ["csv", "json", "html"]}'""",
    )
    hosts, keep = "-e cis_scan_hosts=PATTERN", "-e cis_report_keep=scheduled=24"
    api = "-e cis_scan_kubeconfig=..."
    assert inline("-e ") == {gate, never, formats, html, hosts, keep, api}
    practice = installed / "ansible_collections/rke/cis/playbooks/practice/inventory.yml"
    scan = f"ansible-playbook -i {practice} rke.cis.cis_scan"
    api = api.replace("...", documented_cluster.kubeconfig)
    with reader(documented_cluster, ANSIBLE_COLLECTIONS_PATH=str(installed)) as who:
        assert who.run(f"{scan} {gate} {html} {keep} {api}").returncode == 2, "controls fail"
        assert (who.report()["fail"], who.report()["error"]) == (7, 0)
        assert (who.scans()[-1] / "report.html").exists()
        assert who.run(f"{scan} {never} {formats} {hosts.replace('PATTERN', 'cp1')}").returncode == 0
        assert who.report()["nodes"] == {"master": ["cp1"], "etcd": [], "node": []} and who.report()["error"] > 0
        assert (who.scans()[-1] / "self_assessment.md").exists()


def test_architecture() -> None:
    """The functions and methods that the diagram names exist, and so do the actions, by the names of their files."""
    page = Page("docs/architecture.md")
    files = list((ROOT / "plugins").rglob("*.py"))
    texts = [path.read_text(encoding="utf-8") for path in files]
    for line in page.take("inventory ").text.splitlines():
        for name in re.split(r"  +", line.strip())[-1].split(", "):
            kind, dot, method = name.partition(".")
            wanted = rf"^class {kind}\b.*^    def {method}\(" if dot else rf"^def {kind}\("
            assert name in {path.stem for path in files} or any(
                re.search(wanted, text, re.M | re.S) for text in texts
            ), name
    assert page.left == []


def test_write_a_benchmark(who: Reader) -> None:
    page = Page("docs/docsite/rst/write_a_benchmark.rst", who)
    who.write("inventory", INVENTORY + "[all:vars]\ncis_scan_kubeconfig=kube_config_cluster.yml\n")

    house = page.save("id: house-1.0", file := "benchmarks/house-1.0.yml")
    page.run("-e cis_scan_benchmark_dirs=benchmarks")
    assert {check["state"] for check in who.checks().values()} <= {"pass", "fail", "mixed"}
    document = yaml.safe_load(house)
    for words in ("house/kubeconfig:", "house/host-network:", 'id: "1.5"'):
        part = yaml.safe_load(page.take(words).text)
        document["checks"].update(part.get("checks", {}))
        document["controls"] += part["controls"]
    document.update(yaml.safe_load(page.take("lenient:").text))
    who.write(file, yaml.safe_dump(document, sort_keys=False))
    scan = "ansible-playbook -i inventory rke.cis.cis_scan -e cis_scan_profile=HOUSE-1.0-Lenient"
    done = who.run(f"{scan} -e cis_scan_benchmark_dirs=benchmarks")
    assert done.returncode == 0, done.stdout
    states = {name: check["state"] for name, check in who.checks().items()}
    assert (states["1.2"], states["1.3"], states["1.4"]) == ("pass", "skip", "fail")
    assert page.left == []


def test_offline_evidence(newcomer: Reader) -> None:
    page = Page("docs/docsite/rst/offline_evidence.rst", newcomer)
    newcomer.write("inventory", INVENTORY)
    page.run("ansible-galaxy collection download")
    page.run("ansible-galaxy collection install")

    page.run("-e cis_scan_cluster=prod")
    (scan,) = newcomer.scans()
    named = scan.rename(scan.with_name("20261121T220000Z-rke-cis-1.4-permissive")) / "report.json"
    named.write_text(named.read_text(encoding="utf-8").replace(scan.name, named.parent.name), encoding="utf-8")

    page.show("record.yml")
    page.run("--limit controlplane:etcd")
    page.run("--limit worker")
    recorded = {path.stem for path in (newcomer.base / "own" / "srv" / "evidence" / "prod").iterdir()}
    assert recorded == {"cluster", *(f"node-{name}" for name in NODES)}

    page.run("cis_report_command=download")
    page.run("sha256sum")
    page.run("tar xzf")
    page.run("cis_scan_profile=RKE-CIS-1.4-Hardened")
    report = json.loads(max((newcomer.cwd / "cis-reports" / "prod").glob("*-hardened/report.json")).read_text("utf-8"))
    assert (report["cluster"], report["skip"], report["error"]) == ("prod", 0, 0)
    page.run("cis_report_dir=$PWD/again")
    page.run("diff ", code=1)
    assert page.left == []


def test_migrating_from_rancher(documented_cluster: Testbed, who: Reader) -> None:
    page = Page("docs/docsite/rst/migrating_from_rancher.rst", who)
    (who.home / ".kube").mkdir()
    shutil.copy(documented_cluster.kubeconfig, who.home / ".kube" / "config")
    with scans.skip_config_map(documented_cluster, '{"skip": {"current": ["1.1.2"]}}'):
        page.run("kubectl ")
    page.run("cis_scan_skip_file=skips.json")
    assert who.checks()["1.1.2"]["by"] == "cis_scan_skip_file skips.json"

    # as if Rancher had not seen that this control fails
    (new,) = who.cwd.glob("cis-reports/prod/*/report.csv")
    with open(new, encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    for row in rows:
        if "2.1.1" in row:
            row[rows[0].index("state")] = "pass"
    with open(who.cwd / "cis-1583561232635481655.csv", "w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    for words in ("cp cis-1583561232635481655.csv", "cp cis-reports", ">old.txt", ">new.txt"):
        page.run(words)
    differences = page.run("diff old.txt new.txt", code=1)
    assert re.findall(r"^[<>].*", differences, re.M) == ["< 2.1.1 pass", "> 2.1.1 mixed"]

    who.write_cluster_yml("cluster.yml", scheduled_cluster_scan={"enabled": True})
    page.run("rke.cis.cis_schedule")
    assert "/prod/run" in who.run("crontab -l").stdout
    assert page.left == []


def test_reports(who: Reader) -> None:
    page = Page("docs/docsite/rst/reports.rst", who)
    who.write("group_vars/all.yml", "cis_scan_cluster: prod\n")

    page.show("states.txt.j2")
    page.run("cis_report_templates=$PWD/states.txt.j2")
    assert len((who.scans()[-1] / "states.txt").read_text(encoding="utf-8").splitlines()) == 97

    # a playbook of one's own that goes on after a scan
    who.write("inventory", INVENTORY + f"[monitoring]\nmonitoring1 ansible_host={NODES['worker2']}\n")
    who.bed.shell("worker2", "mkdir -p /var/lib/prometheus/node-exporter")
    play = {"hosts": "controlplane:etcd:worker", "gather_facts": False}
    play["tasks"] = yaml.safe_load(page.take("node_exporter").text)
    who.write("metrics.yml", yaml.safe_dump([{"import_playbook": "rke.cis.cis_scan"}, play]))
    done = who.run("ansible-playbook -i inventory metrics.yml -e cis_report_formats=prometheus,junit")
    assert done.returncode == 0, done.stdout
    metrics = who.bed.shell("worker2", "cat /var/lib/prometheus/node-exporter/rke_cis_prod_permissive.prom").stdout
    assert metrics == (who.scans()[-1] / "report.prom").read_text(encoding="utf-8")

    gitlab = yaml.safe_load(page.take("artifacts:").text)
    assert list(who.cwd.glob(gitlab["artifacts"]["reports"]["junit"])) == [who.scans()[-1] / "report.junit.xml"]

    who.write("report.sarif", json.dumps({"runs": [{"results": [{"kind": "pass"}, {"kind": "fail"}]}]}))
    page.run("jq ")
    kept = json.loads((who.cwd / "github.sarif").read_text(encoding="utf-8"))
    assert kept == {"runs": [{"results": [{"kind": "fail"}]}]}

    compared = page.run("rke.cis.cis_compare")
    assert "Nothing changed" in compared, compared
    listed = page.run("cis_report_command=list")
    assert [path.name for path in who.scans()] == re.findall(r"\b\d{8}T\d{6}Z-[\w.-]+", listed)

    page.run("self_assessment")
    assert {"self_assessment.md", "self_assessment.html"} <= {path.name for path in who.scans()[-1].iterdir()}

    page.run("-f scan_key")
    page.run("cis_report_sign_key=scan_key")
    page.run(">allowed_signers")
    verified = page.run("rke.cis.cis_verify")
    assert f"{who.scans()[-1].name}: signed by security@example.com" in verified
    assert "its evidence scores the same report" in verified
    assert "Good" in page.run("-Y verify")
    assert page.left == []


def test_schedules(who: Reader) -> None:
    page = Page("docs/docsite/rst/schedules.rst", who)
    page.save("scheduled_cluster_scan:", "cluster.yml")
    page.run("pip install cronsim")
    page.run("cis_schedule_cluster_file=cluster.yml")
    (start,) = re.findall(r"^0 0 \* \* \* (.+)$", who.run("crontab -l").stdout, re.M)
    assert who.run(start).returncode == 0, "what cron would do at midnight"

    (told,) = re.findall(r'"msg": (\[.*?^    \])', page.run("cis_schedule_command=list"), re.M | re.S)
    check_shown(page.take("missed runs").text, "\n".join(json.loads(told)).replace(str(who.home), "/root"))

    page.run("cis_schedule_command=remove")
    assert "rke-cis" not in who.run("crontab -l").stdout
    assert page.left == []


def test_alerts(documented_cluster: Testbed, who: Reader) -> None:
    page = Page("docs/docsite/rst/alerts.rst", who)
    leaf = certificate(who)
    https, smtp = documented_cluster.inside(lambda: (Https(leaf, port=443), Smtp(leaf, port=587)))
    try:
        page.save("type: slack", "alerts.yml")
        vault(who, vault_slack_url=f"https://hooks.example.com/slack/{TOKEN}", vault_smtp_password=PASSWORD)
        page.run("cis_notify_test=true", stdin=None, input=VAULT)
        assert (len(https.got("slack")), len(smtp.mails)) == (1, 1)
        page.run("rke.cis.cis_scan", stdin=None, input=VAULT)
        assert (len(https.got("slack")), len(smtp.mails)) == (3, 3), "completed, and failures"

        page.save("cis_notify_rules:", "rules.yml")
        tasks = page.take("cis_notify_alert.subject").text
        who.write("tasks.yml", tasks)
        own = {"cis_notify_notifiers": {"log": {"type": "custom", "tasks_file": str(who.cwd / "tasks.yml")}}}
        who.write("own.yml", yaml.safe_dump(own))
        more = "-e @alerts.yml -e @vault.yml --ask-vault-pass -e @rules.yml -e cis_scan_kind=scheduled"
        done = who.run(f"ansible-playbook -i inventory rke.cis.cis_scan {more}", stdin=None, input=VAULT)
        assert done.returncode == 0, done.stdout
        assert (len(https.got("slack")), smtp.mails[3:][0][0]) == (3, ["security@example.com"])
        done = who.run("ansible-playbook -i inventory rke.cis.cis_scan -e @own.yml")
        assert done.returncode == 0, done.stdout
        assert "sent: " in done.stdout
        assert https.errors == []
    finally:
        https.stop()
        smtp.stop()
    assert page.left == []


def test_awx(documented_cluster: Testbed, tarball: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """With the modules of awx.awx, and a stand-in for AWX. What AWX does with a credential is done by hand."""
    with (
        galaxy.galaxy(documented_cluster, tarball, galaxy.awx(tmp_path)) as url,
        reader(documented_cluster, ANSIBLE_GALAXY_SERVER=url) as who,
    ):
        page = Page("docs/docsite/rst/awx.rst", who)
        page.run("ansible-galaxy collection install")
        page.run("pip install cronsim")
        page.show("awx.yml")
        who.write_cluster_yml("prod/cluster.yml", scheduled_cluster_scan={"enabled": True})
        vault(who, mail_password=PASSWORD)
        leaf = certificate(who)
        awx = documented_cluster.inside(lambda: Controller(token="...", port=443, certificate=leaf))
        awx.create("credentials", {"name": "cis-alerts"})
        try:
            page.run("export CONTROLLER_HOST")
            page.run("rke.cis.awx_setup", stdin=None, input=VAULT)
        finally:
            awx.stop()
        template = awx.one("job_templates")
        assert sorted(awx.linked("job_templates", template["id"], "credentials")) == ["cis-alerts", "nodes"]
        assert awx.one("schedules")["rrule"].startswith("DTSTART;TZID=Europe/Berlin:")
        assert list(awx.secrets.values()) == [{"password": PASSWORD}]

        _of_credentials(page, who, leaf, documented_cluster)
        assert page.left == []


def _of_credentials(page: Page, who: Reader, leaf: trustme.LeafCert, bed: Testbed) -> None:
    """Run a job with the credential, as AWX would: the file is written, and variables are handed over."""
    credential = yaml.safe_load(page.take("# injector configuration").text)
    secrets = {
        "slack_url": f"https://hooks.example.com/slack/{TOKEN}",
        "kubeconfig": pathlib.Path(bed.kubeconfig).read_text(encoding="utf-8"),
    }
    assert set(secrets) == {field["id"] for field in credential["fields"]}
    render = jinja2.Environment(undefined=jinja2.StrictUndefined).from_string
    file = who.write("credential", render(credential["file"]["template"]).render(secrets))
    variables = {
        name: render(value).render(secrets, tower={"filename": str(file)})
        for name, value in credential["extra_vars"].items()
    }
    who.write("extra.yml", yaml.safe_dump(variables))
    page.save("# cis_scan.yml", "cis_scan.yml")
    page.save("# clusters.yml", "clusters.yml")
    page.save("# ansible.cfg", "ansible.cfg")
    page.leave("# collections/requirements.yml", "test_awx_jobs.py updates a project with it")
    page.save("cis_notify_notifiers:", "group_vars/all.yml")
    https = bed.inside(lambda: Https(leaf, port=443))
    try:
        done = who.run("ansible-playbook -i clusters.yml cis_scan.yml -e @extra.yml")
        assert done.returncode == 0, done.stdout
        assert "\ncluster prod (97 controls) " in done.stdout
        assert https.got("slack") and not https.errors
    finally:
        https.stop()
    api = json.loads((who.scans()[-1] / "evidence" / "cluster.json").read_text(encoding="utf-8"))
    assert "error" not in api and "podsecuritypolicies" in api["objects"]
