"""Boxes of VinDr's readers, in pixels of the original films."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumoscope.data.boxes import Box
from pneumoscope.data.public_sets.vindr_boxes import has_vindr_boxes, read_vindr_boxes
from pneumoscope.errors import DataError

HEADER = "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max"


def film(folder: Path, name: str, rows: int, columns: int) -> Path:
    path = folder / f"{name}.png"
    Image.fromarray(np.zeros((rows, columns), np.uint8)).save(path)
    return path


def table(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "train.csv"
    path.write_text("\n".join((header, *rows)) + "\n")
    return path


def test_boxes_of_all_readers_and_findings(tmp_path: Path) -> None:
    films = {name: film(tmp_path, name, 100, 200) for name in "ab"}
    file = table(
        tmp_path,
        "a,Pneumonia,1,R1,20.0,10,120.0,60",
        "a,Pneumonia,1,R2,20,10,120,60",
        "a,Nodule,2,R2,100,50,200,100",
        "a,No finding,14,R3,,,,",
        "b,No finding,14,R1,,,,",
        "elsewhere,Nodule,2,R1,1,1,900,900",
    )
    assert has_vindr_boxes(HEADER.split(","))
    assert read_vindr_boxes(file, films) == {
        "a": (Box(0.1, 0.1, 0.5, 0.5), Box(0.5, 0.5, 0.5, 0.5)),
        "b": (),
    }


def test_smaller_copies_with_the_original_size_in_the_table(tmp_path: Path) -> None:
    films = {"a": film(tmp_path, "a", 64, 64)}
    row = "a.dicom;Pneumonia;1;R1;500,5;250;1500,5;1250;2000;2500"
    file = table(tmp_path, row, header=HEADER.replace(",", ";") + ";width;height")
    assert read_vindr_boxes(file, films) == {"a": (Box(0.25025, 0.1, 0.5, 0.4),)}


def test_smaller_copies_with_the_original_size_in_a_table_beside_it(tmp_path: Path) -> None:
    films = {"a": film(tmp_path, "a", 64, 64)}
    file = table(tmp_path, "a,Pneumonia,1,R1,500,250,1500,1250")
    (tmp_path / "train_meta.csv").write_text("image_id,dim0,dim1\na,2500,2000\n")
    assert read_vindr_boxes(file, films) == {"a": (Box(0.25, 0.1, 0.5, 0.4),)}


def test_smaller_copies_of_unknown_size_are_an_error(tmp_path: Path) -> None:
    films = {"a": film(tmp_path, "a", 64, 64)}
    file = table(tmp_path, "a,Pneumonia,1,R1,500,250,1500,1250")
    with pytest.raises(
        DataError, match=r"line 2: .* is not on the film of 64 x 64 pixels"
    ) as error:
        read_vindr_boxes(file, films)
    assert "columns width and height" in error.value.hint


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("0.1,0.2,0.4,0.5", "is not on the film"),
        ("20,20,10,30", "is not on the film"),
        ("1,2,3,", "is not four numbers"),
        ("a,2,3,4", "is not four numbers"),
    ],
)
def test_broken_boxes(tmp_path: Path, cells: str, message: str) -> None:
    films = {"a": film(tmp_path, "a", 64, 64)}
    with pytest.raises(DataError, match=f"line 2: .*{message}"):
        read_vindr_boxes(table(tmp_path, f"a,Pneumonia,1,R1,{cells}"), films)


@pytest.mark.parametrize("size", ["0,2500", "wide,2500", "inf,2500", "2000,"])
def test_broken_sizes(tmp_path: Path, size: str) -> None:
    films = {"a": film(tmp_path, "a", 64, 64)}
    file = table(tmp_path, f"a,Pneumonia,1,R1,1,2,3,4,{size}", header=f"{HEADER},width,height")
    with pytest.raises(DataError, match=r"line 2: .* is no size in pixels"):
        read_vindr_boxes(file, films)


def test_other_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has not the columns image_id,x_min,y_min,x_max,y_max"):
        read_vindr_boxes(table(tmp_path, "a,1", header="image_id,x_min"), {})


def test_a_film_that_cannot_be_read_has_no_boxes(tmp_path: Path) -> None:
    """Whoever reads it reports it."""
    broken = tmp_path / "a.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n")
    films = {"a": broken, "b": film(tmp_path, "b", 100, 100)}
    file = table(tmp_path, "a,Nodule,1,R1,1,1,9,9", "b,Nodule,1,R1,50,50,100,100")
    assert read_vindr_boxes(file, films) == {"b": (Box(0.5, 0.5, 0.5, 0.5),)}
