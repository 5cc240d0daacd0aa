"""Micro-batching: films of requests that arrive together share a run of the network."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pneumoscope.errors import DeadlinePassed, PneumoscopeError, ServerFault
from pneumoscope.images.decoders import FILM_NAME
from pneumoscope.records import Outcome
from pneumoscope.runtime import Prepared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pneumoscope.images.decoders import Decoder, DecoderPool
    from pneumoscope.jobs.queue import Entry, FilmQueue, QueuedFilm
    from pneumoscope.jobs.readers import Readers
    from pneumoscope.records import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """How films are put together.

    Attributes:
        threads: Batches that are read at the same time.
        max_batch_size: Films in one run of the network.
        max_wait_ms: Milliseconds that the first film of a run waits for others.
    """

    threads: int
    max_batch_size: int
    max_wait_ms: float


@dataclass(frozen=True, slots=True)
class BatchHooks:
    """Functions that are called around a batch, in a worker's thread.

    Attributes:
        begin: Takes the films that are read next.
        finish: Takes films and their outcomes, and returns the result of each film's future; an
            exception becomes the future's exception. No future is done before it returns.
        ran: Takes the number of films in a run and its seconds.
    """

    begin: Callable[[Sequence[QueuedFilm]], None]
    finish: Callable[[Sequence[tuple[QueuedFilm, Outcome]]], Sequence[Any]]
    ran: Callable[[int, float], None] = lambda _films, _seconds: None


class Batcher:
    """Threads that take films from a queue and read them."""

    def __init__(
        self,
        queue: FilmQueue,
        readers: Readers,
        decoders: DecoderPool,
        settings: BatchSettings,
        hooks: BatchHooks,
    ) -> None:
        """Starts the threads."""
        self._queue = queue
        self._readers = readers
        self._decoders = decoders
        self._settings = settings
        self._hooks = hooks
        self._threads = [
            threading.Thread(target=self._work, name=f"batch-{i}", daemon=True)
            for i in range(settings.threads)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Closes the queue, and ends the threads after the batches that are being read."""
        self._queue.close()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        settings = self._settings
        while batch := self._queue.take(settings.max_batch_size, settings.max_wait_ms / 1000):
            try:
                self._run(batch)
            except Exception as error:  # noqa: BLE001 (a failed batch must not end the thread)
                _log.error("a batch failed", exc_info=error)
                for entry in batch:
                    if not entry.future.done():
                        entry.future.set_exception(ServerFault())
            finally:
                self._queue.finish(batch)

    def _run(self, batch: list[Entry]) -> None:
        """Reads films; those that were finished or given back are removed from the list."""
        waiting = deque(entry for entry in batch if not _is_dropped(entry))
        while waiting and not _begins(waiting[0]):
            waiting.popleft()
        if not waiting:
            return
        first = waiting[0]
        started = time.perf_counter()
        self._hooks.begin([entry.film for entry in waiting])
        ready: dict[Entry, Prepared | PneumoscopeError] = {}

        def make_way() -> None:
            """A film is slow: the others do not wait for it."""
            self._end(ready, started)
            slow = [entry for entry in batch if entry not in ready and entry not in waiting]
            self._queue.finish(ready, [*slow, *waiting])
            self._queue.give_back(list(waiting), slow)
            batch[:] = slow
            waiting.clear()
            ready.clear()

        with self._decoders.borrowed() as decoder:
            while waiting:
                entry = waiting.popleft()
                if entry is first or _begins(entry):
                    ready[entry] = self._prepare(decoder, entry.film, make_way)
        self._end(ready, started)

    def _end(self, ready: Mapping[Entry, Prepared | PneumoscopeError], started: float) -> None:
        """Runs the network on decoded films, stores their outcomes and announces them."""
        if not ready:
            return
        films = [entry.film for entry in ready]
        outcomes = zip(films, self._outcomes(films, list(ready.values())), strict=True)
        for entry, result in zip(ready, self._hooks.finish(list(outcomes)), strict=True):
            if isinstance(result, Exception):
                entry.future.set_exception(result)
            else:
                entry.future.set_result(result)
        seconds = time.perf_counter() - started
        self._queue.record_time(len(ready), seconds)
        self._hooks.ran(len(ready), seconds)

    def _outcomes(
        self, films: Sequence[QueuedFilm], inputs: Sequence[Prepared | PneumoscopeError]
    ) -> list[Outcome]:
        outcomes = {
            i: Outcome(FILM_NAME, i, error=error)
            for i, error in enumerate(inputs)
            if isinstance(error, PneumoscopeError)
        }
        for bundle, settings in dict.fromkeys((film.bundle, film.settings) for film in films):
            group = {
                i: prepared
                for i, prepared in enumerate(inputs)
                if isinstance(prepared, Prepared)
                and (films[i].bundle, films[i].settings) == (bundle, settings)
            }
            if group:
                outcomes |= self._judge(bundle, settings, group)
        return [outcomes[i] for i in range(len(films))]

    def _judge(
        self, bundle: str | None, settings: Settings, films: dict[int, Prepared]
    ) -> dict[int, Outcome]:
        """Outcomes of films for the same bundle and settings, by their places in the batch."""
        try:
            predictions = self._readers.reader(settings, bundle).judge(list(films.values()))
        except PneumoscopeError as error:  # settings of an earlier run that are no longer valid
            return {i: Outcome(FILM_NAME, i, error=error) for i in films}
        except Exception as error:  # noqa: BLE001 (it must not fail films with other settings)
            if len(films) > 1:  # one of them may be the reason
                outcomes = dict[int, Outcome]()
                for i, film in films.items():
                    outcomes |= self._judge(bundle, settings, {i: film})
                return outcomes
            _log.error("a run of the network failed", exc_info=error)
            return {i: Outcome(FILM_NAME, i, error=ServerFault()) for i in films}
        return {
            i: Outcome(FILM_NAME, i, prediction=prediction)
            for i, prediction in zip(films, predictions, strict=True)
        }

    def _prepare(
        self, decoder: Decoder, film: QueuedFilm, slow: Callable[[], None]
    ) -> Prepared | PneumoscopeError:
        try:
            options = self._readers.decode_options(film.bundle)
            decoded = decoder.decode(film.data, options, slow)
        except PneumoscopeError as error:
            return error
        return Prepared(FILM_NAME, decoded.facts, decoded.pixels, decoded.read_ms)


def _is_dropped(entry: Entry) -> bool:
    """Whether a film is not to be read: it was cancelled, or its deadline has passed."""
    deadline = entry.film.deadline
    late = deadline is not None and time.monotonic() > deadline
    if not (late or entry.future.cancelled()):
        return False
    if entry.future.set_running_or_notify_cancel():
        entry.future.set_exception(DeadlinePassed())
    return True


def _begins(entry: Entry) -> bool:
    """Whether reading a film begins; it cannot be cancelled from then on."""
    return not _is_dropped(entry) and entry.future.set_running_or_notify_cancel()
