"""Small ONNX graphs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper


def graph(path: Path, *nodes: onnx.NodeProto, domain: str = "") -> Path:
    """Films (n, 4, 4, 1) uint8 as float "x", then the nodes up to "y"."""
    first = helper.make_node("Cast", ["films"], ["x"], to=TensorProto.FLOAT)
    whole = helper.make_graph(
        [first, *nodes],
        "g",
        [helper.make_tensor_value_info("films", TensorProto.UINT8, ["n", 4, 4, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [
            onnx.numpy_helper.from_array(np.arange(16, dtype=np.float32).reshape(4, 4, 1), "grid"),
            onnx.numpy_helper.from_array(np.float32(20), "low"),
            onnx.numpy_helper.from_array(np.float32(100), "high"),
            onnx.numpy_helper.from_array(np.array([0, 1], np.int64), "starts"),
            onnx.numpy_helper.from_array(np.array([10**9, 10**9], np.int64), "ends"),
            onnx.numpy_helper.from_array(np.array([1, 1, 3, 2], np.float32), "scales"),
            onnx.numpy_helper.from_array(np.array([1, 1, 1.5, 2], np.float32), "broken_scales"),
        ],
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(whole, opset_imports=opsets, ir_version=8), str(path))
    return path
