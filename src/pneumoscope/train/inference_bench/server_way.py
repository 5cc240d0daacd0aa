"""Reading through ``pneumoscope serve``, one film in a request, over loopback."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pneumoscope.train.inference_bench.http_load import (
    at_once,
    at_rate,
    cpu_s,
    memory_mib,
    request,
    serving,
)
from pneumoscope.train.inference_bench.way import Way

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pneumoscope.train.inference_bench.way import Job

CLIENTS = 32
"""Connections at once for many films."""


class Server(Way):
    """The server in a process of its own; processor time is that of server and clients."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._stack = ExitStack()
        folder = self._stack.enter_context(TemporaryDirectory())
        bundle = ("--bundle", str(job.bundle))
        self._server = self._stack.enter_context(serving(folder, *bundle))

    def read(self, film: Path) -> object:
        asyncio.run(at_once(self._requests([film]), 1, self._server))
        return None

    def read_many(self, films: Sequence[Path]) -> None:
        asyncio.run(at_once(self._requests(films), CLIENTS, self._server))

    def at_rate(self, films: Sequence[Path], per_s: float, seconds: float) -> list[float]:
        """Milliseconds that each film takes if they come at a fixed rate."""
        return asyncio.run(at_rate(self._requests(films), per_s, seconds, self._server))

    def cpu_s(self) -> float:
        return time.process_time() + cpu_s(self._server.pid)

    def memory_mib(self) -> float | None:
        """Of the server and its decoders at present; pages that they share count once."""
        return memory_mib(self._server.pid)

    def close(self) -> None:
        self._stack.close()

    def _requests(self, films: Sequence[Path]) -> list[bytes]:
        return [request([film.read_bytes()], self._server.host) for film in films]
