"""Nodes that are merged, by networks of a few numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest

onnx = pytest.importorskip("onnx", reason="needs the [train] extra")
from onnx import TensorProto, helper, numpy_helper

from pneumoscope.train.export.simplify import simplify

FILM = np.array([[[-9.0], [-1.0]], [[0.5], [7.0]]], np.float32)[None]


def network(nodes: list[Any], outputs: list[str], **constants: Any) -> onnx.ModelProto:
    """A network over `films`, float32 (n, 2, 2, 1)."""
    films = helper.make_tensor_value_info("films", TensorProto.FLOAT, ["n", 2, 2, 1])
    graph = helper.make_graph(
        nodes,
        "network",
        [films],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, list("nabc")) for name in outputs],
        [numpy_helper.from_array(np.asarray(v, np.float32), n) for n, v in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)


def run(model: onnx.ModelProto) -> list[np.ndarray]:
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"films": FILM})


def kinds(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def node(kind: str, inputs: str, output: str, **attributes: Any) -> Any:
    return helper.make_node(kind, inputs.split(), [output], name=output, **attributes)


@pytest.mark.parametrize("order", ["Min Max", "Max Min"])
@pytest.mark.parametrize("first", [True, False])
def test_two_limits_become_one(order: str, first: bool) -> None:
    limits = {"Min": "high", "Max": "low"}
    inner, outer = order.split()
    model = network(
        [
            node(inner, f"films {limits[inner]}" if first else f"{limits[inner]} films", "inner"),
            node(outer, f"inner {limits[outer]}", "limited"),
        ],
        ["limited"],
        low=-3.0,
        high=3.0,
    )
    simplify(model)
    assert kinds(model) == ["Clip"]
    assert run(model)[0].ravel().tolist() == [-3.0, -1.0, 0.5, 3.0]
    assert len(model.graph.initializer) == 2


def test_limits_that_exclude_each_other_stay() -> None:
    model = network(
        [node("Min", "films high", "inner"), node("Max", "inner low", "limited")],
        ["limited"],
        low=3.0,
        high=-3.0,
    )
    simplify(model)
    assert kinds(model) == ["Min", "Max"]
    assert run(model)[0].ravel().tolist() == [3.0] * 4


def test_a_value_between_the_limits_that_is_used_elsewhere_stays() -> None:
    model = network(
        [node("Min", "films high", "inner"), node("Max", "inner low", "limited")],
        ["limited", "inner"],
        low=-3.0,
        high=3.0,
    )
    simplify(model)
    assert kinds(model) == ["Min", "Max"]


def convolution(*, scaled: bool = True, second: str = "grey", perm: Any = (0, 3, 1, 2)) -> Any:
    """Three copies of a film, and one filter of 2 x 2 with other weights for each."""
    weights = np.arange(12).reshape(1, 3, 2, 2)
    begin = [node("Mul", "half films", "grey")] if scaled else [node("Abs", "films", "grey")]
    rest = [
        node("Concat", f"grey {second} grey", "three", axis=3),
        node("Transpose", "three", "first", perm=list(perm)),
        node("Conv", "first weights bias", "maps", pads=[0, 0, 1, 1]),
    ]
    return network([*begin, *rest], ["maps"], half=0.5, weights=weights, bias=[1.0])


def test_a_film_is_not_computed_three_times() -> None:
    before, after = convolution(), convolution()
    simplify(after)
    assert kinds(after) == ["Transpose", "Conv"]
    # The sums of the weights are 12, 15, 18 and 21, times one half.
    assert run(after)[0][0, 0, 0, 0] == 1 + (12 * -9 + 15 * -1 + 18 * 0.5 + 21 * 7) / 2
    assert run(after)[0] == pytest.approx(run(before)[0])
    assert {c.name: c.dims for c in after.graph.initializer} == {
        "bias": [1],
        "weights_grey": [1, 1, 2, 2],
    }


def test_a_film_without_a_factor() -> None:
    before, after = convolution(scaled=False), convolution(scaled=False)
    simplify(after)
    assert kinds(after) == ["Abs", "Transpose", "Conv"]
    assert run(after)[0] == pytest.approx(run(before)[0])


@pytest.mark.parametrize("change", [{"second": "films"}, {"perm": (0, 3, 2, 1)}])
def test_channels_that_differ_or_turn_stay(change: dict[str, Any]) -> None:
    before, after = convolution(**change), convolution(**change)
    simplify(after)
    assert kinds(after) == kinds(before)
    assert run(after)[0] == pytest.approx(run(before)[0])
