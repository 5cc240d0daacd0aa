"""Puts saved weights into a model: by their names, or in their order where names do not tell."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from pneumoscope.train.keras_import.graph import legal_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]

# What Keras 2 counted or drew at training, which no layer of Keras 3 needs at inference.
_IGNORED = ("count", "state_var", "seed_generator_state", "StateVar")
FORMER = {"depthwise_kernel": "kernel"}
"""Names that weights had in Keras 2, where the layer has no variable of that name."""


class WeightsDoNotFit(ValueError):
    """The weights are those of another network."""


def load_h5(model: Any, file: Path) -> None:
    """Loads weights from HDF5, as any version of Keras writes them.

    Args:
        model: A built model.
        file: A whole model or weights only, which `hdf5_child.check` has read.

    Raises:
        WeightsDoNotFit: The weights are those of another network.
        Exception: What h5py and Keras raise for damaged files.
    """
    import h5py

    with h5py.File(file, "r") as content:
        group = content.get("model_weights", content)
        if "layer_names" in group.attrs:
            _load_by_layer(model, group, file.stat().st_size)
            return
        old = "_layer_checkpoint_dependencies" in content
    _load_by_path(model, file, old=old)


def _load_by_path(model: Any, file: Path, *, old: bool) -> None:
    """Loads what Keras 2.12 and later write into ``.keras`` and ``.weights.h5``."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "model.weights.h5")  # Keras goes by the ending
        shutil.copyfile(file, copy)
        if old:
            _rename_containers(copy)
        model.load_weights(copy)


def _rename_containers(file: Path) -> None:
    import h5py

    with h5py.File(file, "r+") as content:
        groups: list[str] = []
        content.visit(groups.append)
        for name in sorted(groups, key=len, reverse=True):
            parent, _, last = name.rpartition("/")
            if last == "_layer_checkpoint_dependencies":
                content.move(name, f"{parent}/layers" if parent else "layers")


def _load_by_layer(model: Any, group: Any, most_bytes: int) -> None:
    """Loads what ``.h5`` files have: a group for every layer of the model, with names of weights."""
    stored = []
    for name in _names(group, "layer_names"):
        layer = group[name]
        weights = _names(layer, "weight_names")
        if sum(layer[weight].nbytes for weight in weights) > most_bytes:
            raise WeightsDoNotFit(f"the weights of layer {name!r} are larger than the file")
        arrays = {weight: _array(layer[weight]) for weight in weights}
        arrays = {
            name: a for name, a in arrays.items() if not name.split(":")[0].endswith(_IGNORED)
        }
        if arrays:
            stored.append((name, arrays))
    layers = [layer for layer in model.layers if variables_of(layer)]
    if len(layers) != len(stored):
        raise WeightsDoNotFit(
            f"the file has weights of {len(stored)} layers, the model has {len(layers)} with weights"
        )
    for layer, (name, arrays) in zip(layers, stored, strict=True):
        _assign(layer, name, arrays)


def _array(dataset: Any) -> NDArray[Any]:
    """The values of a dataset; bfloat16, which HDF5 does not have, is stored as two bytes without a type."""
    array = np.asarray(dataset)
    if array.dtype == np.dtype("V2"):
        bits = np.left_shift(array.view(np.uint16), 16, dtype=np.uint32)
        return np.asarray(bits, np.uint32).view(np.float32)
    return array


def _names(group: Any, key: str) -> list[str]:
    """A list of names in attributes; long lists are stored in parts."""
    if key in group.attrs:
        parts = [group.attrs[key]]
    else:
        parts, i = [], 0
        while f"{key}{i}" in group.attrs:
            parts.append(group.attrs[f"{key}{i}"])
            i += 1
    return [n.decode() if isinstance(n, bytes) else str(n) for part in parts for n in part]


def _assign(layer: Any, name: str, arrays: Arrays) -> None:
    """Puts the weights of one layer or nested model into it."""
    by_owner: dict[str, Arrays] = {}
    for weight, array in arrays.items():
        owner, _, kind = weight.split(":")[0].rpartition("/")
        by_owner.setdefault(legal_name(owner), {})[kind] = array
    leaves = list(_leaves(layer))
    if sum(len(part) for part in by_owner.values()) == len(arrays):
        if len(leaves) == 1:  # names of weights may have a number that the layer's name lacks
            merged = {k: a for part in by_owner.values() for k, a in part.items()}
            # Both directions of an LSTM, or the parts of an attention, have weights of the same names.
            parts = [merged] if len(merged) == len(arrays) else []
        else:
            parts = [by_owner[owner] for owner in _owners(leaves, by_owner)]
        parts = [_named(leaf, part) for leaf, part in zip(leaves, parts, strict=False)]
        if len(parts) == len(leaves) and all(map(_fits, leaves, parts)):
            for leaf, part in zip(leaves, parts, strict=True):
                for variable in variables_of(leaf):
                    variable.assign(part[variable.name])
            return
    _assign_in_order(layer, name, arrays)


def _owners(leaves: Sequence[Any], by_owner: Iterable[str]) -> list[str]:
    """Under which name the weights of each layer are stored; empty if that is not clear."""
    owners = []
    for leaf in leaves:
        names = [owner for owner in by_owner if owner == leaf.name]
        names = names or [
            owner for owner in by_owner if owner.endswith(legal_name("/" + leaf.name))
        ]
        owners += names
    return owners if len(owners) == len(leaves) == len(set(owners)) else []


def _named(leaf: Any, arrays: Arrays) -> Arrays:
    """The weights of a layer by the names that they have today."""
    known = {variable.name for variable in variables_of(leaf)}
    return {name if name in known else FORMER.get(name, name): a for name, a in arrays.items()}


def _fits(leaf: Any, arrays: Arrays) -> bool:
    """Whether the weights of a layer have its variables' names and shapes."""
    variables = variables_of(leaf)
    shapes = {variable.name: tuple(variable.shape) for variable in variables}
    stored = {name: array.shape for name, array in arrays.items()}
    return shapes == stored and len(stored) == len(variables)


def _assign_in_order(layer: Any, name: str, arrays: Arrays) -> None:
    """Puts weights into a layer in the order of Keras 2: those that were trained come first."""
    kinds = [weight.split(":")[0].rpartition("/")[2] for weight in arrays]
    for order in (layer.trainable_weights + layer.non_trainable_weights, layer.weights):
        variables = [variable for variable in order if variable.name not in _IGNORED]
        shapes = [tuple(variable.shape) for variable in variables]
        names = [variable.name for variable in variables]
        if shapes != [array.shape for array in arrays.values()]:
            continue
        # Scale, offset and statistics have the same shapes: their names must agree.
        if sorted(names) != sorted(kinds) or names == kinds:
            for variable, array in zip(variables, arrays.values(), strict=True):
                variable.assign(array)
            return
    raise WeightsDoNotFit(f"the weights of layer {name!r} do not fit the model")


def _leaves(layer: Any) -> Iterator[Any]:
    """The layers with weights in a layer or nested model."""
    if isinstance(layer, keras.Model):
        for inner in layer.layers:
            yield from _leaves(inner)
    elif variables_of(layer):
        yield layer


def variables_of(layer: Any) -> list[Any]:
    """The variables of a layer that inference needs."""
    return [variable for variable in layer.weights if variable.name not in _IGNORED]


def freeze_statistics(model: Any) -> None:
    """Makes the statistics of Normalization layers constants, which ONNX can represent.

    Args:
        model: A model with its weights, or a layer; changed in place.
    """
    if isinstance(model, keras.Model):
        for layer in model.layers:
            freeze_statistics(layer)
    elif isinstance(model, keras.layers.Normalization):
        model.finalize_state()
        model.mean = np.asarray(keras.ops.convert_to_numpy(model.mean), np.float32)
        model.variance = np.asarray(keras.ops.convert_to_numpy(model.variance), np.float32)
