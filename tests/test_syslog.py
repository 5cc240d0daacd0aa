"""Addresses of a syslog, and messages on their way to it."""

from __future__ import annotations

import itertools
import re
import socket
from pathlib import Path

import pytest

from pneumoscope import syslog
from pneumoscope.errors import UsageError
from pneumoscope.syslog import SyslogAddress


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("udp://logs.example", SyslogAddress("udp", "logs.example", 514)),
        ("tcp://10.0.0.1:1601", SyslogAddress("tcp", "10.0.0.1", 1601)),
        ("tls://[::1]", SyslogAddress("tls", "::1", 6514)),
        ("/dev/log", SyslogAddress("local", path="/dev/log")),
    ],
)
def test_addresses(text: str, address: SyslogAddress) -> None:
    assert SyslogAddress.parse(text) == address


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("/dev/log", True),
        ("tls://logs.example", True),
        ("udp://127.0.0.1", True),
        ("tcp://localhost:601", True),
        ("udp://logs.example", False),
        ("tcp://10.0.0.9", False),
    ],
)
def test_what_others_on_the_network_could_read(text: str, private: bool) -> None:
    assert SyslogAddress.parse(text).is_private is private


@pytest.mark.parametrize("text", ["", "logs", "http://x", "tls://", "tls://x:y", "udp://[::1"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match="no address of a syslog"):
        SyslogAddress.parse(text)


def test_headers_and_frames() -> None:
    assert re.fullmatch(r"<85>1 \S+ \S+ pneumoscope \d+ audit - ", syslog.header("audit"))
    assert syslog.header("x", syslog.WARNING).startswith("<84>1 ")
    assert SyslogAddress.parse("tcp://x").framed("ä".encode()) == b"2 \xc3\xa4"
    assert SyslogAddress.parse("udp://x").framed(b"a") == b"a"


def test_to_a_local_socket(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "log"))
        with SyslogAddress.parse(str(tmp_path / "log")).sending() as connection:
            connection.sendall(b"message")
        assert receiver.recv(100) == b"message"
    missing = SyslogAddress.parse(str(tmp_path / "no log"))
    with pytest.raises(FileNotFoundError), missing.sending():
        pass


def test_a_local_syslog_that_does_not_read_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syslog, "_TIMEOUT_S", 0.05)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stopped:
        stopped.bind(str(tmp_path / "log"))
        with SyslogAddress.parse(str(tmp_path / "log")).sending() as connection:
            assert connection.gettimeout() == 0.05
            with pytest.raises(TimeoutError):
                fill(connection)


def fill(connection: socket.socket) -> None:
    """Sends until the queue of the other side is full."""
    while True:
        connection.sendall(b"x" * 1000)


class Dripping:
    """A connection to a syslog that always sends one byte more."""

    def __init__(self) -> None:
        self.bytes = 0

    def shutdown(self, _how: int) -> None:
        pass

    def recv(self, _most: int) -> bytes:
        self.bytes += 1
        assert self.bytes < 100
        return b"x"


def test_a_syslog_that_drips_does_not_keep_its_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = itertools.count()
    monkeypatch.setattr(syslog.time, "monotonic", lambda: next(seconds))
    dripping = Dripping()
    syslog._wait_for_end(dripping)  # type: ignore[arg-type]
    assert dripping.bytes < 10
