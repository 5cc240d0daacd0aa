"""HTTP on one connection, with limits on the size and duration of a request's head.

Uvicorn keeps all headers that it receives, however many, and waits for their end without a limit: before
a request reaches the security middleware, strangers could fill the memory or occupy all connections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

HEAD_BYTES = 256 * 1024
"""Limit on address and headers; an export that names 5,000 results has an address of 165 kB."""
HEAD_S = 30.0
"""Seconds from the first byte, or from the connection, to the end of the headers."""
_FRAME = 64
"""Bytes around each chunk of a body that do not count."""


class LimitedHttpProtocol(HttpToolsProtocol):
    """Uvicorn's protocol; it refuses heads that are too large or too slow."""

    _head_bytes = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the timer for the first request."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parses, and counts bytes that are neither a finished head nor a body, including trailers."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > HEAD_BYTES:
            self._refuse("The head of this request is too large.")

    def on_message_begin(self) -> None:
        """Starts the timer at the first byte of a request."""
        super().on_message_begin()
        self._start_timer()

    def on_headers_complete(self) -> None:
        """Stops the timer: the head is complete."""
        self._stop_timer()
        self._head_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Does not count the body, which has its own limit."""
        self._head_bytes = max(0, self._head_bytes - len(body) - _FRAME)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Resets the count: the request is complete."""
        self._head_bytes = 0
        super().on_message_complete()

    def _start_timer(self) -> None:
        self._stop_timer()
        slow = "The head of this request took too long."
        self._timer = self.loop.call_later(HEAD_S, self._refuse, slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, reason: str) -> None:
        transport: Any = self.transport
        if not transport.is_closing():
            self.send_400_response(reason)
