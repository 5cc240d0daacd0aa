"""Lines of the audit log go to a syslog."""

from __future__ import annotations

import json
import re
import socket
import threading
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from pneumoscope.audit_log.forwarding import SyslogForwarder, message
from pneumoscope.audit_log.log import AuditLog, Event
from pneumoscope.errors import UsageError
from pneumoscope.jobs.keys import Keys
from pneumoscope.jobs.store import Store
from pneumoscope.serve.security.audit_setup import open_audit_log
from pneumoscope.serve.settings import ServeSettings

RFC5424 = re.compile(rb"<85>1 \d{4}-\d\d-\d\dT[\d:.]+\+00:00 \S+ pneumoscope \d+ audit - (\{.*\})")


def test_every_line_is_a_datagram(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        address = f"udp://127.0.0.1:{receiver.getsockname()[1]}"
        settings = ServeSettings(folder=tmp_path, audit_syslog=address)
        store = Store(settings.database_url)
        log = open_audit_log(settings, store.engine, Keys(bytes(32)))
        for number in range(3):
            log.append(Event(f"thing {number}"))
        received = [receiver.recv(65536) for _ in range(3)]
        store.close()
    bodies = [json.loads(RFC5424.fullmatch(text)[1]) for text in received]  # type: ignore[index]
    assert [body["what"] for body in bodies] == ["thing 0", "thing 1", "thing 2"]
    assert bodies == [*log.entries()]  # with their hashes, so that the log can be compared


@pytest.mark.parametrize("address", ["udp://logs.example:514", "tcp://10.0.0.9"])
def test_lines_travel_with_encryption(tmp_path: Path, address: str) -> None:
    store = Store(f"sqlite:///{tmp_path / 'x.sqlite'}")
    settings = ServeSettings(folder=tmp_path, audit_syslog=address)
    with pytest.raises(UsageError, match="without encryption"):
        open_audit_log(settings, store.engine, Keys(bytes(32)))
    store.close()


def test_by_tcp_each_message_says_its_length(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        forward = SyslogForwarder(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        log = AuditLog(tmp_path, bytes(32), forward=forward)
        log.append(Event("thing"))
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(10)
            data = connection.recv(65536)
        forward.settle()
    length, _, text = data.partition(b" ")
    assert int(length) == len(text)
    assert RFC5424.fullmatch(text)


def test_a_long_line_fits_into_a_datagram() -> None:
    line = json.dumps({"objects": ["a" * 32] * 5000, "seq": 1}).encode()
    text = message(line, 8192)
    assert len(text) <= 8192
    assert b"5000 ids" in text
    assert len(message(line)) > len(line)


def test_a_syslog_that_is_not_there_stops_nothing(tmp_path: Path) -> None:
    forward = SyslogForwarder(str(tmp_path / "no-socket"))
    log = AuditLog(tmp_path, bytes(32), forward=forward)
    for number in range(2):
        log.append(Event(f"thing {number}"))
    forward.settle()
    assert log.verify().seq == 2


def test_a_failure_of_any_kind_does_not_end_forwarding(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        # A label of 64 letters: the system is not asked, Python itself raises UnicodeError.
        forward = SyslogForwarder(f"udp://{'a' * 64}.example:{receiver.getsockname()[1]}")
        forward(b"{}")
        forward.settle()
        assert "lines of the audit log are not forwarded" in caplog.text
        forward._address = replace(forward._address, host="127.0.0.1")
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", no_thread)
            forward(b'{"seq": 1}')
        forward(b'{"seq": 2}')
        received = [receiver.recv(65536) for _ in range(2)]
        forward.settle()
    assert [text[-10:] for text in received] == [b'{"seq": 1}', b'{"seq": 2}']


def no_thread(_thread: threading.Thread) -> NoReturn:
    raise RuntimeError("can't start new thread")


@pytest.mark.parametrize("address", ["", "logs.example", "http://x:1", "udp://", "udp://x:99999"])
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(UsageError, match="no address of a syslog"):
        SyslogForwarder(address)
