"""Deliveries: due once their film is done, by priority, again after a failure, until given up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from grey_films import DARK
from pneumoscope.errors import (
    DiskFull,
    NotStored,
    PneumoscopeError,
    ServerError,
    ServerFault,
    UnknownFormat,
)
from pneumoscope.jobs.deliveries import Deliveries, new_deliveries, waiting_for_others
from pneumoscope.jobs.requests import JobRequest, UploadedFile
from pneumoscope.jobs.tables import DELIVERED, DONE, FAILED, GIVEN_UP, PENDING, now
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


@pytest.mark.parametrize(
    "error",
    [
        DiskFull("archive"),
        NotStored(),
        ServerError("no answer", "Does it run?", 503),
        ServerFault(),
    ],
    ids=lambda error: error.code,
)
def test_why_an_attempt_failed_is_stored_by_code_and_hint(
    parts: Parts, error: PneumoscopeError
) -> None:
    film, deliveries = accepted(parts), Deliveries(parts.store)
    deliveries.record_failure(film, "archive", error, now())
    stored = deliveries.of_film("ann", film)[0].error
    assert stored == {"code": type(error).__name__, "message": str(error), "hint": error.hint}
    assert stored["hint"]


def test_attempts_are_counted_until_one_delivers(parts: Parts) -> None:
    film, deliveries = accepted(parts), Deliveries(parts.store)
    parts.store.change([{"id": film, "state": DONE}])
    at = now()
    for attempt in range(1, 4):
        at += timedelta(minutes=2**attempt)
        deliveries.record_failure(film, "archive", NotStored(), at)
        row = deliveries.of_film("ann", film)[0]
        assert (row.attempts, row.next_attempt, row.state) == (attempt, at, PENDING)
        assert (film, "archive") not in due(parts, at=at - timedelta(seconds=1))
        assert (film, "archive") in due(parts, at=at)
    deliveries.record_success(film, "archive")
    row = deliveries.of_film("ann", film)[0]
    assert (row.attempts, row.next_attempt, row.error, row.state) == (4, None, None, DELIVERED)


def test_a_film_that_failed_is_never_due(parts: Parts) -> None:
    film = accepted(parts)
    parts.store.change([{"id": film, "state": FAILED}])
    assert due(parts, at=now() + timedelta(days=365)) == []
    assert [row.state for row in Deliveries(parts.store).of_film("ann", film)] == [PENDING] * 2


def test_of_one_priority_the_longest_due_comes_first(parts: Parts) -> None:
    films = [accepted(parts, replace(REQUEST, destinations=("archive",))) for _ in range(3)]
    deliveries = Deliveries(parts.store)
    start = now()
    for film, minutes in zip(films, (3, 1, 2), strict=True):
        parts.store.change([{"id": film, "state": DONE}])
        deliveries.record_failure(film, "archive", NotStored(), start + timedelta(minutes=minutes))
    late = start + timedelta(hours=1)
    assert [film for film, _ in due(parts, at=late)] == [films[1], films[2], films[0]]
    assert [film for film, _ in due(parts, 2, at=late)] == [films[1], films[2]]


def test_every_film_goes_to_every_destination() -> None:
    rows = new_deliveries(["a", "b"], ["archive", "viewer"])
    assert [(row["film"], row["destination"]) for row in rows] == [
        ("a", "archive"), ("a", "viewer"), ("b", "archive"), ("b", "viewer"),
    ]  # fmt: skip
    assert {(row["state"], row["attempts"], row["error"]) for row in rows} == {(PENDING, 0, None)}
    assert len({row["next_attempt"] for row in rows}) == 1
    assert new_deliveries([], ["archive"]) == new_deliveries(["a"], []) == []


def test_files_that_are_no_films_are_not_delivered(parts: Parts) -> None:
    no_film = UploadedFile("x.txt", b"", UnknownFormat("film"))
    job = parts.jobs.accept(REQUEST, [UploadedFile(*DARK), no_film])
    film, broken = parts.store.of_job("ann", job)
    assert len(Deliveries(parts.store).of_film("ann", film.id)) == 2
    assert Deliveries(parts.store).of_film("ann", broken.id) == []


def test_results_that_wait_are_counted_without_those_of_films_that_failed(parts: Parts) -> None:
    first, second, failed = accepted(parts), accepted(parts), accepted(parts)
    parts.store.change([{"id": id_, "state": DONE} for id_ in (first, second)])
    parts.store.change([{"id": failed, "state": FAILED}])
    deliveries = Deliveries(parts.store)
    later = now() + timedelta(days=1)
    deliveries.record_failure(first, "archive", ServerFault(), later)  # still waits
    assert (deliveries.count_waiting("archive"), deliveries.count_waiting("viewer")) == (2, 2)
    deliveries.record_success(second, "archive")
    deliveries.record_failure(first, "archive", ServerFault(), None)
    assert (deliveries.count_waiting("archive"), deliveries.count_waiting("viewer")) == (0, 2)
    assert deliveries.counts() == {
        ("archive", DELIVERED): 1, ("archive", GIVEN_UP): 1, ("viewer", PENDING): 2,
    }  # fmt: skip


def test_results_go_to_another_destination(parts: Parts) -> None:
    deliveries = Deliveries(parts.store)
    films = [accepted(parts) for _ in range(2)]
    only_archive = accepted(parts, replace(REQUEST, destinations=("archive",)))
    failed = accepted(parts, replace(REQUEST, destinations=("archive",)))
    parts.store.change([{"id": failed, "state": FAILED}, {"id": films[0], "state": DONE}])
    deliveries.record_success(films[0], "viewer")
    deliveries.record_failure(only_archive, "archive", ServerFault(), None)
    engine = parts.store.engine
    assert waiting_for_others(engine, ["archive", "viewer"]) == {}
    assert waiting_for_others(engine, ["viewer"]) == {"archive": 3}
    assert waiting_for_others(engine, []) == {"archive": 3, "viewer": 1}
    assert deliveries.redirect("unknown", "viewer") is None
    # Two films have a delivery to the viewer already; the given-up one is tried again there. The film
    # that failed has no result, but goes there if it is read again.
    assert deliveries.redirect("archive", "viewer") == 3
    assert [each.destination for each in deliveries.of_film("ann", failed)] == ["viewer"]
    assert waiting_for_others(engine, ["viewer"]) == {}
    states = {id_: deliveries.of_film("ann", id_) for id_ in (*films, only_archive)}
    assert [[(d.destination, d.state) for d in each] for each in states.values()] == [
        [("viewer", DELIVERED)],
        [("viewer", PENDING)],
        [("viewer", PENDING)],
    ]
    assert states[only_archive][0].attempts == 0
    assert deliveries.redirect("viewer", None) == 2
    assert deliveries.counts() == {("viewer", DELIVERED): 1}
