"""Operators that rearrange or reduce axes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from keras import ops

from pneumoscope.train.formats.onnx_node import Node, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pneumoscope.train.formats.onnx_node import Axes


_TO_THE_END = 1_000_000_000
"""What tf2onnx writes for the end of an axis of unknown length."""


def _transpose(node: Node) -> None:
    value = node.value()
    perm = node.attributes.get("perm") or list(reversed(range(len(value.axes))))
    node.give(value.stored, tuple(value.axes[p] for p in perm))


def _concat(node: Node) -> None:
    tensors = [i for i in node.inputs if isinstance(i, Value)]
    if len(tensors) != len(node.inputs):
        raise node.refuse("with constants")
    axes = tensors[0].axes
    axis = axes[int(node.attributes["axis"]) % len(axes)]
    node.give(ops.concatenate([t.in_order(axes) for t in tensors], axis=axis), axes)


def _squeeze(node: Node) -> None:
    value = node.value()
    chosen = node.needed(1, "axes").reshape(-1)
    stored = tuple(value.axes[int(a) % len(value.axes)] for a in chosen)
    node.give(ops.squeeze(value.stored, axis=stored), _without(value.axes, stored))


def _unsqueeze(node: Node) -> None:
    x = node.value().plain()
    chosen = node.needed(1, "axes").reshape(-1)
    rank = len(x.shape) + len(chosen)
    for axis in sorted(int(a) % rank for a in chosen):
        x = ops.expand_dims(x, axis)
    node.give(x)


def _reshape(node: Node) -> None:
    x = node.value().plain()
    wanted = [int(d) for d in node.needed(1)]
    if node.attributes.get("allowzero"):
        raise node.refuse("with allowzero")
    # A negative number is a multiple of the number of films, or ONNX's -1: unknown in either case.
    shape = [
        -1 if d < 0 or (d == 0 and x.shape[i] is None) else (d or x.shape[i])
        for i, d in enumerate(wanted)
    ]
    if shape.count(-1) > 1:
        raise node.refuse("to several unknown sides")
    if -1 not in shape:
        if None in x.shape and shape[0] != 1:
            raise node.refuse("to a fixed number of films")
        shape[0] = -1
    node.give(ops.reshape(x, tuple(shape)))


def _flatten(node: Node) -> None:
    x = node.value().plain()
    if int(node.attributes.get("axis", 1)) != 1:
        raise node.refuse("from another axis than 1")
    node.give(ops.reshape(x, (-1, math.prod(x.shape[1:]))))


def _gather(node: Node) -> None:
    value, at = node.value(), node.needed(1)
    axis = value.axes[int(node.attributes.get("axis", 0)) % len(value.axes)]
    if at.ndim != 1:
        raise node.refuse("by other than a list")
    node.give(ops.take(value.stored, at, axis=axis), value.axes)


def _slice(node: Node) -> None:
    value = node.value()
    starts, ends = node.needed(1, "starts"), node.needed(2, "ends")
    chosen, steps = node.constant(3, "axes"), node.constant(4)
    wanted = range(len(starts)) if chosen is None else [int(a) for a in chosen]
    parts = [slice(None)] * len(value.axes)
    for i, axis in enumerate(wanted):
        step = 1 if steps is None else int(steps[i])
        if step < 1:
            raise node.refuse("backwards")
        side = value.stored.shape[value.axes[axis % len(value.axes)]]
        # Beyond the end means "to the end", but LiteRT would take the number for a size.
        end = None if ends[i] >= (side or _TO_THE_END) else int(ends[i])
        parts[value.axes[axis % len(value.axes)]] = slice(int(starts[i]), end, step)
    node.give(value.stored[tuple(parts)], value.axes)


def _pad(node: Node) -> None:
    value = node.value()
    pads = [int(p) for p in node.needed(1, "pads")]
    fill = node.constant(2, "value")
    if node.attributes.get("mode", b"constant") != b"constant" or min(pads) < 0:
        raise node.refuse("other than with a constant")
    rank = len(value.axes)
    widths = [(0, 0)] * rank
    for i, axis in enumerate(value.axes):
        widths[axis] = (pads[i], pads[rank + i])
    amount = 0.0 if fill is None else float(fill)
    node.give(ops.pad(value.stored, tuple(widths), constant_values=amount), value.axes)


def _reduce(function: Callable[..., Any]) -> Callable[[Node], None]:
    def translate(node: Node) -> None:
        value = node.value()
        rank = len(value.axes)
        chosen = node.constant(1, "axes")
        wanted = range(rank) if chosen is None else [int(a) % rank for a in chosen.reshape(-1)]
        if 0 in wanted:
            raise node.refuse("over the films of a batch")
        keep = bool(node.attributes.get("keepdims", 1))
        stored = tuple(value.axes[a] for a in wanted)
        out = function(value.stored, axis=stored, keepdims=keep)
        node.give(out, value.axes if keep else _without(value.axes, stored))

    return translate


def _without(axes: Axes, removed: Sequence[int]) -> Axes:
    """The order that remains when some stored axes are removed."""
    left = [a for a in axes if a not in removed]
    return tuple(sorted(left).index(a) for a in left)


TRANSLATIONS: Mapping[str, Callable[[Node], None]] = {
    "Concat": _concat,
    "Flatten": _flatten,
    "Gather": _gather,
    "Pad": _pad,
    "ReduceMax": _reduce(ops.max),
    "ReduceMean": _reduce(ops.mean),
    "ReduceSum": _reduce(ops.sum),
    "Reshape": _reshape,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
