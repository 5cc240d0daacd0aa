"""Connections that made room for others stay open for a while, unread.

Many clients, attackers above all, open a new connection as soon as they lose one. Each new one costs
the server far more than one that is neither read nor closed.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pneumoscope.serve.security.connection import Connection

HOLD_S = 15.0
"""Seconds until such a connection may be closed; its own deadlines may close it before. Those that came
together are closed one after another, within as many seconds again: all of them would come back at once.
"""


class Tarpit:
    """The connections that are kept unread, the longest-kept first.

    Args:
        most: How many there may be; one too many closes the first.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._until: dict[Connection, float] = {}
        self._closing: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._until)

    def take(self, connection: Connection, now: float) -> None:
        """Keeps a connection unread, or closes it if that would keep somebody waiting.

        A client that has had an answer may send its next request, so it must know at once. So must one
        that takes an answer: the part that waits is memory.

        Args:
            connection: One that is counted no more.
            now: Time of the loop.
        """
        transport = connection.transport
        if not self._most or connection.answered or transport.get_write_buffer_size():
            transport.abort()
            return
        connection.held = True
        with contextlib.suppress(RuntimeError):  # it is closing
            transport.pause_reading()
        if len(self._until) >= self._most:
            self._close_first()
        self._until[connection] = now + HOLD_S
        if self._closing is None or self._closing.done():
            self._closing = asyncio.get_running_loop().create_task(self._close_in_time())

    def remove(self, connection: Connection) -> None:
        """Forgets a connection that is closed."""
        self._until.pop(connection, None)

    def _close_first(self) -> None:
        first = next(iter(self._until))
        del self._until[first]
        first.transport.abort()

    async def _close_in_time(self) -> None:
        """Closes each in its time, and all of them when the server ends."""
        loop = asyncio.get_running_loop()
        try:
            while self._until:
                until, now = next(iter(self._until.values())), loop.time()
                if until > now:
                    await asyncio.sleep(until - now)
                else:
                    # At this pace all would be closed in time for the first, so each is for itself.
                    pause_s = max(0.0, until + HOLD_S - now) / len(self._until)
                    self._close_first()
                    if self._until:
                        await asyncio.sleep(pause_s)
        finally:
            while self._until:
                self._close_first()
