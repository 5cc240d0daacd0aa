"""Small web servers for the tests of pacs/: they remember requests, and answer what a test says."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Request(NamedTuple):
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Answer(NamedTuple):
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}


@dataclass
class WebServer:
    """A running server.

    Attributes:
        url: Its URL.
        answer: Makes the answer to a request.
        requests: Every request, in the order of arrival.
    """

    url: str
    answer: Callable[[Request], Answer]
    requests: list[Request] = field(default_factory=list)


@contextmanager
def web_server(
    answer: Callable[[Request], Answer] | Answer, tls: ssl.SSLContext | None = None
) -> Iterator[WebServer]:
    """A server in a thread.

    Args:
        answer: What it answers.
        tls: Encrypts its connections.
    """

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length) if length else _chunks(self)
            request = Request(self.command, self.path, self.headers, body)
            running.requests.append(request)
            made = running.answer(request)
            self.send_response(made.status)
            for name, value in made.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(made.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(made.body)

        do_GET = do_POST = do_HEAD = handle_any

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    scheme = "http" if tls is None else "https"
    made = answer if callable(answer) and not isinstance(answer, Answer) else lambda _r: answer
    running = WebServer(f"{scheme}://127.0.0.1:{server.server_address[1]}", made)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _chunks(handler: BaseHTTPRequestHandler) -> bytes:
    """A body with ``Transfer-Encoding: chunked``; empty without one."""
    if handler.headers.get("Transfer-Encoding") != "chunked":
        return b""
    body = b""
    while size := int(handler.rfile.readline(), 16):
        body += handler.rfile.read(size)
        handler.rfile.readline()
    handler.rfile.readline()
    return body
