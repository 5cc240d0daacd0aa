from __future__ import annotations

from pathlib import Path

import pytest

from drawn import name_films
from pneumoscope.data.layouts import find
from pneumoscope.data.listing import for_task
from pneumoscope.errors import DataError

HEADER = "patientId,x,y,width,height,Target\n"
ROWS = "a,,,,,0\nb,264.0,152.0,213.0,379.0,1\nb,562.0,152.0,256.0,453.0,1\nc,,,,,0\n"


def rsna(root: Path, rows: str = ROWS, ending: str = "dcm") -> Path:
    name_films(root, *(f"stage_2_train_images/{n}.{ending}" for n in "abc"))
    name_films(root, "stage_2_test_images/z.dcm", "stage_2_test_images/c.dcm")
    (root / "stage_2_train_labels.csv").write_text(HEADER + rows)
    return root


@pytest.mark.parametrize("ending", ["dcm", "jpg"])
def test_a_film_per_patient_whatever_its_boxes(tmp_path: Path, ending: str) -> None:
    root = rsna(tmp_path / "rsna", ending=ending)
    for place in (root, root / "stage_2_train_labels.csv", tmp_path):
        listing = find(place)
        labelled = for_task(listing, "binary")
        assert (labelled.names, labelled.negative) == (
            ("no pneumonia", "pneumonia"),
            "no pneumonia",
        )
        assert labelled.targets == ((1.0, 0.0), (0.0, 1.0), (1.0, 0.0))
        assert [e.patient for e in listing.entries] == ["a", "b", "c"]
        assert [len(e.boxes or ()) for e in listing.entries] == [0, 2, 0]
        assert all("train_images" in e.path.parent.name for e in listing.entries)


def test_a_renamed_table(tmp_path: Path) -> None:
    """The folders of its films were taken for classes."""
    root = rsna(tmp_path)
    (root / "stage_2_train_labels.csv").rename(root / "train_labels.csv")
    assert (find(root).layout, len(find(root).entries)) == ("rsna", 3)


def test_films_that_are_not_there(tmp_path: Path) -> None:
    root = rsna(tmp_path, ROWS + "d,,,,,0\n")
    assert find(root).warnings[0] == "films of stage_2_train_labels.csv that are not there: 1 of 4"
    (tmp_path / "empty").mkdir()
    (root / "stage_2_train_labels.csv").rename(tmp_path / "empty/stage_2_train_labels.csv")
    with pytest.raises(DataError, match="none of its 4 films lies below"):
        find(tmp_path / "empty")


@pytest.mark.parametrize(
    ("separator", "point", "encoding"), [(";", ",", "utf-8"), ("\t", ".", "utf-16")]
)
def test_a_table_that_a_spreadsheet_saved(
    tmp_path: Path, separator: str, point: str, encoding: str
) -> None:
    """Films have their ending, and targets are numbers with a point or a comma."""
    root = rsna(tmp_path)
    rows = ROWS.replace(",1\n", ",1.0\n").replace(",0\n", ",0.0\n").replace(",", separator)
    rows = "".join(f"{row[0]}.dcm{row[1:]}\n" for row in rows.replace(".", point).splitlines())
    table = HEADER.lower().replace(",", separator) + rows
    (root / "stage_2_train_labels.csv").write_text(table, encoding)
    entries = find(root).entries
    assert [(e.patient, e.values, len(e.boxes or ())) for e in entries] == [
        ("a", (1.0, 0.0), 0), ("b", (0.0, 1.0), 2), ("c", (1.0, 0.0), 0),
    ]  # fmt: skip


@pytest.mark.parametrize("row", ["d,,,,,2\n", "a,,,,,1\n"])
def test_targets_that_are_none(tmp_path: Path, row: str) -> None:
    with pytest.raises(DataError, match="line 6: Target is"):
        find(rsna(tmp_path, ROWS + row))
