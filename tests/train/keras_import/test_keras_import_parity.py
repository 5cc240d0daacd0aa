"""ONNX and Keras may differ by what rounding alone changes, and by no more."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from command_line import run

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras
    from keras import layers

    from pneumoscope.train.data import phantom
    from pneumoscope.train.keras_import import importing, parity, rounding
    from pneumoscope.train.keras_import.importing import ImportOptions

import pneumoscope
from pneumoscope.bundle import open_bundle
from pneumoscope.errors import ConversionError
from pneumoscope.render.card import card_of

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")]

SIDE = 32
LABELS = ("NORMAL", "PNEUMONIA")


def amplifying(scale: float, activation: Any = "gelu") -> keras.Model:
    """A network whose logit is 0 for the first drawn film: two sums of the size of `scale` that cancel."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((SIDE, SIDE, 3))
    x = inputs
    for width in (8, 16, 32):
        x = layers.Conv2D(width, 3, strides=2, padding="same")(x)
        x = layers.LayerNormalization(epsilon=1e-6)(x)
        x = layers.Activation(activation)(x)
    pooled = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(1, "sigmoid")(pooled))
    kernel = scale * np.random.default_rng(3).normal(size=(32, 1))
    of_film = keras.Model(inputs, pooled)(drawn()[:1]).numpy()
    model.layers[-1].set_weights([kernel, -(of_film @ kernel)[0]])
    return model


def drawn() -> np.ndarray:
    return np.repeat(phantom.films(16, SIDE).astype(np.float32) / 255, 3, axis=-1)


def in_float64(model: keras.Model) -> np.ndarray:
    """Probabilities of the same network without the rounding of float32."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        double = amplifying(1.0)
    finally:
        keras.config.set_dtype_policy(policy)
    double.set_weights(model.get_weights())
    return np.asarray(double(drawn().astype(np.float64), training=False))


def test_a_model_that_amplifies_rounding_is_imported_and_says_so(tmp_path: Path) -> None:
    model = amplifying(1e5)
    model.save(tmp_path / "model.keras")
    run(
        "import", str(tmp_path / "model.keras"), "--labels", ",".join(LABELS), "--out", str(tmp_path / "out"), "--json"
    )  # fmt: skip
    bundle = open_bundle(tmp_path / "out")
    measured = bundle.meta.validation["parity"]
    # The network itself differs by so much from its values in float64.
    rounded_by = np.abs(in_float64(model) - model(drawn(), training=False)).max()
    assert rounded_by > 1e-4
    assert 1e-4 < measured["max_dp"] <= min(2 * measured["rounding"], 0.1)
    assert rounded_by <= measured["rounding"]
    assert "Rounding in the last bits of the weights alone changes" in card_of(bundle.meta)
    assert pneumoscope.load(tmp_path / "out").check() == 0


def test_an_ordinary_model_has_no_word_of_rounding(tmp_path: Path) -> None:
    amplifying(1.0).save(tmp_path / "model.keras")
    bundle = importing.import_model(
        tmp_path / "model.keras", ImportOptions(LABELS), tmp_path / "out", lambda _: None
    )
    assert set(bundle.meta.validation["parity"]) == {"films", "max_dp", "max_heatmap_error"}


def answers(model: keras.Model) -> dict[str, np.ndarray]:
    return {"probabilities": np.asarray(model(drawn(), training=False))}


def test_another_function_is_no_rounding() -> None:
    """The approximate GELU differs from the exact one by less than 0.001."""
    model = amplifying(1e5)
    other = amplifying(1.0, lambda x: keras.activations.gelu(x, approximate=True))
    other.set_weights(model.get_weights())
    with pytest.raises(ConversionError, match="ONNX and Keras differ"):
        parity.measure(answers(other), model, lambda: answers(model))


def test_a_wrong_answer_of_an_ordinary_model_is_refused() -> None:
    model = amplifying(1.0)
    wrong = {"probabilities": answers(model)["probabilities"] + np.float32(0.0002)}
    with pytest.raises(ConversionError, match="ONNX and Keras differ"):
        parity.measure(wrong, model, lambda: answers(model))
    none = {"probabilities": np.full_like(wrong["probabilities"], np.nan)}
    with pytest.raises(ConversionError, match="ONNX and Keras differ"):
        parity.measure(none, model, lambda: answers(model))


def test_answers_that_rounding_decides_are_refused() -> None:
    model = amplifying(1e7)
    with rounding.perturbed(model, 0):
        other = answers(model)
    with pytest.raises(ConversionError, match="rounding alone changes") as refused:
        parity.measure(other, model, lambda: answers(model))
    assert "trained" in refused.value.hint
