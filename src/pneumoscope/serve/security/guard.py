"""The security middleware: it admits requests, limits their bodies, and writes the audit log."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import MutableHeaders

from pneumoscope.serve.problems import (
    BadRequest,
    Refusal,
    TooMuch,
    Unavailable,
    response,
    slow_body,
)
from pneumoscope.serve.security.admission import SAFE_METHODS, Admission
from pneumoscope.serve.security.audit_trail import (
    QUIET,
    AuditedResponse,
    address_of,
    write_request,
)
from pneumoscope.serve.security.headers import SecurityHeaders, fixed_headers
from pneumoscope.serve.security.refusals import NoAuditLog
from pneumoscope.serve.security.sessions import only_session_cookie
from pneumoscope.serve.security.throttle import network_of
from pneumoscope.serve.settings import SMALL_BODY_BYTES

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from pneumoscope.serve.security.accounts import User
    from pneumoscope.serve.security.state import Security
    from pneumoscope.serve.settings import ConnectionLimits, ServeSettings

_log = logging.getLogger(__name__)


def install(app: FastAPI, settings: ServeSettings) -> None:
    """Adds the security middleware to an app.

    Every request is refused until ``app.state.security`` is set.
    """
    app.state.security = None
    app.add_middleware(Guard, limits=settings.connection_limits)
    app.add_middleware(SecurityHeaders, fixed=fixed_headers(settings))


class Guard:
    """The middleware. It answers requests itself that are not admitted.

    Args:
        app: The application.
        limits: For the time of a body.
    """

    def __init__(self, app: ASGIApp, *, limits: ConnectionLimits) -> None:
        self.app = app
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # the server has no websockets
            await send({"type": "websocket.close", "code": 1008})
            return
        security: Security | None = scope["app"].state.security
        if security is None:
            await response(_Starting(), Request(scope).url.path)(scope, receive, send)
            return
        scope["headers"] = only_session_cookie(scope["headers"], tls=security.tls)
        request = Request(scope, receive)
        try:
            request.state.user = await _admitted(security, request)
            body = _Body(request, security.body_limit(request), self.limits)
            audited = AuditedResponse(security.audit, request, body.closing(send))
            if refusal := await body.begin():
                await response(refusal, request.url.path)(scope, receive, audited.send)
            else:
                await self.app(scope, body.receive, audited.send)
        except Refusal as refusal:
            answer = refusal
            if _needs_line(security, request):
                try:
                    write_request(security.audit, request, int(refusal.status))
                except NoAuditLog as no_log:
                    answer = no_log
            refused = response(answer, request.url.path)
            refused.headers["Connection"] = "close"
            await refused(scope, receive, send)


async def _admitted(security: Security, request: Request) -> User | None:
    """The user of a request; see `Admission.user`."""
    try:
        return await Admission(security, request).user()
    except SQLAlchemyError as error:
        _log.error("the database cannot be used", exc_info=error)
        raise NoDatabase from error


class NoDatabase(Unavailable):
    def __init__(self) -> None:
        super().__init__("the database does not answer", "Try again in a moment.")


class _Starting(Unavailable):
    def __init__(self) -> None:
        super().__init__("the server is starting", "Try again in a moment.")


def _needs_line(security: Security, request: Request) -> bool:
    """Whether the audit log gets a line about a request that was refused."""
    if getattr(request.state, "user", None) is not None:
        return True
    # The page itself asks for quiet addresses before anybody has signed in.
    quiet = request.method in SAFE_METHODS and request.url.path in QUIET
    return not quiet and not security.lines.wait_s(network_of(address_of(request)))


class _Body:
    """The body of a request: up to a limit of bytes, and of time as long as it is being received."""

    def __init__(self, request: Request, limit: int, limits: ConnectionLimits) -> None:
        self._receive = request.receive
        self._limit = limit
        self._limits = limits
        self._started = asyncio.get_running_loop().time()
        self._size = 0
        self._more = True
        self._beginning: Message | None = None
        headers = request.headers
        self.complete = headers.get("content-length", "0") == "0" and (
            "transfer-encoding" not in headers
        )
        self._awaited = request.method == "POST" and not self.complete

    async def begin(self) -> Refusal | None:
        """Waits for the beginning of a long body before the application starts.

        Somebody who never sends it then costs a small part of what a request costs. A small body is
        complete: `LimitedHttpProtocol` has waited for it.

        Returns:
            Why the body is refused.
        """
        received = bytearray()
        while self._awaited and self._more and self._size < SMALL_BODY_BYTES:
            try:
                message = await self._next()
            except Refusal as refusal:
                return refusal
            if message["type"] == "http.disconnect":
                return BadRequest("the body is incomplete")
            received += message.get("body", b"")
        if self._awaited:
            self._beginning = {
                "type": "http.request",
                "body": bytes(received),
                "more_body": self._more,
            }
        return None

    async def receive(self) -> Message:
        """The next part.

        Raises:
            Refusal: The body is too long, or takes too long.
        """
        if beginning := self._beginning:
            self._beginning = None
            return beginning
        return await (self._next() if self._more else self._receive())

    async def _next(self) -> Message:
        until = self._started + self._limits.body_within_s(self._size)
        try:
            async with asyncio.timeout_at(until):
                message = await self._receive()
        except TimeoutError:
            raise slow_body() from None
        self._size += len(message.get("body", b""))
        self._more = message.get("more_body", False)
        self.complete = self.complete or (message["type"] == "http.request" and not self._more)
        if self._size > self._limit:
            raise TooMuch(f"the body exceeds {self._limit:,} bytes", "Send less at once.")
        return message

    def closing(self, send: Send) -> Send:
        """Sends an answer; closes the connection if the answer comes before the end of the body."""

        async def send_closing(message: Message) -> None:
            if message["type"] == "http.response.start" and not self.complete:
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        return send_closing
