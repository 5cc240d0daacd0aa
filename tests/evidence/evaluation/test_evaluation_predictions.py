"""Films that are read and predicted for an evaluation."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

for module in ("cv2", "scipy", "sklearn"):
    pytest.importorskip(module)

from evaluated import settings
from evaluations import BRIGHT, DARK, folders, manifest
from pneumoscope import images
from pneumoscope.bundle import Bundle
from pneumoscope.errors import DataError
from pneumoscope.evidence.evaluation.context import Context, Predicted
from pneumoscope.evidence.evaluation.evaluated_films import Films
from pneumoscope.evidence.evaluation.films import choose
from pneumoscope.evidence.evaluation.predictions import predictions
from pneumoscope.evidence.evaluation.work import Work


def read(root: Path, *bundles: Bundle, split: str = "auto") -> tuple[Films, list[Predicted]]:
    work = root.parent if root.is_file() else root
    context = Context(settings(), Work(work / ".." / "work"), lambda *_: None)
    choice = choose(root, bundles, split)
    films, entries, predicted = predictions(root, choice, bundles, context)
    assert [entry.name for entry in entries] == [film.path for film in films.films]
    return films, predicted


def test_films_hold_what_was_read(tmp_path: Path, tiny_bundle: Bundle) -> None:
    root = folders(tmp_path / "films", NORMAL=DARK[:2], PNEUMONIA=BRIGHT[:1])
    films, (predicted,) = read(root, tiny_bundle)
    assert [film.path for film in films.films] == [
        "NORMAL/NORMAL00.png", "NORMAL/NORMAL01.png", "PNEUMONIA/PNEUMONIA00.png",
    ]  # fmt: skip
    assert [film.label for film in films.films] == ["NORMAL", "NORMAL", "PNEUMONIA"]
    first = root / "NORMAL" / "NORMAL00.png"
    assert films.films[0].file_sha256 == hashlib.sha256(first.read_bytes()).hexdigest()
    pixels = images.model_input(images.read(first), 224)
    assert films.pixels[0].tolist() == pixels.tolist()
    assert films.films[0].pixels_sha256 == hashlib.sha256(pixels.tobytes()).hexdigest()
    # Dark films are normal to the tiny network, bright ones are not.
    assert (predicted.p[:, 0] > 0.5).tolist() == [True, True, False]
    assert predicted.outcomes.called.tolist() == [False, False, True]


def test_the_hash_of_the_list_is_that_of_paths_and_files(
    tmp_path: Path, tiny_bundle: Bundle
) -> None:
    root = folders(tmp_path / "films", NORMAL=DARK[:2], PNEUMONIA=BRIGHT[:1])
    films, _ = read(root, tiny_bundle)
    listed = json.dumps([(film.path, film.file_sha256) for film in films.films])
    assert films.sha256 == hashlib.sha256(listed.encode()).hexdigest()


def test_one_bundle_given_by_two_folders_gets_two_titles(
    tmp_path: Path, tiny_bundle: Bundle
) -> None:
    root = folders(tmp_path / "films", NORMAL=DARK[:1], PNEUMONIA=BRIGHT[:1])
    _, predicted = read(root, tiny_bundle, tiny_bundle)
    assert [bundle.title for bundle in predicted] == ["tiny 1 (1)", "tiny 1 (2)"]
    assert predicted[0].p.tolist() == predicted[1].p.tolist()
    _, (alone,) = read(root, tiny_bundle)
    assert alone.title == "tiny 1"


def test_a_film_that_cannot_be_read_is_in_no_array(tmp_path: Path, tiny_bundle: Bundle) -> None:
    root = folders(tmp_path / "films", NORMAL=DARK[:2], PNEUMONIA=BRIGHT[:2])
    (root / "NORMAL" / "NORMAL01.png").write_bytes(b"")
    films, (predicted,) = read(root, tiny_bundle)
    assert [film.path for film in films.films] == [
        "NORMAL/NORMAL00.png", "PNEUMONIA/PNEUMONIA00.png", "PNEUMONIA/PNEUMONIA01.png",
    ]  # fmt: skip
    assert [broken.path for broken in films.broken] == ["NORMAL/NORMAL01.png"]
    assert len(films.pixels) == len(predicted.p) == len(predicted.pixels) == 3
    assert len(predicted.hashes) == len(predicted.patients) == len(predicted.truth.targets) == 3
    assert len(predicted.outcomes.decisions) == 3
    assert "films that cannot be read are not included in any figure: 1" in films.limits


def test_no_film_that_can_be_read_is_an_error_with_the_first_reason(
    tmp_path: Path, tiny_bundle: Bundle
) -> None:
    root = folders(tmp_path / "films", NORMAL=DARK[:1], PNEUMONIA=BRIGHT[:1])
    for path in root.glob("*/*.png"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match=r"no film can be read \(.*NORMAL00\.png.*\)") as error:
        read(root, tiny_bundle)
    assert error.value.hint


def test_exact_copies_are_counted(tmp_path: Path, tiny_bundle: Bundle) -> None:
    root = folders(tmp_path / "films", NORMAL=DARK[:2], PNEUMONIA=BRIGHT[:1])
    shutil.copy(root / "NORMAL" / "NORMAL00.png", root / "NORMAL" / "again.png")
    films, _ = read(root, tiny_bundle)
    assert "films that are exact copies of others among them: 1" in films.warnings
    (root / "NORMAL" / "again.png").unlink()
    films, _ = read(root, tiny_bundle)
    assert not any("copies" in text for text in films.warnings)


def test_few_patients_are_a_limit(tmp_path: Path, tiny_bundle: Bundle) -> None:
    root = folders(tmp_path / "films", NORMAL=DARK[:5], PNEUMONIA=BRIGHT[:5])
    rows = [f"{p.relative_to(root)},{p.parent.name}" for p in sorted(root.rglob("*.png"))]
    table = manifest(root, "path,label,patient", *(f"{row},p{i % 9}" for i, row in enumerate(rows)))
    films, _ = read(table, tiny_bundle)
    assert (films.patients, films.keyed) == (9, 10)
    assert "9 patients are too few for intervals, 10 are needed" in films.limits
    table = manifest(root, "path,label,patient", *(f"{row},p{i}" for i, row in enumerate(rows)))
    films, _ = read(table, tiny_bundle)
    assert films.patients == 10
    assert not any("too few" in text for text in films.limits)


def test_films_whose_label_says_nothing_are_left_out(tmp_path: Path, tiny_bundle: Bundle) -> None:
    root = folders(tmp_path / "films", normal=DARK[:2], viral=BRIGHT[:2], tuberculosis=BRIGHT[:3])
    films, _ = read(root, tiny_bundle)
    assert sorted({film.label for film in films.films}) == ["normal", "viral"]
    assert "films whose label says nothing to any bundle, left out: 3" in films.warnings


def test_all_films_keep_the_split_that_the_data_give_them(
    tmp_path: Path, tiny_bundle: Bundle
) -> None:
    root = folders(tmp_path / "films", normal=DARK[:3], viral=BRIGHT[:1])
    splits = ("train", "validation", "train", "test")
    rows = [f"{p.relative_to(root)},{p.parent.name}" for p in sorted(root.rglob("*.png"))]
    table = manifest(
        root, "path,label,split", *(f"{row},{s}" for row, s in zip(rows, splits, strict=True))
    )
    films, _ = read(table, tiny_bundle, split="all")
    assert [film.split for film in films.films] == list(splits)
    films, _ = read(table, tiny_bundle, split="test")
    assert [(film.path, film.split) for film in films.films] == [("viral/viral00.png", "test")]


def test_speed_is_told_for_a_thousand_films(tmp_path: Path, tiny_bundle: Bundle) -> None:
    root = folders(tmp_path / "films", NORMAL=DARK[:2], PNEUMONIA=BRIGHT[:2])
    _, (predicted,) = read(root, tiny_bundle)
    assert all(np.isfinite(seconds) and seconds > 0 for seconds in predicted.seconds)
