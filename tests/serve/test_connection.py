"""The head of a request has limits, and so has a small body."""

from __future__ import annotations

import socket
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from answers import assert_problem
from listening import listening
from pneumoscope.serve.security import connection
from pneumoscope.serve.security.headers import FIXED
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
        for pieces in ([b"GET / HT"], [b"GET / HTTP/1.1\r\n"]):
            assert b"too long" in said(port, *pieces)
        # Browsers open connections before they need them: no answer without a request.
        for pieces in ([], [b"\r\n"]):
            assert said(port, *pieces) == b""
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


def test_what_is_no_request_gets_the_security_headers_too(tmp_path: Path) -> None:
    with listening(ServeSettings(folder=tmp_path)) as port:
        answer = said(port, b"no request\r\n\r\n")
    status, _, rest = answer.decode().partition("\r\n")
    head, _, body = rest.partition("\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.splitlines())
    assert status == "HTTP/1.1 400 Bad Request"
    assert FIXED.items() <= headers.items()
    assert int(headers["content-length"]) == len(body) > 0


def test_only_some_requests_of_a_connection_wait(tmp_path: Path) -> None:
    """The heads of thousands that came at once kept everybody else waiting for seconds."""
    request, last = b"GET / HTTP/1.1\r\nHost: x\r\n", b"Connection: close\r\n\r\n"
    most = connection.MOST_WAITING
    with listening(ServeSettings(folder=tmp_path)) as port:
        answer = said(port, (request + b"\r\n") * (most - 1) + request + last)
        assert answer.count(b"200 OK") == most
        answer = said(port, (request + b"\r\n") * 20 * most)
        assert answer == b"cut off" or answer.count(b"200 OK") < most
        assert httpx.get(f"http://127.0.0.1:{port}/").text == "http"


def received(sent: bytes) -> httpx.Response:
    """An answer as a client reads it."""
    head, _, body = sent.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
    return httpx.Response(int(status.split()[1]), headers=headers, content=body)


class Timer:
    """A timer that a test ends."""

    def __init__(
        self, timers: list[Timer], act: Callable[..., None], args: tuple[Any, ...]
    ) -> None:
        self.timers, self.act, self.args = timers, act, args
        timers.append(self)

    def cancel(self) -> None:
        if self in self.timers:  # it has not ended
            self.timers.remove(self)


class Line:
    """A transport whose client takes what a test says, and a loop whose timers a test ends."""

    def __init__(self) -> None:
        self.waiting = self.started = 0
        self.aborted = self.closed = False
        self.now = 0.0
        self.sent = b""
        self.timers: list[Timer] = []

    def create_task(self, request: Coroutine[Any, Any, None]) -> Line:
        request.close()
        self.started += 1
        return self

    def add_done_callback(self, _done: object) -> None:
        """As a task has it."""

    def call_later(self, _s: float, act: Callable[..., None], *args: Any) -> Timer:
        return Timer(self.timers, act, args)

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def write(self, data: bytes) -> None:
        self.waiting += len(data)
        self.sent += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.aborted = True

    def pause_reading(self) -> None:
        """As a transport has it."""

    def resume_reading(self) -> None:
        """As a transport has it."""

    def get_extra_info(self, _name: str) -> None:
        return None

    def time(self) -> float:
        return self.now

    def look(self, at: str = "_check_answer") -> None:
        """Ends a timer; by default the one that looks at what the client has taken."""
        [timer] = [timer for timer in self.timers if timer.act.__name__ == at]
        timer.cancel()
        timer.act(*timer.args)


async def no_app(_scope: object, _receive: object, _send: object) -> None:
    """An application that answers nothing."""


def protocol_on(line: Line) -> connection.LimitedHttpProtocol:
    """A connection whose clients must take 1,000 bytes between two looks."""
    protocol = connection.LimitedHttpProtocol(
        connection.Connection(network="10.0.0.1", transport=line, since=0.0),  # type: ignore[arg-type]
        ConnectionLimits(stalled_s=2.0, client_bytes_per_s=500),
        lambda _connection: None,
        {},
        config=uvicorn.Config(no_app, lifespan="off"),
        server_state=ServerState(),
        app_state={},
        _loop=line,
    )
    protocol.connection_made(line)  # type: ignore[arg-type]
    return protocol


def test_an_answer_that_follows_another_is_not_compared_with_it() -> None:
    line = Line()
    protocol = protocol_on(line)
    protocol.write(bytes(30_000))
    protocol.on_response_complete()  # 30,000 bytes wait, so it looks at what the client takes
    line.waiting = 0  # all of them are taken
    protocol.write(bytes(2_000_000))
    line.waiting = 1_200_000
    line.look()
    assert not line.aborted
    protocol.write(bytes(500_000))
    line.waiting -= 1_000
    line.look()
    assert not line.aborted
    line.waiting -= 999
    line.look()
    assert line.aborted


def test_an_answer_that_has_just_been_made_is_not_late() -> None:
    line = Line()
    protocol = protocol_on(line)
    protocol.write(bytes(100))
    protocol.on_response_complete()
    line.waiting = 0
    protocol.write(bytes(2_000_000))  # at the moment of the look
    line.look()
    assert not line.aborted
    line.look()  # and none of it is taken afterwards
    assert line.aborted


POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
SMALL = POST + b"Content-Length: 5\r\n\r\n"


def test_uvicorn_starts_requests_where_they_are_delayed() -> None:
    """In versions before 0.45 nothing would call the override."""
    assert "_start_asgi_task" in vars(HttpToolsProtocol)


@pytest.mark.parametrize(
    ("incomplete", "rest"),
    [
        (SMALL + b"film", b"s"),
        (POST + b"Content-Length: 65536\r\n\r\n" + bytes(65_535), b"x"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nfilms\r\n", b"0\r\n\r\n"),
        # Of a long body, which might never be complete, only the beginning is awaited.
        (POST + b"Transfer-Encoding: chunked\r\n\r\n10001\r\n" + bytes(65_535), b"x"),
        (POST, b"\r\n"),
        (POST, b"Content-Length: 65537\r\n\r\n"),
    ],
    ids=["small", "just small", "in chunks", "many chunks", "no body", "large"],
)
def test_a_request_starts_when_its_small_body_is_complete(incomplete: bytes, rest: bytes) -> None:
    """What never comes then costs the server little."""
    line = Line()
    protocol = protocol_on(line)
    protocol.data_received(incomplete)
    assert line.started == 0
    protocol.data_received(rest)
    assert line.started == 1


def test_a_small_body_is_asked_for_before_the_application_starts() -> None:
    line = Line()
    protocol = protocol_on(line)
    protocol.data_received(POST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    assert (line.sent, line.started) == (b"HTTP/1.1 100 Continue\r\n\r\n", 0)
    protocol.data_received(b"films")
    assert line.started == 1


def test_a_small_body_has_an_end_and_more_time_for_what_comes() -> None:
    line = Line()
    protocol = protocol_on(line)  # 30 s, and a second more for every 500 bytes
    protocol.data_received(POST + b"Content-Length: 9000\r\n\r\n" + bytes(1_000))
    line.now = 30.0
    line.look("_check_body")
    assert not line.closed
    line.now = 32.0
    line.look("_check_body")
    assert line.closed
    assert line.sent.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert line.started == 0


def test_a_late_small_body_is_refused_as_other_requests_are() -> None:
    german = b"POST /sent HTTP/1.1\r\nHost: x\r\nAccept-Language: de\r\nContent-Length: 5\r\n\r\n"
    for head in (german, german.replace(b": de", b": en")):
        line = Line()
        protocol = protocol_on(line)
        protocol.data_received(head + b"film")
        line.now = 31.0
        line.look("_check_body")
        answer = received(line.sent)
        problem = assert_problem(answer, 408, "BadRequest")
        assert (problem["instance"], answer.headers["connection"]) == ("/sent", "close")
        shown = (answer.headers["content-language"], problem["detail"], problem["hint"])
        if head is german:
            assert shown == (
                "de",
                "der Inhalt der Anfrage kam zu langsam",
                "Senden Sie weniger auf einmal.",
            )
        else:
            assert shown == ("en", "the body took too long", "Send less at once.")


@pytest.mark.parametrize("rest", [b"", b"s"], ids=["incomplete", "complete"])
def test_a_request_behind_one_that_was_refused_does_not_start(rest: bytes) -> None:
    """Its body would have the time of a small body, and its answer would follow the last one."""
    line = Line()
    protocol = protocol_on(line)
    protocol.data_received(POST + b"\r\n" + SMALL + b"film")
    refused = protocol._cycles[0]
    refused.response_complete = True
    protocol.close()  # the first answer is the last one
    protocol.on_response_complete()
    assert [timer.act.__name__ for timer in line.timers] == ["_close"]
    if rest:
        protocol.data_received(rest)
    else:
        line.look("_close")
    assert (line.closed, line.started, line.sent) == (True, 1, b"")


def test_a_server_that_stops_does_not_wait_for_a_small_body() -> None:
    line = Line()
    protocol = protocol_on(line)
    protocol.data_received(SMALL)
    protocol.shutdown()
    assert line.closed
