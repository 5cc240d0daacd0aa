"""Structures of models."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from notebook_models import (
    REFUSED,
    SIZE,
    TWO,
    conv,
    ensemble,
    functional,
    nested_dropout,
    nested_ensemble,
    nested_top,
)

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


def outputs(model: keras.Model, folder: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """P(second class) of the imported model on some films, and what the model itself says of them."""
    model.save(folder / "m.keras")
    options = ImportOptions(TWO, heatmap=False)
    bundle = importing.import_model(folder / "m.keras", options, folder / "out", quiet)
    films = phantom.films(3, SIZE)
    said = np.asarray(model(np.repeat(films, 3, -1) / np.float32(255), training=False))
    return pneumoscope.load(bundle).run(films).probabilities[:, 1], said


@pytest.mark.parametrize("activation", ["sigmoid", "softmax", None])
def test_averages_of_probabilities_are_probabilities(
    activation: str | None, tmp_path: Path
) -> None:
    imported, said = outputs(ensemble(activation), tmp_path)
    if activation is None:  # logits
        said = np.exp(said) / np.exp(said).sum(axis=1, keepdims=True)
    assert imported == pytest.approx(said[:, -1], abs=1e-5)


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
@pytest.mark.parametrize("make", [nested_ensemble, nested_dropout])
def test_a_nested_model_that_gets_probabilities_gives_probabilities(
    make: Callable[[str], keras.Model], activation: str, tmp_path: Path
) -> None:
    imported, said = outputs(make(activation), tmp_path)
    assert imported == pytest.approx(said[:, -1], abs=1e-4)


def test_a_nested_model_is_judged_by_what_each_call_gets() -> None:
    x = keras.Input((4,))
    passing = nested_top(x, layers.Dropout(0.1))
    logits, p = passing(layers.Dense(4)(x)), passing(layers.Dense(4, "softmax")(x))
    assert structure.applied_final(keras.Model(x, logits)) == ""
    assert structure.applied_final(keras.Model(x, p)) == "softmax"
    both = layers.Average()([layers.Softmax()(logits), p])
    assert structure.applied_final(keras.Model(x, both)) == "softmax"
    with pytest.raises(ConversionError, match="changes probabilities"):
        structure.applied_final(keras.Model(x, layers.Average()([logits, p])))
    # What a nested model weighs are logits, whatever it gets.
    rectified = layers.Dense(4, "relu")(x)
    assert structure.applied_final(keras.Model(x, nested_top(x, layers.Dense(2))(rectified))) == ""


WEIGHTED: dict[str, Callable[[], layers.Layer]] = {
    "SeparableConv2D": lambda: layers.SeparableConv2D(2, 3),
    "DepthwiseConv2D": lambda: layers.DepthwiseConv2D(3),
    "Conv2D": lambda: layers.Conv2D(2, 3),
    "Conv2DTranspose": lambda: layers.Conv2DTranspose(2, 3),
    "EinsumDense": lambda: layers.EinsumDense("abcd,de->abce", (None, None, 2)),
    "TimeDistributed": lambda: layers.TimeDistributed(layers.Conv1D(2, 3)),
    "SpectralNormalization": lambda: layers.SpectralNormalization(layers.Conv2D(2, 3)),
}


@pytest.mark.parametrize("name", WEIGHTED)
def test_layers_with_weights_make_logits_of_rectified_maps(name: str) -> None:
    model = functional(conv(2), WEIGHTED[name](), layers.GlobalAveragePooling2D())
    assert structure.applied_final(model) == ""


def test_averaged_maps_of_a_separable_convolution_are_imported_as_logits(tmp_path: Path) -> None:
    last = layers.SeparableConv2D(2, 3)
    functional(conv(2), last, layers.GlobalAveragePooling2D()).save(tmp_path / "m.keras")
    importing.import_model(
        tmp_path / "m.keras", ImportOptions(TWO, heatmap=False), tmp_path / "out", quiet
    )


@pytest.mark.parametrize("name", ["relu", "tanh", "leaky_relu", "gelu", "softplus", "hard_sigmoid"])
def test_an_operation_is_an_activation_as_the_layer_is(name: str) -> None:
    x = keras.Input((4,))
    logits = layers.Dense(2)(x)
    for last in (getattr(keras.ops, name), layers.Activation(name)):
        with pytest.raises(ConversionError, match=r"the last layer .* has the activation"):
            structure.applied_final(keras.Model(x, last(logits)))


def test_an_activation_before_the_last_layer_is_not_called_the_last() -> None:
    x = keras.Input((4,))
    values = layers.BatchNormalization()(layers.Dense(2, "relu", name="inner")(x))
    with pytest.raises(ConversionError, match=r"^layer 'inner' has the activation 'relu'"):
        structure.applied_final(keras.Model(x, values))


def test_logarithms_of_a_softmax_are_logits() -> None:
    x = keras.Input((4,))
    logits = layers.Dense(2)(x)
    for last in (keras.ops.log_softmax, layers.Activation("log_softmax")):
        assert structure.applied_final(keras.Model(x, last(logits))) == ""


def test_a_nested_head_reads_the_maps_of_the_outer_model(tmp_path: Path) -> None:
    x = keras.Input((SIZE, SIZE, 3))
    maps = conv(4)(x)
    pool, dense = layers.GlobalAveragePooling2D(), layers.Dense(1, "sigmoid")
    values = pool(maps)
    network = structure.split(keras.Model(x, nested_top(values, dense)(values)))
    assert network.head == [pool, dense]
    assert network.body.output_shape == (None, SIZE - 2, SIZE - 2, 4)
    keras.Model(x, nested_top(values, dense)(values)).save(tmp_path / "m.keras")
    importing.import_model(tmp_path / "m.keras", ImportOptions(TWO), tmp_path / "out", quiet)


@pytest.mark.parametrize("between", [(), (layers.Dropout(0.1),)])
def test_maps_that_are_rearranged_before_a_nested_head_are_refused(
    between: tuple[layers.Layer, ...],
) -> None:
    x = keras.Input((SIZE, SIZE, 3))
    maps = layers.Permute((3, 1, 2))(conv(4)(x))
    top = nested_top(maps, *between, layers.GlobalAveragePooling2D(), layers.Dense(1))
    with pytest.raises(ConversionError, match="head begins with Permute"):
        structure.split(keras.Model(x, top(maps)))


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


def test_maps_of_one_cell_are_named() -> None:
    """As InceptionV3 has them for pictures of 96 pixels."""
    x = keras.Input((8, 8, 3))
    both = layers.Concatenate(name="mixed")([layers.Conv2D(2, 8)(x), layers.Conv2D(2, 8)(x)])
    head = layers.Dense(1, "sigmoid")(layers.GlobalAveragePooling2D()(both))
    with pytest.raises(ConversionError, match="'mixed' have one cell only") as caught:
        structure.split(keras.Model(x, head))
    assert "--no-heatmap" in caught.value.hint


def test_the_outputs_of_a_model_with_several_are_named() -> None:
    x = keras.Input((4,))
    model = keras.Model(x, [layers.Dense(1, name="ill")(x), layers.Dense(3, name="kind")(x)])
    with pytest.raises(ConversionError, match=r"2 outputs \(ill, kind\)"):
        structure.undivided(model)
