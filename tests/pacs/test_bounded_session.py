"""An exchange with a hostile server ends, and its answer has a limit."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from pneumoscope.pacs.destinations import bounded_session
from pneumoscope.pacs.destinations.bounded_session import BoundedSession
from pneumoscope.pacs.destinations.connection_settings import HttpSettings
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.destinations.http import WebService, json_of, shown
from web_servers import Answer, web_server

HEAD = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def endless(beginning: bytes, rest: bytes, pause_s: float = 0.02) -> Iterator[str]:
    """A server that never ends its answer; its URL."""
    over = threading.Event()

    def answer() -> None:
        with contextlib.suppress(OSError):
            line, _ = listener.accept()
            with line:
                line.settimeout(5)
                line.recv(65536)
                line.sendall(beginning)
                while not over.wait(pause_s):
                    line.sendall(rest)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize(
    ("beginning", "rest"),
    [
        (b"HTTP/1.1 200 ", b"x"),
        (HEAD + b"X: ", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (HEAD + b"Content-Length: 99999\r\n\r\n", b"x"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (HEAD + b"\r\n", b"x"),
    ],
    ids=["status", "header", "continue", "length", "chunked", "until the end"],
)
def test_an_answer_that_drips_is_given_up(
    beginning: bytes, rest: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_session, "PATIENCE", 0.05)
    with endless(beginning, rest) as url:
        started = time.monotonic()
        with pytest.raises(DeliveryFailed, match="no complete answer within 0 s") as caught:
            WebService("web", HttpSettings(url, timeout_s=3.0)).request("GET", limit_bytes=5000)
        assert time.monotonic() - started < 60  # rather than without end
    assert not caught.value.permanent


def test_an_answer_without_an_end_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_session, "ANSWER_BYTES", 1_000_000)
    with (
        endless(HEAD + b"Connection: close\r\n\r\n", bytes(2**18), 0.0) as url,
        BoundedSession(60.0) as session,
        pytest.raises(DeliveryFailed, match="more than 1000000 bytes") as caught,
    ):
        session.get(url, timeout=60)
    assert not caught.value.permanent  # an object may be stored all the same


def test_the_body_of_a_redirect_is_not_read() -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\r\n"
    with (
        endless(head, bytes(2**18), 0.0) as url,
        BoundedSession(60.0) as session,
        pytest.raises(requests.TooManyRedirects),
    ):
        session.get(url, timeout=60)


def test_a_usual_answer_is_complete_and_ends_the_timer() -> None:
    before = threading.active_count()
    with web_server(Answer(body=b"x" * 70_000)) as server, BoundedSession(5.0) as session:
        assert session.post(server.url, data=b"y", timeout=60).content == b"x" * 70_000
        assert session.longest_s == pytest.approx(50 + 1 / 65536)
        session.close()
    for _ in range(6000):
        if threading.active_count() <= before:
            break
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_json_that_is_too_deep_is_none() -> None:
    assert json_of(b'[{"a": 1}]') == [{"a": 1}]
    for content in (b"[" * 200_000, b"{", b"\xff"):
        with pytest.raises(ValueError):  # noqa: PT011 (any)
            json_of(content)


def test_what_a_server_says_of_itself_is_short_and_has_no_control_characters() -> None:
    assert shown("1.12.5") == "1.12.5"
    assert shown("1\x1b[2J\r\nok" + "9" * 99) == "1[2Jok" + "9" * 31
