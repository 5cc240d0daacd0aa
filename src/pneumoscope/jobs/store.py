"""Results and jobs in a database: SQLite in the server's folder, or PostgreSQL by URL.

Every row has an owner and every query that answers a user takes one: what belongs to somebody else
does not exist.
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
_AT_ONCE = 500
OPEN = (QUEUED, RUNNING)
"""States of what is accepted and not finished."""


class _Utc(TypeDecorator[datetime]):
    """Times with their zone, on SQLite too, which knows none."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Any) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Any) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class Base(DeclarativeBase):
    """Of every table of the server."""


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


class Row(Base):
    """One film: accepted, or read.

    Attributes:
        id: 32 hexadecimal digits, random.
        owner: Id of the user.
        created: When it was accepted, UTC.
        job: Of which job, or None.
        position: Place in its request, from 0.
        state: One of `STATES`.
        name: The film's display name, sealed.
        sha256: Of the film's bytes.
        patient: Keyed hash of the patient's key, or None.
        asked: The settings, as JSON.
        label: Of the verdict, or None.
        result: The prediction as JSON, or None.
        error: Problem details as JSON, or None.
        heatmap: float32 (h, w), row by row, or None.
        heatmap_rows: h.
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


_INTO = insert(cast("Table", Row.__table__))
"""The table, not the class: without the ORM's bookkeeping, about a third less processor time."""


def new_id() -> str:
    """A random name for a row: 122 random bits, so that nobody guesses another's."""
    return uuid.uuid4().hex


def now() -> datetime:
    """The time, UTC."""
    return datetime.now(UTC)


class Store:
    """The database. Safe to share between threads."""

    def __init__(self, url: str) -> None:
        """Opens a database and makes what is missing in it.

        Raises:
            UsageError: The URL is none, its driver is missing, or nobody answers there.
        """
        self.engine = _engine(url)
        # SQLite takes one writer at a time; waiting here costs less than its busy handler.
        self._writing = threading.Lock() if self.engine.dialect.name == "sqlite" else None
        try:
            Base.metadata.create_all(self.engine)
        except SQLAlchemyError as error:
            raise UsageError(
                f"the database cannot be used: {type(error).__name__}",
                "Does the server run, and may you write there? Passwords belong into the URL.",
            ) from error

    def close(self) -> None:
        """Closes every connection."""
        self.engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that changes something; it is committed when the block ends well."""
        if self._writing is None:
            with Session(self.engine) as session, session.begin():
                yield session
            return
        with self._writing, Session(self.engine) as session, session.begin():
            yield session

    def answers(self) -> bool:
        """Whether the database can be asked."""
        try:
            with self.engine.connect() as connection:
                connection.execute(select(1))
        except SQLAlchemyError:
            return False
        return True

    # What is written

    def accept(self, job: dict[str, Any], rows: Sequence[dict[str, Any]]) -> None:
        """A job and its films, in one transaction."""
        with self.writing() as session:
            session.execute(insert(Job), [job])
            session.execute(_INTO, list(rows))

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Finished films of synchronous requests."""
        with self.writing() as session:
            session.execute(_INTO, list(rows))

    def change(self, rows: Sequence[dict[str, Any]]) -> set[str]:
        """Changes films by ``id``; those that were deleted meanwhile stay so. Returns the others."""
        there = set()
        with self.writing() as session:
            for row in rows:
                values = {key: value for key, value in row.items() if key != "id"}
                wanted = update(Row).where(Row.id == row["id"]).values(**values)
                # Not by RETURNING, which SQLite knows since 3.35 only.
                if cast("CursorResult[Any]", session.execute(wanted)).rowcount:
                    there.add(row["id"])
        return there

    def close_open(self, error: dict[str, Any], besides: Sequence[str]) -> int:
        """Reports as failed what a server that ended left open; returns how many.

        Args:
            error: Problem details.
            besides: Ids that are taken up again.
        """
        with self.writing() as session:
            left = select(Row.id).where(Row.state.in_(OPEN))
            lost = set(session.scalars(left)) - set(besides)
            for some in _portions(list(lost)):
                wanted = update(Row).where(Row.id.in_(some))
                session.execute(wanted.values(state=FAILED, error=error))
            return len(lost)

    def left_open(self) -> list[Row]:
        """Films of every owner that were accepted and not finished, oldest first."""
        with Session(self.engine, expire_on_commit=False) as session:
            wanted = select(Row).where(Row.state.in_(OPEN)).order_by(Row.created, Row.position)
            return list(session.scalars(wanted))

    def delete(self, owner: str, ids: Sequence[str] | None = None) -> list[str]:
        """Deletes films of an owner, all of them by default; returns which."""
        with self.writing() as session:
            mine = select(Row.id).where(Row.owner == owner)
            if ids is None:
                return _deleted(session, list(session.scalars(mine)))
            return _deleted(
                session,
                [
                    id_
                    for some in _portions(ids)
                    for id_ in session.scalars(mine.where(Row.id.in_(some)))
                ],
            )

    def delete_older(self, days: int) -> list[str]:
        """Deletes finished films of every owner that are older; returns which."""
        with self.writing() as session:
            old = select(Row.id).where(
                Row.created < now() - timedelta(days=days), Row.state.not_in(OPEN)
            )
            return _deleted(session, list(session.scalars(old)))

    # What is read

    def row(self, owner: str, id_: str) -> Row | None:
        """One film of an owner."""
        with Session(self.engine, expire_on_commit=False) as session:
            return session.scalars(select(Row).where(Row.owner == owner, Row.id == id_)).first()

    def rows(self, owner: str, ids: Sequence[str]) -> list[Row]:
        """Films of an owner, in the order asked for; unknown ones are left out."""
        with Session(self.engine, expire_on_commit=False) as session:
            mine = select(Row).where(Row.owner == owner)
            named = {
                row.id: row
                for some in _portions(ids)
                for row in session.scalars(mine.where(Row.id.in_(some)))
            }
        return [named[id_] for id_ in dict.fromkeys(ids) if id_ in named]

    def history(
        self, owner: str, limit: int, before: str | None = None, label: str | None = None
    ) -> list[Row]:
        """Films of an owner, newest first.

        Args:
            owner: Id of the user.
            limit: Most rows.
            before: Id of a row: only older ones.
            label: Only with this verdict.
        """
        wanted = select(Row).where(Row.owner == owner)
        with Session(self.engine, expire_on_commit=False) as session:
            if before is not None:
                at = session.get(Row, before)
                if at is None or at.owner != owner:
                    return []
                # Row values would be shorter, but not every SQLite compares them by index.
                wanted = wanted.where(
                    (Row.created < at.created) | ((Row.created == at.created) & (Row.id < at.id))
                )
            if label is not None:
                wanted = wanted.where(Row.label == label)
            wanted = wanted.order_by(Row.created.desc(), Row.id.desc()).limit(limit)
            return list(session.scalars(wanted))

    def job(self, owner: str, id_: str) -> tuple[Job, dict[str, int]] | None:
        """A job of an owner, and how many of its films are in which state."""
        with Session(self.engine, expire_on_commit=False) as session:
            found = session.scalars(select(Job).where(Job.owner == owner, Job.id == id_)).first()
            if found is None:
                return None
            counted = select(Row.state, func.count()).where(Row.job == id_).group_by(Row.state)
            return found, dict(session.execute(counted).all())

    def of_job(self, owner: str, job: str) -> list[Row]:
        """The films of a job in their order."""
        with Session(self.engine, expire_on_commit=False) as session:
            wanted = select(Row).where(Row.owner == owner, Row.job == job)
            return list(session.scalars(wanted.order_by(Row.position)))


def _deleted(session: Session, ids: list[str]) -> list[str]:
    """Deletes films, and jobs of which nothing is left then."""
    for some in _portions(ids):
        session.execute(delete(Row).where(Row.id.in_(some)))
    session.execute(delete(Job).where(Job.id.not_in(select(Row.job).where(Row.job.is_not(None)))))
    return ids


def _portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Ids a few at a time: a statement takes so many values only (SQLite before 3.32: 999)."""
    return (ids[i : i + _AT_ONCE] for i in range(0, len(ids), _AT_ONCE))


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return create_engine(parsed, pool_pre_ping=True, pool_size=10, hide_parameters=True)
        # Errors are logged: without what was to be written.
        _make_private(parsed.database)
        engine = create_engine(parsed, connect_args={"timeout": 30}, hide_parameters=True)
    except (SQLAlchemyError, ImportError) as error:
        raise UsageError(
            f"the database URL cannot be used: {type(error).__name__}",
            "Such as postgresql+psycopg://user:password@host/name, with psycopg installed.",
        ) from error
    event.listen(engine, "connect", _tune_sqlite)
    return engine


def _make_private(path: str | None) -> None:
    """Makes the file that SQLite would make for everybody to read; its journals follow it."""
    if path and path != ":memory:" and not path.startswith("file:"):
        with suppress(OSError):  # told by the first query
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _tune_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # With WAL a killed process loses nothing; a power cut at worst the last results, never the file.
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # Deleted results are overwritten, not only unlinked.
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()
