"""Pooling by several layers at once, and its part in Grad-CAM."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras
    from keras import layers

    from pneumoscope.train.network import gradcam, pools
    from pneumoscope.train.network.pools import Pools

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")]

MAPS = np.array([[[[1.0, 2.0], [3.0, 0.0]], [[5.0, 4.0], [7.0, 6.0]]]], np.float32)
"""One film, 2 x 2 cells, two channels: averages 4 and 3, maxima 7 and 6."""


def both(join: str) -> Pools:
    return Pools([[layers.GlobalAveragePooling2D()], [layers.GlobalMaxPooling2D()]], join)


@pytest.mark.parametrize(
    ("join", "expected"),
    [
        (pools.CONCATENATED, [[4, 3, 7, 6]]),
        (pools.ADDED, [[11, 9]]),
        (pools.AVERAGED, [[5.5, 4.5]]),
    ],
)
def test_pooled_values(join: str, expected: list[list[float]]) -> None:
    assert np.asarray(both(join)(MAPS)).tolist() == expected


def test_a_cell_that_is_left_is_flattened() -> None:
    branch = [layers.AveragePooling2D(2), layers.Flatten()]
    assert np.asarray(Pools([branch])(MAPS)).tolist() == [[4, 3]]


@pytest.mark.parametrize("join", [pools.CONCATENATED, pools.ADDED, pools.AVERAGED])
def test_grad_cam_through_several_pools(join: str) -> None:
    keras.utils.set_random_seed(1)
    head = [both(join), layers.Dense(4, "relu"), layers.Dense(3)]
    features = np.random.default_rng(2).random((2, 4, 4, 2)).astype(np.float32)
    x = features
    for layer in head:
        x = layer(x)
    maps = gradcam.HeadGradCam(head)(features)
    reference = gradcam.autodiff_grad_cam(features, head)
    assert reference.max() > 0
    assert np.asarray(maps) == pytest.approx(reference, abs=1e-6)
