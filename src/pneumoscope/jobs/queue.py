"""The bounded queue: films that were accepted and have not been read yet."""

from __future__ import annotations

import heapq
import itertools
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pneumoscope.errors import QueueFull, ShuttingDown

if TYPE_CHECKING:
    from pneumoscope.records import Settings

_FIRST_ESTIMATE_S = 0.01
"""Seconds per film that are assumed before the first batch was measured."""
_LONGEST_RETRY_S = 60


@dataclass(frozen=True, slots=True, eq=False)
class QueuedFilm:
    """One film in the queue.

    Attributes:
        data: The file.
        settings: What its reader asked for.
        tag: Any value that the caller wants back with the outcome.
        deadline: Time of ``time.monotonic`` by which reading must have started; None for no limit.
        priority: Films of higher priority are read first.
        bundle: Name of the bundle that reads it; None for the server's default.
    """

    data: bytes = field(repr=False)
    settings: Settings
    tag: Any
    deadline: float | None = None
    priority: int = 0
    bundle: str | None = None


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How much may be accepted and not finished.

    Attributes:
        films: Number of films.
        size_bytes: Size of their files together.
    """

    films: int
    size_bytes: int


Entry = tuple[QueuedFilm, "Future[Any]"]
"""A film and the future that will hold its result."""


class FilmQueue:
    """Films by priority, in their order within a priority. Safe to share between threads."""

    def __init__(self, limits: QueueLimits, workers: int) -> None:
        """Makes an empty queue.

        Args:
            limits: How much may be accepted and not finished.
            workers: Batches that are read at the same time, to estimate waiting times.
        """
        self._limits = limits
        self._workers = workers
        self._waiting: list[tuple[int, int, QueuedFilm, Future[Any]]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._collecting = threading.Lock()
        self._outstanding = self._size_bytes = 0
        self._seconds_per_film = _FIRST_ESTIMATE_S
        self._accepting = self._open = True

    @property
    def outstanding(self) -> int:
        """Films that are accepted and not finished."""
        return self._outstanding

    @property
    def accepting(self) -> bool:
        """Whether films are accepted."""
        return self._accepting

    def reserve(self, films: int, size_bytes: int) -> None:
        """Reserves space for films that are submitted next.

        Args:
            films: Number of films.
            size_bytes: Size of their files together.

        Raises:
            QueueFull: There is not enough space.
            ShuttingDown: The server is shutting down.
        """
        with self._changed:
            if not self._accepting:
                raise ShuttingDown
            too_many = self._outstanding + films > self._limits.films
            too_large = self._size_bytes + size_bytes > self._limits.size_bytes
            # An empty queue accepts any request, or a large one could never be served.
            if self._outstanding and (too_many or too_large):
                wait_s = self._outstanding * self._seconds_per_film / self._workers
                raise QueueFull(max(1, min(_LONGEST_RETRY_S, round(wait_s))))
            self._add(films, size_bytes)

    def admit(self, films: int, size_bytes: int) -> None:
        """Counts films that an earlier run accepted, whatever the limits."""
        with self._changed:
            self._add(films, size_bytes)

    def release(self, films: int, size_bytes: int) -> None:
        """Returns space of films that are finished, or were not submitted."""
        with self._changed:
            self._add(-films, -size_bytes)
            self._changed.notify_all()

    def _add(self, films: int, size_bytes: int) -> None:
        self._outstanding += films
        self._size_bytes += size_bytes

    def submit(self, film: QueuedFilm) -> Future[Any]:
        """Queues a film for which `reserve` or `admit` has made space."""
        future: Future[Any] = Future()
        with self._changed:
            entry = (-film.priority, next(self._numbers), film, future)
            heapq.heappush(self._waiting, entry)
            self._changed.notify_all()
        return future

    def take(self, most: int, max_wait_s: float) -> list[Entry]:
        """Takes the next films; waits for the first one, then briefly for others.

        Args:
            most: Largest number of films.
            max_wait_s: Seconds to wait for others.

        Returns:
            Films and their futures; empty once the queue is closed.
        """
        with self._collecting, self._changed:
            self._changed.wait_for(lambda: self._waiting or not self._open)
            # If every accepted film is here already, no other can join: go at once.
            self._changed.wait_for(
                lambda: (
                    len(self._waiting) >= most
                    or len(self._waiting) == self._outstanding
                    or not self._open
                ),
                max_wait_s,
            )
            count = min(most, len(self._waiting))
            return [heapq.heappop(self._waiting)[2:] for _ in range(count)]

    def record_time(self, films: int, seconds: float) -> None:
        """Corrects the estimate of waiting times by the time that a batch took."""
        self._seconds_per_film += 0.1 * (seconds / films - self._seconds_per_film)

    def drain(self, timeout_s: float | None = None) -> bool:
        """Accepts no more films and waits for the others; returns whether all are finished."""
        with self._changed:
            self._accepting = False
            return self._changed.wait_for(lambda: self._outstanding == 0, timeout_s)

    def close(self) -> None:
        """Ends every `take`; films that still wait fail with `ShuttingDown`."""
        with self._changed:
            self._accepting = self._open = False
            futures = [entry[-1] for entry in self._waiting]
            self._waiting.clear()
            self._changed.notify_all()
        for future in futures:
            if future.set_running_or_notify_cancel():
                future.set_exception(ShuttingDown())
