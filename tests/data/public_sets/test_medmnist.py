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


@pytest.mark.parametrize("name", ["pneumoniamnist.npz", "pneumoniamnist_224.npz"])
def test_an_archive_is_named_with_what_to_do(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK")
    for place in (tmp_path, tmp_path / name):
        with pytest.raises(DataError, match="archive of MedMNIST") as raised:
            find(place)
        assert "PneumoniaMNIST(split='train', size=224).save('DIR')" in raised.value.hint
