"""Deliveries of results to other systems: which are due, and what became of each attempt.

A film is accepted together with its destinations. A delivery is due once its film is done; a film that
failed has no result to deliver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from pneumoscope.jobs.tables import (
    DELIVERED,
    DONE,
    FAILED,
    GIVEN_UP,
    PENDING,
    Delivery,
    FilmRow,
    now,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta
    from typing import Any

    from sqlalchemy import Engine

    from pneumoscope.errors import PneumoscopeError
    from pneumoscope.jobs.store import Store


def new_deliveries(films: Sequence[str], destinations: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of pending deliveries of films, for `Store.accept`.

    Args:
        films: Ids of the films.
        destinations: Names of the systems that every film goes to.
    """
    time = now()
    return [
        {
            "film": film,
            "destination": destination,
            "state": PENDING,
            "attempts": 0,
            "next_attempt": time,
            "error": None,
        }
        for film in films
        for destination in destinations
    ]


def begun_again() -> dict[str, Any]:
    """The columns of a delivery whose attempts begin again."""
    return {"state": PENDING, "attempts": 0, "next_attempt": now(), "given_up_at": None}


def waiting_for_others(engine: Engine, destinations: Sequence[str]) -> dict[str, int]:
    """The numbers of results that destinations which are not among these have not got, by name.

    They wait or were given up: `Deliveries.redirect` moves both.

    Args:
        engine: The database; it is only read.
        destinations: Names of the destinations that there are.
    """
    query = (
        select(Delivery.destination, func.count())
        .join(FilmRow, FilmRow.id == Delivery.film)
        .where(
            Delivery.state != DELIVERED,
            FilmRow.state != FAILED,
            Delivery.destination.not_in(destinations),
        )
        .group_by(Delivery.destination)
    )
    with Session(engine) as session:
        return {str(name): int(count) for name, count in session.execute(query)}


class Deliveries:
    """The deliveries in a database. Safe to share between threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def due(
        self,
        limit: int,
        at: datetime | None = None,
        destination: str | None = None,
        longest_pause: timedelta | None = None,
    ) -> list[tuple[Delivery, FilmRow]]:
        """Deliveries whose next attempt is due, with their films: by priority, then longest due first.

        Args:
            limit: Largest number of deliveries.
            at: Used instead of the current time.
            destination: Only deliveries to this one.
            longest_pause: Longest pause between attempts. What waits longer is due as well: the clock
                was set back.
        """
        time = at or now()
        is_due = Delivery.next_attempt <= time
        if longest_pause is not None:
            is_due |= Delivery.next_attempt > time + longest_pause
        query = (
            select(Delivery, FilmRow)
            .join(FilmRow, FilmRow.id == Delivery.film)
            .where(Delivery.state == PENDING, is_due, FilmRow.state == DONE)
            .order_by(FilmRow.priority.desc(), Delivery.next_attempt, Delivery.film)
            .limit(limit)
        )
        if destination is not None:
            query = query.where(Delivery.destination == destination)
        with Session(self._store.engine, expire_on_commit=False) as session:
            return [(delivery, film) for delivery, film in session.execute(query)]

    def of_film(self, owner: str, film: str) -> list[Delivery]:
        """The deliveries of an owner's film, by destination."""
        query = (
            select(Delivery)
            .join(FilmRow, FilmRow.id == Delivery.film)
            .where(FilmRow.owner == owner, Delivery.film == film)
            .order_by(Delivery.destination)
        )
        with Session(self._store.engine, expire_on_commit=False) as session:
            return list(session.scalars(query))

    def counts(self) -> dict[tuple[str, str], int]:
        """The number of deliveries, by destination and state; without films that have no result to come."""
        query = (
            select(Delivery.destination, Delivery.state, func.count())
            .join(FilmRow, FilmRow.id == Delivery.film)
            .where(FilmRow.state != FAILED)
            .group_by(Delivery.destination, Delivery.state)
        )
        with Session(self._store.engine) as session:
            return {(name, state): count for name, state, count in session.execute(query)}

    def count_waiting(self, destination: str) -> int:
        """The number of results that wait for their delivery to a destination."""
        query = (
            select(func.count())
            .select_from(Delivery)
            .join(FilmRow, FilmRow.id == Delivery.film)
            .where(
                Delivery.destination == destination,
                Delivery.state == PENDING,
                FilmRow.state == DONE,
            )
        )
        with Session(self._store.engine) as session:
            return session.scalar(query) or 0

    def redirect(self, destination: str, other: str | None) -> int | None:
        """Gives results that are not delivered to another destination, or to none.

        A film that has a delivery to the other destination keeps that one.

        Args:
            destination: The name under which they wait or were given up.
            other: The new name; None to deliver them nowhere.

        Returns:
            The number of results, as `waiting_for_others` counts them: films that failed have none, and
            are read again for the other destination. None if the destination waits for no film.
        """
        theirs = (Delivery.destination == destination, Delivery.state != DELIVERED)
        with self._store.writing() as session:
            count = select(func.count()).select_from(Delivery).where(*theirs)
            every = session.scalar(count) or 0
            with_result = count.join(FilmRow, FilmRow.id == Delivery.film)
            results = session.scalar(with_result.where(FilmRow.state != FAILED)) or 0
            if other is not None:
                twice = select(Delivery.film).where(Delivery.destination == other)
                statement = update(Delivery).where(*theirs, Delivery.film.not_in(twice))
                session.execute(statement.values(destination=other, error=None, **begun_again()))
            session.execute(delete(Delivery).where(*theirs))
            return results if every else None

    def undelivered(self, films: Sequence[str]) -> set[str]:
        """Those of some films that have a delivery which is pending or given up.

        Args:
            films: Ids, at most 500.
        """
        query = select(Delivery.film).where(Delivery.film.in_(films), Delivery.state != DELIVERED)
        with Session(self._store.engine) as session:
            return set(session.scalars(query))

    def record_success(self, film: str, destination: str) -> None:
        """Records an attempt that delivered the result."""
        self._record(film, destination, state=DELIVERED, next_attempt=None, error=None)

    def record_failure(
        self, film: str, destination: str, error: PneumoscopeError, next_attempt: datetime | None
    ) -> None:
        """Records an attempt that failed.

        Args:
            film: Id of the film.
            destination: Name of the other system.
            error: Why it failed.
            next_attempt: Earliest time of the next attempt; None to give up.
        """
        over = next_attempt is None
        self._record(
            film,
            destination,
            state=GIVEN_UP if over else PENDING,
            next_attempt=next_attempt,
            error=error.as_dict(),
            given_up_at=now() if over else None,
        )

    def _record(self, film: str, destination: str, **columns: Any) -> None:
        statement = update(Delivery).where(
            Delivery.film == film, Delivery.destination == destination
        )
        with self._store.writing() as session:
            session.execute(statement.values(attempts=Delivery.attempts + 1, **columns))
