"""How the client divides films among requests."""

from __future__ import annotations

from pathlib import Path

import pytest

from grey_films import zipped
from pneumoscope.client.uploads import film_bytes, portions
from pneumoscope.errors import MissingFile, ServerError

LIMITS = {"max_body_bytes": 1000, "sync_files": 3}


def sizes(films: list[bytes], **limits: int) -> list[list[int]]:
    return [
        [len(film) for _, film in portion if isinstance(film, bytes)]
        for portion in portions(films, LIMITS | limits)
    ]


def test_a_request_holds_as_many_films_as_the_server_reads_at_once() -> None:
    assert sizes([b"x"] * 7) == [[1, 1, 1], [1, 1, 1], [1]]


def test_a_request_stays_below_the_limit_on_its_size() -> None:
    # A tenth of 1,000 bytes is for the form.
    assert sizes([b"x" * 500, b"x" * 400, b"x"]) == [[500, 400], [1]]
    assert sizes([b"x" * 500, b"x" * 401]) == [[500], [401]]
    assert sizes([b"x" * 5000, b"x"]) == [[5000], [1]]


def test_a_film_that_cannot_be_opened_keeps_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"film")
    sources = [tmp_path / "none.png", tmp_path / "a.png"]
    ((first, second),) = portions(sources, LIMITS)
    assert isinstance(first[1], MissingFile)
    assert second == (str(tmp_path / "a.png"), b"film")


def test_an_archive_is_no_film() -> None:
    with pytest.raises(ServerError, match="an archive") as error:
        film_bytes(zipped(("a.png", b"film")), "films.zip")
    assert "Client.submit" in error.value.hint
