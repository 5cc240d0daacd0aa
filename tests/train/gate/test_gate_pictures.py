"""Collections of pictures that are not chest films."""

from __future__ import annotations

from pathlib import Path

import pytest

from picture_collection import collection
from pneumoscope.errors import DataError
from pneumoscope.train.gate import pictures


def test_a_broken_collection_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no collection of pictures"):
        pictures.read_pictures(tmp_path, 96)
    folder = collection(tmp_path / "pictures")
    (folder / "1.png").unlink()
    with pytest.raises(DataError, match=r"1\.png"):
        pictures.read_pictures(folder, 96)


@pytest.mark.parametrize("row", ["0.png", "0.png,photograph", ",photograph,False"])
def test_a_row_without_all_its_cells_is_told(tmp_path: Path, row: str) -> None:
    folder = collection(tmp_path / "pictures")
    with (folder / pictures.MANIFEST).open("a") as stream:
        stream.write(f"{row}\n")
    with pytest.raises(DataError, match="no collection of pictures"):
        pictures.read_pictures(folder, 96)


@pytest.mark.parametrize(("text", "held"), [("true", True), ("1", True), ("FALSE", False)])
def test_held_out_may_be_spelled_otherwise(text: str, held: bool, tmp_path: Path) -> None:
    folder = collection(tmp_path / "pictures")
    manifest = folder / pictures.MANIFEST
    manifest.write_text(manifest.read_text().replace("True", text))
    assert pictures.read_pictures(folder, 96).held_out.tolist() == [False, held, False]


def test_a_doubtful_held_out_is_refused(tmp_path: Path) -> None:
    folder = collection(tmp_path / "pictures")
    manifest = folder / pictures.MANIFEST
    manifest.write_text(manifest.read_text().replace("True", "maybe"))
    with pytest.raises(DataError, match="neither True nor False"):
        pictures.read_pictures(folder, 96)
