"""Backbones by name: from scaled films to feature maps."""

from __future__ import annotations

import importlib
import sys
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from pneumoscope.errors import RecipeError, UsageError
from pneumoscope.files import cause

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from pneumoscope.train.recipe.settings import Recipe

BATCH_NORM_MOMENTUM = 0.95
"""With the 0.999 of ``keras.applications``, statistics would still be ImageNet's after a short training."""

CNN = "cnn"
"""The plain network without pretrained weights: see ``Recipe.filters``."""

# Channel means and standard deviations of ImageNet in [0, 1], as torchvision and keras.applications
# have them.
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Stock:
    """A network of ``keras.applications``.

    Attributes:
        function: Name of the function in ``keras.applications``.
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
    # Caffe's scaling: blue, green and red minus their means; a grey film has equal channels.
    "ResNet50": Stock("ResNet50", (103.939, 116.779, 123.68), (1.0,) * 3),
    "ConvNeXtTiny": _imagenet("ConvNeXtTiny", **_BARE),
}  # fmt: skip

# Blocks of MobileNetV2's last stage (output stride 32) and their depthwise layers.
_LAST_STRIDE = "block_13"
_TOP = "block_16_project_BN"  # 320 channels, before the last convolution
_MIDDLE = "block_6_expand_relu"  # 192 channels at stride 8
_LAST_DEPTHWISE = ("block_14_depthwise", "block_15_depthwise", "block_16_depthwise")


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
        known = ", ".join([*STOCK, CNN])
        raise RecipeError(
            f"recipe: network is {name!r}", f"It must be one of {known}, or 'module:function'."
        )


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
    stock = STOCK[recipe.network]
    make = getattr(keras.applications, stock.function)
    plain = make(include_top=False, weights=None, input_shape=shape, **dict(stock.options))
    model = _changed(plain, recipe.tail)
    if weights == "imagenet":
        _set_weights(model, _imagenet_weights(make, recipe.network))
    elif weights is not None:
        _load(plain, weights, recipe.network)
        _set_weights(model, plain.get_weights())
    return _with_pyramid(model, recipe.pyramid) if recipe.pyramid else model


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


def _imagenet_weights(make: Callable[..., Any], name: str) -> list[NDArray[Any]]:
    try:
        # As Keras provides them: for 224 pixels, after its own scaling, which has no weights.
        source = make(include_top=False, weights="imagenet", input_shape=(224, 224, 3))
    except Exception as error:  # Keras raises a bare Exception if the download fails
        raise UsageError(
            f"the ImageNet weights of {name} cannot be downloaded ({_first_line(error)})",
            "Offline, name a file with --weights FILE, or start from random weights: --weights none.",
        ) from error
    return list(source.get_weights())


def _load(model: Any, path: str, name: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about what does not fit; the error says so
            model.load_weights(path)
    except Exception as error:  # h5py and Keras raise many classes for files of another kind
        raise UsageError(
            f"weights {path}: do not fit {name} ({_first_line(error)})",
            "Give weights of that network without its top, or --weights none.",
        ) from error


def _set_weights(model: Any, values: list[NDArray[Any]]) -> None:
    """Sets the weights of the stock network, in the shapes that `_changed` gives them."""
    model.set_weights(
        [value.reshape(weight.shape) for value, weight in zip(values, model.weights, strict=True)]
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


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
            f"recipe: {recipe.network!r} failed ({type(error).__name__}: {_first_line(error)})",
            f"In {place[0].filename}, line {place[0].lineno}." if place else "",
        ) from error
    wanted = (None, recipe.size, recipe.size, 3)
    if not _is_backbone(model, wanted):
        raise RecipeError(
            f"recipe: {recipe.network!r} is not a backbone",
            f"It must return a keras.Model from {wanted} to feature maps (None, h, w, k).",
        )
    for layer in flat([model]):
        if getattr(layer, "groups", 1) != 1:
            raise RecipeError(
                f"recipe: {recipe.network!r} contains a grouped convolution ({layer.name}), which "
                "tf2onnx cannot export",
                "Use DepthwiseConv2D, which has a group for each channel.",
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


def _changed(stock: Any, tail: str) -> Any:
    """The same function, with the tail's strides and a usable BatchNorm momentum.

    Without its stride, MobileNetV2's last stage works on a map twice as fine; with dilation 2 its
    kernels still cover the same part of the film. At 128 pixels this gives heatmaps of 8 x 8 instead
    of 4 x 4.

    ConvNeXt has convolutions with one group per channel. Keras compiles them with XLA on TensorFlow,
    which tf2onnx cannot export. DepthwiseConv2D computes the same, with a kernel (h, w, k, 1) instead
    of (h, w, 1, k). ConvNeXt's dense layers on maps become convolutions of 1 x 1, so that no format
    has to reshape the map.
    """
    config = stock.get_config()
    for layer in config["layers"]:
        name, settings = layer["config"]["name"], layer["config"]
        if layer["class_name"] == "BatchNormalization":
            settings["momentum"] = BATCH_NORM_MOMENTUM
        elif layer["class_name"] == "Conv2D" and settings["groups"] == settings["filters"] > 1:
            layer["class_name"], layer["config"] = "DepthwiseConv2D", _depthwise(settings)
        elif layer["class_name"] == "Dense":
            layer["class_name"], layer["config"] = "Conv2D", _pointwise(settings)
        if tail == "strided":
            continue
        if name == f"{_LAST_STRIDE}_pad":
            settings["padding"] = [[1, 1], [1, 1]]
        elif name == f"{_LAST_STRIDE}_depthwise":
            settings["strides"] = [1, 1]
        elif name in _LAST_DEPTHWISE and tail == "dilated":
            settings["dilation_rate"] = [2, 2]
    return stock.__class__.from_config(config)


def _depthwise(conv: dict[str, Any]) -> dict[str, Any]:
    """The settings of a Conv2D with one group per channel, for DepthwiseConv2D."""
    same = ("strides", "padding", "data_format", "dilation_rate", "kernel_size")
    return {key: conv[key] for key in (*_COMMON, *same)}


def _pointwise(dense: dict[str, Any]) -> dict[str, Any]:
    """The settings of a Dense layer on maps, for a Conv2D of 1 x 1."""
    return {key: dense[key] for key in _COMMON} | {"filters": dense["units"], "kernel_size": 1}


_COMMON = ("name", "trainable", "dtype", "activation", "use_bias")
