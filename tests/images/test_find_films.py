"""Folders and patterns become films."""

from __future__ import annotations

import os
import socket
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


def names(films: object, root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in films]  # type: ignore[attr-defined]


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


def test_pictures_of_kinds_that_are_not_read_are_left_out_with_a_word(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """They went without a word, as if all films of the folder had been read."""
    jp2 = b"\0\0\0\x0cjP  \r\n\x87\n"
    for name in ("1.jp2", "sub/2.jp2"):
        (folder / name).write_bytes(jp2)
    (folder / "more.dcm.gz").write_bytes(b"\x1f\x8b\x08")
    (folder / "report.pdf").write_bytes(b"%PDF-1.7")
    assert names(images.find_films([folder]), folder) == ALL
    reads = "not an image format that pneumoscope reads, left out"
    assert caplog.messages == [
        f"{str(folder / '1.jp2')!r}: a JPEG 2000 picture, {reads} (1 more)",
        f"{str(folder / 'more.dcm.gz')!r}: a gzip archive, {reads}",
    ]
    # Whoever lists training films looks at a folder several times.
    caplog.clear()
    assert names(images.film_files(folder), folder) == ALL
    assert not caplog.messages


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipes_and_sockets_are_left_out_with_a_word(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    os.mkfifo(folder / "x.png")
    os.mkfifo(folder / "x")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "s.png"))
        assert names(images.find_films([folder]), folder) == ALL
        assert names(images.find_films([f"{folder}/**"]), folder) == ALL
    for path, kind in (("x.png", "a named pipe"), ("x", "a named pipe"), ("s.png", "a socket")):
        assert f"{str(folder / path)!r}: {kind}, left out" in caplog.text


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_without_a_writer_is_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.png")
    with pytest.raises(errors.UnreadableImage, match="a named pipe, not a file") as caught:
        images.read(tmp_path / "x.png")
    assert "damaged" not in caught.value.hint


def test_linked_folders_are_searched_once(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "inner").mkdir()
    (elsewhere / "inner/film.png").write_bytes(save(ramp(), "PNG"))
    (folder / "NORMAL").symlink_to(elsewhere)
    (folder / "again").symlink_to(elsewhere)
    (folder / "inner").symlink_to(elsewhere / "inner")
    (elsewhere / "circle").symlink_to(folder)
    (folder / "sub/up").symlink_to(folder)
    expected = sorted([*ALL, "NORMAL/inner/film.png"])
    assert sorted(names(images.find_films([folder]), folder)) == expected


def test_a_linked_folder_that_is_given_is_searched(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    link = tmp_path_factory.mktemp("elsewhere") / "link"
    link.symlink_to(folder)
    assert names(images.find_films([link]), link) == ALL


def test_a_broken_link_is_reported_by_the_reader(tmp_path: Path) -> None:
    (tmp_path / "x.png").symlink_to(tmp_path / "nowhere.png")
    (path,) = images.find_films([tmp_path])
    with pytest.raises(errors.MissingFile):
        images.read(path)
