"""Reads weights from a checkpoint of TensorFlow, as ``save_weights`` and SavedModel of Keras 2 have it.

A checkpoint contains a graph of objects: the model, its layers with weights by number, their variables
by name. Only this graph is followed; no function of the file runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from pneumoscope.train.keras_import.weights import FORMER, WeightsDoNotFit, variables_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"


def load(model: Any, prefix: Path) -> None:
    """Loads weights into a model.

    Args:
        model: A built model.
        prefix: The files without ``.index`` and ``.data-...``.

    Raises:
        WeightsDoNotFit: The weights are those of another network.
        Exception: What TensorFlow raises for damaged files.
    """
    import tensorflow as tf
    from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

    reader = tf.train.load_checkpoint(str(prefix))
    nodes = TrackableObjectGraph.FromString(reader.get_tensor(_GRAPH)).nodes
    children = [{child.local_name: child.node_id for child in node.children} for node in nodes]
    # tf.train.Checkpoint(model=...) has the model one level lower.
    root = children[0].get("model", 0) if "layer_with_weights-0" not in children[0] else 0
    for layer, variable, path in _variables(model, ()):
        names = [variable.name, *(old for old, name in FORMER.items() if name == variable.name)]
        node: int | None = root
        for step in path:
            node = None if node is None else children[node].get(step)
        ends = [children[node][name] for name in names if name in children[node]] if node else []
        array = reader.get_tensor(nodes[ends[0]].attributes[0].checkpoint_key) if ends else None
        if array is None or array.shape != tuple(variable.shape):
            raise WeightsDoNotFit(f"the checkpoint has no {variable.name} that fits {layer.name!r}")
        variable.assign(array)


def _variables(layer: Any, path: tuple[str, ...]) -> Iterator[tuple[Any, Any, tuple[str, ...]]]:
    """Every variable of a layer or model, with its layer and the way to this in a checkpoint."""
    parts = _parts(layer)
    for name, part in parts.items():
        yield from _variables(part, (*path, name))
    of_parts = {id(variable) for part in parts.values() for variable in part.weights}
    for variable in variables_of(layer):
        if id(variable) not in of_parts:
            yield layer, variable, path


def _parts(layer: Any) -> dict[str, Any]:
    """What a layer or model consists of, by its names in a checkpoint.

    The layers of a model have numbers. Those inside of another layer, such as the cell of an LSTM or the
    projections of an attention, are called as its attributes, which have the same names in Keras 2.
    """
    if isinstance(layer, keras.Model):
        weighted = [inner for inner in layer.layers if inner.weights]
        return {f"layer_with_weights-{i}": inner for i, inner in enumerate(weighted)}
    attributes = vars(layer).items()
    return {n: part for n, part in attributes if isinstance(part, keras.Layer) and part.weights}
