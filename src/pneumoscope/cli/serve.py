"""``pneumoscope serve``."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any

from pneumoscope.cli import require
from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from pneumoscope.serve.settings import ServeSettings

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
    import socket

    import uvicorn

    from pneumoscope.serve.app import create_app

    try:
        listener = _listen(settings)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise UsageError(
            f"cannot listen on {settings.host} port {settings.port}: {reason}",
            "Is another server running? Choose another --port, or 0 for a free one.",
        ) from None
    config = uvicorn.Config(
        create_app(settings),
        log_level="warning",
        access_log=False,  # it would write paths, which hold ids
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
        lifespan="on",
    )
    server = uvicorn.Server(config)
    host, port = listener.getsockname()[:2]
    name = f"[{host}]" if listener.family == socket.AF_INET6 else host
    scheme = "https" if settings.tls else "http"
    sys.stderr.write(f"pneumoscope serves on {scheme}://{name}:{port}/  (Ctrl-C to stop)\n")
    sys.stderr.flush()
    # Uvicorn ends well on these and raises them again afterwards: then there is nothing left to do.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    server.run(sockets=[listener])
    if not server.started:
        raise UsageError("the server did not start", "The lines above say why.")


def _listen(settings: ServeSettings) -> Any:
    import socket

    family, kind, protocol, _, address = socket.getaddrinfo(
        settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener
