"""The network of a bundle in PyTorch, made of its ``model.onnx``.

onnx2torch does this for more operators, but has had no release since 2024. Here are those of the networks
that `pneumoscope train` exports; another one is an error.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import fx, nn
from torch.nn import functional

from pneumoscope.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Attributes = Mapping[str, Any]
    Arrays = Mapping[str, NDArray[Any]]
    _Call = tuple[Callable[..., Any], tuple[Any, ...]]

OUTPUT = "probabilities"


def read(path: Path) -> tuple[fx.GraphModule, fx.GraphModule]:
    """The network up to its feature maps, and from these to the probabilities.

    Args:
        path: ``model.onnx``.

    Returns:
        Two modules. The first takes uint8 (n, size, size, 1), the second gives float32 (n, classes).
        Between them are the last feature maps, float32 (n, channels, h, w), on which all probabilities
        depend: Grad-CAM is about these.

    Raises:
        BenchError: An operator is not known here, or there are no such maps.
    """
    graph = onnx.load(str(path)).graph
    constants = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    nodes = _needed(graph.node, OUTPUT)
    cut = _last_maps(nodes)
    maps = nodes[cut].output[0]
    body = _module(nodes[: cut + 1], constants, graph.input[0].name, maps)
    return body, _module(nodes[cut + 1 :], constants, maps, OUTPUT)


def _needed(nodes: Sequence[onnx.NodeProto], output: str) -> list[onnx.NodeProto]:
    """The nodes that an output depends on, in their order."""
    names, needed = {output}, []
    for node in reversed(nodes):
        if names & set(node.output):
            names.update(node.input)
            needed.append(node)
    return needed[::-1]


def _last_maps(nodes: Sequence[onnx.NodeProto]) -> int:
    """The last node whose output is all that later ones need of earlier ones, and feeds a convolution."""
    for i in reversed(range(len(nodes) - 1)):
        earlier = {name for node in nodes[: i + 1] for name in node.output}
        later = nodes[i + 1 :]
        passed = {name for node in later for name in node.input} & earlier
        feeds = any(n.op_type == "Conv" and n.input[0] in passed for n in later)
        if passed == set(nodes[i].output) and feeds:
            return i
    raise BenchError("torch: the network has no last feature maps", "Leave it out with --ways.")


def _module(
    nodes: Sequence[onnx.NodeProto], constants: Arrays, source: str, output: str
) -> fx.GraphModule:
    root, graph = nn.Module(), fx.Graph()
    values: dict[str, fx.Node] = {source: graph.placeholder("x")}

    def value(name: str) -> fx.Node:
        if name not in values:
            buffer = f"constant_{len(values)}"
            root.register_buffer(buffer, torch.tensor(constants[name]))
            values[name] = graph.get_attr(buffer)
        return values[name]

    for node in nodes:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Conv":
            name = f"conv_{len(values)}"
            root.add_module(name, _convolution(node, attributes, constants))
            values[node.output[0]] = graph.call_module(name, (value(node.input[0]),))
            continue
        make = _OPERATORS.get(node.op_type)
        if make is None:
            raise BenchError(
                f"torch: the operator {node.op_type} is not known", "Leave it out with --ways."
            )
        numbers = [constants.get(name) for name in node.input]
        function, arguments = make(attributes, numbers)
        count = 2 if node.op_type in _BINARY else len(node.input) if node.op_type == "Concat" else 1
        inputs = tuple(value(name) for name in node.input[:count])
        given = (list(inputs),) if node.op_type == "Concat" else inputs
        values[node.output[0]] = graph.call_function(function, (*given, *arguments))
    graph.output(values[output])
    return fx.GraphModule(root, graph).eval().requires_grad_(False)


def _convolution(node: onnx.NodeProto, attributes: Attributes, constants: Arrays) -> nn.Module:
    weight = torch.tensor(constants[node.input[1]])
    top, left, bottom, right = attributes.get("pads", (0, 0, 0, 0))
    even = (top, left) == (bottom, right)
    convolution = nn.Conv2d(
        weight.shape[1] * attributes["group"],
        weight.shape[0],
        tuple(weight.shape[2:]),
        stride=tuple(attributes["strides"]),
        padding=(top, left) if even else 0,
        dilation=tuple(attributes["dilations"]),
        groups=attributes["group"],
        bias=len(node.input) > 2,
    )
    convolution.weight = nn.Parameter(weight)
    if len(node.input) > 2:
        convolution.bias = nn.Parameter(torch.tensor(constants[node.input[2]]))
    if even:
        return convolution
    return nn.Sequential(nn.ZeroPad2d((left, right, top, bottom)), convolution)


def _slices(numbers: Sequence[NDArray[Any] | None]) -> tuple[slice, ...]:
    """The index that a Slice means, from its inputs starts, ends, axes and steps."""
    starts, ends, *others = (n for n in numbers[1:] if n is not None)
    axes = others[0] if others else np.arange(len(starts))
    steps = others[1] if len(others) > 1 else np.ones(len(starts), np.int64)
    index = [slice(None)] * (int(max(axes)) + 1)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        index[int(axis)] = slice(int(start), int(end), int(step))
    return tuple(index)


def _integers(numbers: NDArray[Any] | None) -> list[int]:
    return [] if numbers is None else [int(number) for number in np.ravel(numbers)]


def _resize(x: torch.Tensor, scale: list[float]) -> torch.Tensor:
    return functional.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)


def _sized(x: torch.Tensor, shape: list[int]) -> torch.Tensor:
    # ONNX: 0 keeps the input's size.
    return x.reshape([x.shape[i] if size == 0 else size for i, size in enumerate(shape)])


def _without(x: torch.Tensor, axes: list[int]) -> torch.Tensor:
    return x.squeeze(tuple(axes))


def _with(x: torch.Tensor, axes: list[int]) -> torch.Tensor:
    for axis in sorted(axes):
        x = x.unsqueeze(axis)
    return x


def _alone(function: Callable[..., Any]) -> Callable[[Attributes, Sequence[Any]], _Call]:
    """A function that takes nothing but the inputs."""
    return lambda _attributes, _numbers: (function, ())


_BINARY = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "Div": operator.truediv,
    "Max": torch.maximum,
}
_UNARY = {
    "Sqrt": torch.sqrt,
    "Exp": torch.exp,
    "Log": torch.log,
    "Neg": torch.neg,
    "Sigmoid": torch.sigmoid,
    "Softplus": functional.softplus,
}
_OPERATORS: dict[str, Callable[[Attributes, Sequence[Any]], _Call]] = {
    **{name: _alone(function) for name, function in (_BINARY | _UNARY).items()},
    "Cast": lambda _a, _n: (torch.Tensor.float, ()),
    "Clip": lambda _a, n: (torch.clamp, (float(n[1]), float(n[2]))),
    "Concat": lambda a, _n: (torch.cat, (a["axis"],)),
    "GlobalMaxPool": lambda _a, _n: (torch.amax, ((2, 3), True)),
    "LogSoftmax": lambda a, _n: (torch.log_softmax, (a["axis"],)),
    "ReduceMax": lambda a, _n: (torch.amax, (tuple(a["axes"]), bool(a["keepdims"]))),
    "ReduceMean": lambda a, _n: (torch.mean, (tuple(a["axes"]), bool(a["keepdims"]))),
    "ReduceSum": lambda a, n: (torch.sum, (_integers(n[1]), bool(a["keepdims"]))),
    "Reshape": lambda _a, n: (_sized, (_integers(n[1]),)),
    "Resize": lambda _a, n: (_resize, ([float(scale) for scale in n[2][2:]],)),
    "Slice": lambda _a, n: (operator.getitem, (_slices(n),)),
    "Softmax": lambda a, _n: (torch.softmax, (a["axis"],)),
    "Squeeze": lambda _a, n: (_without, (_integers(n[1]),)),
    "Transpose": lambda a, _n: (torch.permute, (tuple(a["perm"]),)),
    "Unsqueeze": lambda _a, n: (_with, (_integers(n[1]),)),
}
"""ONNX operator to the function of it and its arguments after the inputs, from attributes and constants."""
