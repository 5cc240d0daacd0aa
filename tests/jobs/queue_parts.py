"""A queue without a server, whose films a test reads itself."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

from pneumoscope.jobs.film_store import FilmStore
from pneumoscope.jobs.keys import Keys
from pneumoscope.jobs.progress_events import ProgressEvents
from pneumoscope.jobs.queue import FilmQueue, QueueLimits
from pneumoscope.jobs.service import JobService
from pneumoscope.jobs.store import Store
from pneumoscope.jobs.tables import FilmRow
from pneumoscope.records import Outcome

KEYS = Keys(bytes(range(32)))


class Parts:
    """A `JobService` and what it works with.

    Args:
        folder: For the database and, on request, the films.
        keep_films: Keep films on the disk.
        url: Of another database.
    """

    def __init__(self, folder: Path, *, keep_films: bool = False, url: str | None = None) -> None:
        self.store = Store(url or f"sqlite:///{folder / 'x.sqlite'}")
        self.film_store = FilmStore(2**20, KEYS, folder / "films" if keep_films else None)
        self.queue = FilmQueue(QueueLimits(8, 2**20), 1)
        self.events = ProgressEvents()
        self.ended: list[FilmRow] = []
        self.jobs = JobService(
            self.store, self.film_store, KEYS, self.events, self.queue, self.ended.append
        )

    def read(self, *outcomes: Outcome) -> None:
        """Takes films from the queue and ends them with these outcomes, as a batcher does."""
        batch = self.queue.take(len(outcomes), 0)
        films = [film for film, future, _ in batch if future.set_running_or_notify_cancel()]
        self.jobs.begin(films)
        results = self.jobs.finish(list(zip(films, outcomes, strict=True)))
        for (_, future, _), result in zip(batch, results, strict=True):
            _end(future, result)
        self.queue.release(len(batch), sum(len(film.data) for film in films))


def _end(future: Future[FilmRow], result: FilmRow | Exception) -> None:
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
