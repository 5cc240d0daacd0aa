"""Predictions of the films of a fold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")

from cross_validations import fold_bundle
from pneumoscope.data import Film, FilmSet
from pneumoscope.train.folds.out_of_fold import predict_fold
from pneumoscope.train.folds.plan import Fold
from pneumoscope.train.folds.results import FILE
from pneumoscope.train.progress import Progress
from pneumoscope.train.recipe.settings import Recipe
from pneumoscope.train.validation import predictions

# Class, split and grey level of each film; the tiny network calls bright films.
FILMS = ((0, "test", 51), (1, "train", 204), (2, "test", 204), (0, "validation", 51))


def fold(number: int = 1) -> Fold:
    names = ("normal", "bacterial", "viral")
    films = tuple(
        Film(
            path=f"{i}.png",
            targets=tuple(float(k == label) for k in range(3)),
            patient=f"p{i}",
            sha256=str(i),
            split=split,
        )
        for i, (label, split, _) in enumerate(FILMS)
    )
    loaded = FilmSet(
        task="multiclass",
        names=names,
        negative="normal",
        films=films,
        pixels=np.stack([np.full((224, 224), grey, np.uint8) for *_, grey in FILMS]),
        source="drawn",
        warnings=(),
        files=tuple(Path(film.path) for film in films),
    )
    return Fold(number, Recipe(), loaded)


def test_only_films_of_the_fold_are_predicted(tmp_path: Path) -> None:
    bundle = fold_bundle(tmp_path, 1)
    result = predict_fold(fold(), bundle, tmp_path, Progress())
    assert result.validation.patients == ("p0", "p2")
    assert result.validation.truth.tolist() == [0, 2]
    dark, bright = result.validation.p_positive()
    assert dark < 0.5 < bright
    assert result.threshold == 0.5
    # Under the perturbations of the stress suite, too.
    assert len(result.validation.probabilities) > 10


def test_what_was_predicted_is_kept(tmp_path: Path) -> None:
    bundle = fold_bundle(tmp_path, 1)
    first = predict_fold(fold(), bundle, tmp_path, Progress())
    before = (tmp_path / FILE).stat()
    again = predict_fold(fold(), bundle, tmp_path, Progress())
    assert (tmp_path / FILE).stat().st_mtime_ns == before.st_mtime_ns
    assert again.validation.p_positive().tolist() == first.validation.p_positive().tolist()


def test_predictions_of_another_bundle_are_made_again(tmp_path: Path) -> None:
    """Also those of an earlier version, which does not say whose they are, and a damaged file."""
    former = fold_bundle(tmp_path / "former", 1, threshold=0.3)
    predict_fold(fold(), former, tmp_path, Progress())
    bundle = fold_bundle(tmp_path, 1)
    expected = predictions.load(tmp_path / FILE, former.sha256)
    stale = replace(expected, patients=("x", "y"))
    for of in (former.sha256, ""):
        predictions.save(stale, tmp_path / FILE, of)
        result = predict_fold(fold(), bundle, tmp_path, Progress())
        assert result.validation.patients == expected.patients
    (tmp_path / FILE).write_bytes(b"damaged")
    result = predict_fold(fold(), bundle, tmp_path, Progress())
    assert result.validation.patients == expected.patients
