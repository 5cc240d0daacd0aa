"""A server's answer, read within limits: the address may be that of another service, or of a hostile one."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pneumoscope.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from pneumoscope.client.deadlines import Deadline

MOST_BYTES = 256 * 2**20
"""Of an answer; the longest are reports as PDF and films as PNG."""
MOST_LINE_BYTES = 16 * 2**20
"""Of an event of a job that is followed: a film's record."""
_TIMEOUTS = 10
"""An answer may take this many times the longest wait for a part of it, as those of archives may."""
_BYTES_PER_S = 65536
"""Each of these gives an answer a second more."""
_MOST_CHARACTERS = 1000
"""Of a sentence of the server."""
_ADDRESS = "Is this the address of `pneumoscope serve`?"


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer.

    Attributes:
        status: HTTP status.
        retry_after: When to ask again, as the server wrote it.
        content: The body.
    """

    status: int
    retry_after: str
    content: bytes

    @property
    def refused(self) -> bool:
        """Whether it is an error or leads elsewhere: no redirect is followed."""
        return self.status >= 300

    def refusal(self) -> ServerError:
        """The error of a server that does not do what it was asked for."""
        try:
            problem = json_object(self.content)
            detail, hint = sentence(problem["detail"]), sentence(problem["hint"])
        except (ValueError, KeyError):
            return ServerError(f"the server answers {self.status}", _ADDRESS, self.status)
        return ServerError(detail, hint, self.status)


def longest_s(timeout_s: float, size: int) -> float:
    """Seconds that bytes may take, if one pause may take ``timeout_s``."""
    return _TIMEOUTS * timeout_s + size / _BYTES_PER_S


def too_slow(url: str) -> ServerError:
    """The error of an answer that takes too long."""
    return ServerError(f"{url}: the answer takes too long", "Is the network very slow?")


def read(stream: httpx.Response, url: str, timeout_s: float, deadline: Deadline) -> Answer:
    """Reads an answer up to its end.

    Args:
        stream: The answer, of which only the head was read.
        url: The server, for messages.
        timeout_s: Longest wait for a part of it.
        deadline: That of the client; what comes may be no part of the answer, and come without an end.

    Raises:
        ServerError: It is too long, too slow, or compressed although this was not asked for.
    """
    _check_coding(stream, url)
    content, started = bytearray(), time.monotonic()
    pieces = stream.iter_bytes()
    while True:
        left = started + longest_s(timeout_s, len(content)) - time.monotonic()
        if left <= 0:
            raise too_slow(url)
        try:
            with deadline.within(left):
                piece = next(pieces, None)
        except TimeoutError:
            raise too_slow(url) from None
        if piece is None:
            break
        content += piece
        if len(content) > MOST_BYTES:
            raise ServerError(f"{url}: the answer is longer than {MOST_BYTES:,} bytes", _ADDRESS)
    return Answer(stream.status_code, stream.headers.get("retry-after", ""), bytes(content))


def lines(stream: httpx.Response, url: str) -> Iterator[str]:
    """The lines of an answer, as they come.

    Raises:
        ServerError: A line is too long, or the answer is compressed.
    """
    _check_coding(stream, url)
    rest = b""
    for piece in stream.iter_bytes():
        *whole, rest = (rest + piece).split(b"\n")
        if len(rest) > MOST_LINE_BYTES:
            raise ServerError(f"{url}: an event is longer than {MOST_LINE_BYTES:,} bytes", _ADDRESS)
        for line in whole:
            yield line.decode("utf-8", "replace").rstrip("\r")


def json_object(content: bytes | str) -> dict[str, Any]:
    """An object of JSON.

    Raises:
        ValueError: It is none, or is nested too deeply.
    """
    try:
        value = json.loads(content)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def sentence(text: object) -> str:
    """What the server says, for people: not too long."""
    return str(text)[:_MOST_CHARACTERS]


def _check_coding(stream: httpx.Response, url: str) -> None:
    """Refuses what unpacks to an unknown length."""
    if stream.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise ServerError(f"{url}: the answer is compressed, which was not asked for", _ADDRESS)
