"""Models as notebooks build them, small."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

from short_networks import few_blocks

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras
    from keras import layers

TWO = ("normal", "pneumonia")
SIZE = 64


def conv(filters: int) -> layers.Layer:
    return layers.Conv2D(filters, 3, activation="relu", bias_initializer="random_uniform")


def cnn(units: int, activation: str | None, channels: int = 3) -> keras.Model:
    """The three-class notebook's network, small."""
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, channels)), conv(8), layers.MaxPooling2D(), conv(8),
            layers.MaxPooling2D(), layers.Flatten(), layers.Dense(16, "relu"),
            layers.Dropout(0.5), layers.Dense(units, activation),
        ]
    )  # fmt: skip


def grouped() -> keras.Model:
    """Convolutions in groups, as in ResNeXt and RegNet; one group per channel, as in ConvNeXt."""
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)), conv(8), layers.Conv2D(16, 3, strides=2, groups=4),
            layers.Conv2D(16, 7, padding="same", groups=16, activation="gelu"),
            layers.LayerNormalization(), layers.GlobalAveragePooling2D(),
            layers.Dense(1, "sigmoid"),
        ]
    )  # fmt: skip


def several_axes() -> keras.Model:
    """Norms over rows, columns and channels at once, and a Dropout that does not say whether it is trainable."""
    keras.utils.set_random_seed(4)
    norms = [layers.LayerNormalization([1, 2, 3]), layers.UnitNormalization([1, 2])]
    after = [conv(4), layers.MaxPooling2D(8), layers.SpatialDropout2D(0.1), *norms]
    return functional(*after, layers.GlobalMaxPooling2D(), layers.Dense(1, "sigmoid"))


def named_output() -> keras.Model:
    """A dictionary of one output."""
    model = functional(conv(4), layers.GlobalAveragePooling2D(), layers.Dense(1, "sigmoid"))
    return keras.Model(model.inputs[0], {"p": model.outputs[0]})


def base_of(last: str, *after: layers.Layer) -> keras.Model:
    """MobileNetV2 without a top, up to a layer; its other blocks repeat the same layers."""
    keras.utils.set_random_seed(2)
    with few_blocks():
        whole = keras.applications.MobileNetV2(
            include_top=False, weights=None, input_shape=(SIZE, SIZE, 3), alpha=0.35
        )
    x = whole.get_layer(last).output
    for layer in after:
        x = layer(x)
    return keras.Model(whole.input, x, name=whole.name)


def nested() -> keras.Model:
    """A base without a top inside, as the MobileNetV2 notebooks have it."""
    base = base_of("block_3_project_BN")
    x = inputs = keras.Input((SIZE, SIZE, 3))
    for layer in [base, layers.GlobalAveragePooling2D(), layers.BatchNormalization(), layers.Dense(16, "relu"), layers.Dense(1, "sigmoid")]:  # fmt: skip
        x = layer(x)
    return keras.Model(inputs, x)


def pooled_base() -> keras.Model:
    """The pooling lies inside the nested base, and the top ends in a layer of its own."""
    base = base_of("block_3_project_BN", layers.GlobalAveragePooling2D())
    return keras.Sequential([base, layers.Dense(2), layers.Activation("softmax")])


def augmenting() -> keras.Model:
    """Augmentation inside the model, which must do nothing here."""
    keras.utils.set_random_seed(5)
    after = [layers.RandomFlip(), layers.RandomRotation(0.1), conv(8), layers.MaxPooling2D()]
    return functional(*after, layers.GlobalAveragePooling2D(), layers.Dense(1, "sigmoid"))


def functional(*after: Callable[[Any], Any]) -> keras.Model:
    x = inputs = keras.Input((SIZE, SIZE, 3))
    for layer in after:
        x = layer(x)
    return keras.Model(inputs, x)


def of_input(shape: tuple[int, ...], *layers_of_it: layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input(shape), *layers_of_it, layers.Dense(1, "sigmoid")])


def joined() -> keras.Model:
    """A head that reads maps of two sizes."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = conv(4)(inputs)
    y = conv(4)(layers.MaxPooling2D()(x))
    both = [layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(y)]
    return keras.Model(inputs, layers.Dense(1, "sigmoid")(layers.Concatenate()(both)))


def two_pools() -> keras.Model:
    """Average and maximum of the same maps, side by side."""
    keras.utils.set_random_seed(6)
    inputs = keras.Input((SIZE, SIZE, 3))
    x = conv(4)(layers.MaxPooling2D(4)(inputs))
    both = [layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)]
    x = layers.Dense(4, "relu")(layers.Concatenate()(both))
    return keras.Model(inputs, layers.Dense(1, "sigmoid")(x))


def averaged_and_flattened() -> keras.Model:
    """Average pooling over the whole last maps, by the layer for parts of them."""
    keras.utils.set_random_seed(7)
    after = [layers.MaxPooling2D(4), conv(4), layers.AveragePooling2D(14), layers.Flatten()]
    return functional(*after, layers.Dense(4), layers.LeakyReLU(0.1), layers.Dense(2, "softmax"))


def half_precision() -> keras.Model:
    keras.utils.set_random_seed(8)
    half = {"dtype": "mixed_float16"}
    after = [layers.Conv2D(4, 3, strides=4, **half), layers.BatchNormalization(**half)]
    pool = layers.GlobalAveragePooling2D(**half)
    return functional(*after, pool, layers.Dense(2, **half), layers.Activation("softmax"))


def normalised() -> keras.Model:
    """Statistics inside the model, as EfficientNet has them."""
    keras.utils.set_random_seed(9)
    statistics = layers.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.1, 0.2, 0.3])
    after = [statistics, layers.Conv2D(4, 3, strides=4), layers.Conv2DTranspose(4, 3, strides=2)]
    return functional(*after, layers.GlobalMaxPooling2D(), layers.Dense(1, "sigmoid"))


def preprocessed() -> keras.Model:
    """VGG's preprocessing inside the model: channels in another order, minus constants."""
    keras.utils.set_random_seed(11)
    after = [
        keras.applications.vgg16.preprocess_input,
        layers.Conv2D(4, 3, strides=4, activation="relu"),
    ]
    return functional(*after, layers.GlobalAveragePooling2D(), layers.Dense(1, "sigmoid"))


def ensemble(activation: str | None) -> keras.Model:
    """The average of what two models say."""
    inputs = keras.Input((SIZE, SIZE, 3))
    members = [cnn(1 if activation == "sigmoid" else 2, activation) for _ in range(2)]
    members[1].set_weights([-w for w in members[1].get_weights()])
    return keras.Model(inputs, layers.Average()([member(inputs) for member in members]))


def nested_ensemble(activation: str) -> keras.Model:
    """The same average, computed by a model in a model, which get probabilities only."""
    inputs = keras.Input((SIZE, SIZE, 3))
    units = 1 if activation == "sigmoid" else 2
    first, second = keras.Input((units,)), keras.Input((units,))
    average = keras.Model([first, second], layers.Average()([first, second]))
    third, fourth = keras.Input((units,)), keras.Input((units,))
    around = keras.Model([third, fourth], layers.Dropout(0.5)(average([third, fourth])))
    return keras.Model(inputs, around([cnn(units, activation)(inputs) for _ in range(2)]))


def nested_dropout(activation: str) -> keras.Model:
    """A Dropout in a model of its own, after the probabilities."""
    inputs = keras.Input((SIZE, SIZE, 3))
    units = 1 if activation == "sigmoid" else 2
    dropout = keras.Sequential([keras.Input((units,)), layers.Dropout(0.5)])
    return keras.Model(inputs, dropout(cnn(units, activation)(inputs)))


def nested_top(maps: keras.KerasTensor, *top: layers.Layer) -> keras.Sequential:
    """A top in a model of its own, for the maps or values of a base."""
    return keras.Sequential([keras.Input(maps.shape[1:]), *top])


REFUSED: dict[str, tuple[Callable[[], keras.Model], str]] = {
    "multi-label": (lambda: cnn(2, "sigmoid"), "2 independent findings"),
    "lambda": (
        lambda: functional(
            layers.Lambda(lambda x: x / 255), layers.Flatten(), layers.Dense(1, "sigmoid")
        ),
        "contains code",
    ),
    "joined": (joined, "joins several inputs"),
    "attention": (
        lambda: functional(
            conv(4), layers.Reshape((3844, 4)), layers.Dense(2), layers.Flatten(), layers.Dense(1)
        ),
        "more than one axis",
    ),
    "permuted": (
        lambda: functional(conv(4), layers.Permute((3, 1, 2)), layers.Flatten(), layers.Dense(1)),
        "head begins with Permute",
    ),
    "a mask": (lambda: functional(conv(1)), r"values of the shape \(None, 62, 62, 1\)"),
    "no dense layer": (
        lambda: functional(conv(4), layers.Conv2D(2, 1), layers.GlobalAveragePooling2D()),
        "the head ends with GlobalAveragePooling2D .*, not with Dense",
    ),
    "channels first": (
        lambda: of_input((3, SIZE, SIZE), layers.GlobalAveragePooling2D("channels_first")),
        "its channels come first",
    ),
    "a row of pixels": (lambda: of_input((SIZE * SIZE,)), "not pictures"),
}
"""Models that cannot be imported, and what their errors say."""
