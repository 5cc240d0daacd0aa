"""A bundle's network with random weights, from the output to the input."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.bundle import MODEL, Bundle
from pneumoscope.errors import MissingExtra, UsageError
from pneumoscope.runtime import Classifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_WEIGHTED = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
_SAME = 1e-4
"""Relative difference up to which two tensors count as copies of each other, apart from a factor."""


@dataclass(frozen=True, slots=True, eq=False)
class Randomised:
    """A network whose last layers are random.

    Attributes:
        classifier: Classifier of this network; it runs from memory, without a file.
        layers: Number of random layers, counted from the output.
        layer: Name of the lowest of them.
        of: Number of such networks.
    """

    classifier: Classifier
    layers: int
    layer: str
    of: int


def randomised(classifier: Classifier, *, depths: int, seed: int) -> Iterator[Randomised]:
    """Yields the bundle's network with random last layers: first one, then more, finally all.

    New weights are drawn from normal distributions with the mean and standard deviation of the tensors that
    they replace, including biases (which contain what remains of batch normalisation), so that activations
    keep their scale. Grad-CAM is part of the graph and has copies of the head's weights. A copy, even if
    transposed or scaled, gets the same new values, so that maps remain Grad-CAM of the random network.

    Args:
        classifier: The bundle.
        depths: Number of networks, evenly spread over the layers, including the first and all layers.
        seed: Seed of the weights.

    Raises:
        UsageError: The network has no layers with weights.
        MissingExtra: The package onnx is not installed.
    """
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError:
        raise MissingExtra("randomising weights", "train") from None
    bundle = classifier.bundle
    model = onnx.load(str(bundle.model))
    tensors = {t.name: t for t in model.graph.initializer}
    values = {name: numpy_helper.to_array(t) for name, t in tensors.items()}
    layers = _layers(model.graph, values)
    if not layers:
        raise UsageError(f"{bundle.title}: the network has no layers with weights")
    rng = np.random.default_rng(seed)
    stops = np.unique(np.rint(np.linspace(1, len(layers), depths)).astype(int)).tolist()
    for count, (name, weights) in enumerate(layers, 1):
        for tensor in weights:
            new = _drawn(values[tensor], rng)
            for copy in _copies(tensor, values):
                tensors[copy].CopyFrom(
                    numpy_helper.from_array(_as_copy(new, values[tensor], values[copy]), copy)
                )
        if count in stops:
            yield Randomised(_classifier(model, bundle), count, name, len(stops))


def _layers(graph: Any, values: dict[str, NDArray[Any]]) -> list[tuple[str, list[str]]]:
    """Layers with weights, from the output to the input: name, and the initialisers of the layer."""
    layers: list[tuple[str, list[str]]] = []
    seen: set[str] = set()
    # Biases that the exporter left as separate nodes belong to the layer before them.
    by_output = {output: node for node in graph.node for output in node.output}
    needed = _ancestors(by_output, ("probabilities", "heatmaps"))
    for node in graph.node:
        if not needed & set(node.output):  # the gate's
            continue
        inputs = [n for n in node.input if n in values and values[n].dtype.kind == "f"]
        if node.op_type in _WEIGHTED:
            weights = [n for n in inputs if values[n].ndim >= 2 and n not in seen]
            if not weights:
                continue
            vectors = [n for n in inputs if values[n].size > 1 and n not in (*weights, *seen)]
            twins = [
                i
                for i, (_, names) in enumerate(layers)
                if _is_copy(values[names[0]], values[weights[0]])
            ]
            if not twins:
                layers.append((node.name or node.output[0], [*weights, *vectors]))
            elif vectors:  # the layer itself has the bias, its copy in Grad-CAM has none
                names = layers[twins[0]][1]
                layers[twins[0]] = (node.name or node.output[0], [*names, *vectors])
            seen.update(inputs)
        elif node.op_type == "Add" and inputs and layers:
            before = [by_output.get(n) for n in node.input if n not in values]
            if any(b is not None and b.op_type in _WEIGHTED for b in before):
                layers[-1][1].extend(n for n in inputs if values[n].size > 1 and n not in seen)
                seen.update(inputs)
    return layers[::-1]


def _ancestors(by_output: dict[str, Any], outputs: tuple[str, ...]) -> set[str]:
    """Every value that the outputs are computed from, themselves included."""
    ancestors: set[str] = set()
    waiting = list(outputs)
    while waiting:
        name = waiting.pop()
        if name not in ancestors and name in by_output:
            ancestors.add(name)
            waiting.extend(by_output[name].input)
    return ancestors


def _drawn(old: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    return rng.normal(old.mean(), max(float(old.std()), 1e-12), old.shape).astype(old.dtype)


def _copies(name: str, values: dict[str, NDArray[Any]]) -> list[str]:
    """The tensor itself and its copies; copies of vectors do not matter."""
    if values[name].ndim < 2:
        return [name]
    return [n for n, v in values.items() if n == name or _is_copy(values[name], v)]


def _is_copy(first: NDArray[Any], second: NDArray[Any]) -> bool:
    if second.dtype.kind != "f" or first.size != second.size or min(first.ndim, second.ndim) < 2:
        return False
    return _turned(first, second) is not None


def _turned(first: NDArray[Any], second: NDArray[Any]) -> bool | None:
    """Whether the second is the first transposed (True) or not (False), apart from a factor."""
    a, b = np.squeeze(first), np.squeeze(second)
    for turned, candidate in ((False, a), (True, a.T)):
        if candidate.shape != b.shape or not candidate.any():
            continue
        factor = float((candidate * b).sum() / (candidate * candidate).sum())
        gap = np.abs(candidate * factor - b).max()
        if factor > 0 and gap <= _SAME * np.abs(b).max():
            return turned
    return None


def _as_copy(new: NDArray[Any], old: NDArray[Any], copy: NDArray[Any]) -> NDArray[Any]:
    """New values for a copy of the old ones."""
    if copy is old:
        return new
    a, b = np.squeeze(old), np.squeeze(copy)
    turned = _turned(old, copy)
    a, fresh = (a.T, np.squeeze(new).T) if turned else (a, np.squeeze(new))
    factor = float((a * b).sum() / (a * a).sum())
    return (fresh * factor).reshape(copy.shape).astype(copy.dtype)


def _classifier(model: Any, bundle: Bundle) -> Classifier:
    with tempfile.TemporaryDirectory(prefix="pneumoscope-") as folder:
        (Path(folder) / MODEL).write_bytes(model.SerializeToString())
        return Classifier(Bundle(Path(folder), replace(bundle.meta, gate=None), ""), threads=1)
