from __future__ import annotations

from pathlib import Path

import pytest

from pneumoscope import data
from pneumoscope.data.other_pictures import OtherPictures
from pneumoscope.data.table_files import Row
from pneumoscope.errors import DataError


def rows_of(column: str, *cells: str) -> list[Row]:
    return [Row({"path": f"{i}.png", column: cell}, i + 2) for i, cell in enumerate(cells)]


def test_slices_of_ct_are_no_films() -> None:
    """COVID-chestxray-dataset has some among its films."""
    rows = rows_of("modality", "X-ray", "CT", "", "MRI brain", "DX", "Portable", "contrast")
    others = OtherPictures(Path("meta.csv"), ["path", "modality"], rows)
    reason = "pictures of meta.csv that are no radiographs (CT, MRI brain)"
    assert [others.reason(row) for row in rows] == ["", reason, "", reason, "", "", ""]


@pytest.mark.parametrize(
    "other",
    ["Computed Tomography", "chest CT", "CT_scan", "MRI_T1", "Mammography", "Sonography", "HRCT"],
)
def test_other_modalities_in_words(other: str) -> None:
    rows = rows_of("modality", "X-ray", other, "Computed Radiography", "chest x-ray", "Digital")
    others = OtherPictures(Path("meta.csv"), ["path", "modality"], rows)
    assert [bool(others.reason(row)) for row in rows] == [False, True, False, False, False]


def test_lateral_films() -> None:
    rows = rows_of("view", "PA", "Lateral", "AP")
    others = OtherPictures(Path("t.csv"), ["path", "view"], rows)
    assert [others.reason(row) for row in rows] == ["", "lateral films of t.csv", ""]
    assert others.kind == "lateral films"


def test_a_table_of_other_pictures_only(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("path,label,modality\na.png,ill,CT\nb.png,normal,CT\n")
    with pytest.raises(DataError, match="names other pictures than radiographs only"):
        data.find(tmp_path / "t.csv")
