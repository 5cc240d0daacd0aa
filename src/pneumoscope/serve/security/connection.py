"""HTTP on one connection, with a bound on what comes before anything can be said about a request.

Uvicorn keeps every header that it is sent, however many, and waits for the end of the last for as long as
it takes: strangers could fill the memory, or hold all connections, before the door has seen them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

HEAD_BYTES = 256 * 1024
"""Of address and headers; an export that names 5,000 results asks with 165 kB."""
HEAD_S = 30.0
"""Seconds from the first byte, or from the connection, to the end of the headers."""
_FRAME = 64
"""Bytes around a chunk of a body that are not held against it."""


class Wire(HttpToolsProtocol):
    """Uvicorn's, which gives up heads that are too large or too slow."""

    _unread = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Waits for the first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits for nothing any more."""
        self._heard()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parses, and counts what did not become a request or its body: trailers too."""
        self._unread += len(data)
        super().data_received(data)
        if self._unread > HEAD_BYTES:
            self._give_up("The head of this request is too large.")

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._wait()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._heard()
        self._unread = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Bodies have limits of their own."""
        self._unread = max(0, self._unread - len(body) - _FRAME)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._unread = 0
        super().on_message_complete()

    def _wait(self) -> None:
        self._heard()
        slow = "The head of this request took too long."
        self._timer = self.loop.call_later(HEAD_S, self._give_up, slow)

    def _heard(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self, why: str) -> None:
        transport: Any = self.transport
        if not transport.is_closing():
            self.send_400_response(why)
