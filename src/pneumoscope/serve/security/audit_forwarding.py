"""Sends each line of the audit log to a syslog, so that a copy is on another machine.

The format is RFC 5424, with the facility and severity that DICOM gives audit messages (PS3.15, A.6.3).
"""

from __future__ import annotations

import json
import logging
import os
import queue
import socket
import ssl
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from pneumoscope.errors import UsageError
from pneumoscope.serve.security.audit_lines import canonical
from pneumoscope.serve.security.background_thread import BackgroundThread

_log = logging.getLogger(__name__)

PRIORITY = 10 * 8 + 5
"""Facility 10, security and authorisation; severity 5, notice."""
DATAGRAM_BYTES = 8192
"""Longest message by UDP or to a local socket; RFC 5424, 6.1, recommends at least 2,048."""
_PORTS = {"udp": 514, "tcp": 601, "tls": 6514}
"""RFC 5426, 3.3; RFC 3195, 9.2; RFC 5425, 4.1."""
_MOST_WAITING = 10_000
_TIMEOUT_S = 5.0


class SyslogForwarder:
    """Forwards lines in a thread that ends when there are none; a normal end of the process waits for it.

    Args:
        address: ``udp://host:514``, ``tcp://host:601``, ``tls://host:6514``, or the path of a local
            socket such as ``/dev/log``.

    Raises:
        UsageError: The address is none of these.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        try:
            port = parts.port
        except ValueError:
            port = -1
        local = address.startswith("/")
        if not local and (parts.scheme not in _PORTS or not parts.hostname or port == -1):
            raise UsageError(
                f"{address}: no address of a syslog",
                "Such as udp://logs.example:514, tcp://..., tls://..., or /dev/log.",
            )
        self._scheme = "local" if local else parts.scheme
        self._path = address
        self._host = parts.hostname or ""
        self._port = port or _PORTS.get(self._scheme, 0)
        self._waiting: queue.Queue[bytes] = queue.Queue(_MOST_WAITING)
        self._thread = BackgroundThread(
            "audit-syslog", self._send_waiting, lambda: not self._waiting.empty()
        )

    def __call__(self, line: bytes) -> None:
        """Forwards a line soon; a syslog that cannot be reached stops nothing."""
        try:
            self._waiting.put_nowait(line)
        except queue.Full:
            _log.error("a line of the audit log is not forwarded: too many wait")
            return
        self._thread.wake()

    def settle(self) -> None:
        """Waits until all lines are sent or given up."""
        self._thread.settle()

    def _send_waiting(self) -> None:
        try:
            self._send_all()
        except Exception as error:  # noqa: BLE001 (also a host name that is none: UnicodeError)
            _log.error("lines of the audit log are not forwarded: %s", error)
            while not self._waiting.empty():
                self._waiting.get_nowait()

    def _send_all(self) -> None:
        stream = self._scheme in ("tcp", "tls")
        with closing(self._connected()) as connection:
            while not self._waiting.empty():
                text = message(self._waiting.get_nowait(), DATAGRAM_BYTES if not stream else None)
                # Octet counting: RFC 6587, 3.4.1, and RFC 5425, 4.3.
                connection.sendall(f"{len(text)} ".encode() + text if stream else text)

    def _connected(self) -> socket.socket:
        if self._scheme in ("local", "udp"):
            return self._datagrams()
        connection = socket.create_connection((self._host, self._port), _TIMEOUT_S)
        if self._scheme == "tls":
            context = ssl.create_default_context()
            return context.wrap_socket(connection, server_hostname=self._host)
        return connection

    def _datagrams(self) -> socket.socket:
        family: int = socket.AF_UNIX
        place: Any = self._path
        if self._scheme == "udp":
            family, _, _, _, place = socket.getaddrinfo(
                self._host, self._port, type=socket.SOCK_DGRAM
            )[0]
        connection = socket.socket(family, socket.SOCK_DGRAM)
        try:
            connection.connect(place)
        except OSError:
            connection.close()
            raise
        return connection


def message(line: bytes, most: int | None = None) -> bytes:
    """A line as a message of RFC 5424.

    Args:
        line: Of the log.
        most: Most bytes; a longer line gets the number of its objects in their place.
    """
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    head = f"<{PRIORITY}>1 {time} {socket.gethostname()} pneumoscope {os.getpid()} audit - "
    text = line.rstrip(b"\n")
    if most is not None and len(head) + len(text) > most:
        entry = json.loads(text)
        entry["objects"] = [f"{len(entry['objects'])} ids"]
        text = canonical(entry)
    return head.encode() + text
