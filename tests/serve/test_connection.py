"""The head of a request has limits."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from listening import listening
from pneumoscope.serve.security import connection
from pneumoscope.serve.settings import ConnectionLimits, ServeSettings


def said(port: int, *pieces: bytes, after_each: Callable[[], object] | None = None) -> bytes:
    """The bytes that a connection answers until it is closed."""
    with socket.create_connection(("127.0.0.1", port), 30) as line:
        try:
            for piece in pieces:
                line.sendall(piece)
                if after_each is not None:
                    after_each()
            answer = b""
            while piece := line.recv(65536):
                answer += piece
        except (ConnectionResetError, BrokenPipeError):
            return b"cut off"
    return answer


ENOUGH = b"a" * (connection.HEAD_BYTES // 2 + 1)


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GET / HTTP/1.1\r\nHost: x\r\nX: ", ENOUGH, ENOUGH, ENOUGH],
        [b"GET / HTTP/1.1\r\n", b"X: y\r\n" * (connection.HEAD_BYTES // 6 + 1), b"X: y\r\n" * 9],
        [b"GET /", ENOUGH, ENOUGH, ENOUGH],
        [b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"0\r\nX: ", ENOUGH, ENOUGH, ENOUGH],
    ],
    ids=["one header", "many headers", "address", "trailer"],
)  # fmt: skip
def test_a_head_that_never_ends_is_given_up(tmp_path: Path, pieces: list[bytes]) -> None:
    with listening(ServeSettings(folder=tmp_path)) as port:
        answer = said(port, *pieces)
        assert answer == b"cut off" or b"too large" in answer
        assert httpx.get(f"http://127.0.0.1:{port}/").text == "http"


def test_a_head_that_comes_byte_by_byte_is_given_up(tmp_path: Path) -> None:
    quick = ConnectionLimits(head_s=0.3)
    with listening(ServeSettings(folder=tmp_path, connection_limits=quick)) as port:
        for pieces in ([], [b"GET / HT"], [b"GET / HTTP/1.1\r\n"]):
            assert b"too long" in said(port, *pieces)
        # A complete head has no such limit, and neither has a slow body.
        head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\n"
        # A silent connection is closed after the same time as a slow head.
        assert b"200 OK" in said(port, head, b"ab", b"cd", after_each=lambda: said(port))


@pytest.mark.parametrize("size", [1, 1000, 100_000])
def test_bodies_are_not_taken_for_heads(tmp_path: Path, size: int) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(3 * connection.HEAD_BYTES // max(size, 100)):
            yield b"x" * size

    with listening(ServeSettings(folder=tmp_path)) as port:
        answer = httpx.post(f"http://127.0.0.1:{port}/", content=pieces())
        assert answer.text == "http"
