"""Operators that become Keras layers with weights or windows: dense, convolution, pooling."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import layers, ops

from pneumoscope.train.formats.onnx_node import CHANNELS_FIRST, Node, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray


def _matmul(node: Node) -> None:
    if isinstance(node.inputs[0], Value) and isinstance(node.inputs[1], np.ndarray):
        if node.inputs[1].ndim == 2:
            node.give(_dense(node.value().plain(), node.inputs[1], None))
            return
        node.give(ops.matmul(node.value().plain(), node.inputs[1]))
        return
    operands = [i.plain() if isinstance(i, Value) else i for i in node.inputs]
    node.give(ops.matmul(*operands))


def _gemm(node: Node) -> None:
    if node.attributes.get("transA"):
        raise node.refuse("with transA")
    weights = node.needed(1) * node.attributes.get("alpha", 1.0)
    if node.attributes.get("transB"):
        weights = weights.T
    bias = node.constant(2)
    if bias is not None:
        whole = np.broadcast_to(bias * node.attributes.get("beta", 1.0), (1, weights.shape[1]))
        bias = whole.reshape(-1)
    node.give(_dense(node.value().plain(), weights, bias))


def _dense(x: Any, weights: NDArray[Any], bias: NDArray[Any] | None) -> Any:
    layer = layers.Dense(weights.shape[1], use_bias=bias is not None)
    y = layer(x)
    layer.set_weights([weights] if bias is None else [weights, bias])
    return y


def _conv(node: Node) -> None:
    weights, bias = node.needed(1), node.constant(2)
    if weights.ndim != 4:
        raise node.refuse(f"over {weights.ndim - 2} axes")
    strides = tuple(node.attributes.get("strides", (1, 1)))
    dilations = tuple(node.attributes.get("dilations", (1, 1)))
    group = int(node.attributes.get("group", 1))
    kernel = weights.shape[2:]
    x = node.value().in_order(CHANNELS_FIRST)
    x, padding = _padded(node, x, kernel, strides, dilations)
    common = {
        "strides": strides,
        "padding": padding,
        "dilation_rate": dilations,
        "use_bias": bias is not None,
    }
    channels = x.shape[-1]
    # ONNX: (out, in / group, rows, columns).
    if group == channels and group > 1:
        layer = layers.DepthwiseConv2D(kernel, depth_multiplier=weights.shape[0] // group, **common)
        stored = weights[:, 0].reshape(group, -1, *kernel).transpose(2, 3, 0, 1)
    else:
        layer = layers.Conv2D(weights.shape[0], kernel, groups=group, **common)
        stored = weights.transpose(2, 3, 1, 0)
    y = layer(x)
    layer.set_weights([stored] if bias is None else [stored, bias])
    node.give(y, CHANNELS_FIRST)


def _padded(
    node: Node,
    x: Any,
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    fill: float | None = 0.0,
) -> tuple[Any, str]:
    """Pads as the node says, by Keras' own "same" or "valid" where that means it.

    Where it does not, with ``fill``; None refuses.
    """
    auto = node.attributes.get("auto_pad", b"NOTSET")
    if auto == b"SAME_UPPER":
        return x, "same"
    if auto not in (b"NOTSET", b"VALID"):
        raise node.refuse(f"with auto_pad {auto.decode()}")
    pads = [int(p) for p in node.attributes.get("pads", (0, 0, 0, 0))]
    if auto == b"VALID" or not any(pads):
        return x, "valid"
    sides = [(pads[0], pads[2]), (pads[1], pads[3])]
    # TensorFlow's "same": ceil(side / stride) outputs, the odd pixel at the end.
    same = []
    for side, k, s, d in zip(x.shape[1:3], kernel, strides, dilations, strict=True):
        whole = max((math.ceil(side / s) - 1) * s + (k - 1) * d + 1 - side, 0)
        same.append((whole // 2, whole - whole // 2))
    if sides == same:
        return x, "same"
    if fill is None:
        raise node.refuse(f"with pads {pads}")
    if fill == 0:
        return layers.ZeroPadding2D(tuple(sides))(x), "valid"
    return ops.pad(x, ((0, 0), *sides, (0, 0)), constant_values=fill), "valid"


def _pool(kind: str) -> Callable[[Node], None]:
    def translate(node: Node) -> None:
        if node.attributes.get("ceil_mode") or set(node.attributes.get("dilations", (1,))) != {1}:
            raise node.refuse("with ceil_mode or dilations")
        kernel = tuple(node.attributes["kernel_shape"])
        strides = tuple(node.attributes.get("strides", (1,) * len(kernel)))
        x = node.value().in_order(CHANNELS_FIRST)
        x, padding = _padded(
            node, x, kernel, strides, (1, 1), _below_all(x) if kind == "max" else None
        )
        if kind == "average" and padding == "same" and node.attributes.get("count_include_pad"):
            raise node.refuse("with count_include_pad")
        layer = layers.MaxPooling2D if kind == "max" else layers.AveragePooling2D
        node.give(layer(kernel, strides=strides, padding=padding)(x), CHANNELS_FIRST)

    return translate


def _global_pool(function: Callable[..., Any]) -> Callable[[Node], None]:
    def translate(node: Node) -> None:
        x = node.value().in_order(CHANNELS_FIRST)
        node.give(function(x, axis=(1, 2), keepdims=True), CHANNELS_FIRST)

    return translate


def _resize(node: Node) -> None:
    """Enlarging by a whole factor, as `keras.layers.UpSampling2D` does it."""
    how = {
        name: node.attributes.get(name, default)
        for name, default in (
            ("mode", b"nearest"),
            ("coordinate_transformation_mode", b"half_pixel"),
            ("nearest_mode", b"round_prefer_floor"),
        )
    }
    scales = node.needed(2, "scales").reshape(-1)
    factors = [round(float(s)) for s in scales]
    if len(factors) != 4 or factors[:2] != [1, 1] or not np.allclose(scales, factors):
        raise node.refuse("by other than whole factors of height and width")
    by = (factors[2], factors[3])
    linear = how["mode"] == b"linear" and how["coordinate_transformation_mode"] == b"half_pixel"
    repeated = how["mode"] == b"nearest" and how["nearest_mode"] == b"floor"
    repeated = repeated and how["coordinate_transformation_mode"] == b"asymmetric"
    if min(by) < 1 or not (linear or repeated):
        raise node.refuse("other than bilinear at half pixels, or by repeating")
    layer = layers.UpSampling2D(by, interpolation="bilinear" if linear else "nearest")
    node.give(layer(node.value().in_order(CHANNELS_FIRST)), CHANNELS_FIRST)


def _below_all(x: Any) -> float:
    """A value that is never the largest of a window; after a ReLU this is 0, which int8 can express."""
    made_by = x._keras_history.operation
    return 0.0 if isinstance(made_by, layers.ReLU) else float(np.finfo(np.float32).min)


TRANSLATIONS: Mapping[str, Callable[[Node], None]] = {
    "AveragePool": _pool("average"),
    "Conv": _conv,
    "Gemm": _gemm,
    "GlobalAveragePool": _global_pool(ops.mean),
    "GlobalMaxPool": _global_pool(ops.max),
    "MatMul": _matmul,
    "MaxPool": _pool("max"),
    "Resize": _resize,
}
