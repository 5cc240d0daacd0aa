"""A server that takes a request, or begins its answer, without an end."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dripping import again_and_again, dripping

pytest.importorskip("httpx", reason="needs the [serve] extra")

from pneumoscope.client import Client, answers
from pneumoscope.client.deadlines import Deadline
from pneumoscope.errors import ServerError

JOB = b'{"id": "j1", "state": "done", "total": 0, "done": 0, "failed": 0}'


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
        again_and_again(lambda line: None, lambda line: line.sendall(early)) as url,
        Client(url, timeout_s=0.5) as client,
        pytest.raises(ServerError, match="takes too long"),
    ):
        client.job("j1")


def test_a_server_that_takes_a_film_bit_by_bit_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_BYTES_PER_S", 1e12)
    taken: list[bytes] = []
    with (
        again_and_again(lambda line: None, lambda line: taken.append(line.recv(65536))) as url,
        Client(url, timeout_s=0.5) as client,
        pytest.raises(ServerError, match="takes too long"),
    ):
        client.submit([b"\x89PNG" + bytes(32_000_000)])
    assert sum(map(len, taken)) < 16_000_000


def test_a_body_of_which_no_part_comes_has_the_deadline_too() -> None:
    """The size of a chunk comes digit by digit."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"
    with (
        again_and_again(lambda line: line.sendall(head), lambda line: line.sendall(b"x")) as url,
        Client(url, timeout_s=0.5) as client,
        pytest.raises(ServerError, match="takes too long"),
    ):
        client.job("j1")


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
