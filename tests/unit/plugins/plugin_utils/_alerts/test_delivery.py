# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers that misbehave. Those that behave are in tests/integration/test_notify.py."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._alerts.delivery import Refused, post, send_mail
from ansible_collections.rke.cis.plugins.plugin_utils._alerts.notifiers import TYPES
from ansible_collections.rke.cis.plugins.plugin_utils._alerts.rules import check_request
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.alert_helper import an_alert

HEAD = b"HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\n\r\n"


def dripping(said: bytes) -> t.Iterator[bytes]:
    for byte in said:
        yield bytes([byte])
        time.sleep(0.05)


@contextlib.contextmanager
def peer(words: t.Iterable[bytes]) -> t.Iterator[int]:
    """A server for one connection, which says this without listening; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _address = server.accept()
            with connection, contextlib.suppress(OSError):
                for part in words:
                    connection.sendall(part)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def to_webhook(words: t.Iterable[bytes], timeout: int = 5) -> None:
    with peer(words) as port:
        given = {"n": {"type": "webhook", "url": f"http://127.0.0.1:{port}/x", "timeout": timeout}}
        (options,) = check_request([], given)[1].values()
        post(options, TYPES["webhook"].request(options, an_alert()))


def to_mail_server(words: t.Iterable[bytes], timeout: int = 5) -> None:
    with peer(words) as port:
        given = {"type": "email", "host": "127.0.0.1", "port": port, "tls": "none", "timeout": timeout}
        given.update(sender="a@example.com", recipients=["b@example.com"])
        (options,) = check_request([], {"n": given})[1].values()
        send_mail(options, an_alert())


@pytest.mark.parametrize(
    "words",
    [HEAD % (500, b"x"), b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 99, b"220 hello\r\n" * 99],
    ids=["body", "headers", "smtp"],
)
def test_a_peer_that_drips_is_given_up(words: bytes) -> None:
    to = to_mail_server if words.startswith(b"220") else to_webhook
    with pytest.raises(OSError, match="no complete answer in 1 s"):
        to(dripping(words + b"x" * 99), timeout=1)


def test_of_an_error_without_end_only_the_beginning_is_read() -> None:
    endless = itertools.chain([HEAD % (403, b"Forbidden")], itertools.repeat(b"y" * 65536))
    with pytest.raises(Refused) as raised:
        to_webhook(endless)
    assert str(raised.value) == "HTTP 403 " + "y" * 2000


def test_of_a_success_nothing_more_is_read() -> None:
    to_webhook(itertools.chain([HEAD % (200, b"OK")], itertools.repeat(b"y" * 65536)))


@pytest.mark.parametrize("line", [b"220-hello\r\n", b"220-" + b"2" * 7000 + b"\r\n"])
def test_a_greeting_without_end_is_too_large(line: bytes) -> None:
    with pytest.raises(OSError, match="too large|Line too long"):
        to_mail_server(itertools.repeat(line))


def test_an_answer_that_is_no_text() -> None:
    to_webhook([HEAD % (200, b"OK") + b"\xff\xfe\x00"])
    with pytest.raises(Refused, match="HTTP 400 \N{REPLACEMENT CHARACTER}"):
        to_webhook([HEAD % (400, b"no") + b"\xff\xfe\x00"])


def test_an_answer_that_is_not_http() -> None:
    with pytest.raises(OSError, match="not HTTP"):
        to_webhook([b"SSH-2.0-x\r\n"])
