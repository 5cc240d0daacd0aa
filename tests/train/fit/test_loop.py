"""The training loop: resuming within an epoch, and recipes with large heads."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

from train_marks import TRAINING

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    from pneumoscope import data
    from pneumoscope.train.fit import loop
    from pneumoscope.train.network import keras_model
    from pneumoscope.train.progress import Progress
    from pneumoscope.train.recipe.settings import Recipe

from pneumoscope.decision.calibration import Calibration
from pneumoscope.train.recipe import reading

pytestmark = TRAINING


class Cut(Exception):
    pass


class Cutting(Progress):
    """Ends a training after a number of steps."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.left = steps
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def step(self, films: int, loss: float) -> None:
        super().step(films, loss)
        self.left -= 1
        if not self.left:
            raise Cut


@pytest.mark.parametrize(
    "settings",
    [
        {"network": "cnn", "ema": 0.9, "head_batch_norm": True},
        {"network": "cnn", "cached_views": 1, "task": "binary", "dense": 8},
        {"network": "cnn", "regions": 0.5, "patience": 3, "size": 48},
    ],
    ids=["average", "cached", "regions"],
)
def test_a_training_cut_within_an_epoch_resumes_there(
    films_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    monkeypatch.setattr(loop, "_SAVE_EVERY_S", -1.0)
    settings = {
        "size": 32,
        "filters": (4, 8),
        "batch_size": 24,
        "head_epochs": 1,
        "epochs": 2,
    } | settings
    recipe = Recipe(**settings)
    drawn = data.load(
        films_folder, 224, task=recipe.task, share=0.25, seed=0, cache=tmp_path / "cache"
    )
    runs = {name: tmp_path / name for name in ("whole", "cut")}
    for folder in runs.values():
        folder.mkdir()
    loop.fit(recipe, drawn, runs["whole"], None, Cutting(10_000))
    steps = -(-len(drawn.rows("train")) // 24)
    for cut_after in (1, steps, 2):  # in the head phase, in the first and in the second epoch
        with pytest.raises(Cut):
            loop.fit(recipe, drawn, runs["cut"], None, Cutting(cut_after))
    last = Cutting(10_000)
    loop.fit(recipe, drawn, runs["cut"], None, last)
    assert "step" in last.notes[0]
    assert (runs["cut"] / "log.csv").read_text().count("\n") == 4
    with (
        np.load(runs["whole"] / "weights.npz") as whole,
        np.load(runs["cut"] / "weights.npz") as cut,
    ):
        for name in whole:
            assert np.allclose(whole[name], cut[name], atol=1e-3), name


def test_a_share_of_the_start_weights_is_kept_once(
    few_films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by a training that was cut, by one that is finished, and if the run is deleted meanwhile."""
    monkeypatch.setattr(loop, "_SAVE_EVERY_S", -1.0)
    plain = Recipe(network="cnn", size=32, filters=(4,), batch_size=8, head_epochs=0, epochs=2)
    kept = dataclasses.replace(plain, start_share=0.25)
    drawn = data.load(few_films, 32, task=plain.task, share=0.25, seed=0, cache=tmp_path / "cache")
    weights = {name: tmp_path / name / "weights.npz" for name in ("first", "plain", "cut", "whole")}
    for file in weights.values():
        file.parent.mkdir()

    def fit(recipe: Recipe, name: str, steps: int = 10_000, **more: Any) -> np.ndarray:
        start = None if name == "first" else str(weights["first"])
        loop.fit(recipe, drawn, tmp_path / name, start, Cutting(steps), **more)
        with np.load(weights[name]) as stored:
            return np.asarray(stored["v0"])

    first, without = fit(plain, "first"), fit(plain, "plain")
    assert np.abs(without - first).max() > 1e-4
    with pytest.raises(Cut):
        fit(kept, "cut", steps=2)
    for _ in range(2):
        assert fit(kept, "cut") == pytest.approx(0.75 * without + 0.25 * first, abs=1e-5)
    whole = fit(kept, "whole", after_epoch=lambda: weights["first"].unlink(missing_ok=True))
    assert whole == pytest.approx(0.75 * without + 0.25 * first, abs=1e-5)


# A bundle of these takes a minute each; their heads' exports are tested in test_keras_model.py.
@pytest.mark.slow
@pytest.mark.usefixtures("few_blocks")
@pytest.mark.parametrize("name", ["mobilenetv2-flatten", "mobilenetv2-gap", "resnet50"])
def test_the_larger_recipes_train_and_serve(name: str, few_films: Path, tmp_path: Path) -> None:
    settings = reading.load(name)
    recipe = dataclasses.replace(
        settings, size=64, head_epochs=min(settings.head_epochs, 1), epochs=min(settings.epochs, 1)
    )
    drawn = data.load(few_films, 64, task=recipe.task, share=0.25, seed=0, cache=tmp_path / "cache")
    model = loop.fit(recipe, drawn, tmp_path, None, Progress())
    outputs = keras_model.serving_model(model, Calibration())(drawn.pixels[:2, ..., None])
    assert outputs["probabilities"].shape == (2, 2)
    assert outputs["heatmaps"].shape == (2, 2, 2, 2)
    assert outputs["embedding"].shape == (
        2,
        settings.dense or model.get_layer("pooled").output.shape[1],
    )
    assert not (tmp_path / "features.npy").exists()
