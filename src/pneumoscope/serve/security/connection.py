"""HTTP on one connection, with limits on the size of a request's head and on the time of each step.

Uvicorn keeps all headers that it receives, however many, waits for their end without a limit, and
waits forever for a client that does not take its answer: before a request reaches the security
middleware, strangers could fill the memory or occupy all connections.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import PlainTextResponse
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from pneumoscope.serve.problems import slow_body
from pneumoscope.serve.reader_language import response_to
from pneumoscope.serve.settings import SMALL_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from starlette.responses import Response
    from uvicorn._types import ASGI3Application

    from pneumoscope.serve.settings import ConnectionLimits

HEAD_BYTES = 256 * 1024
"""Limit on address and headers; an export that names 5,000 results has an address of 165 kB."""
LINGER_S = 3.0
"""Seconds that the rest of a refused body is read and dropped: without this, the client would often
lose the answer that refuses it (RFC 9112, 9.6)."""
MOST_WAITING = 100
"""Requests of one connection that may wait for an answer; each costs time as soon as its head is there,
and a hundred thousand bytes may hold thousands."""
STREAMING = "pneumoscope.streaming"
"""Extension of a request's scope: its ``begin`` says that the answer lasts as long as something else."""
_FRAME = 64
"""Bytes around each chunk of a body that do not count."""


class Step(IntEnum):
    """How far a connection has come before its first answer."""

    OPEN = 0
    HANDSHAKE = 1
    ENCRYPTED = 2
    HEAD = 3


@dataclass(slots=True, eq=False)
class Connection:
    """One open connection.

    Attributes:
        network: What counts as one client, see `network_of`.
        transport: The TCP connection.
        since: Time of the loop at which the connection began what it is doing now.
        received_bytes: What it has received since then.
        working: A complete request is being answered, other than by a stream of events; it is never
            closed for another connection.
        answered: It has had an answer, as strangers' that never complete a request have not.
        step: What it has completed: the first record of a handshake, the handshake, or a head.
        held: It has made room for another one, and is kept unread.
    """

    network: str
    transport: asyncio.Transport
    since: float
    received_bytes: int = 0
    working: bool = False
    answered: bool = False
    step: Step = Step.OPEN
    held: bool = False

    def rate(self, now: float) -> float:
        """Bytes a second since it began what it does now; a new connection has a high rate."""
        return (self.received_bytes + 1) / (now - self.since + 1e-3)


class _TooManyWait(Exception):
    """More than `MOST_WAITING` requests."""


class LimitedHttpProtocol(HttpToolsProtocol):
    """Uvicorn's protocol; it drops clients that are too slow with their head or with the answer.

    A request starts when its body is complete, if this is small: the application costs several times
    what a connection that only waits does. The time of a larger body is limited where it is read, in the
    security middleware; a large one in chunks has its time there once more. It is also the transport of its requests, so that it closes a connection only
    when the client has the answer.
    """

    def __init__(
        self,
        connection: Connection,
        limits: ConnectionLimits,
        closed: Callable[[Connection], None],
        headers: Mapping[str, str],
        **of_uvicorn: Any,
    ) -> None:
        """Makes the protocol of one connection.

        Args:
            connection: How it is counted.
            limits: For heads and answers.
            closed: Called when the connection is closed.
            headers: Of answers to what is no request: no middleware sees these.
            of_uvicorn: What uvicorn gives to its protocols.
        """
        super().__init__(**of_uvicorn)
        self._connection = connection
        self._limits = limits
        self._closed = closed
        self._headers = headers
        self._head_bytes = 0
        self._body_expected = self._lingering = self._streaming = self._lost = False
        self._cycles: list[RequestResponseCycle] = []
        self._awaiting_body: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None
        self._unsent_bytes = self._written_bytes = 0

    # Called by the event loop

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the timer for the first request; without a byte of it, there is nothing to refuse."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(self._limits.head_s, self._close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the timers."""
        self._stop_timer()
        self._watch_answer(watch=False)
        self._closed(self._connection)
        self._lost = True
        self._awaiting_body = None
        super().connection_lost(exc)
        # Uvicorn tells the last request only; those before it would go on answering.
        for cycle in self._cycles:
            cycle.disconnected = True
            cycle.message_event.set()

    def eof_received(self) -> None:
        """The client sends nothing more; asyncio closes the connection when all is sent."""
        super().eof_received()
        self._watch_answer(watch=True)

    def data_received(self, data: bytes) -> None:
        """Parses, and counts bytes that are neither a finished head nor a body, including trailers."""
        if self.transport.is_closing():
            return
        self._head_bytes += len(data)
        self._connection.received_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > HEAD_BYTES:
            self.send_400_response("The head of this request is too large.")

    def pause_writing(self) -> None:
        """The client takes its answer more slowly than it is made."""
        super().pause_writing()
        self._connection.working = False
        self._watch_answer(watch=True)

    def resume_writing(self) -> None:
        """The client has taken most of what was waiting."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._watch_answer(watch=False)
            self._note_progress()

    # Called by the parser

    def on_message_begin(self) -> None:
        """Starts the timer at the first byte of a request."""
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        """Stops the timer: the head is complete."""
        self._stop_timer()
        self._connection.step = Step.HEAD
        self._head_bytes = 0
        if self._lingering:  # a request behind one that was refused
            return
        if len(self.pipeline) >= MOST_WAITING:
            raise _TooManyWait  # the parser stops, and the connection ends
        self._body_expected = True
        self.scope["extensions"] = {STREAMING: {"begin": self._begin_stream}}
        super().on_headers_complete()
        self.cycle.transport = self  # type: ignore[assignment]
        self._cycles = [cycle for cycle in self._cycles if not cycle.response_complete]
        self._cycles.append(self.cycle)
        self._note_progress()

    def on_body(self, body: bytes) -> None:
        """Does not count the body, which has its own limit."""
        self._head_bytes = max(0, self._head_bytes - len(body) - _FRAME)
        super().on_body(body)
        if self._awaiting_body and len(self.cycle.body) >= SMALL_BODY_BYTES:
            self._start_awaiting()

    def on_message_complete(self) -> None:
        """Resets the count: the request is complete."""
        self._head_bytes = 0
        self._body_expected = False
        super().on_message_complete()
        if self._awaiting_body:
            self._start_awaiting()
        if self._lingering:
            self._close()
        self._note_progress()

    def on_response_complete(self) -> None:
        """The next request may come."""
        self._connection.answered = True
        self._streaming = False
        super().on_response_complete()
        self._note_progress()
        self._watch_answer(watch=self._waiting_bytes() > 0)
        if not (self._unanswered() or self._timer or self.transport.is_closing()):
            # Uvicorn's own timer would end with any byte, also with one between two requests.
            self._timer = self.loop.call_later(self._limits.idle_s, self._close)

    def timeout_keep_alive_handler(self) -> None:
        """Uvicorn's timer; this class has its own."""

    def send_400_response(self, msg: str) -> None:
        """Refuses what is no request, or none whose head is complete in time."""
        self._send_last(PlainTextResponse(msg, HTTPStatus.BAD_REQUEST))

    def shutdown(self) -> None:
        """The server stops."""
        super().shutdown()
        if self._connection.held:  # nothing would show that its client is gone
            self._connection.transport.abort()
        if self._awaiting_body:
            self._close()
        if self.transport.is_closing():
            self._watch_answer(watch=True)

    # Start of a request

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Starts the application; if the body is small, only when it is complete."""
        waits = cycle is self.cycle and cycle.more_body and _has_small_body(cycle.scope["headers"])
        if self._lingering:  # a request behind one that was refused
            return
        if not waits:
            super()._start_asgi_task(cycle, app)
            return
        self._awaiting_body = partial(super()._start_asgi_task, cycle, app)
        if cycle.waiting_for_100_continue:
            cycle.waiting_for_100_continue = False
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._stop_timer()
        self._timer = self.loop.call_later(self._limits.body_s, self._check_body, self.loop.time())

    def _start_awaiting(self) -> None:
        start, self._awaiting_body = self._awaiting_body, None
        self._stop_timer()
        if start is not None and not self.transport.is_closing():
            start()

    def _check_body(self, began: float) -> None:
        """Refuses a small body that is late; each of its bytes gives it a little time."""
        left = began + self._limits.body_within_s(len(self.cycle.body)) - self.loop.time()
        if left > 0:
            self._timer = self.loop.call_later(left, self._check_body, began)
        else:
            self._awaiting_body = None
            self._send_last(response_to(dict(self.cycle.scope), slow_body()))

    # Called by requests, in place of the transport's

    def write(self, data: bytes) -> None:
        """Sends a part of an answer; nothing once the connection is closed."""
        if self.transport.is_closing():
            return
        self._written_bytes += len(data)  # first: `write` may start the watch by `pause_writing`
        self.transport.write(data)
        # With TLS, `pause_writing` is called late: what is encrypted counts as sent.
        if len(data) > HIGH_WATER_LIMIT:
            self._watch_answer(watch=True)

    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.transport.is_closing()

    def close(self) -> None:
        """Closes the connection after an answer: at once, or when the rest of the body has come."""
        if not self._body_expected:
            self._close()
        elif not self._lingering:
            self._lingering = True
            self._stop_timer()
            self._timer = self.loop.call_later(LINGER_S, self._close)

    # Limits

    def _await_head(self) -> None:
        self._stop_timer()
        if not self._lingering:
            slow = "The head of this request took too long."
            self._timer = self.loop.call_later(self._limits.head_s, self.send_400_response, slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _note_progress(self) -> None:
        """Notes what the connection does from now on."""
        connection = self._connection
        connection.since, connection.received_bytes = self.loop.time(), 0
        connection.working = (
            self._unanswered()
            and not (self._body_expected or self._streaming)
            and not self.flow.write_paused
        )

    def _begin_stream(self) -> None:
        """The request's answer lasts as long as its client likes, so it is no reason to keep it."""
        self._streaming = True
        self._connection.working = False

    def _unanswered(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _send_last(self, answer: Response) -> None:
        """Answers without the application, and closes the connection."""
        if self.transport.is_closing():
            return
        status = HTTPStatus(answer.status_code)
        headers = {**self._headers, **answer.headers, "connection": "close"}
        lines = [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([f"HTTP/1.1 {status} {status.phrase}", *lines, "", ""])
        self.transport.write(head.encode() + answer.body)
        self.transport.close()
        self._watch_answer(watch=True)

    def _close(self) -> None:
        self._stop_timer()
        self._connection.working = False
        if not self.transport.is_closing():
            self.transport.close()
        self._watch_answer(watch=True)  # it stays open until the client has taken everything

    def _watch_answer(self, *, watch: bool) -> None:
        """Starts or stops to look at how fast the client takes what waits to be sent."""
        if self._stall_timer is not None:
            if watch:
                return
            self._stall_timer.cancel()
            self._stall_timer = None
        elif watch:
            self._unsent_bytes, self._written_bytes = self._waiting_bytes(), 0
            self._stall_timer = self.loop.call_later(self._limits.stalled_s, self._check_answer)

    def _check_answer(self) -> None:
        self._stall_timer = None
        left = self._waiting_bytes()
        if left == 0 and not self.is_closing():
            return
        taken = self._unsent_bytes + self._written_bytes - left
        enough = self._limits.client_bytes_per_s * self._limits.stalled_s
        # What was written since the last look may have been written just now.
        if left == 0 or taken < min(enough, self._unsent_bytes):
            self._connection.transport.abort()
        else:
            self._watch_answer(watch=True)

    def _waiting_bytes(self) -> int:
        """Bytes that wait to be sent, also those that are encrypted already."""
        if self._lost:
            return 0
        outer, inner = self._connection.transport, self.transport
        waiting: int = outer.get_write_buffer_size()
        return waiting if inner is outer else waiting + int(inner.get_write_buffer_size())


def _has_small_body(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a request has a body that is small, as far as its head says; the parser has checked lengths."""
    for name, value in headers:
        if name == b"content-length":
            return 0 < int(value) <= SMALL_BODY_BYTES
        if name == b"transfer-encoding":
            return True
    return False
