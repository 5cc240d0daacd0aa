"""Requests whose end a proxy and a server could see in different places (request smuggling).

A proxy that passes such a request on would take what follows for the body, the server for another
request, or the other way round. So nothing after it is answered, and the connection ends.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from in_process import small
from live import listening
from pneumoscope.serve.security import tls
from pneumoscope.serve.settings import ServeSettings

START = b"POST /api/v1/things HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\n"
HIDDEN = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
"""Must never be answered."""
CHUNKED = b"Transfer-Encoding: chunked\r\n"
EMPTY = b"0\r\n\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("wire")
    settings = ServeSettings(folder=folder)
    with (
        small(folder / "site", rate_limit=0) as site,
        listening(site.app, **tls.uvicorn_options(settings)) as (server, _),
    ):
        yield server.port


def everything(port: int, data: bytes) -> bytes:
    """All that the server answers until it ends the connection."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), 60) as line:
        line.sendall(data)
        try:
            while piece := line.recv(65536):
                received += piece
        except ConnectionResetError:  # it has ended with bytes unread
            pass
    return received


def length(number: int, name: bytes = b"Content-Length") -> bytes:
    return b"%b: %d\r\n" % (name, number)


@pytest.mark.parametrize(
    "message",
    [
        START + length(0) + CHUNKED + b"\r\n" + EMPTY,
        START + CHUNKED + length(5) + b"\r\n" + EMPTY,
        START + length(0) + length(len(HIDDEN)) + b"\r\n",
        START + length(len(HIDDEN)) + length(0) + b"\r\n",
        START + b"Content-Length: 0, 43\r\n\r\n",
        START + b"Content-Length: +0\r\n\r\n",
        START + b"Content-Length: -1\r\n\r\n",
        START + b"Content-Length: 0x0\r\n\r\n",
        START + b"Content-Length: 0 0\r\n\r\n",
        START + b"Content-Length:\r\n\r\n",
        START + b"Content-Length: 99999999999999999999999\r\n\r\n",
        START + b"Content-Length : 0\r\n\r\n",
        START + b" Content-Length: 0\r\n\r\n",
        START + b"X: y\r\n Content-Length: 0\r\n\r\n",
        START + b"Transfer-Encoding : chunked\r\n\r\n" + EMPTY,
        START + b"Transfer-Encoding: xchunked\r\n\r\n" + EMPTY,
        START + b"Transfer-Encoding: chunked, identity\r\n\r\n" + EMPTY,
        START + b"Transfer-Encoding: identity\r\n" + length(0) + b"\r\n",
        START + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + EMPTY,
        START + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + EMPTY,
        START + b"Transfer-Encoding:\tchunked\x00\r\n\r\n" + EMPTY,
        START + b"Transfer-Encoding: identity\r\n" + CHUNKED + b"\r\n" + EMPTY,
        START + CHUNKED + b"\r\n0x0\r\n\r\n",
        START + CHUNKED + b"\r\n+0\r\n\r\n",
        START + CHUNKED + b"\r\n-1\r\n\r\n",
        START + CHUNKED + b"\r\nfffffffffffffffffff1\r\n",
        START + CHUNKED + b"\r\n1\r\nab\r\n" + EMPTY,
        START + CHUNKED + b"\r\n1\na\n0\n\n",
        START + CHUNKED + b"\r\n0\r\nno trailer\r\n\r\n",
        START.replace(b"\r\n", b"\r") + b"\r\r",
        START.replace(b"HTTP/1.1", b"HTTP/1.0") + CHUNKED + b"\r\n" + EMPTY,
        START.replace(b"HTTP/1.1", b"HTTP/1.1 HTTP/1.1") + length(0) + b"\r\n",
        START.replace(b"HTTP/1.1", b"HTTP/9.9") + length(0) + b"\r\n",
        b"\0" + START + length(0) + b"\r\n",
    ],
)
def test_after_an_ambiguous_request_nothing_is_answered(port: int, message: bytes) -> None:
    answered = everything(port, message + HIDDEN)
    assert answered.count(b"HTTP/1.1 ") <= 1, answered
    assert b"HTTP/1.1 2" not in answered


@pytest.mark.parametrize("body", [b"", HIDDEN])
def test_a_plain_length_and_plain_chunks_are_understood(port: int, body: bytes) -> None:
    """What follows is a request of its own, and a request in a body is none."""
    last = HIDDEN.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
    for head, sent in ((length(len(body)), body), (CHUNKED, chunk + EMPTY)):
        answered = everything(port, START + head + b"\r\n" + sent + last)
        assert answered.count(b"HTTP/1.1 ") == answered.count(b"HTTP/1.1 200") == 2
        assert b'{"bytes":%d}' % len(body) in answered
