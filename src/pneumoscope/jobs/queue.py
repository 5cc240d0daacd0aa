"""The bounded queue: films that were accepted and have not been read yet."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter, deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from pneumoscope.errors import DatabaseInUse, DeadlinePassed, QueueFull, ShuttingDown
from pneumoscope.jobs.deadlines import Deadlines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
        owner: Id of the user who sent it.
    """

    data: bytes = field(repr=False)
    settings: Settings
    tag: Any
    deadline: float | None = None
    priority: int = 0
    bundle: str | None = None
    owner: str = ""


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How much may be accepted and not finished.

    Attributes:
        films: Number of films.
        size_bytes: Size of their files together.
        owner_share: Share of both that the films of one owner may take.
        owner_batches: Batches at the same time that contain films of one owner; None for no limit.
        sole_owner: Id of the owner to whom the share does not apply, as there is no other.
    """

    films: int
    size_bytes: int
    owner_share: float = 1.0
    owner_batches: int | None = None
    sole_owner: str | None = None


class Entry(NamedTuple):
    """A film that is accepted.

    Attributes:
        film: The film.
        future: Gets its result.
        number: Its place in the order of all films.
    """

    film: QueuedFilm
    future: Future[Any]
    number: int


class FilmQueue:
    """Films by priority; within a priority the owners take turns. Safe to share between threads.

    The films of one owner leave in their order. An owner whose films take long does not occupy every
    thread that reads.
    """

    def __init__(self, limits: QueueLimits, workers: int) -> None:
        """Makes an empty queue.

        Args:
            limits: How much may be accepted and not finished.
            workers: Batches that are read at the same time, to estimate waiting times.
        """
        self._limits = limits
        self._workers = workers
        self._waiting: dict[int, dict[str, deque[Entry]]] = {}  # by priority and owner, whose turn
        self._count = 0
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._collecting = threading.Lock()
        self._outstanding = self._size_bytes = 0
        self._films_of: Counter[str] = Counter()
        self._bytes_of: Counter[str] = Counter()
        self._batches_of: Counter[str] = Counter()
        self._seconds_per_film = _FIRST_ESTIMATE_S
        self._accepting = self._open = True
        self._paused = False
        self._deadlines = Deadlines(self._expire)

    @property
    def outstanding(self) -> int:
        """Films that are accepted and not finished."""
        return self._outstanding

    @property
    def accepting(self) -> bool:
        """Whether films are accepted."""
        return self._accepting and not self._paused

    def reserve(self, films: int, size_bytes: int, owner: str = "") -> None:
        """Reserves space for films that are submitted next.

        Args:
            films: Number of films.
            size_bytes: Size of their files together.
            owner: Id of the user who sends them.

        Raises:
            QueueFull: There is not enough space, or the owner has used its share.
            ShuttingDown: The server is shutting down.
            DatabaseInUse: The queue is paused.
        """
        limits = self._limits
        with self._changed:
            if not self._accepting:
                raise ShuttingDown
            if self._paused:
                raise DatabaseInUse
            too_many = self._outstanding + films > limits.films
            too_large = self._size_bytes + size_bytes > limits.size_bytes
            films_of, bytes_of = self._films_of[owner], self._bytes_of[owner]
            beyond_share = owner != limits.sole_owner and (
                films_of + films > limits.owner_share * limits.films
                or bytes_of + size_bytes > limits.owner_share * limits.size_bytes
            )
            # An empty queue accepts any request, or a large one could never be served.
            full = self._outstanding and (too_many or too_large)
            if full or (films_of and beyond_share):
                wait_s = self._outstanding * self._seconds_per_film / self._workers
                raise QueueFull(max(1, min(_LONGEST_RETRY_S, round(wait_s))))
            self._add(films, size_bytes, owner)

    def pause(self, *, paused: bool) -> None:
        """Accepts no films while another server may be using the database, or accepts them again."""
        with self._changed:
            self._paused = paused

    def admit(self, films: int, size_bytes: int, owner: str = "") -> None:
        """Counts films that an earlier run accepted, whatever the limits."""
        with self._changed:
            self._add(films, size_bytes, owner)

    def release(self, films: int, size_bytes: int, owner: str = "") -> None:
        """Returns space of films that are finished, or were not submitted."""
        with self._changed:
            self._add(-films, -size_bytes, owner)
            self._changed.notify_all()

    def _add(self, films: int, size_bytes: int, owner: str) -> None:
        self._outstanding += films
        self._size_bytes += size_bytes
        self._films_of[owner] += films
        self._bytes_of[owner] += size_bytes
        if not self._films_of[owner]:
            del self._films_of[owner], self._bytes_of[owner]

    def submit(self, film: QueuedFilm) -> Future[Any]:
        """Queues a film for which `reserve` or `admit` has made space.

        If its deadline passes before it is taken, its future fails with `DeadlinePassed` at once.
        """
        entry = Entry(film, Future(), next(self._numbers))
        with self._changed:
            self._line_of(entry).append(entry)
            self._count += 1
            self._changed.notify_all()
        if film.deadline is not None:
            self._deadlines.add(film.deadline, entry.number)
        return entry.future

    def _line_of(self, entry: Entry) -> deque[Entry]:
        owners = self._waiting.setdefault(entry.film.priority, {})
        return owners.setdefault(entry.film.owner, deque())

    def take(self, most: int, max_wait_s: float) -> list[Entry]:
        """Takes the next films; waits for the first one, then briefly for others.

        Args:
            most: Largest number of films.
            max_wait_s: Seconds to wait for others.

        Returns:
            The films, to be given to `finish` or `give_back`; empty once the queue is closed.
        """
        with self._collecting, self._changed:
            while True:
                self._changed.wait_for(lambda: self._may_go() or not self._open)
                # If every accepted film is here already, no other can join: go at once.
                self._changed.wait_for(
                    lambda: (
                        self._count >= most or self._count == self._outstanding or not self._open
                    ),
                    max_wait_s,
                )
                batch: list[Entry] = []
                while len(batch) < most and (entry := self._pop()) is not None:
                    batch.append(entry)
                # Meanwhile the deadline of every film may have passed.
                if batch or not self._open:
                    self._batches_of.update({entry.film.owner for entry in batch})
                    return batch

    def _may_go(self) -> bool:
        """Whether a film waits whose owner may have another batch."""
        return any(
            not self._is_busy(owner) for owners in self._waiting.values() for owner in owners
        )

    def _is_busy(self, owner: str) -> bool:
        most = self._limits.owner_batches
        return most is not None and self._batches_of[owner] >= most

    def _pop(self) -> Entry | None:
        """The next film: of the highest priority, and of the owner whose turn it is."""
        for priority in sorted(self._waiting, reverse=True):
            owners = self._waiting[priority]
            for owner in owners:
                if not self._is_busy(owner):
                    line = owners.pop(owner)
                    entry = line.popleft()
                    if line:
                        owners[owner] = line  # behind the others
                    if not owners:
                        del self._waiting[priority]
                    self._count -= 1
                    return entry
        return None

    def finish(self, entries: Iterable[Entry], others: Iterable[Entry] = ()) -> None:
        """Returns the space of films of a batch that are finished.

        Args:
            entries: The films.
            others: Films of the same batch that are still being read.
        """
        entries = list(entries)
        with self._changed:
            for entry in entries:
                self._add(-1, -len(entry.film.data), entry.film.owner)
            self._end_batch_of(entries, others)

    def give_back(self, entries: Sequence[Entry], others: Iterable[Entry] = ()) -> None:
        """Queues films of a batch again, before the others of their owners.

        Args:
            entries: The films; their futures are not running.
            others: Films of the same batch that are still being read.
        """
        with self._changed:
            if self._open:
                for entry in reversed(entries):
                    self._line_of(entry).appendleft(entry)
                self._count += len(entries)
            self._end_batch_of(entries, others)
            now = time.monotonic()
            late = [e for e in entries if e.film.deadline is not None and e.film.deadline <= now]
            closed = [] if self._open else entries
        for entry in late:
            self._expire(entry.number)
        for entry in closed:
            if entry.future.set_running_or_notify_cancel():
                entry.future.set_exception(ShuttingDown())

    def _end_batch_of(self, entries: Iterable[Entry], others: Iterable[Entry]) -> None:
        still = {entry.film.owner for entry in others}
        for owner in {entry.film.owner for entry in entries} - still:
            self._batches_of[owner] -= 1
            if self._batches_of[owner] <= 0:
                del self._batches_of[owner]
        self._changed.notify_all()

    def _expire(self, number: int) -> None:
        """Fails a film whose deadline has passed, unless it was taken."""
        with self._changed:
            entry = self._remove(number)
            if entry is None:
                return
            self._add(-1, -len(entry.film.data), entry.film.owner)
            self._changed.notify_all()
        if entry.future.set_running_or_notify_cancel():
            entry.future.set_exception(DeadlinePassed())

    def _remove(self, number: int) -> Entry | None:
        for priority, owners in self._waiting.items():
            for owner, line in owners.items():
                for entry in line:
                    if entry.number == number:
                        line.remove(entry)
                        if not line:
                            del owners[owner]
                        if not owners:
                            del self._waiting[priority]
                        self._count -= 1
                        return entry
        return None

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
        self._deadlines.close()
        with self._changed:
            self._accepting = self._open = False
            waiting = [
                e for owners in self._waiting.values() for each in owners.values() for e in each
            ]
            self._waiting.clear()
            self._count = 0
            self._changed.notify_all()
        for entry in waiting:
            if entry.future.set_running_or_notify_cancel():
                entry.future.set_exception(ShuttingDown())
