from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from drawn import name_films
from pneumoscope.data.layouts import find
from pneumoscope.errors import DataError

TRAIN = "379 1-s2.0-gr3.jpg positive cohen\n3 figure 8a, day 0.png negative rsna\n9 n.png negative rsna\n"


def covidx(root: Path, train: str = TRAIN, name: str = "train.txt") -> Path:
    name_films(
        root, "train/1-s2.0-gr3.jpg", "train/figure 8a, day 0.png", "train/n.png", "test/t.png"
    )
    (root / name).write_text(train)
    (root / name.replace("train", "test")).write_text("9 t.png positive rsna\n")
    return root


@pytest.mark.parametrize("name", ["train.txt", "train_COVIDx9A.txt"])
def test_a_list_for_each_split(tmp_path: Path, name: str) -> None:
    listing = find(covidx(tmp_path, name=name))
    assert listing.names == ("negative", "positive")
    assert Counter((e.split, e.values[1]) for e in listing.entries) == {
        ("train", 1.0): 1, ("train", 0.0): 2, ("test", 1.0): 1,
    }  # fmt: skip
    # The same patient of the same source; another source's number is another patient.
    assert [e.patient for e in listing.entries if e.patient.endswith("/9")] == ["rsna/9"] * 2
    assert {e.source for e in listing.entries} == {"cohen", "rsna"}
    assert "another pneumonia" in listing.warnings[-1]


def test_older_lists_have_three_columns_and_three_classes(tmp_path: Path) -> None:
    train = "p1 n.png normal\np2 1-s2.0-gr3.jpg COVID-19\np3 missing.png pneumonia\n"
    listing = find(covidx(tmp_path, train))
    assert listing.names[0] == "normal"
    assert listing.warnings == ("films of the lists that are not there: 1",)
    assert [e.patient for e in listing.entries if e.split == "train"] == ["p1", "p2"]


def test_lists_of_another_form(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 2: is not 'patient file class source'"):
        find(covidx(tmp_path, "1 n.png negative rsna\n2 n.png perhaps rsna\n"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other/train.txt").write_text("notes on the training\n")
    with pytest.raises(DataError, match="layout that is known"):
        find(tmp_path / "other")
    (tmp_path / "other/train.txt").write_text("1 n.png negative rsna\n")
    with pytest.raises(DataError, match=r"none of the films of train\.txt is there"):
        find(tmp_path / "other")
