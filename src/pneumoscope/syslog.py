"""Messages to a syslog: where it is, and the forms of RFC 5424 and its transports."""

from __future__ import annotations

import os
import socket
import ssl
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from pneumoscope.errors import UsageError
from pneumoscope.hosts import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTICE, WARNING = 5, 4
"""Severities of audit messages (DICOM PS3.15 A.6)."""
_FACILITY = 10
"""Security and authorisation (DICOM PS3.15 A.6)."""
DATAGRAM_BYTES = 8192
"""Longest message by UDP or to a local socket; RFC 5424, 6.1, recommends at least 2,048."""
_LOCAL, _UDP, _TCP, TLS = "local", "udp", "tcp", "tls"
_PORTS = {_UDP: 514, _TCP: 601, TLS: 6514}
"""RFC 5426, 3.3; RFC 3195, 9.2; RFC 5425, 4.1."""
_TIMEOUT_S = 5.0
_CHUNK = 4096


@dataclass(frozen=True, slots=True)
class SyslogAddress:
    """Where a syslog listens.

    Attributes:
        scheme: ``"udp"``, ``"tcp"``, ``"tls"`` or ``"local"``.
        host: Its host; empty for a local socket.
        port: Its port; 0 for a local socket.
        path: Path of the local socket; empty for others.
    """

    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """From ``udp://host:514``, ``tcp://host:601``, ``tls://host:6514``, or a path such as ``/dev/log``.

        Raises:
            UsageError: The text is none of these.
        """
        if text.startswith("/"):
            return cls(_LOCAL, path=text)
        try:
            parts = urlsplit(text)
            port, host = parts.port, parts.hostname
        except ValueError:
            port, host = None, None
        if host is None or parts.scheme not in _PORTS:
            raise UsageError(
                f"{text}: no address of a syslog",
                "Such as udp://logs.example:514, tcp://..., tls://..., or /dev/log.",
            )
        return cls(parts.scheme, host, port or _PORTS[parts.scheme])

    @property
    def is_private(self) -> bool:
        """Whether nobody on the network can read what is sent: it is encrypted or stays on this machine."""
        return self.scheme in (TLS, _LOCAL) or is_loopback(self.host)

    @property
    def is_stream(self) -> bool:
        """Whether messages follow each other on a connection, each with its length before it."""
        return self.scheme in (_TCP, TLS)

    @contextmanager
    def sending(self, context: ssl.SSLContext | None = None) -> Iterator[socket.socket]:
        """A socket for messages of the block; at its end the syslog has them, as far as one can know.

        With TLS 1.3 a syslog that refuses our certificate says so only after the handshake, and one that
        stops may have taken into its buffers what it never reads.

        Args:
            context: For TLS; None for the authorities of the system.

        Raises:
            OSError: The syslog cannot be reached, or refuses or loses the connection.
        """
        connection = self._connected(context)
        try:
            yield connection
            if self.is_stream:
                _wait_for_end(connection)
        finally:
            connection.close()

    def _connected(self, context: ssl.SSLContext | None) -> socket.socket:
        if not self.is_stream:
            return self._datagrams()
        connection = socket.create_connection((self.host, self.port), _TIMEOUT_S)
        if self.scheme != TLS:
            return connection
        try:
            context = context or ssl.create_default_context()
            return context.wrap_socket(connection, server_hostname=self.host)
        except BaseException:
            connection.close()
            raise

    def _datagrams(self) -> socket.socket:
        family: int = socket.AF_UNIX
        place: Any = self.path
        if self.scheme == _UDP:
            family, _, _, _, place = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_DGRAM
            )[0]
        connection = socket.socket(family, socket.SOCK_DGRAM)
        # A local syslog that has stopped reading would stop whoever sends, too.
        connection.settimeout(_TIMEOUT_S)
        try:
            connection.connect(place)
        except OSError:
            connection.close()
            raise
        return connection

    def framed(self, message: bytes) -> bytes:
        """A message as this transport takes it."""
        # Octet counting: RFC 6587, 3.4.1, and RFC 5425, 4.3.
        return f"{len(message)} ".encode() + message if self.is_stream else message


def _wait_for_end(connection: socket.socket) -> None:
    """Ends a connection, and waits until the other side does so too.

    Raises:
        OSError: It has refused or reset the connection.
    """
    try:
        if isinstance(connection, ssl.SSLSocket):
            _say_end(connection)
        else:
            connection.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + _TIMEOUT_S
        while connection.recv(_CHUNK) and time.monotonic() < deadline:
            pass
    except (TimeoutError, ssl.SSLZeroReturnError):  # it has not refused what was sent
        return


def _say_end(connection: ssl.SSLSocket) -> None:
    """Sends the end of TLS without waiting for that of the other side.

    `unwrap` would wait, and take a refusal for an end.
    """
    connection.setblocking(False)
    for step in (partial(connection.recv, 1), connection.unwrap):
        with suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
            step()
    connection.settimeout(_TIMEOUT_S)


def header(message_id: str, severity: int = NOTICE) -> str:
    """The header of a message, and the sign that there are no structured data (RFC 5424, 6).

    Args:
        message_id: Says of what kind the message is, at most 32 printable letters.
        severity: `NOTICE` or `WARNING`.
    """
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    origin = f"{socket.gethostname()} pneumoscope {os.getpid()}"
    return f"<{_FACILITY * 8 + severity}>1 {now} {origin} {message_id} - "
