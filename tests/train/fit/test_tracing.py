"""Steps of a training with and without a graph: the same results, and a graph is built once."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

from train_marks import TRAINING

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras

    from pneumoscope import data
    from pneumoscope.train.fit import loop
    from pneumoscope.train.fit.checkpoint import current
    from pneumoscope.train.fit.tracing import FEW_STEPS
    from pneumoscope.train.network import keras_model
    from pneumoscope.train.progress import Progress
    from pneumoscope.train.recipe.settings import Recipe

pytestmark = TRAINING

SIDE = 15  # 32 -> 30 -> 15


def films_of(folder: Path, tmp_path: Path) -> data.FilmSet:
    return data.load(folder, 32, task="multiclass", share=0.25, seed=0, cache=tmp_path / "cache")


def batch_of(films: int, recipe: Recipe) -> Any:
    """A batch as `Batches` makes them, of noise."""
    rng = np.random.default_rng(films)
    x = rng.integers(0, 256, (films, 32, 32, 1)).astype(np.uint8)
    shares = np.full((films, 2, SIDE, SIDE), 1 / SIDE**2, np.float32)
    y = np.eye(3, dtype=np.float32)[rng.integers(0, 3, (films, 2))]
    weights = np.ones((films, 2), np.float32)
    if recipe.head == "lungs":
        lungs = rng.integers(0, 2, (films, SIDE, SIDE, 2)).astype(np.float32)
        targets = {"parts": y, "lungs": lungs}
        weights_of = {"parts": weights, "lungs": weights[:, 0]}
        if recipe.mirror_loss:
            targets["mirror"] = np.zeros((films, 1), np.float32)
            weights_of["mirror"] = np.full(films, recipe.mirror_loss, np.float32)
        return (x, shares), targets, weights_of
    if recipe.regions:
        return (x, shares), y, weights
    return x, y[:, 0], weights[:, 0]


@pytest.mark.parametrize(
    "settings",
    [{}, {"regions": 0.5}, {"head": "lungs"}, {"head": "lungs", "mirror_loss": 0.2}],
    ids=["plain", "regions", "lungs", "mirrored"],
)
def test_a_graph_computes_what_single_operations_do_and_suits_a_smaller_last_batch(
    settings: dict[str, Any], few_films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(network="cnn", filters=(4,), size=32, head_epochs=0, epochs=9, **settings)
    films = films_of(few_films, tmp_path)
    phase, batches = loop.Phase("whole network", 9, whole=True), (5, 5, 3)
    calls: list[Any] = []
    step = keras.Model.train_step

    def counted(model: keras.Model, batch: Any) -> Any:
        calls.append(batch)
        return step(model, batch)

    monkeypatch.setattr(keras.Model, "train_step", counted)
    losses, weights = [], []
    for steps, traces in ((FEW_STEPS, len(batches)), (FEW_STEPS + 1, 1)):
        trainer = loop.begin(recipe, films, tmp_path, None, Progress())
        trainer.model = keras_model.build(recipe, 3, None)
        trainer.prepare(phase, steps)
        calls.clear()
        losses.append([trainer.learn(batch_of(size, recipe)) for size in batches])
        # A graph calls the step when it is built, and not again.
        assert len(calls) == traces
        weights.append(np.concatenate([np.ravel(value) for value in current(trainer.model)]))
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    assert np.allclose(weights[0], weights[1], atol=1e-4)


def test_a_phase_runs_without_a_graph_if_all_its_steps_are_few(
    few_films: Path, tmp_path: Path
) -> None:
    films = films_of(few_films, tmp_path)
    recipe = Recipe(network="cnn", filters=(4,), size=32, batch_size=8, head_epochs=2, epochs=4)
    trainer = loop.begin(recipe, films, tmp_path, None, Progress())
    trainer.model = keras_model.build(recipe, 3, None)
    assert 2 * trainer.steps <= FEW_STEPS < 4 * trainer.steps
    head, whole = trainer.phases
    trainer.prepare(head)
    assert (trainer.trainee.run_eagerly, trainer.model.run_eagerly) == (True, True)
    trainer.prepare(whole)
    assert (trainer.trainee.run_eagerly, trainer.model.run_eagerly) == (False, False)
