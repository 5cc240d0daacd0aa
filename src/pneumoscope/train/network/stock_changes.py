"""What is changed in a published network before it is trained; it computes the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BATCH_NORM_MOMENTUM = 0.95
"""With the 0.999 of ``keras.applications``, statistics would still be ImageNet's after a short training."""

# Blocks of MobileNetV2's last stage (output stride 32) and their depthwise layers.
_LAST_STRIDE = "block_13"
_LAST_DEPTHWISE = ("block_14_depthwise", "block_15_depthwise", "block_16_depthwise")

_SCALING = ("Rescaling", "Normalization")
"""Layers that scale films inside a network."""
_UNNAMED = re.compile(
    "(input_layer|conv2d|batch_normalization|activation|average_pooling2d|max_pooling2d|concatenate|add)"
    r"(?:_(\d+))?"
)
"""What Keras calls layers of InceptionV3 and Xception, which have no names."""


def changed(stock: Any, tail: str) -> Any:
    """The same function, with the tail's strides and a usable BatchNorm momentum.

    Without its stride, MobileNetV2's last stage works on a map twice as fine; with dilation 2 its
    kernels still cover the same part of the film. At 128 pixels this gives heatmaps of 8 x 8 instead
    of 4 x 4.

    ConvNeXt has convolutions with one group per channel, which Keras compiles with XLA on TensorFlow.
    DepthwiseConv2D computes the same without XLA, with a kernel (h, w, k, 1) instead of (h, w, 1, k).
    ConvNeXt's dense layers on maps become convolutions of 1 x 1, so that no format has to reshape the map.

    EfficientNetB0 scales films itself, which is left out: it happens once, before the backbone. Layers
    without a name get the names that they have in a new process, because recipes name layers.
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
    return stock.__class__.from_config(_renamed(_without_scaling(config)))


def _without_scaling(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration without the layers that scale films, all of which follow the input."""
    inside = {x["name"] for x in config["layers"] if x["class_name"] in _SCALING}
    films = config["input_layers"][0]
    kept = [_connected(x, dict.fromkeys(inside, films)) for x in config["layers"]]
    return config | {"layers": [x for x in kept if x["name"] not in inside]}


def _renamed(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with the names that its layers have in a new process."""
    names = numbered([layer["name"] for layer in config["layers"]])
    layers = [
        _connected(layer, names)
        | {"name": names[layer["name"]], "config": layer["config"] | {"name": names[layer["name"]]}}
        for layer in config["layers"]
    ]
    ends = {
        key: [names[config[key][0]], *config[key][1:]] for key in ("input_layers", "output_layers")
    }
    return config | ends | {"layers": layers}


def numbered(names: Sequence[str]) -> dict[str, str]:
    """Name of each layer to its name in a new process.

    Keras numbers layers without a name by their class: ``conv2d``, ``conv2d_1``. It begins where the
    network that was built before has ended.
    """
    matches = {name: match for name in names if (match := _UNNAMED.fullmatch(name))}
    first: dict[str, int] = {}
    for match in matches.values():
        kind, number = match[1], int(match[2] or 0)
        first[kind] = min(number, first.get(kind, number))
    renamed = {name: name for name in names}
    for name, match in matches.items():
        number = int(match[2] or 0) - first[match[1]]
        renamed[name] = f"{match[1]}_{number}" if number else match[1]
    return renamed


def _connected(layer: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """A layer whose inputs come from the layers of other names."""

    def moved(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: [names.get(part[0], part[0]), *part[1:]]
                if key == "keras_history"
                else moved(part)
                for key, part in value.items()
            }
        return type(value)(map(moved, value)) if isinstance(value, list | tuple) else value

    return layer | {"inbound_nodes": moved(layer["inbound_nodes"])}


def _depthwise(conv: dict[str, Any]) -> dict[str, Any]:
    """The settings of a Conv2D with one group per channel, for DepthwiseConv2D."""
    same = ("strides", "padding", "data_format", "dilation_rate", "kernel_size")
    return {key: conv[key] for key in (*_COMMON, *same)}


def _pointwise(dense: dict[str, Any]) -> dict[str, Any]:
    """The settings of a Dense layer on maps, for a Conv2D of 1 x 1."""
    return {key: dense[key] for key in _COMMON} | {"filters": dense["units"], "kernel_size": 1}


_COMMON = ("name", "trainable", "dtype", "activation", "use_bias")
