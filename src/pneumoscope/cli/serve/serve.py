"""``pneumoscope serve``."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pneumoscope.cli.completion import bundle_names
from pneumoscope.cli.extras import require
from pneumoscope.cli.options import Profile
from pneumoscope.decision.reader_settings import BUNDLE
from pneumoscope.errors import PneumoscopeError, UsageError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from pneumoscope.serve.settings import ServeSettings

EXAMPLE = "Example: pneumoscope serve --port 8000 (then open http://127.0.0.1:8000/)"

Host = Annotated[
    str | None,
    typer.Option(
        envvar="PNEUMOSCOPE_SERVE_HOST",
        metavar="ADDRESS",
        help="Address to listen on. 127.0.0.1 by default.",
    ),
]
Port = Annotated[
    int | None,
    typer.Option(
        envvar="PNEUMOSCOPE_SERVE_PORT",
        min=0,
        max=65535,
        metavar="N",
        help="TCP port; 0 for a free one. 8000 by default.",
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        envvar="PNEUMOSCOPE_SERVE_FOLDER",
        metavar="DIR",
        help="Folder of the database and the key; ~/.local/state/pneumoscope by default.",
    ),
]
Database = Annotated[
    str | None,
    typer.Option(
        envvar="PNEUMOSCOPE_SERVE_DATABASE",
        metavar="URL",
        help="Database, such as postgresql+psycopg://host/name; SQLite by default.",
    ),
]
KeepFilms = Annotated[
    bool | None,
    typer.Option("--keep-films", help="Keep the films as long as their results, encrypted."),
]
RetentionDays = Annotated[
    int | None,
    typer.Option(min=1, metavar="DAYS", help="Delete results after this number of days."),
]
TlsCert = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Certificate chain for TLS, PEM.")
]
TlsKey = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Private key of the certificate, PEM, unencrypted."),
]
TlsSelfSigned = Annotated[
    bool | None,
    typer.Option(
        "--tls-self-signed",
        help="TLS with a certificate made on this machine, for a closed network.",
    ),
]
TrustedProxy = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CIDR",
        help="Network of a proxy whose X-Forwarded-For and X-Forwarded-Proto are trusted, such as "
        "127.0.0.1. Repeatable.",
    ),
]
ServerName = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME", help="Name by which users address the server behind a proxy. Repeatable."
    ),
]
Destinations = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="TOML file with tables [destinations.NAME], such as a node's: where readers may send "
        "results of DICOM films.",
    ),
]
Node = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Address of a DICOM node's status, such as http://127.0.0.1:9108 (its metrics_port): administrators "
        "see it in the page.",
    ),
]
Key = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Key that encrypts films and names: 32 bytes in base64; created in the folder "
        "by default.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Threads that read films; one more than cores by default."
    ),
]
MaxBatchSize = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Most films in one run of the network; 8 by default."),
]
MaxWait = Annotated[
    float | None,
    typer.Option(
        min=0, metavar="MS", help="Time that a film waits for others to share a run; 0 by default."
    ),
]
Queue = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Most films that are accepted and not yet finished; further requests get 429. 256 by default.",
    ),
]
Bundles = Annotated[
    list[str] | None,
    typer.Option(
        "--bundle",
        metavar=BUNDLE.metavar,
        help=f"{BUNDLE.help} Repeat it to serve several. A request may name one; otherwise one is chosen for "
        "each film, or the first is used if the bundles are not for different ages.",
        autocompletion=bundle_names,
    ),
]
RequireSecondFactor = Annotated[
    bool | None,
    typer.Option(
        "--require-second-factor",
        help="Let only accounts with a second factor sign in (`pneumoscope user totp`).",
    ),
]
RateLimit = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="N",
        help="Requests per minute and user, with accounts; 1200 by default, 0 for no limit.",
    ),
]

_MODULES = (
    *("fastapi", "uvicorn", "python_multipart", "sqlalchemy", "argon2", "cryptography"),
    *("alembic", "reportlab", "prometheus_client"),
)
_GRACE_S = 120


def serve(
    host: Host = None,
    port: Port = None,
    folder: Folder = None,
    database: Database = None,
    profile: Profile = None,
    keep_films: KeepFilms = None,
    retention_days: RetentionDays = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    tls_self_signed: TlsSelfSigned = None,
    trusted_proxy: TrustedProxy = None,
    server_name: ServerName = None,
    destinations: Destinations = None,
    node: Node = None,
    key: Key = None,
    bundle: Bundles = None,
    threads: Workers = None,
    max_batch_size: MaxBatchSize = None,
    max_wait_ms: MaxWait = None,
    queue: Queue = None,
    rate_limit: RateLimit = None,
    require_second_factor: RequireSecondFactor = None,
) -> None:
    """Serve the reading room: a web page and a REST API.

    Only this machine can reach it by default; others need TLS and accounts
    (`pneumoscope user add`). Every option can also be set in the environment, as
    PNEUMOSCOPE_SERVE_NAME; the limits of requests only there, see
    docs/how-to/serve.md.
    """
    given: dict[str, Any] = {
        "host": host, "port": port, "folder": folder, "database": database, "profile": profile,
        "destinations": destinations, "node": node,
        "keep_films": keep_films, "retention_days": retention_days, "tls_cert": tls_cert,
        "tls_key": tls_key, "tls_self_signed": tls_self_signed, "key": key, "bundle": tuple(bundle) if bundle else None,
        "threads": threads, "max_batch_size": max_batch_size, "max_wait_ms": max_wait_ms,
        "queue": queue, "rate_limit": rate_limit,
        "require_second_factor": require_second_factor,
        "trusted_proxy": tuple(trusted_proxy) if trusted_proxy else None,
        "server_name": tuple(server_name) if server_name else None,
    }  # fmt: skip
    require("the server", "serve", *_MODULES)
    from pneumoscope.serve.settings import from_env

    _run(from_env(**given))


def _run(settings: ServeSettings) -> None:
    """Serves until a signal ends it, then finishes the films that it has accepted.

    Raises:
        UsageError: The address cannot be used.
    """
    import uvicorn

    from pneumoscope.cli.serve.listening import address, listen
    from pneumoscope.serve.admin.administration import check_start
    from pneumoscope.serve.app import create_app
    from pneumoscope.serve.security import tls
    from pneumoscope.serve.security.connections import allow_more_files

    os.umask(0o077)  # patient data: other users of this machine must not read it
    check_start(settings)
    allow_more_files()
    listener = listen(settings.host, settings.port)
    scheme = "https" if settings.tls else "http"
    greeting = f"pneumoscope serves on {scheme}://{address(listener)}/  (Ctrl-C to stop)\n"
    if settings.tls_self_signed:
        greeting += f"certificate SHA-256 {tls.own_fingerprint(settings)}\n"
    app = _Watched(create_app(settings), greeting)
    config = uvicorn.Config(
        app,
        log_level="error",  # or strangers could fill the log with warnings
        timeout_graceful_shutdown=_GRACE_S,
        lifespan="on",
        **tls.uvicorn_options(settings),
    )
    server = uvicorn.Server(config)
    # Two lines say why it does not start; uvicorn would add a third.
    logging.getLogger("uvicorn.error").addFilter(
        lambda line: app.failure is None or "startup failed" not in line.getMessage()
    )
    # Uvicorn shuts down on these signals and raises them again afterwards; nothing is left to do then.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    try:
        server.run(sockets=[listener])
    except SystemExit:  # uvicorn's answer to a failed start
        if app.failure is None:
            raise
    if app.failure is not None:
        raise app.failure
    if not server.started:
        raise UsageError("the server did not start", "The lines above say why.")


def _freeze_what_stays() -> None:
    """Keeps the garbage collector from looking through what the server is made of, again and again.

    Nothing runs while it looks through all objects, and many new connections are a reason to do so.
    """
    gc.collect()
    gc.freeze()


class _Watched:
    """Reports that the application has started, or why not, instead of a traceback."""

    def __init__(self, app: ASGIApp, greeting: str) -> None:
        self._app = app
        self._greeting = greeting
        self.failure: PneumoscopeError | OSError | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def watch(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed" and self._is_ours():
                message = {"type": message["type"], "message": ""}
            elif message["type"] == "lifespan.startup.complete":
                _freeze_what_stays()
                sys.stderr.write(self._greeting)
                sys.stderr.flush()
            await send(message)

        await self._app(scope, receive, watch)

    def _is_ours(self) -> bool:
        error = sys.exception()
        if isinstance(error, (PneumoscopeError, OSError)):  # such as a file that cannot be written
            self.failure = error
        return self.failure is not None
