"""The security middleware: it admits requests, limits their bodies, and writes the audit log."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi import Request
from starlette.exceptions import HTTPException

from pneumoscope.serve.problems import Refusal, Unavailable, response
from pneumoscope.serve.security.admission import SAFE_METHODS, Admission
from pneumoscope.serve.security.audit_trail import (
    QUIET,
    AuditedResponse,
    address_of,
    write_request,
)
from pneumoscope.serve.security.headers import SecurityHeaders
from pneumoscope.serve.security.refusals import NoAuditLog
from pneumoscope.serve.security.throttle import network_of

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from pneumoscope.serve.security.state import Security
    from pneumoscope.serve.settings import ServeSettings

BODY_IDLE_S = 30
"""A request whose body makes no progress for this time is given up."""


def install(app: FastAPI, settings: ServeSettings) -> None:
    """Adds the security middleware to an app.

    Every request is refused until ``app.state.security`` is set.
    """
    app.state.security = None
    app.add_middleware(Guard)
    # With HSTS, browsers would refuse a self-signed certificate for good.
    app.add_middleware(SecurityHeaders, hsts=settings.tls_cert is not None)


class Guard:
    """The middleware. It answers requests itself that are not admitted."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # the server has no websockets
            await send({"type": "websocket.close", "code": 1008})
            return
        request = Request(scope, receive)
        security: Security | None = scope["app"].state.security
        if security is None:
            await response(_Starting(), request.url.path)(scope, receive, send)
            return
        try:
            request.state.user = await Admission(security, request).user()
            audited = AuditedResponse(security.audit, request, send)
            limit = security.body_limit(request)
            await self.app(scope, _limited(receive, limit), audited.send)
        except Refusal as refusal:
            answer = refusal
            if _needs_line(security, request):
                try:
                    write_request(security.audit, request, int(refusal.status))
                except NoAuditLog as no_log:
                    answer = no_log
            await response(answer, request.url.path)(scope, receive, send)


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


def _limited(receive: Receive, limit: int) -> Receive:
    """The body of a request, up to a limit and as long as it makes progress."""
    size, more = 0, True

    async def limited_receive() -> Message:
        nonlocal size, more
        if not more:
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), BODY_IDLE_S)
        except TimeoutError:
            raise HTTPException(408, "the body stopped arriving") from None
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
        if size > limit:
            raise HTTPException(413, f"the body exceeds {limit:,} bytes")
        return message

    return limited_receive
