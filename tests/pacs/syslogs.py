"""A syslog that keeps what it gets."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from typing import Self

PATIENCE_S = 30.0


def messages_in(data: bytes) -> list[bytes]:
    """Messages of a stream with octet counting (RFC 5425, 4.3)."""
    messages = []
    while data:
        length, _, rest = data.partition(b" ")
        messages.append(rest[: int(length)])
        assert len(messages[-1]) == int(length)
        data = rest[int(length) :]
    return messages


class Syslog:
    """A syslog on a port of this machine.

    Attributes:
        port: Its port.
        texts: Messages of connections that have ended.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.texts: list[bytes] = []
        self._arrived = threading.Condition()
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with suppress(OSError):
                self._take(connection)
            connection.close()

    def _take(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE_S)
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True)
        data = b""
        while part := connection.recv(65536):
            data += part
        if isinstance(connection, ssl.SSLSocket):
            with suppress(OSError):
                connection.unwrap()
        connection.close()
        with self._arrived:
            self.texts += messages_in(data)
            self._arrived.notify()

    def wait_for(self, number: int) -> list[bytes]:
        """The messages, once there are this many."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.texts) >= number, PATIENCE_S)
        return self.texts
