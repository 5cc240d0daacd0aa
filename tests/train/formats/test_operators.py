"""Operators by family, each against ONNX Runtime."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnx_graphs import graph
from pneumoscope.errors import ConversionError

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    from onnx import helper

    from pneumoscope.train.formats import from_onnx


# Keras' own saving warns under NumPy 2.
pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")]


REPEATED = {
    "mode": "nearest",
    "nearest_mode": "floor",
    "coordinate_transformation_mode": "asymmetric",
}


@pytest.mark.parametrize(
    "nodes",
    [
        [("Transpose", ["x"], "a", {"perm": [0, 3, 1, 2]}), ("ReduceMean", ["a"], "y", {"axes": [1, 2], "keepdims": 0})],
        [("Transpose", ["x"], "a", {"perm": [0, 2, 3, 1]}), ("Softmax", ["a"], "y", {"axis": 3})],
        [("Transpose", ["x"], "a", {"perm": [0, 3, 2, 1]}), ("Add", ["a", "x"], "y", {})],
        [("Transpose", ["x"], "a", {"perm": [0, 3, 2, 1]}), ("Mul", ["grid", "a"], "y", {})],
        [("Transpose", ["x"], "a", {"perm": [0, 3, 2, 1]}), ("Concat", ["a", "a"], "y", {"axis": 2})],
        [("Sub", ["grid", "x"], "a", {}), ("Transpose", ["a"], "b", {"perm": [0, 3, 1, 2]}), ("LeakyRelu", ["b"], "y", {"alpha": 0.3})],
        [("HardSigmoid", ["x"], "y", {"alpha": 0.01, "beta": 0.1})],
        [("Transpose", ["x"], "a", {"perm": [0, 3, 1, 2]}), ("MaxPool", ["a"], "b", {"kernel_shape": [2, 2], "strides": [2, 2]}), ("Flatten", ["b"], "y", {})],
        [("Sub", ["grid", "x"], "a", {}), ("Transpose", ["a"], "b", {"perm": [0, 3, 1, 2]}), ("MaxPool", ["b"], "y", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]})],
        [("Relu", ["x"], "a", {}), ("Transpose", ["a"], "b", {"perm": [0, 3, 1, 2]}), ("MaxPool", ["b"], "y", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]})],
        [("Max", ["low", "grid", "x"], "y", {})],
        [("Transpose", ["x"], "a", {"perm": [0, 3, 2, 1]}), ("Min", ["a", "x", "high", "grid"], "y", {})],
        [("Max", ["x"], "y", {})],
        [("Sum", ["grid", "x", "high"], "y", {})],
        [("Slice", ["x", "starts", "ends"], "y", {})],
        [("Transpose", ["x"], "a", {"perm": [0, 3, 2, 1]}), ("LogSoftmax", ["a"], "y", {"axis": 3})],
        [("Transpose", ["x"], "a", {"perm": [0, 3, 1, 2]}), ("Resize", ["a", "", "scales"], "y", {"mode": "linear"})],
        [("Transpose", ["x"], "a", {"perm": [0, 3, 1, 2]}), ("Resize", ["a", "", "scales"], "y", REPEATED)],
    ],
)  # fmt: skip
def test_the_same_as_onnx_runtime(nodes: list[tuple[str, list[str], str, dict[str, Any]]], tmp_path: Path) -> None:  # fmt: skip
    """Asymmetric films through transpositions and paddings."""
    import onnxruntime

    made = [helper.make_node(kind, ins, [out], **more) for kind, ins, out, more in nodes]
    file = graph(tmp_path / "g.onnx", *made)
    films = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 1)).astype(np.uint8)
    (expected,) = onnxruntime.InferenceSession(str(file)).run(None, {"films": films})
    y = np.asarray(from_onnx.keras_model(file)(films)["y"])
    assert y.shape == expected.shape
    assert np.allclose(y, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("scales", "more", "why"),
    [
        ("broken_scales", {"mode": "linear"}, "whole factors"),
        ("scales", {"mode": "cubic"}, "bilinear at half pixels"),
        (
            "scales",
            {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
            "bilinear",
        ),
    ],
)
def test_other_ways_to_resize_are_refused(
    scales: str, more: dict[str, Any], why: str, tmp_path: Path
) -> None:
    nodes = [
        helper.make_node("Transpose", ["x"], ["a"], perm=[0, 3, 1, 2]),
        helper.make_node("Resize", ["a", "", scales], ["y"], **more),
    ]
    with pytest.raises(ConversionError, match=why):
        from_onnx.keras_model(graph(tmp_path / "g.onnx", *nodes))
