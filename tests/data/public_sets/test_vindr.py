from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from drawn import name_films
from pneumoscope.data.layouts import find
from pneumoscope.data.listing import for_task
from pneumoscope.errors import DataError


def test_vindr_with_three_readers_for_each_film(tmp_path: Path) -> None:
    name_films(tmp_path, "train/a.dicom", "train/b.dicom", "test/c.dicom")
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations/image_labels_train.csv").write_text(
        "image_id,rad_id,Cardiomegaly,Pneumonia,No finding\n"
        "a,R1,0,1,0\na,R2,0,1,0\na,R3,1,0,0\nb,R1,0,0,1\nb,R2,0,0,1\nb,R3,0,0,1\n"
    )
    (tmp_path / "annotations/image_labels_test.csv").write_text(
        "image_id,Cardiomegaly,Pneumonia,No finding\nc,1,0,0\n"
    )
    (tmp_path / "annotations/annotations_train.csv").write_text(
        "image_id,rad_id,class_name,x_min,y_min,x_max,y_max\na,R1,Pneumonia,1,1,2,2\n"
    )
    listing = find(tmp_path)
    assert listing.names == ("No finding", "Cardiomegaly", "Pneumonia")
    values = {e.patient: (e.split, e.values) for e in listing.entries}
    # One of three readers saw cardiomegaly: unknown.
    assert values == {
        "a": ("train", (0.0, None, 1.0)),
        "b": ("train", (1.0, 0.0, 0.0)),
        "c": ("test", (0.0, 1.0, 0.0)),
    }
    labelled = for_task(listing, "binary")
    assert {e.patient: t for e, t in zip(labelled.entries, labelled.targets, strict=True)} == {
        "a": (0.0, 1.0), "b": (1.0, 0.0), "c": (0.0, 1.0),
    }  # fmt: skip


def test_the_challenge_with_a_row_per_box(tmp_path: Path) -> None:
    name_films(tmp_path, "train/a.png", "train/b.png", "test/z.png")
    (tmp_path / "train.csv").write_text(
        "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max\n"
        "a,Pneumothorax,12,R1,1,1,2,2\na,Pneumothorax,12,R1,5,5,6,6\na,Pneumothorax,12,R2,1,1,2,2\n"
        "a,No finding,14,R3,,,,\nb,No finding,14,R1,,,,\nb,No finding,14,R2,,,,\n"
        "b,No finding,14,R3,,,,\nmissing,No finding,14,R3,,,,\n"
    )
    listing = find(tmp_path)
    assert listing.names == ("No finding", "Pneumothorax")
    assert [(e.name, e.values) for e in listing.entries] == [
        ("train/a.png", (None, 1.0)), ("train/b.png", (1.0, 0.0)),
    ]  # fmt: skip
    assert listing.warnings == ("films of train.csv that are not there: 1 of 3",)
    assert Counter(e.split for e in find(tmp_path / "train.csv").entries) == {"train": 2}


@pytest.mark.parametrize(
    ("separator", "present", "absent"), [(";", "1,0", "0,0"), ("\t", "True", "False")]
)
def test_findings_as_spreadsheets_and_pandas_write_them(
    tmp_path: Path, separator: str, present: str, absent: str
) -> None:
    """They once counted as absent. The names of films may have an ending."""
    name_films(tmp_path, "train/a.png", "train/b.png")
    rows = (("image_id", "Pneumonia", "No finding"), ("a.dicom", present, absent), ("b", absent, present))  # fmt: skip
    table = tmp_path / "image_labels_train.csv"
    table.write_text("\n".join(map(separator.join, rows)))
    assert [e.values for e in find(tmp_path).entries] == [(0.0, 1.0), (1.0, 0.0)]
    table.write_text(table.read_text().replace(present, "2"))
    with pytest.raises(DataError, match="line 2: Pneumonia is '2'"):
        find(tmp_path)


def test_the_table_of_boxes_alone(tmp_path: Path) -> None:
    name_films(tmp_path, "train/a.png", "train/b.png")
    (tmp_path / "annotations_train.csv").write_text(
        "image_id,rad_id,class_name,x_min,y_min,x_max,y_max\n"
        "a,R1,Pneumonia,1,1,2,2\na,R2,Pneumonia,1,1,2,2\nb,R1,No finding,,,,\n"
    )
    assert [e.values for e in find(tmp_path).entries] == [(0.0, 1.0), (1.0, 0.0)]


def test_tables_with_the_same_findings_in_another_order_and_one_more(tmp_path: Path) -> None:
    """The findings of the last table were once those of all."""
    name_films(tmp_path, "train/a.png", "train/b.png", "test/c.png")
    (tmp_path / "image_labels_train.csv").write_text(
        "image_id,Pneumonia,Cardiomegaly,No finding\na,1,0,0\nb,0,0,1\n"
    )
    (tmp_path / "image_labels_test.csv").write_text(
        "image_id,Cardiomegaly,Pneumonia,Rib fracture,No finding\nc,0,1,1,0\n"
    )
    listing = find(tmp_path)
    values = {e.patient: dict(zip(listing.names, e.values, strict=True)) for e in listing.entries}
    assert values["a"]["Pneumonia"] == values["c"]["Pneumonia"] == 1.0
    assert {film: value["Cardiomegaly"] for film, value in values.items()} == dict.fromkeys(
        "abc", 0.0
    )
    assert {film: value["Rib fracture"] for film, value in values.items()} == {
        "a": None, "b": None, "c": 1.0,
    }  # fmt: skip


def test_a_class_that_only_one_table_of_boxes_has(tmp_path: Path) -> None:
    name_films(tmp_path, "train/a.png", "train/b.png", "test/c.png")
    header = "image_id,rad_id,class_name,x_min,y_min,x_max,y_max\n"
    (tmp_path / "annotations_train.csv").write_text(
        f"{header}a,R1,Pneumonia,1,1,2,2\nb,R1,No finding,,,,\n"
    )
    (tmp_path / "annotations_test.csv").write_text(
        f"{header}c,R1,Edema,1,1,2,2\nc,R1,No finding,,,,\n"
    )
    listing = find(tmp_path)
    assert listing.names == ("No finding", "Edema", "Pneumonia")
    assert {e.patient: e.values for e in listing.entries} == {
        "a": (0.0, 0.0, 1.0), "b": (1.0, 0.0, 0.0), "c": (1.0, 1.0, 0.0),
    }  # fmt: skip


@pytest.mark.parametrize("header", ["image_id,class_name", "image_id,No Finding,TB"])
def test_other_tables_with_image_ids_are_manifests(tmp_path: Path, header: str) -> None:
    """Films of one name in two folders are two films."""
    name_films(tmp_path, "images_01/0.png", "images_02/0.png")
    cells = [("normal", "TB"), ("1,0", "0,1")]["No" in header]
    file = tmp_path / "labels.csv"
    file.write_text(f"{header}\nimages_01/0.png,{cells[0]}\nimages_02/0.png,{cells[1]}\n")
    listing = find(tmp_path)
    assert listing.layout == "manifest"
    assert [(e.name, e.values) for e in listing.entries] == [
        ("images_01/0.png", (1.0, 0.0)), ("images_02/0.png", (0.0, 1.0)),
    ]  # fmt: skip
