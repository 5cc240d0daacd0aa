from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras

    from pneumoscope.train.network.losses import loss_of
    from pneumoscope.train.recipe.settings import Recipe

pytestmark = pytest.mark.train

TARGETS = np.array([[1, 0, 0], [0, 0, 1]], np.float32)
LOGITS = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]], np.float32))


def value(recipe: Recipe, y: np.ndarray, z: np.ndarray, weight: np.ndarray | None = None) -> float:
    return float(keras.ops.convert_to_numpy(loss_of(recipe)(y, z, sample_weight=weight)))


def test_cross_entropy_by_hand() -> None:
    expected = -(np.log(0.5) + np.log(0.8)) / 2
    assert value(Recipe(), TARGETS, LOGITS) == pytest.approx(expected, rel=1e-5)


def test_focal_by_hand() -> None:
    recipe = Recipe(loss="focal", focal_gamma=2.0)
    expected = -(0.5**2 * np.log(0.5) + 0.2**2 * np.log(0.8)) / 2
    assert value(recipe, TARGETS, LOGITS) == pytest.approx(expected, rel=1e-5)
    plain = Recipe(loss="focal", focal_gamma=0.0)
    assert value(plain, TARGETS, LOGITS) == pytest.approx(
        value(Recipe(), TARGETS, LOGITS), rel=1e-5
    )


def test_binary_by_hand() -> None:
    y, z = np.array([[1.0], [0.0]], np.float32), np.array([[0.0], [np.log(3)]], np.float32)
    recipe = Recipe(task="binary")
    assert value(recipe, y, z) == pytest.approx(-(np.log(0.5) + np.log(0.25)) / 2, rel=1e-5)
    focal = Recipe(task="binary", loss="focal", focal_gamma=2.0)
    expected = -(0.5**2 * np.log(0.5) + 0.75**2 * np.log(0.25)) / 2
    assert value(focal, y, z) == pytest.approx(expected, rel=1e-5)


def test_weights_count_films() -> None:
    weighted = value(Recipe(), TARGETS, LOGITS, np.array([2.0, 0.0], np.float32))
    assert weighted == pytest.approx(-np.log(0.5), rel=1e-5)
