"""The folds of a cross-validation, on a handful of patients."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumoscope.data import load
from pneumoscope.data.folds import folds_of, same_patient
from pneumoscope.errors import DataError
from pneumoscope.records import fold_of, fold_split


def test_names_of_splits() -> None:
    assert fold_split(2, 5) == "fold:2/5"
    assert fold_of("fold:2/5") == (2, 5)
    for split in ("patient", "leave-out:fold:2/5", "fold:0/5", "fold:6/5", "fold:1/1", "fold:2"):
        assert fold_of(split) is None


def test_classes_and_sources_are_in_all_folds_alike() -> None:
    # 10 healthy patients of the north, 7 of the south, 8 ill ones of the south; two films of each.
    kinds = [("healthy", "north")] * 10 + [("healthy", "south")] * 7 + [("ill", "south")] * 8
    classes, sources = ([kind[i] for kind in kinds for _ in range(2)] for i in (0, 1))
    patients = [f"p{i // 2:02d}" for i in range(50)]
    folds = folds_of(classes, sources, patients, 4, seed=3)
    of_patient = dict(zip(patients, folds, strict=True))
    # All films of a patient are in one fold.
    assert [of_patient[patient] for patient in patients] == folds
    for kind, least, most in ((kinds[0], 2, 3), (kinds[10], 1, 2), (kinds[17], 2, 2)):
        members = [of_patient[f"p{i:02d}"] for i, other in enumerate(kinds) if other == kind]
        assert {*Counter(members).values()} <= {least, most}
        assert {*members} == {1, 2, 3, 4}
    # 25 patients: 6, 6, 6 and 7.
    assert sorted(Counter(of_patient.values()).values()) == [6, 6, 6, 7]


def test_a_patient_of_two_classes_counts_for_the_rarer_one() -> None:
    """The three ill patients, two of whom have healthy films too, are in three folds."""
    classes = ["healthy"] * 8 + ["ill"] * 3
    patients = [f"p{i}" for i in range(8)] + ["p0", "p1", "x"]
    for seed in range(10):
        folds = folds_of(classes, [""] * 11, patients, 3, seed)
        assert {*folds[8:]} == {1, 2, 3}
        assert folds[0] == folds[8]


def test_patients_with_the_same_film_are_one() -> None:
    keys = same_patient(["a", "b", "c", "d", "a"], ["1", "2", "3", "2", "3"])
    assert keys[0] == keys[2] == keys[4]
    assert keys[1] == keys[3] != keys[0]


def test_too_few_patients_for_the_folds() -> None:
    with pytest.raises(
        DataError, match="of the class ill are of 2 patients: too few for 3"
    ) as caught:
        folds_of(["ok"] * 3 + ["ill"] * 3, [""] * 6, ["a", "b", "c", "d", "e", "e"], 3, 0)
    assert "fewer folds" in caught.value.hint


def films(root: Path, *splits: str) -> Path:
    """A manifest of 12 films of 6 patients per class."""
    rng = np.random.default_rng(0)
    rows = ["path,label,patient,split" if splits else "path,label,patient"]
    for i in range(24):
        Image.fromarray(rng.integers(0, 256, (64, 64), np.uint8)).save(root / f"{i}.png")
        end = f",{splits[i // 2 % len(splits)]}" if splits else ""
        rows.append(f"{i}.png,{'normal' if i < 12 else 'ill'},p{i // 2}{end}")
    (root / "manifest.csv").write_text("\n".join(rows) + "\n")
    return root


def test_every_film_is_tested_once(tmp_path: Path) -> None:
    root = films(tmp_path)
    tested: list[str] = []
    hashes = set()
    for number in (1, 2, 3):
        loaded = load(
            root, 64, task="binary", split=f"fold:{number}/3", share=0.25, seed=1, cache=tmp_path
        )
        by_split = {
            split: {loaded.films[i].patient for i in loaded.rows(split)}
            for split in ("train", "validation", "test")
        }
        # Of six patients of each class two are tested; a quarter of the other four is held out.
        assert {split: len(keys) for split, keys in by_split.items()} == {
            "train": 6, "validation": 2, "test": 4,
        }  # fmt: skip
        assert len(set.union(*by_split.values())) == 12
        tested += [loaded.films[i].path for i in loaded.rows("test")]
        hashes.add(loaded.films_sha256)
    assert sorted(tested) == sorted(f"{i}.png" for i in range(24))
    # The same films, however they are split.
    assert len(hashes) == 1


def test_kinds_of_a_class_are_spread_over_the_folds(tmp_path: Path) -> None:
    """Healthy or ill, where the data know two kinds of illness, one of them with a single patient."""
    root = films(tmp_path)
    lines = (root / "manifest.csv").read_text().splitlines()
    kinds = ["bacteria"] * 6 + ["virus"] * 4 + ["fungus"] * 2
    ill = [line.replace("ill", kind) for line, kind in zip(lines[13:], kinds, strict=True)]
    (root / "manifest.csv").write_text("\n".join([*lines[:13], *ill]) + "\n")
    (root / "23.png").write_bytes(b"broken")
    tested = []
    for number in (1, 2):
        loaded = load(
            root, 64, task="binary", split=f"fold:{number}/2", share=0.3, seed=1, cache=tmp_path,
            skip_broken=True,
        )  # fmt: skip
        assert loaded.broken == ("23.png",)
        paths = [loaded.films[i].path for i in loaded.rows("test")]
        assert {"18.png", "20.png"} & {*paths}  # one of the two patients with a virus
        tested += paths
    assert sorted(tested) == sorted(f"{i}.png" for i in range(23))


def test_the_datas_own_splits(tmp_path: Path) -> None:
    """Films for testing stay out; validation films are dealt to the folds, with a word."""
    root = films(tmp_path, "train", "train", "validation", "test")
    loaded = load(root, 64, task="binary", split="fold:1/2", share=0.3, seed=1, cache=tmp_path)
    assert len(loaded.films) == 18
    assert "validation films of the data, which are dealt to the folds: 6" in loaded.warnings
