from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")

from drawn import draw, name_films
from pneumoscope import data
from pneumoscope.data.boxes import Box
from pneumoscope.data.public_sets.nih import has_nih_boxes, read_nih_boxes
from pneumoscope.data.table_files import read_header
from pneumoscope.errors import DataError


def load(root: Path, task: str = "multiclass", split: str = "patient") -> data.FilmSet:
    folder = root if root.is_dir() else root.parent
    return data.load(
        root, 64, task=task, split=split, share=0.25, seed=1, cache=folder.parent / "cache"
    )


def nih(root: Path) -> Path:
    """Ten films of five patients in two archives' folders; the last patient is for testing."""
    names = [f"0000000{i // 2}_00{i % 2}.png" for i in range(10)]
    draw(root, *(f"images_{1 + i // 6:03d}/images/{name}" for i, name in enumerate(names)))
    findings = ["Mass|Edema", "No Finding", "Mass", "Edema", *["No Finding"] * 4, "Hernia", "Mass"]
    rows = [
        f"{n},{f},{i % 2},{i // 2}" for i, (n, f) in enumerate(zip(names, findings, strict=True))
    ]
    header = "Image Index,Finding Labels,Follow-up #,Patient ID"
    (root / "Data_Entry_2017_v2020.csv").write_text("\n".join([header, *rows]) + "\n")
    (root / "train_val_list.txt").write_text("\n".join(names[:8]))
    (root / "test_list.txt").write_text("\n".join(names[8:]) + "\n")
    return root


def test_nih_chestxray14(tmp_path: Path) -> None:
    root = nih(tmp_path / "nih")
    films = load(root, "multilabel")
    assert films.names == ("Edema", "Hernia", "Mass")
    assert len(films.films) == 8
    assert films.films[0] == data.Film(
        path="images_001/images/00000000_000.png",
        targets=(1.0, 0.0, 1.0),
        patient="0",
        sha256=films.films[0].sha256,
        split=films.films[0].split,
    )
    assert films.films[1].targets == (0.0, 0.0, 0.0)
    assert films.films[7].path == "images_002/images/00000003_001.png"
    data.check_split(films.films)
    assert len(films.rows("validation")) == 2
    assert films.source == "NIH ChestX-ray14 (Wang et al., CVPR 2017), folder nih"
    assert load(root / "Data_Entry_2017_v2020.csv", "multilabel").films == films.films
    assert load(root, "binary").names == ("No Finding", "abnormal")
    with pytest.raises(DataError, match="several findings"):
        load(root)
    with pytest.raises(DataError, match="no validation films of its own"):
        load(root, "multilabel", "given")


def test_a_part_of_nih(tmp_path: Path) -> None:
    root = nih(tmp_path / "nih")
    (root / "test_list.txt").unlink()
    (root / "train_val_list.txt").unlink()
    (root / "images_001" / "images" / "00000000_000.png").unlink()
    films = load(root, "multilabel")
    assert len(films.films) == 9
    assert films.warnings[:2] == (
        "films of Data_Entry_2017_v2020.csv that are not there: 1 of 10",
        "test_list.txt is not there: official test films count as training films",
    )
    (tmp_path / "empty").mkdir()
    (root / "Data_Entry_2017_v2020.csv").rename(tmp_path / "empty" / "Data_Entry_2017.csv")
    with pytest.raises(DataError, match="none of its films"):
        load(tmp_path / "empty", "multilabel")


def test_nih_films_on_no_list(tmp_path: Path) -> None:
    root = nih(tmp_path / "nih")
    names = (root / "train_val_list.txt").read_text().splitlines()
    (root / "train_val_list.txt").write_text("\n".join(names[2:]))
    films = load(root, "multilabel")
    assert len(films.films) == 6
    assert films.warnings[0] == "films on no official list, left out: 2"


BOXES = "Image Index,Finding Label,Bbox [x,y,w,h],,,"
"""The first line of ``BBox_List_2017.csv`` as it is."""


@pytest.mark.parametrize(
    "lines",
    [
        (BOXES, "a_1.png,Mass,256.0,512.0,128.0,256.0", "a_1.png,Edema,0,0,1024,512,,,"),
        (
            "Image Index;Finding Label;Bbox [x;y;w;h];Unnamed: 6",
            "a_1.png;Mass;256,0;512,0;128;256;",
            "a_1.png;Edema;0;0;1024;512;",
            "a_1.png;Pneumonia;0;0;1024;512;",
        ),
    ],
)
def test_boxes_of_all_findings_in_pixels_of_1024(tmp_path: Path, lines: tuple[str, ...]) -> None:
    file = tmp_path / "BBox_List_2017.csv"
    file.write_text("\n".join(lines) + "\n")
    assert has_nih_boxes(read_header(file))
    boxes = (Box(0.25, 0.5, 0.125, 0.25), Box(0, 0, 1, 0.5))
    assert read_nih_boxes(file) == {"a_1": boxes}


@pytest.mark.parametrize("cells", ["1000,0,100,100", "0.1,0.1,0.5,0.5", "1,2,3,", "a,b,c,d"])
def test_a_box_that_is_not_on_its_film_is_an_error_with_its_line(
    tmp_path: Path, cells: str
) -> None:
    file = tmp_path / "BBox_List_2017.csv"
    file.write_text(f"{BOXES}\na_1.png,Mass,{cells}\n")
    with pytest.raises(DataError, match=r"csv, line 2: box") as error:
        read_nih_boxes(file)
    assert "1024 x 1024" in error.value.hint


def test_the_table_of_findings_has_no_boxes() -> None:
    assert not has_nih_boxes(["Image Index", "Finding Labels", "Follow-up #", "Patient ID"])


@pytest.mark.parametrize("name", ["sample_labels.csv", "Data_Entry.csv"])
def test_its_table_is_known_by_its_columns(tmp_path: Path, name: str) -> None:
    """As in the sample of 5,606 films that Kaggle has."""
    name_films(tmp_path, "sample/images/1.png", "sample/images/2.png")
    (tmp_path / name).write_text(
        "Image Index,Finding Labels,Patient ID,Patient Age\n1.png,No Finding,1,060Y\n2.png,Mass|Edema,2,018M\n"
    )
    listing = data.find(tmp_path)
    assert (listing.layout, listing.names) == ("nih", ("No Finding", "Edema", "Mass"))
    assert [e.values for e in listing.entries] == [(1.0, 0.0, 0.0), (0.0, 1.0, 1.0)]
