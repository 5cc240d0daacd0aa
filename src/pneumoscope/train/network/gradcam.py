"""Grad-CAM without a gradient operator, for heads that are a chain of simple layers.

ONNX Runtime computes forward passes only, so the gradient of every logit is written out: backwards
through the head, a dense layer multiplies by its transposed weights, an activation by its derivative
at the value of the forward pass, BatchNorm at inference by gamma / sqrt(variance + epsilon), and
Dropout changes nothing. The gradient at the feature maps is averaged over their cells (Selvaraju et
al. 2017): alpha_k = 1/(h w) sum_ij d logit / d A_ijk, and the map is relu(sum_k alpha_k A_k).

Average and maximum pooling over all cells both pass on gradients that sum to g_k over the cells, so
alpha_k = g_k / (h w) for either; after Flatten the average is taken over the cells' gradients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import layers, ops

from pneumoscope.errors import ConversionError
from pneumoscope.train.network.pools import Pools

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

POOLS = (layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D, Pools)
FLAT = (layers.Flatten, layers.Reshape)
UNCHANGED = (
    layers.Dropout,
    layers.SpatialDropout2D,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.AlphaDropout,
    layers.ActivityRegularization,
    layers.Identity,
)
"""Layers that change nothing at inference."""
_HINT = (
    "Heads that can be explained: average or maximum pooling, or Flatten, then Dense, BatchNorm, "
    "Dropout and activations "
)
NO_HEATMAP = "Another head can be imported without heatmaps: --no-heatmap."


class HeadGradCam(keras.layers.Layer):  # type: ignore[misc]
    """Grad-CAM of every class from the feature maps, in closed form.

    Input: (n, h, w, k), the last feature maps, which the first layer of the head takes.
    Output: float32 (n, classes, h, w), >= 0, not normalised. A head with one output unit, the
    logit of the second of two classes, gives two maps: relu(-m) and relu(m).

    Args:
        head: The built layers from the feature maps to the logits, in order: one of
            ``GlobalAveragePooling2D``, ``GlobalMaxPooling2D``, `Pools`, ``Flatten``, ``Reshape`` (to
            one axis), then any of ``Dense``, ``BatchNormalization``, ``Dropout``, ``Activation``,
            ``ReLU``, ``LeakyReLU``, the last of them ``Dense``. Weights are shared, not copied.
            The last layer's activation is left out: Grad-CAM explains the logit.

    Raises:
        ConversionError: The head has another layer or activation; the message names it.
    """

    def __init__(self, head: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check(head)
        self._head = list(head)

    def call(self, features: Any) -> Any:
        return grad_cam(features, self._head, forward(features, self._head))


def check(head: Sequence[Any]) -> None:
    """Refuses heads that `grad_cam` cannot differentiate.

    Raises:
        ConversionError: The message names the layer.
    """
    if not head or not isinstance(head[0], POOLS + FLAT):
        first = _name(head[0]) if head else "nothing"
        raise ConversionError(f"the head begins with {first}: no heatmap can be computed", _hint())
    if not isinstance(head[-1], layers.Dense):
        raise ConversionError(f"the head ends with {_name(head[-1])}, not with Dense", _hint())
    if isinstance(head[0], layers.Reshape) and len(head[0].target_shape) != 1:
        raise ConversionError(f"{_name(head[0])} makes more than one axis", _hint())
    for layer in head[1:]:
        if getattr(layer, "quantization_mode", None):  # its kernel are whole numbers
            raise ConversionError(
                f"{_name(layer)} is quantized: no heatmap can be computed", _hint()
            )
        if isinstance(layer, layers.Dense | layers.Activation):
            if layer is not head[-1] and activation_name(layer) not in _DERIVATIVES:
                raise ConversionError(
                    f"{_name(layer)} has the activation {activation_name(layer)!r}: "
                    "no heatmap can be computed",
                    _hint(),
                )
        elif not isinstance(
            layer,
            (*UNCHANGED, *FLAT, layers.BatchNormalization, layers.ReLU, layers.LeakyReLU),
        ):
            raise ConversionError(
                f"the head contains {_name(layer)}: no heatmap can be computed", _hint()
            )


def forward(features: Any, head: Sequence[Any]) -> list[Any]:
    """The head at inference, layer by layer.

    Args:
        features: (n, h, w, k).
        head: See `HeadGradCam`.

    Returns:
        The output of every layer. The last entry has the logits, before any activation; the one
        before it is the input of the last dense layer, a good embedding.
    """
    x = ops.cast(features, "float32")
    outputs = []
    for layer in head:
        if layer is head[-1]:
            x = ops.matmul(x, ops.cast(layer.kernel, "float32"))
            x = x if layer.bias is None else x + ops.cast(layer.bias, "float32")
        else:
            x = ops.cast(layer(x, training=False), "float32")
        outputs.append(x)
    return outputs


def head_gradient(head: Sequence[Any], activations: Sequence[Any]) -> Any:
    """Gradient of every logit with respect to the output of the head's first layer.

    Args:
        head: See `HeadGradCam`.
        activations: What `forward` returned.

    Returns:
        float32 (n or 1, logits, d); 1 if the gradient is the same for every film.
    """
    gradient = ops.transpose(ops.cast(head[-1].kernel, "float32"))[None]
    for i in range(len(head) - 2, 0, -1):
        layer, after, before = head[i], activations[i], activations[i - 1]
        if isinstance(layer, layers.Dense):
            gradient = _through(activation_name(layer), gradient, after)
            gradient = ops.matmul(gradient, ops.transpose(ops.cast(layer.kernel, "float32")))
        elif isinstance(layer, layers.Activation):
            gradient = _through(activation_name(layer), gradient, after)
        elif isinstance(layer, layers.BatchNormalization):
            factor = 1.0 / ops.sqrt(ops.cast(layer.moving_variance, "float32") + layer.epsilon)
            if layer.scale:
                factor = factor * ops.cast(layer.gamma, "float32")
            gradient = gradient * factor
        elif isinstance(layer, layers.ReLU):
            gradient = gradient * _relu_slope(layer, before)[:, None]
        elif isinstance(layer, layers.LeakyReLU):
            slope = ops.where(before > 0, 1.0, float(layer.negative_slope))
            gradient = gradient * slope[:, None]
    return gradient


def grad_cam(features: Any, head: Sequence[Any], activations: Sequence[Any]) -> Any:
    """Grad-CAM of every class.

    Args:
        features: (n, h, w, k), the input of the head's first layer.
        head: See `HeadGradCam`; `check` it first.
        activations: What `forward` returned for these features.

    Returns:
        float32 (n, classes, h, w), >= 0, not normalised; two classes for a head with one logit.
    """
    x = ops.cast(features, "float32")
    _, rows, columns, channels = x.shape
    cells = rows * columns
    gradient = head_gradient(head, activations)
    if isinstance(head[0], POOLS):
        if isinstance(head[0], Pools):
            gradient = head[0].summed(gradient)
        weights = gradient / cells
    else:
        logits = gradient.shape[1]
        by_cell = ops.reshape(gradient, (-1, logits, cells, channels))
        weights = ops.mean(by_cell, axis=2)
    maps = ops.matmul(ops.reshape(x, (-1, cells, channels)), ops.transpose(weights, (0, 2, 1)))
    if maps.shape[-1] == 1:
        maps = ops.concatenate([-maps, maps], axis=-1)
    maps = ops.transpose(ops.relu(maps), (0, 2, 1))
    return ops.reshape(maps, (-1, maps.shape[1], rows, columns))


def autodiff_grad_cam(features: Any, head: Sequence[Any]) -> NDArray[np.float32]:
    """Grad-CAM by automatic differentiation: the reference for the closed form.

    TensorFlow only; arguments as for `grad_cam`.
    """
    import tensorflow as tf

    x = tf.convert_to_tensor(features, tf.float32)
    maps = []
    for c in range(head[-1].units):
        with tf.GradientTape() as tape:
            tape.watch(x)
            score = forward(x, head)[-1][:, c]
        gradient = tape.gradient(score, x)
        weights = tf.reduce_mean(gradient, axis=(1, 2), keepdims=True)
        maps.append(tf.reduce_sum(weights * x, axis=-1).numpy())
    if len(maps) == 1:
        maps = [-maps[0], maps[0]]
    return np.maximum(np.stack(maps, axis=1), 0)


# Derivative of each activation, as a function of its output.
_DERIVATIVES: dict[str, Any] = {
    "linear": None,
    "relu": lambda y: ops.cast(y > 0, "float32"),
    "relu6": lambda y: ops.cast(ops.logical_and(y > 0, y < 6), "float32"),
    "leaky_relu": lambda y: ops.where(y > 0, 1.0, 0.2),  # keras.activations' slope
    "elu": lambda y: ops.where(y > 0, 1.0, y + 1.0),
    "sigmoid": lambda y: y * (1.0 - y),
    "tanh": lambda y: 1.0 - y * y,
}


def _through(activation: str, gradient: Any, output: Any) -> Any:
    derivative = _DERIVATIVES[activation]
    return gradient if derivative is None else gradient * derivative(output)[:, None]


def _relu_slope(layer: Any, before: Any) -> Any:
    """Derivative of a ReLU layer with all its options, as a function of its input."""
    threshold, low = float(layer.threshold), float(layer.negative_slope)
    slope = ops.where(before > threshold, 1.0, low)
    if layer.max_value is not None:
        slope = ops.where(before < float(layer.max_value), slope, 0.0)
    return slope


def activation_name(layer: Any) -> str:
    """The name of a layer's activation, ``"linear"`` for layers without one."""
    if getattr(layer, "activation", None) is None:
        return "linear"
    return str(getattr(layer.activation, "__name__", layer.activation))


def _name(layer: Any) -> str:
    return f"{type(layer).__name__} {layer.name!r}"


def _hint() -> str:
    return _HINT + f"({', '.join(_DERIVATIVES)}). {NO_HEATMAP}"
