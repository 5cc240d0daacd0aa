"""A connection that made room for another one stays open for a while, unread."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from listening import listening
from pneumoscope.serve.security import tarpit
from pneumoscope.serve.security.connection import Connection
from pneumoscope.serve.security.tarpit import Tarpit
from pneumoscope.serve.settings import ConnectionLimits, ServeSettings
from transports import Transport


def held(kept: Tarpit, *, answered: bool = False, waiting: int = 0) -> Transport:
    line = Transport(waiting=waiting)
    connection = Connection(network="10.0.0.1", transport=line, since=0.0, answered=answered)  # type: ignore[arg-type]
    kept.take(connection, asyncio.get_running_loop().time())
    return line


def run(trial: Callable[[], Awaitable[list[Transport]]]) -> list[Transport]:
    async def all_of_it() -> list[Transport]:
        return await trial()

    return asyncio.run(all_of_it())


def test_one_too_many_closes_the_one_that_was_kept_longest() -> None:
    async def trial() -> list[Transport]:
        kept = Tarpit(2)
        lines = [held(kept) for _ in range(3)]
        assert [line.state for line in lines] == ["closed", "unread", "unread"]
        assert len(kept) == 2
        return lines

    # What is still kept is closed when the server ends.
    assert [line.state for line in run(trial)] == ["closed"] * 3


def test_a_client_that_waits_for_the_server_is_not_kept_waiting() -> None:
    async def trial() -> list[Transport]:
        kept = Tarpit(2)
        return [held(kept, answered=True), held(kept, waiting=1), held(Tarpit(0))]

    assert [line.state for line in run(trial)] == ["closed"] * 3


def test_each_is_closed_in_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tarpit, "HOLD_S", 0.05)

    async def trial() -> list[Transport]:
        kept = Tarpit(9)
        lines = [held(kept)]
        await asyncio.sleep(0.03)
        lines.append(held(kept))
        while len(kept) == 2:
            await asyncio.sleep(0.001)
        assert lines[0].state == "closed"
        while len(kept):
            await asyncio.sleep(0.001)
        lines.append(held(kept))  # it begins again
        assert [line.state for line in lines] == ["closed", "closed", "unread"]
        return lines

    run(trial)


def closed_at(monkeypatch: pytest.MonkeyPatch, arrivals: list[float]) -> list[float]:
    """When connections that arrive at these times are closed, by a clock that moves in pauses only."""
    kept, lines, closed = Tarpit(1000), list[Transport](), dict[Transport, float]()
    now = 0.0

    def note() -> None:
        for line in lines:
            if line.state == "closed":
                closed.setdefault(line, now)

    async def sleep(seconds: float) -> None:
        nonlocal now
        note()
        end = now + seconds
        for arrival in arrivals[len(lines) :]:
            if arrival <= end:
                now = arrival
                lines.append(held(kept))
        now = end

    async def trial() -> list[Transport]:
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
        while len(lines) < len(arrivals):
            await sleep(max(0.0, arrivals[len(lines)] - now))
            await kept._close_in_time()
            note()
        return lines

    # Servers of other tests may run in other threads, and sleep too.
    clocked = SimpleNamespace(get_running_loop=asyncio.get_running_loop, sleep=sleep)
    monkeypatch.setattr(tarpit, "asyncio", clocked)
    return [closed[line] for line in run(trial)]


def test_those_that_came_together_are_not_closed_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them would come back at once."""
    assert closed_at(monkeypatch, [0.0] * 4) == pytest.approx([15.0, 18.75, 22.5, 26.25])


@pytest.mark.parametrize(
    "arrivals",
    [[0.0] * 500, [0.0, *[16.0] * 500], [0.0, *[14.0] * 500, *[29.0] * 100]],
    ids=["together", "many after a single one", "in groups"],
)
def test_each_is_closed_within_twice_the_time(
    monkeypatch: pytest.MonkeyPatch, arrivals: list[float]
) -> None:
    held_s = [
        end - began for began, end in zip(arrivals, closed_at(monkeypatch, arrivals), strict=True)
    ]
    assert min(held_s) >= tarpit.HOLD_S - 1e-6
    assert max(held_s) <= 2 * tarpit.HOLD_S + 1e-6


@pytest.mark.parametrize("sent", [b"", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx"])
def test_who_made_room_is_not_told_at_once_and_a_server_that_stops_does_not_wait_for_it(
    tmp_path: Path, sent: bytes
) -> None:
    few = ConnectionLimits(connections=2)
    with socket.socket() as first, socket.socket() as second, socket.socket() as new:
        with listening(ServeSettings(folder=tmp_path, connection_limits=few)) as port:
            for line in (first, second):
                line.connect(("127.0.0.1", port))
                line.sendall(sent)
            new.connect(("127.0.0.1", port))
            new.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert new.recv(100).startswith(b"HTTP/1.1 200")
            for line in (first, second):
                line.settimeout(0.05)
                with pytest.raises(TimeoutError):
                    line.recv(1)
                line.close()  # the server does not see it of the one that it keeps
            stopped = time.monotonic()
        assert time.monotonic() - stopped < 10
