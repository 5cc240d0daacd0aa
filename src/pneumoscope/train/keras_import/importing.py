"""A notebook's Keras model becomes a bundle.

The kind of model that courses and notebooks leave behind: a network for pictures with a head of
pooling or Flatten and a few dense layers, saved as ``.h5`` or ``.keras``. Only its weights and its
layers come over. Nothing is known of how it was trained or how good it is, and the bundle says so.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import layers, ops

from pneumoscope.bundle import (
    CARD,
    GOLDEN,
    MODEL,
    Bundle,
    BundleMeta,
    sha256_of,
    write_bundle,
)
from pneumoscope.data.listing import negative_of
from pneumoscope.decision.calibration import Calibration
from pneumoscope.decision.triage import positive_name
from pneumoscope.errors import ConversionError, UsageError
from pneumoscope.images import SOURCE_SIZE
from pneumoscope.records import OperatingPoint, Population
from pneumoscope.render.card import card_of
from pneumoscope.train.data import phantom
from pneumoscope.train.export.to_onnx import MAX_DP, MAX_HEATMAP_ERROR, OUTPUTS, convert
from pneumoscope.train.keras_import import keras2
from pneumoscope.train.network import gradcam
from pneumoscope.train.quiet import no_chatter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    Note = Callable[[str], None]

# What each kind of preprocessing does with 0 to 255: x * scale + offset, per channel.
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, RGB, in [0, 1]
SCALINGS: Mapping[str, tuple[Any, Any]] = {
    "unit": (1 / 255, 0.0),
    "none": (1.0, 0.0),
    "minus-one-to-one": (1 / 127.5, -1.0),
    # keras.applications' preprocess_input of ResNet50 and VGG: BGR, ImageNet's mean off.
    "imagenet": (1.0, (-103.939, -116.779, -123.68)),
    # That of DenseNet: RGB, ImageNet's mean and standard deviation.
    "imagenet-torch": (
        tuple(1 / (255 * s) for s in _STD),
        tuple(-m / s for m, s in zip(_MEAN, _STD, strict=True)),
    ),
}
"""Names of the option ``--scaling``."""

GOLDEN_FILMS = 16
POPULATION = Population(text="unknown: imported model", age_years=None, views=())
INTENDED_USE = (
    "Research and teaching on frontal chest radiographs. Not a medical device; not for diagnosis, "
    "triage or any decision about a patient. An imported model: not validated here."
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the file does not say of itself.

    Attributes:
        labels: Class names in the order of the outputs. Keras' folder readers sort them by name:
            NORMAL, PNEUMONIA. One sigmoid unit is the probability of the second.
        size: Side of the network's input in pixels; None for what the file says.
        scaling: One of `SCALINGS`, how the notebook scaled its pictures.
        channels: 1 or 3; None for what the file says.
        negative: The class that means "nothing found"; None for the one that is called normal,
            negative or healthy.
        name: Of the bundle; None for the file's.
    """

    labels: tuple[str, ...]
    size: int | None = None
    scaling: str = "unit"
    channels: int | None = None
    negative: str | None = None
    name: str | None = None


def import_model(file: Path, wanted: Wanted, out: Path, note: Note) -> Bundle:
    """Turns a saved Keras model into a bundle.

    Args:
        file: ``.keras``, or ``.h5`` of Keras 2 or 3, a whole model and not only weights.
        wanted: What the file does not say.
        out: The folder to write; an existing bundle there is replaced.
        note: Takes lines that tell how far it is.

    Raises:
        UsageError: Something in ``wanted`` does not go with the model.
        ConversionError: The file is no Keras model, holds code of its own, has a structure that
            no heatmap can be computed for, or ONNX gives other answers than Keras.
    """
    _check_wanted(wanted)
    note(f"reading {file.name}")
    with no_chatter():
        model = _load(file)
    size, channels = _input(model, wanted)
    body, head, final = split(model)
    _check_outputs(head, final, wanted)
    with no_chatter():
        serving = _serving(body, head, size, channels, wanted.scaling)
    films = phantom.films(GOLDEN_FILMS, size)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        note("exporting to ONNX")
        with no_chatter():
            _to_onnx(serving, films, work / MODEL)
        note("comparing with the Keras model")
        with no_chatter():
            outputs = _run(work / MODEL, films)
            expected = _expected(model, final, _scaled(films, channels, wanted.scaling))
            # Keras' augmentation layers augment unless told not to.
            features = body(_scaled(films, channels, wanted.scaling), training=False)
            reference = gradcam.autodiff_grad_cam(features, head)
        parity = _parity(outputs, expected, reference)
        meta = _meta(file, wanted, size, channels, parity)
        golden: dict[str, Any] = {"inputs": films, **outputs}
        np.savez_compressed(work / GOLDEN, **golden)
        (work / CARD).write_text(card_of(meta), encoding="utf-8")
        return write_bundle(out, meta, {name: work / name for name in (MODEL, GOLDEN, CARD)})


def _check_wanted(wanted: Wanted) -> None:
    labels = wanted.labels
    if len(labels) < 2 or len(set(labels)) < len(labels) or not all(labels):
        raise UsageError(
            f"labels {','.join(labels)!r}: two or more different names are needed",
            "Give them in the order of the network's outputs: --labels normal,pneumonia.",
        )
    if wanted.negative is not None and wanted.negative not in labels:
        raise UsageError(
            f"negative class {wanted.negative!r} is not among the labels",
            f"One of {', '.join(labels)}.",
        )
    if wanted.negative is None and negative_of(labels) is None:
        raise UsageError(
            f"none of the labels {', '.join(labels)} means that nothing was found",
            "Name the one that does with --negative.",
        )
    if wanted.scaling not in SCALINGS:
        raise UsageError(f"scaling {wanted.scaling!r} is unknown", f"One of {', '.join(SCALINGS)}.")


def _load(file: Path) -> Any:
    if not file.is_file():
        raise UsageError(f"{file}: no such file", "Name a model saved as .keras or .h5.")
    config = _config(file)
    _refuse_code(file, config)
    try:
        with tempfile.TemporaryDirectory() as folder:
            readable = keras2.rewritten(file, config, Path(folder, f"model{file.suffix}"))
            return keras.saving.load_model(readable, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever its layers raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        raise ConversionError(
            f"{file.name}: Keras {keras.__version__} cannot read it ({reason})",
            "Load it in the notebook that made it and save it again as .keras.",
        ) from error


def _config(file: Path) -> Any:
    """The model's architecture as the file holds it, before Keras builds anything of it."""
    no_model = ConversionError(
        f"{file.name}: is not a saved Keras model",
        "Save the whole model, not only its weights: model.save('model.keras').",
    )
    try:
        if file.suffix == ".keras":
            with zipfile.ZipFile(file) as archive:
                config = json.loads(archive.read("config.json"))
                # Nothing of it is loaded; Keras 2 names its losses there as functions.
                config.pop("compile_config", None)
                return config
        if file.suffix in (".h5", ".hdf5"):
            import h5py

            with h5py.File(file, "r") as content:
                config = content.attrs["model_config"]
                return json.loads(config if isinstance(config, str) else config.decode())
    except (OSError, KeyError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise no_model from error
    raise UsageError(f"{file.name}: is neither .keras nor .h5", "Name a saved Keras model.")


# Layers that run code or graphs from the file.
_CODE = frozenset({"Lambda", "__lambda__", "function", "TFOpLambda", "SlicingOpLambda"}) | {
    "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer",
}  # fmt: skip


def _refuse_code(file: Path, config: Any) -> None:
    """Keeps out whatever is not a layer of Keras itself: opening a file must not run its code."""
    for entry in _entries(config):
        kind, module = entry.get("class_name"), entry.get("module")
        foreign = isinstance(module, str) and module.split(".")[0] != "keras"
        # Keras 2 named its own modules so.
        foreign = foreign and not str(module).startswith(("tf_keras.", "tensorflow.python.keras."))
        if kind in _CODE or foreign:
            where = entry.get("name") or (entry.get("config") or {})
            name = where.get("name", "") if isinstance(where, dict) else where
            raise ConversionError(
                f"{file.name}: holds code of its own ({kind} {name!r})".replace(" ''", ""),
                "Lambda layers and custom classes are not run. Rebuild the model without them "
                "(--scaling can do the preprocessing) and save it again.",
            )


def _entries(config: Any) -> Iterator[dict[str, Any]]:
    if isinstance(config, dict):
        if isinstance(config.get("class_name"), str):
            yield config
        for value in config.values():
            yield from _entries(value)
    elif isinstance(config, list):
        for value in config:
            yield from _entries(value)


def _input(model: Any, wanted: Wanted) -> tuple[int, int]:
    """Side and channels of the model's input."""
    if not isinstance(model, keras.Model) or len(getattr(model, "inputs", None) or ()) != 1:
        raise ConversionError("the model has no single input", "One picture in, classes out.")
    shape = tuple(model.inputs[0].shape)
    if len(shape) != 4:
        raise ConversionError(f"the model's input is {shape}, not pictures", "")
    _, rows, columns, channels = shape
    size = wanted.size or rows or columns
    if size is None:
        raise UsageError("the model takes pictures of any size", "Say which with --size.")
    if any(side not in (None, size) for side in (rows, columns)):
        raise UsageError(
            f"the model takes {rows} x {columns} pixels, not {size} x {size}",
            "Leave --size out: the file knows." if rows == columns else "It must be square.",
        )
    found = wanted.channels or channels
    if found not in (1, 3):
        raise UsageError(
            f"the model's input has {channels or 'any number of'} channels",
            "Say --channels 1 or 3." if channels is None else "Grey (1) or RGB (3) is possible.",
        )
    if channels not in (None, found):
        raise UsageError(f"the model takes {channels} channels, not {found}", "Leave it out.")
    if found == 1 and "imagenet" in wanted.scaling:
        raise UsageError(f"scaling {wanted.scaling} needs 3 channels", "Choose another --scaling.")
    return int(size), int(found)


def split(model: Any) -> tuple[Any, list[Any], str]:
    """Divides a classifier at its last feature maps.

    Args:
        model: Functional or sequential; pretrained bases may be nested in it.

    Returns:
        A model from pictures to feature maps (n, h, w, k); the layers from there to the logits,
        as `gradcam.HeadGradCam` takes them; ``"sigmoid"`` or ``"softmax"``, what the model makes
        of the logits.

    Raises:
        ConversionError: There are no feature maps, or what follows is not a chain of layers
            that `gradcam` knows.
    """
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
    gradcam.check(head)
    own = gradcam.activation_name(head[-1])
    if own != "linear":
        if final or own not in ("sigmoid", "softmax"):
            raise ConversionError(
                f"the last layer {head[-1].name!r} has the activation {own!r}",
                "sigmoid, softmax or none is possible.",
            )
        final = own
    # Logits without an activation: the loss was computed from_logits.
    return body, head, final or ("sigmoid" if head[-1].units == 1 else "softmax")


def _split(model: Any) -> tuple[Any, list[Any]]:
    tensor, head = model.outputs[0], list[Any]()
    if len(model.outputs) != 1:
        raise ConversionError("the model has several outputs", "One vector of classes is needed.")
    while not _is_maps(tensor):
        operation, index, _ = tensor._keras_history
        node = operation._inbound_nodes[index]
        parents = node.input_tensors
        if isinstance(operation, keras.Model):  # its head, or a part of it, lies inside
            inner, inside = _split(operation)
            before = keras.Model(model.inputs, parents[0])
            films = keras.Input(model.inputs[0].shape[1:])
            return keras.Model(films, inner(before(films))), inside + head
        if len(parents) != 1:
            what = "no feature maps come before the dense layers" if not parents else (
                f"layer {operation.name!r} of the head joins several inputs"
            )  # fmt: skip
            raise ConversionError(f"{what}: no heatmap can be computed", _STRUCTURE)
        head.insert(0, operation)
        tensor = parents[0]
    return keras.Model(model.inputs, tensor), head


_STRUCTURE = "The model must end in feature maps, pooling or Flatten, and a chain of dense layers."


def _is_maps(tensor: Any) -> bool:
    shape = tensor.shape
    # Pooling with keepdims leaves one cell, which is no map.
    return len(shape) == 4 and tuple(shape[1:3]) != (1, 1)


def _check_outputs(head: list[Any], final: str, wanted: Wanted) -> None:
    units = head[-1].units
    if final == "sigmoid" and units > 1:
        raise ConversionError(
            f"the model gives {units} independent findings (sigmoid)",
            "Import reads classes that exclude one another: softmax, or one sigmoid unit.",
        )
    classes = 2 if units == 1 else units
    if units == 1 and final == "softmax":
        raise ConversionError("a softmax over one unit is always 1", "Was sigmoid meant?")
    if len(wanted.labels) != classes:
        raise UsageError(
            f"the model gives {classes} classes, --labels names {len(wanted.labels)}",
            "Name one label per class, in the order of the network's outputs.",
        )


@keras.saving.register_keras_serializable("pneumoscope")
class Scaled(keras.layers.Layer):  # type: ignore[misc]
    """Films (n, S, S, 1), 0 to 255, as a notebook's preprocessing gives them: (n, S, S, channels)."""

    def __init__(self, channels: int, scaling: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channels, self.scaling = channels, scaling

    def call(self, films: Any) -> Any:
        x = ops.cast(films, "float32")
        if self.channels == 3:
            x = ops.concatenate([x, x, x], axis=-1)
        scale, offset = (np.asarray(v, np.float32) for v in SCALINGS[self.scaling])
        return x * scale + offset

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.channels)


def _scaled(films: NDArray[np.uint8], channels: int, scaling: str) -> NDArray[np.float32]:
    """The same in NumPy, for the comparison."""
    scale, offset = (np.asarray(v, np.float32) for v in SCALINGS[scaling])
    return np.repeat(films.astype(np.float32), channels, axis=-1) * scale + offset


class _Head(keras.layers.Layer):  # type: ignore[misc]
    """Feature maps to logits, embedding and heatmaps, the head run once."""

    def __init__(self, head: list[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._head = head

    def call(self, features: Any) -> Any:
        activations = gradcam.forward(features, self._head)
        maps = gradcam.grad_cam(features, self._head, activations)
        return activations[-1], activations[-2], maps


def _serving(body: Any, head: list[Any], size: int, channels: int, scaling: str) -> Any:
    """Films in; probabilities, heatmaps and embedding out, as every bundle has them."""
    films = keras.Input((size, size, 1), name="films", dtype="uint8")
    x = body(Scaled(channels, scaling, name="scaled")(films), training=False)
    logits, embedding, maps = _Head(head, name="head", dtype="float32")(x)
    if head[-1].units == 1:
        p = ops.sigmoid(logits)
        probabilities = ops.concatenate([1.0 - p, p], axis=-1)
    else:
        probabilities = ops.softmax(logits)
    outputs = dict(zip(OUTPUTS, (probabilities, maps, embedding), strict=True))
    named = {n: layers.Activation("linear", name=n)(t) for n, t in outputs.items()}
    return keras.Model(films, named, name="serving")


def _to_onnx(serving: Any, films: NDArray[np.uint8], target: Path) -> None:
    try:
        serving(films[:1])  # Keras exports called models only
        convert(serving, target)
    except OSError:
        raise
    except Exception as error:  # tf2onnx, onnx and onnxruntime raise classes of their own
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        raise ConversionError(
            f"the model cannot be written as ONNX ({reason})",
            "A layer of it has no counterpart in ONNX; rebuild the model without it.",
        ) from error


def _expected(model: Any, final: str, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the notebook's model itself says of the films."""
    out = np.asarray(ops.convert_to_numpy(model(pictures, training=False)), np.float32)
    if out.shape[1] == 1:
        p = out if _is_probability(model, final) else 1 / (1 + np.exp(-out))
        return np.concatenate([1 - p, p], axis=1)
    if _is_probability(model, final):
        return out
    e = np.exp(out - out.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _is_probability(model: Any, final: str) -> bool:
    """Whether the model applies its own last activation."""
    operation = model.outputs[0]._keras_history.operation
    while isinstance(operation, keras.Model):
        operation = operation.outputs[0]._keras_history.operation
    return isinstance(operation, layers.Softmax) or (gradcam.activation_name(operation) == final)


def _run(model: Path, films: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    return dict(zip(OUTPUTS, session.run(OUTPUTS, {"films": films}), strict=True))


def _parity(
    outputs: Mapping[str, NDArray[np.float32]],
    expected: NDArray[np.float32],
    reference: NDArray[np.float32],
) -> dict[str, float]:
    peak = reference.max(axis=(1, 2, 3), keepdims=True)
    error = np.abs(reference - outputs["heatmaps"]) / np.maximum(peak, 1e-12)
    parity = {
        "films": len(expected),
        "max_dp": float(np.abs(outputs["probabilities"] - expected).max()),
        "max_heatmap_error": float(error.max()),
    }
    if not (parity["max_dp"] <= MAX_DP and parity["max_heatmap_error"] <= MAX_HEATMAP_ERROR):
        raise ConversionError(
            f"ONNX and Keras differ: {parity}", "Please report this as a bug. Nothing was written."
        )
    return parity


def _meta(
    file: Path, wanted: Wanted, size: int, channels: int, parity: dict[str, float]
) -> BundleMeta:
    digest = sha256_of(file)
    negative = wanted.negative or negative_of(wanted.labels) or wanted.labels[0]
    point = OperatingPoint("imported", 0.5, "0.5 by convention; it was not chosen on any film")
    return BundleMeta(
        name=wanted.name or file.stem,
        version=f"imported-{digest[:8]}",
        task="binary" if len(wanted.labels) == 2 else "multiclass",
        labels=wanted.labels,
        negative=negative,
        positive=positive_name(wanted.labels, negative),
        size=size,
        source_size=max(SOURCE_SIZE, size),
        calibration=Calibration(),
        conformal=None,
        operating_points=(point,),
        default_operating_point=point.name,
        population=POPULATION,
        intended_use=INTENDED_USE,
        recipe={
            "imported_from": file.name,
            "sha256": digest,
            "scaling": wanted.scaling,
            "channels": channels,
        },
        data={},
        validation={"parity": parity},
    )
