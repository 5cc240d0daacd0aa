"""Answers that last as long as a job: how many there may be, and that they are no work in progress."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from starlette.responses import StreamingResponse

from pneumoscope.serve.problems import Busy
from pneumoscope.serve.security.connection import STREAMING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from starlette.types import Receive, Scope, Send

STREAMS_OF_USER = 20
STREAMS = 200
_RETRY_S = 5


class EventStreams:
    """Counts the open event streams. Safe to share between threads.

    Args:
        most: How many there may be in all.
        most_of_user: How many one user may have.
        sole_owner: Id of the user to whom the latter does not apply, as there is no other.
    """

    def __init__(
        self,
        most: int = STREAMS,
        most_of_user: int = STREAMS_OF_USER,
        sole_owner: str | None = None,
    ) -> None:
        self._most = most
        self._most_of_user = most_of_user
        self._sole_owner = sole_owner
        self._open_by: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def counted(self, owner: str) -> Iterator[None]:
        """Counts a stream of a user while the block runs.

        Raises:
            Busy: There are too many.
        """
        with self._lock:
            of_user = self._open_by[owner] if owner != self._sole_owner else 0
            if of_user >= self._most_of_user or self._open_by.total() >= self._most:
                raise Busy("too many jobs are followed at once", retry_after_s=_RETRY_S)
            self._open_by[owner] += 1
        try:
            yield
        finally:
            with self._lock:
                self._open_by[owner] -= 1
                if not self._open_by[owner]:
                    del self._open_by[owner]


class EventStream(StreamingResponse):
    """Server-sent events. If there are too many streams, `Busy` is raised before the answer begins.

    Args:
        events: The encoded events.
        streams: Counts it.
        owner: Id of the user who asked for it.
    """

    def __init__(self, events: AsyncIterator[str], streams: EventStreams, owner: str) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(events, headers=headers, media_type="text/event-stream")
        self._streams = streams
        self._owner = owner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        with self._streams.counted(self._owner):
            if extension := scope.get("extensions", {}).get(STREAMING):
                extension["begin"]()
            await super().__call__(scope, receive, send)
