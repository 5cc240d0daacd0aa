"""Figures of a cross-validation, by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")
pytest.importorskip("sklearn", reason="needs the [train] extra")

from cross_validations import fold_bundle, fold_result
from pneumoscope.train.folds.figures import measure
from pneumoscope.train.folds.record import to_json


def test_pooled_figures_by_hand(tmp_path: Path) -> None:
    # Fold 1 calls two of two ill films and one of two healthy ones; fold 2, whose threshold is 0.3
    # and not 0.5, one of two ill ones and none of two healthy ones.
    first = fold_result(tmp_path, 1, healthy=(0.1, 0.6), ill=(0.7, 0.9))
    second = fold_result(tmp_path, 2, healthy=(0.1, 0.2), ill=(0.4, 0.15), threshold=0.3)
    measured = measure([first, second], 5, draws=50)
    assert (measured.folds, list(measured.by_fold)) == (5, [1, 2])
    pooled = measured.pooled
    assert (pooled.films, pooled.patients, pooled.ill) == (8, 8, 4)
    values = {name: figure.value for name, figure in pooled.figures.items()}
    assert values["sensitivity"] == 3 / 4
    assert values["specificity"] == 3 / 4
    assert values["accuracy"] == 6 / 8
    # 0.7 and 0.9 above all four healthy films, 0.4 above three, 0.15 above two: 13 of 16 pairs.
    assert values["auc"] == pytest.approx(13 / 16)
    # In fold 1 all four pairs, in fold 2 three of four.
    assert [fold.figures["auc"].value for fold in measured.by_fold.values()] == [1.0, 0.75]
    spread = measured.spread["auc"]
    assert (spread.mean, spread.lowest, spread.highest) == (0.875, 0.75, 1.0)
    assert spread.sd == pytest.approx(0.125 * 2**0.5)


def test_a_patient_with_several_films_is_drawn_as_one(tmp_path: Path) -> None:
    """20 films of 10 patients, whose two films are alike, have the interval of 10 films."""
    rng = np.random.default_rng(0)
    levels = {"healthy": rng.uniform(0, 0.7, 12), "ill": rng.uniform(0.3, 1, 12)}
    twice: Any = {kind: np.repeat(p, 2) for kind, p in levels.items()}
    single = measure([fold_result(tmp_path / "a", 1, **levels)], 2, draws=200).pooled
    double = measure([fold_result(tmp_path / "b", 1, **twice, films_each=2)], 2, draws=200).pooled
    assert (single.films, double.films) == (24, 48)
    assert single.patients == double.patients == 24
    for end in ("low", "high"):
        ends = [getattr(part.figures["accuracy"], end) for part in (single, double)]
        assert ends[0] == pytest.approx(ends[1], abs=0.02)


def test_one_fold_has_no_spread(tmp_path: Path) -> None:
    measured = measure([fold_result(tmp_path, 1)], 2, draws=50)
    assert measured.spread == {}


def test_films_that_were_left_out_are_counted(tmp_path: Path) -> None:
    """Each training leaves out the same; they count once."""
    whole = fold_result(tmp_path, 1)
    assert measure([whole], 2, draws=50).broken == 0
    missed = [
        replace(whole, number=n, bundle=fold_bundle(tmp_path / str(n), n, data={"broken": 3}))
        for n in (1, 2)
    ]
    measured = measure(missed, 2, draws=50)
    assert measured.broken == 3
    assert to_json(measured)["broken"] == 3


def test_several_findings(tmp_path: Path) -> None:
    """The mean over the findings that can be measured, and each of them."""
    targets = np.array([[1, 0, np.nan], [0, 1, np.nan], [1, 1, 0], [0, 0, 0]], np.float32)
    p = np.array([[0.9, 0.2, 0.5], [0.2, 0.6, 0.5], [0.8, 0.1, 0.5], [0.1, 0.5, 0.5]])
    measured = measure([fold_result(tmp_path, 1, targets=targets, p=p)], 2, draws=50).pooled
    assert measured.ill is None
    # Of the second finding 0.6 lies above 0.2 and 0.5, 0.1 above none: two of four pairs.
    assert [figure.value for figure in measured.findings.values()] == [1.0, 0.5]
    assert measured.figures["auc"].value == 0.75
