"""Reads a saved Keras model without running any code from its file."""

from __future__ import annotations

import re
import tempfile
import zipfile
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from pneumoscope.errors import ConversionError
from pneumoscope.train.keras_import import checkpoint, hdf5_child, keras2, saved, sizes, weights

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.train.keras_import.saved import SavedModel


@keras.saving.register_keras_serializable("pneumoscope")  # type: ignore[untyped-decorator]
def hard_sigmoid_of_keras2(x: Any) -> Any:
    """The hard sigmoid of Keras 2; that of Keras 3 has the slope 1/6."""
    return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)


_NO_NAME = re.compile(r"[^A-Za-z0-9_.\\/>-]")
_FORMER_ACTIVATIONS = {"hard_sigmoid": keras.saving.serialize_keras_object(hard_sigmoid_of_keras2)}


def load(model: SavedModel, *, keep_half: bool = False) -> Any:
    """The Keras model, computed in float32.

    Args:
        model: See `saved.locate`.
        keep_half: Whether it computes in half precision if it did where it was saved.

    Raises:
        ConversionError: It contains code, or Keras cannot build it, or its weights do not fit.
    """
    name = model.path.name
    try:
        config = keras2.for_keras3(model.config, keep_half=keep_half)
    # A damaged configuration has any value in any place.
    except Exception as error:
        raise _unreadable(model, error) from error
    _refuse_code(name, config)
    if keras2.is_of_keras2(model.config):
        config = keras2.with_activations(config, _FORMER_ACTIVATIONS)
    try:
        sizes.check(config, model.weights_bytes)
        network = _built(config)
        _load_weights(network, model)
        weights.freeze_statistics(network)
        network = _with_plain_ends(network)
        _give_plain_names(network)
    except Exception as error:  # Keras passes on whatever its layers raise
        raise _unreadable(model, error) from error
    _check_numbers(network, name)
    return network


def _built(config: dict[str, Any]) -> Any:
    """A model from its configuration, with weights as they are initialised."""
    settings = config.get("config")
    if config.get("class_name") == "Sequential":
        return keras.Sequential.from_config(settings)
    return keras.Model.from_config(settings)


def _with_plain_ends(network: Any) -> Any:
    """The same model with a tensor in place of a dictionary or a list of one, as input and output."""
    if (
        isinstance(network, keras.Sequential)
        or len(network.inputs) != 1
        or len(network.outputs) != 1
    ):
        return network
    if network.input is network.inputs[0] and network.output is network.outputs[0]:
        return network
    return keras.Model(network.inputs[0], network.outputs[0], name=network.name)


def _give_plain_names(network: Any) -> None:
    """Renames layers whose names TensorFlow does not take in a graph: of other backends, with spaces or ``ä``."""
    layers = list(network._flatten_layers())
    taken = {layer.name for layer in layers}
    for layer in layers:
        plain = _NO_NAME.sub("_", layer.name)
        plain = plain if plain[0].isalnum() else f"layer{plain}"
        if plain == layer.name:
            continue
        numbered = (f"{plain}_{number}" for number in count(1))
        layer.name = next(name for name in chain([plain], numbered) if name not in taken)
        taken.add(layer.name)


def _check_numbers(network: Any, file: str) -> None:
    """Raises `ConversionError` if weights are infinite or NaN, as after a training that diverged."""
    for variable in network.weights:
        values = keras.ops.convert_to_numpy(variable)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ConversionError(
                f"{file}: weights are infinite or no numbers, such as {variable.path}",
                "The training has diverged: train again with a lower learning rate, and look at the loss.",
            )


def _load_weights(network: Any, model: SavedModel) -> None:
    if model.is_checkpoint:
        checkpoint.load(network, model.weights)
    elif model.form == saved.KERAS:
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(model.path) as archive:
            extracted = Path(archive.extract("model.weights.h5", folder))
            hdf5_child.check(extracted)
            weights.load_h5(network, extracted)
    else:
        if model.form != saved.H5:  # of a whole model, `saved.locate` has read the file
            hdf5_child.check(model.weights)
        try:
            weights.load_h5(network, model.weights)
        except ValueError as error:  # so says Keras, too, of weights of another network
            raise weights.WeightsDoNotFit(str(error)) from error


def _unreadable(model: SavedModel, error: Exception) -> ConversionError:
    """The error about a model that Keras does not build; its hint never repeats what was done."""
    hint = "Load it in the notebook that made it and save it again as .keras."
    if isinstance(error, weights.WeightsDoNotFit):
        hint = "Are these the weights of this model?" if model.form == saved.PARTS else (
            "Does the notebook load the file? Then save the model there in another form (.keras, .h5), "
            "else the file is damaged."
        )  # fmt: skip
    elif "not yet been built" in str(error):
        hint = "In the notebook, call the model with a picture, or begin it with keras.Input, and save it again."
    elif model.form == saved.KERAS:
        hint = "If Keras in the notebook is newer than this one, update it here; or leave the layer out."
    return ConversionError(
        f"{model.path.name}: Keras {keras.__version__} cannot read it ({saved.reason_of(error)})",
        hint,
    )


# Layers that run code or graphs from the file.
_CODE = frozenset({"Lambda", "__lambda__", "function", "TFOpLambda", "SlicingOpLambda"}) | {
    "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer",
}  # fmt: skip
_NAMED = frozenset({"InputLayer", "Functional", "Sequential", "Model"})


def _refuse_code(file: str, config: Any) -> None:
    """Accepts layers of Keras itself only: opening a file must not run code from it."""
    if (
        not isinstance(config.get("config"), dict | list)
        or str(config.get("class_name")) not in _NAMED
    ):
        raise _code(file, str(config.get("class_name")), "")
    for entry in _entries(config):
        kind, module = str(entry["class_name"]), entry.get("module")
        foreign = isinstance(module, str) and module.split(".")[0] not in ("keras", "builtins")
        # Without a module, Keras 2 knew the class from the notebook.
        custom = module is None and "inbound_nodes" in entry and not _is_of_keras(kind)
        if kind in _CODE or foreign or custom:
            name = entry.get("name") or (entry.get("config") or {})
            name = name.get("name", "") if isinstance(name, dict) else name
            function = (entry.get("config") or {}) if kind in _CODE else {}
            function = function.get("function") if isinstance(function, dict) else None
            raise _code(file, kind, str(function if isinstance(function, str) else name))
        settings = entry.get("config")
        for key, named in settings.items() if isinstance(settings, dict) else ():
            is_name = str(key).endswith("activation") and isinstance(named, str)
            if is_name and not _is_activation(named):
                raise _code(file, "function", named)


def _is_of_keras(kind: str) -> bool:
    return kind in _NAMED or hasattr(keras.layers, kind)


def _is_activation(name: str) -> bool:
    """Whether Keras has an activation of that name; Keras 2 named the notebook's functions in the same way."""
    try:
        keras.activations.get(name)
    except ValueError:
        return False
    return True


def _code(file: str, kind: str, name: str) -> ConversionError:
    return ConversionError(
        f"{file}: contains code ({kind} {name!r})".replace(" ''", ""),
        "Lambda layers, functions of TensorFlow other than arithmetic, and custom classes are not run. "
        "Rebuild the model without them (--scaling can do the preprocessing) and save it again.",
    )


def _entries(config: Any) -> Iterator[dict[str, Any]]:
    """Every object of Keras in a configuration, as deep as it is nested."""
    waiting = [config]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if isinstance(part.get("class_name"), str):
                yield part
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
