"""Deletes what is too old, or not needed any more, and stores what the database refused before."""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pneumoscope.jobs.kept_films import drop_unneeded
from pneumoscope.jobs.store import no_record

if TYPE_CHECKING:
    from pneumoscope.jobs.clock import SteadyClock
    from pneumoscope.jobs.film_store import FilmStore
    from pneumoscope.jobs.service import JobService
    from pneumoscope.jobs.store import Record, Store

_log = logging.getLogger(__name__)

_SHARE = 0.25
"""Of all results that one round deletes at most: a wrong clock must not delete everything at once."""
_ROUND_S = 600.0
_RETRY_S = 5.0


class Housekeeping:
    """Deletes results by age, and films whose results were delivered."""

    def __init__(
        self,
        store: Store,
        film_store: FilmStore,
        clock: SteadyClock,
        retention_days: int | None,
        *,
        keep_films: bool,
        record: Record = no_record,
    ) -> None:
        """Deletes nothing yet.

        Args:
            store: The results.
            film_store: The films.
            clock: Says what is old.
            retention_days: Days after which results are deleted; None to keep them.
            keep_films: Keep films as long as their results.
            record: Called with the ids of old results before their deletion is committed.
        """
        self._store = store
        self._film_store = film_store
        self._clock = clock
        self._retention_days = retention_days
        self._keep_films = keep_films
        self._record = record

    def run(self) -> None:
        """Deletes what is due."""
        if self._retention_days is not None:
            time = datetime.fromtimestamp(self._clock.now(), UTC)
            deleted = self._store.delete_before(
                time - timedelta(days=self._retention_days), self._record, _SHARE
            )
            self._film_store.drop(deleted)
            if deleted:
                _log.info("%d results were deleted because of their age", len(deleted))
        self._clock.keep()
        if not self._keep_films:
            drop_unneeded(self._store, self._film_store)


class HousekeepingThread:
    """A thread that deletes what is due, and stores and resumes what had to wait."""

    def __init__(self, housekeeping: Housekeeping, jobs: JobService) -> None:
        """Starts the thread.

        Args:
            housekeeping: Deletes.
            jobs: May have results that are not stored, and films that are to be read again.
        """
        self._housekeeping = housekeeping
        self._jobs = jobs
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="housekeeping", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stopping.set()
        self._thread.join()

    def _work(self) -> None:
        due = time.monotonic()
        while not self._stopping.wait(_RETRY_S):
            self._jobs.retry_unsaved()
            self._resume_wanted()
            if time.monotonic() < due:
                continue
            due = time.monotonic() + _ROUND_S
            try:
                self._housekeeping.run()
            except Exception as error:  # noqa: BLE001 (the next round may succeed)
                _log.error("old results were not deleted", exc_info=error)

    def _resume_wanted(self) -> None:
        """Reads the films again that `pneumoscope queue retry` names."""
        try:
            resumed = self._jobs.resume_wanted()
        except Exception as error:  # noqa: BLE001 (the next attempt is in a moment)
            _log.error("films are not read again yet", exc_info=error)
        else:
            if resumed:
                _log.info("%d films are read again", resumed)
