from __future__ import annotations

from pathlib import Path

from grey_films import BRIGHT, zipped
from pneumoscope.batch.films import stamp_of, text_of
from pneumoscope.errors import MissingFile
from pneumoscope.images import find_films
from pneumoscope.images.sources import BrokenSource


def test_a_stamp_changes_with_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"1234")
    first = stamp_of(file)
    assert first == f"4-{file.stat().st_mtime_ns}"
    file.write_bytes(b"12345")
    assert stamp_of(file) != first


def test_a_film_of_an_archive_has_the_stamp_of_the_archive(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(zipped(BRIGHT))
    (film,) = find_films([archive])
    assert stamp_of(film) == stamp_of(archive)


def test_without_a_file_there_is_no_stamp(tmp_path: Path) -> None:
    assert stamp_of(tmp_path / "a.png") == ""
    assert stamp_of(tmp_path / "a\0b.png") == ""
    assert stamp_of(BrokenSource("a.zip", MissingFile("a.zip"))) == ""


def test_names_that_are_no_text_become_text() -> None:
    assert text_of("a\udcff.png") == "a\\udcff.png"
    assert text_of(Path("ä.png")) == "ä.png"
