"""Data sets as ZIP archives and by their DICOMDIR."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from grey_films import film, zipped
from pneumoscope import data
from pneumoscope.data.packed import data_folder
from pneumoscope.errors import DataError

MEMBERS = (("set/normal/a.png", film(51)), ("set/pneumonia/b.png", film(204)))


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    return place


def written(folder: Path, packed: bytes) -> Path:
    path = folder / "a.zip"
    path.write_bytes(packed)
    return path


def test_an_archive_is_a_folder_for_a_while(tmp_path: Path, temporary: Path) -> None:
    with data_folder(written(tmp_path, zipped(*MEMBERS))) as folder:
        assert folder.name == "a.zip"
        assert [entry.name for entry in data.find(folder).entries] == [name for name, _ in MEMBERS]
        assert temporary in folder.parents
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit, ValueError])
def test_nothing_remains_after_an_interruption(
    tmp_path: Path, temporary: Path, end: type[BaseException]
) -> None:
    with pytest.raises(end), data_folder(written(tmp_path, zipped(*MEMBERS))):
        raise end
    assert list(temporary.iterdir()) == []


def test_errors_name_the_archive(tmp_path: Path, temporary: Path) -> None:
    path = written(tmp_path, zipped(("notes.txt", b"x")))
    with pytest.raises(DataError) as caught, data_folder(path) as folder:
        data.find(folder)
    assert str(caught.value).startswith(f"{path}: holds no training films")
    assert str(temporary) not in str(caught.value)


def test_folders_tables_and_arrays_are_taken_as_they_are(tmp_path: Path) -> None:
    table, arrays = tmp_path / "a.csv", tmp_path / "a.npz"
    table.write_text("path,label")
    arrays.write_bytes(zipped(("x.npy", b"x")))
    for root in (tmp_path, table, arrays, tmp_path / "missing"):
        with data_folder(root) as folder:
            assert folder == root


def test_bad_members_are_left_out_and_lead_nowhere(
    tmp_path: Path, temporary: Path, caplog: pytest.LogCaptureFixture
) -> None:
    members = (
        *MEMBERS,
        ("../../up.png", film(51)),
        ("bomb.png", bytes(2**23)),
        ("twice/x", b"x"),
        ("C:/drive.png", film(51)),
        (f"{'long' * 75}.png", film(51)),
    )
    path = written(tmp_path, zipped(*members, ("twice", b"x")))
    with data_folder(path) as folder:
        files = sorted(p.relative_to(temporary) for p in temporary.rglob("*") if p.is_file())
        inside = [p.relative_to(folder.relative_to(temporary)).as_posix() for p in files]
    assert inside == [
        "C_/drive.png", "set/normal/a.png", "set/pneumonia/b.png", "twice/x", "up.png",
    ]  # fmt: skip
    assert "longlong.png': cannot be written here (file name too long), left out" in caplog.text
    assert "a.zip/bomb.png: unpacks to more than a film may have; left out" in caplog.text
    assert "'twice': a name that comes twice" in caplog.text


def test_archives_that_cannot_be_opened(tmp_path: Path, temporary: Path) -> None:
    with (
        pytest.raises(DataError, match="cannot be read"),
        data_folder(written(tmp_path, b"PK\3\4 nothing more")),
    ):
        pass
    assert list(temporary.iterdir()) == []


def test_room_is_checked_before_anything_is_written(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(temporary)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    path = written(tmp_path, zipped(*MEMBERS))
    with pytest.raises(DataError, match="100 are free") as caught, data_folder(path):
        pass
    assert "TMPDIR" in caught.value.hint
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("name", ["labels.xlsx", "labels.zip"])
def test_a_spreadsheet_is_no_archive_of_films(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(zipped(("[Content_Types].xml", b"x"), ("xl/workbook.xml", b"x")))
    with pytest.raises(DataError, match="is no CSV table") as caught, data_folder(path):
        pass
    assert "UTF-8" in caught.value.hint
