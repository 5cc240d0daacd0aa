"""Makes the layers of saved models, also those of Keras 2, readable for the installed Keras.

Keras 3 reads the weights of older files, but not all of their configuration: it has dropped arguments
(``groups`` of DepthwiseConv2D, initializers of SeparableConv2D), lists where it wants one value, layers,
and names of modules. What matters only in training is left out: initializers, regularizers,
constraints, mixed precision, and layers that augment.
"""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

from pneumoscope.train.keras_import import graph

# Where Keras 2 kept a class, by the beginning of its module's name.
_OLD_MODULES = ("tf_keras.", "tensorflow.python.keras.", "keras.src.engine.", "keras.engine.")
_NEW_MODULES = {
    "Functional": "keras.src.models.functional",
    "Model": "keras.src.models.functional",
    "Sequential": "keras",
}
# Layers of Keras' applications that `keras.layers` does not have; Keras 2 did not say where they are.
_OF_APPLICATIONS = {
    "CustomScaleLayer": "keras.src.applications.inception_resnet_v2",
    "LayerScale": "keras.src.applications.convnext",
    "StochasticDepth": "keras.src.applications.convnext",
}
_TRAINING_ONLY = ("_initializer", "_regularizer", "_constraint")
# Augmentation that changes nothing at inference; the RandomCrop of Keras 2 is not among them.
_AUGMENTATION = frozenset(
    {"AugMix", "CutMix", "MixUp", "RandAugment", "Solarization", "RandomHeight", "RandomWidth"}
)
# Values of arguments that change nothing, so that a layer without the argument computes the same.
_NEUTRAL: tuple[Any, ...] = (None, False, 0, 1, [1, 1], [0, 0], "")
# What an attention of Keras 2 was built for; that of Keras 3 builds itself when it is called.
_BUILT = ("query_shape", "key_shape", "value_shape")
_FLOATS = ("float16", "bfloat16", "float32", "float64")


def for_keras3(config: Any, *, keep_half: bool = False) -> Any:
    """The same architecture in terms of the installed Keras, computed in float32.

    Args:
        config: Configuration of a model, from its file; not changed.
        keep_half: Whether layers compute in half precision if they did where the model was saved.
    """
    if isinstance(config, list):
        return [for_keras3(part, keep_half=keep_half) for part in config]
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "__tuple__" and isinstance(config.get("items"), list):
        return for_keras3(config["items"], keep_half=keep_half)  # in the metadata of a SavedModel
    if config.get("class_name") == "Sequential":
        config = graph.with_input(config)
    translated = {key: for_keras3(value, keep_half=keep_half) for key, value in config.items()}
    kind, settings = translated.get("class_name"), translated.get("config")
    if kind == "__tensor__":  # a constant, which ONNX would take for an input
        translated["class_name"] = "__numpy__"
    if isinstance(kind, str) and isinstance(settings, dict):
        _translate_module(translated, kind)
        if isinstance(settings.get("layers"), list):
            translated["config"] = settings = graph.translated(settings)
        if "dtype" in settings:
            settings["dtype"] = _precision(settings["dtype"], kind, keep_half=keep_half)
        _translate_layer(translated, kind, settings)
    return translated


def with_activations(config: Any, others: dict[str, Any]) -> Any:
    """The same architecture with other activations in place of those with some names."""
    if isinstance(config, list):
        return [with_activations(part, others) for part in config]
    if not isinstance(config, dict):
        return config
    return {
        key: others[value]
        if key.endswith("activation") and isinstance(value, str) and value in others
        else with_activations(value, others)
        for key, value in config.items()
    }


def is_of_keras2(config: Any) -> bool:
    """Whether Keras 2 saved an architecture: Keras 3 calls the shape of an input ``batch_shape``."""
    parts = config.values() if isinstance(config, dict) else config
    if not isinstance(config, dict | list):
        return True
    return "batch_shape" not in config and all(map(is_of_keras2, parts))


def is_half(config: Any) -> bool:
    """Whether a model computed in half precision where it was saved."""
    if isinstance(config, list):
        return any(is_half(part) for part in config)
    if isinstance(config, dict):
        return any(is_half(part) for part in config.values())
    return isinstance(config, str) and config.endswith("float16")


def _translate_module(entry: dict[str, Any], kind: str) -> None:
    module = entry.get("module")
    if isinstance(module, str) and module.startswith(_OLD_MODULES):
        entry["module"] = _NEW_MODULES.get(kind, "keras.layers")
        if kind == "Model":
            entry["class_name"] = "Functional"
        entry["registered_name"] = None
    if module is None and _is_operation(entry):
        entry["module"] = f"keras.src.ops.{_operations()[kind]}" if kind in _operations() else None
        entry["registered_name"] = None
    if kind in _OF_APPLICATIONS:
        entry["module"] = _OF_APPLICATIONS[kind]
        entry["registered_name"] = None


def _is_operation(entry: dict[str, Any]) -> bool:
    """Whether it is arithmetic on tensors in an ``.h5`` of Keras 3, which does not say where its class is."""
    nodes = entry.get("inbound_nodes")
    calls = isinstance(nodes, list) and nodes and isinstance(nodes[0], dict)
    settings = entry["config"]
    if not calls or not isinstance(settings, dict) or "trainable" in settings:
        return False
    # Operations share names with layers (Add), but those with a dtype (Cast) do not.
    return "dtype" not in settings or _arguments(str(entry.get("class_name"))) is None


def _translate_layer(entry: dict[str, Any], kind: str, settings: dict[str, Any]) -> None:
    """Translates the settings of a layer, in place."""
    for key in [key for key in settings if key.endswith(_TRAINING_ONLY)]:
        del settings[key]
    activation = settings.get("activation")
    if isinstance(activation, dict) and _arguments(str(activation.get("class_name"))):
        # A layer as the activation of another one; not every file says where its class is.
        activation.setdefault("module", "keras.layers")
        activation.setdefault("registered_name", None)
    inner = settings.get("layer")
    if isinstance(inner, dict) and _arguments(str(inner.get("class_name"))):  # of TimeDistributed
        inner.setdefault("module", "keras.layers")
        inner.setdefault("registered_name", None)
    axes = settings.get("axis")
    has_axes = isinstance(axes, list) and len(axes) > 1
    if (has_axes or "score_mode" in settings) and "module" not in entry and _arguments(kind):
        # Without a module, Keras forgets several axes, and takes "dot" for its function of that name.
        entry |= {"module": "keras.layers", "registered_name": None}
    if not settings.keys().isdisjoint(_BUILT):
        entry.pop("build_config", None)
        for key in _BUILT:
            settings.pop(key, None)
    axis = settings.get("axis")
    if kind in ("BatchNormalization", "LayerNormalization") and isinstance(axis, list):
        settings["axis"] = axis[0] if len(axis) == 1 else axis
    if kind == "ThresholdedReLU":
        _replace(entry, "ReLU", threshold=settings.get("theta", 1.0))
    elif kind == "RandomCrop" and "data_format" not in settings:
        # At inference, that of Keras 2 resizes the largest part of the same shape; that of Keras 3 does nothing.
        size = {key: settings.get(key) for key in ("height", "width")}
        _replace(entry, "Resizing", **size, crop_to_aspect_ratio=True)
    elif kind in _AUGMENTATION or (kind.startswith("Random") and kind != "RandomCrop"):
        if isinstance(settings.get("name"), str):  # initializers have names that begin so, too
            _replace(entry, "Activation", activation="linear")
    elif kind not in ("InputLayer", "Functional", "Sequential", "Model"):
        _drop_neutral(kind, settings)


def _precision(dtype: Any, kind: str, *, keep_half: bool) -> Any:
    """A layer's dtype or policy: float32 in place of half precision, unless that is kept."""
    name = dtype
    if isinstance(dtype, dict):
        policy = dtype.get("config")
        name = policy.get("name") if isinstance(policy, dict) else None
        if "Quantized" in str(dtype.get("class_name")):
            return dtype
    if kind == "InputLayer":
        return "float32"
    is_float = isinstance(name, str) and name.removeprefix("mixed_") in _FLOATS
    if not is_float:
        return dtype
    return name if keep_half and is_half(name) else "float32"


def _replace(entry: dict[str, Any], kind: str, **settings: Any) -> None:
    """Puts another layer of Keras in the place of one, in place."""
    entry["class_name"] = kind
    entry["config"] = {"name": entry["config"].get("name"), "dtype": "float32", **settings}
    if "module" in entry:
        entry["module"] = "keras.layers"
    entry["registered_name"] = None
    entry.pop("build_config", None)


def _drop_neutral(kind: str, settings: dict[str, Any]) -> None:
    """Leaves out arguments that a layer has no more, if their value changes nothing."""
    known = _arguments(kind)
    if known is None:
        return
    settings.pop("batch_input_shape", None)
    for key in settings.keys() - known:
        if settings[key] in _NEUTRAL:
            del settings[key]


@cache
def _operations() -> dict[str, str]:
    """The operations of Keras, by class, with the module that each is in."""
    from keras.src import ops

    return {
        name: module
        for module in ("nn", "image", "core", "numpy")
        for name, value in vars(getattr(ops, module)).items()
        if isinstance(value, type)
        and issubclass(value, ops.Operation)
        and value is not ops.Operation
    }


@cache
def _arguments(kind: str) -> frozenset[str] | None:
    """Names of the arguments of a layer of Keras; None for other names."""
    from keras import layers

    layer = getattr(layers, kind, None)
    if not isinstance(layer, type) or not issubclass(layer, layers.Layer):
        return None
    names: set[str] = set()
    for base in layer.__mro__:
        if issubclass(base, layers.Layer) and "__init__" in vars(base):
            parameters = inspect.signature(vars(base)["__init__"]).parameters
            names |= set(parameters)
            if all(p.kind is not p.VAR_KEYWORD for p in parameters.values()):
                break  # nothing is passed on to the classes that it inherits from
    return frozenset(names - {"self", "args", "kwargs"}) | {"alpha", "seed"}
