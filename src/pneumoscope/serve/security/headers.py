"""Security headers of every answer."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.requests import Request

from pneumoscope.errors import ServerFault
from pneumoscope.serve.problems import response
from pneumoscope.serve.security.audit_trail import template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from pneumoscope.serve.settings import ServeSettings

_log = logging.getLogger(__name__)

CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""Only files of this server, no inline scripts or styles; pictures that the page makes are blobs."""
FIXED = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Permitted-Cross-Domain-Policies": "none",
}
HSTS = "max-age=31536000; includeSubDomains"
"""One year, as ASVS 5.0, 3.4.1, asks."""


def fixed_headers(settings: ServeSettings) -> dict[str, str]:
    """Headers that every answer of a server has."""
    # With HSTS, browsers would refuse a self-signed certificate for good.
    insist = {"Strict-Transport-Security": HSTS} if settings.tls_cert is not None else {}
    return FIXED | insist


class SecurityHeaders:
    """Middleware that adds the headers, and answers unexpected errors, with the headers too.

    Args:
        app: The application.
        fixed: See `fixed_headers`.
    """

    def __init__(self, app: ASGIApp, *, fixed: Mapping[str, str]) -> None:
        self.app = app
        self.fixed = fixed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in self.fixed.items():
                    headers[name] = value
                if headers.get("content-type") == "image/svg+xml":  # text, too (ASVS 5.0, 4.1.1)
                    headers["content-type"] += "; charset=utf-8"
                static = scope["path"].startswith("/static/")
                # Results of patients must not stay in the browser's cache.
                headers["Cache-Control"] = "no-cache" if static else "no-store"
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception as error:
            # Neither path nor query: a client may have put a name there.
            _log.error("%s %s failed", scope["method"], template(Request(scope)), exc_info=error)
            if started:
                raise
            answer = response(ServerFault(), Request(scope).url.path)
            await answer(scope, receive, send_with_headers)
