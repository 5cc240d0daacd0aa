from __future__ import annotations

from collections import Counter
from pathlib import Path

from drawn import name_films
from pneumoscope.data.layouts import find
from pneumoscope.data.public_sets.tuberculosis import read_tuberculosis, tuberculosis_films


def test_labels_are_in_the_names_of_films(tmp_path: Path) -> None:
    films = [f"ChinaSet_AllFiles/CXR_png/CHNCXR_000{i}_{i % 2}.png" for i in range(4)]
    films += [f"MontgomerySet/CXR_png/MCUCXR_000{i}_{i % 2}.png" for i in range(3)]
    name_films(tmp_path, *films, "MontgomerySet/ManualMask/leftMask/MCUCXR_0000_0.png")
    name_films(tmp_path, "ChinaSet_AllFiles/mask/CHNCXR_0001_1_mask.png")
    name_films(tmp_path, "ChinaSet_AllFiles/ClinicalReadings/CHNCXR_0001_1.txt")
    listing = find(tmp_path)
    assert listing.names == ("normal", "abnormal")
    assert Counter((e.source, e.values[1]) for e in listing.entries) == {
        ("Shenzhen", 0.0): 2, ("Shenzhen", 1.0): 2, ("Montgomery", 0.0): 2, ("Montgomery", 1.0): 1,
    }  # fmt: skip
    assert len({e.patient for e in listing.entries}) == 7
    assert listing.warnings == ("pictures that are masks by their names, left out: 2",)
    only = find(tmp_path / "ChinaSet_AllFiles/CXR_png")  # the films themselves
    assert len(only.entries) == 4


def test_a_picture_of_another_name_is_left_out(tmp_path: Path) -> None:
    films = [f"Lung Segmentation/CXR_png/CHNCXR_000{i}_{i % 2}.png" for i in range(4)]
    name_films(tmp_path, *films, "Lung Segmentation/masks/CHNCXR_0001_1_mask.png")
    name_films(tmp_path, "Lung Segmentation/overview.png")
    listing = find(tmp_path)
    assert Counter(e.values for e in listing.entries) == {(1.0, 0.0): 2, (0.0, 1.0): 2}
    assert listing.warnings == (
        "pictures that are masks by their names, left out: 1",
        "films whose names tell no class, left out: 1",
    )
    name_films(tmp_path, *(f"Lung Segmentation/{i}.png" for i in range(3)))
    assert tuberculosis_films(tmp_path) == []  # half of the films have other names


def test_films_of_other_names_make_it_another_set(tmp_path: Path) -> None:
    name_films(tmp_path, "normal/CHNCXR_0000_0.png", "tb/CHNCXR_0001_1.png", "tb/own.png")
    assert tuberculosis_films(tmp_path) == []
    assert find(tmp_path).names == ("normal", "tb")
    (tmp_path / "tb/own.png").unlink()
    films = tuberculosis_films(tmp_path)
    assert [e.name for e in read_tuberculosis(films, tmp_path).entries] == [
        "normal/CHNCXR_0000_0.png", "tb/CHNCXR_0001_1.png",
    ]  # fmt: skip
