"""Results and jobs in a database: SQLite in the server's folder, or PostgreSQL by URL.

Every row has an owner, and every query that answers a user filters by owner: a user cannot tell
whether a row of somebody else exists.
"""

from __future__ import annotations

import os
import threading
import uuid
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import (
    JSON,
    CursorResult,
    DateTime,
    Engine,
    Index,
    LargeBinary,
    String,
    TypeDecorator,
    create_engine,
    delete,
    event,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Table

QUEUED, RUNNING, DONE, FAILED = "queued", "running", "done", "failed"
STATES = (QUEUED, RUNNING, DONE, FAILED)
OPEN = (QUEUED, RUNNING)
"""States of films that are accepted and not finished."""
_IDS_PER_STATEMENT = 500
"""SQLite before 3.32 takes at most 999 values in one statement."""


class _Utc(TypeDecorator[datetime]):
    """Times with a time zone, also on SQLite, which does not store it."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Any) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Any) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class Base(DeclarativeBase):
    """Base class of every table of a server."""


class Job(Base):
    """Films that were accepted together and are read later.

    Attributes:
        id: 32 hexadecimal digits, random.
        owner: Id of the user.
        created: When it was accepted, UTC.
        total: Films in it.
    """

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64), index=True)
    created: Mapped[datetime] = mapped_column(_Utc)
    total: Mapped[int]


class FilmRow(Base):
    """One film: accepted, or read.

    Attributes:
        id: 32 hexadecimal digits, random.
        owner: Id of the user.
        created: When it was accepted, UTC.
        job: Id of its job, or None.
        position: Place in its request, from 0.
        state: One of `STATES`.
        name: The film's display name, encrypted.
        sha256: SHA-256 of the film's bytes, hexadecimal.
        patient: Keyed hash of the patient's key, or None.
        asked: The settings, as JSON.
        label: The verdict, or None.
        result: The prediction as JSON, or None.
        error: ``{"code": ..., "message": ..., "hint": ...}``, or None.
        heatmap: float32 (h, w), row by row, or None.
        heatmap_rows: h, or None.
    """

    __tablename__ = "predictions"
    __table_args__ = (Index("predictions_of_owner", "owner", "created", "id"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime] = mapped_column(_Utc)
    job: Mapped[str | None] = mapped_column(String(32), index=True)
    position: Mapped[int]
    state: Mapped[str] = mapped_column(String(8), index=True)
    name: Mapped[bytes] = mapped_column(LargeBinary)
    sha256: Mapped[str] = mapped_column(String(64))
    patient: Mapped[str | None] = mapped_column(String(64), index=True)
    asked: Mapped[dict[str, Any]] = mapped_column(JSON)
    label: Mapped[str | None] = mapped_column(String(64))
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    heatmap: Mapped[bytes | None] = mapped_column(LargeBinary)
    heatmap_rows: Mapped[int | None]


_INSERT = insert(cast("Table", FilmRow.__table__))
"""Into the table, not the class: without the ORM this takes about a third less processor time."""


def new_id() -> str:
    """A random id for a row; its 122 random bits cannot be guessed."""
    return uuid.uuid4().hex


def now() -> datetime:
    """The current time, UTC."""
    return datetime.now(UTC)


class Store:
    """The database. Safe to share between threads."""

    def __init__(self, url: str) -> None:
        """Opens a database and creates the tables that are missing.

        Raises:
            UsageError: The URL is malformed, its driver is missing, or the database does not answer.
        """
        self.engine = _engine(url)
        # SQLite allows one writer at a time; waiting here costs less than its busy handler.
        self._write_lock = threading.Lock() if self.engine.dialect.name == "sqlite" else None
        try:
            Base.metadata.create_all(self.engine)
        except SQLAlchemyError as error:
            raise UsageError(
                f"the database cannot be used: {type(error).__name__}",
                "Does its server run, and may you write there? The password belongs in the URL.",
            ) from error

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

    def accept(self, job: dict[str, Any], rows: Sequence[dict[str, Any]]) -> None:
        """Stores a job and its films, in one transaction."""
        with self.writing() as session:
            session.execute(insert(Job), [job])
            session.execute(_INSERT, list(rows))

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
                # Not with RETURNING, which SQLite supports only since 3.35.
                if cast("CursorResult[Any]", session.execute(statement)).rowcount:
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
            for ids in _portions(list(lost)):
                statement = update(FilmRow).where(FilmRow.id.in_(ids))
                session.execute(statement.values(state=FAILED, error=error))
            return len(lost)

    def left_open(self) -> list[FilmRow]:
        """Films of every owner that were accepted and not finished, oldest first."""
        with Session(self.engine, expire_on_commit=False) as session:
            query = select(FilmRow).where(FilmRow.state.in_(OPEN))
            return list(session.scalars(query.order_by(FilmRow.created, FilmRow.position)))

    def delete(self, owner: str, ids: Sequence[str] | None = None) -> list[str]:
        """Deletes films of an owner.

        Args:
            owner: Id of the user.
            ids: Which films; None for all.

        Returns:
            Ids of the films that were deleted.
        """
        with self.writing() as session:
            query = select(FilmRow.id).where(FilmRow.owner == owner)
            if ids is None:
                return _delete(session, list(session.scalars(query)))
            known: list[str] = []
            for portion in _portions(ids):
                known += session.scalars(query.where(FilmRow.id.in_(portion)))
            return _delete(session, known)

    def delete_older(self, days: int) -> list[str]:
        """Deletes finished films of every owner that are older than some days; returns their ids."""
        with self.writing() as session:
            query = select(FilmRow.id).where(
                FilmRow.created < now() - timedelta(days=days), FilmRow.state.not_in(OPEN)
            )
            return _delete(session, list(session.scalars(query)))

    # Reading

    def row(self, owner: str, id_: str) -> FilmRow | None:
        """A film of an owner; None if the owner has no such film."""
        with Session(self.engine, expire_on_commit=False) as session:
            return session.scalars(
                select(FilmRow).where(FilmRow.owner == owner, FilmRow.id == id_)
            ).first()

    def rows(self, owner: str, ids: Sequence[str]) -> list[FilmRow]:
        """Films of an owner in the order of their ids here; unknown ids are left out."""
        with Session(self.engine, expire_on_commit=False) as session:
            query = select(FilmRow).where(FilmRow.owner == owner)
            by_id = {
                row.id: row
                for portion in _portions(ids)
                for row in session.scalars(query.where(FilmRow.id.in_(portion)))
            }
        return [by_id[id_] for id_ in dict.fromkeys(ids) if id_ in by_id]

    def history(
        self, owner: str, limit: int, before: str | None = None, label: str | None = None
    ) -> list[FilmRow]:
        """Films of an owner, newest first.

        Args:
            owner: Id of the user.
            limit: Largest number of rows.
            before: Id of a film: only films before it.
            label: Only films with this verdict.
        """
        query = select(FilmRow).where(FilmRow.owner == owner)
        with Session(self.engine, expire_on_commit=False) as session:
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


def _delete(session: Session, ids: list[str]) -> list[str]:
    """Deletes films, and jobs that have no films left; returns the ids."""
    for portion in _portions(ids):
        session.execute(delete(FilmRow).where(FilmRow.id.in_(portion)))
    with_films = select(FilmRow.job).where(FilmRow.job.is_not(None))
    session.execute(delete(Job).where(Job.id.not_in(with_films)))
    return ids


def _portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Ids in portions that one statement takes."""
    return (
        ids[start : start + _IDS_PER_STATEMENT] for start in range(0, len(ids), _IDS_PER_STATEMENT)
    )


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        # Errors are logged, so they must not contain the values of a statement.
        if parsed.get_backend_name() != "sqlite":
            return create_engine(parsed, pool_pre_ping=True, pool_size=10, hide_parameters=True)
        _make_private(parsed.database)
        engine = create_engine(parsed, connect_args={"timeout": 30}, hide_parameters=True)
    except (SQLAlchemyError, ImportError) as error:
        raise UsageError(
            f"the database URL cannot be used: {type(error).__name__}",
            "For example postgresql+psycopg://user:password@host/name, with psycopg installed.",
        ) from error
    event.listen(engine, "connect", _tune_sqlite)
    return engine


def _make_private(path: str | None) -> None:
    """Creates the file before SQLite does, which would let everybody read it.

    SQLite gives its journals the same permissions.
    """
    if path and path != ":memory:" and not path.startswith("file:"):
        with suppress(OSError):  # the first query reports it
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _tune_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # With WAL, a killed process loses nothing. A power cut loses the last results at worst.
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # Overwrites deleted results in the file.
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()
