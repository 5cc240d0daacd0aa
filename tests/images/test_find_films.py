"""Folders and patterns become films."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from film_files import dicom, ramp, save
from pneumoscope import errors, images


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    png = save(ramp(), "PNG")
    for name in (
        "b.png",
        "a.JPG",
        "IM000001",
        "odd.xyz",
        "sub/c.dcm",
        "sub/.hidden.png",
        ".git/d.png",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(png)
    (tmp_path / "sub/000.1").write_bytes(dicom(ramp()))
    (tmp_path / "sub/DICOMDIR").write_bytes(dicom(ramp()))
    (tmp_path / "notes.txt").write_text("no film")
    (tmp_path / "empty").touch()
    (tmp_path / "broken.png").write_bytes(b"no film, but it says so")
    return tmp_path


def names(found: object, root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in found]  # type: ignore[attr-defined]


ALL = ["IM000001", "a.JPG", "b.png", "broken.png", "odd.xyz", "sub/000.1", "sub/c.dcm"]


def test_a_folder_gives_its_films_sorted(folder: Path) -> None:
    assert names(images.find_films([folder]), folder) == ALL
    assert names(images.find_films([str(folder)]), folder) == ALL


def test_files_are_taken_as_they_are(folder: Path) -> None:
    given = [folder / "notes.txt", folder / "b.png", folder / "sub/.hidden.png"]
    assert list(images.find_films(given)) == given


def test_patterns(folder: Path) -> None:
    assert names(images.find_films([folder / "*.png"]), folder) == ["b.png", "broken.png"]
    assert names(images.find_films([f"{folder}/**"]), folder) == ALL
    assert names(images.find_films([f"{folder}/s*"]), folder) == ["sub/000.1", "sub/c.dcm"]


def test_what_is_missing_is_reported_by_the_reader(folder: Path) -> None:
    given = [folder / "nowhere.png", folder / "*.nothing"]
    assert list(images.find_films(given)) == given
    for path in images.find_films(given):
        with pytest.raises(errors.MissingFile):
            images.read(path)


def test_a_name_with_brackets_is_no_pattern(tmp_path: Path) -> None:
    path = tmp_path / "film [1].png"
    path.write_bytes(save(ramp(), "PNG"))
    assert list(images.find_films([path])) == [path]


def test_names_of_sources(tmp_path: Path) -> None:
    assert images.name_of(tmp_path) == str(tmp_path)
    assert images.name_of(b"x") == images.name_of(memoryview(b"x")) == "<bytes>"
    assert images.name_of(BytesIO()) == "<stream>"
