"""What a node deletes: old results that nothing waits for, delivered films, and what a crash has left; never what it needs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from sqlalchemy.orm import Session

from pneumoscope.jobs.clock import SteadyClock
from pneumoscope.jobs.kept_films import drop_orphans
from pneumoscope.jobs.store import Record, no_record
from pneumoscope.jobs.tables import FAILED, QUEUED, Delivery, FilmRow, now
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.housekeeping import Housekeeping
from stored_results import Results


@pytest.mark.parametrize("keep", [True, False])
def test_films_are_deleted_once_their_results_are_delivered(tmp_path: Path, keep: bool) -> None:
    results = Results(tmp_path)
    delivered, pending, given_up, being_read, unneeded = (
        results.add("archive"), results.add("archive"), results.add("archive"), results.add(),
        results.add(),
    )  # fmt: skip
    results.deliveries.record_success(delivered, "archive")
    results.deliveries.record_failure(given_up, "archive", DeliveryFailed("no"), None)
    with Session(results.store.engine) as session, session.begin():
        session.get_one(FilmRow, being_read).state = QUEUED
    results.films.keep("f" * 32, b"being accepted at this moment")
    _house(results, None, keep=keep).run()
    needed = {pending, given_up, being_read, "f" * 32}
    assert results.films.ids() == (needed | {delivered, unneeded} if keep else needed)
    drop_orphans(results.store, results.films)
    assert "f" * 32 not in results.films.ids()
    assert {pending, given_up, being_read} <= results.films.ids()
    results.store.close()


def test_old_results_are_deleted_with_their_films(tmp_path: Path) -> None:
    results = Results(tmp_path)
    old, new = results.add("archive"), results.add("archive")
    results.deliveries.record_success(old, "archive")
    _age(results, old)
    lines = list[list[str]]()
    _house(results, 30, keep=True, record=lambda ids: lines.append(list(ids))).run()
    assert lines == [[old]]
    assert results.store.states([old, new]) == {new: "done"}
    assert results.films.ids() == {new}
    assert results.deliveries.counts() == {("archive", "pending"): 1}
    results.store.close()


def test_a_result_that_waits_for_a_destination_is_kept_whatever_its_age(tmp_path: Path) -> None:
    results = Results(tmp_path)
    waiting, half, failing, failed = (
        results.add("archive"), results.add("archive", "viewer"), results.add("archive"),
        results.add("archive"),
    )  # fmt: skip
    results.deliveries.record_success(half, "viewer")
    results.deliveries.record_failure(failing, "archive", DeliveryFailed("down"), now())
    with Session(results.store.engine) as session, session.begin():
        session.get_one(FilmRow, failed).state = FAILED
    _age(results, waiting, half, failing, failed)
    house = _house(results, 30, keep=False)
    house.run()
    kept = {waiting, half, failing}
    assert set(results.store.states([*kept, failed])) == kept == results.films.ids()
    for film in kept:
        results.deliveries.record_success(film, "archive")
    house.run()
    assert results.store.states(list(kept)) == {}
    assert results.films.ids() == set()
    results.store.close()


def test_a_result_that_was_given_up_is_kept_for_the_same_time_again(tmp_path: Path) -> None:
    results = Results(tmp_path)
    lately, long_ago = results.add("archive"), results.add("archive")
    for film in (lately, long_ago):
        results.deliveries.record_failure(film, "archive", DeliveryFailed("no"), None)
    _age(results, lately, long_ago)
    with Session(results.store.engine) as session, session.begin():
        session.get_one(Delivery, (long_ago, "archive")).given_up_at = now() - timedelta(days=31)
    _house(results, 30, keep=False).run()
    assert set(results.store.states([lately, long_ago])) == {lately} == results.films.ids()
    results.deliveries.redirect("archive", "viewer")
    assert results.of(lately)["viewer"].given_up_at is None
    results.store.close()


def _age(results: Results, *films: str) -> None:
    with Session(results.store.engine) as session, session.begin():
        for film in films:
            session.get_one(FilmRow, film).created = now() - timedelta(days=31)


def _house(
    results: Results, days: int | None, *, keep: bool, record: Record = no_record
) -> Housekeeping:
    clock = SteadyClock(results.store.engine)
    return Housekeeping(results.store, results.films, clock, days, keep_films=keep, record=record)
