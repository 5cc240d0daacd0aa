"""The files of a folder: listed, read, and told apart from those of other folders."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from grey_films import BRIGHT, DARK, zipped
from pneumoscope.errors import EmptySource, MissingFile, UsageError
from pneumoscope.watch.folder import Folder


def listed(place: Folder, below: str = "") -> list[str]:
    return [file.path for file in place.files(below)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    for name in ("a.png", "ward/b.png", "ward/deep/c.png", "out/a.png.heatmap.png", ".git/d.png"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(BRIGHT[1])
    return folder


def test_files_come_with_paths_below_the_folder(root: Path) -> None:
    assert listed(Folder(root)) == [
        "a.png",
        "out/a.png.heatmap.png",
        "ward/b.png",
        "ward/deep/c.png",
    ]
    assert listed(Folder(root), "ward") == ["ward/b.png", "ward/deep/c.png"]


def test_excluded_folders_are_neither_listed_nor_watched(root: Path) -> None:
    place = Folder(root, [root / "out"])
    assert listed(place) == ["a.png", "ward/b.png", "ward/deep/c.png"]
    assert place.inner(str(root / "ward" / "b.png")) == "ward/b.png"
    assert place.inner(str(root / "out" / "a.png")) is None
    assert place.inner(str(root / ".git" / "d.png")) is None
    assert place.inner(str(root.parent / "e.png")) is None


def test_an_excluded_folder_is_known_under_a_link(root: Path) -> None:
    (root / "results").symlink_to(root / "out")
    assert "results/a.png.heatmap.png" not in listed(Folder(root, [root / "out"]))


def test_a_circle_of_links_comes_to_an_end(root: Path) -> None:
    (root / "ward" / "again").symlink_to(root)
    assert sorted(set(listed(Folder(root)))) == sorted(listed(Folder(root)))
    assert len(listed(Folder(root))) < 20


def test_the_version_changes_with_the_content(root: Path) -> None:
    place = Folder(root)
    first = place.file("a.png")
    assert first is not None
    assert first.size == len(BRIGHT[1])
    (root / "a.png").write_bytes(DARK[1] + b" ")
    second = place.file("a.png")
    assert second is not None
    assert second.version != first.version
    os.utime(root / "a.png", ns=(0, 5))
    assert place.file("a.png") != second


def test_what_is_no_file_is_not_listed(root: Path) -> None:
    os.mkfifo(root / "pipe.png")
    place = Folder(root)
    assert "pipe.png" not in listed(place)
    assert place.file("ward") is None
    assert place.file("gone.png") is None
    assert place.file("a\0.png") is None


def test_a_folder_that_is_gone_is_an_error_and_not_an_empty_list(root: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        listed(Folder(root / "gone"))


def test_a_folder_that_may_not_be_read_is_reported_once(
    root: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = os.scandir

    def refused(path: str) -> object:
        if str(path).endswith("ward"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refused)
    place = Folder(root)
    with caplog.at_level(logging.WARNING):
        assert listed(place) == listed(place) == ["a.png", "out/a.png.heatmap.png"]
    assert len(caplog.records) == 1


def test_messages_do_not_name_the_file(root: Path) -> None:
    place = Folder(root)
    (root / "doe^john.png").write_bytes(b"")
    with pytest.raises(EmptySource, match=r"^film: "):
        place.read("doe^john.png")
    with pytest.raises(MissingFile, match=r"^film: "):
        place.read("gone.png")


def test_the_films_of_an_archive(root: Path) -> None:
    (root / "doe.zip").write_bytes(zipped(BRIGHT, ("ward/dark.png", DARK[1]), ("x.png", b"")))
    films = dict(Folder(root).archive_films("doe.zip"))
    assert films["bright.png"] == BRIGHT[1]
    assert films["ward/dark.png"] == DARK[1]
    assert isinstance(films["x.png"], EmptySource)
    (root / "doe.zip").write_bytes(b"PK\3\4 broken")
    [(inner, error)] = Folder(root).archive_films("doe.zip")
    assert inner == ""
    assert "doe" not in str(error)
