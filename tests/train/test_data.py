from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")

from pneumoscope.errors import DataError
from pneumoscope.train import data


def load(folder: Path, tmp_path: Path, seed: int = 0) -> data.FilmSet:
    return data.load(folder, 224, 0.25, seed, cache=tmp_path / "cache")


def test_labels_and_patients_come_from_names(films_folder: Path) -> None:
    found = {path.name: (label, key) for path, label, key in data.find(films_folder)}
    assert len(found) == 64
    assert found["IM-0003-0001.jpeg"] == (0, "normal/IM-0003")
    assert found["person0_bacteria_1.jpeg"] == (1, "bacteria/person0")
    assert found["person1_virus_2.jpeg"] == (2, "virus/person1")


@pytest.mark.parametrize(
    ("name", "folder", "expected"),
    [
        ("NORMAL2-IM-1266-0001.jpeg", "NORMAL", (0, "normal/NORMAL2-IM-1266")),
        ("IM-1266-0001.jpeg", "NORMAL", (0, "normal/IM-1266")),
        ("scan.jpeg", "NORMAL", (0, "normal/file/scan.jpeg")),
        ("person7_virus_12.jpeg", "PNEUMONIA", (2, "virus/person7")),
        ("person7_bacteria_12.jpeg", "PNEUMONIA", (1, "bacteria/person7")),
    ],
)
def test_keys_keep_prefix_and_subtype(name: str, folder: str, expected: tuple[int, str]) -> None:
    assert data._label(name, folder) == expected


def test_no_patient_in_two_splits(films_folder: Path, tmp_path: Path) -> None:
    films = load(films_folder, tmp_path).films
    splits: dict[str, set[str]] = {}
    for film in films:
        splits.setdefault(film.patient, set()).add(film.split)
    assert all(len(s) == 1 for s in splits.values())
    for label in range(3):
        held = {f.patient for f in films if f.label == label and f.split == "validation"}
        own = {f.patient for f in films if f.label == label}
        assert len(held) == round(0.25 * len(own))


def test_patients_who_share_a_film_stay_together() -> None:
    patients = [f"p{i}" for i in range(20)]
    hashes = [f"h{i // 2}" for i in range(20)]  # p0 and p1 share h0, p2 and p3 h1 ...
    for seed in range(10):
        split = data.split_patients([0] * 20, patients, hashes, 0.3, seed)
        assert split[::2] == split[1::2]
        assert split.count("validation") == 6


def test_the_split_is_seeded() -> None:
    arguments = ([0] * 30, [f"p{i}" for i in range(30)], [f"h{i}" for i in range(30)], 0.3)
    assert data.split_patients(*arguments, 1) == data.split_patients(*arguments, 1)
    assert data.split_patients(*arguments, 1) != data.split_patients(*arguments, 2)


def test_films_are_cached_and_the_cache_notices_changes(films_folder: Path, tmp_path: Path) -> None:
    calls: list[int] = []

    def run() -> data.FilmSet:
        return data.load(
            films_folder, 224, 0.25, 0, cache=tmp_path / "c", progress=lambda d, t: calls.append(d)
        )

    first = run()
    assert calls == list(range(1, 65))
    second = run()
    assert len(calls) == 64
    assert (first.pixels == second.pixels).all()
    assert isinstance(second.pixels, np.memmap)
    assert first.manifest_sha256 == second.manifest_sha256
    (films_folder / "train" / "NORMAL" / "IM-0000-0000.jpeg").unlink()
    assert len(run().films) == 63
    assert not list((tmp_path / "c").glob("*.part"))


def test_the_parent_of_chest_xray_is_found(films_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "parent").mkdir()
    shutil.move(films_folder, tmp_path / "parent" / "chest_xray")
    assert len(data.find(tmp_path / "parent")) == 64


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        data.find(tmp_path / "no")


def test_another_layout(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="neither train/"):
        data.find(tmp_path)


def test_one_class_only(films_folder: Path) -> None:
    shutil.rmtree(films_folder / "train" / "NORMAL")
    with pytest.raises(DataError, match="holds no films"):
        data.find(films_folder)


def test_a_name_without_subtype(films_folder: Path) -> None:
    folder = films_folder / "train" / "PNEUMONIA"
    (folder / "person0_bacteria_0.jpeg").rename(folder / "film.jpeg")
    with pytest.raises(DataError, match="neither bacteria nor virus"):
        data.find(films_folder)


def test_an_unreadable_film_is_named(films_folder: Path, tmp_path: Path) -> None:
    (films_folder / "train" / "NORMAL" / "IM-0001-0000.jpeg").write_bytes(b"\xff\xd8\xff broken")
    with pytest.raises(DataError, match=r"IM-0001-0000\.jpeg"):
        load(films_folder, tmp_path)
    assert not list((tmp_path / "cache").glob("*"))
