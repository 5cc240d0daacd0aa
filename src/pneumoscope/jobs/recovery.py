"""After a restart: films of jobs that an earlier run accepted are read, or reported as interrupted."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumoscope.errors import Interrupted

if TYPE_CHECKING:
    from pneumoscope.jobs.film_store import FilmStore
    from pneumoscope.jobs.service import JobService
    from pneumoscope.jobs.store import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of the films that an earlier run left open.

    Attributes:
        resumed: Films that are read now: the server has kept them.
        interrupted: Films that are reported as interrupted.
    """

    resumed: int
    interrupted: int


def recover(jobs: JobService, store: Store, film_store: FilmStore) -> Recovered:
    """Queues or reports every film that an earlier run left open.

    Call it once, before other films are accepted, and under the `DatabaseLock`.

    Args:
        jobs: Takes the films.
        store: With their rows.
        film_store: With the films, if the server keeps them.
    """
    film_store.remove_partial_files()
    films = []
    for row in store.left_open():
        data = film_store.get(row.id)
        if data is not None and row.job is not None:
            films.append((row, data))
    # Otherwise `JobService.resume_wanted` would queue them once more.
    store.change([{"id": row.id, "error": None} for row, _ in films if row.error is not None])
    interrupted = store.close_open(Interrupted().as_dict(), [row.id for row, _ in films])
    for row, data in films:
        jobs.resume(row, data)
    if films or interrupted:
        _log.warning(
            "after a restart %d films are read again, %d are lost", len(films), interrupted
        )
    return Recovered(len(films), interrupted)
