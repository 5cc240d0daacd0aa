"""From uploaded files to stored results, without a server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from grey_films import BRIGHT, DARK
from pneumoscope.bundle import Bundle
from pneumoscope.errors import DuplicateFilm, QueueFull, ShuttingDown, UnknownFormat
from pneumoscope.jobs.requests import JobRequest, UploadedFile
from pneumoscope.jobs.tables import DONE, FAILED, QUEUED
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
        "explain": "fast", "profile": None,
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
    jobs = [parts.jobs.accept(of_study, [UploadedFile(*film)]) for film in (DARK, BRIGHT)]
    parts.jobs.accept(replace(REQUEST, study="1.2.3.5"), [UploadedFile(*DARK)])
    films = parts.store.of_study("ann", KEYS.fingerprint("1.2.3.4"))
    assert [film.job for film in films] == jobs
    assert parts.store.of_study("bob", KEYS.fingerprint("1.2.3.4")) == []


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
    [(film, _)] = parts.queue.take(1, 0)
    with pytest.raises(ValueError, match="no job"):
        parts.jobs.resume(film.tag, DARK[1])
