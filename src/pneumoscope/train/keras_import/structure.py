"""The structure of an imported model: its input, its feature maps, its head."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from pneumoscope.errors import ConversionError, UsageError
from pneumoscope.train.network import gradcam

_STRUCTURE = "The model must end in feature maps, pooling or Flatten, and a chain of dense layers."


def input_of(model: Any, size: int | None, channels: int | None, scaling: str) -> tuple[int, int]:
    """Side in pixels and channels of the model's input.

    Args:
        model: The loaded model.
        size: The side, where the model leaves it open.
        channels: The channels, where the model leaves them open.
        scaling: One of `serving.SCALINGS`.

    Raises:
        ConversionError: The model does not take one picture.
        UsageError: Side, channels or scaling do not fit the model, or are needed and missing.
    """
    if not isinstance(model, keras.Model) or len(getattr(model, "inputs", None) or ()) != 1:
        raise ConversionError("the model has no single input", "One picture in, classes out.")
    shape = tuple(model.inputs[0].shape)
    if len(shape) != 4:
        raise ConversionError(f"the model's input is {shape}, not pictures", "")
    _, rows, columns, model_channels = shape
    size = size or rows or columns
    if size is None:
        raise UsageError("the model takes pictures of any size", "Say which with --size.")
    if any(side not in (None, size) for side in (rows, columns)):
        raise UsageError(
            f"the model takes {rows} x {columns} pixels, not {size} x {size}",
            "Leave --size out: the file knows." if rows == columns else "It must be square.",
        )
    channels = channels or model_channels
    if channels not in (1, 3):
        raise UsageError(
            f"the model's input has {model_channels or 'any number of'} channels",
            "Say --channels 1 or 3."
            if model_channels is None
            else "Grey (1) or RGB (3) is possible.",
        )
    if model_channels not in (None, channels):
        raise UsageError(
            f"the model takes {model_channels} channels, not {channels}", "Leave it out."
        )
    if channels == 1 and "imagenet" in scaling:
        raise UsageError(f"scaling {scaling} needs 3 channels", "Choose another --scaling.")
    return int(size), int(channels)


def split(model: Any) -> tuple[Any, list[Any], str]:
    """Divides a classifier at its last feature maps.

    Args:
        model: Functional or sequential; pretrained bases may be nested in it.

    Returns:
        A model from pictures to feature maps (n, h, w, k); the layers from there to the logits,
        as `gradcam.HeadGradCam` takes them; and ``"sigmoid"`` or ``"softmax"``, what turns the
        logits into probabilities.

    Raises:
        ConversionError: There are no feature maps, or what follows is not a chain of layers
            that `gradcam` knows.
    """
    body, head = _split(model)
    final = ""
    while head and not isinstance(head[-1], layers.Dense):
        last = head[-1]
        kind = "softmax" if isinstance(last, layers.Softmax) else ""
        if isinstance(last, layers.Activation):
            kind = gradcam.activation_name(last)
        if kind not in ("softmax", "sigmoid", "linear") or final:
            break
        final = "" if kind == "linear" else kind
        head.pop()
    gradcam.check(head)
    activation = gradcam.activation_name(head[-1])
    if activation != "linear":
        if final or activation not in ("sigmoid", "softmax"):
            raise ConversionError(
                f"the last layer {head[-1].name!r} has the activation {activation!r}",
                "sigmoid, softmax or none is possible.",
            )
        final = activation
    # Logits without an activation: the loss was computed from_logits.
    return body, head, final or ("sigmoid" if head[-1].units == 1 else "softmax")


def _split(model: Any) -> tuple[Any, list[Any]]:
    tensor, head = model.outputs[0], list[Any]()
    if len(model.outputs) != 1:
        raise ConversionError("the model has several outputs", "One vector of classes is needed.")
    while not _is_maps(tensor):
        operation, index, _ = tensor._keras_history
        node = operation._inbound_nodes[index]
        parents = node.input_tensors
        if isinstance(operation, keras.Model):  # which contains the head, or a part of it
            inner, inside = _split(operation)
            before = keras.Model(model.inputs, parents[0])
            films = keras.Input(model.inputs[0].shape[1:])
            return keras.Model(films, inner(before(films))), inside + head
        if len(parents) != 1:
            what = "no feature maps come before the dense layers" if not parents else (
                f"layer {operation.name!r} of the head joins several inputs"
            )  # fmt: skip
            raise ConversionError(f"{what}: no heatmap can be computed", _STRUCTURE)
        head.insert(0, operation)
        tensor = parents[0]
    return keras.Model(model.inputs, tensor), head


def _is_maps(tensor: Any) -> bool:
    shape = tensor.shape
    # Pooling with keepdims leaves one cell, which is not a map.
    return len(shape) == 4 and tuple(shape[1:3]) != (1, 1)


def check_outputs(head: list[Any], final: str, labels: tuple[str, ...]) -> None:
    """Checks that the model has as many classes as there are labels.

    Args:
        head: The layers to the logits, see `split`.
        final: ``"sigmoid"`` or ``"softmax"``.
        labels: Class names.

    Raises:
        ConversionError: The outputs are not classes of which a film has exactly one.
        UsageError: There are more or fewer labels.
    """
    units = head[-1].units
    if final == "sigmoid" and units > 1:
        raise ConversionError(
            f"the model gives {units} independent findings (sigmoid)",
            "Import reads classes that exclude one another: softmax, or one sigmoid unit.",
        )
    classes = 2 if units == 1 else units
    if units == 1 and final == "softmax":
        raise ConversionError("a softmax over one unit is always 1", "Was sigmoid meant?")
    if len(labels) != classes:
        raise UsageError(
            f"the model gives {classes} classes, --labels names {len(labels)}",
            "Name one label per class, in the order of the network's outputs.",
        )
