"""Audit messages reach the syslog by TLS: in order, each with its length, and after it was away."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from archives import certificate, server_context
from pneumoscope.pacs.audit import sender as sender_module
from pneumoscope.pacs.audit.sender import SyslogSender
from pneumoscope.pacs.destinations.connection_settings import TlsSettings
from pneumoscope.pacs.destinations.tls import client_context
from pneumoscope.syslog import WARNING, SyslogAddress
from syslogs import PATIENCE_S, Syslog, messages_in

RFC5424 = re.compile(rb"<8[45]>1 \S+ \S+ pneumoscope \d+ DICOM\+RFC3881 - (.*)")


@pytest.fixture
def syslog() -> Iterator[Syslog]:
    with Syslog() as running:
        yield running


def bodies(texts: list[bytes]) -> list[bytes]:
    return [RFC5424.fullmatch(text)[1] for text in texts]  # type: ignore[index]


def test_messages_arrive_in_their_order(syslog: Syslog) -> None:
    sender = SyslogSender(SyslogAddress("tcp", "127.0.0.1", syslog.port), lambda: None)
    for number in range(3):
        sender.put(f"message {number}".encode(), WARNING)
    texts = syslog.wait_for(3)
    sender.stop(10)
    assert bodies(texts) == [b"message 0", b"message 1", b"message 2"]
    assert all(text.startswith(b"<84>1 ") for text in texts)


def test_by_tls_with_certificates_on_both_sides(tmp_path: Path) -> None:
    of_node, of_syslog = certificate(tmp_path, "node"), certificate(tmp_path, "syslog")
    with Syslog(server_context(of_syslog, of_node)) as syslog:
        address = SyslogAddress("tls", "127.0.0.1", syslog.port)
        sender = SyslogSender(address, lambda: client_context(TlsSettings(of_syslog, of_node)))
        sender.put(b"<secret/>")
        assert bodies(syslog.wait_for(1)) == [b"<secret/>"]
        sender.stop(10)
        stranger = SyslogSender(address, ssl.create_default_context)
        stranger.put(b"<to nobody/>")
        stranger.stop(10)
        # With TLS 1.3 the syslog refuses the node only after the handshake.
        refused = SyslogSender(address, lambda: client_context(TlsSettings(of_syslog)))
        refused.put(b"<not taken/>")
        refused.stop(10)
        assert refused.waiting == 1
        with pytest.raises(ssl.SSLError), address.sending(client_context(TlsSettings(of_syslog))):
            pass
    assert len(syslog.texts) == 1


def reset_first(listener: socket.socket) -> bytes:
    """Loses its first connection with what was sent, as a syslog that is killed; returns what comes next."""
    lost, _ = listener.accept()
    lost.recv(1)
    lost.close()  # a reset, because of the bytes that were not read
    connection, _ = listener.accept()
    data = b""
    while part := connection.recv(65536):
        data += part
    connection.close()
    return data


def test_what_a_syslog_loses_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "_PAUSES_S", (0.02, 0.05))
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        arrived = pool.submit(reset_first, listener)
        address = SyslogAddress("tcp", "127.0.0.1", listener.getsockname()[1])
        sender = SyslogSender(address, lambda: None)
        sender.put(b"kept")
        assert bodies(messages_in(arrived.result(PATIENCE_S))) == [b"kept"]
        sender.stop(10)
    assert sender.waiting == 0


def test_messages_wait_while_the_syslog_is_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sender_module, "_PAUSES_S", (0.02, 0.05))
    monkeypatch.setattr(sender_module, "_MOST_WAITING", 3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    sender = SyslogSender(SyslogAddress("tcp", "127.0.0.1", port), lambda: None)
    for number in range(5):
        sender.put(str(number).encode())
    while sender._failures < 2:
        threading.Event().wait(0.01)
    assert (sender.waiting, sender.lost) == (3, 2)
    with Syslog(port=port) as syslog:
        assert bodies(syslog.wait_for(3)) == [b"2", b"3", b"4"]
        sender.stop(10)
    assert caplog.text.count("audit messages wait") == 1


def test_what_cannot_be_sent_at_the_end_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    # A label of 64 letters: the system is not asked, Python itself raises UnicodeError.
    sender = SyslogSender(SyslogAddress("udp", f"{'a' * 64}.example", 514), lambda: None)
    sender.put(b"x")
    sender.stop(10)
    assert "1 audit messages are lost" in caplog.text


def test_lengths_are_octets() -> None:
    address = SyslogAddress("tls", "x", 1)
    assert messages_in(address.framed("ä".encode()) + address.framed(b"b")) == ["ä".encode(), b"b"]
