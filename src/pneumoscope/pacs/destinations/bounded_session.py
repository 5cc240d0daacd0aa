"""Sessions of requests with limits on the time of an exchange and on the size of an answer.

requests limits only the pause between two parts of an answer: a server that sends a byte now and then
would occupy a thread without end, and one that never stops would fill the memory.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter

from pneumoscope.pacs.destinations.errors import DeliveryFailed

if TYPE_CHECKING:
    from urllib3.connection import HTTPConnection

PATIENCE = 10
"""An exchange may last this many times as long as a pause within it."""
_BYTES_PER_S = 64 * 1024
"""A large film or answer may take longer: one more second for each of these."""
ANSWER_BYTES = 16 * 1024 * 1024
"""Most bytes of an answer that is not read as a stream."""


class BoundedSession(requests.Session):  # type: ignore[misc]
    """A session for one exchange, which ends in time; it follows no redirect.

    Attributes:
        longest_s: Longest time from the first request on.
        out_of_time: Whether it was ended.
    """

    def __init__(self, timeout_s: float, limit_bytes: int = 0) -> None:
        """Connects nothing yet.

        Args:
            timeout_s: Longest pause within the exchange, in seconds.
            limit_bytes: Bytes that may be received beside what is sent.
        """
        super().__init__()
        self.longest_s = PATIENCE * timeout_s + limit_bytes / _BYTES_PER_S
        self.out_of_time = False
        self._timer: threading.Timer | None = None
        self._adapter = _Adapter()
        for scheme in ("http://", "https://"):
            self.mount(scheme, self._adapter)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Sends a request, and reads the answer unless it is wanted as a stream.

        Raises:
            requests.RequestException: There is no answer, or it is a redirect.
            DeliveryFailed: The answer has too many bytes.
        """
        sent_bytes = len(request.body) if isinstance(request.body, bytes) else 0
        if self._timer is None:
            self.longest_s += sent_bytes / _BYTES_PER_S
            self._timer = threading.Timer(self.longest_s, self._end)
            self._timer.daemon = True
            self._timer.start()
        is_stream = options.pop("stream", False)
        answer = super().send(request, stream=True, **options)
        if answer.is_redirect:
            answer.close()
            raise requests.TooManyRedirects
        if not is_stream:
            with contextlib.closing(answer):
                answer._content = read(answer, ANSWER_BYTES, permanent=False)
            answer._content_consumed = True
        return answer

    def get_redirect_target(self, _answer: requests.Response) -> None:
        """None: a password or a film must not go to another server.

        For any other value, requests would read the whole body of the redirect.
        """

    def close(self) -> None:
        """Closes the connections."""
        if self._timer is not None:
            self._timer.cancel()
        super().close()

    def _end(self) -> None:
        self.out_of_time = True
        self._adapter.shut_down()


class _Adapter(HTTPAdapter):  # type: ignore[misc]
    """Knows its sockets, so that another thread can end them."""

    def __init__(self) -> None:
        super().__init__()
        self._sockets: list[socket.socket] = []

    def get_connection_with_tls_context(self, *request: Any, **more: Any) -> Any:
        """As requests does."""
        pool = super().get_connection_with_tls_context(*request, **more)
        make = type(pool).ConnectionCls

        def make_known(*of_pool: Any, **of_connection: Any) -> HTTPConnection:
            connection: HTTPConnection = make(*of_pool, **of_connection)
            connect = connection.connect

            def connect_known() -> None:
                connect()
                if connection.sock is not None:  # it forgets its socket before the answer ends
                    self._sockets.append(connection.sock)

            connection.connect = connect_known  # type: ignore[method-assign]
            return connection

        pool.ConnectionCls = make_known
        return pool

    def shut_down(self) -> None:
        """Ends what any thread reads from a connection, or writes to it."""
        for each in self._sockets:
            with contextlib.suppress(OSError):
                # Not the method of an `SSLSocket`, which another thread is using.
                socket.socket.shutdown(each, socket.SHUT_RDWR)


def read(answer: requests.Response, limit_bytes: int, *, permanent: bool = True) -> bytes:
    """The body of an answer.

    Args:
        answer: The answer.
        limit_bytes: Most bytes.
        permanent: Whether it would be as long another time.

    Raises:
        DeliveryFailed: It has more than ``limit_bytes``.
    """
    body = bytearray()
    for part in answer.iter_content(65536):
        body += part
        if len(body) > limit_bytes:
            raise DeliveryFailed(
                f"the answer has more than {limit_bytes} bytes", permanent=permanent
            )
    return bytes(body)
