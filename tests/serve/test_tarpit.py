"""A connection that made room for another one stays open for a while, unread."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

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


def test_those_that_came_together_are_not_closed_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them would come back at once."""
    waited, loop_now = list[tuple[int, float]](), [0.0]

    async def sleep(seconds: float) -> None:
        waited.append((len(kept), round(seconds, 3)))
        loop_now[0] += seconds

    async def trial() -> list[Transport]:
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: loop_now[0])
        lines = [held(kept) for _ in range(4)]
        await kept._close_in_time()
        return lines

    kept = Tarpit(9)
    monkeypatch.setattr(tarpit.asyncio, "sleep", sleep)
    assert [line.state for line in run(trial)] == ["closed"] * 4
    assert waited[:5] == [(4, 15.0), (3, 3.75), (2, 5.0), (1, 7.5), (0, 15.0)]


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
