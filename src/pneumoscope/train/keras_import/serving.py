"""Gives an imported model the inputs and outputs of a bundle; computes its original probabilities."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import layers, ops

from pneumoscope.decision.probability import logistic
from pneumoscope.errors import ConversionError
from pneumoscope.metrics import softmax
from pneumoscope.train.export.conversion import convert
from pneumoscope.train.export.exported import OUTPUTS
from pneumoscope.train.keras_import import structure
from pneumoscope.train.keras_import.saved import reason_of
from pneumoscope.train.network import gradcam

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumoscope.train.keras_import.structure import Network

# How each kind of preprocessing transforms 0 to 255: x * scale + offset, per channel.
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, RGB, in [0, 1]
SCALINGS: Mapping[str, tuple[Any, Any]] = {
    "unit": (1 / 255, 0.0),
    "none": (1.0, 0.0),
    "minus-one-to-one": (1 / 127.5, -1.0),
    # keras.applications' preprocess_input of ResNet50 and VGG: BGR, minus ImageNet's mean.
    "imagenet": (1.0, (-103.939, -116.779, -123.68)),
    # preprocess_input of DenseNet: RGB, ImageNet's mean and standard deviation.
    "imagenet-torch": (
        tuple(1 / (255 * s) for s in _STD),
        tuple(-m / s for m, s in zip(_MEAN, _STD, strict=True)),
    ),
}
"""Values of the option ``--scaling``."""
_SUM_IS_1 = 1e-4
"""How near to 1 the sum of probabilities is; logits of several pictures never add up to 1."""


@keras.saving.register_keras_serializable("pneumoscope")
class Scaled(keras.layers.Layer):  # type: ignore[misc]
    """A notebook's preprocessing: films (n, S, S, 1), 0 to 255, to (n, S, S, channels)."""

    def __init__(self, channels: int, scaling: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channels, self.scaling = channels, scaling

    def call(self, films: Any) -> Any:
        x = ops.cast(films, "float32")
        if self.channels == 3:
            x = ops.concatenate([x, x, x], axis=-1)
        scale, offset = (np.asarray(v, np.float32) for v in SCALINGS[self.scaling])
        return x * scale + offset

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.channels)


def scalings_of(channels: int) -> tuple[str, ...]:
    """The scalings that fit a model with so many channels: those of ImageNet need three."""
    return tuple(name for name in SCALINGS if channels == 3 or "imagenet" not in name)


def scaled(films: NDArray[Any], channels: int, scaling: str) -> NDArray[np.float32]:
    """The same as `Scaled`, in NumPy, for the comparison."""
    scale, offset = (np.asarray(v, np.float32) for v in SCALINGS[scaling])
    return np.repeat(films.astype(np.float32), channels, axis=-1) * scale + offset


class _Head(keras.layers.Layer):  # type: ignore[misc]
    """Feature maps to logits, embedding and heatmaps; the head runs once."""

    def __init__(self, head: list[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._head = head

    def call(self, features: Any) -> Any:
        activations = gradcam.forward(features, self._head)
        maps = gradcam.grad_cam(features, self._head, activations)
        return activations[-1], activations[-2], maps


def serving_model(
    network: Network, size: int, channels: int, scaling: str, columns: Sequence[int] | None = None
) -> Any:
    """The network of a bundle: films in; probabilities, embedding and heatmaps, if it has any, out.

    Args:
        network: See `structure.split` and `structure.undivided`.
        size: Side of the input in pixels.
        channels: Number of channels that the body takes.
        scaling: One of `SCALINGS`.
        columns: The outputs that the bundle has; None for all.

    Returns:
        A ``keras.Model`` from uint8 (n, size, size, 1) to a dictionary by `OUTPUTS`.
    """
    films = keras.Input((size, size, 1), name="films", dtype="uint8")
    x = network.body(Scaled(channels, scaling, name="scaled")(films), training=False)
    if network.head is None:
        applied = bool(structure.applied_final(network.body))
        x = ops.cast(x, "float32")
        # The vector of classes is all that is known of such a network.
        outputs = {"probabilities": x if applied else _final(network, x), "embedding": x}
        if network.units == 1:
            outputs["probabilities"] = _of_both(outputs["probabilities"])
    else:
        logits, embedding, maps = _Head(network.head, name="head", dtype="float32")(x)
        p = _final(network, logits)
        p = _of_both(p) if network.units == 1 else p
        outputs = dict(zip(OUTPUTS, (p, maps, embedding), strict=True))
    if columns is not None and len(columns) < network.units:
        for name in outputs.keys() - {"embedding"}:
            outputs[name] = ops.take(outputs[name], np.array(columns), axis=1)
    named = {n: layers.Activation("linear", name=n)(t) for n, t in outputs.items()}
    return keras.Model(films, named, name="serving")


def _final(network: Network, logits: Any) -> Any:
    return ops.sigmoid(logits) if network.final == "sigmoid" else ops.softmax(logits)


def _of_both(p: Any) -> Any:
    """Probabilities of both classes from that of the second."""
    return ops.concatenate([1.0 - p, p], axis=-1)


def to_onnx(serving: Any, films: NDArray[np.uint8], target: Path) -> None:
    """Writes a serving model as ONNX.

    Args:
        serving: See `serving_model`.
        films: Any films, uint8 (n, size, size, 1).
        target: The file to write.

    Raises:
        ConversionError: A layer has no counterpart in ONNX.
    """
    try:
        serving(films[:1])  # Keras exports called models only
        convert(serving, target)
    except OSError:
        raise
    except Exception as error:  # tf2onnx, onnx and onnxruntime define their own classes
        raise ConversionError(
            f"the model cannot be written as ONNX ({_unknown_operation(error) or reason_of(error)})",
            "A layer of it has no counterpart in ONNX; rebuild the model without it.",
        ) from error


def _unknown_operation(error: Exception) -> str:
    """The layer and the operation that ONNX does not have, if ONNX Runtime found one; else nothing."""
    node = re.search(r'In Node, \("([^"]*)", (\w+),', str(error))
    if not node:
        return ""
    # serving_1/model_1/layer_1/inner/Operation: each name has a number of its call.
    parts = [re.sub(r"_\d+$", "", part) for part in node[1].split("/")[2:-1]]
    layer = "/".join(parts) or node[1]
    return f"{node[2]} of layer {layer!r}"


def of_logits(values: NDArray[Any], final: str) -> NDArray[Any]:
    """Probabilities of logits, by ``"sigmoid"`` or ``"softmax"``."""
    return logistic(values) if final == "sigmoid" else softmax(values)


def expected_probabilities(
    model: Any, network: Network, pictures: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Probabilities (n, classes or findings) of the notebook's model.

    Args:
        model: The loaded model.
        network: What `structure.split` or `structure.undivided` made of it.
        pictures: (n, size, size, channels), see `scaled`.

    Raises:
        ConversionError: Its values are probabilities that layers with weights computed.
    """
    out: NDArray[Any] = np.asarray(ops.convert_to_numpy(model(pictures, training=False)))
    if not structure.applied_final(model):
        if network.units > 1 and out.min() >= 0 and np.abs(out.sum(axis=1) - 1).max() < _SUM_IS_1:
            raise ConversionError(
                f"the {network.units} values of the model's last layer add up to 1 for every picture: they "
                "are probabilities, but not of a softmax",
                "Let the model end in softmax, sigmoid or logits, or in the average of probabilities.",
            )
        out = of_logits(out, network.final)
    both = np.concatenate([1 - out, out], axis=1) if network.units == 1 else out
    return np.asarray(both, np.float32)
