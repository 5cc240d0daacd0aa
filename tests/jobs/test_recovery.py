"""Films that an earlier run left open, without a server; tests/serve/test_restart.py kills one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from grey_films import BRIGHT, DARK
from pneumoscope.bundle import Bundle
from pneumoscope.errors import Interrupted, UnknownFormat
from pneumoscope.jobs.recovery import Recovered, recover
from pneumoscope.jobs.requests import JobRequest, UploadedFile
from pneumoscope.jobs.rows import READ_AGAIN
from pneumoscope.jobs.tables import DONE, FAILED, RUNNING
from pneumoscope.records import Outcome, Settings
from pneumoscope.runtime import Classifier
from queue_parts import KEYS, Parts

REQUEST = JobRequest("ann", Settings("screen", profile=Path("site.toml")), bundle="second")


def interrupted(folder: Path, *, keep_films: bool) -> tuple[str, str]:
    """Two jobs of a run that ended before it read their films; the second is urgent."""
    parts = Parts(folder, keep_films=keep_films)
    key = KEYS.idempotency_key("1.2.3", "0" * 64)
    routine = parts.jobs.accept(REQUEST, [UploadedFile(*DARK, idempotency_key=key)])
    urgent = parts.jobs.accept(replace(REQUEST, priority=1), [UploadedFile(*BRIGHT)])
    begun, waiting = (parts.store.of_job("ann", job)[0].id for job in (routine, urgent))
    parts.store.change([{"id": begun, "state": RUNNING}, {"id": waiting, "error": READ_AGAIN}])
    parts.store.close()
    return routine, urgent


def test_films_that_were_kept_are_read_again_urgent_ones_first(tmp_path: Path) -> None:
    routine, urgent = interrupted(tmp_path, keep_films=True)
    parts = Parts(tmp_path, keep_films=True)
    assert recover(parts.jobs, parts.store, parts.film_store) == Recovered(2, 0)
    assert parts.jobs.resume_wanted() == 0  # the urgent one is in the queue already
    assert parts.queue.outstanding == 2
    films = [film for film, _, _ in parts.queue.take(8, 0)]
    assert [film.tag.job for film in films] == [urgent, routine]
    assert [film.data for film in films] == [BRIGHT[1], DARK[1]]
    assert {film.settings for film in films} == {REQUEST.settings}
    assert {film.bundle for film in films} == {"second"}
    parts.store.close()


def test_films_that_were_not_kept_are_reported_and_can_be_sent_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = interrupted(tmp_path, keep_films=False)
    parts = Parts(tmp_path)
    assert recover(parts.jobs, parts.store, parts.film_store) == Recovered(0, 2)
    assert parts.queue.outstanding == 0
    rows = [row for job in jobs for row in parts.store.of_job("ann", job)]
    assert {(row.state, row.error["code"]) for row in rows if row.error} == {
        (FAILED, "Interrupted")
    }
    assert [row.idempotency_key for row in rows] == [None, None]
    assert "0 films are read again, 2 are lost" in caplog.text
    parts.store.close()


def test_after_an_orderly_end_there_is_nothing_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    parts = Parts(tmp_path)
    assert recover(parts.jobs, parts.store, parts.film_store) == Recovered(0, 0)
    assert caplog.text == ""
    parts.store.close()


def test_one_start_reads_what_was_kept_and_reports_what_was_not(tmp_path: Path) -> None:
    jobs = interrupted(tmp_path, keep_films=True)
    parts = Parts(tmp_path, keep_films=True)
    routine, urgent = (parts.store.of_job("ann", job)[0] for job in jobs)
    folder = tmp_path / "films"
    (folder / urgent.id).write_bytes(b"damaged")
    (folder / f".{urgent.id}.4711.part").write_bytes(b"half")
    assert recover(parts.jobs, parts.store, parts.film_store) == Recovered(1, 1)
    assert [film.tag.id for film, _, _ in parts.queue.take(8, 0)] == [routine.id]
    [lost] = parts.store.of_job("ann", urgent.job or "")
    assert (lost.state, lost.error) == (FAILED, Interrupted().as_dict())
    assert [path.name for path in folder.glob(".*")] == []
    parts.store.close()


def test_a_film_of_no_job_had_somebody_who_waited(tmp_path: Path) -> None:
    parts = Parts(tmp_path, keep_films=True)
    job = parts.jobs.accept(REQUEST, [UploadedFile(*DARK)])
    [row] = parts.store.of_job("ann", job)
    parts.store.change([{"id": row.id, "job": None}])
    parts.queue.take(1, 0)
    assert recover(parts.jobs, parts.store, parts.film_store) == Recovered(0, 1)
    parts.store.close()


def test_a_second_start_finds_what_the_first_one_left(tmp_path: Path, tiny_bundle: Bundle) -> None:
    routine, urgent = interrupted(tmp_path, keep_films=True)
    first = Parts(tmp_path, keep_films=True)
    recover(first.jobs, first.store, first.film_store)
    outcome = Outcome("film", 0, prediction=Classifier(tiny_bundle, threads=1).predict(BRIGHT[1]))
    first.read(outcome)  # the urgent one; then this server is killed, too
    first.store.close()
    second = Parts(tmp_path, keep_films=True)
    assert recover(second.jobs, second.store, second.film_store) == Recovered(1, 0)
    second.read(Outcome("film", 0, error=UnknownFormat("film")))
    states = [second.store.of_job("ann", job)[0].state for job in (urgent, routine)]
    assert states == [DONE, FAILED]
    assert second.queue.outstanding == 0
    assert recover(second.jobs, second.store, second.film_store) == Recovered(0, 0)
    second.store.close()


def test_resumed_films_count_whatever_the_limits(tmp_path: Path) -> None:
    before = Parts(tmp_path, keep_films=True)
    for _ in range(2):  # of eight places
        before.jobs.accept(REQUEST, [UploadedFile(*DARK)] * 4)
    before.store.close()
    parts = Parts(tmp_path, keep_films=True)
    parts.queue.reserve(4, 0)
    assert recover(parts.jobs, parts.store, parts.film_store) == Recovered(8, 0)
    assert parts.queue.outstanding == 12
    parts.store.close()
