"""Clients of a server under load, all at once; for `load_serve.py`."""

from __future__ import annotations

import argparse
import asyncio
import collections
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from pneumoscope.train.inference_bench.http_load import Server, memory_mib

_PATIENCE_S = 60.0


@dataclass
class Seen:
    """What clients saw."""

    statuses: collections.Counter[int] = field(default_factory=collections.Counter)
    broken: collections.Counter[str] = field(default_factory=collections.Counter)
    times_ms: list[float] = field(default_factory=list)
    memory_mib: list[float] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)


async def everybody(
    client: Callable[[int, Sequence[bytes], Server, float, Seen], Awaitable[None]],
    requests: Sequence[bytes],
    server: Server,
    options: argparse.Namespace,
    seen: Seen,
    kill: bool = False,
) -> Seen:
    """All clients for the time given, or until the server is killed."""
    end = time.monotonic() + options.seconds
    clients = [
        asyncio.create_task(client(i, requests, server, end, seen)) for i in range(options.clients)
    ]
    while time.monotonic() < end:
        seen.memory_mib.append(memory_mib(server.pid))
        await asyncio.sleep(min(1.0, options.seconds / 10))
    if kill:
        # On a busy machine not even one job may be accepted in this time: then nothing would be tested.
        while not seen.jobs and time.monotonic() < end + _PATIENCE_S:
            await asyncio.sleep(0.05)
        os.kill(server.pid, signal.SIGKILL)
    await asyncio.gather(*clients)
    return seen
