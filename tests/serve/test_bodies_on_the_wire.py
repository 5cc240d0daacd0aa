"""Bodies of honest clients over real connections: the application starts when a small one is complete."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from in_process import small
from live import listening
from pneumoscope.serve.security import tls
from pneumoscope.serve.settings import ConnectionLimits, ServeSettings

HEAD = b"POST /api/v1/things HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\n"
FIVE = HEAD + b"Content-Length: 5\r\n\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
DRIPS = FIVE + b"x"


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """A server as it is, and one whose bodies have 0.2 s, whose users have two requests a minute."""
    folder = tmp_path_factory.mktemp("wire")
    limits = ConnectionLimits(body_s=0.2)
    with (
        small(folder / "usual", rate_limit=0) as usual,
        small(
            folder / "short", {"otto": "operator"}, connection_limits=limits, rate_limit=1
        ) as short,
        listening(usual.app, **options(folder, ConnectionLimits())) as (first, _),
        listening(short.app, **options(folder, limits)) as (second, _),
    ):
        yield {"usual": first.port, "short": second.port}


def options(folder: Path, limits: ConnectionLimits) -> dict[str, object]:
    settings = ServeSettings(folder=folder, connection_limits=limits)
    return tls.uvicorn_options(settings)


def answers(line: socket.socket, count: int) -> list[tuple[int, bytes]]:
    """Status and body of the next answers."""
    received, parsed = b"", list[tuple[int, bytes]]()
    while len(parsed) < count:
        head, end, rest = received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        size = int(length[1]) if length else 0
        if end and len(rest) >= size:
            parsed.append((int(head.split()[1]), rest[:size]))
            received = rest[size:]
            continue
        piece = line.recv(65536)
        assert piece, received
        received += piece
    assert not received
    return parsed


@pytest.fixture
def line(ports: dict[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", ports["usual"]), 60) as opened:
        yield opened


def test_a_body_in_pieces_is_complete_and_the_connection_stays(line: socket.socket) -> None:
    for _ in range(2):
        line.sendall(FIVE)
        for byte in b"films":
            line.sendall(bytes([byte]))
        assert answers(line, 1) == [(200, b'{"bytes":5}')]


def test_a_body_of_unknown_length_is_complete(line: socket.socket) -> None:
    line.sendall(CHUNKED + b"3\r\nabc\r\n")
    line.sendall(b"4\r\ndefg\r\n0\r\n\r\n" + FIVE + b"films")
    assert answers(line, 2) == [(200, b'{"bytes":7}'), (200, b'{"bytes":5}')]


def test_requests_behind_one_another_are_answered_in_their_order(line: socket.socket) -> None:
    line.sendall(FIVE + b"films" + HEAD + b"Content-Length: 2\r\n\r\nxy" + HEAD + b"\r\n")
    assert [body for _, body in answers(line, 3)] == [
        b'{"bytes":5}',
        b'{"bytes":2}',
        b'{"bytes":0}',
    ]


def test_a_client_that_waits_for_100_gets_it(line: socket.socket) -> None:
    line.sendall(HEAD + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    assert line.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
    line.sendall(b"films")
    assert answers(line, 1) == [(200, b'{"bytes":5}')]


def test_a_client_that_waits_for_100_is_refused_without_a_body(line: socket.socket) -> None:
    line.sendall(HEAD + b"Content-Length: 65537\r\nExpect: 100-continue\r\n\r\n")
    assert [status for status, _ in answers(line, 1)] == [413]


def test_a_body_of_unknown_length_has_a_limit(line: socket.socket) -> None:
    line.sendall(CHUNKED + b"10001\r\n" + bytes(65537))
    [(status, body)] = answers(line, 1)
    assert (status, b"65,536 bytes" in body) == (413, True)


def test_a_large_body_is_read_as_it_comes(line: socket.socket) -> None:
    upload = HEAD.replace(b"things", b"predictions") + b"Content-Length: 3000000\r\n\r\n"
    line.sendall(upload + bytes(3_000_000) + FIVE + b"films")
    assert answers(line, 2) == [(200, b'{"bytes":3000000}'), (200, b'{"bytes":5}')]


def test_what_the_head_alone_refuses_needs_no_large_body(ports: dict[str, int]) -> None:
    upload = HEAD.replace(b"things", b"predictions") + b"Content-Length: 3000000\r\n\r\n"
    refused = {}
    for name, head in {
        "host": upload.replace(b"Host: 127.0.0.1", b"Host: elsewhere"),
        "origin": upload.replace(b"Origin: http://127.0.0.1", b"Origin: http://elsewhere"),
        "length": HEAD + b"Content-Length: 99999999\r\n\r\n",
    }.items():
        with socket.create_connection(("127.0.0.1", ports["usual"]), 60) as line:
            line.sendall(head)
            [(refused[name], _)] = answers(line, 1)
    assert refused == {"host": 400, "origin": 403, "length": 413}


def test_small_bodies_that_drip_have_an_end_and_use_up_no_rate(ports: dict[str, int]) -> None:
    session = DRIPS.replace(b"/things", b"/session")
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", ports["short"]), 60) as line:
            line.sendall(session)
            [(status, body)] = answers(line, 1)
            assert (status, b"took too long" in body, line.recv(1)) == (408, True, b"")
    # The address has as many requests as four users: one at once, and then it must wait.
    statuses = []
    for _ in range(2):
        with socket.create_connection(("127.0.0.1", ports["short"]), 60) as line:
            line.sendall(session + b"film")
            statuses += [status for status, _ in answers(line, 1)]
    assert statuses == [422, 429]


def test_a_client_that_leaves_within_its_body_leaves_nothing(ports: dict[str, int]) -> None:
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", ports["usual"]), 60) as line:
            line.sendall(DRIPS)
    with socket.create_connection(("127.0.0.1", ports["usual"]), 60) as line:
        line.sendall(FIVE + b"films")
        assert answers(line, 1) == [(200, b'{"bytes":5}')]
