"""Manifests of a training's split, and of the films of several folders."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")

from drawn import draw
from lung_masks import mask
from pneumoscope import data
from pneumoscope.data import manifests
from pneumoscope.errors import DataError


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def two_hospitals(root: Path) -> tuple[Path, Path]:
    """Class folders with a mask, and a manifest with sources of its own."""
    draw(root / "north", *(f"{kind}/{i}.png" for kind in ("normal", "tb") for i in range(3)))
    mask(root / "lungs/normal/1.png", 255)
    draw(root / "others", *(f"{i}.png" for i in range(6)))
    lines = ["path,label,source,patient,split,boxes"]
    lines += [f"{i}.png,{'Normal' if i % 2 else 'flu'},{'ab'[i % 2]},p{i},{s},{b}" for i, (s, b) in
              enumerate([("test", ""), ("", "none"), ("", "0.1 0.1 0.5 0.5"), ("validation", ""),
                         ("", ""), ("", "")])]  # fmt: skip
    (root / "others" / "manifest.csv").write_text("\n".join(lines) + "\n")
    return root / "north", root / "others"


def test_several_folders_become_one_manifest(tmp_path: Path) -> None:
    north, others = two_hospitals(tmp_path)
    films = manifests.collect([("", north), ("elsewhere", others)], [tmp_path / "lungs"])
    assert films.names == ("Normal", "flu", "tb")  # Normal and normal are one class
    assert films.counts == {
        "a": {"flu": 3}, "b": {"Normal": 3}, "north": {"Normal": 3, "tb": 3},
    }  # fmt: skip
    target = tmp_path / "lists" / "all.csv"
    manifests.write_collected(films, target)
    rows = {row["path"]: row for row in rows_of(target)}
    assert len(rows) == 12
    assert rows["../north/normal/1.png"] == {
        "path": "../north/normal/1.png", "label": "Normal", "source": "north",
        "patient": "north/file/normal/1.png", "split": "", "mask": "../lungs/normal/1.png",
        "boxes": "",
    }  # fmt: skip
    assert rows["../others/0.png"]["split"] == "test"
    assert rows["../others/1.png"]["boxes"] == "none"
    assert rows["../others/3.png"]["patient"] == "b/p3"
    again = data.find(target)
    assert {entry.name: entry.source for entry in again.entries} == {
        name: row["source"] for name, row in rows.items()
    }
    first = next(entry for entry in again.entries if entry.name == "../north/normal/1.png")
    assert first.mask is not None
    assert first.mask.resolve() == (tmp_path / "lungs/normal/1.png").resolve()
    assert not first.keyed
    boxed = next(entry for entry in again.entries if entry.name == "../others/2.png")
    assert boxed.boxes == ((0.1, 0.1, 0.5, 0.5),)
    assert boxed.keyed


def test_a_split_is_written_with_sources_and_masks(tmp_path: Path) -> None:
    north, _ = two_hospitals(tmp_path)
    films = manifests.collect([("", north)], [tmp_path / "lungs"])
    manifests.write_collected(films, tmp_path / "north.csv")
    loaded = data.load(
        tmp_path / "north.csv", 64, task="binary", share=0.34, seed=0, cache=tmp_path / "cache"
    )
    data.write_manifest(loaded, tmp_path / "split.csv")
    rows = rows_of(tmp_path / "split.csv")
    assert list(rows[0]) == ["path", "sha256", "patient", "split", "source", "mask", "normal", "tb"]
    assert {row["source"] for row in rows} == {"north"}
    assert [row["mask"] for row in rows if row["mask"]] == ["lungs/normal/1.png"]
    again = data.load(
        tmp_path / "split.csv", 64, task="binary", share=0.5, seed=9, cache=tmp_path / "cache"
    )
    assert again.films == loaded.films
    assert again.manifest_sha256 == loaded.manifest_sha256


def test_offered_validation_films_and_films_without_label_are_left_out(tmp_path: Path) -> None:
    draw(tmp_path / "n", *(f"{s}/{k}/{i}.png" for s in ("train", "val", "test")
                           for k in ("normal", "tb") for i in range(2)))  # fmt: skip
    draw(tmp_path / "m", "a.png", "b.png")
    (tmp_path / "m" / "manifest.csv").write_text("path,label\na.png,tb\nb.png,\n")
    films = manifests.collect([("n", tmp_path / "n"), ("m", tmp_path / "m")])
    assert films.warnings == (
        "n: films of the folder for validation, left out: 4",
        "m: films without a known label, left out: 1",
    )
    assert [entry.split for entry in films.entries].count("test") == 4
    assert len(films.entries) == 9


def test_a_folder_is_called_by_its_whole_name_and_a_file_without_its_ending(tmp_path: Path) -> None:
    (tmp_path / "v1.2").mkdir()
    assert manifests.name_of(tmp_path / "v1.2") == "v1.2"
    assert manifests.name_of(tmp_path / "films.csv") == "films"


def test_what_cannot_be_collected(tmp_path: Path) -> None:
    north, others = two_hospitals(tmp_path)
    with pytest.raises(DataError, match="is given twice"):
        manifests.collect([("a", north), ("b", north)])
    (others / "manifest.csv").write_text("path,labels\n0.png,Mass|Edema\n1.png,No Finding\n")
    with pytest.raises(DataError, match="several findings or none"):
        manifests.collect([("", others)])
    (others / "manifest.csv").write_text("path,label\n0.png,\n")
    with pytest.raises(DataError, match="no film has a label"):
        manifests.collect([("", others)])


def test_what_a_folder_warns_of_is_said_of_the_whole(tmp_path: Path) -> None:
    """Lateral films were once left out without a word."""
    draw(tmp_path / "north", *(f"{i}.png" for i in range(4)))
    (tmp_path / "north" / "manifest.csv").write_text(
        "path,label,Frontal/Lateral\n"
        "0.png,normal,Frontal\n1.png,ill,Frontal\n2.png,ill,Lateral\n3.png,normal,Frontal\n"
    )
    films = manifests.collect([("", tmp_path / "north")])
    assert len(films.entries) == 3
    assert films.warnings == ("north: lateral films of manifest.csv, left out: 1",)
