"""``pneumoscope serve``."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from pneumoscope.cli import require
from pneumoscope.errors import PneumoscopeError, UsageError

if TYPE_CHECKING:
    import socket

    from starlette.types import ASGIApp, Message, Receive, Scope, Send


_MODULES = (
    *("fastapi", "uvicorn", "python_multipart", "sqlalchemy", "argon2", "cryptography"),
    *("reportlab", "prometheus_client"),
)
_GRACE_S = 120


def run(given: dict[str, Any]) -> None:
    """Serves until it is told to end, then finishes what it has accepted.

    Args:
        given: Values of `ServeSettings`; None where nothing was given.

    Raises:
        MissingExtra: The extra ``[serve]`` is not installed.
        UsageError: The address cannot be used.
    """
    require("the server", "serve", *_MODULES)
    from pneumoscope.serve.settings import from_env

    settings = from_env(**given)
    import uvicorn

    from pneumoscope.serve.admin.administration import check_start
    from pneumoscope.serve.app import create_app
    from pneumoscope.serve.security import tls

    os.umask(0o077)  # what is written concerns patients: of nobody else on this machine
    check_start(settings)
    listener = listen(settings.host, settings.port)
    scheme = "https" if settings.tls else "http"
    greeting = f"pneumoscope serves on {scheme}://{address(listener)}/  (Ctrl-C to stop)\n"
    if settings.tls_self_signed:
        greeting += f"certificate SHA-256 {tls.own_fingerprint(settings)}\n"
    app = _Watched(create_app(settings), greeting)
    config = uvicorn.Config(
        app,
        log_level="warning",
        timeout_graceful_shutdown=_GRACE_S,
        lifespan="on",
        **tls.uvicorn_options(settings),
    )
    server = uvicorn.Server(config)
    # Uvicorn ends well on these and raises them again afterwards: then there is nothing left to do.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    try:
        server.run(sockets=[listener])
    except SystemExit:  # so it ends after a start that failed
        if app.failure is None:
            raise
    if app.failure is not None:
        raise app.failure
    if not server.started:
        raise UsageError("the server did not start", "The lines above say why.")


class _Watched:
    """An application that tells people when it has started, or why not, in place of a traceback."""

    def __init__(self, app: ASGIApp, greeting: str) -> None:
        self._app = app
        self._greeting = greeting
        self.failure: PneumoscopeError | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def told(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed" and self._is_ours():
                message = {"type": message["type"], "message": ""}
            elif message["type"] == "lifespan.startup.complete":
                sys.stderr.write(self._greeting)
                sys.stderr.flush()
            await send(message)

        await self._app(scope, receive, told)

    def _is_ours(self) -> bool:
        error = sys.exception()
        if isinstance(error, PneumoscopeError):
            self.failure = error
        return self.failure is not None


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Args:
        host: Address or name of this machine.
        port: TCP port; 0 for a free one.

    Raises:
        UsageError: It cannot listen there.
    """
    import socket

    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(place)
            listener.listen(2048)
        except OSError:
            listener.close()
            raise
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise UsageError(
            f"cannot listen on {host} port {port}: {reason}",
            "Is another server running? Choose another --port, or 0 for a free one.",
        ) from None
    return listener


def address(listener: socket.socket) -> str:
    """Where a socket listens, as in a URL, such as ``127.0.0.1:8000``."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
