"""The features that the gate reads, in ONNX graphs made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from pneumoscope.train.gate import features


def network(sides: tuple[int, ...]) -> onnx.ModelProto:
    """A chain of 1 x 1 convolutions of 2 channels with ReLU, at the given sides."""
    nodes, weights, name = [], [], "films"
    for i, side in enumerate(sides):
        weights.append(onnx.numpy_helper.from_array(np.ones((2, 2, 1, 1), np.float32), f"w{i}"))
        nodes += [
            helper.make_node("Conv", [name, f"w{i}"], [f"c{i}"], strides=[sides[max(i - 1, 0)] // side] * 2),
            helper.make_node("Relu", [f"c{i}"], [f"r{i}"]),
        ]  # fmt: skip
        name = f"r{i}"
    nodes.append(helper.make_node("GlobalAveragePool", [name], ["out"]))
    graph = helper.make_graph(
        nodes, "chain",
        [helper.make_tensor_value_info("films", TensorProto.FLOAT, ["n", 2, sides[0], sides[0]])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 2, 1, 1])],
        weights,
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def test_the_middle_maps_become_a_grid() -> None:
    model = network((16, 16, 8, 8, 8, 4, 4, 4))
    assert features.add(model)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    x = np.random.default_rng(0).random((3, 2, 16, 16), np.float32)
    grid = session.run([features.OUTPUT], {"films": x})[0]
    # The sixth of eight convolutions is the last in the middle: 4 x 4 cells of 2 channels, each the
    # sum of both channels, doubled five times.
    expected = np.repeat(x[:, :, ::4, ::4].sum(1, keepdims=True) * 2**5, 2, axis=1)
    np.testing.assert_allclose(grid, expected.reshape(3, -1), rtol=1e-5)


def test_the_graph_turns_cells_as_numpy_does(tmp_path: Path) -> None:
    model = network((16, 16, 8, 8, 8, 4, 4, 4))
    assert features.add(model)
    file = tmp_path / "model.onnx"
    onnx.save(model, str(file))
    rng = np.random.default_rng(0)
    x = rng.random((3, 2, 16, 16), np.float32)
    before = onnxruntime.InferenceSession(str(file)).run([features.OUTPUT], {"films": x})[0]
    axes = features.Axes(
        before.mean(axis=0),
        np.full(32, 0.1 * before.std(), np.float32),  # some are cut
        rng.standard_normal((32, 5)).astype(np.float16).astype(np.float32),  # as stored
        rng.standard_normal(5).astype(np.float32),
    )
    features.project(file, axes)
    session = onnxruntime.InferenceSession(str(file))
    assert session.get_outputs()[-1].shape == ["n", 5]
    coordinates = session.run([features.OUTPUT], {"films": x})[0]
    np.testing.assert_allclose(coordinates, axes.coordinates(before), rtol=1e-4, atol=1e-4)
    assert np.abs((before - axes.mean) / axes.scale).max() > features.CLIP
    again = onnxruntime.InferenceSession(features.with_cells(file))
    np.testing.assert_array_equal(again.run([features.CELLS], {"films": x})[0], before)


def test_a_network_without_maps_has_no_gate() -> None:
    graph = helper.make_graph(
        [helper.make_node("Relu", ["films"], ["out"])],
        "none",
        [helper.make_tensor_value_info("films", TensorProto.FLOAT, ["n", 5])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 5])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    assert not features.add(model)
    assert [output.name for output in model.graph.output] == ["out"]
