"""Nodes and values of an ONNX graph, as `from_onnx` walks through it.

ONNX convolves channels first, TensorFlow channels last. Every value is stored in Keras' order, along
with the order of axes that ONNX uses, so that most transpositions disappear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from pneumoscope.errors import ConversionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Axes = tuple[int, ...]

CHANNELS_FIRST = (0, 3, 1, 2)
"""ONNX's order of axes for a value that is stored channels last."""

HINT = "Export formats that read ONNX themselves (onnx, openvino), or report the graph."


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A tensor of the graph: ONNX sees ``transpose(stored, axes)``."""

    stored: Any
    axes: Axes

    def plain(self) -> Any:
        """In ONNX's order of axes."""
        if self.axes == tuple(range(len(self.axes))):
            return self.stored
        return ops.transpose(self.stored, self.axes)

    def in_order(self, axes: Axes) -> Any:
        """Stored so that `axes` gives ONNX's order."""
        if self.axes == axes:
            return self.stored
        back = tuple(int(i) for i in np.argsort(axes))
        return ops.transpose(self.stored, tuple(self.axes[i] for i in back))


class Node:
    """One node with its inputs looked up."""

    def __init__(self, node: Any, values: dict[str, NDArray[Any] | Value], opset: int) -> None:
        import onnx

        self.node, self.values, self.opset = node, values, opset
        self.kind: str = node.op_type
        self.attributes: dict[str, Any] = {
            a.name: onnx.helper.get_attribute_value(a) for a in node.attribute
        }
        self.inputs = [values[name] if name else None for name in node.input]

    def refuse(self, why: str = "") -> ConversionError:
        domain = f"{self.node.domain}." if self.node.domain else ""
        what = f" {why}" if why else ""
        return ConversionError(
            f"operator {domain}{self.kind}{what} has no translation to Keras", HINT
        )

    def value(self, i: int = 0) -> Value:
        """An input that depends on the film."""
        given = self.inputs[i]
        if not isinstance(given, Value):
            raise self.refuse(f"of a constant as input {i}")
        return given

    def constant(self, i: int, attribute: str = "") -> NDArray[Any] | None:
        """A constant input, or the attribute of older operator sets; None if it is missing."""
        if attribute in self.attributes:
            return np.asarray(self.attributes[attribute])
        given = self.inputs[i] if i < len(self.inputs) else None
        if isinstance(given, Value):
            raise self.refuse(f"with a computed input {i}")
        return given

    def needed(self, i: int, attribute: str = "") -> NDArray[Any]:
        constant = self.constant(i, attribute)
        if constant is None:
            raise self.refuse(f"without input {i}")
        return constant

    def give(self, stored: Any, axes: Axes | None = None) -> None:
        order = axes if axes is not None else tuple(range(len(stored.shape)))
        self.values[self.node.output[0]] = Value(stored, order)
