"""News of jobs, from the threads that work to the requests that listen."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Feeds:
    """Ids of films that have ended, per job."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[str, list[tuple[asyncio.AbstractEventLoop, asyncio.Queue[str]]]] = (
            defaultdict(list)
        )

    @contextmanager
    def listening(self, job: str) -> Iterator[asyncio.Queue[str]]:
        """A queue of the ids that end while the block runs; in an event loop."""
        mine = (asyncio.get_running_loop(), asyncio.Queue[str]())
        with self._lock:
            self._listeners[job].append(mine)
        try:
            yield mine[1]
        finally:
            with self._lock:
                self._listeners[job].remove(mine)
                if not self._listeners[job]:
                    del self._listeners[job]

    def tell(self, job: str, film: str) -> None:
        """Tells who listens; from any thread."""
        with self._lock:
            listeners = list(self._listeners.get(job, ()))
        for loop, news in listeners:
            if not loop.is_closed():
                loop.call_soon_threadsafe(news.put_nowait, film)
