"""Backbones by name: from scaled films to feature maps."""

from __future__ import annotations

import importlib
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras

from pneumoscope.errors import RecipeError, UsageError

if TYPE_CHECKING:
    from pneumoscope.train.recipe import Recipe

BATCH_NORM_MOMENTUM = 0.95
"""``keras.applications`` has 0.999: after a short fine-tuning the statistics would still be ImageNet's."""

CNN = "cnn"
"""The plain network without pretrained weights: see ``Recipe.filters``."""

# Channel means and standard deviations of ImageNet in [0, 1], as torchvision and keras.applications
# have them.
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Stock:
    """A network of ``keras.applications``.

    Attributes:
        function: Its name there.
        offset: Subtracted from [0, 255] films, one for each channel, before
        scale: is multiplied: the scaling that the ImageNet weights were trained with.
        options: More arguments of the function.
    """

    function: str
    offset: tuple[float, float, float]
    scale: tuple[float, float, float]
    options: tuple[tuple[str, Any], ...] = ()


def _plus_minus_one(function: str, **options: Any) -> Stock:
    return Stock(function, (127.5,) * 3, (1 / 127.5,) * 3, tuple(options.items()))


def _imagenet(function: str, **options: Any) -> Stock:
    offset = tuple(255 * m for m in _MEAN)
    scale = tuple(1 / (255 * s) for s in _STD)
    return Stock(function, offset, scale, tuple(options.items()))  # type: ignore[arg-type]


_BARE = {"include_preprocessing": False}
STOCK = {
    "MobileNetV2": _plus_minus_one("MobileNetV2"),
    "MobileNetV3Small": _plus_minus_one("MobileNetV3Small", **_BARE),
    "MobileNetV3Large": _plus_minus_one("MobileNetV3Large", **_BARE),
    **{
        f"EfficientNetV2B{i}": _imagenet(f"EfficientNetV2B{i}", **_BARE) for i in range(4)
    },
    "DenseNet121": _imagenet("DenseNet121"),
    # Caffe's scaling: blue, green, red without the means; a grey film has one value in all three.
    "ResNet50": Stock("ResNet50", (103.939, 116.779, 123.68), (1.0,) * 3),
}  # fmt: skip

# Blocks of MobileNetV2's last stage (output stride 32) and their depthwise layers.
_LAST_STRIDE = "block_13"
_LAST_DEPTHWISE = ("block_14_depthwise", "block_15_depthwise", "block_16_depthwise")


def is_pretrained(name: str) -> bool:
    """Whether there are ImageNet weights for a network of that name."""
    return name in STOCK


def check(name: str) -> None:
    """Raises RecipeError, with the known names, unless `build` knows this one."""
    if name not in STOCK and name != CNN and ":" not in name:
        known = ", ".join([*STOCK, CNN])
        raise RecipeError(
            f"recipe: network is {name!r}", f"It must be one of {known}, or 'module:function'."
        )


def build(recipe: Recipe, weights: str | None) -> Any:
    """The backbone of a recipe.

    Args:
        recipe: Its ``network``, ``size``, ``tail`` and ``filters`` count.
        weights: ``"imagenet"`` for Keras' download, a path of a weights file without top, or
            None for random weights.

    Returns:
        A ``keras.Model`` from float32 (n, size, size, 3) to feature maps (n, h, w, k).

    Raises:
        RecipeError: The network is unknown, or the user's function gives no such model.
        UsageError: The weights do not fit the network.
    """
    check(recipe.network)
    shape = (recipe.size, recipe.size, 3)
    if recipe.network == CNN:
        return _cnn(recipe, shape)
    if recipe.network not in STOCK:
        return _own(recipe)
    stock = STOCK[recipe.network]
    make = getattr(keras.applications, stock.function)
    plain = make(include_top=False, weights=None, input_shape=shape, **dict(stock.options))
    model = _changed(plain, recipe.tail)
    if weights == "imagenet":
        model.set_weights(_imagenet_weights(make, recipe.network, dict(stock.options)))
    elif weights is not None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what does not fit, before the error says so
                plain.load_weights(weights)
        except (ValueError, OSError, KeyError) as error:
            raise UsageError(
                f"weights {weights}: do not fit {recipe.network} ({str(error).splitlines()[0]})",
                "Give weights of that network without its top, or --weights none.",
            ) from error
        model.set_weights(plain.get_weights())
    return model


def _imagenet_weights(make: Any, name: str, options: dict[str, Any]) -> list[Any]:
    try:
        # Offered for 224 pixels.
        source = make(include_top=False, weights="imagenet", input_shape=(224, 224, 3), **options)
    except Exception as error:  # Keras raises a bare Exception where the download fails
        raise UsageError(
            f"the ImageNet weights of {name} cannot be had ({str(error).splitlines()[0]})",
            "Offline, name a file with --weights, or start from random weights: --weights none.",
        ) from error
    return list(source.get_weights())


def own_scaling(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(offset, scale) per channel of films in [0, 255] that a backbone's weights were trained with."""
    stock = STOCK.get(name)
    return (stock.offset, stock.scale) if stock else ((0.0,) * 3, (1 / 255,) * 3)


def _cnn(recipe: Recipe, shape: tuple[int, int, int]) -> Any:
    films = keras.Input(shape)
    x = films
    for i, filters in enumerate(recipe.filters, 1):
        x = keras.layers.Conv2D(filters, 3, activation="relu", name=f"conv_{i}")(x)
        x = keras.layers.MaxPooling2D(name=f"pool_{i}")(x)
    return keras.Model(films, x, name=CNN)


def _own(recipe: Recipe) -> Any:
    module, _, function = recipe.network.partition(":")
    try:
        model = getattr(importlib.import_module(module), function)(recipe)
    except (ImportError, AttributeError) as error:
        raise RecipeError(
            f"recipe: network {recipe.network!r} cannot be imported ({error})",
            "Name a function on the Python path as 'module:function'.",
        ) from error
    wanted = (None, recipe.size, recipe.size, 3)
    if (
        not isinstance(model, keras.Model)
        or tuple(model.input_shape) != wanted
        or len(model.output_shape) != 4
    ):
        raise RecipeError(
            f"recipe: {recipe.network!r} gives no backbone",
            f"It must return a keras.Model from {wanted} to feature maps (None, h, w, k).",
        )
    return model


def _changed(stock: Any, tail: str) -> Any:
    """The same layers and weights, with the tail's strides and a usable BatchNorm momentum.

    Without its stride MobileNetV2's last stage sees a map twice as fine; with dilation 2 its kernels
    keep their reach on the film. At 128 pixels that gives heatmaps of 8 x 8 in place of 4 x 4.
    """
    config = stock.get_config()
    for layer in config["layers"]:
        name, settings = layer["config"]["name"], layer["config"]
        if layer["class_name"] == "BatchNormalization":
            settings["momentum"] = BATCH_NORM_MOMENTUM
        if tail == "strided":
            continue
        if name == f"{_LAST_STRIDE}_pad":
            settings["padding"] = [[1, 1], [1, 1]]
        elif name == f"{_LAST_STRIDE}_depthwise":
            settings["strides"] = [1, 1]
        elif name in _LAST_DEPTHWISE and tail == "dilated":
            settings["dilation_rate"] = [2, 2]
    return stock.__class__.from_config(config)
