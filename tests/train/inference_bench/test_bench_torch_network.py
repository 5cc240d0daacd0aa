"""The bundle's network in PyTorch; needs torch, which no other test does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

pytest.importorskip("torch")

import torch

from pneumoscope.bundle import GOLDEN, MODEL, open_bundle
from pneumoscope.errors import BenchError
from pneumoscope.train.inference_bench import torch_network


@pytest.mark.parametrize("name", ["children", "adults"])
def test_a_shipped_network_gives_its_golden_outputs(name: str) -> None:
    folder = open_bundle(name).path
    body, head = torch_network.read(folder / MODEL)
    with np.load(folder / GOLDEN) as golden:
        inputs, expected = golden["inputs"][:4], golden["probabilities"][:4]
    maps = body(torch.from_numpy(inputs))
    assert maps.shape == (4, 128, 16, 16)
    np.testing.assert_allclose(head(maps).numpy(), expected, atol=1e-5)


def written(path: Path, *nodes: onnx.NodeProto) -> Path:
    weight = numpy_helper.from_array(np.ones((2, 1, 3, 3), np.float32), "weight")
    ends = [
        helper.make_tensor_value_info("films", TensorProto.FLOAT, ["n", 1, 4, 4]),
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, None),
    ]
    graph = helper.make_graph(list(nodes), "net", ends[:1], ends[1:], [weight])
    onnx.save(helper.make_model(graph), str(path))
    return path


def convolution(source: str, output: str, pads: tuple[int, ...]) -> onnx.NodeProto:
    options = {"pads": pads, "strides": (1, 1), "dilations": (1, 1), "group": 1}
    return helper.make_node("Conv", [source, "weight"], [output], **options)


def test_uneven_padding_is_as_in_onnx(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Neg", ["films"], ["maps"]),
        convolution("maps", "sums", (0, 0, 1, 1)),  # a row below and a column on the right
        helper.make_node("Neg", ["sums"], ["probabilities"]),
    ]
    body, head = torch_network.read(written(tmp_path / "net.onnx", *nodes))
    result = head(body(torch.ones(1, 1, 4, 4)))
    assert result[0, 0].tolist() == [[9.0, 9.0, 6.0], [9.0, 9.0, 6.0], [6.0, 6.0, 4.0]]


def test_an_unknown_operator_is_named(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Neg", ["films"], ["maps"]),
        convolution("maps", "sums", (1, 1, 1, 1)),
        helper.make_node("Erf", ["sums"], ["probabilities"]),
    ]
    with pytest.raises(BenchError, match="the operator Erf is not known"):
        torch_network.read(written(tmp_path / "net.onnx", *nodes))


def test_a_network_without_maps_is_an_error(tmp_path: Path) -> None:
    node = helper.make_node("Neg", ["films"], ["probabilities"])
    with pytest.raises(BenchError, match="no last feature maps"):
        torch_network.read(written(tmp_path / "net.onnx", node))
