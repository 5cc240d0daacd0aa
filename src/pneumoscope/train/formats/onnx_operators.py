"""The operators of ONNX that `from_onnx` knows, each as Keras layers or operations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import layers, ops

from pneumoscope.errors import ConversionError
from pneumoscope.train.formats.onnx_node import CHANNELS_FIRST, HINT, Node, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from pneumoscope.train.formats.onnx_node import Axes


def _elementwise(function: Callable[..., Any]) -> Callable[[Node], None]:
    """For operators that broadcast their inputs like NumPy."""

    def translate(node: Node) -> None:
        tensors = [i for i in node.inputs if isinstance(i, Value)]
        rank = max(len(v.axes) for v in tensors)
        # The order of the first operand of full rank; the others follow it.
        axes = next(v.axes for v in tensors if len(v.axes) == rank)
        back = tuple(int(i) for i in np.argsort(axes))
        operands = []
        for i in node.inputs:
            if isinstance(i, Value):
                same = len(i.axes) == rank
                operands.append(i.in_order(axes) if same else _widen(i.plain(), rank, back))
            elif i is not None and i.size == 1 and i.ndim <= rank:
                operands.append(i.reshape(-1)[0].item())
            elif i is not None:
                operands.append(_widen(i, rank, back))
        node.give(function(*operands), axes)

    return translate


def _widen(x: Any, rank: int, back: Axes) -> Any:
    """A smaller operand with as many axes as the others, in their order."""
    if len(x.shape) > rank:
        raise ConversionError("a constant has more axes than the value it meets", HINT)
    if isinstance(x, np.ndarray):
        return x.reshape((1,) * (rank - x.ndim) + x.shape).transpose(back)
    return ops.transpose(ops.reshape(x, (*(1,) * (rank - len(x.shape)), *x.shape)), back)


def _cast(node: Node) -> None:
    import onnx

    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(node.attributes["to"]))
    value = node.value()
    node.give(ops.cast(value.stored, dtype.name), value.axes)


def _clip(node: Node) -> None:
    low, high = node.constant(1, "min"), node.constant(2, "max")
    value = node.value()
    x = value.stored
    if low is not None and high is not None and float(low) == 0.0:
        # As a layer: converters fuse a bounded ReLU into the convolution before it.
        node.give(layers.ReLU(max_value=float(high))(x), value.axes)
        return
    if low is not None:
        x = ops.maximum(x, float(low))
    if high is not None:
        x = ops.minimum(x, float(high))
    node.give(x, value.axes)


def _relu(node: Node) -> None:
    value = node.value()
    node.give(layers.ReLU()(value.stored), value.axes)


def _transpose(node: Node) -> None:
    value = node.value()
    perm = node.attributes.get("perm") or list(reversed(range(len(value.axes))))
    node.give(value.stored, tuple(value.axes[p] for p in perm))


def _softmax(node: Node) -> None:
    value = node.value()
    rank = len(value.axes)
    axis = int(node.attributes.get("axis", -1 if node.opset >= 13 else 1)) % rank
    if node.opset < 13 and axis != rank - 1:
        raise node.refuse("over several axes")
    node.give(layers.Softmax(axis=value.axes[axis])(value.stored), value.axes)


def _concat(node: Node) -> None:
    tensors = [i for i in node.inputs if isinstance(i, Value)]
    if len(tensors) != len(node.inputs):
        raise node.refuse("with constants")
    axes = tensors[0].axes
    axis = axes[int(node.attributes["axis"]) % len(axes)]
    node.give(ops.concatenate([t.in_order(axes) for t in tensors], axis=axis), axes)


def _reduce(function: Callable[..., Any]) -> Callable[[Node], None]:
    def translate(node: Node) -> None:
        value = node.value()
        rank = len(value.axes)
        chosen = node.constant(1, "axes")
        wanted = range(rank) if chosen is None else [int(a) % rank for a in chosen.reshape(-1)]
        if 0 in wanted:
            raise node.refuse("over the films of a batch")
        keep = bool(node.attributes.get("keepdims", 1))
        stored = tuple(value.axes[a] for a in wanted)
        out = function(value.stored, axis=stored, keepdims=keep)
        node.give(out, value.axes if keep else _without(value.axes, stored))

    return translate


def _without(axes: Axes, gone: Sequence[int]) -> Axes:
    """The order that is left when some stored axes are dropped."""
    left = [a for a in axes if a not in gone]
    return tuple(sorted(left).index(a) for a in left)


def _global_pool(function: Callable[..., Any]) -> Callable[[Node], None]:
    def translate(node: Node) -> None:
        x = node.value().in_order(CHANNELS_FIRST)
        node.give(function(x, axis=(1, 2), keepdims=True), CHANNELS_FIRST)

    return translate


def _squeeze(node: Node) -> None:
    value = node.value()
    chosen = node.needed(1, "axes").reshape(-1)
    stored = tuple(value.axes[int(a) % len(value.axes)] for a in chosen)
    node.give(ops.squeeze(value.stored, axis=stored), _without(value.axes, stored))


def _unsqueeze(node: Node) -> None:
    x = node.value().plain()
    chosen = node.needed(1, "axes").reshape(-1)
    rank = len(x.shape) + len(chosen)
    for axis in sorted(int(a) % rank for a in chosen):
        x = ops.expand_dims(x, axis)
    node.give(x)


def _reshape(node: Node) -> None:
    x = node.value().plain()
    wanted = [int(d) for d in node.needed(1)]
    if node.attributes.get("allowzero"):
        raise node.refuse("with allowzero")
    # A negative number is a multiple of the number of films, or ONNX's own -1: unknown either way.
    shape = [
        -1 if d < 0 or (d == 0 and x.shape[i] is None) else (d or x.shape[i])
        for i, d in enumerate(wanted)
    ]
    if shape.count(-1) > 1:
        raise node.refuse("to several unknown sides")
    if -1 not in shape:
        if None in x.shape and shape[0] != 1:
            raise node.refuse("to a fixed number of films")
        shape[0] = -1
    node.give(ops.reshape(x, tuple(shape)))


def _flatten(node: Node) -> None:
    x = node.value().plain()
    if int(node.attributes.get("axis", 1)) != 1:
        raise node.refuse("from another axis than 1")
    node.give(ops.reshape(x, (-1, math.prod(x.shape[1:]))))


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
            node, x, kernel, strides, (1, 1), _beside(x) if kind == "max" else None
        )
        if kind == "average" and padding == "same" and node.attributes.get("count_include_pad"):
            raise node.refuse("with count_include_pad")
        layer = layers.MaxPooling2D if kind == "max" else layers.AveragePooling2D
        node.give(layer(kernel, strides=strides, padding=padding)(x), CHANNELS_FIRST)

    return translate


def _beside(x: Any) -> float:
    """What never is the largest of a window. Behind a ReLU 0 is enough, which int8 can express."""
    made_by = x._keras_history.operation
    return 0.0 if isinstance(made_by, layers.ReLU) else float(np.finfo(np.float32).min)


def _pad(node: Node) -> None:
    value = node.value()
    pads = [int(p) for p in node.needed(1, "pads")]
    fill = node.constant(2, "value")
    if node.attributes.get("mode", b"constant") != b"constant" or min(pads) < 0:
        raise node.refuse("other than with a constant")
    rank = len(value.axes)
    widths = [(0, 0)] * rank
    for seen, axis in enumerate(value.axes):
        widths[axis] = (pads[seen], pads[rank + seen])
    amount = 0.0 if fill is None else float(fill)
    node.give(ops.pad(value.stored, tuple(widths), constant_values=amount), value.axes)


def _batch_norm(node: Node) -> None:
    scale, bias, mean, variance = (node.needed(i) for i in range(1, 5))
    factor = scale / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
    value = node.value()
    shape = [1] * len(value.axes)
    shape[value.axes[1]] = -1
    shift = (bias - mean * factor).reshape(shape)
    node.give(value.stored * factor.reshape(shape) + shift, value.axes)


def _gather(node: Node) -> None:
    value, at = node.value(), node.needed(1)
    axis = value.axes[int(node.attributes.get("axis", 0)) % len(value.axes)]
    if at.ndim != 1:
        raise node.refuse("by other than a list")
    node.give(ops.take(value.stored, at, axis=axis), value.axes)


def _slice(node: Node) -> None:
    value = node.value()
    starts, ends = node.needed(1, "starts"), node.needed(2, "ends")
    chosen, steps = node.constant(3, "axes"), node.constant(4)
    wanted = range(len(starts)) if chosen is None else [int(a) for a in chosen]
    parts = [slice(None)] * len(value.axes)
    for i, axis in enumerate(wanted):
        step = 1 if steps is None else int(steps[i])
        if step < 1:
            raise node.refuse("backwards")
        # ONNX's word for "to the end", of which LiteRT would make a size.
        end = None if ends[i] >= np.iinfo(np.int32).max else int(ends[i])
        parts[value.axes[axis % len(value.axes)]] = slice(int(starts[i]), end, step)
    node.give(value.stored[tuple(parts)], value.axes)


def _same(node: Node) -> None:
    value = node.value()
    node.give(value.stored, value.axes)


def _hard_sigmoid(node: Node) -> None:
    alpha, beta = node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)
    value = node.value()
    x = ops.clip(value.stored * float(alpha) + float(beta), 0.0, 1.0)
    node.give(x, value.axes)


def _leaky_relu(node: Node) -> None:
    value = node.value()
    slope = float(node.attributes.get("alpha", 0.01))
    node.give(layers.LeakyReLU(negative_slope=slope)(value.stored), value.axes)


TRANSLATIONS: Mapping[str, Callable[[Node], None]] = {
    "Abs": _elementwise(ops.abs),
    "Add": _elementwise(ops.add),
    "AveragePool": _pool("average"),
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "Clip": _clip,
    "Concat": _concat,
    "Conv": _conv,
    "Div": _elementwise(ops.divide),
    "Dropout": _same,
    "Equal": _elementwise(ops.equal),
    "Erf": _elementwise(ops.erf),
    "Exp": _elementwise(ops.exp),
    "Flatten": _flatten,
    "Gather": _gather,
    "Gemm": _gemm,
    "GlobalAveragePool": _global_pool(ops.mean),
    "GlobalMaxPool": _global_pool(ops.max),
    "Greater": _elementwise(ops.greater),
    "GreaterOrEqual": _elementwise(ops.greater_equal),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _elementwise(ops.hard_silu),
    "Identity": _same,
    "LeakyRelu": _leaky_relu,
    "Less": _elementwise(ops.less),
    "LessOrEqual": _elementwise(ops.less_equal),
    "Log": _elementwise(ops.log),
    "MatMul": _matmul,
    "Max": _elementwise(ops.maximum),
    "MaxPool": _pool("max"),
    "Min": _elementwise(ops.minimum),
    "Mul": _elementwise(ops.multiply),
    "Neg": _elementwise(ops.negative),
    "Pad": _pad,
    "Pow": _elementwise(ops.power),
    "Reciprocal": _elementwise(ops.reciprocal),
    "ReduceMax": _reduce(ops.max),
    "ReduceMean": _reduce(ops.mean),
    "ReduceSum": _reduce(ops.sum),
    "Relu": _relu,
    "Reshape": _reshape,
    "Sigmoid": _elementwise(ops.sigmoid),
    "Sign": _elementwise(ops.sign),
    "Slice": _slice,
    "Softmax": _softmax,
    "Softplus": _elementwise(ops.softplus),
    "Sqrt": _elementwise(ops.sqrt),
    "Squeeze": _squeeze,
    "Sub": _elementwise(ops.subtract),
    "Tanh": _elementwise(ops.tanh),
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": _elementwise(ops.where),
}
"""What becomes of a node, by its operator; each puts its output into the node's values."""
