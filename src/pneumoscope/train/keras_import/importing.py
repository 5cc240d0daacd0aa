"""A notebook's Keras model becomes a bundle.

The kind of model that courses and notebooks produce: a network for pictures with a head of pooling
or Flatten and a few dense layers, saved as ``.h5`` or ``.keras``. Only its weights and its layers are
taken over. Nothing is known about how it was trained or how good it is, and the bundle says so.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.bundle import MODEL, Bundle, BundleMeta, sha256_of
from pneumoscope.data.class_names import negative_of
from pneumoscope.data.sheet import sheet_for
from pneumoscope.decision.calibration import Calibration
from pneumoscope.errors import ConversionError, UsageError
from pneumoscope.images import SOURCE_SIZE
from pneumoscope.records import OperatingPoint, Population
from pneumoscope.train.export import writing
from pneumoscope.train.export.exported import ExportedNetwork
from pneumoscope.train.export.parity import MAX_DP, MAX_HEATMAP_ERROR
from pneumoscope.train.keras_import import reading, serving, structure
from pneumoscope.train.keras_import.serving import SCALINGS
from pneumoscope.train.network import gradcam
from pneumoscope.train.quiet import no_chatter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Note = Callable[[str], None]

POPULATION = Population(text="unknown: imported model", age_years=None, views=())
INTENDED_USE = (
    "Research and teaching on frontal chest radiographs. Not a medical device; not for diagnosis, "
    "triage or any decision about a patient. An imported model: not validated here."
)


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the file does not say about its model.

    Attributes:
        labels: Class names in the order of the outputs. Keras' folder readers sort classes by name:
            NORMAL, PNEUMONIA. A single sigmoid unit is the probability of the second.
        size: Side of the network's input in pixels; None for what the file says.
        scaling: One of `serving.SCALINGS`, how the notebook scaled its pictures.
        channels: 1 or 3; None for what the file says.
        negative: The class that means "nothing found"; None for the one named normal, negative or
            healthy.
        name: Name of the bundle; None for that of the file.
    """

    labels: tuple[str, ...]
    size: int | None = None
    scaling: str = "unit"
    channels: int | None = None
    negative: str | None = None
    name: str | None = None


def import_model(file: Path, options: ImportOptions, out: Path, note: Note) -> Bundle:
    """Turns a saved Keras model into a bundle.

    Args:
        file: ``.keras``, or ``.h5`` of Keras 2 or 3: a whole model, not only weights.
        options: What the file does not say.
        out: The folder to write; a bundle that exists there is replaced.
        note: Called with lines that report progress.

    Raises:
        UsageError: An option does not fit the model.
        ConversionError: The file is not a Keras model, contains code, has a structure for which no
            heatmap can be computed, or ONNX gives other answers than Keras.
    """
    _check_options(options)
    note(f"reading {file.name}")
    with no_chatter():
        model = reading.load(file)
    size, channels = structure.input_of(model, options.size, options.channels, options.scaling)
    body, head, final = structure.split(model)
    structure.check_outputs(head, final, options.labels)
    with no_chatter():
        network = serving.serving_model(body, head, size, channels, options.scaling)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, MODEL)
        note("exporting to ONNX")
        with no_chatter():
            serving.to_onnx(network, np.zeros((1, size, size, 1), np.uint8), target)
        note("comparing with the Keras model")
        with no_chatter():
            golden = writing.golden_of(ExportedNetwork(target), size)
            pictures = serving.scaled(golden["inputs"], channels, options.scaling)
            expected = serving.expected_probabilities(model, final, pictures)
            # Keras' augmentation layers augment unless told not to.
            reference = gradcam.autodiff_grad_cam(body(pictures, training=False), head)
        parity = _parity(golden, expected, reference)
        meta = _meta(file, options, size, channels, parity)
        return writing.write(out, target, meta, golden)


def _check_options(options: ImportOptions) -> None:
    labels = options.labels
    if len(labels) < 2 or len(set(labels)) < len(labels) or not all(labels):
        raise UsageError(
            f"labels {','.join(labels)!r}: two or more different names are needed",
            "Give them in the order of the network's outputs: --labels normal,pneumonia.",
        )
    if options.negative is not None and options.negative not in labels:
        raise UsageError(
            f"negative class {options.negative!r} is not among the labels",
            f"One of {', '.join(labels)}.",
        )
    if options.negative is None and negative_of(labels) is None:
        raise UsageError(
            f"none of the labels {', '.join(labels)} means that nothing was found",
            "Name the one that does with --negative.",
        )
    if options.scaling not in SCALINGS:
        known = ", ".join(SCALINGS)
        raise UsageError(f"scaling {options.scaling!r} is unknown", f"One of {known}.")


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
    file: Path, options: ImportOptions, size: int, channels: int, parity: dict[str, float]
) -> BundleMeta:
    digest = sha256_of(file)
    negative = options.negative or negative_of(options.labels) or options.labels[0]
    sheet = sheet_for(options.labels, negative)
    kinds = sheet.kinds_of(options.labels, negative)
    point = OperatingPoint("imported", 0.5, "0.5 by convention; it was not chosen on any film")
    return BundleMeta(
        name=options.name or file.stem,
        version=f"imported-{digest[:8]}",
        task="binary" if len(options.labels) == 2 else "multiclass",
        labels=options.labels,
        negative=negative,
        positive=sheet.positive_name(options.labels, negative),
        kinds=kinds,
        kinds_warning=sheet.warning_of(kinds),
        warnings=(),
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
            "scaling": options.scaling,
            "channels": channels,
        },
        data={},
        validation={"parity": parity},
    )
