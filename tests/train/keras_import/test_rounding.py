"""Weights as a GPU multiplies with them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras
    from keras import layers

    from pneumoscope.train.keras_import import rounding

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")]


def test_ten_bits_of_fraction_are_kept() -> None:
    step = 2.0**-10
    values = np.float32(
        [1 + step / 2, 1 + step / 4, -1 - step / 2, 1 - step / 4, 0, np.inf, np.nan]
    )
    expected = np.float32([1 + step, 1, -1 - step, 1, 0, np.inf, np.nan])
    np.testing.assert_array_equal(rounding.rounded(values), expected)
    large = np.random.default_rng(0).normal(size=(50, 20)).astype(np.float32)
    error = np.abs(rounding.rounded(large) / large - 1)
    assert 2.0**-13 < error.max() <= 2.0**-11
    double = values.astype(np.float64)
    assert rounding.rounded(double) is double


def test_a_model_has_its_own_weights_again_afterwards() -> None:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, bias_initializer="random_normal")])
    kernel, bias = model.get_weights()
    with rounding.in_tf32(model):
        inside = model.get_weights()
    np.testing.assert_array_equal(inside[0], rounding.rounded(kernel))
    assert (inside[0] != kernel).any()
    np.testing.assert_array_equal(inside[1], bias)
    for before, after in zip((kernel, bias), model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_weights_change_by_about_their_last_bit_and_come_back() -> None:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((40,)), layers.Dense(30)])
    kernel = model.get_weights()[0]
    with rounding.perturbed(model, 0):
        inside = model.get_weights()[0]
    change = np.abs(inside.astype(np.float64) / kernel - 1)
    assert 0.2 < (change > 0).mean() < 0.9
    assert 2.0**-24 < change.max() < 1.5 * 2.0**-23  # rounding to float32 adds half a bit
    np.testing.assert_array_equal(model.get_weights()[0], kernel)
