"""Delivers results: each destination at its own pace, and again after failures until it is given up."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from pneumoscope.errors import PneumoscopeError, ServerFault
from pneumoscope.files import cause, hint
from pneumoscope.jobs.tables import now
from pneumoscope.pacs.destinations.base import StoredFilm
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.pauses import pause_s

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pneumoscope.jobs.deliveries import Deliveries
    from pneumoscope.jobs.film_store import FilmStore
    from pneumoscope.jobs.tables import Delivery, FilmRow
    from pneumoscope.pacs.config import DeliveryLimits
    from pneumoscope.pacs.destinations.base import Destination

_log = logging.getLogger(__name__)

_PORTION = 16
"""Deliveries that are read from the database together."""
_AHEAD = 2
"""Results of a destination that are made at the same time: one would occupy one core at most."""
_IDLE_S = 1.0
"""Seconds after which the database is looked at even if nobody reported a result."""
_LONGEST_REST_S = 60.0
"""Longest pause of a destination that fails, between attempts for different films."""
DELIVERED, AGAIN, GIVEN_UP = "delivered", "failed", "given up"


class DeliveryLoop:
    """A thread for each destination: one that fails does not delay the others."""

    def __init__(
        self,
        deliveries: Deliveries,
        film_store: FilmStore,
        destinations: Mapping[str, Destination],
        limits: DeliveryLimits,
        counted: Callable[[str, str], None] = lambda _destination, _outcome: None,
        *,
        record: Callable[[Delivery, FilmRow, str], object] = lambda _delivery, _row, _outcome: None,
        keep_films: bool = False,
    ) -> None:
        """Starts the threads.

        Args:
            deliveries: What is to be delivered.
            film_store: The films.
            destinations: By name.
            limits: How often results are sent again.
            counted: Called after each attempt with the destination, and `DELIVERED`, `AGAIN` or
                `GIVEN_UP`.
            record: Called after each attempt with the delivery, the film, and `DELIVERED`, `AGAIN` or
                `GIVEN_UP`. If it raises, a result that was delivered counts as not delivered: the
                next attempt changes nothing at the destination.
            keep_films: Keep films after all their deliveries.
        """
        self._deliveries = deliveries
        self._film_store = film_store
        self._destinations = destinations
        self._limits = limits
        self._counted = counted
        self._record = record
        self._keep_films = keep_films
        self._stopping = threading.Event()
        self._wakes = {name: threading.Event() for name in destinations}
        self._threads = [
            threading.Thread(target=self._work, args=(name,), name=f"deliver-{i}", daemon=True)
            for i, name in enumerate(destinations)
        ]
        # While a result of a destination is sent, its next ones are made.
        self._preparing = ThreadPoolExecutor(_AHEAD * max(1, len(destinations)), "prepare")
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Says that results have been stored."""
        for event in self._wakes.values():
            event.set()

    def stop(self, timeout_s: float) -> bool:
        """Ends the threads after the deliveries that they make; returns whether all have ended.

        What is left stays in the database.
        """
        self._stopping.set()
        self.wake()
        for thread in self._threads:
            thread.join(timeout_s)
        self._preparing.shutdown(wait=False, cancel_futures=True)
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self, name: str) -> None:
        failures = 0  # in a row, of different films
        while not self._stopping.is_set():
            self._wakes[name].clear()
            try:
                delivered, failed = self._deliver_due(name)
            except Exception as error:  # noqa: BLE001 (the next round may succeed)
                _log.error("results wait: the database cannot be used", exc_info=error)
                self._stopping.wait(_LONGEST_REST_S / 20)
                continue
            if failed:
                failures = 1 if delivered else failures + 1
                rest_s = pause_s(failures, self._limits.first_pause_s, _LONGEST_REST_S)
                self._stopping.wait(rest_s)
            elif delivered:
                failures = 0
            else:
                self._wakes[name].wait(min(_IDLE_S, self._limits.first_pause_s))

    def _deliver_due(self, name: str) -> tuple[int, bool]:
        """Delivers what is due, until an attempt fails.

        Returns:
            The number of deliveries that ended, and whether the destination failed then.
        """
        longest = timedelta(seconds=self._limits.longest_pause_s)
        ended = 0
        due = self._deliveries.due(_PORTION, destination=name, longest_pause=longest)
        if not due:
            return 0, False
        following = iter(due)
        next(following)
        with self._destinations[name].sending() as send:
            for place, (delivery, row) in enumerate(due):
                if self._stopping.is_set():
                    break
                for _, later in islice(following, 1 if place else _AHEAD):
                    self._preparing.submit(self._prepare, name, later)
                if not self._deliver(delivery, row, send):
                    return ended, True
                ended += 1
        return ended, False

    def _deliver(
        self, delivery: Delivery, row: FilmRow, send: Callable[[StoredFilm], None]
    ) -> bool:
        """Makes an attempt; returns False if the destination failed, so that others would fail too."""
        error = self._attempt(row, send) or self._recorded(delivery, row, DELIVERED)
        if error is None:
            self._deliveries.record_success(row.id, delivery.destination)
            self._note(DELIVERED, delivery, None)
            self._drop_film(row.id)
            return True
        attempt = delivery.attempts + 1
        permanent = isinstance(error, DeliveryFailed) and error.permanent
        over = permanent or attempt >= self._limits.attempts
        pause = pause_s(attempt, self._limits.first_pause_s, self._limits.longest_pause_s)
        next_attempt = None if over else now() + timedelta(seconds=pause)
        self._recorded(delivery, row, GIVEN_UP if over else AGAIN)
        self._deliveries.record_failure(row.id, delivery.destination, error, next_attempt)
        self._note(GIVEN_UP if over else AGAIN, delivery, error)
        return permanent

    def _prepare(self, name: str, row: FilmRow) -> None:
        """Makes what will be sent of a result; if that fails, the attempt says why."""
        try:
            film = self._film_store.get(row.id)
            if film is not None:
                self._destinations[name].prepare(StoredFilm.of_row(row, film))
        except Exception:  # noqa: BLE001
            _log.debug("a result is not prepared", exc_info=True)

    def _attempt(self, row: FilmRow, send: Callable[[StoredFilm], None]) -> PneumoscopeError | None:
        """Sends a result; returns why that failed."""
        try:
            film = self._film_store.get(row.id)
        except OSError as error:  # only this film: the others can be delivered
            return DeliveryFailed(f"the film cannot be read ({cause(error)})", hint(error))
        if film is None:
            return DeliveryFailed(
                "the film is not kept any more", "Send it to the node again.", permanent=True
            )
        try:
            send(StoredFilm.of_row(row, film))
        except PneumoscopeError as error:
            return error
        except Exception as error:  # noqa: BLE001 (one result must not end the thread)
            _log.error("a delivery failed unexpectedly", exc_info=error)
            return ServerFault()
        return None

    def _recorded(self, delivery: Delivery, row: FilmRow, outcome: str) -> PneumoscopeError | None:
        """Calls `record`; returns why it failed."""
        try:
            self._record(delivery, row, outcome)
        except PneumoscopeError as error:
            return error
        return None

    def _note(self, outcome: str, delivery: Delivery, error: PneumoscopeError | None) -> None:
        self._counted(delivery.destination, outcome)
        fields: dict[str, object] = {"film": delivery.film, "destination": delivery.destination}
        if error is None:
            _log.info("a result was delivered", extra={"fields": fields})
            return
        fields |= {"attempt": delivery.attempts + 1, "error": error.code}
        words = "a result was given up" if outcome == GIVEN_UP else "a result was not delivered"
        # The message names the destination and what it answered, never the film's header.
        _log.warning("%s: %s", words, error.message, extra={"fields": fields})

    def _drop_film(self, film: str) -> None:
        """Deletes a film that nobody needs any more."""
        try:
            if not self._keep_films and not self._deliveries.undelivered([film]):
                self._film_store.drop([film])
        except SQLAlchemyError as error:  # `housekeeping` does it later
            _log.error("a film is not deleted yet", exc_info=error)
        except OSError as error:
            _log.error("a film is not deleted yet: %s", cause(error))
