"""What a server hands to the queue."""

from __future__ import annotations

import dataclasses

import pytest

from pneumoscope.errors import UnknownFormat
from pneumoscope.jobs.requests import JobRequest, UploadedFile
from pneumoscope.records import Settings


def test_what_nobody_asks_for() -> None:
    request = JobRequest("ann", Settings())
    assert (request.bundle, request.patient, request.study) == (None, None, None)
    assert (request.priority, request.destinations) == (0, ())
    film = UploadedFile("film.png", b"x")
    assert (film.error, film.idempotency_key) == (None, None)


def test_a_log_shows_neither_bytes_nor_more_than_the_name() -> None:
    film = UploadedFile("film.png", b"the film itself", UnknownFormat("film"))
    assert "the film itself" not in repr(film)
    assert "film.png" in repr(film)


def test_requests_of_the_same_words_are_the_same_and_files_are_not() -> None:
    assert JobRequest("ann", Settings("screen")) == JobRequest("ann", Settings("screen"))
    assert JobRequest("ann", Settings()) != JobRequest("ann", Settings(), priority=1)
    # Comparing films of 100 MB byte by byte would be a mistake.
    assert UploadedFile("a", b"x") != UploadedFile("a", b"x")


def test_they_stay_as_they_were_handed_in() -> None:
    request, film = JobRequest("ann", Settings()), UploadedFile("a", b"x")
    with pytest.raises(dataclasses.FrozenInstanceError):
        request.owner = "bob"  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        film.name = "b"  # type: ignore[misc]
