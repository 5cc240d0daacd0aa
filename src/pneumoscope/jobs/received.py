"""Remembers which files of a source were received, so that none is received twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from pneumoscope.jobs.store import portions
from pneumoscope.jobs.tables import ReceivedFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Executable

    from pneumoscope.jobs.store import Store

AGAIN = ""
"""In place of a version: the file is to be received again."""


def entry(place: str, version: str, job: str | None) -> Sequence[Executable]:
    """Statements that enter a file, for `JobService.accept`: both are stored, or neither.

    Args:
        place: Keyed hash of where it is.
        version: A text that changes with its content.
        job: Id of the job of its films.
    """
    values = {"place": place, "version": version, "job": job}
    return (
        delete(ReceivedFile).where(ReceivedFile.place == place),
        insert(ReceivedFile).values(values),
    )


class ReceivedFiles:
    """The files in a database. Safe to share between threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def enter(self, place: str, version: str, job: str | None = None) -> None:
        """Enters a file whose films need no job."""
        with self._store.writing() as session:
            for statement in entry(place, version, job):
                session.execute(statement)

    def of_places(self, places: Sequence[str]) -> dict[str, ReceivedFile]:
        """The files at some places; places without one are left out."""
        with Session(self._store.engine, expire_on_commit=False) as session:
            return {
                file.place: file
                for keys in portions(places)
                for file in session.scalars(
                    select(ReceivedFile).where(ReceivedFile.place.in_(keys))
                )
            }

    def again(self) -> set[str]:
        """The places whose files are to be received again."""
        with Session(self._store.engine) as session:
            query = select(ReceivedFile.place).where(ReceivedFile.version == AGAIN)
            return set(session.scalars(query))

    def jobs_again(self) -> list[str]:
        """The jobs of these files, as far as they have one."""
        with Session(self._store.engine) as session:
            query = select(ReceivedFile.job).where(
                ReceivedFile.version == AGAIN, ReceivedFile.job.is_not(None)
            )
            return [job for job in session.scalars(query) if job is not None]

    def receive_again(self, job: str) -> int:
        """Asks for the files of a job once more; returns how many there are."""
        with self._store.writing() as session:
            query = select(ReceivedFile.place).where(ReceivedFile.job == job)
            places = list(session.scalars(query))
            statement = update(ReceivedFile).where(ReceivedFile.job == job)
            session.execute(statement.values(version=AGAIN))
            return len(places)
