"""Which files of a place may be films."""

from __future__ import annotations

from pathlib import Path

import pytest

from grey_films import BRIGHT, zipped
from pneumoscope.watch.folder import Folder
from pneumoscope.watch.places import is_left_out, is_packed, may_be_film


@pytest.mark.parametrize(
    ("path", "left_out"),
    [
        ("a.png", False),
        ("ward/a.dcm", False),
        (".a.png", True),
        (".ward/a.png", True),
        ("ward/.a.png.123.part", True),
        ("a.dcm.PART", True),
        ("a.dcm.tmp", True),
        ("a.png.crdownload", True),
        ("a.png~", True),
        ("part/a.png", False),
    ],
)
def test_hidden_and_unfinished_files_are_left_out(path: str, left_out: bool) -> None:
    assert is_left_out(path) is left_out


def test_films_are_told_by_their_ending_or_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"")
    (tmp_path / "IM0001").write_bytes(BRIGHT[1])
    (tmp_path / "DICOMDIR").write_bytes(bytes(128) + b"DICM")
    (tmp_path / "notes.txt").write_text("notes")
    place = Folder(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert [name for name in names if may_be_film(place, name)] == ["IM0001", "broken.png"]


def test_an_archive_has_its_ending_and_its_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "films.zip").write_bytes(zipped(BRIGHT))
    (tmp_path / "report.docx").write_bytes(zipped(BRIGHT))
    (tmp_path / "text.zip").write_text("no archive")
    place = Folder(tmp_path)
    assert [p.name for p in sorted(tmp_path.iterdir()) if is_packed(place, p.name)] == ["films.zip"]
