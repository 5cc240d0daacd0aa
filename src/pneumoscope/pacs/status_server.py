"""A small web server on this machine for the metrics and the status of a node. It is read-only."""

from __future__ import annotations

import json
import socket
import sys
import threading
from contextlib import suppress
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from pneumoscope.errors import UsageError
from pneumoscope.files import cause
from pneumoscope.hosts import is_loopback
from pneumoscope.pacs.status import status_html

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

    from prometheus_client import CollectorRegistry

HOST = "127.0.0.1"
_HEADERS = [
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
]
_TIMEOUT_S = 30
"""Longest pause of a client, and time of its connection in all."""
_MOST_CONNECTIONS = 20
"""At the same time; each has a thread and a file of the node, which it needs for films."""


class StatusServer:
    """Serves ``/metrics``, ``/`` and ``/status.json``.

    Attributes:
        port: TCP port.
    """

    def __init__(
        self, port: int, registry: CollectorRegistry, status: Callable[[], dict[str, Any]]
    ) -> None:
        """Starts to serve.

        Args:
            port: TCP port; 0 for a free one.
            registry: The metrics.
            status: Makes the status, see `status_json`.

        Raises:
            UsageError: It cannot listen there.
        """
        self._registry = registry
        self._status = status
        try:
            self._server = make_server(HOST, port, self._answer, _Server, _Handler)
        except OSError as error:
            raise UsageError(
                f"cannot listen on {HOST} port {port} for the metrics: {cause(error)}",
                "Choose another metrics_port.",
            ) from None
        self.port = int(self._server.server_port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="status", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stops serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, request: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        status, kind, body = HTTPStatus.OK, "text/html; charset=utf-8", b""
        path = request.get("PATH_INFO", "/")
        if not _is_of_this_machine(request.get("HTTP_HOST", HOST)):
            # Another site could point its own name at this machine (DNS rebinding).
            status, kind = HTTPStatus.MISDIRECTED_REQUEST, "text/plain"
            body = f"ask for {HOST}:{self.port}\n".encode()
        elif request["REQUEST_METHOD"] not in ("GET", "HEAD"):
            status, kind, body = HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"only GET\n"
        elif path == "/metrics":
            kind, body = CONTENT_TYPE_LATEST, self._metrics(request.get("QUERY_STRING", ""))
        elif path == "/status.json":
            kind, body = "application/json", json.dumps(self._status(), indent=2).encode() + b"\n"
        elif path == "/":
            body = status_html(self._status()).encode()
        else:
            status, kind, body = HTTPStatus.NOT_FOUND, "text/plain", b"/, /status.json, /metrics\n"
        headers = [("Content-Type", kind), ("Content-Length", str(len(body))), *_HEADERS]
        start(f"{status.value} {status.phrase}", headers)
        return [b"" if request["REQUEST_METHOD"] == "HEAD" else body]

    def _metrics(self, query: str) -> bytes:
        """All metrics, or those that ``name[]`` names, as in Prometheus's own clients.

        Most of the time for all of them goes into counting in the database.
        """
        names = parse_qs(query).get("name[]")
        registry = self._registry if names is None else self._registry.restricted_registry(names)
        return generate_latest(registry)


def _is_of_this_machine(host: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False


class _Server(ThreadingMixIn, WSGIServer):
    """Programs of this machine keep neither its threads nor the log of the node occupied."""

    daemon_threads = True

    def __init__(self, *args: Any, **options: Any) -> None:
        self._free = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        super().__init__(*args, **options)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002
        """Whether there are not too many connections."""
        return self._free.acquire(blocking=False)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Starts a thread for a connection; without one, its place is free again."""
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Ends a connection in time, also one whose client sends a byte now and then."""
        timer = threading.Timer(_TIMEOUT_S, _shut_down, [request])
        timer.daemon = True
        try:
            timer.start()
            super().process_request_thread(request, client_address)
        except RuntimeError:  # the system allows no more threads
            self.shutdown_request(request)
        finally:
            timer.cancel()
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of a client that is too slow, or that leaves; the base class prints a traceback."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def server_bind(self) -> None:
        """Without the look-up of this machine's name, which may wait for a name server."""
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = HOST, self.socket.getsockname()[1]
        self.setup_environ()


def _shut_down(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _Handler(WSGIRequestHandler):
    timeout = _TIMEOUT_S

    def log_message(self, *_: object) -> None:
        """Logs nothing: scrapers ask every few seconds."""
