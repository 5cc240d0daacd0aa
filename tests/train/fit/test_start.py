"""Networks that begin with the weights of a run."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

from train_marks import TRAINING

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras

    from pneumoscope.train.fit import checkpoint, start
    from pneumoscope.train.network import keras_model
    from pneumoscope.train.recipe.settings import Recipe

from pneumoscope.errors import UsageError

pytestmark = TRAINING


def test_weights_are_transferred_but_for_what_tells_the_classes_apart(tmp_path: Path) -> None:
    three = Recipe(network="cnn", filters=(4,), size=32, dense=6)
    source = keras_model.build(three, 3, None)
    checkpoint.save(source, tmp_path / "weights.npz")
    binary = replace(three, task="binary", seed=5)
    model = keras_model.build(binary, 2, None)
    before = [np.array(v) for v in model.variables]
    start.transfer(model, tmp_path / "weights.npz")
    paths = [variable.path for variable in model.variables]
    for path, first, old, new in zip(paths, source.variables, before, model.variables, strict=True):
        if "logits" in path:
            assert np.array_equal(new, old)
        elif "float" in str(new.dtype):
            assert np.array_equal(new, first)
    assert sum("logits" in path for path in paths) == 2
    larger = keras_model.build(replace(three, filters=(5,)), 3, None)
    with pytest.raises(UsageError, match="another network"):
        start.transfer(larger, tmp_path / "weights.npz")


def test_weights_are_moved_towards_those_of_a_run(tmp_path: Path) -> None:
    three = Recipe(network="cnn", filters=(4,), size=32, dense=6)
    source = keras_model.build(three, 3, None)
    checkpoint.save(source, tmp_path / "weights.npz")
    keras.utils.set_random_seed(9)
    model = keras_model.build(replace(three, task="binary"), 2, None)
    for variable in model.variables:
        if "float" in str(variable.dtype):
            variable.assign(np.full(variable.shape, 8.0))
    start.mix(model, start.RunWeights.read(tmp_path / "weights.npz"), 0.25)
    moved = 0
    for first, variable in zip(source.variables, model.variables, strict=True):
        if "logits" in variable.path:
            assert (np.array(variable) == 8).all()
        elif "float" in str(variable.dtype):
            assert np.array(variable) == pytest.approx(6 + np.array(first) / 4, abs=1e-6)
            moved += 1
    assert moved == 4  # kernel and bias of the convolution and of the hidden layer
