from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from drawn import name_films
from pneumoscope.data.layouts import find
from pneumoscope.errors import DataError

ROWS = [("train", 0), ("train", 1), ("val", 1), ("test", 0)]


def saved(root: Path, more: str = "") -> Path:
    """What ``PneumoniaMNIST(...).save(folder)`` writes for each of its splits."""
    names = [f"{split}{i}_{label}.png" for i, (split, label) in enumerate(ROWS)]
    name_films(root / "pneumoniamnist", *names)
    rows = [f"{split},{name},{label}" for name, (split, label) in zip(names, ROWS, strict=True)]
    (root / "pneumoniamnist.csv").write_text("\n".join(rows) + "\n" + more)
    return root


def test_films_that_medmnist_saved(tmp_path: Path) -> None:
    listing = find(saved(tmp_path))
    assert listing.names == ("normal", "pneumonia")
    assert Counter((e.split, e.values[1]) for e in listing.entries) == {
        ("train", 0.0): 1, ("train", 1.0): 1, ("validation", 1.0): 1, ("test", 0.0): 1,
    }  # fmt: skip
    assert all(e.path.is_file() for e in listing.entries)
    with pytest.raises(DataError, match="line 5: is not 'split,file,class'"):
        find(saved(tmp_path, "later,x.png,0\n"))


def test_films_of_another_size_and_with_several_findings(tmp_path: Path) -> None:
    folder = name_films(tmp_path / "a", "pneumoniamnist_224/train0_1.png")
    (folder / "pneumoniamnist_224.csv").write_text("TRAIN,train0_1.png,1\n")
    for place in (folder, folder / "pneumoniamnist_224.csv"):
        listing = find(place)
        assert [(e.values, e.split) for e in listing.entries] == [((0.0, 1.0), "train")]
        assert listing.entries[0].path.is_file()
    folder = name_films(tmp_path / "b", "chestmnist/train0.png", "chestmnist/val0.png")
    nothing = ",0" * 12
    (folder / "chestmnist.csv").write_text(
        f"TRAIN,train0.png,1{nothing},1\nVALIDATION,val0.png,0{nothing},0\n"
    )
    listing = find(folder)
    assert (listing.findings, len(listing.names)) == (True, 14)
    assert [(e.values[0], e.values[-1], sum(map(float, e.values)), e.split) for e in listing.entries] == [
        (1.0, 1.0, 2.0, "train"), (0.0, 0.0, 0.0, "validation"),
    ]  # fmt: skip
    (folder / "chestmnist.csv").write_text("TRAIN,train0.png,1,0\n")
    with pytest.raises(DataError, match="line 1: is not 'split,file,findings'"):
        find(folder)


@pytest.mark.parametrize("name", ["pneumoniamnist_manifest.csv", "pneumoniamnist_224.csv"])
def test_a_table_of_the_user_that_is_called_like_a_set(tmp_path: Path, name: str) -> None:
    name_films(tmp_path, "x/0.png", "x/1.png")
    (tmp_path / name).write_text("path,label\nx/0.png,normal\nx/1.png,tb\n")
    for place in (tmp_path, tmp_path / name):
        listing = find(place)
        assert (listing.layout, listing.names) == ("manifest", ("normal", "tb"))


def test_an_archive_of_another_set_is_not_called_one_of_chest_films(tmp_path: Path) -> None:
    (tmp_path / "retinamnist.npz").write_bytes(b"PK")
    with pytest.raises(DataError, match="is not a folder"):
        find(tmp_path / "retinamnist.npz")
    (tmp_path / "chestmnist_64.npz").write_bytes(b"PK")
    with pytest.raises(DataError, match="archive of MedMNIST") as raised:
        find(tmp_path)
    assert "medmnist.ChestMNIST(" in raised.value.hint


@pytest.mark.parametrize("name", ["pneumoniamnist.npz", "pneumoniamnist_224.npz"])
def test_an_archive_is_named_with_what_to_do(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK")
    for place in (tmp_path, tmp_path / name):
        with pytest.raises(DataError, match="archive of MedMNIST") as raised:
            find(place)
        assert "PneumoniaMNIST(split='train', size=224).save('DIR')" in raised.value.hint
