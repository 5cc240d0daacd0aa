"""Batches: weights of classes and findings, and batches that several devices share."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

from train_marks import TRAINING

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn

    from pneumoscope import data
    from pneumoscope.train.data.batches import Batches, Position, _finding_weights
    from pneumoscope.train.network import devices
    from pneumoscope.train.recipe.settings import Recipe


pytestmark = TRAINING

NAN = np.nan


def test_finding_weights_have_mean_one_over_known_films() -> None:
    targets = np.array([[1, NAN], [0, NAN], [0, NAN], [0, 1]], np.float32)
    weights = _finding_weights(Recipe(task="multilabel", class_weight_power=1.0), targets)
    assert weights[:, 0] == pytest.approx([2 / 3, 2.0])
    assert weights[1, 1] == pytest.approx(1.0)
    assert np.isfinite(weights).all()
    even = _finding_weights(Recipe(task="multilabel", class_weight_power=0.0), targets)
    assert even[:, 0] == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize(
    ("sharing", "batch_size", "sizes"),
    [
        (1, 16, [16, 16, 16, 2]),
        (2, 16, [16, 16, 16, 2]),
        (4, 16, [16, 16, 16]),  # two films cannot be shared by four
        (4, 20, [20, 20, 8]),  # of ten films two wait
    ],
)
def test_the_last_batch_is_one_that_can_be_shared(
    films_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sharing: int,
    batch_size: int,
    sizes: list[int],
) -> None:
    films = data.load(
        films_folder, 32, task="multiclass", share=0.25, seed=0, cache=tmp_path / "cache"
    )
    assert len(films.rows("train")) == 50
    monkeypatch.setattr(devices, "count", lambda: sharing)
    batches = Batches(Recipe(size=32, source_size=64, batch_size=batch_size), films)
    lengths = [len(y) for _, y, _ in batches.of(Position())]
    assert lengths == sizes
    assert batches.steps == len(sizes)
