"""From ``model.onnx`` back to Keras: the graph's operators become layers, one by one.

A bundle contains only ONNX, and the formats of the TensorFlow family start from Keras. onnx2tf (MIT)
translates any graph, but pins numpy, TensorFlow and a dozen other packages to single versions, so it
cannot share an environment with pneumoscope. This module knows the operators that tf2onnx makes of
networks for pictures; any other is refused by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import layers

from pneumoscope.errors import ConversionError
from pneumoscope.files import cause
from pneumoscope.train.formats.onnx_node import HINT, Node, Value
from pneumoscope.train.formats.operators import arithmetic, shapes
from pneumoscope.train.formats.operators import layers as layer_operators

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


_TRANSLATIONS = {
    **arithmetic.TRANSLATIONS,
    **shapes.TRANSLATIONS,
    **layer_operators.TRANSLATIONS,
}
"""Operator to what translates a node of it; each puts its output into the node's values."""


def keras_model(onnx_file: Path) -> Any:
    """Builds a Keras model that computes the same function.

    Args:
        onnx_file: One input of fixed size apart from its first axis, the batch.

    Returns:
        A functional ``keras.Model`` with the input's name and dtype, and a dictionary of the
        graph's outputs by name, in ONNX's axis order. Convolutions and dense layers are Keras
        layers with weights.

    Raises:
        ConversionError: The file cannot be read as ONNX, or the graph has an operator, or a use of
            one, without a translation here; the message names it.
    """
    import onnx

    try:
        model = onnx.load(str(onnx_file))
    except Exception as error:  # protobuf raises its own classes
        raise ConversionError(f"{onnx_file}: is not an ONNX file", cause(error)) from error
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
    graph = model.graph
    given = [i for i in graph.input if i.name not in {c.name for c in graph.initializer}]
    if len(given) != 1:
        raise ConversionError(f"the graph has {len(given)} inputs, not one", HINT)
    shape = tuple(d.dim_value or None for d in given[0].type.tensor_type.shape.dim[1:])
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(given[0].type.tensor_type.elem_type))
    films = keras.Input(shape, name=given[0].name, dtype=dtype.name)
    values: dict[str, NDArray[Any] | Value] = {
        c.name: onnx.numpy_helper.to_array(c) for c in graph.initializer
    }
    values[given[0].name] = Value(films, tuple(range(len(shape) + 1)))
    for node in graph.node:
        _run(Node(node, values, opset))
    outputs = {}
    for output in graph.output:
        value = values[output.name]
        if not isinstance(value, Value):
            raise ConversionError(f"output {output.name} does not depend on the film", HINT)
        # A layer of that name, so that exported signatures and saved models have it too.
        outputs[output.name] = layers.Activation("linear", name=output.name)(value.plain())
    return keras.Model(films, outputs, name="pneumoscope")


def _run(node: Node) -> None:
    """Translates a node, or computes it at once if it depends on constants only."""
    if node.kind == "Constant":
        node.values[node.node.output[0]] = _fold(node)
    elif node.kind == "Shape":
        value = node.value()
        shape = [value.stored.shape[a] for a in value.axes]
        # -1 is the unknown number of films; products with it stay negative, see _reshape.
        node.values[node.node.output[0]] = np.array([-1 if d is None else d for d in shape])
    elif node.node.domain not in ("", "ai.onnx"):
        raise node.refuse()
    elif not any(isinstance(i, Value) for i in node.inputs):
        node.values[node.node.output[0]] = _fold(node)
    else:
        translate = _TRANSLATIONS.get(node.kind)
        if translate is None:
            raise node.refuse()
        translate(node)


def _fold(node: Node) -> NDArray[Any]:
    import onnx
    from onnx.reference import ReferenceEvaluator

    if len(node.node.output) != 1:
        raise node.refuse("with several outputs")
    given = {n: v for n, v in zip(node.node.input, node.inputs, strict=True) if n}
    graph = onnx.helper.make_graph(
        [node.node],
        "constant",
        [onnx.ValueInfoProto(name=n) for n in given],
        [onnx.ValueInfoProto(name=node.node.output[0])],
    )
    opset = onnx.helper.make_opsetid("", node.opset)
    model = onnx.helper.make_model(graph, opset_imports=[opset])
    return np.asarray(ReferenceEvaluator(model).run(None, given)[0])
