"""Gives an imported model the inputs and outputs of a bundle; computes its original probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import layers, ops

from pneumoscope.errors import ConversionError
from pneumoscope.train.export.conversion import convert
from pneumoscope.train.export.exported import OUTPUTS
from pneumoscope.train.network import gradcam

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

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


def scaled(films: NDArray[np.uint8], channels: int, scaling: str) -> NDArray[np.float32]:
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


def serving_model(body: Any, head: list[Any], size: int, channels: int, scaling: str) -> Any:
    """The network of a bundle: films in; probabilities, heatmaps and embedding out.

    Args:
        body: From pictures to feature maps, see `structure.split`.
        head: From feature maps to logits.
        size: Side of the input in pixels.
        channels: Number of channels that the body takes.
        scaling: One of `SCALINGS`.

    Returns:
        A ``keras.Model`` from uint8 (n, size, size, 1) to a dictionary by `OUTPUTS`.
    """
    films = keras.Input((size, size, 1), name="films", dtype="uint8")
    x = body(Scaled(channels, scaling, name="scaled")(films), training=False)
    logits, embedding, maps = _Head(head, name="head", dtype="float32")(x)
    if head[-1].units == 1:
        p = ops.sigmoid(logits)
        probabilities = ops.concatenate([1.0 - p, p], axis=-1)
    else:
        probabilities = ops.softmax(logits)
    outputs = dict(zip(OUTPUTS, (probabilities, maps, embedding), strict=True))
    named = {n: layers.Activation("linear", name=n)(t) for n, t in outputs.items()}
    return keras.Model(films, named, name="serving")


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
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        raise ConversionError(
            f"the model cannot be written as ONNX ({reason})",
            "A layer of it has no counterpart in ONNX; rebuild the model without it.",
        ) from error


def expected_probabilities(
    model: Any, final: str, pictures: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Probabilities (n, classes) of the notebook's model.

    Args:
        model: The loaded model.
        final: ``"sigmoid"`` or ``"softmax"``, see `structure.split`.
        pictures: (n, size, size, channels), see `scaled`.
    """
    out = np.asarray(ops.convert_to_numpy(model(pictures, training=False)), np.float32)
    if out.shape[1] == 1:
        p = out if _is_probability(model, final) else 1 / (1 + np.exp(-out))
        return np.concatenate([1 - p, p], axis=1)
    if _is_probability(model, final):
        return out
    e = np.exp(out - out.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _is_probability(model: Any, final: str) -> bool:
    """Whether the model applies the final activation itself."""
    operation = model.outputs[0]._keras_history.operation
    while isinstance(operation, keras.Model):
        operation = operation.outputs[0]._keras_history.operation
    return isinstance(operation, layers.Softmax) or (gradcam.activation_name(operation) == final)
