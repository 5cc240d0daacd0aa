"""Imported models with the inputs and outputs of a bundle."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from notebook_models import (
    TWO,
    conv,
    functional,
)

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras
    from keras import layers, ops

    from pneumoscope.train.data import phantom
    from pneumoscope.train.keras_import import importing, serving
    from pneumoscope.train.keras_import.importing import ImportOptions

from pneumoscope.errors import ConversionError

# Keras' own saving warns under NumPy 2.
pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")]


def quiet(text: str) -> None:
    pass


@pytest.mark.parametrize("scaling", serving.SCALINGS)
def test_each_scaling_is_what_keras_does(scaling: str) -> None:
    films = phantom.films(2, 8)
    scaled = keras.ops.convert_to_numpy(serving.Scaled(3, scaling)(films))
    rgb = np.repeat(films, 3, axis=-1).astype(np.float32)
    apps = keras.applications
    expected = {
        "unit": rgb / 255,
        "none": rgb,
        "minus-one-to-one": apps.mobilenet_v2.preprocess_input(rgb.copy()),
        "imagenet": apps.resnet50.preprocess_input(rgb.copy()),
        "imagenet-torch": apps.densenet.preprocess_input(rgb.copy()),
    }[scaling]
    assert np.allclose(scaled, expected, atol=1e-4)


def test_what_onnx_cannot_say_is_an_error(tmp_path: Path) -> None:
    model = functional(conv(4), ops.erfinv, layers.Flatten(), layers.Dense(1, "sigmoid"))
    model.save(tmp_path / "model.keras")
    with pytest.raises(ConversionError, match="ONNX"):
        importing.import_model(
            tmp_path / "model.keras", ImportOptions(TWO), tmp_path / "out", quiet
        )
    assert not (tmp_path / "out").exists()


def test_what_onnx_cannot_say_is_an_error_that_names_the_layer(tmp_path: Path) -> None:
    resizing = layers.Resizing(32, 32, "lanczos3", name="smaller")
    functional(resizing, conv(4), layers.Flatten(), layers.Dense(1, "sigmoid")).save(
        tmp_path / "model.keras"
    )
    cause = r"ONNX \(ScaleAndTranslate of layer 'smaller/resize'\)"
    with pytest.raises(ConversionError, match=cause):
        importing.import_model(
            tmp_path / "model.keras", ImportOptions(TWO), tmp_path / "out", quiet
        )
    assert not (tmp_path / "out").exists()


def test_the_exponential_minus_1_of_celu_is_exported(tmp_path: Path) -> None:
    keras.utils.set_random_seed(6)
    model = functional(conv(4), layers.GlobalAveragePooling2D(), layers.Dense(8, "celu"), layers.Dense(1))  # fmt: skip
    model.save(tmp_path / "model.keras")
    options = ImportOptions(TWO, heatmap=False)
    bundle = importing.import_model(tmp_path / "model.keras", options, tmp_path / "out", quiet)
    assert bundle.meta.validation["parity"]["max_dp"] <= 1e-6


def test_probabilities_that_a_layer_with_weights_passes_on_are_refused(tmp_path: Path) -> None:
    """Such a layer makes logits of anything, as far as its class tells; a second softmax would be wrong."""
    swapped = layers.Dense(2, use_bias=False, kernel_initializer=keras.initializers.Identity())
    functional(conv(4), layers.GlobalAveragePooling2D(), layers.Dense(2, "softmax"), swapped).save(
        tmp_path / "model.keras"
    )
    with pytest.raises(ConversionError, match="2 values of the model's last layer add up to 1"):
        importing.import_model(
            tmp_path / "model.keras", ImportOptions(TWO, heatmap=False), tmp_path / "out", quiet
        )
    assert not (tmp_path / "out").exists()
