"""What the gate sees of a film: feature maps from the middle of the network, pooled to a grid.

The last maps know little but lungs; those in the middle still tell a film from a cat, and cells of
a grid tell what is up. They are one more output of ``model.onnx`` and cost next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onnx import ModelProto

OUTPUT = "features"
GRID = 4
"""Cells along each side."""
MIDDLE = (0.55, 0.75)
"""Where among a network's convolutions the middle is. For MobileNetV2 at 128 pixels the maps of
block 12 (96 channels of 8 x 8) told turned, cut and foreign pictures apart as well as larger ones."""
_MAPS = frozenset({"Add", "Clip", "Concat", "Erf", "HardSwish", "LeakyRelu", "Mul", "Relu"})


def add(model: ModelProto) -> bool:
    """Gives a network the output `OUTPUT`, float32 (n, channels * cells), in place.

    Args:
        model: Its nodes in the order of computation.

    Returns:
        False if it has no square maps to pool; it is left as it was.
    """
    from onnx import TensorProto, helper

    middle = _middle(model)
    if middle is None:
        return False
    name, channels, side = middle
    graph = model.graph
    stride = max(1, side // GRID)
    cells = min(GRID, side)
    kernel = side - (cells - 1) * stride
    graph.node.extend(
        [
            helper.make_node(
                "AveragePool",
                [name],
                ["gate_cells"],
                name="gate_cells",
                kernel_shape=[kernel, kernel],
                strides=[stride, stride],
            ),
            helper.make_node("Flatten", ["gate_cells"], [OUTPUT], name="gate_features", axis=1),
        ]
    )
    graph.output.append(
        helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", channels * cells * cells])
    )
    return True


def _middle(model: ModelProto) -> tuple[str, int, int] | None:
    """The last maps in the middle that have few channels: name, channels, side."""
    from onnx import shape_inference

    graph: Any = shape_inference.infer_shapes(model).graph
    shapes = {
        value.name: [d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in graph.value_info
    }
    total = sum(node.op_type == "Conv" for node in graph.node)
    low, high = (round(share * total) for share in MIDDLE)
    seen, found = 0, []
    for node in graph.node:
        seen += node.op_type == "Conv"
        shape = shapes.get(node.output[0], [])
        if node.op_type not in _MAPS or len(shape) != 4 or shape[2] != shape[3] or shape[2] < 2:
            continue
        if min(low, total - 1) <= seen <= max(high, 1):
            found.append((node.output[0], shape[1], shape[2]))
    few = 2 * min((channels for _, channels, _ in found), default=0)
    return next((maps for maps in reversed(found) if maps[1] <= few), None)
