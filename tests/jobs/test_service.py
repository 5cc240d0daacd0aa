"""From uploaded files to stored results, without a server."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from sqlalchemy.exc import OperationalError

from grey_films import BRIGHT, DARK
from pneumoscope.bundle import Bundle
from pneumoscope.errors import (
    Cancelled,
    DiskFull,
    DuplicateFilm,
    NotStored,
    QueueFull,
    ServerFault,
    ShuttingDown,
    UnknownFormat,
)
from pneumoscope.jobs.requests import JobRequest, UploadedFile
from pneumoscope.jobs.tables import DONE, FAILED, QUEUED, RUNNING
from pneumoscope.records import Outcome, Settings
from pneumoscope.runtime import Classifier
from queue_parts import KEYS, Parts

REQUEST = JobRequest("ann", Settings("screen", prevalence=0.25), patient="PAT-1")
KEY = KEYS.idempotency_key("1.2.840.1", "ab" * 32)


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    parts = Parts(tmp_path)
    yield parts
    parts.store.close()


@pytest.fixture(scope="module")
def read(tiny_bundle: Bundle) -> Outcome:
    """The outcome of a dark film."""
    return Outcome("film", 0, prediction=Classifier(tiny_bundle, threads=1).predict(DARK[1]))


BROKEN = Outcome("film", 0, error=UnknownFormat("film"))


def test_films_that_are_read_now_are_stored_when_they_are_done(parts: Parts, read: Outcome) -> None:
    futures = parts.jobs.read_now(REQUEST, [UploadedFile(*DARK), UploadedFile(*BRIGHT)], 60)
    assert parts.store.history("ann", 10) == []
    parts.read(read, BROKEN)
    done, failed = (future.result(0) for future in futures)
    assert (done.state, done.label, done.position) == (DONE, "NORMAL", 0)
    assert (failed.state, failed.position) == (FAILED, 1)
    assert failed.error == UnknownFormat("film").as_dict()
    assert KEYS.open(done.name, done.id) == b"dark.png"
    assert done.patient == KEYS.fingerprint("PAT-1")
    assert {row.id for row in parts.store.history("ann", 10)} == {done.id, failed.id}
    assert parts.film_store.ids() == {done.id}
    assert parts.ended == [done, failed]


def test_a_job_is_stored_before_its_films_are_read(parts: Parts, read: Outcome) -> None:
    no_film = UploadedFile("x.txt", b"", UnknownFormat("film"))
    job = parts.jobs.accept(REQUEST, [UploadedFile(*DARK), no_film])
    waiting, failed = parts.store.of_job("ann", job)
    assert (waiting.state, failed.state) == (QUEUED, FAILED)
    assert waiting.settings == {
        "operating_point": "screen", "error": None, "prevalence": 0.25, "force": False,
        "explain": "fast", "profile": None, "population": None,
    }  # fmt: skip
    assert parts.queue.outstanding == 1
    parts.read(read)
    assert parts.store.of_job("ann", job)[0].label == "NORMAL"
    assert parts.queue.outstanding == 0


def test_the_key_of_a_film_is_taken_until_it_fails(parts: Parts, read: Outcome) -> None:
    film = UploadedFile(*DARK, idempotency_key=KEY)
    job = parts.jobs.accept(REQUEST, [film])
    for again in ([film], [UploadedFile(*BRIGHT), film]):
        with pytest.raises(DuplicateFilm):
            parts.jobs.accept(REQUEST, again)
    assert (parts.queue.outstanding, len(parts.store.history("ann", 10))) == (1, 1)
    parts.read(BROKEN)
    assert parts.store.row_of_key("ann", KEY) is None
    again_job = parts.jobs.accept(REQUEST, [film])
    parts.read(read)
    row = parts.store.row_of_key("ann", KEY)
    assert row is not None
    assert row.job == again_job != job
    with pytest.raises(DuplicateFilm):
        parts.jobs.accept(REQUEST, [film])
    parts.jobs.accept(replace(REQUEST, owner="bob"), [film])  # another owner's key is another key
    parts.jobs.cancel("bob", parts.store.history("bob", 1)[0].job or "")
    assert parts.store.row_of_key("bob", KEY) is None


def test_films_of_one_key_cannot_be_in_one_job(parts: Parts) -> None:
    film = UploadedFile(*DARK, idempotency_key=KEY)
    with pytest.raises(DuplicateFilm):
        parts.jobs.accept(REQUEST, [film, film])
    assert parts.queue.outstanding == 0
    assert parts.store.row_of_key("ann", KEY) is None


def test_urgent_films_are_read_first(parts: Parts, read: Outcome) -> None:
    routine = parts.jobs.accept(REQUEST, [UploadedFile(*DARK)])
    urgent = parts.jobs.accept(replace(REQUEST, priority=5), [UploadedFile(*DARK)])
    [now] = parts.jobs.read_now(replace(REQUEST, priority=9), [UploadedFile(*DARK)], 60)
    parts.read(read)
    assert now.done()
    parts.read(read)
    states = [parts.store.of_job("ann", job)[0].state for job in (routine, urgent)]
    assert states == [QUEUED, DONE]


def test_films_of_a_study_belong_together(parts: Parts) -> None:
    of_study = replace(REQUEST, study="1.2.3.4")
    for film in (DARK, BRIGHT):
        parts.jobs.accept(of_study, [UploadedFile(*film)])
    parts.jobs.accept(replace(REQUEST, study="1.2.3.5"), [UploadedFile(*DARK)])
    assert parts.store.count_of_study("ann", KEYS.fingerprint("1.2.3.4")) == 2
    assert parts.store.count_of_study("bob", KEYS.fingerprint("1.2.3.4")) == 0


def test_a_job_that_is_not_stored_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = Parts(tmp_path, keep_films=True)

    def refuse(*_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(parts.store, "accept", refuse)
    with pytest.raises(OSError, match="no space"):
        parts.jobs.accept(REQUEST, [UploadedFile(*DARK)])
    assert parts.queue.outstanding == 0
    assert parts.film_store.ids() == set()
    parts.store.close()


def test_a_full_queue_and_its_end_refuse_films(parts: Parts) -> None:
    films = [UploadedFile(*DARK)] * 8
    parts.jobs.accept(REQUEST, films)
    with pytest.raises(QueueFull):
        parts.jobs.accept(REQUEST, films)
    parts.queue.close()
    with pytest.raises(ShuttingDown):
        parts.jobs.read_now(REQUEST, films, 60)


def test_a_film_without_a_job_is_not_resumed(parts: Parts) -> None:
    parts.jobs.read_now(REQUEST, [UploadedFile(*DARK)], 60)
    [(film, _, _)] = parts.queue.take(1, 0)
    with pytest.raises(ValueError, match="no job"):
        parts.jobs.resume(film.tag, DARK[1])


def refusing(*_: object) -> NoReturn:
    raise OperationalError("statement", {}, Exception("the database is locked"))


async def _published(parts: Parts, job: str, act: Callable[[], object]) -> list[str]:
    with parts.events.subscribed(job) as queue:
        act()
        await asyncio.sleep(0)  # lets the loop deliver what was published
        return [queue.get_nowait() for _ in range(queue.qsize())]


def published(parts: Parts, job: str, act: Callable[[], object]) -> list[str]:
    """The films of a job that are reported as finished while something is done."""
    return asyncio.run(_published(parts, job, act))


def test_cancelling_ends_what_waits_and_not_what_is_read(parts: Parts, read: Outcome) -> None:
    job = parts.jobs.accept(REQUEST, [UploadedFile(*DARK)] * 3)
    films = [row.id for row in parts.store.of_job("ann", job)]
    [(begun, future, _)] = parts.queue.take(1, 0)
    assert future.set_running_or_notify_cancel()
    parts.jobs.begin([begun])
    parts.jobs.cancel("bob", job)  # not the owner
    assert states(parts, job) == [RUNNING, QUEUED, QUEUED]
    ended = published(parts, job, lambda: parts.jobs.cancel("ann", job))
    assert ended == films[1:]
    first, *cancelled = parts.store.of_job("ann", job)
    assert first.state == RUNNING
    assert [(row.state, row.error) for row in cancelled] == [(FAILED, Cancelled().as_dict())] * 2
    parts.jobs.finish([(begun, read)])
    parts.jobs.cancel("ann", job)  # nothing waits any more
    assert states(parts, job) == [DONE, FAILED, FAILED]
    parts.jobs.cancel("ann", "no such job")


def states(parts: Parts, job: str) -> list[str]:
    return [row.state for row in parts.store.of_job("ann", job)]


def test_progress_is_reported_when_a_result_is_stored(parts: Parts, read: Outcome) -> None:
    job = parts.jobs.accept(REQUEST, [UploadedFile(*DARK)] * 2)
    other = parts.jobs.accept(REQUEST, [UploadedFile(*DARK)])
    films = [row.id for row in parts.store.of_job("ann", job)]
    assert published(parts, job, lambda: parts.read(read, BROKEN)) == films
    assert published(parts, job, lambda: parts.read(read)) == []  # the other job's
    assert states(parts, other) == [DONE]


def test_deleting_takes_films_out_of_the_queue(tmp_path: Path, read: Outcome) -> None:
    parts = Parts(tmp_path, keep_films=True)
    job = parts.jobs.accept(REQUEST, [UploadedFile(*DARK), UploadedFile(*BRIGHT)])
    first, second = (row.id for row in parts.store.of_job("ann", job))
    assert parts.film_store.ids() == {first, second}
    assert parts.jobs.delete("bob", [first]) == []
    assert published(parts, job, lambda: parts.jobs.delete("ann", [first])) == [first]
    assert parts.film_store.ids() == {second}
    batch = parts.queue.take(2, 0)
    [film] = [film for film, future, _ in batch if future.set_running_or_notify_cancel()]
    parts.jobs.finish([(film, read)])
    assert [row.id for row in parts.store.history("ann", 10)] == [film.tag.id] == [second]
    assert parts.jobs.delete("ann") == [second]
    assert parts.film_store.ids() == set()
    parts.store.close()


def test_a_film_that_is_deleted_while_it_is_read_leaves_nothing(
    tmp_path: Path, read: Outcome
) -> None:
    parts = Parts(tmp_path, keep_films=True)
    parts.jobs.accept(REQUEST, [UploadedFile(*DARK)])
    [(film, future, _)] = parts.queue.take(1, 0)
    assert future.set_running_or_notify_cancel()
    assert len(parts.jobs.delete("ann")) == 1
    parts.jobs.finish([(film, read)])
    assert parts.store.history("ann", 10) == []
    assert parts.film_store.ids() == set()
    parts.store.close()


def test_results_of_a_job_wait_until_the_database_takes_them(
    parts: Parts, read: Outcome, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    job = parts.jobs.accept(REQUEST, [UploadedFile(*DARK)] * 3)
    films = [row.id for row in parts.store.of_job("ann", job)]
    with monkeypatch.context() as patch:
        patch.setattr(parts.store, "change", refusing)
        assert published(parts, job, lambda: parts.read(read, BROKEN)) == []
        parts.jobs.retry_unsaved()
    assert "films are not marked as running" in caplog.text
    assert caplog.text.count("results of 2 films wait to be stored") == 2
    assert states(parts, job) == [QUEUED, QUEUED, QUEUED]
    # Results that waited are stored before new ones.
    assert published(parts, job, lambda: parts.read(read)) == films
    assert states(parts, job) == [DONE, FAILED, DONE]
    assert published(parts, job, parts.jobs.retry_unsaved) == []


def test_waiting_results_are_stored_without_new_ones_too(
    parts: Parts, read: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = parts.jobs.accept(REQUEST, [UploadedFile(*DARK)])
    with monkeypatch.context() as patch:
        patch.setattr(parts.store, "change", refusing)
        parts.read(read)
    assert len(published(parts, job, parts.jobs.retry_unsaved)) == 1
    assert states(parts, job) == [DONE]


def test_a_result_that_is_not_stored_is_not_given_out(
    parts: Parts, read: Outcome, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    job = parts.jobs.accept(REQUEST, [UploadedFile(*DARK)])
    now, broken = parts.jobs.read_now(REQUEST, [UploadedFile(*DARK), UploadedFile(*DARK)], 60)
    monkeypatch.setattr(parts.store, "add", refusing)
    parts.read(read, read, BROKEN)
    for future in (now, broken):
        assert isinstance(future.exception(0), NotStored)
    assert "results of 2 films are not stored" in caplog.text
    assert states(parts, job) == [DONE]  # a job's result has its own way
    assert parts.film_store.ids() == {row.id for row in parts.store.of_job("ann", job)}


def test_a_film_that_does_not_fit_on_the_disk_has_its_result(
    parts: Parts, read: Outcome, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> NoReturn:
        raise DiskFull("films")

    monkeypatch.setattr(parts.film_store, "put", full)
    [future] = parts.jobs.read_now(REQUEST, [UploadedFile(*DARK)], 60)
    parts.read(read)
    assert future.result(0).label == "NORMAL"
    assert "a film is not kept: the disk is full" in caplog.text


def test_a_disk_that_cannot_be_written_costs_no_result(
    parts: Parts, read: Outcome, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(parts.film_store, "put", refuse)
    monkeypatch.setattr(parts.film_store, "drop", refuse)
    [future] = parts.jobs.read_now(REQUEST, [UploadedFile(*DARK)], 60)
    parts.read(read)
    assert future.result(0).label == "NORMAL"
    job = parts.jobs.accept(REQUEST, [UploadedFile(*DARK)] * 2)
    films = [row.id for row in parts.store.of_job("ann", job)]
    assert published(parts, job, lambda: parts.read(BROKEN, read)) == films
    assert states(parts, job) == [FAILED, DONE]
    assert caplog.text.count("a film is not kept: read-only file system") == 2
    assert caplog.text.count("a film is not deleted: read-only file system") == 1


def test_a_job_whose_films_do_not_fit_is_refused_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = Parts(tmp_path, keep_films=True)
    keep, kept = parts.film_store.keep, []

    def full_at_the_second(id_: str, film: bytes) -> None:
        if kept:
            raise DiskFull("films")
        keep(id_, film)
        kept.append(id_)

    monkeypatch.setattr(parts.film_store, "keep", full_at_the_second)
    with pytest.raises(DiskFull):
        parts.jobs.accept(REQUEST, [UploadedFile(*DARK), UploadedFile(*BRIGHT)])
    assert len(kept) == 1
    assert parts.film_store.ids() == set()
    assert parts.store.history("ann", 10) == []
    assert parts.queue.outstanding == 0
    parts.store.close()


def test_a_failure_of_the_batch_is_stored_for_the_films_of_jobs(parts: Parts) -> None:
    job = parts.jobs.accept(REQUEST, [UploadedFile(*DARK, idempotency_key=KEY)])
    [(film, future, _)] = parts.queue.take(1, 0)
    assert future.set_running_or_notify_cancel()
    future.set_exception(ServerFault())
    [row] = parts.store.of_job("ann", job)
    assert (row.state, row.error, row.idempotency_key) == (FAILED, ServerFault().as_dict(), None)
    parts.queue.release(1, len(film.data))


def test_the_end_of_the_server_leaves_films_of_jobs_for_the_next_start(parts: Parts) -> None:
    job = parts.jobs.accept(REQUEST, [UploadedFile(*DARK)])
    [now] = parts.jobs.read_now(REQUEST, [UploadedFile(*DARK)], 60)
    parts.queue.close()
    assert isinstance(now.exception(0), ShuttingDown)
    assert states(parts, job) == [QUEUED]


@pytest.mark.parametrize("at_once", [True, False])
def test_a_name_that_is_no_text_takes_no_space_in_the_queue(parts: Parts, at_once: bool) -> None:
    files = [UploadedFile(*DARK), UploadedFile("odd\udcff.png", DARK[1])]
    with pytest.raises(UnicodeEncodeError):
        parts.jobs.read_now(REQUEST, files, 60) if at_once else parts.jobs.accept(REQUEST, files)
    assert parts.queue.outstanding == 0
    assert parts.store.history("ann", 10) == []


def test_files_that_are_no_films_leave_the_queue_at_once(parts: Parts) -> None:
    no_film = UploadedFile("x.txt", b"", UnknownFormat("film"))
    job = parts.jobs.accept(REQUEST, [no_film] * 3)
    assert parts.queue.outstanding == 0
    assert states(parts, job) == [FAILED] * 3
    stored = parts.store.job("ann", job)
    assert stored is not None
    assert (stored[0].total, stored[1]) == (3, {FAILED: 3})
