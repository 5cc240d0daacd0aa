"""Operators that compute value by value: arithmetic, comparisons, activations."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import KerasTensor, layers, ops

from pneumoscope.errors import ConversionError
from pneumoscope.train.formats.onnx_node import HINT, Node, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
        raise ConversionError("a constant has more axes than the other operand", HINT)
    if isinstance(x, np.ndarray):
        return x.reshape((1,) * (rank - x.ndim) + x.shape).transpose(back)
    return ops.transpose(ops.reshape(x, (*(1,) * (rank - len(x.shape)), *x.shape)), back)


def _folded(function: Callable[[Any, Any], Any]) -> Callable[[Node], None]:
    """For operators that take any number of inputs, in any order."""

    def fold(*operands: Any) -> Any:
        # Tensors first: two constants would be combined outside the network.
        return reduce(function, sorted(operands, key=lambda x: not isinstance(x, KerasTensor)))

    return _elementwise(fold)


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
        # As a layer, because converters fuse a bounded ReLU into the convolution before it.
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


def _leaky_relu(node: Node) -> None:
    value = node.value()
    slope = float(node.attributes.get("alpha", 0.01))
    node.give(layers.LeakyReLU(negative_slope=slope)(value.stored), value.axes)


def _hard_sigmoid(node: Node) -> None:
    alpha, beta = node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)
    value = node.value()
    x = ops.clip(value.stored * float(alpha) + float(beta), 0.0, 1.0)
    node.give(x, value.axes)


def _softmax(node: Node) -> None:
    value, axis = _over_one_axis(node)
    node.give(layers.Softmax(axis=axis)(value.stored), value.axes)


def _log_softmax(node: Node) -> None:
    value, axis = _over_one_axis(node)
    node.give(ops.log_softmax(value.stored, axis=axis), value.axes)


def _over_one_axis(node: Node) -> tuple[Value, int]:
    """The value, and the stored axis over which the node normalises."""
    value = node.value()
    rank = len(value.axes)
    axis = int(node.attributes.get("axis", -1 if node.opset >= 13 else 1)) % rank
    if node.opset < 13 and axis != rank - 1:
        raise node.refuse("over several axes")
    return value, value.axes[axis]


def _batch_norm(node: Node) -> None:
    scale, bias, mean, variance = (node.needed(i) for i in range(1, 5))
    factor = scale / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
    value = node.value()
    shape = [1] * len(value.axes)
    shape[value.axes[1]] = -1
    shift = (bias - mean * factor).reshape(shape)
    node.give(value.stored * factor.reshape(shape) + shift, value.axes)


def _same(node: Node) -> None:
    value = node.value()
    node.give(value.stored, value.axes)


TRANSLATIONS: Mapping[str, Callable[[Node], None]] = {
    "Abs": _elementwise(ops.abs),
    "Add": _elementwise(ops.add),
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "Clip": _clip,
    "Div": _elementwise(ops.divide),
    "Dropout": _same,
    "Equal": _elementwise(ops.equal),
    "Erf": _elementwise(ops.erf),
    "Exp": _elementwise(ops.exp),
    "Greater": _elementwise(ops.greater),
    "GreaterOrEqual": _elementwise(ops.greater_equal),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _elementwise(ops.hard_silu),
    "Identity": _same,
    "LeakyRelu": _leaky_relu,
    "Less": _elementwise(ops.less),
    "LessOrEqual": _elementwise(ops.less_equal),
    "Log": _elementwise(ops.log),
    "LogSoftmax": _log_softmax,
    "Max": _folded(ops.maximum),
    "Min": _folded(ops.minimum),
    "Mul": _elementwise(ops.multiply),
    "Neg": _elementwise(ops.negative),
    "Pow": _elementwise(ops.power),
    "Reciprocal": _elementwise(ops.reciprocal),
    "Relu": _relu,
    "Sigmoid": _elementwise(ops.sigmoid),
    "Sign": _elementwise(ops.sign),
    "Softmax": _softmax,
    "Softplus": _elementwise(ops.softplus),
    "Sqrt": _elementwise(ops.sqrt),
    "Sub": _elementwise(ops.subtract),
    "Sum": _folded(ops.add),
    "Tanh": _elementwise(ops.tanh),
    "Where": _elementwise(ops.where),
}
