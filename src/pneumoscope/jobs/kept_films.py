"""Deletes films on the disk that nothing needs: their results were delivered, or a crash has left them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.jobs.deliveries import Deliveries
from pneumoscope.jobs.rows import may_be_read_later
from pneumoscope.jobs.store import portions
from pneumoscope.jobs.tables import OPEN

if TYPE_CHECKING:
    from pneumoscope.jobs.film_store import FilmStore
    from pneumoscope.jobs.store import Store


def drop_orphans(store: Store, film_store: FilmStore) -> None:
    """Deletes films that no row names; call it while none is accepted.

    They are still where they came from, because their acceptance was not completed.
    """
    kept = sorted(film_store.ids())
    film_store.drop(set(kept) - set(store.states(kept)))


def drop_unneeded(store: Store, film_store: FilmStore) -> None:
    """Deletes films whose results were delivered everywhere, and films that failed for good."""
    for portion in portions(sorted(film_store.ids())):
        # A film that is not in the database is being accepted at this moment.
        ended = {id_ for id_, state in store.states(portion).items() if state not in OPEN}
        errors = store.failed(portion)
        kept = {id_ for id_, error in errors.items() if may_be_read_later(error)}
        waiting = Deliveries(store).undelivered(portion) - errors.keys()
        film_store.drop(ended - kept - waiting)
