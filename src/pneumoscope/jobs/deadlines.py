"""Timers of films that wait: one thread for all of them."""

from __future__ import annotations

import heapq
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Deadlines:
    """Calls a function when a time is reached. Safe to share between threads.

    It keeps numbers only, no films: most films are finished long before their deadline.
    """

    def __init__(self, expired: Callable[[int], None]) -> None:
        """Starts nothing yet: the thread starts with the first deadline.

        Args:
            expired: Called with the number of each deadline, in the thread of this object.
        """
        self._expired = expired
        self._times: list[tuple[float, int]] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._open = True

    def add(self, at: float, number: int) -> None:
        """Adds a deadline.

        Args:
            at: Time of ``time.monotonic``.
            number: Given to ``expired``.
        """
        with self._changed:
            if not self._open:
                return
            heapq.heappush(self._times, (at, number))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            elif self._times[0] == (at, number):
                self._changed.notify_all()

    def close(self) -> None:
        """Ends the thread; no further function is called."""
        with self._changed:
            self._open = False
            self._times.clear()
            self._changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        while (number := self._next()) is not None:
            self._expired(number)

    def _next(self) -> int | None:
        """Waits for the next deadline; None when closed."""
        with self._changed:
            while self._open:
                left_s = self._times[0][0] - time.monotonic() if self._times else None
                if left_s is not None and left_s <= 0:
                    return heapq.heappop(self._times)[1]
                self._changed.wait(left_s)
            return None
