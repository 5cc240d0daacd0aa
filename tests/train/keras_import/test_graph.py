"""Graphs of saved models in terms of Keras 3; the configurations are those of Keras 2.15."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from pneumoscope.train.keras_import.graph import translated


def function(name: str, node: list[Any]) -> dict[str, Any]:
    """A layer that calls a function of TensorFlow, as Keras 2 saved it."""
    return {
        "class_name": "TFOpLambda",
        "config": {"name": "op", "trainable": True, "dtype": "float32", "function": name},
        "name": "op",
        "build_config": {"input_shape": [None, 8, 8, 3]},
        "inbound_nodes": [node],
    }


def model(*layers: dict[str, Any], output: str = "op") -> dict[str, Any]:
    return {
        "layers": list(layers),
        "input_layers": [["a", 0, 0]],
        "output_layers": [[output, 0, 0]],
    }


def layer(kind: str, name: str, *inbound: list[Any]) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": name}, "name": name, "inbound_nodes": [list(inbound)]}  # fmt: skip


A = ["a", 0, 0]


@pytest.mark.parametrize(
    ("name", "node", "scale", "offset"),
    [
        ("math.truediv", [*A, {"y": 127.5, "name": None}], 1 / 127.5, 0.0),
        ("__operators__.truediv", [*A, {"y": 4, "name": None}], 0.25, 0.0),
        ("math.subtract", [*A, {"y": 1.0, "name": None}], 1.0, -1.0),
        ("__operators__.add", [*A, {"y": 3.0, "name": None}], 1.0, 3.0),
        ("math.multiply", [*A, {"y": 2.0, "name": None}], 2.0, 0.0),
        ("nn.bias_add", [*A, {"bias": [-103.9, -116.8, -123.7]}], 1.0, [-103.9, -116.8, -123.7]),
        ("math.truediv", [*A, {"y": [0.5, 0.25, 2.0]}], [2.0, 4.0, 0.5], 0.0),
        ("math.subtract", ["_CONSTANT_VALUE", -1, 1.0, {"y": A, "name": None}], -1.0, 1.0),
        ("math.negative", [*A, {"name": None}], -1.0, 0.0),
    ],
)
def test_arithmetic_with_constants_is_rescaling(
    name: str, node: list[Any], scale: float, offset: float
) -> None:
    (entry,) = translated(model(function(name, node)))["layers"]
    assert entry["class_name"] == "Rescaling"
    assert entry["config"]["scale"] == pytest.approx(scale)
    assert entry["config"]["offset"] == pytest.approx(offset)
    assert entry["inbound_nodes"] == [[["a", 0, 0, {}]]]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("__operators__.add", "Add"), ("math.multiply", "Multiply"), ("math.subtract", "Subtract")],
)
def test_arithmetic_with_two_tensors_is_a_layer(name: str, kind: str) -> None:
    node = [*A, {"y": ["b", 0, 0], "name": None}]
    (entry,) = translated(model(function(name, node)))["layers"]
    assert entry["class_name"] == kind
    assert entry["inbound_nodes"] == [[["a", 0, 0, {}], ["b", 0, 0, {}]]]
    assert "build_config" not in entry


WHOLE = {"start": None, "stop": None, "step": None}
BACKWARDS = {"start": None, "stop": None, "step": -1}


@pytest.mark.parametrize("spec", [["...", BACKWARDS], [WHOLE, WHOLE, WHOLE, BACKWARDS]])
def test_reversed_channels(spec: list[Any]) -> None:
    entry = function("__operators__.getitem", [*A, {"slice_spec": spec}])
    entry["class_name"] = "SlicingOpLambda"
    (flipped,) = translated(model(entry))["layers"]
    assert (flipped["class_name"], flipped["config"]["axis"]) == ("Flip", -1)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("io.read_file", {}),
        ("math.truediv", {"y": 0.0}),
        ("math.truediv", {"y": ["b", 0, 0]}),
        ("math.multiply", {"y": "2"}),
        ("cast", {"dtype": "int32"}),
        ("__operators__.getitem", {"slice_spec": [{"start": 1, "stop": None, "step": None}]}),
    ],
)
def test_other_functions_stay_functions(name: str, arguments: dict[str, Any]) -> None:
    (entry,) = translated(model(function(name, [*A, arguments])))["layers"]
    assert entry["class_name"] == "TFOpLambda"


def test_a_cast_to_floats_changes_nothing() -> None:
    (entry,) = translated(model(function("cast", [*A, {"dtype": "float32"}])))["layers"]
    assert entry["config"]["activation"] == "linear"


def test_calls_of_nested_models_are_counted_from_0() -> None:
    base = {**layer("Functional", "base", ["a", 0, 0, {"training": False}])}
    twice = {**base, "inbound_nodes": [[["a", 0, 0, {}]], [["a", 0, 0, {}]]]}
    pool = layer("GlobalAveragePooling2D", "op", ["base", 1, 0, {}])
    assert translated(model(base, pool))["layers"][1]["inbound_nodes"] == [[["base", 0, 0, {}]]]
    both = layer("Add", "op", ["base", 1, 0, {}], ["base", 2, 0, {}])
    nodes = translated(model(twice, both))["layers"][1]["inbound_nodes"]
    assert nodes == [[["base", 0, 0, {}], ["base", 1, 0, {}]]]
    three = layer("Add", "op", ["base", 0, 0, {}], ["base", 1, 0, {}])  # as Keras 3 has it
    expected = copy.deepcopy(three["inbound_nodes"])
    assert translated(model(twice, three))["layers"][1]["inbound_nodes"] == expected


def test_slashes_leave_the_names() -> None:
    first, second = layer("Conv2D", "conv1/conv", [*A, {}]), layer("ReLU", "op", ["conv1/conv", 0, 0, {}])  # fmt: skip
    entries = translated(model(first, second))["layers"]
    assert entries[0]["name"] == entries[0]["config"]["name"] == "conv1__conv"
    assert entries[1]["inbound_nodes"] == [[["conv1__conv", 0, 0, {}]]]
