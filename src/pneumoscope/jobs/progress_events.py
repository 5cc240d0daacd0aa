"""Progress of jobs, from the threads that read films to the requests that wait for them."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class ProgressEvents:
    """Ids of films that are finished, by job. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscribers: dict[str, list[tuple[asyncio.AbstractEventLoop, asyncio.Queue[str]]]] = (
            defaultdict(list)
        )

    @contextmanager
    def subscribed(self, job: str) -> Iterator[asyncio.Queue[str]]:
        """A queue of the ids that finish while the block runs; needs a running event loop."""
        subscriber = (asyncio.get_running_loop(), asyncio.Queue[str]())
        with self._lock:
            self._subscribers[job].append(subscriber)
        try:
            yield subscriber[1]
        finally:
            with self._lock:
                self._subscribers[job].remove(subscriber)
                if not self._subscribers[job]:
                    del self._subscribers[job]

    def publish(self, job: str, film: str) -> None:
        """Tells the subscribers of a job that a film is finished; from any thread."""
        with self._lock:
            subscribers = list(self._subscribers.get(job, ()))
        for loop, queue in subscribers:
            if not loop.is_closed():
                loop.call_soon_threadsafe(queue.put_nowait, film)
