"""Boxes that readers drew: cells of a manifest, and RSNA's table."""

from __future__ import annotations

from pathlib import Path

import pytest

from pneumoscope.data.boxes import Box, boxes_of, read_rsna, text_of
from pneumoscope.errors import DataError


@pytest.mark.parametrize(
    ("cell", "boxes"),
    [
        ("", None),
        (" None ", ()),
        ("0.25 0.5 0.25 0.125", (Box(0.25, 0.5, 0.25, 0.125),)),
        ("0 0 1 1;0.5 0.5 0.5 0.5", (Box(0, 0, 1, 1), Box(0.5, 0.5, 0.5, 0.5))),
        ("0,25 0,5 0,25 0,125;", (Box(0.25, 0.5, 0.25, 0.125),)),
    ],
)
def test_cells(cell: str, boxes: tuple[Box, ...] | None) -> None:
    assert boxes_of(cell) == boxes
    assert boxes_of(text_of(boxes)) == boxes


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("0.1 0.2 0.3", "is not four numbers"),
        ("a b c d", "is not four numbers"),
        ("0.8 0.1 0.3 0.1", "is not on the film"),
        ("0.1 -0.1 0.3 0.1", "is not on the film"),
        ("0.1 0.1 0 0.1", "is not on the film"),
    ],
)
def test_broken_cells(cell: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        boxes_of(cell)


def test_rsnas_table_is_in_pixels_of_1024(tmp_path: Path) -> None:
    file = tmp_path / "stage_2_train_labels.csv"
    file.write_text(
        "patientId,x,y,width,height,Target\n"
        "a,256.0,512.0,128.0,256.0,1\nb,,,,,0\na,0,0,1024,512,1\n"
    )
    assert read_rsna(file) == {
        "a": (Box(0.25, 0.5, 0.125, 0.25), Box(0, 0, 1, 0.5)),
        "b": (),
    }


@pytest.mark.parametrize(
    ("separator", "encoding"),
    [(",", "utf-8-sig"), (";", "utf-8"), ("\t", "utf-16"), (", ", "utf-8")],
)
def test_rsnas_table_as_spreadsheets_save_it(tmp_path: Path, separator: str, encoding: str) -> None:
    """Other separators, decimal commas, other capitals, an ending behind the film, and a row twice."""
    point = "," if separator == ";" else "."
    rows = (
        ("PatientID", "X", "Y", "Width", "Height", "Target"),
        ("1.2.3.dcm", "256.0", "512.0", "128.0", "256.0", "1"),
        ("1.2.3.dcm", "256.0", "512.0", "128.0", "256.0", "1"),
        ("1.2.4", "", "", "", "", "0"),
    )
    cells = [[name, *(cell.replace(".", point) for cell in row)] for name, *row in rows]
    file = tmp_path / "labels.csv"
    file.write_text("\n".join(map(separator.join, cells)), encoding)
    assert read_rsna(file) == {"1.2.3": (Box(0.25, 0.5, 0.125, 0.25),), "1.2.4": ()}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("patientId,x,y\na,1,2\n", "has not the columns patientId"),
        ("", "is empty"),
        (
            "patientId,x,y,width,height,Target\na,0.25,0.5,0.25,0.5,1\n",
            "line 2: box 0.25 0.5 0.25 0.5 is less than a pixel",
        ),
        (
            "patientId,x,y,width,height,Target\na,1000,0,100,1,1\n",
            "line 2: box .* is not on the film",
        ),
    ],
)
def test_broken_tables(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(text)
    with pytest.raises(DataError, match=message):
        read_rsna(file)
    with pytest.raises(DataError, match="cannot be read as a table"):
        read_rsna(tmp_path / "missing.csv")
