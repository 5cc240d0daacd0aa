"""A bundle with one convolution and one dense layer, whose Grad-CAM can be computed by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pneumoscope.bundle import CARD, GOLDEN, MODEL, Bundle, write_bundle
from tiny import TINY_SIZE, tiny_meta

CELLS, CHANNELS = 8, 4
KERNEL = np.random.default_rng(3).normal(size=(CHANNELS, 1, 4, 4)).astype(np.float32)
HEAD = np.random.default_rng(4).normal(size=(CHANNELS, 3)).astype(np.float32)


def conv_bundle(folder: Path, offset: float = 0.0) -> Bundle:
    """Films / 255 -> 4 channels of 8 x 8 -> ReLU -> mean -> 3 logits without biases.

    The heatmaps are sum_k w_k A_k / 64 without a ReLU, so that a map's sum is the logit. ``offset`` is
    added to the head, to make another bundle.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    head = HEAD + np.float32(offset)
    constants = {
        "full": np.float32(255.0),
        "kernel": KERNEL,
        "head": head,
        "alpha": (head.T / CELLS**2)[None],  # the copy of the head that Grad-CAM has
        "flat": np.array([0, CHANNELS, CELLS * CELLS], np.int64),
        "square": np.array([0, 3, CELLS, CELLS], np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["films"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["grey", "full"], ["x"]),
        helper.make_node("Transpose", ["x"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "kernel"], ["response"], name="conv", strides=[4, 4]),
        helper.make_node("Relu", ["response"], ["features"]),
        helper.make_node("Reshape", ["features", "flat"], ["cells"]),
        helper.make_node("MatMul", ["alpha", "cells"], ["maps"], name="cam"),
        helper.make_node("Reshape", ["maps", "square"], ["heatmaps"]),
        helper.make_node("ReduceMean", ["cells"], ["embedding"], axes=[2], keepdims=0),
        helper.make_node("MatMul", ["embedding", "head"], ["logits"], name="dense"),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    size = TINY_SIZE
    graph = helper.make_graph(
        nodes,
        "conv",
        [helper.make_tensor_value_info("films", TensorProto.UINT8, ["n", size, size, 1])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 3]),
            helper.make_tensor_value_info("heatmaps", TensorProto.FLOAT, ["n", 3, CELLS, CELLS]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", CHANNELS]),
        ],
        [numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    parts = folder / "parts"
    parts.mkdir(parents=True)
    onnx.save(model, str(parts / MODEL))
    (parts / CARD).write_text("# conv\n")
    np.savez(parts / GOLDEN, inputs=np.zeros((1, size, size, 1), np.uint8),
             probabilities=np.full((1, 3), 1 / 3, np.float32))  # fmt: skip
    files = {name: parts / name for name in (MODEL, GOLDEN, CARD)}
    return write_bundle(folder / "bundle", tiny_meta(name="conv", source_size=size), files)
