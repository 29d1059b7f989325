# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Like what it tests, this file runs on Python 3.6 (`make units`).

import pytest

from ansible_collections.rke.cis.plugins.module_utils._masking import error_text, mask_secrets, mask_url_passwords

SHOWN = ("--authorization-mode", "--etcd-servers", "--data-dir", "kubelet")


@pytest.mark.parametrize(
    "word, expected",
    [
        ("--password=hunter2", "--password=********"),
        ("--etcd-password=p", "--etcd-password=********"),
        ("--Passwd=Xyz=1", "--Passwd=********"),
        ("--token=abcdef.0123456789abcdef", "--token=********"),
        ("--s3-accessKey=AKIAIOSFODNN7EXAMPLE", "--s3-accessKey=********"),
        ("-password=hunter2", "-password=********"),
        # names that no list of secret names would hold
        ("--api-key=hunter2", "--api-key=********"),
        ("--apikey=hunter2", "--apikey=********"),
        ("--client-key-data=aHVudGVyMg==", "--client-key-data=********"),
        ("--auth-header=Bearer hunter2", "--auth-header=********"),
        ("--webhook=hunter2", "--webhook=********"),
        ("--x=hunter2,/a", "--x=********"),
        ("--x=true\n", "--x=********"),
        # secrets that look like paths, numbers or durations
        ("--s3-secretKey=/wJalrXUtnFEMI/K7MDENG", "--s3-secretKey=********"),
        ("--token=/abc", "--token=********"),
        ("--password=12345678", "--password=********"),
        ("--password=2026autumn", "--password=********"),
        ("--kms-key=60s", "--kms-key=********"),
        # users and passwords in URLs, also of a flag that is shown
        ("--etcd-servers=https://root:hunter2@10.0.0.1:2379", "--etcd-servers=https://********@10.0.0.1:2379"),
        ("--etcd-servers=https://a:hunt/er2@10.0.0.1:2379", "--etcd-servers=https://********@10.0.0.1:2379"),
        ("--etcd-servers=https://hunter2@10.0.0.1:2379", "--etcd-servers=https://********@10.0.0.1:2379"),
        ("--servers=https://root:hunter2@10.0.0.1:2379", "--servers=********"),
        ("--hook=https://hooks.example.com/hunter2", "--hook=********"),
        # words that are no flags, and flags that are no names
        ("kubelet --token=hunter2", "********"),
        ("--hunter2!", "--********"),
        ("--hunter2!=x", "--********=********"),
        ("-phunter2", "--********"),
        ("---hunter2", "--********"),
    ],
)
def test_secrets_are_masked(word, expected):
    assert mask_secrets(["kubelet", word], SHOWN) == ["kubelet", expected]


@pytest.mark.parametrize("flag", ["--password", "--token", "--s3-secretKey", "--passphrase", "--name", "-p"])
def test_a_secret_in_the_next_word_is_masked(flag):
    assert mask_secrets(["x", flag, "hunter2", "hunter2"]) == ["x", flag, "********", "********"]
    assert mask_secrets(["x", flag, "-hunter2", "x=y"]) == ["x", flag, "********", "********"]
    assert mask_secrets(["x", flag, "--Hunter2!", "--v=2"]) == ["x", flag, "********", "--v=2"]
    assert mask_secrets([flag]) == [flag]


def test_a_flag_that_is_shown_is_never_lost():
    """Not to know that it is given could make its control pass."""
    words = ["kubelet", "--password", "--authorization-mode=AlwaysAllow", "--name", "--authorization_mode", "-abc"]
    assert mask_secrets(words, SHOWN)[:5] == words[:5]
    assert mask_secrets(["etcd", "-x", "-data-dir=/a"], SHOWN) == ["etcd", "-x", "-data-dir=/a"]


def test_of_a_flag_that_is_shown_every_value_is():
    words = [
        "kubelet",
        "--authorization-mode=my own",
        "--authorization-mode",
        "my own",
        "--authorization-mode",
        "--v=2",
    ]
    assert mask_secrets(words, SHOWN) == words


@pytest.mark.parametrize(
    "word",
    [
        "--token-auth-file=/etc/kubernetes/tokens.csv",
        "--authentication-token-webhook=true",
        "--authentication-token-webhook=False",
        "--authentication-token-webhook-cache-ttl=5s",
        "--authentication-token-webhook-cache-ttl=2m0s",
        "--image-credential-provider-bin-dir=/var/lib/bin",
        "--image-credential-provider-config=/var/lib/config.yaml",
        "--insecure-allow-any-token=t",
        "--use-service-account-credentials=1",
        "--insecure-allow-any-token=",
        "--service-account-max-token-expiration=3600",
        "--service-account-key-file=/etc/kubernetes/ssl/kube-service-account-token-key.pem",
        "--tls-private-key-file=/etc/kubernetes/ssl/kube-apiserver-key.pem",
        "--encryption-provider-config=/etc/kubernetes/ssl/encryption.yaml",
        "--servers=https://10.0.0.1:2379,https://10.0.0.2:2379",
        "--audit-log-path=/var/log/kube-audit/audit-log.json",
        "--service-cluster-ip-range=10.43.0.0/16,fd00::/108",
        "--bind-address=::",
        "--service-node-port-range=30000-32767",
        "--feature-gates=RotateKubeletServerCertificate=true,X=false",
        "--tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "--container-runtime-endpoint=unix:///var/run/cri-dockerd.sock",
        "--kube-api-qps=-1.5",
        "-v=4",
        "--",
        "-",
        "",
        "kubelet",
    ],
)
def test_harmless_words_are_kept(word):
    assert mask_secrets(["/opt/rke-tools/entrypoint.sh", word], SHOWN)[1] == word


def test_harmless_values_in_the_next_word_are_kept():
    words = ["x", "--token-auth-file", "/etc/tokens.csv", "--authentication-token-webhook", "-v", "4", "--qps", "-1"]
    assert mask_secrets(words) == words


def test_a_shell_hides_nothing():
    assert mask_secrets(["sh", "-c", "kubelet --token=hunter2"]) == ["sh", "-c", "********"]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Get https://u:p@h:1/x?y: refused", "Get https://********@h:1/x?y: refused"),
        ("https://a:hunt/er2@h https://b@h", "https://********@h https://********@h"),
        ("https://h/x mail me@h", "https://h/x mail me@h"),
        ("://" * 100000, "://" * 100000),
    ],
)
def test_users_in_urls(text, expected):
    assert mask_url_passwords(text) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("one\n two\t\x1b[31m", "one two ?[31m"),
        ("dial http://u:hunter2@h: refused", "dial http://********@h: refused"),
        ("--token=hunter2 password: hunter2 Authorization: Bearer hunter2", "--token=******** password: ******** "),
        ("a\ud800b", "a?b"),
        ("x" * 100000, "..."),
        ("http://h/ " + "x" * 4985 + " https://u:hunter2@h", "http://h/ xxxx"),
        ("", "..."),
    ],
)
def test_error_texts_are_one_short_line_without_secrets(text, expected):
    shown = error_text(text)
    assert shown.startswith(expected)
    assert "hunter2" not in shown and len(shown) <= 500
    assert shown.isprintable()
