"""Structures of models."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from notebook_models import REFUSED, SIZE, TWO, conv, ensemble, functional

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras
    from keras import layers

    from pneumoscope.train.data import phantom
    from pneumoscope.train.keras_import import importing, structure
    from pneumoscope.train.keras_import.importing import ImportOptions

import pneumoscope
from pneumoscope.errors import ConversionError

# Keras' own saving warns under NumPy 2.
pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")]


def quiet(text: str) -> None:
    pass


@pytest.mark.parametrize("name", REFUSED)
def test_structures_that_cannot_be_read(name: str, tmp_path: Path) -> None:
    make, message = REFUSED[name]
    make().save(tmp_path / "model.keras")
    with pytest.raises(ConversionError, match=message) as caught:
        importing.import_model(
            tmp_path / "model.keras", ImportOptions(TWO), tmp_path / "out", quiet
        )
    assert caught.value.hint
    assert not (tmp_path / "out").exists()


def test_a_last_activation_that_gives_no_probability_is_refused_without_heatmap_too(
    tmp_path: Path,
) -> None:
    for i, last in enumerate([layers.Dense(1, "relu"), layers.ReLU()]):
        model = functional(conv(2), layers.GlobalAveragePooling2D(), layers.Dense(1), last)
        model.save(tmp_path / f"{i}.keras")
        with pytest.raises(ConversionError, match=r"has the activation '(relu|ReLU)'"):
            importing.import_model(
                tmp_path / f"{i}.keras", ImportOptions(TWO, heatmap=False), tmp_path / "out", quiet
            )


@pytest.mark.parametrize("activation", ["sigmoid", "softmax", None])
def test_averages_of_probabilities_are_probabilities(
    activation: str | None, tmp_path: Path
) -> None:
    model = ensemble(activation)
    model.save(tmp_path / "m.keras")
    bundle = importing.import_model(
        tmp_path / "m.keras", ImportOptions(TWO, heatmap=False), tmp_path / "out", quiet
    )
    films = phantom.films(3, SIZE)
    said = np.asarray(model(np.repeat(films, 3, -1) / np.float32(255), training=False))
    if activation is None:  # logits
        said = np.exp(said) / np.exp(said).sum(axis=1, keepdims=True)
    assert pneumoscope.load(bundle).run(films).probabilities[:, 1] == pytest.approx(
        said[:, -1], abs=1e-5
    )


def test_probabilities_that_are_computed_on_are_refused(tmp_path: Path) -> None:
    sigmoid = layers.Dense(1, "sigmoid")
    for i, last in enumerate([layers.Rescaling(-1.0, 1.0), layers.BatchNormalization()]):
        functional(conv(2), layers.GlobalAveragePooling2D(), sigmoid, last).save(
            tmp_path / f"{i}.keras"
        )
        with pytest.raises(ConversionError, match="changes probabilities"):
            importing.import_model(
                tmp_path / f"{i}.keras", ImportOptions(TWO, heatmap=False), tmp_path / "out", quiet
            )


def test_what_a_model_applies_to_its_logits() -> None:
    x = keras.Input((4,))
    logits, both = layers.Dense(2)(x), layers.Dense(1, "sigmoid")
    for output, final in (
        (logits, ""),
        (logits / 2.0, ""),
        (keras.ops.softmax(logits), "softmax"),
        (layers.Dropout(0.1)(layers.Softmax()(logits)), "softmax"),
        (layers.Concatenate()([both(x), layers.Dense(1, "sigmoid")(x)]), "sigmoid"),
    ):
        assert structure.applied_final(keras.Model(x, output)) == final
    for output in (
        layers.Concatenate()([layers.Softmax()(logits), layers.Softmax()(logits)]),
        layers.Average()([logits, layers.Softmax()(logits)]),
    ):
        with pytest.raises(ConversionError):
            structure.applied_final(keras.Model(x, output))


def test_a_vector_that_is_shaped_like_a_picture_is_no_map() -> None:
    pool = layers.GlobalAveragePooling2D()
    model = functional(
        conv(4), pool, layers.Reshape((2, 2, 1)), layers.Flatten(), layers.Dense(1, "sigmoid")
    )
    network = structure.split(model)
    assert network.body.output_shape == (None, SIZE - 2, SIZE - 2, 4)
    assert network.head is not None
    assert network.head[0] is pool
