"""Micro-batching: films of requests that come together share runs of the network."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pneumoscope.errors import PneumoscopeError
from pneumoscope.jobs.decoders import NAME, Decoder, Decoders, Order
from pneumoscope.records import Outcome, Settings
from pneumoscope.runtime import Prepared
from pneumoscope.serve.problems import Busy, DeadlinePassed, ServerFault, ShuttingDown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pneumoscope.runtime import Classifier

_log = logging.getLogger(__name__)

_READERS = 64
"""Different settings whose rules are remembered."""


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """One film that waits.

    Attributes:
        data: The file.
        settings: What its reader asked for.
        tag: Whatever the caller wants back with the outcome.
        deadline: Of ``time.monotonic``, until which it must be begun; None for a job.
    """

    data: bytes = field(repr=False)
    settings: Settings
    tag: Any
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How a batcher works.

    Attributes:
        threads: Batches that are worked on at once.
        max_batch_size: Films in one run.
        max_wait_ms: Milliseconds that the first film of a run waits for others.
        queue: Films that may be accepted and not finished.
        queue_bytes: Their bytes together.
    """

    threads: int
    max_batch_size: int
    max_wait_ms: float
    queue: int
    queue_bytes: int


@dataclass(frozen=True, slots=True)
class Hooks:
    """What happens around a batch, in a worker's thread.

    Attributes:
        begin: Takes the films whose turn has come.
        finish: Takes films and their outcomes; what it gives per film, the futures hold, an exception
            as such. Nobody hears of a result before it returns.
        ran: Takes the number of films in a run and its seconds.
    """

    begin: Callable[[Sequence[Film]], None]
    finish: Callable[[Sequence[tuple[Film, Outcome]]], Sequence[Any]]
    ran: Callable[[int, float], None] = lambda _films, _seconds: None


class Batcher:
    """Threads that take films from one bounded queue."""

    def __init__(
        self, classifier: Classifier, decoders: Decoders, order: Order, pace: Pace, hooks: Hooks
    ) -> None:
        self._classifier = classifier
        self._decoders = decoders
        self._order = order
        self._pace = pace
        self._hooks = hooks
        self._readers: dict[Settings, Classifier] = {}
        self._waiting: deque[tuple[Film, Future[Any]]] = deque()
        self._changed = threading.Condition()
        self._collecting = threading.Lock()
        self._outstanding = self._bytes = 0
        self._per_film_s = 0.01
        self._accepting = self._running = True
        self._threads = [
            threading.Thread(target=self._work, name=f"batch-{i}", daemon=True)
            for i in range(pace.threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def outstanding(self) -> int:
        """Films that are accepted and not finished."""
        return self._outstanding

    @property
    def accepting(self) -> bool:
        """Whether films are taken."""
        return self._accepting

    def reader(self, settings: Settings) -> Classifier:
        """The classifier for these settings; it shares the one session.

        Raises:
            UnknownOperatingPoint, UsageError: As `pneumoscope.load`.
        """
        found = self._readers.get(settings)
        if found is None:
            found = self._classifier.with_settings(settings)
            if len(self._readers) >= _READERS:
                self._readers.clear()
            self._readers[settings] = found
        return found

    def reserve(self, films: int, size: int) -> None:
        """Takes room for films that are submitted next.

        Args:
            films: How many.
            size: Their bytes together.

        Raises:
            Busy: There is not so much.
            ShuttingDown: The server ends.
        """
        with self._changed:
            if not self._accepting:
                raise ShuttingDown
            too_many = self._outstanding + films > self._pace.queue
            too_large = self._bytes + size > self._pace.queue_bytes
            # Alone a large request may pass, or it never could.
            if self._outstanding and (too_many or too_large):
                wait_s = self._outstanding * self._per_film_s / self._pace.threads
                raise Busy(retry_after_s=max(1, min(60, round(wait_s))))
            self._take_room(films, size)

    def admit(self, films: int, size: int) -> None:
        """Takes room whether there is or not: for what an earlier run accepted."""
        with self._changed:
            self._take_room(films, size)

    def release(self, films: int, size: int) -> None:
        """Gives back room that was reserved and is not needed."""
        with self._changed:
            self._take_room(-films, -size)
            self._changed.notify_all()

    def _take_room(self, films: int, size: int) -> None:
        self._outstanding += films
        self._bytes += size

    def submit(self, film: Film) -> Future[Any]:
        """Queues a film for which `reserve` has taken room."""
        future: Future[Any] = Future()
        with self._changed:
            self._waiting.append((film, future))
            self._changed.notify_all()
        return future

    def drain(self, timeout_s: float | None = None) -> bool:
        """Takes no more, and finishes what was accepted; says whether all of it was."""
        with self._changed:
            self._accepting = False
            return self._changed.wait_for(lambda: self._outstanding == 0, timeout_s)

    def stop(self) -> None:
        """Ends the threads after the batch in work; what still waits is told so."""
        with self._changed:
            self._accepting = self._running = False
            left = list(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
        for _, future in left:
            if future.set_running_or_notify_cancel():
                future.set_exception(ShuttingDown())
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while batch := self._take():
            try:
                self._run([(film, future) for film, future in batch if self._begins(film, future)])
            except Exception as error:  # noqa: BLE001 (a thread must not die of a batch)
                _log.error("a batch failed", exc_info=error)
                for _, future in batch:
                    if not future.done():
                        future.set_exception(ServerFault())
            finally:
                self.release(len(batch), sum(len(film.data) for film, _ in batch))

    def _take(self) -> list[tuple[Film, Future[Any]]]:
        """The next films, waiting a little for company; empty at the end."""
        most = self._pace.max_batch_size
        with self._collecting, self._changed:
            self._changed.wait_for(lambda: self._waiting or not self._running)
            # Nobody can join who is not on the way already: a film alone goes at once.
            self._changed.wait_for(
                lambda: (
                    len(self._waiting) >= most
                    or len(self._waiting) == self._outstanding
                    or not self._running
                ),
                self._pace.max_wait_ms / 1000,
            )
            return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def _begins(self, film: Film, future: Future[Any]) -> bool:
        if not future.set_running_or_notify_cancel():
            return False
        if film.deadline is not None and time.monotonic() > film.deadline:
            future.set_exception(DeadlinePassed())
            return False
        return True

    def _run(self, batch: list[tuple[Film, Future[Any]]]) -> None:
        if not batch:
            return
        started = time.perf_counter()
        films = [film for film, _ in batch]
        self._hooks.begin(films)
        found = list(zip(films, self._outcomes(films), strict=True))
        for (_, future), result in zip(batch, self._hooks.finish(found), strict=True):
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
        seconds = time.perf_counter() - started
        self._per_film_s += 0.1 * (seconds / len(batch) - self._per_film_s)
        self._hooks.ran(len(batch), seconds)

    def _outcomes(self, films: Sequence[Film]) -> list[Outcome]:
        with self._decoders.taken() as decoder:
            inputs = [self._prepare(decoder, film) for film in films]
        outcomes: list[Outcome | None] = [
            Outcome(NAME, i, error=one) if isinstance(one, PneumoscopeError) else None
            for i, one in enumerate(inputs)
        ]
        for settings in dict.fromkeys(film.settings for film in films):
            mine = [
                (i, one)
                for i, one in enumerate(inputs)
                if isinstance(one, Prepared) and films[i].settings == settings
            ]
            if mine:
                for (i, _), outcome in zip(mine, self._judged(settings, mine), strict=True):
                    outcomes[i] = outcome
        return [one for one in outcomes if one is not None]

    def _judged(self, settings: Settings, films: Sequence[tuple[int, Prepared]]) -> list[Outcome]:
        try:
            judged = self.reader(settings).judge([film for _, film in films])
        except PneumoscopeError as error:  # settings of an earlier run, which fit no more
            return [Outcome(NAME, i, error=error) for i, _ in films]
        except Exception as error:  # noqa: BLE001 (it must not take other films along)
            _log.error("a run of the network failed", exc_info=error)
            return [Outcome(NAME, i, error=ServerFault()) for i, _ in films]
        return [Outcome(NAME, i, prediction=p) for (i, _), p in zip(films, judged, strict=True)]

    def _prepare(self, decoder: Decoder, film: Film) -> Prepared | PneumoscopeError:
        try:
            decoded = decoder.decode(film.data, self._order)
        except PneumoscopeError as error:
            return error
        return Prepared(NAME, decoded.facts, decoded.pixels, decoded.read_ms)
