"""The structure of an imported model: its feature maps, its head."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import keras
from keras import layers

from pneumoscope.data.class_names import negative_of
from pneumoscope.errors import ConversionError, UsageError
from pneumoscope.train.network import gradcam, pools
from pneumoscope.train.network.pools import Pools, pools_to_one_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_STRUCTURE = "The model must end in feature maps, pooling or Flatten, and a chain of dense layers."
_JOINS = {
    layers.Concatenate: pools.CONCATENATED,
    layers.Add: pools.ADDED,
    layers.Average: pools.AVERAGED,
}
_WEIGHTED = (
    layers.Dense, layers.EinsumDense, layers.MultiHeadAttention, layers.GroupQueryAttention,
    layers.Conv1D, layers.Conv2D, layers.Conv3D,
    layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose,
    layers.DepthwiseConv1D, layers.DepthwiseConv2D, layers.SeparableConv1D, layers.SeparableConv2D,
)  # fmt: skip
"""Layers whose values are weighted sums: logits, whatever came before."""
_KEEPING = (
    *gradcam.FLAT, *gradcam.UNCHANGED, layers.Average, layers.GlobalAveragePooling2D, layers.AveragePooling2D
)  # fmt: skip
_ACTIVATIONS = {name.replace("_", "") for name in dir(keras.activations)} | {"prelu", "exp"}
"""Classes of layers and operations that are activations, in lower case."""


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A model in the parts that a bundle needs.

    Attributes:
        body: A model from pictures to feature maps (n, h, w, k); without heatmaps, to the outputs.
        head: The layers from there to the logits, as `gradcam.HeadGradCam` takes them; None without
            heatmaps.
        final: ``"sigmoid"`` or ``"softmax"``, what turns logits into probabilities.
        units: Number of outputs.
    """

    body: Any
    head: list[Any] | None
    final: str
    units: int

    @property
    def has_findings(self) -> bool:
        """Whether a film can have several of the classes, or none."""
        return self.final == "sigmoid" and self.units > 1

    def columns(self, labels: tuple[str, ...], negative: str | None = None) -> tuple[int, ...]:
        """The outputs that a bundle has: among findings, "no finding" is not one.

        Args:
            labels: Names of the outputs.
            negative: The one that means "nothing found"; None for the one that says so.
        """
        negative = (negative or negative_of(labels)) if self.has_findings else None
        return tuple(i for i, label in enumerate(labels) if label != negative)


def split(model: Any) -> Network:
    """Divides a classifier at its last feature maps, so that heatmaps can be computed.

    Args:
        model: Functional or sequential; pretrained bases may be nested in it.

    Raises:
        ConversionError: There are no feature maps, or what follows is not a chain of layers
            that `gradcam` knows.
    """
    _width_of(model)
    body, head = _split(model)
    final = ""
    while head and not isinstance(head[-1], layers.Dense):
        last = head[-1]
        kind = "softmax" if isinstance(last, layers.Softmax) else ""
        if isinstance(last, layers.Activation):
            kind = gradcam.activation_name(last)
        if kind not in ("softmax", "sigmoid", "linear") or final:
            break
        final = "" if kind == "linear" else kind
        head.pop()
    head = _with_pools(head)
    gradcam.check(head)
    activation = gradcam.activation_name(head[-1])
    if activation != "linear":
        if final or activation not in ("sigmoid", "softmax"):
            raise _other_activation(head[-1], activation)
        final = activation
    # Logits without an activation: the loss was computed from_logits.
    units = int(head[-1].units)
    final = final or ("sigmoid" if units == 1 else "softmax")
    return Network(body=body, head=head, final=final, units=units)


def undivided(model: Any) -> Network:
    """A classifier as it is, for a bundle without heatmaps.

    Raises:
        ConversionError: It does not give one vector of classes.
    """
    units = _width_of(model)
    final = applied_final(model)
    final = final or ("sigmoid" if units == 1 else "softmax")
    return Network(body=model, head=None, final=final, units=units)


def _other_activation(layer: Any, activation: str, *, is_last: bool = True) -> ConversionError:
    shown = activation if activation != "linear" else type(layer).__name__
    return ConversionError(
        f"{'the last layer' if is_last else 'layer'} {layer.name!r} has the activation {shown!r}",
        "sigmoid, softmax or none is possible.",
    )


def applied_final(model: Any) -> str:
    """What the model itself applies to its logits: ``"sigmoid"``, ``"softmax"``, or nothing.

    Raises:
        ConversionError: Its outputs are neither logits nor probabilities of these two.
    """
    return _Applied({}).of(model.outputs[0], is_last=True)


class _Applied:
    """What turned logits into the tensors of one call of a model.

    Args:
        inputs: By the ids of the model's inputs, what says the same of the tensors that the call
            gets. Only called if needed: layers with weights make logits of anything.
    """

    def __init__(self, inputs: Mapping[int, Callable[[], str]]) -> None:
        self._inputs = inputs
        self._known = dict[int, str]()

    def of(self, tensor: Any, *, is_last: bool = False) -> str:
        """``"sigmoid"``, ``"softmax"`` or nothing; see `applied_final`."""
        if id(tensor) not in self._known:
            given = self._inputs.get(id(tensor))
            self._known[id(tensor)] = given() if given else self._computed(tensor, is_last)
        return self._known[id(tensor)]

    def _computed(self, tensor: Any, is_last: bool) -> str:
        operation, index, position = tensor._keras_history
        parents = operation._inbound_nodes[index].input_tensors
        while isinstance(operation, layers.Wrapper):
            operation = operation.layer
        if isinstance(operation, keras.Model):
            # The same model can be called with other tensors elsewhere.
            inputs = zip(operation.inputs, parents, strict=False)
            call = _Applied({id(inner): partial(self.of, outer) for inner, outer in inputs})
            return call.of(operation.outputs[position], is_last=is_last)
        activation = _activation(operation)
        if activation.lower() in ("sigmoid", "softmax"):
            return activation.lower()
        if activation.lower() in ("logsoftmax", "log_softmax"):
            return ""  # softmax makes the same of these as of the logits before them
        if activation != "linear":
            raise _other_activation(operation, activation, is_last=is_last)
        if isinstance(operation, _WEIGHTED):
            return ""
        # An ensemble averages probabilities: they need no second sigmoid or softmax.
        before = {self.of(parent) for parent in parents}
        applied = before.pop() if len(before) == 1 else ""
        if before or (applied and not _keeps_probabilities(operation, applied)):
            raise ConversionError(
                f"layer {operation.name!r} changes probabilities: it is not clear what its values mean",
                "Let the model end in sigmoid, softmax or logits, or in their average.",
            )
        return applied


def _activation(operation: Any) -> str:
    """The activation that a layer has or that a layer or an operation is, or ``"linear"``."""
    kind = type(operation).__name__
    return kind if kind.lower() in _ACTIVATIONS else gradcam.activation_name(operation)


def _keeps_probabilities(operation: Any, final: str) -> bool:
    """Whether a layer makes probabilities of the same kind from probabilities."""
    kinds = _KEEPING if final == "softmax" else (*_KEEPING, layers.Concatenate)
    # `Activation` is a linear one here.
    return isinstance(operation, (*kinds, layers.Activation))


def _only_output(model: Any) -> Any:
    if len(model.outputs) != 1:
        raise ConversionError(
            f"the model has {len(model.outputs)} outputs ({_names(model.outputs)})",
            "One vector of classes is needed. In the notebook, save a model that gives one of them: "
            "keras.Model(model.inputs, model.outputs[0]).save('model.keras').",
        )
    return model.outputs[0]


def _width_of(model: Any) -> int:
    """Number of values that a model gives for each picture.

    Raises:
        ConversionError: It does not give one vector.
    """
    shape = _only_output(model).shape
    if len(shape) != 2 or shape[-1] is None:
        raise ConversionError(
            f"the model gives values of the shape {tuple(shape)}",
            "One vector of classes for each picture is needed.",
        )
    return int(shape[-1])


def _split(model: Any, *, is_nested: bool = False) -> tuple[Any, list[Any]]:
    """The body and the head; in place of a body, the position of the input that a nested head reads."""
    tensor, head = _only_output(model), list[Any]()
    while True:
        if is_nested and (position := _position(tensor, model.inputs)) is not None:
            return position, head  # only the outer model knows what these are
        operation, index, _ = tensor._keras_history
        parents = operation._inbound_nodes[index].input_tensors
        if _is_maps(tensor) and isinstance(operation, gradcam.UNCHANGED):
            tensor = parents[0]  # whether the maps are rearranged is seen there
            continue
        if _is_maps(tensor) and not _is_rearranged(tensor):
            return keras.Model(model.inputs, tensor), head
        if isinstance(operation, keras.Model):  # which contains the head, or a part of it
            inner, inside = _split(operation, is_nested=True)
            head = inside + head
            if isinstance(inner, int):
                tensor = parents[inner]
                continue
            before = keras.Model(model.inputs, parents[0])
            films = keras.Input(model.inputs[0].shape[1:])
            return keras.Model(films, inner(before(films))), head
        if len(parents) > 1:
            tensor, pools = _joined(operation, parents)
            head.insert(0, pools)
            continue
        if not parents:
            raise ConversionError(
                "no feature maps come before the dense layers: no heatmap can be computed",
                _STRUCTURE,
            )
        head.insert(0, operation)
        tensor = parents[0]


def _names(tensors: list[Any]) -> str:
    return ", ".join(tensor._keras_history[0].name for tensor in tensors)


def _position(tensor: Any, tensors: list[Any]) -> int | None:
    return next((i for i, other in enumerate(tensors) if other is tensor), None)


def _joined(operation: Any, parents: list[Any]) -> tuple[Any, Pools]:
    """The feature maps that several pooling layers read, and these layers as one."""
    join = next((join for kind, join in _JOINS.items() if isinstance(operation, kind)), None)
    branches, maps = [], []
    for tensor in parents:
        branch = list[Any]()
        while not _is_maps(tensor):
            layer, index, _ = tensor._keras_history
            before = layer._inbound_nodes[index].input_tensors
            if len(before) != 1 or isinstance(layer, keras.Model):
                break
            branch.insert(0, layer)
            tensor = before[0]
        branches.append(branch)
        maps.append(tensor)
    same = _is_maps(maps[0]) and all(tensor is maps[0] for tensor in maps)
    if join is None or not same or not all(map(_is_pooling, branches)):
        cells = all(len(tensor.shape) == 4 and not _is_maps(tensor) for tensor in parents)
        if cells and not any(map(_is_pooling, branches)):
            raise ConversionError(
                f"the maps of layer {operation.name!r} have one cell only: no heatmap can be computed",
                "Larger pictures give larger maps, if the notebook trains with them. "
                "As it is, the model can be imported without heatmaps: --no-heatmap.",
            )
        raise ConversionError(
            f"layer {operation.name!r} of the head joins several inputs: no heatmap can be computed",
            f"{_STRUCTURE} {gradcam.NO_HEATMAP}",
        )
    return maps[0], Pools(branches, join)


def _is_pooling(branch: list[Any]) -> bool:
    """Whether the layers only pool and flatten."""
    first, *rest = branch or [None]
    return pools_to_one_cell(first) and all(
        isinstance(layer, (*gradcam.FLAT, *gradcam.UNCHANGED)) or pools_to_one_cell(layer)
        for layer in rest
    )


def _with_pools(head: list[Any]) -> list[Any]:
    """The same head, with what pools and flattens in several steps as one."""
    if not head or isinstance(head[0], Pools) or not pools_to_one_cell(head[0]):
        return head
    if isinstance(head[0], gradcam.POOLS) and not head[0].keepdims:
        return head
    # A cell is left, which the next layers flatten.
    end = 1
    while end < len(head) and (
        isinstance(head[end], (*gradcam.FLAT, *gradcam.UNCHANGED)) or pools_to_one_cell(head[end])
    ):
        end += 1
    return [Pools([head[:end]]), *head[end:]]


def _is_maps(tensor: Any) -> bool:
    shape = tensor.shape
    # Pooling with keepdims leaves one cell, which is not a map.
    return len(shape) == 4 and tuple(shape[1:3]) != (1, 1)


def _is_rearranged(tensor: Any) -> bool:
    """Whether rows and columns of a tensor are not those of a picture."""
    operation, index, _ = tensor._keras_history
    if type(operation).__name__ in ("Permute", "Transpose"):
        return True
    parents = operation._inbound_nodes[index].input_tensors
    # A grid of tokens keeps its channels.
    return isinstance(operation, layers.Reshape) and parents[0].shape[-1] != tensor.shape[-1]


def check_outputs(network: Network, labels: tuple[str, ...], negative: str | None = None) -> None:
    """Checks that the model has as many classes or findings as there are labels.

    Args:
        network: See `split`.
        labels: Names of classes or findings.
        negative: See `Network.columns`.

    Raises:
        ConversionError: The outputs are neither.
        UsageError: There are more or fewer labels, or a class among findings.
    """
    units, final = network.units, network.final
    classes = 2 if units == 1 else units
    if units == 1 and final == "softmax":
        raise ConversionError("a softmax over one unit is always 1", "Was sigmoid meant?")
    if network.has_findings and len(network.columns(labels, negative)) < 2:
        raise ConversionError(
            f"the model gives {units} independent findings (sigmoid), and {' and '.join(labels)} "
            "exclude one another",
            "Train it with softmax, or with one sigmoid unit.",
        )
    if len(labels) != classes:
        what = "findings" if network.has_findings else "classes"
        raise UsageError(
            f"the model gives {classes} {what}, --labels names {len(labels)}",
            "Name one label for each, in the order of the network's outputs.",
        )
