from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from drawn import name_films
from pneumoscope.data.layouts import columns_of, find
from pneumoscope.data.listing import for_task
from pneumoscope.data.public_sets.split_tables import split_tables
from pneumoscope.errors import DataError

HEADER = "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Pneumonia"


def chexpert(root: Path, prefix: str = "CheXpert-v1.0-small") -> Path:
    """Four patients for training, each with a frontal and a lateral film, and one for validation."""
    lines = {"train": [HEADER], "valid": [HEADER]}
    for i in range(5):
        split = "train" if i < 4 else "valid"
        for view, word in (("view1_frontal", "Frontal"), ("view2_lateral", "Lateral")):
            name = f"{split}/patient0000{i}/study1/{view}.jpg"
            name_films(root, name)
            labels = "1.0," if i % 2 else ",1.0"
            lines[split].append(f"{prefix}/{name},Male,6{i},{word},AP,{labels}")
    for split, rows in lines.items():
        (root / f"{split}.csv").write_text("\n".join(rows) + "\n")
    return root


@pytest.mark.parametrize("folder", ["CheXpert-v1.0-small", "renamed"])
def test_chexpert_with_its_two_tables(tmp_path: Path, folder: str) -> None:
    root = chexpert(tmp_path / folder)
    listing = find(root)
    assert Counter(e.split for e in listing.entries) == {"train": 4, "validation": 1}
    assert all("frontal" in e.name and e.path.is_file() for e in listing.entries)
    assert {e.patient for e in listing.entries} == {f"patient0000{i}" for i in range(5)}
    assert listing.names == ("No Finding", "Pneumonia")
    assert listing.obeyed
    assert "lateral films of train.csv, left out: 4" in listing.warnings
    assert for_task(listing, "multilabel").targets[:2] == ((1.0,), (0.0,))
    files, header, rows = columns_of(root)
    assert [f.name for f in files] == ["train.csv", "valid.csv"]
    assert "Sex" in header
    assert {e.name for e in listing.entries} <= {*rows}


def test_chexpert_one_folder_too_high(tmp_path: Path) -> None:
    chexpert(tmp_path / "CheXpert-v1.0-small")
    assert len(find(tmp_path).entries) == 5


def test_tables_of_classes(tmp_path: Path) -> None:
    name_films(tmp_path, *(f"{i}.png" for i in range(5)))
    (tmp_path / "train.csv").write_text("image_path;label\n0.png;normal\n1.png;tb\n2.png;flu\n")
    (tmp_path / "dev.csv").write_text("image_path;label\n3.png;Normal\n")
    (tmp_path / "test_labels.csv").write_text("image_path;label\n4.png;tb\n")
    listing = find(tmp_path)
    assert listing.names[1:] == ("flu", "tb")
    assert [e.split for e in listing.entries] == ["validation", *["test"], *["train"] * 3]
    assert [e.values.index(1.0) for e in listing.entries] == [0, 2, 0, 2, 1]


def test_tables_that_do_not_fit_together(tmp_path: Path) -> None:
    name_films(tmp_path, "0.png", "1.png")
    (tmp_path / "train.csv").write_text("path,label\n0.png,normal\n1.png,tb\n")
    (tmp_path / "val.csv").write_text("path,labels\n1.png,tb\n")
    with pytest.raises(DataError, match="labels of different kinds"):
        find(tmp_path)
    (tmp_path / "val.csv").write_text("path,label\n1.png,tb\n")
    with pytest.raises(DataError, match=r"1\.png is a film of train and of validation"):
        find(tmp_path)


def test_a_table_without_films_is_none(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("epoch,loss\n1,0.5\n")
    assert split_tables(tmp_path) == {}
    (tmp_path / "valid.csv").write_text("path,label\n1.png,tb\n")
    assert split_tables(tmp_path) == {}  # nothing for training


@pytest.mark.parametrize("column", [",Devices", ""])
def test_a_finding_that_no_training_film_tells_is_left_out(tmp_path: Path, column: str) -> None:
    root = chexpert(tmp_path / "CheXpert-v1.0-small")
    for split, added in (("train", "," if column else ""), ("valid", ",0.0")):
        header, *rows = (root / f"{split}.csv").read_text().splitlines()
        header += column if split == "train" else ",Devices"
        lines = [header, *(row + added for row in rows)]
        (root / f"{split}.csv").write_text("\n".join(lines) + "\n")
    listing = find(root)
    assert listing.names == ("No Finding", "Pneumonia")
    assert "findings that train.csv does not tell, left out: Devices" in listing.warnings
