"""The trainings of a cross-validation, checked before the first begins."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")

from drawn import draw
from pneumoscope.errors import DataError
from pneumoscope.train.folds.plan import plan
from pneumoscope.train.paths import Paths
from pneumoscope.train.progress import Progress
from pneumoscope.train.recipe.settings import Recipe


def paths_of(root: Path, healthy: int, ill: int) -> Paths:
    names = [f"NORMAL/{i}.png" for i in range(healthy)] + [f"TB/{i}.png" for i in range(ill)]
    films = draw(root / "films", *names)
    return Paths(data=films, run=root / "run", weights="none", cache=root / "cache")


def test_one_training_per_fold(tmp_path: Path) -> None:
    recipe = Recipe(task="binary", folds=3, validation=0.3, seed=4)
    folds = plan(recipe, paths_of(tmp_path, 6, 9), Progress())
    assert [fold.number for fold in folds] == [1, 2, 3]
    assert [fold.folder for fold in folds] == ["fold-1", "fold-2", "fold-3"]
    assert [fold.recipe.split for fold in folds] == ["fold:1/3", "fold:2/3", "fold:3/3"]
    assert {(fold.recipe.folds, fold.recipe.seed) for fold in folds} == {(0, 4)}
    assert [len(fold.films.rows("test")) for fold in folds] == [5, 5, 5]


def test_too_few_patients(tmp_path: Path) -> None:
    paths = paths_of(tmp_path, 3, 9)
    with pytest.raises(DataError, match="class NORMAL are of 3 patients: too few for 4 folds"):
        plan(Recipe(task="binary", folds=4), paths, Progress())
    # Of three healthy patients one is tested; but of two in two folds one or two are.
    with pytest.raises(DataError, match="without fold 1: too few patients to hold some out"):
        plan(Recipe(task="binary", folds=2), paths, Progress())
