"""The tables of the queue. `pneumoscope.jobs.migrations` creates and changes them in a database."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    TypeDecorator,
    exists,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

QUEUED, RUNNING, DONE, FAILED = "queued", "running", "done", "failed"
STATES = (QUEUED, RUNNING, DONE, FAILED)
OPEN = (QUEUED, RUNNING)
"""States of films that are accepted and not finished."""
PENDING, DELIVERED, GIVEN_UP = "pending", "delivered", "given up"
"""States of a delivery."""


class UtcDateTime(TypeDecorator[datetime]):
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
    created: Mapped[datetime] = mapped_column(UtcDateTime)
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
        study: Keyed hash of the study, or None.
        idempotency_key: Keyed hash of the film's identity and the bundle, see `Keys.idempotency_key`;
            None where the sender gave no identity, and for films that failed. Unique for an owner.
        priority: Films of higher priority are read first; 0 by default.
        bundle: Name of the bundle that reads it; None for the server's default.
        settings: The settings of the request, as JSON.
        label: The verdict, or None.
        result: The prediction as JSON, or None.
        error: ``{"code": ..., "message": ..., "hint": ...}``, or None.
        heatmap: float32 (h, w), row by row, or None.
        heatmap_rows: h, or None.
        lungs: The lung field, stored likewise; None without one, or without a heatmap.
        lungs_rows: Its h, or None.
    """

    __tablename__ = "predictions"
    __table_args__ = (
        Index("predictions_of_owner", "owner", "created", "id"),
        Index("predictions_of_key", "owner", "idempotency_key", unique=True),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    job: Mapped[str | None] = mapped_column(String(32), index=True)
    position: Mapped[int]
    state: Mapped[str] = mapped_column(String(8), index=True)
    name: Mapped[bytes] = mapped_column(LargeBinary)
    sha256: Mapped[str] = mapped_column(String(64))
    patient: Mapped[str | None] = mapped_column(String(64), index=True)
    study: Mapped[str | None] = mapped_column(String(64), index=True)
    idempotency_key: Mapped[str | None] = mapped_column(String(64))
    priority: Mapped[int] = mapped_column(server_default="0")
    bundle: Mapped[str | None] = mapped_column(String(255))
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    label: Mapped[str | None] = mapped_column(String(64))
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    heatmap: Mapped[bytes | None] = mapped_column(LargeBinary)
    heatmap_rows: Mapped[int | None]
    lungs: Mapped[bytes | None] = mapped_column(LargeBinary)
    lungs_rows: Mapped[int | None]


class Delivery(Base):
    """The result of a film on its way to another system, such as an archive.

    Attributes:
        film: Id of the film; deleting the film deletes its deliveries.
        destination: Name of the other system.
        state: `PENDING`, `DELIVERED` or `GIVEN_UP`.
        attempts: Attempts so far.
        next_attempt: Earliest time of the next attempt; None unless the delivery is pending.
        error: Code, message and hint of the last attempt, or None.
        given_up_at: When it was given up; None otherwise, and where an earlier version gave it up.
    """

    __tablename__ = "deliveries"
    __table_args__ = (Index("deliveries_due", "state", "next_attempt"),)

    film: Mapped[str] = mapped_column(
        String(32), ForeignKey("predictions.id", ondelete="CASCADE"), primary_key=True
    )
    destination: Mapped[str] = mapped_column(String(255), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int]
    next_attempt: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    given_up_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ReceivedFile(Base):
    """A file of a folder, bucket or other source that was received.

    Attributes:
        place: Keyed hash of where it is.
        version: A text that changes with its content.
        job: Id of the job that its films became; None if they had all been received before.
    """

    __tablename__ = "received_files"
    __table_args__ = (Index("ix_received_files_job", "job"),)

    place: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[str] = mapped_column(String(255))
    job: Mapped[str | None] = mapped_column(String(32))


def still_waits(time: datetime) -> ColumnElement[bool]:
    """For queries: a film whose result is to be delivered, or was given up at this time or later.

    Attempts at many results may take longer than results are kept, and somebody must see what failed.
    """
    waits = (Delivery.state == PENDING) | (
        (Delivery.state == GIVEN_UP) & (Delivery.given_up_at >= time)
    )
    return (FilmRow.state == DONE) & exists().where(Delivery.film == FilmRow.id, waits)


def new_id() -> str:
    """A random id for a row; its 122 random bits cannot be guessed."""
    return uuid.uuid4().hex


def now() -> datetime:
    """The current time, UTC."""
    return datetime.now(UTC)
