"""What is in the database of a queue, for those who run it: films of every owner, with deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from pneumoscope.errors import UsageError
from pneumoscope.jobs.deliveries import Deliveries, begun_again
from pneumoscope.jobs.received import ReceivedFiles
from pneumoscope.jobs.rows import READ_AGAIN
from pneumoscope.jobs.tables import (
    DELIVERED,
    DONE,
    FAILED,
    GIVEN_UP,
    OPEN,
    QUEUED,
    STATES,
    Delivery,
    FilmRow,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement

    from pneumoscope.jobs.film_store import FilmStore
    from pneumoscope.jobs.store import Record, Store

UNDELIVERED, UNFINISHED, ALL = "undelivered", "unfinished", "all"
SELECTIONS = (UNFINISHED, *STATES, UNDELIVERED, ALL)
"""Which films: in one state; done with results that are not delivered; or all that need something."""
_SHORTEST_ID = 4
_ROWS_AT_ONCE = 200
FROM_SOURCE, FROM_COPY, RESULTS = "source", "kept", "results"
"""How a film is tried again: its source hands it over once more, it is still kept, or its results go
out once more."""


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A film and its deliveries."""

    film: FilmRow
    deliveries: tuple[Delivery, ...]


class QueueContents:
    """The films of a database, also while another process reads them."""

    def __init__(self, store: Store, film_store: FilmStore) -> None:
        self._store = store
        self._film_store = film_store

    def count(self, selection: str) -> int:
        """The number of films; arguments as for `entries`."""
        query = select(func.count()).select_from(FilmRow).where(*_condition(selection))
        with Session(self._store.engine) as session:
            return session.scalar(query) or 0

    def entries(self, selection: str, limit: int | None = None) -> Iterator[QueueEntry]:
        """Films: by priority, then oldest first.

        Args:
            selection: One of `SELECTIONS`.
            limit: Largest number of films; None for all.

        Raises:
            UsageError: There is no such selection.
        """
        query = (
            select(FilmRow.id)
            .where(*_condition(selection))
            .order_by(FilmRow.priority.desc(), FilmRow.created, FilmRow.position, FilmRow.id)
            .limit(limit)
        )
        with Session(self._store.engine) as session:
            ids = list(session.scalars(query))
        for start in range(0, len(ids), _ROWS_AT_ONCE):
            yield from self._of_ids(ids[start : start + _ROWS_AT_ONCE])

    def _of_ids(self, ids: Sequence[str]) -> list[QueueEntry]:
        with Session(self._store.engine, expire_on_commit=False) as session:
            films = {f.id: f for f in session.scalars(select(FilmRow).where(FilmRow.id.in_(ids)))}
            deliveries: dict[str, list[Delivery]] = {id_: [] for id_ in films}
            query = select(Delivery).where(Delivery.film.in_(ids)).order_by(Delivery.destination)
            for delivery in session.scalars(query):
                if delivery.film in deliveries:
                    deliveries[delivery.film].append(delivery)
        return [QueueEntry(films[id_], tuple(deliveries[id_])) for id_ in ids if id_ in films]

    def entry(self, id_: str) -> QueueEntry:
        """A film by its id, or by the beginning of its id.

        Raises:
            UsageError: No film has it, or several.
        """
        if len(id_) < _SHORTEST_ID or not set(id_) <= set("0123456789abcdef"):
            raise UsageError(f"{id_}: is no id of a film", _HINT)
        with Session(self._store.engine) as session:
            query = select(FilmRow.id).where(FilmRow.id.startswith(id_)).limit(2)
            ids = list(session.scalars(query))
        if not ids:
            raise UsageError(f"{id_}: there is no such film", _HINT)
        if len(ids) > 1:
            raise UsageError(f"{id_}: several films have ids that begin so", "Give more digits.")
        entries = self._of_ids(ids)
        if not entries:
            raise UsageError(f"{id_}: there is no such film", _HINT)
        return entries[0]

    def retry(self, entry: QueueEntry) -> str:
        """Tries a film that failed again, or results that were given up; returns how.

        Raises:
            UsageError: There is nothing to try again, or the film is no longer here.
        """
        film = entry.film
        if film.state == DONE:
            if not self._deliver_again(entry):
                raise UsageError(
                    f"{film.id[:8]}: is done, and no result was given up", "Nothing is left to do."
                )
            return RESULTS
        if film.state in OPEN:
            raise UsageError(f"{film.id[:8]}: is {film.state}", "It is read without help.")
        if film.job is not None and ReceivedFiles(self._store).receive_again(film.job):
            return FROM_SOURCE
        if film.job is None or self._film_store.get(film.id) is None:
            raise UsageError(
                f"{film.id[:8]}: the film is no longer here",
                "Send it again; `pneumoscope queue drop` takes it off the list.",
            )
        self._store.change([{"id": film.id, "state": QUEUED, "error": READ_AGAIN}])
        return FROM_COPY

    def _deliver_again(self, entry: QueueEntry) -> int:
        """Makes deliveries due that failed; returns how many."""
        failed = [d for d in entry.deliveries if d.state == GIVEN_UP or d.attempts]
        due = [d.destination for d in failed if d.state != DELIVERED]
        with self._store.writing() as session:
            statement = update(Delivery).where(
                Delivery.film == entry.film.id, Delivery.destination.in_(due)
            )
            session.execute(statement.values(**begun_again()))
        return len(due)

    def redirect(self, destination: str, other: str | None) -> int:
        """Gives undelivered results to another destination, or to none; returns how many.

        Raises:
            UsageError: None waits for this destination.
        """
        deliveries = Deliveries(self._store)
        moved = deliveries.redirect(destination, other)
        if moved is None:
            names = sorted({name for name, state in deliveries.counts() if state != DELIVERED})
            raise UsageError(
                f"no result waits for {destination}",
                f"Results wait for: {', '.join(names)}." if names else "Every result is delivered.",
            )
        return moved

    def drop(self, entry: QueueEntry, record: Record) -> None:
        """Deletes a film with its result and its deliveries.

        Args:
            entry: The film.
            record: Called with its id before the deletion is committed.
        """
        deleted = self._store.delete(entry.film.owner, [entry.film.id], record)
        self._film_store.drop(deleted)


_HINT = "`pneumoscope queue list --state all` shows the ids."


def _condition(selection: str) -> Sequence[ColumnElement[bool]]:
    undelivered: ColumnElement[bool] = FilmRow.id.in_(
        select(Delivery.film).where(Delivery.state != DELIVERED)
    ) & (FilmRow.state == DONE)
    if selection in STATES:
        return (FilmRow.state == selection,)
    if selection == UNDELIVERED:
        return (undelivered,)
    if selection == UNFINISHED:
        return (FilmRow.state.in_((*OPEN, FAILED)) | undelivered,)
    if selection == ALL:
        return ()
    raise UsageError(f"--state {selection}: is unknown", f"Choose one of: {', '.join(SELECTIONS)}.")


def database_in(folder: Path) -> Path:
    """The database of the queue in a folder.

    Raises:
        UsageError: There is none, or several.
    """
    databases = sorted(folder.glob("*.sqlite"))
    if not databases:
        raise UsageError(
            f"{folder}: contains no queue",
            "Name the --folder of `serve`, `pacs` or `watch`, or a --database.",
        )
    if len(databases) > 1:
        raise UsageError(
            f"{folder}: contains several databases",
            f"Name one: --database sqlite:///{databases[0].absolute()}",
        )
    return databases[0]


def entry_json(entry: QueueEntry, name: str) -> dict[str, Any]:
    """A film as JSON, without its pictures.

    Args:
        entry: The film.
        name: Its name.
    """
    film = entry.film
    return {
        "id": film.id,
        "name": name,
        "state": film.state,
        "created": film.created.isoformat(timespec="seconds"),
        "owner": film.owner,
        "priority": film.priority,
        "sha256": film.sha256,
        "label": film.label,
        "error": None if film.error == READ_AGAIN else film.error,
        "deliveries": [
            {
                "destination": delivery.destination,
                "state": delivery.state,
                "attempts": delivery.attempts,
                "next_attempt": None
                if delivery.next_attempt is None
                else delivery.next_attempt.isoformat(timespec="seconds"),
                "error": delivery.error,
            }
            for delivery in entry.deliveries
            if film.state != FAILED  # there is no result to deliver
        ],
    }
