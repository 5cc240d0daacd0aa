"""Answers of services that are none of ours, or hostile: too long, too slow, packed, too deep."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

httpx = pytest.importorskip("httpx", reason="needs the [serve] extra")

from pneumoscope.client import answers
from pneumoscope.client.answers import json_object, lines, read, sentence
from pneumoscope.client.deadlines import Deadline
from pneumoscope.errors import ServerError

URL = "https://reading-room.example"


class Endless(httpx.SyncByteStream):  # type: ignore[misc]
    """A body without an end; it counts the pieces that were taken."""

    def __init__(self, piece: bytes = b"x" * 1000) -> None:
        self.piece = piece
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.taken += 1
            yield self.piece


def test_a_whole_answer() -> None:
    stream = httpx.Response(200, content=b"{}", headers={"Retry-After": "3"})
    answer = read(stream, URL, 5.0, Deadline())
    assert (answer.status, answer.content, answer.retry_after) == (200, b"{}", "3")
    assert not answer.refused


def test_an_answer_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MOST_BYTES", 4500)
    body = Endless()
    with pytest.raises(ServerError, match="longer than 4,500 bytes"):
        read(httpx.Response(200, stream=body), URL, 1e9, Deadline())
    assert body.taken == 5


def test_an_answer_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    class Slow(Endless):
        def __iter__(self) -> Iterator[bytes]:
            nonlocal now
            for piece in super().__iter__():
                now += 30.0
                yield piece

    monkeypatch.setattr(answers, "time", SimpleNamespace(monotonic=lambda: now))
    body = Slow(b"x")
    with pytest.raises(ServerError, match="takes too long"):
        read(httpx.Response(200, stream=body), URL, 10.0, Deadline())
    assert body.taken == 4  # at 120 s, when ten waits of 10 s are over


def test_an_event_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MOST_LINE_BYTES", 4500)
    with pytest.raises(ServerError, match="longer than 4,500 bytes"):
        list(lines(httpx.Response(200, stream=Endless()), URL))


def test_lines_across_pieces() -> None:
    class Pieces(httpx.SyncByteStream):  # type: ignore[misc]
        def __iter__(self) -> Iterator[bytes]:
            yield from (b"data: a\r\nda", b"ta: \xff\n\nrest")

    whole = list(lines(httpx.Response(200, stream=Pieces()), URL))
    assert whole == ["data: a", "data: \N{REPLACEMENT CHARACTER}", ""]


@pytest.mark.parametrize("coding", ["gzip", "identity, gzip", "br"])
def test_what_was_packed_is_not_unpacked(coding: str) -> None:
    for take in (lambda s: read(s, URL, 5.0, Deadline()), lambda s: list(lines(s, URL))):
        stream = httpx.Response(200, stream=Endless(), headers={"Content-Encoding": coding})
        with pytest.raises(ServerError, match="compressed"):
            take(stream)


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a":' * 100_000, b"[]", b"5", b"", b"\xff"])
def test_what_is_no_object(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        json_object(content)
    refusal = answers.Answer(500, "", content).refusal()
    assert refusal.message == "the server answers 500"


def test_a_sentence_is_not_endless() -> None:
    content = b'{"detail": "%s", "hint": {}}' % (b"x" * 100_000)
    refusal = answers.Answer(500, "", content).refusal()
    assert (len(refusal.message), refusal.hint) == (1000, "{}")
    assert sentence(None) == "None"
