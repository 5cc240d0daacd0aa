"""Deliveries: each destination at its own pace, again with growing pauses, and given up with a reason."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from sqlalchemy.orm import Session

from pneumoscope.jobs.tables import DELIVERED, GIVEN_UP, PENDING, Delivery, FilmRow, now
from pneumoscope.pacs.config import DeliveryLimits
from pneumoscope.pacs.delivery import AGAIN
from pneumoscope.pacs.destinations.base import StoredFilm
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.errors import AuditLogNotWritten
from stored_results import PATIENCE_S, Results, Target


@pytest.fixture
def results(tmp_path: Path) -> Iterator[Results]:
    made = Results(tmp_path)
    yield made
    made.store.close()


def down(_call: int) -> Exception:
    return DeliveryFailed("no answer", "Check it.")


@pytest.mark.parametrize("keep", [True, False])
def test_results_are_delivered_once_and_films_deleted(results: Results, keep: bool) -> None:
    films = [results.add("archive", "folder") for _ in range(3)]
    archive, folder = Target("archive"), Target("folder")
    with results.loop(archive, folder, keep=keep) as loop:
        results.wait(6, DELIVERED)
        late = results.add("archive")
        loop.wake()
        results.wait(7, DELIVERED)
    assert sorted(archive.got) == sorted([*films, late])
    assert sorted(folder.got) == sorted(films)
    assert {each.state for film in films for each in results.of(film).values()} == {DELIVERED}
    assert results.films.ids() == ({*films, late} if keep else set())


def test_a_destination_that_is_down_delays_no_other_and_gets_everything_later(
    results: Results,
) -> None:
    films = [results.add("archive", "folder") for _ in range(3)]
    archive = Target("archive", lambda call: down(call) if call <= 5 else None)
    folder = Target("folder")
    with results.loop(archive, folder):
        results.wait(6, DELIVERED)
    assert sorted(archive.got) == sorted(folder.got) == sorted(films)
    assert results.counted.count(("archive", AGAIN)) == 5
    assert {delivery.error for film in films for delivery in results.of(film).values()} == {None}
    assert results.films.ids() == set()


def test_the_next_two_results_are_made_at_once_while_one_is_sent(results: Results) -> None:
    for _ in range(4):
        results.add("archive")
    making = threading.Barrier(3, timeout=PATIENCE_S)  # two results, and the one that is sent

    class Sending(Target):
        def prepare(self, film: StoredFilm) -> None:
            super().prepare(film)
            if len(self.prepared) <= 2:
                making.wait()
            raise DeliveryFailed("it cannot be made now")

        def send(self, film: StoredFilm) -> None:
            if not self.got:
                making.wait()
            super().send(film)

    archive = Sending("archive")
    with results.loop(archive):
        results.wait(4, DELIVERED)
    assert sorted(archive.prepared[:2]) == sorted(archive.got[1:3])
    assert archive.prepared[2:] == archive.got[3:]
    assert (archive.calls, len(archive.got)) == (4, 4)


def test_results_that_are_due_are_sent_together(results: Results) -> None:
    films = [results.add("archive") for _ in range(3)]
    archive = Target("archive")
    with results.loop(archive):
        results.wait(3, DELIVERED)
    assert sorted(archive.got) == sorted(films)
    assert archive.rounds == [3]


def test_a_result_is_given_up_after_the_last_attempt_and_its_film_kept(results: Results) -> None:
    film = results.add("archive")
    with results.loop(Target("archive", down)):
        results.wait(1, GIVEN_UP)
    delivery = results.of(film)["archive"]
    assert (delivery.state, delivery.attempts, delivery.next_attempt) == (GIVEN_UP, 4, None)
    assert delivery.error == {
        "code": "DeliveryFailed", "message": "no answer", "hint": "Check it.",
    }  # fmt: skip
    assert results.counted == [("archive", AGAIN)] * 3 + [("archive", GIVEN_UP)]
    assert results.films.ids() == {film}  # for another attempt by hand


def test_a_permanent_failure_is_given_up_at_once_and_the_next_result_delivered(
    results: Results,
) -> None:
    refused = results.add("archive", priority=1)
    accepted = results.add("archive")
    archive = Target(
        "archive",
        lambda call: DeliveryFailed("wrong class", permanent=True) if call == 1 else None,
    )
    with results.loop(archive):
        results.wait(1, DELIVERED)
    assert results.of(refused)["archive"].state == GIVEN_UP
    assert results.of(refused)["archive"].attempts == 1
    assert archive.got == [accepted]


def test_a_film_that_cannot_be_read_holds_up_no_other(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = results.add("archive", priority=1), results.add("archive")
    get = results.films.get

    def unreadable(id_: str) -> bytes | None:
        if id_ == broken:
            raise PermissionError(13, "Permission denied")
        return get(id_)

    archive = Target("archive")
    with monkeypatch.context() as patch:
        patch.setattr(results.films, "get", unreadable)
        with results.loop(archive):
            results.wait(1, GIVEN_UP)
            results.wait(1, DELIVERED)
    assert archive.got == [sound]
    error = results.of(broken)["archive"].error
    assert error is not None
    assert error["message"] == "the film cannot be read (permission denied)"


def test_an_unexpected_failure_is_tried_again_without_its_message(
    results: Results, caplog: pytest.LogCaptureFixture
) -> None:
    film = results.add("archive")
    archive = Target("archive", lambda call: ValueError("Planted^Name") if call == 1 else None)
    with results.loop(archive):
        results.wait(1, DELIVERED)
    assert archive.got == [film]
    assert "Planted" not in "".join(record.getMessage() for record in caplog.records)


def test_a_film_that_is_gone_is_given_up_with_the_reason(results: Results) -> None:
    film = results.add("archive", keep=False)
    with results.loop(Target("archive")):
        results.wait(1, GIVEN_UP)
    error = results.of(film)["archive"].error
    assert error is not None
    assert error["message"] == "the film is not kept any more"


def test_pauses_grow_and_survive_a_restart(results: Results) -> None:
    film = results.add("archive")
    limits = DeliveryLimits(attempts=5, first_pause_s=100, longest_pause_s=300)
    for attempt, longest in ((1, 100), (2, 200), (3, 300), (4, 300)):
        before = now()
        with results.loop(Target("archive", down), limits=limits):
            results.wait(attempt, AGAIN)
        delivery = results.of(film)["archive"]
        assert (delivery.state, delivery.attempts) == (PENDING, attempt)
        assert delivery.next_attempt is not None
        pause_s = (delivery.next_attempt - before).total_seconds()
        assert longest / 2 <= pause_s <= longest + 5
        with results.loop(Target("archive"), limits=limits):  # not due yet
            pass
        assert results.of(film)["archive"].attempts == attempt
        _move(results, film, timedelta(seconds=-1))
    with results.loop(Target("archive"), limits=limits):
        results.wait(1, DELIVERED)


def test_a_clock_that_was_set_back_delays_nothing_for_long(results: Results) -> None:
    film = results.add("archive")
    _move(results, film, timedelta(days=365))
    with results.loop(Target("archive")):
        results.wait(1, DELIVERED)


def test_a_loop_that_ends_leaves_the_rest_to_the_next(results: Results) -> None:
    films = {results.add("archive") for _ in range(20)}
    stopping = threading.Event()
    slow = Target("archive", lambda call: stopping.set() if call == 3 else None)  # type: ignore[func-returns-value]
    with results.loop(slow):
        assert stopping.wait(PATIENCE_S)
    other = Target("archive")
    with results.loop(other):
        results.wait(20, DELIVERED)
    assert {*slow.got, *other.got} == films
    assert len(slow.got) + len(other.got) == 20


def _move(results: Results, film: str, by: timedelta) -> None:
    with Session(results.store.engine) as session, session.begin():
        delivery = session.get_one(Delivery, (film, "archive"))
        delivery.next_attempt = now() + by


def test_a_result_counts_as_delivered_only_with_its_line_in_the_audit_log(results: Results) -> None:
    film, target, recorded = results.add("archive"), Target("archive"), list[str]()

    def record(delivery: Delivery, row: FilmRow, what: str) -> None:
        assert (delivery.destination, row.id) == ("archive", film)
        recorded.append(what)
        if len(recorded) == 1:
            raise AuditLogNotWritten

    with results.loop(target, record=record):
        results.wait(1, DELIVERED)
    assert recorded == [DELIVERED, AGAIN, DELIVERED]
    assert target.got == [film, film]  # the second time changes nothing there
    assert results.counted == [("archive", AGAIN), ("archive", DELIVERED)]
