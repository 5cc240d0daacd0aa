"""What is changed in published networks; test_backbones.py shows that others compute the same."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

from train_marks import TRAINING

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras
    from keras.src.applications import efficientnet

    from pneumoscope.train.network import backbones, keras_model, start_weights
    from pneumoscope.train.network.stock_changes import changed, numbered

pytestmark = TRAINING


def test_layers_without_a_name_are_numbered_from_the_start() -> None:
    names = [
        "input_layer_2",
        "conv2d_94",
        "conv2d_96",
        "batch_normalization",
        "mixed10",
        "conv2d_95",
    ]
    assert numbered(names) == {
        "input_layer_2": "input_layer",
        "conv2d_94": "conv2d",
        "conv2d_96": "conv2d_2",
        "batch_normalization": "batch_normalization",
        "mixed10": "mixed10",
        "conv2d_95": "conv2d_1",
    }


def test_names_that_only_look_like_it() -> None:
    names = ["block1_conv1", "activation_map", "conv2d_a"]
    assert numbered(names) == dict(zip(names, names, strict=True))


def maps_of(published: Any, name: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Maps of a published network with random weights, and of the changed one with the same."""
    rng = np.random.default_rng(0)
    for layer in published.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.weights])
    network = changed(published, "strided")
    start_weights.copy(published, network)
    films = rng.integers(0, 256, (2, size, size, 1)).astype(np.uint8)
    rgb = np.repeat(films, 3, axis=-1).astype(np.float32)
    scaled = keras_model.Scale(*backbones.own_scaling(name))(films)
    inside = any(isinstance(layer, keras.layers.Normalization) for layer in published.layers)
    return tuple(
        keras.ops.convert_to_numpy(model(x, training=False))
        for model, x in ((published, rgb if inside else scaled), (network, scaled))
    )


def test_efficientnet_without_its_own_scaling(monkeypatch: pytest.MonkeyPatch) -> None:
    for stage in efficientnet.DEFAULT_BLOCKS_ARGS:
        monkeypatch.setitem(stage, "repeats", 1)
    published = keras.applications.EfficientNetB0(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    scaling = next(x for x in published.layers if isinstance(x, keras.layers.Normalization))
    # ImageNet's.
    means, variances = (0.485, 0.456, 0.406), (0.229**2, 0.224**2, 0.225**2)
    scaling.set_weights([np.array(value) for value in (means, variances, 0)])
    scaling.finalize_state()
    before, after = maps_of(published, "EfficientNetB0", 32)
    assert before.std() > 0.01
    assert np.allclose(after, before, atol=1e-3 * np.abs(before).max())


def test_branches_keep_their_weights() -> None:
    """InceptionV3 has layers without names, in branches side by side; here to its first reduction."""
    whole = keras.applications.InceptionV3(include_top=False, weights=None, input_shape=(75, 75, 3))
    published = keras.Model(whole.input, whole.get_layer("mixed3").output)
    before, after = maps_of(published, "InceptionV3", 75)
    assert before.std() > 0.01
    assert np.allclose(after, before, atol=1e-3 * np.abs(before).max())
