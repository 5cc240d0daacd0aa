"""A server that takes a request, or begins its answer, without an end."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

pytest.importorskip("httpx", reason="needs the [serve] extra")

from pneumoscope.client import Client, answers
from pneumoscope.client.deadlines import Deadline
from pneumoscope.errors import ServerError

JOB = b'{"id": "j1", "state": "done", "total": 0, "done": 0, "failed": 0}'
_PAUSE_S = 0.01
_MOST_S = 20.0
"""The server ends by then, also if its client waits without end."""


@contextlib.contextmanager
def serving(
    act: Callable[[socket.socket], None], again: Callable[[socket.socket], None]
) -> Iterator[str]:
    """The URL of a server that does one thing with its only connection, and another one again and again.

    Its client must not wait for its end.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    over, waited_for = threading.Event(), list[socket.socket]()

    def serve() -> None:
        with listener, contextlib.suppress(OSError):
            line, _ = listener.accept()
            with line:
                act(line)
                for _ in range(int(_MOST_S / _PAUSE_S)):
                    again(line)
                    if over.wait(_PAUSE_S):
                        return
                waited_for.append(line)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        thread.join(60)
    assert not waited_for


def dripping(*first: bytes) -> contextlib.AbstractContextManager[str]:
    """A server that answers with these, one for each request, and then drips a head."""

    def answer(line: socket.socket) -> None:
        for each in (*first, b"HTTP/1.1 200 OK\r\nX: "):
            line.recv(65536)
            line.sendall(each)

    return serving(answer, lambda line: line.sendall(b"x"))


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer may take as long as a pause within it."""
    monkeypatch.setattr(answers, "_TIMEOUTS", 1)


def test_a_head_that_drips_is_given_up() -> None:
    with (
        dripping() as url,
        Client(url, timeout_s=0.5) as client,
        pytest.raises(ServerError, match="takes too long"),
    ):
        client.job("j1")


def test_a_connection_that_was_used_before_has_the_deadline_too() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(JOB)
    with dripping(head + JOB) as url, Client(url, timeout_s=0.5) as client:
        assert client.job("j1").state == "done"
        with pytest.raises(ServerError, match="takes too long"):
            next(client.follow("j1"))


def test_messages_before_the_answer_have_the_deadline_too() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    with (
        serving(lambda line: None, lambda line: line.sendall(early)) as url,
        Client(url, timeout_s=0.5) as client,
        pytest.raises(ServerError, match="takes too long"),
    ):
        client.job("j1")


def test_a_server_that_takes_a_film_bit_by_bit_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_BYTES_PER_S", 1e12)
    taken: list[bytes] = []
    with (
        serving(lambda line: None, lambda line: taken.append(line.recv(65536))) as url,
        Client(url, timeout_s=0.5) as client,
        pytest.raises(ServerError, match="takes too long"),
    ):
        client.submit([b"\x89PNG" + bytes(32_000_000)])
    assert sum(map(len, taken)) < 16_000_000


def test_a_request_without_a_deadline_keeps_its_pauses() -> None:
    stream = SimpleNamespace(
        read=lambda _most, timeout: timeout, write=lambda _piece, timeout: None
    )
    deadline = Deadline()
    deadline.watch("connection.connect_tcp.complete", {"return_value": stream})
    assert stream.read(10, timeout=3.0) == 3.0
    with deadline.within(1.0):
        assert 0 < stream.read(10, timeout=3.0) <= 1.0
        assert 0 < stream.read(10, timeout=None) <= 1.0
    assert stream.read(10, timeout=3.0) == 3.0
    with pytest.raises(TimeoutError), deadline.within(0.0):
        stream.read(10, timeout=3.0)
