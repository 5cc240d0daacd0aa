"""What the gate sees of a film: feature maps from the middle of the network, pooled to a grid.

The last maps represent little but lungs. Maps from the middle still distinguish a film from a cat, and
the cells of a grid show which side is up. They are one more output of ``model.onnx``. When the gate is
fitted, they are projected onto the main axes of chest films. This too is computed inside the graph:
NumPy's threads would compete with those that read films.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.files import replacing

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from onnx import ModelProto

OUTPUT = "features"
CELLS = "gate_cells_flat"
"""The pooled maps, (n, channels * cells): `OUTPUT` itself until `project` is applied."""
CLIP = 6.0
"""Standard deviations at which a cell is clipped."""
GRID = 4
"""Cells along each side."""
MIDDLE = (0.55, 0.75)
"""Where the middle lies among a network's convolutions. For MobileNetV2 at 128 pixels, the maps of
block 12 (96 channels of 8 x 8) separated turned, cut and foreign pictures as well as larger maps."""
_MAPS = frozenset({"Add", "Clip", "Concat", "Erf", "HardSwish", "LeakyRelu", "Mul", "Relu"})


def add(model: ModelProto) -> bool:
    """Gives a network the output `OUTPUT`, float32 (n, channels * cells), in place.

    Args:
        model: The network, with its nodes in the order of computation.

    Returns:
        False if it has no square maps to pool; then it is not changed.
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


@dataclass(frozen=True, slots=True, eq=False)
class Axes:
    """The main axes of chest films.

    Attributes:
        mean: float32 (d,), mean of the cells.
        scale: float32 (d,), by which cells are divided before they are clipped at `CLIP`.
        axes: float32 (d, k), scaled to unit variance over chest films. In a model they are float16.
        centre: float32 (k,), mean of chest films along the axes.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    axes: NDArray[np.float32]
    centre: NDArray[np.float32]

    def coordinates(self, cells: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Cells (n, d) along the axes, float32 (n, k)."""
        x = np.clip((cells - self.mean) / self.scale, -CLIP, CLIP)
        return np.asarray(x @ self.axes - self.centre, np.float32)


def project(file: Path, axes: Axes) -> None:
    """Makes a network output coordinates along the axes instead of cells.

    Args:
        file: ``model.onnx``, with the output that `add` made; replaced in one step.
        axes: What `OUTPUT` is projected onto.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(str(file))
    graph = model.graph
    (flatten,) = (node for node in graph.node if OUTPUT in node.output)
    flatten.output[0] = CELLS
    constants = {
        "gate_mean": axes.mean,
        "gate_scale": axes.scale,
        "gate_low": np.float32(-CLIP),
        "gate_high": np.float32(CLIP),
        # By far the largest: as float16 it takes 1.2 MB less of every bundle.
        "gate_axes_stored": axes.axes.astype(np.float16),
        "gate_centre": axes.centre,
    }
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()
    )
    steps = (
        ("Sub", [CELLS, "gate_mean"], "gate_centred"),
        ("Div", ["gate_centred", "gate_scale"], "gate_scaled"),
        ("Clip", ["gate_scaled", "gate_low", "gate_high"], "gate_clipped"),
        ("MatMul", ["gate_clipped", "gate_axes"], "gate_turned"),
        ("Sub", ["gate_turned", "gate_centre"], OUTPUT),
    )
    cast = ("gate_axes_stored",), ("gate_axes",)
    graph.node.append(helper.make_node("Cast", *cast, name="make_gate_axes", to=TensorProto.FLOAT))
    graph.node.extend(
        helper.make_node(kind, inputs, [output], name=f"make_{output}")
        for kind, inputs, output in steps
    )
    (output,) = (value for value in graph.output if value.name == OUTPUT)
    output.type.tensor_type.shape.dim[1].dim_value = axes.axes.shape[1]
    onnx.checker.check_model(model)
    with replacing(file) as stream:
        onnx.save(model, stream)


def with_cells(file: Path) -> bytes:
    """A network that outputs `CELLS` again, to fit another gate on it."""
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load(str(file))
    model.graph.output.append(helper.make_tensor_value_info(CELLS, TensorProto.FLOAT, None))
    return bytes(model.SerializeToString())


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
    seen, middle = 0, []
    for node in graph.node:
        seen += node.op_type == "Conv"
        shape = shapes.get(node.output[0], [])
        if node.op_type not in _MAPS or len(shape) != 4 or shape[2] != shape[3] or shape[2] < 2:
            continue
        if min(low, total - 1) <= seen <= max(high, 1):
            middle.append((node.output[0], shape[1], shape[2]))
    few = 2 * min((channels for _, channels, _ in middle), default=0)
    return next((maps for maps in reversed(middle) if maps[1] <= few), None)
