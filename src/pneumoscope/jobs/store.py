"""Results and jobs in a database.

Every row has an owner, and every query that answers a user filters by owner: a user cannot tell
whether a row of somebody else exists.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from pneumoscope.errors import DuplicateFilm
from pneumoscope.jobs.database import changed_rows, open_engine, unusable
from pneumoscope.jobs.migrations import check_tables, migrate
from pneumoscope.jobs.tables import FAILED, OPEN, QUEUED, Base, Delivery, FilmRow, Job, still_waits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import Executable, Table

_IDS_PER_STATEMENT = 500
"""SQLite before 3.32 takes at most 999 values in one statement."""
_INSERT = insert(cast("Table", FilmRow.__table__))
"""Into the table, not the class: without the ORM this takes about a third less processor time."""


FEW = 100
"""Films that `Store.delete_before` may delete whatever their share."""
Record = Callable[[Sequence[str]], object]
"""Writes a line about objects, by their ids; if it raises, the change is not made."""


def no_record(_ids: Sequence[str]) -> None:
    """For changes that leave no line, or leave it elsewhere."""


class Store:
    """The database. Safe to share between threads."""

    def __init__(self, url: str, *, outlives_power_cuts: bool = False) -> None:
        """Opens a database, and creates or changes its tables where necessary.

        Args:
            url: SQLAlchemy URL.
            outlives_power_cuts: Every change is on the disk before it counts as made, also with
                SQLite, which otherwise may lose the last ones.

        Raises:
            UsageError: The URL is malformed, its driver is missing, the database does not answer, or
                a newer version of pneumoscope has changed it.
        """
        self.engine = open_engine(url, outlives_power_cuts=outlives_power_cuts)
        # SQLite allows one writer at a time; waiting here costs less than its busy handler.
        self._write_lock = threading.Lock() if self.engine.dialect.name == "sqlite" else None
        try:
            migrate(self.engine)
            check_tables(self.engine, Base.metadata.sorted_tables)
        except BaseException as error:
            self.engine.dispose()
            if not isinstance(error, SQLAlchemyError):
                raise
            raise unusable(error) from error

    def close(self) -> None:
        """Closes every connection."""
        self.engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction for changes; it is committed unless the block raises."""
        if self._write_lock is None:
            with Session(self.engine) as session, session.begin():
                yield session
            return
        with self._write_lock, Session(self.engine) as session, session.begin():
            yield session

    def answers(self) -> bool:
        """Whether the database answers."""
        try:
            with self.engine.connect() as connection:
                connection.execute(select(1))
        except SQLAlchemyError:
            return False
        return True

    # Writing

    def accept(
        self,
        job: dict[str, Any],
        rows: Sequence[dict[str, Any]],
        deliveries: Sequence[dict[str, Any]] = (),
        record: Record = no_record,
        also: Sequence[Executable] = (),
    ) -> None:
        """Stores a job, its films and their deliveries, in one transaction.

        Args:
            job: The job.
            rows: Its films.
            deliveries: See `new_deliveries`.
            record: Called with the id of the job before the transaction is committed.
            also: Statements that belong to the same transaction.

        Raises:
            DuplicateFilm: The owner has a film with the idempotency key of one of these.
        """
        try:
            with self.writing() as session:
                session.execute(insert(Job), [job])
                session.execute(_INSERT, list(rows))
                if deliveries:
                    session.execute(insert(Delivery), list(deliveries))
                for statement in also:
                    session.execute(statement)
                record([job["id"]])
        except IntegrityError as error:  # ids are random: only keys can occur twice
            raise DuplicateFilm from error

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Stores finished films of synchronous requests."""
        with self.writing() as session:
            session.execute(_INSERT, list(rows))

    def change(self, rows: Sequence[dict[str, Any]]) -> set[str]:
        """Changes columns of films.

        Args:
            rows: ``id`` and new values of each.

        Returns:
            Ids of the films that were changed; the others have been deleted.
        """
        changed = set()
        with self.writing() as session:
            for row in rows:
                columns = {key: value for key, value in row.items() if key != "id"}
                statement = update(FilmRow).where(FilmRow.id == row["id"]).values(**columns)
                if changed_rows(session, statement):
                    changed.add(row["id"])
        return changed

    def close_open(self, error: dict[str, str], besides: Sequence[str]) -> int:
        """Marks films as failed that a server left open when it ended; returns how many.

        Args:
            error: Code, message and hint.
            besides: Ids of films that stay open.
        """
        with self.writing() as session:
            open_ids = set(session.scalars(select(FilmRow.id).where(FilmRow.state.in_(OPEN))))
            lost = open_ids - set(besides)
            for ids in portions(list(lost)):
                statement = update(FilmRow).where(FilmRow.id.in_(ids))
                session.execute(statement.values(state=FAILED, error=error, idempotency_key=None))
            return len(lost)

    def left_open(self) -> list[FilmRow]:
        """Films of every owner that were accepted and not finished: by priority, then oldest first."""
        with Session(self.engine, expire_on_commit=False) as session:
            query = select(FilmRow).where(FilmRow.state.in_(OPEN))
            order = (FilmRow.priority.desc(), FilmRow.created, FilmRow.position)
            return list(session.scalars(query.order_by(*order)))

    def read_again(self) -> list[FilmRow]:
        """Films that are queued because somebody wants them to be read again, oldest first."""
        with Session(self.engine, expire_on_commit=False) as session:
            query = select(FilmRow).where(FilmRow.state == QUEUED, FilmRow.error.is_not(None))
            return list(session.scalars(query.order_by(FilmRow.created, FilmRow.position)))

    def failed(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The errors of those of some films that failed, by their ids."""
        query = select(FilmRow.id, FilmRow.error).where(FilmRow.state == FAILED)
        errors: dict[str, dict[str, Any]] = {}
        with Session(self.engine) as session:
            for portion in portions(ids):
                rows = session.execute(query.where(FilmRow.id.in_(portion)))
                errors |= {str(id_): error for id_, error in rows if error is not None}
        return errors

    def delete(
        self, owner: str, ids: Sequence[str] | None = None, record: Record = no_record
    ) -> list[str]:
        """Deletes films of an owner.

        Args:
            owner: Id of the user.
            ids: Which films; None for all.
            record: Called with the ids before the deletion is committed, unless there are none.

        Returns:
            Ids of the films that were deleted.
        """
        with self.writing() as session:
            query = select(FilmRow.id).where(FilmRow.owner == owner)
            if ids is None:
                return _delete(session, list(session.scalars(query)), record)
            known: list[str] = []
            for portion in portions(ids):
                known += session.scalars(query.where(FilmRow.id.in_(portion)))
            return _delete(session, known, record)

    def transfer(self, owner: str, new_owner: str) -> int:
        """Gives the films and jobs of an owner to another one; returns the number of films.

        Their idempotency keys are forgotten, as the new owner may have the same.
        """
        with self.writing() as session:
            films = update(FilmRow).where(FilmRow.owner == owner)
            changed = changed_rows(session, films.values(owner=new_owner, idempotency_key=None))
            session.execute(update(Job).where(Job.owner == owner).values(owner=new_owner))
            return changed

    def delete_patient(self, marks: Sequence[str], record: Record = no_record) -> list[str]:
        """Deletes films of a patient, of every owner; returns their ids.

        Args:
            marks: Keyed hashes of the patient's key, see `Keys.fingerprints`.
            record: As for `delete`.
        """
        with self.writing() as session:
            query = select(FilmRow.id).where(FilmRow.patient.in_(marks))
            return _delete(session, list(session.scalars(query)), record)

    def delete_before(
        self,
        time: datetime,
        record: Record = no_record,
        most: float = 1.0,
        limit: int | None = None,
    ) -> list[str]:
        """Deletes finished films of every owner that were accepted before a time; returns their ids.

        A result that waits for a destination is kept, and so is one that was given up after the time.

        Args:
            time: The time.
            record: As for `delete`.
            most: Share of all films that are deleted at most, the oldest first; `FEW` in any case.
            limit: Films that are deleted at most; None for no limit.
        """
        with self.writing() as session:
            query = (
                select(FilmRow.id)
                .where(FilmRow.created < time, FilmRow.state.not_in(OPEN), ~still_waits(time))
                .order_by(FilmRow.created, FilmRow.id)
            )
            if most < 1:
                total = session.scalar(select(func.count()).select_from(FilmRow)) or 0
                query = query.limit(max(FEW, int(most * total)))
            elif limit is not None:
                query = query.limit(limit)
            return _delete(session, list(session.scalars(query)), record)

    # Reading

    def row(self, owner: str, id_: str) -> FilmRow | None:
        """A film of an owner; None if the owner has no such film."""
        with Session(self.engine, expire_on_commit=False) as session:
            return session.scalars(
                select(FilmRow).where(FilmRow.owner == owner, FilmRow.id == id_)
            ).first()

    def row_of_key(self, owner: str, idempotency_key: str) -> FilmRow | None:
        """The film of an owner that was accepted with this key; None if there is none."""
        with Session(self.engine, expire_on_commit=False) as session:
            query = select(FilmRow).where(
                FilmRow.owner == owner, FilmRow.idempotency_key == idempotency_key
            )
            return session.scalars(query).first()

    def rows(self, owner: str, ids: Sequence[str]) -> list[FilmRow]:
        """Films of an owner in the order of their ids here; unknown ids are left out."""
        with Session(self.engine, expire_on_commit=False) as session:
            query = select(FilmRow).where(FilmRow.owner == owner)
            by_id = {
                row.id: row
                for portion in portions(ids)
                for row in session.scalars(query.where(FilmRow.id.in_(portion)))
            }
        return [by_id[id_] for id_ in dict.fromkeys(ids) if id_ in by_id]

    def states(self, ids: Sequence[str]) -> dict[str, str]:
        """The states of films of any owner, by their ids; unknown ids are left out."""
        states: dict[str, str] = {}
        with Session(self.engine) as session:
            for portion in portions(ids):
                query = select(FilmRow.id, FilmRow.state).where(FilmRow.id.in_(portion))
                states |= dict(session.execute(query).all())
        return states

    def history(
        self,
        owner: str,
        limit: int,
        before: str | None = None,
        label: str | None = None,
        patient_of: str | None = None,
    ) -> list[FilmRow]:
        """Films of an owner, newest first.

        Args:
            owner: Id of the user.
            limit: Largest number of rows.
            before: Id of a film: only films before it.
            label: Only films with this verdict.
            patient_of: Id of a film: only films of its patient; none if the patient is not known.
        """
        query = select(FilmRow).where(FilmRow.owner == owner)
        with Session(self.engine, expire_on_commit=False) as session:
            if patient_of is not None:
                film = session.get(FilmRow, patient_of)
                if film is None or film.owner != owner or film.patient is None:
                    return []
                query = query.where(FilmRow.patient == film.patient)
            if before is not None:
                last = session.get(FilmRow, before)
                if last is None or last.owner != owner:
                    return []
                # Comparing row values would be shorter, but not every SQLite uses the index then.
                query = query.where(
                    (FilmRow.created < last.created)
                    | ((FilmRow.created == last.created) & (FilmRow.id < last.id))
                )
            if label is not None:
                query = query.where(FilmRow.label == label)
            query = query.order_by(FilmRow.created.desc(), FilmRow.id.desc()).limit(limit)
            return list(session.scalars(query))

    def job(self, owner: str, id_: str) -> tuple[Job, dict[str, int]] | None:
        """A job of an owner, and the number of its films in each state."""
        with Session(self.engine, expire_on_commit=False) as session:
            job = session.scalars(select(Job).where(Job.owner == owner, Job.id == id_)).first()
            if job is None:
                return None
            query = select(FilmRow.state, func.count()).where(FilmRow.job == id_)
            return job, dict(session.execute(query.group_by(FilmRow.state)).all())

    def of_job(self, owner: str, job: str) -> list[FilmRow]:
        """The films of a job in their order."""
        with Session(self.engine, expire_on_commit=False) as session:
            query = select(FilmRow).where(FilmRow.owner == owner, FilmRow.job == job)
            return list(session.scalars(query.order_by(FilmRow.position)))

    def count_of_study(self, owner: str, study: str) -> int:
        """The number of films of a study.

        Args:
            owner: Id of the user.
            study: Keyed hash of the study.
        """
        with Session(self.engine) as session:
            query = select(func.count()).where(FilmRow.owner == owner, FilmRow.study == study)
            return session.scalar(query) or 0

    def counts(self, owner: str) -> dict[str, int]:
        """The number of films of an owner in each state."""
        with Session(self.engine) as session:
            query = select(FilmRow.state, func.count()).where(FilmRow.owner == owner)
            return dict(session.execute(query.group_by(FilmRow.state)).all())


def _delete(session: Session, ids: list[str], record: Record) -> list[str]:
    """Deletes films, and jobs that have no films left; returns the ids."""
    for portion in portions(ids):
        session.execute(delete(FilmRow).where(FilmRow.id.in_(portion)))
    with_films = select(FilmRow.job).where(FilmRow.job.is_not(None))
    session.execute(delete(Job).where(Job.id.not_in(with_films)))
    if ids:
        record(ids)
    return ids


def portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Ids in portions that one statement takes."""
    return (
        ids[start : start + _IDS_PER_STATEMENT] for start in range(0, len(ids), _IDS_PER_STATEMENT)
    )
