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

NAN = np.nan

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


def test_unknown_labels_add_nothing_to_the_loss() -> None:
    recipe = Recipe(task="multilabel")
    y = np.array([[1.0, NAN], [0.0, 1.0]], np.float32)
    z = np.array([[0.0, 50.0], [np.log(3), 0.0]], np.float32)
    loss = keras.ops.convert_to_numpy(loss_of(recipe)(y, z))
    assert float(loss) == pytest.approx((np.log(2) + np.log(4) + np.log(2)) / 4, rel=1e-5)


def test_unknown_labels_have_no_gradient() -> None:
    import tensorflow as tf

    y = tf.constant([[1.0, NAN]], tf.float32)
    z = tf.Variable([[0.0, 80.0]])
    for recipe in (Recipe(task="multilabel"), Recipe(task="multilabel", loss="focal")):
        with tf.GradientTape() as tape:
            loss = loss_of(recipe)(y, z)
        gradient = tape.gradient(loss, z).numpy()[0]
        assert gradient[1] == 0
        assert gradient[0] < 0


def test_focal_and_weights_by_hand() -> None:
    recipe = Recipe(task="multilabel", loss="focal", focal_gamma=2.0)
    y, z = np.array([[1.0, 0.0]], np.float32), np.array([[0.0, np.log(3)]], np.float32)
    weights = np.array([[1.0, 0.5], [3.0, 1.0]], np.float32)
    expected = (3 * 0.25 * np.log(2) + 0.5 * 0.75**2 * np.log(4)) / 2
    loss = keras.ops.convert_to_numpy(loss_of(recipe, weights)(y, z))
    assert float(loss) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_focal_has_a_slope_where_the_network_is_sure(task: str) -> None:
    import tensorflow as tf

    recipe = Recipe(task=task, loss="focal", focal_gamma=0.5)
    z = tf.Variable([[200.0, -200.0]])
    for right in (0, 1):
        with tf.GradientTape() as tape:
            loss = loss_of(recipe)(tf.one_hot([right], 2), z)
        assert np.isfinite(tape.gradient(loss, z).numpy()).all()
