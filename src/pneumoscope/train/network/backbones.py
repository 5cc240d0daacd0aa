"""Backbones by name: from scaled films to feature maps."""

from __future__ import annotations

import difflib
import importlib
import re
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from pneumoscope.errors import RecipeError
from pneumoscope.files import cause
from pneumoscope.train.network import efficientnet_lite, start_weights
from pneumoscope.train.network.start_weights import first_line
from pneumoscope.train.network.stock_changes import BATCH_NORM_MOMENTUM, changed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pneumoscope.train.recipe.settings import Recipe

CNN = "cnn"
"""The plain network without pretrained weights: see ``Recipe.filters``."""

# Channel means and standard deviations of ImageNet in [0, 1], as torchvision and keras.applications
# have them.
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CAFFE = (103.939, 116.779, 123.68), (1.0,) * 3


@dataclass(frozen=True, slots=True)
class Stock:
    """A network of ``keras.applications``, or EfficientNet-Lite.

    Attributes:
        function: Name of the function in ``keras.applications``; empty for EfficientNet-Lite.
        offset: Subtracted from films in [0, 255], one value per channel.
        scale: Factor after that. Both are the scaling that the ImageNet weights were trained with.
        options: Other arguments of the function.
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
    # Its own scaling has weights, Normalization's; `stock_changes` leaves it out.
    "EfficientNetB0": _imagenet("EfficientNetB0"),
    # As in its publishers' lite/efficientnet_lite_builder.py.
    **{name: Stock("", (127.0,) * 3, (1 / 128,) * 3) for name in efficientnet_lite.VARIANTS},
    # Caffe's scaling: blue, green and red minus their means; a grey film has equal channels.
    "ResNet50": Stock("ResNet50", *_CAFFE),
    "VGG16": Stock("VGG16", *_CAFFE),
    "Xception": _plus_minus_one("Xception"),
    "InceptionV3": _plus_minus_one("InceptionV3"),
    "ConvNeXtTiny": _imagenet("ConvNeXtTiny", **_BARE),
}  # fmt: skip

_TOP = "block_16_project_BN"  # MobileNetV2's 320 channels, before the last convolution
_MIDDLE = "block_6_expand_relu"  # its 192 channels at stride 8


def is_pretrained(name: str) -> bool:
    """Whether there are ImageNet weights for the network of that name."""
    return name in STOCK


def check(name: str) -> None:
    """Refuses unknown names, and user functions that cannot be imported.

    Raises:
        RecipeError: Lists the known names, or says what went wrong.
    """
    if ":" in name:
        _function(name)
    elif name not in STOCK and name != CNN:
        names = {_letters(known): known for known in (*STOCK, CNN)}
        near = difflib.get_close_matches(_letters(name), names, 1, 0.8)
        meant = f"Did you mean {names[near[0]]}? " if near else ""
        raise RecipeError(
            f"recipe: network is {name!r}",
            f"{meant}It must be one of {', '.join(names.values())}, or 'module:function'.",
        )


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def build(recipe: Recipe, weights: str | None) -> Any:
    """The backbone of a recipe.

    Args:
        recipe: Its ``network``, ``size``, ``tail`` and ``filters`` are used.
        weights: ``"imagenet"`` for Keras' download, a path of a weights file without top, or
            None for random weights.

    Returns:
        A ``keras.Model`` from float32 (n, size, size, 3) to feature maps (n, h, w, k).

    Raises:
        RecipeError: The network is unknown, or the user's function does not return such a model.
        UsageError: The weights do not fit the network.
    """
    check(recipe.network)
    shape = (recipe.size, recipe.size, 3)
    if recipe.network == CNN:
        return _cnn(recipe, shape)
    if recipe.network not in STOCK:
        return _from_user(recipe)
    source = plain = _plain(recipe.network, shape)
    # Before the second network is built: it takes as long as the first.
    if weights == "imagenet":
        make = getattr(keras.applications, STOCK[recipe.network].function)
        source = start_weights.download(make, recipe.network)
    elif weights is not None:
        start_weights.load(plain, weights, recipe.network)
    model = changed(plain, recipe.tail)
    if weights is not None:
        start_weights.copy(source, model)
    return _with_pyramid(model, recipe.pyramid) if recipe.pyramid else model


def _plain(name: str, shape: tuple[int, int, int]) -> Any:
    """The network as it is published, without its top and with random weights."""
    if name in efficientnet_lite.VARIANTS:
        return efficientnet_lite.build(name, shape)
    stock = STOCK[name]
    make = getattr(keras.applications, stock.function)
    return make(include_top=False, weights=None, input_shape=shape, **dict(stock.options))


def _with_pyramid(backbone: Any, channels: int) -> Any:
    """MobileNetV2 with maps of stride 8: its last maps, enlarged, plus those of its middle.

    A feature pyramid (Lin et al. 2017) of one level, with a depthwise and a pointwise convolution
    after the sum. MobileNetV2's last convolution, 320 to 1,280 channels, is left out: what it costs
    pays for the finer maps.

    Args:
        backbone: MobileNetV2.
        channels: Of the new maps.
    """
    layers = keras.layers

    def normalised(x: Any, name: str) -> Any:
        norm = layers.BatchNormalization(
            momentum=BATCH_NORM_MOMENTUM, epsilon=1e-3, name=f"{name}_BN"
        )
        return layers.ReLU(6.0, name=f"{name}_relu")(norm(x))

    top = backbone.get_layer(_TOP).output
    middle = backbone.get_layer(_MIDDLE).output
    x = layers.Conv2D(channels, 1, name="pyramid_top")(top)
    enlarged = middle.shape[1] // x.shape[1]
    x = layers.UpSampling2D(enlarged, interpolation="bilinear", name="pyramid_up")(x)
    x = layers.Add(name="pyramid_sum")(
        [x, layers.Conv2D(channels, 1, name="pyramid_middle")(middle)]
    )
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="pyramid_depthwise")(x)
    x = normalised(x, "pyramid_depthwise")
    x = layers.Conv2D(channels, 1, use_bias=False, name="pyramid_pointwise")(x)
    return keras.Model(backbone.input, normalised(x, "pyramid_pointwise"), name=backbone.name)


def own_scaling(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(offset, scale) per channel for films in [0, 255], as the backbone's weights were trained."""
    stock = STOCK.get(name)
    return (stock.offset, stock.scale) if stock else ((0.0,) * 3, (1 / 255,) * 3)


def _cnn(recipe: Recipe, shape: tuple[int, int, int]) -> Any:
    films = keras.Input(shape)
    x = films
    for i, filters in enumerate(recipe.filters, 1):
        if x.shape[1] < 4:  # 3 x 3, then 2 x 2
            raise RecipeError(
                f"recipe: filters has {len(recipe.filters)} convolutions; a film of {recipe.size} "
                f"pixels is used up after {i - 1}",
                "Take fewer, or a larger size.",
            )
        x = keras.layers.Conv2D(filters, 3, activation="relu", name=f"conv_{i}")(x)
        x = keras.layers.MaxPooling2D(name=f"pool_{i}")(x)
    return keras.Model(films, x, name=CNN)


def _function(network: str) -> Callable[[Recipe], Any]:
    """The function that ``"module:function"`` names.

    Modules in the working directory are found too, as with ``python -m``.
    """
    module, _, function = network.partition(":")
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        value = getattr(importlib.import_module(module), function)
    except Exception as error:  # a user's module may raise anything
        raise RecipeError(
            f"recipe: network {network!r} cannot be imported ({type(error).__name__}: {cause(error)})",
            "Name a function of a module in the working directory or on the Python path as "
            "'module:function'.",
        ) from error
    if not callable(value):
        raise RecipeError(f"recipe: network {network!r} is not a function", f"It is {value!r}.")
    return value


def _from_user(recipe: Recipe) -> Any:
    function = _function(recipe.network)
    try:
        model = function(recipe)
    except Exception as error:  # likewise
        place = traceback.extract_tb(error.__traceback__)[1:]  # without the line of this function
        raise RecipeError(
            f"recipe: {recipe.network!r} failed ({type(error).__name__}: {first_line(error)})",
            f"In {place[0].filename}, line {place[0].lineno}." if place else "",
        ) from error
    wanted = (None, recipe.size, recipe.size, 3)
    if not _is_backbone(model, wanted):
        raise RecipeError(
            f"recipe: {recipe.network!r} is not a backbone",
            f"It must return a keras.Model from {wanted} to feature maps (None, h, w, k).",
        )
    return model


def _is_backbone(model: Any, wanted: tuple[int | None, ...]) -> bool:
    if not isinstance(model, keras.Model):
        return False
    try:
        inputs, outputs = model.input_shape, model.output_shape
    except AttributeError:  # a subclass that was never called
        return False
    # Several inputs or outputs come as lists or dictionaries.
    return (
        inputs == wanted
        and isinstance(outputs, tuple)
        and len(outputs) == 4
        and None not in outputs[1:]
    )


def flat(layers: Sequence[Any]) -> Iterator[Any]:
    """All layers, including those inside nested models."""
    for layer in layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from flat(layer.layers)
