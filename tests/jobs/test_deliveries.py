"""Deliveries: due once their film is done, by priority, again after a failure, until given up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from grey_films import DARK
from pneumoscope.errors import DiskFull, UnknownFormat
from pneumoscope.jobs.deliveries import Deliveries
from pneumoscope.jobs.requests import JobRequest, UploadedFile
from pneumoscope.jobs.tables import DELIVERED, DONE, GIVEN_UP, PENDING, now
from pneumoscope.records import Settings
from queue_parts import Parts

REQUEST = JobRequest("ann", Settings(), destinations=("archive", "viewer"))


@pytest.fixture
def parts(database_url: str, tmp_path: Path) -> Iterator[Parts]:
    parts = Parts(tmp_path, url=database_url)
    parts.store.delete("ann")
    yield parts
    parts.store.close()


def accepted(parts: Parts, request: JobRequest = REQUEST) -> str:
    """The id of a film that was accepted."""
    job = parts.jobs.accept(request, [UploadedFile(*DARK)])
    return parts.store.of_job("ann", job)[0].id


def due(parts: Parts, limit: int = 10, **more: object) -> list[tuple[str, str]]:
    deliveries = Deliveries(parts.store).due(limit, **more)  # type: ignore[arg-type]
    assert [delivery.film for delivery, _ in deliveries] == [film.id for _, film in deliveries]
    return [(delivery.film, delivery.destination) for delivery, _ in deliveries]


def test_deliveries_are_due_when_their_film_is_done(parts: Parts) -> None:
    first = accepted(parts)
    urgent = accepted(parts, replace(REQUEST, priority=1, destinations=("archive",)))
    assert due(parts) == []
    parts.store.change([{"id": id_, "state": DONE} for id_ in (first, urgent)])
    assert due(parts)[0] == (urgent, "archive")
    assert sorted(due(parts)[1:]) == [(first, "archive"), (first, "viewer")]
    assert due(parts, 1) == [(urgent, "archive")]
    assert due(parts, at=now() - timedelta(hours=1)) == []


def test_a_failed_attempt_is_repeated_at_its_time_and_then_given_up(parts: Parts) -> None:
    film, deliveries = accepted(parts), Deliveries(parts.store)
    parts.store.change([{"id": film, "state": DONE}])
    later = now() + timedelta(minutes=5)
    deliveries.record_failure(film, "archive", DiskFull("archive"), later)
    assert due(parts) == [(film, "viewer")]
    assert due(parts, at=later) == [(film, "viewer"), (film, "archive")]
    archive, viewer = deliveries.of_film("ann", film)
    assert (archive.destination, archive.state, archive.attempts) == ("archive", PENDING, 1)
    assert archive.error == DiskFull("archive").as_dict()
    assert archive.next_attempt == later
    assert (viewer.attempts, viewer.error) == (0, None)
    deliveries.record_success(film, "archive")
    deliveries.record_failure(film, "viewer", UnknownFormat("film"), None)
    archive, viewer = deliveries.of_film("ann", film)
    assert (archive.state, archive.attempts, archive.error) == (DELIVERED, 2, None)
    assert (viewer.state, viewer.attempts, viewer.next_attempt) == (GIVEN_UP, 1, None)
    assert due(parts, at=later) == []


def test_deliveries_go_with_their_film_and_are_seen_by_its_owner_only(parts: Parts) -> None:
    film, deliveries = accepted(parts), Deliveries(parts.store)
    assert len(deliveries.of_film("ann", film)) == 2
    assert deliveries.of_film("bob", film) == []
    parts.store.delete("ann", [film])
    assert deliveries.of_film("ann", film) == []
    deliveries.record_success(film, "archive")  # of a film that was deleted meanwhile


def test_a_film_without_destinations_is_not_delivered(parts: Parts) -> None:
    film = accepted(parts, replace(REQUEST, destinations=()))
    parts.store.change([{"id": film, "state": DONE}])
    assert due(parts) == []
